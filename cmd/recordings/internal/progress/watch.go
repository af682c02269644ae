package progress

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Long work is done by a running service, or by the command itself in the data directory of a
// stopped one. Either way the command asks again and again how far it is, shows that, and ends with
// one verdict.

// The time between two looks at work that goes on. It grows, so that short work is over at once,
// and long work is not asked about more often than somebody reads.
const (
	firstLook   = 20 * time.Millisecond
	longestLook = 2 * time.Second
)

// Look reports how far work is, and whether it has ended.
type Look func() (s State, ended bool, err error)

// Watch shows on a writer how far work is until it has ended. What it is called is for the message that
// nobody is waiting any more, where ctx ends before.
func Watch(ctx context.Context, w io.Writer, what string, look Look) error {
	meter := New(w)
	defer meter.End()

	for pause := firstLook; ; pause = min(2*pause, longestLook) {
		// A look that failed because ctx has ended says nothing about the work.
		s, ended, err := look()
		if ctx.Err() != nil {
			return fmt.Errorf("not waiting any more for %s; a service that is running goes on with it", what)
		}
		if err != nil || ended {
			return err
		}

		meter.Show(s)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}
