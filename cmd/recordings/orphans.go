package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/index"
)

// orphansCommand keeps the name that the path of the API has.
func (p *program) orphansCommand() *cobra.Command {
	o := orphans{program: p}
	c := &cobra.Command{
		Use:     "media-left-behind --contact-center ID [--retry] [--json] [--server URL]",
		Aliases: []string{"orphaned-media"},
		GroupID: groupOperations,
		Short:   "list the media that could not be deleted, or try again",
		Long: `Lists the media files whose recordings are deleted, but which their storages did not delete. With
--retry it tries once more to delete each of them, and says of each how it went; exit status 3 if some
are still there. Media that was posted again in the meantime belongs to a recording: it is taken off the
list and not touched.`,
		Example: `  recordings media-left-behind --contact-center berlin
  recordings media-left-behind --contact-center berlin --retry`,

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE:                  func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}

	flags := c.Flags()
	flags.BoolVar(&o.retry, "retry", false, "try again to delete them")
	flags.BoolVar(&o.json, "json", false, "one line of JSON for each media file")
	o.service = p.addCenter(c, &o.contactCenter, " (required)")
	return c
}

// orphans walks through the pages of the orphaned media: listing them, or trying again to delete
// them.
type orphans struct {
	*program
	contactCenter string
	retry, json   bool
	service       func() (*client.Client, error)
}

// orphansPage is the answer to either method.
type orphansPage struct {
	Media   []index.OrphanedMedia `json:"media"`   // of a GET
	Deleted []string              `json:"deleted"` // of a POST, as the others
	Kept    []string              `json:"kept"`
	Failed  []index.OrphanedMedia `json:"failed"`
	NextURI string                `json:"nextUri"`
}

// The outcomes of an orphan, as they are written.
const (
	orphanLeft    = "left"
	orphanDeleted = "deleted"
	orphanKept    = "kept"
	orphanFailed  = "failed"
)

// run ends with one line that says how many there are of each outcome.
func (o *orphans) run(ctx context.Context) error {
	if o.contactCenter == "" {
		return cli.NoCenter("media-left-behind")
	}

	c, err := o.service()
	if err != nil {
		return err
	}
	defer c.Close()

	counts, err := o.walk(ctx, c)
	if err != nil {
		return err
	}

	if !o.retry {
		fmt.Fprintf(o.stderr, "%s left behind\n", cli.Count(counts[orphanLeft], "media file"))
		return nil
	}

	fmt.Fprintf(o.stderr, "%d deleted, %d kept since they were posted again, %d still left behind\n",
		counts[orphanDeleted], counts[orphanKept], counts[orphanFailed])
	if counts[orphanFailed] > 0 {
		return errPartly
	}

	return nil
}

// walk shows all pages, and counts the outcomes.
func (o *orphans) walk(ctx context.Context, c *client.Client) (counts map[string]int, err error) {
	path := "/api/v2/ops/contact-centers/" + url.PathEscape(o.contactCenter) + "/media-left-behind"
	method := http.MethodGet
	if o.retry {
		method = http.MethodPost
	}

	counts = map[string]int{}
	// A retry takes off the list what it has deleted; the service's own URI says where to go on.
	for query := (url.Values{}); query != nil; {
		var page orphansPage
		if err := c.Call(ctx, method, path, query, &page); err != nil {
			return nil, err
		}

		if err := o.show(page, counts); err != nil {
			return nil, err
		}

		next, err := url.Parse(page.NextURI)
		if err != nil {
			return nil, fmt.Errorf("understanding the answer of the service: %w", err)
		}

		if query = nil; page.NextURI != "" {
			query = next.Query()
		}
	}

	return counts, nil
}

// orphanLine is one line of the outcome.
type orphanLine struct {
	Outcome string               `json:"outcome"` // left, deleted, kept or failed
	ID      string               `json:"id"`
	Media   *index.OrphanedMedia `json:"media,omitzero"`
}

// show writes a line for each orphan of a page.
func (o *orphans) show(page orphansPage, counts map[string]int) error {
	var lines []orphanLine
	addMedia := func(outcome string, all []index.OrphanedMedia) {
		for i := range all {
			lines = append(lines, orphanLine{outcome, all[i].ID, &all[i]})
		}
	}

	addIDs := func(outcome string, all []string) {
		for _, id := range all {
			lines = append(lines, orphanLine{Outcome: outcome, ID: id})
		}
	}

	addMedia(orphanLeft, page.Media)
	addIDs(orphanDeleted, page.Deleted)
	addIDs(orphanKept, page.Kept)
	addMedia(orphanFailed, page.Failed)

	for _, l := range lines {
		counts[l.Outcome]++
		if err := o.write(l); err != nil {
			return fmt.Errorf("writing the outcome: %w", err)
		}
	}

	return nil
}

// write writes one line, for programs or for people.
func (o *orphans) write(l orphanLine) error {
	if o.json {
		return o.line(l)
	}

	text := l.Outcome + " " + l.ID
	if m := l.Media; m != nil {
		text += fmt.Sprintf(" of recording %q at %s %q since %s: %s",
			m.RecordingID, m.Descriptor.Storage, m.Descriptor.Path, m.Since, m.Message)
	}

	_, err := fmt.Fprintln(o.stdout, text)
	return err
}

// centerPath is where a contact center's things are.
func centerPath(contactCenter string) string {
	return "/api/v2/ops/contact-centers/" + url.PathEscape(contactCenter)
}
