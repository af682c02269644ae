// Package pace lets work in the background give way to searches.
//
// There is no priority to set on a goroutine, so such work goes on in turns and sleeps between
// them: longer while there are searches, which then find the processors free for most of the time.
package pace

import (
	"context"
	"time"
)

// SearchFactor is by how much longer than its work the background rests, while there are searches.
const SearchFactor = 3

const (
	turn    = 20 * time.Millisecond // of work, before it rests
	maxRest = 10 * turn             // without searches
)

// Sleep waits, but not beyond the end of the context.
func Sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// Background is one piece of work in the background. It rests for as long as it has worked, and for
// [SearchFactor] times as long while there are searches.
type Background struct {
	ctx      context.Context
	searches func() uint64 // begun so far
	seen     uint64        // searches, at the last rest
	began    time.Time     // the present turn; zero: none has been
}

// NewBackground returns work in the background that ends with the context. Searches returns how
// many searches have begun so far.
func NewBackground(ctx context.Context, searches func() uint64) *Background {
	return &Background{ctx: ctx, searches: searches}
}

// Rest is to be called often. It sleeps when the turn is over, and returns the cause when the
// context has ended.
func (b *Background) Rest() error {
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	took := time.Since(b.began)
	if took < turn {
		return nil
	}

	rest := min(took, maxRest)
	if n := b.searches(); n != b.seen {
		b.seen = n
		rest *= SearchFactor
	}
	if !b.began.IsZero() {
		Sleep(b.ctx, rest)
	}

	b.began = time.Now()
	return nil
}
