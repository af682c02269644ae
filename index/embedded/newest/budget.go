package newest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"recordings/index"
)

// budget bounds the work of one search. A unit is about what it takes to look at one document.
type budget struct {
	ctx  context.Context
	left atomic.Int64
}

// spend takes n units, or tells why the search has to end. It may be called by several goroutines.
func (b *budget) spend(n int) error {
	if err := b.ctx.Err(); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%w: its time is up", index.ErrTooCostly)
		}
		return context.Cause(b.ctx)
	}
	if b.left.Add(-int64(n)) < 0 {
		return fmt.Errorf("%w: too many recordings would have to be looked at", index.ErrTooCostly)
	}
	return nil
}
