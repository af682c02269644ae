package calls

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/criteria"
	"recordings/cmd/recordings/internal/progress"
	"recordings/internal/durable"
)

// download is one run of the command.
type download struct {
	*cli.Program
	connection *cli.Connection
	which      *selection

	contactCenter, file, sort, check string
}

// Download is the command that writes the media of many recordings into one archive.
func Download(p *cli.Program) *cobra.Command {
	d := download{Program: p}
	c := &cobra.Command{
		Use:     "download ID… | --since TIME … | --criteria NAME=VALUE… [-o FILE] [flags]",
		GroupID: Group,
		Short:   "write the media of recordings into one ZIP with a manifest",
		Long: `Writes the media of recordings, or with flags and criteria of a search of all that match (at
most 1,000), into one ZIP with what is stored about them and manifest.json, which has the SHA-256 of
each file. The file is there only if it is whole, and is compared with its manifest; --check does that
with one that is there. Exit status 3 if media is missing or not whole, which the manifest says.`,
		Example: `  recordings download -o case.zip 1KIULSQ9357SD5VM 5JOL6CB0O16VR7GV
  recordings download --label complaint --since 2026-05-01 -o complaints.zip
  recordings download --check case.zip`,

		DisableFlagsInUseLine: true,
		Args:                  cli.Operands(client.MaxArchived),
		RunE:                  func(c *cobra.Command, args []string) error { return d.run(c.Context(), args) },
	}

	d.which = addSelection(p, c)
	flags := c.Flags()
	flags.StringVar(&d.sort, "sort", "", "startTime (oldest first), changedTime (of changes)")
	flags.StringVarP(&d.file, "output", "o", "", "the `FILE` to write, or a directory (default here)")
	flags.StringVar(&d.check, "check", "", "only compare this `FILE` with its manifest")
	d.connection = p.AddServer(c)
	d.connection.AddCenter(c, &d.contactCenter, " (role ops)")
	d.connection.Flags = criteria.Names()
	d.connection.Flags["sort"] = "--sort"
	cli.CompleteValues(c, "sort", orders...)
	return c
}

// run refuses what is not clear, and fetches the archive.
func (d *download) run(ctx context.Context, args []string) error {
	named, asked, err := d.which.parse("download", args)
	if err == nil {
		err = checkOrder(d.sort)
	}

	switch {
	case err != nil:
		return err
	case d.check != "" && (len(named) > 0 || len(asked) > 0 || d.file != ""):
		return cli.Usage("--check is about a file that is there; leave out what says which recordings to fetch")
	case d.check != "":
		return d.compare(d.check)
	case len(named) == 0 && len(asked) == 0:
		return cli.Usage("which recordings? recordings download ID, or --since yesterday; `recordings help download` " +
			"says more")
	case len(named) > 0 && d.sort != "":
		return cli.Usage("--sort is for recordings that match, not for ids, which have an order of their own")
	}

	center, c, err := d.connection.Center(ctx)
	if err != nil {
		return err
	}
	defer c.Close()

	var a *client.Archive
	if len(named) > 0 {
		a, err = center.Archive(ctx, named...)
	} else {
		a, err = center.ArchiveFound(ctx, client.Query{Criteria: asked, Sort: d.sort})
	}
	if err != nil {
		return err
	}
	defer a.Close()
	if d.file == "-" {
		_, err := io.Copy(d.Stdout, a)
		return err
	}
	return d.write(a)
}

// write writes the archive, which is there as a whole or not at all, and compares it with its manifest.
func (d *download) write(a *client.Archive) error {
	path := d.file
	if path == "" || isDirectory(path) {
		name := filepath.Base(a.Name) // the service makes names of files; one from elsewhere may be anything
		if a.Name == "" || !filepath.IsLocal(name) || strings.HasPrefix(name, ".") {
			name = "recordings.zip"
		}
		path = filepath.Join(cmp.Or(path, "."), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("making the directory: %w", err)
		}
	}

	meter := progress.New(d.Stderr)
	state := progress.State{Phase: "fetching", Unit: progress.Bytes}
	err := durable.ReplaceBy(path, func(w io.Writer) error {
		_, err := io.Copy(w, &counted{a, func(n int64) {
			state.Done += n
			meter.Show(state)
		}})
		return err
	})
	meter.End()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(d.Stdout, path); err != nil {
		return err
	}
	return d.compare(path)
}

// compare compares an archive with its manifest, and says what it lacks.
func (d *download) compare(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening the archive: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("looking at the archive: %w", err)
	}
	m, err := client.CheckArchive(f, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}

	files := 0
	for _, r := range m.Recordings {
		if r.StatusMessage != "" {
			fmt.Fprintf(d.Stderr, "%s: %s\n", cli.Printable(r.ID), cli.Printable(r.StatusMessage))
		}
		for i := range r.Files {
			f := &r.Files[i]
			files++
			if !f.Complete {
				why := cmp.Or(f.Name, f.Media) + ": " + f.StatusMessage
				fmt.Fprintf(d.Stderr, "%s: %s\n", cli.Printable(r.ID), cli.Printable(why))
			}
		}
	}
	lackingRecordings, lackingFiles := m.Lacking()
	d.Note("%s of %s, compared with the manifest", cli.Count(files-lackingFiles, "media file"),
		cli.Count(len(m.Recordings)-lackingRecordings, "recording"))
	if !m.Complete {
		return cli.ErrPartly
	}
	return nil
}
