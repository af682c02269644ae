package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"

	"recordings/index"
)

var mediaLeftCommand = command{
	name:  "media-left-behind",
	args:  "--contact-center ID [--retry] [--json] [--server URL]",
	brief: "list the media that could not be deleted, or try again",
	help: `Lists the media files whose recordings are deleted, but which their storages did not delete. With --retry it tries
once more to delete each of them, and tells of each how it went; exit status 3 if some are still there. Media that was posted
again in the meantime belongs to a recording: it is taken off the list and not touched.

` + clientHelp,
	prepare: func(p *program, flags *flag.FlagSet) func(context.Context) error {
		contactCenter := flags.String("contact-center", "", "the `ID` of the contact center (required)")
		retry := flags.Bool("retry", false, "try again to delete them")
		asJSON := flags.Bool("json", false, "one line of JSON for each media file")
		client := p.clientFlags(flags)
		return func(ctx context.Context) error {
			if *contactCenter == "" {
				return usage("--contact-center is required; `recordings help media-left-behind` tells more")
			}
			c, err := client()
			if err != nil {
				return err
			}
			defer c.close()
			m := mediaLeft{program: p, client: c, json: *asJSON, method: http.MethodGet,
				path: "/api/v2/ops/contact-centers/" + url.PathEscape(*contactCenter) + "/media-left-behind"}
			if *retry {
				m.method = http.MethodPost
			}
			return m.run(ctx)
		}
	},
}

// mediaLeft walks through the pages of the media left behind.
type mediaLeft struct {
	*program
	client *client
	json   bool
	method string // GET lists, POST tries again
	path   string
}

// mediaLeftPage is the answer to either method.
type mediaLeftPage struct {
	Media   []index.OrphanedMedia `json:"media"`   // of a GET
	Deleted []string              `json:"deleted"` // of a POST, as the others
	Kept    []string              `json:"kept"`
	Failed  []index.OrphanedMedia `json:"failed"`
	NextURI string                `json:"nextUri"`
}

func (m *mediaLeft) run(ctx context.Context) error {
	counts := map[string]int{}
	for query := (url.Values{}); query != nil; {
		var page mediaLeftPage
		if err := m.client.call(ctx, m.method, m.path, query, &page); err != nil {
			return err
		}
		if err := m.show(page, counts); err != nil {
			return err
		}
		next, err := url.Parse(page.NextURI)
		if err != nil {
			return fmt.Errorf("understanding the answer of the service: %w", err)
		}
		if query = nil; page.NextURI != "" {
			query = next.Query()
		}
	}
	if m.method == http.MethodGet {
		fmt.Fprintf(m.stderr, "%d media files are left behind\n", counts["left"])
		return nil
	}
	fmt.Fprintf(m.stderr, "%d deleted, %d kept since they were posted again, %d still left behind\n", counts["deleted"], counts["kept"], counts["failed"])
	if counts["failed"] > 0 {
		return errPartly
	}
	return nil
}

// mediaLeftLine is one line of the outcome.
type mediaLeftLine struct {
	Outcome string               `json:"outcome"` // left, deleted, kept or failed
	ID      string               `json:"id"`
	Media   *index.OrphanedMedia `json:"media,omitzero"`
}

func (m *mediaLeft) show(page mediaLeftPage, counts map[string]int) error {
	var lines []mediaLeftLine
	add := func(outcome string, all []index.OrphanedMedia) {
		for i := range all {
			lines = append(lines, mediaLeftLine{outcome, all[i].ID, &all[i]})
		}
	}
	add("left", page.Media)
	for _, id := range page.Deleted {
		lines = append(lines, mediaLeftLine{Outcome: "deleted", ID: id})
	}
	for _, id := range page.Kept {
		lines = append(lines, mediaLeftLine{Outcome: "kept", ID: id})
	}
	add("failed", page.Failed)
	for _, l := range lines {
		counts[l.Outcome]++
		if err := m.write(l); err != nil {
			return fmt.Errorf("writing the outcome: %w", err)
		}
	}
	return nil
}

func (m *mediaLeft) write(l mediaLeftLine) error {
	if m.json {
		line, err := json.Marshal(l)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(m.stdout, "%s\n", line)
		return err
	}
	text := l.Outcome + " " + l.ID
	if x := l.Media; x != nil {
		text += fmt.Sprintf(" of recording %q at %s %q since %s: %s", x.RecordingID, x.Descriptor.Storage, x.Descriptor.Path, x.Since, x.Message)
	}
	_, err := fmt.Fprintln(m.stdout, text)
	return err
}
