package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
)

// BatchOptions say how many recordings are posted.
type BatchOptions struct {
	DryRun bool // store nothing, and say what would become of each
	Marks  bool // take over the holds and labels of exported recordings, too
}

// Verdict is what became of one recording of a batch.
type Verdict struct {
	Line          int      `json:"line"` // from 1, blank lines included
	ID            string   `json:"id"`   // as far as it is known
	Outcome       string   `json:"outcome"`
	StatusCode    int      `json:"statusCode"` // of one that was rejected, with why
	StatusMessage string   `json:"statusMessage"`
	Notice        []string `json:"notice"` // what was probably meant otherwise
}

// The outcomes of a verdict; of one that was rejected it is empty.
const (
	Created   = "created"
	Merged    = "merged"
	Unchanged = "unchanged"
)

// Rejected reports whether the recording was not taken.
func (v *Verdict) Rejected() bool { return v.Outcome == "" }

// GivenUpError says that the service has given up a batch: what has no verdict may be posted again.
type GivenUpError struct{ Message string }

// Error implements [error].
func (e *GivenUpError) Error() string { return "the service has given up: " + e.Message }

// PostLines posts recordings as lines of JSON, and yields a verdict for each line that is not blank, in
// their order, while the lines are still being read: whoever stops taking verdicts stops the sending.
//
// An error ends them. It is a [*RefusedError] before the first of them, and later a [*GivenUpError] or
// an [*InterruptedError]; the lines without a verdict were stored or not, and posting them again is
// safe. Where lines is an [io.Closer] it is closed at the end.
func (c *Center) PostLines(ctx context.Context, lines io.Reader, o BatchOptions) iter.Seq2[Verdict, error] {
	return func(yield func(Verdict, error) bool) {
		query := url.Values{}
		if o.DryRun {
			query.Set("dryRun", "true")
		}
		if o.Marks {
			query.Set("marks", "true")
		}

		header := http.Header{"Content-Type": {"application/x-ndjson"}}
		r := &request{method: http.MethodPost, path: c.Path("/recordings"), query: query, header: header, body: lines}
		resp, err := c.client.send(ctx, r)
		if err != nil {
			yield(Verdict{}, err)
			return
		}
		defer resp.Body.Close()

		if err := c.verdicts(ctx, resp.Body, yield); err != nil && !errors.Is(err, errEnough) {
			yield(Verdict{}, err)
		}
	}
}

// errEnough says that nobody wants more verdicts.
var errEnough = errors.New("no more verdicts are wanted")

// batchLine is a line of the answer: a verdict, or the totals at its end.
type batchLine struct {
	Verdict
	Lines *int `json:"lines"` // of the totals
}

// verdicts yields the verdicts up to the totals.
func (c *Center) verdicts(ctx context.Context, body io.Reader, yield func(Verdict, error) bool) error {
	for answer := newLines(body); ; {
		line, err := answer.next()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}

		var l batchLine
		if err == nil && json.Unmarshal(line, &l) != nil {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return c.client.interrupted(ctx, err)
		}

		switch {
		case l.Lines == nil:
			if !yield(l.Verdict, nil) {
				return errEnough
			}
		case l.StatusCode == 0, l.StatusCode == CodePartly:
			return nil
		default:
			return &GivenUpError{Message: l.StatusMessage}
		}
	}
}

// PostAll posts recordings as one batch; see [Center.PostLines]. The recordings are asked for while
// the verdicts are taken. What cannot be encoded ends the batch.
func (c *Center) PostAll(ctx context.Context, all iter.Seq[*Recording], o BatchOptions) iter.Seq2[Verdict, error] {
	return func(yield func(Verdict, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		lines, out := io.Pipe()
		written := make(chan struct{})
		go func() {
			defer close(written)
			err := writeLines(out, all)
			if err != nil && !errors.Is(err, io.ErrClosedPipe) {
				cancel(err)
			}
			out.CloseWithError(err) // nil: the end
		}()

		c.PostLines(ctx, lines, o)(yield)
		lines.Close()
		<-written
	}
}

// writeLines writes recordings, one a line.
func writeLines(w io.Writer, all iter.Seq[*Recording]) error {
	for r := range all {
		text, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("encoding the recording %q: %w", r.ID, err)
		}
		if _, err := w.Write(append(text, '\n')); err != nil {
			return err
		}
	}
	return nil
}
