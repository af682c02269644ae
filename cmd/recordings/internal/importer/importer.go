// Package importer sends a file of recordings, one a line, to whatever takes them, until every line
// has a verdict: when the connection is lost or the service is down for a while it goes on from the
// first line that has none. What it was told is kept in a state file, so that an import that was
// ended in the middle can be resumed.
//
// Lines that have been sent and have no verdict yet are held in memory, in the window, which is
// bounded.
package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Deliver sends lines, and calls taken with the verdict of each line that is not blank, in order.
// Its error ends the sending. It returns nil when all lines have a verdict, and a [*TransientError]
// when trying again may help.
type Deliver func(ctx context.Context, lines io.Reader, taken func(Verdict) error) error

// Verdict is what became of a line.
type Verdict struct {
	Line          int    // from 1, of those that were sent
	ID            string // as far as it is known
	Outcome       string // created, merged or unchanged; empty: it was rejected
	StatusCode    int    // of a rejected line
	StatusMessage string // why it was rejected
	Doubtful      bool   // the reason does not lie in the line, so the line is tried again before it is rejected
}

// TransientError is why lines could not be sent, where trying again may help.
type TransientError struct{ Err error }

// Error implements [error].
func (e *TransientError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *TransientError) Unwrap() error { return e.Err }

// Totals count what became of the lines.
type Totals struct {
	Lines     int64 `json:"lines"` // that have a verdict
	Created   int64 `json:"created"`
	Merged    int64 `json:"merged"`
	Unchanged int64 `json:"unchanged"`
	Rejected  int64 `json:"rejected"`
}

// Add adds others.
func (t *Totals) Add(o Totals) {
	t.Lines += o.Lines
	t.Created += o.Created
	t.Merged += o.Merged
	t.Unchanged += o.Unchanged
	t.Rejected += o.Rejected
}

// count counts one line by its outcome; any that is not known is a rejection.
func (t *Totals) count(outcome string) {
	t.Lines++
	switch outcome {
	case "created":
		t.Created++
	case "merged":
		t.Merged++
	case "unchanged":
		t.Unchanged++
	default:
		t.Rejected++
	}
}

// Options are the settings of an Import.
type Options struct {
	Input    io.Reader // the lines; if State is set, an io.ReadSeeker
	Deliver  Deliver
	Rejects  string                      // the file for rejected lines; it is made when there is one
	State    string                      // the state file; empty: none is kept
	Resume   bool                        // go on where the state file says
	Identity string                      // of the state: one of another identity is not resumed
	RetryFor time.Duration               // how long to try again without any progress
	Progress func(bytes int64, t Totals) // called now and then; bytes of the input have a verdict
	Warn     func(format string, args ...any)
}

// importer is one import.
type importer struct {
	Options
	window  *window
	rejects rejects
	state   state
	saved   time.Time
	suspect int64 // the line that was doubtful the last time though all else went well, 0: none
}

const (
	saveInterval = 250 * time.Millisecond
	firstDelay   = 500 * time.Millisecond // before trying again; it doubles
	longestDelay = 15 * time.Second
)

// Import sends all lines of the input. The totals are those of all lines, those of before a
// resumption included.
func Import(ctx context.Context, o Options) (_ Totals, err error) {
	i := &importer{Options: o, rejects: rejects{path: o.Rejects}}
	if err := i.begin(); err != nil {
		return Totals{}, err
	}
	defer func() { err = errors.Join(err, i.end(err == nil)) }()

	i.window = newWindow(o.Input, i.state.Line, i.state.Offset)
	defer i.window.stop()
	last, delay := time.Now(), firstDelay
	for {
		before := i.state.Offset
		err := i.attempt(ctx)
		var transient *TransientError
		if ctx.Err() != nil {
			return i.state.Totals, fmt.Errorf("interrupted: %w", context.Cause(ctx))
		}
		if !errors.As(err, &transient) {
			return i.state.Totals, err
		}
		// Patience is for a service that is away, not for a long import: any progress renews it.
		if i.state.Offset > before {
			last, delay = time.Now(), firstDelay
		}
		if time.Since(last) > i.RetryFor {
			return i.state.Totals, fmt.Errorf("given up after %v without progress: %w", i.RetryFor, err)
		}

		i.Warn("%v; trying again in %v", err, delay)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}

		delay = min(2*delay, longestDelay)
	}
}

// attempt sends the lines that have no verdict, until all have one or something goes wrong.
func (i *importer) attempt(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := i.window.open()
	// A Deliver that waits for the next line would not notice that ctx has ended.
	defer context.AfterFunc(ctx, func() { _ = out.Close() })() // it never fails
	var doubt error
	doubtful := int64(0) // the line
	err := i.Deliver(ctx, out, func(v Verdict) error {
		if doubt != nil {
			return nil // it will be sent again
		}

		l, err := i.window.first(v.Line)
		if err != nil {
			return err
		}

		// Only the second time in a row, and sent first of all, the fault may be the line's own.
		if v.Doubtful && i.suspect != l.number {
			doubtful = l.number
			doubt = &TransientError{fmt.Errorf("line %d: %s", l.number, v.StatusMessage)}
			out.finish() // why there was no better answer is told at its end
			return nil
		}

		return i.take(l, v)
	})

	if i.suspect = 0; err == nil && doubt != nil {
		i.suspect, err = doubtful, doubt // all is well but for this line
	}

	// A sending ends early, and without an error, where the input cannot be read.
	done, inputErr := i.window.done()
	switch {
	case inputErr != nil:
		return inputErr
	case err == nil && !done:
		return &TransientError{errors.New("the answer ended too early")}
	}

	return err
}

// take notes the verdict of a line.
func (i *importer) take(l line, v Verdict) error {
	if v.Outcome == "" {
		if err := i.rejects.write(newReject(l, v)); err != nil {
			return err
		}
	}

	// The reject is written before the line counts as done: of a crash in between comes a reject that
	// is written again, never one that is lost.
	i.window.drop()
	i.state.took(l)
	i.state.count(v.Outcome)
	if now := time.Now(); now.Sub(i.saved) > saveInterval {
		i.saved = now
		if err := i.save(); err != nil {
			return err
		}
	}

	if i.Progress != nil {
		i.Progress(i.state.Offset, i.state.Totals)
	}

	return nil
}

// begin reads the state, if that is wanted, and goes to where it ended.
func (i *importer) begin() error {
	if !i.Resume {
		return nil
	}

	s, err := readState(i.State)
	if err != nil {
		return err
	}
	if s.Identity != i.Identity {
		return fmt.Errorf("%s is of another import (%s); leave out --resume to begin anew", i.State, s.Identity)
	}

	if err := s.seek(i.Input.(io.ReadSeeker)); err != nil {
		return err
	}

	i.state = *s
	return i.rejects.resume(s.Rejects)
}

// save makes durable what is known.
func (i *importer) save() error {
	// In this order: the state must not count rejects that a power cut takes away.
	size, err := i.rejects.sync()
	if err != nil {
		return err
	}
	if i.State == "" {
		return nil
	}

	i.state.Identity, i.state.Rejects = i.Identity, size
	return i.state.write(i.State)
}

// end saves the state, or removes it when everything is done.
func (i *importer) end(done bool) error {
	err := i.save()
	if done && err == nil && i.State != "" {
		err = removeState(i.State)
	}
	return errors.Join(err, i.rejects.close())
}
