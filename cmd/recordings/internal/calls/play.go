package calls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/progress"
	"recordings/internal/durable"
)

// envPlayer names the player.
const envPlayer = "RECORDINGS_PLAYER"

// players are those that are tried, with the arguments by which each plays standard input.
var players = [][]string{
	{"mpv", "--no-video", "-"},
	{"ffplay", "-nodisp", "-autoexit", "-loglevel", "error", "-i", "-"},
	{"cvlc", "--quiet", "--play-and-exit", "-"},
	{"mplayer", "-quiet", "-cache", "1024", "-"},
	{"aplay", "-q", "-"},
}

// play is one run of the command.
type play struct {
	*cli.Program
	connection                  *cli.Connection
	contactCenter, player, path string
	number                      int
}

// Play is the command that plays a recording.
func Play(p *cli.Program) *cobra.Command {
	y := play{Program: p}
	c := &cobra.Command{
		Use:     "play ID [--file N] [-o FILE | --player COMMAND] [flags]",
		GroupID: Group,
		Short:   "play a recording, or write its media to a file",
		Long: `Plays the media files of a recording, one after the other, by a player that takes standard
input: that of --player or RECORDINGS_PLAYER, else mpv, ffplay, cvlc, mplayer or aplay, whichever is
there. With -o they are written: to a file, or into a directory under names of their own. In a pipe they
go to standard output.`,
		Example: `  recordings play 1KIULSQ9357SD5VM
  recordings play 1KIULSQ9357SD5VM -o calls/
  recordings play 1KIULSQ9357SD5VM --file 2 | sox -t wav - -n stat`,

		DisableFlagsInUseLine: true,
		Args:                  cli.Operands(1),
		RunE:                  func(c *cobra.Command, ids []string) error { return y.run(c.Context(), ids) },
	}

	flags := c.Flags()
	flags.IntVar(&y.number, "file", 0, "only the media file with this `NUMBER`, from 1")
	flags.StringVarP(&y.path, "output", "o", "", "the `FILE` to write, or a directory")
	flags.StringVar(&y.player, "player", "", "the `COMMAND` that plays its standard input, such as \"mpv -\"")
	y.connection = p.AddServer(c)
	y.connection.AddCenter(c, &y.contactCenter, " (role ops)")
	return c
}

func (y *play) run(ctx context.Context, ids []string) error {
	switch {
	case len(ids) == 0:
		return cli.Usage("which recording? recordings play ID; `recordings search` shows the ids")
	case y.path != "" && y.player != "":
		return cli.Usage("-o and --player exclude each other: the media is written, or played")
	}

	center, c, err := y.connection.Center(ctx)
	if err != nil {
		return err
	}
	defer c.Close()

	r, err := center.Get(ctx, ids[0])
	if err != nil {
		return fmt.Errorf("%s: %w", ids[0], err)
	}
	files, err := y.chosen(r)
	if err != nil {
		return err
	}
	return y.all(ctx, center, files)
}

// chosen are the media files that are wanted.
func (y *play) chosen(r *client.Recording) ([]client.MediaFile, error) {
	all := r.MediaFiles
	switch {
	case len(all) == 0:
		return nil, errors.New("the recording has no media files")
	case y.number < 0 || y.number > len(all):
		return nil, cli.Usage("--file %d: the recording has %s", y.number, cli.Count(len(all), "media file"))
	case y.number > 0:
		return all[y.number-1 : y.number], nil
	}
	return all, nil
}

// all does with each media file what is wanted.
func (y *play) all(ctx context.Context, center *client.Center, files []client.MediaFile) error {
	for i := range files {
		if files[i].PKCS7 != "" {
			y.Note("the media is encrypted, and comes as it is stored")
			break
		}
	}

	toPlayer := y.path == "" && (y.player != "" || y.Width() > 0)
	switch {
	case toPlayer:
		return y.play(ctx, center, files)
	case y.path != "" && y.path != "-" && isDirectory(y.path):
		return y.intoDirectory(ctx, center, files)
	case len(files) > 1:
		return cli.Usage("the recording has %s, which make no file together; choose one, as in --file 1, or a "+
			"directory, as in -o calls/", cli.Count(len(files), "media file"))
	case y.path == "" || y.path == "-":
		return y.copy(ctx, center.Download, files[0].URI, func(m *client.Media) error {
			_, err := io.Copy(y.Stdout, m)
			return err
		})
	}

	return y.copy(ctx, center.Download, files[0].URI, func(m *client.Media) error { return y.write(y.path, m) })
}

// isDirectory reports whether a path is a directory, or is written as one.
func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir() || strings.HasSuffix(path, "/")
}

// opening is how a media file is opened.
type opening = func(ctx context.Context, mediaURI string) (*client.Media, error)

// copy opens a media file, and does something with it.
func (y *play) copy(ctx context.Context, open opening, uri string, do func(*client.Media) error) error {
	m, err := open(ctx, uri)
	if err != nil {
		return err
	}
	defer m.Close()
	return do(m)
}

// intoDirectory writes each media file under a name of its own.
func (y *play) intoDirectory(ctx context.Context, center *client.Center, files []client.MediaFile) error {
	if err := os.MkdirAll(y.path, 0o700); err != nil {
		return fmt.Errorf("making the directory: %w", err)
	}

	for i := range files {
		err := y.copy(ctx, center.Download, files[i].URI, func(m *client.Media) error {
			// The service makes names that are those of files; a name from elsewhere may be anything.
			name := filepath.Base(m.Name)
			if m.Name == "" || !filepath.IsLocal(name) {
				name = fmt.Sprintf("%d.bin", i+1)
			}
			path := filepath.Join(y.path, name)
			if err := y.write(path, m); err != nil {
				return err
			}
			_, err := fmt.Fprintln(y.Stdout, path)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// write writes a media file, which is there as a whole or not at all.
func (y *play) write(path string, m *client.Media) error {
	meter := progress.New(y.Stderr)
	defer meter.End()

	state := progress.State{Phase: "fetching", Total: max(0, m.Size), Unit: progress.Bytes}
	return durable.ReplaceBy(path, func(w io.Writer) error {
		_, err := io.Copy(w, &counted{m, func(n int64) {
			state.Done += n
			meter.Show(state)
		}})
		return err
	})
}

// counted tells how much was read.
type counted struct {
	io.Reader
	tell func(n int64)
}

// Read implements [io.Reader].
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.tell(int64(n))
	return n, err
}

// play has a player play the media files.
func (y *play) play(ctx context.Context, center *client.Center, files []client.MediaFile) error {
	command, err := y.command()
	if err != nil {
		return err
	}

	for i := range files {
		if len(files) > 1 {
			y.Note("file %d of %d", i+1, len(files))
		}
		err := y.copy(ctx, center.Play, files[i].URI, func(m *client.Media) error {
			player := exec.CommandContext(ctx, y.LookPath(command[0]), command[1:]...)
			player.Stdin, player.Stdout, player.Stderr = m, y.Stdout, y.Stderr
			player.Env = y.Environ
			return playing(command[0], player.Run())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// playing is how a player has ended. One that does not want to hear all is no failure.
func playing(name string, err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("the player %s has ended with the status %d", name, exit.ExitCode())
	}
	if err != nil && !strings.Contains(err.Error(), "broken pipe") {
		return fmt.Errorf("the player %s: %w", name, err)
	}
	return nil
}

// command is the player with its arguments.
func (y *play) command() ([]string, error) {
	text := y.player
	if text == "" {
		text = y.Getenv(envPlayer)
	}
	if named := strings.Fields(text); len(named) > 0 {
		if y.LookPath(named[0]) == "" {
			return nil, cli.Usage("there is no player %s here; --player names one that is, such as \"mpv -\"", named[0])
		}
		return named, nil
	}

	var tried []string
	for _, command := range players {
		if y.LookPath(command[0]) != "" {
			return command, nil
		}
		tried = append(tried, command[0])
	}
	return nil, cli.Usage("no player was found, neither of %s; name one by --player, or write a file: -o call.wav",
		strings.Join(tried, ", "))
}
