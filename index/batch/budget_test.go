package batch_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"recordings/index"
	"recordings/index/batch"
	"recordings/mapping"
)

// TestBudget runs many batches of the longest lines at once: what is decoded and not yet put stays
// within the budget, and all of them end.
func TestBudget(t *testing.T) {
	t.Parallel()
	const batches, linesOfEach = 48, 6
	budget := batch.NewBudget(1, maxLine) // as little as there can be: one line at a time
	var held, most atomic.Int64
	o := options(budget)
	o.Decode = func(_ context.Context, text []byte) (*mapping.Recording, error) {
		now := held.Add(int64(len(text)))
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		return decode(t.Context(), text)
	}
	o.Put = func(_ context.Context, recordings []*mapping.Recording) []index.PutResult {
		for _, r := range recordings {
			held.Add(-int64(len(r.ID) + len(`{"id":""}`)))
		}
		return make([]index.PutResult, len(recordings))
	}

	text := strings.Repeat(fmt.Sprintf("{\"id\":%q}\n", strings.Repeat("x", maxLine-9)), linesOfEach)
	var running sync.WaitGroup
	for range batches {
		running.Go(func() {
			verdicts := 0
			err := batch.Run(t.Context(), strings.NewReader(text), o, func(v []batch.Verdict) error {
				verdicts += len(v)
				return nil
			})
			if err != nil || verdicts != linesOfEach {
				t.Errorf("%d verdicts, %v", verdicts, err)
			}
		})
	}
	running.Wait()
	if n := most.Load(); n > maxLine {
		t.Errorf("%d bytes of text were decoded at a time, the budget is for %d", n, maxLine)
	}
	if n := budget.Held(); n != 0 {
		t.Errorf("%d bytes are still held", n)
	}
}

// TestSlowLongLine: a long line that arrives slowly holds up other long lines, and no short ones.
func TestSlowLongLine(t *testing.T) {
	t.Parallel()
	budget := batch.NewBudget(1, maxLine)
	ctx, stop := context.WithCancel(t.Context())
	in, feed := io.Pipe()
	o := options(budget)
	o.Abort = func() { in.Close() }
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = batch.Run(ctx, in, o, func([]batch.Verdict) error { return nil })
	}()
	_, _ = io.WriteString(feed, strings.Repeat("x", maxLine-100))
	for budget.Held() == 0 {
		time.Sleep(time.Millisecond)
	}

	told := 0
	short := strings.NewReader("{\"id\":\"a\"}\n{\"id\":\"b\"}\n")
	err := batch.Run(t.Context(), short, options(budget), func(v []batch.Verdict) error {
		told += len(v)
		return nil
	})
	if err != nil || told != 2 {
		t.Errorf("%d verdicts, %v", told, err)
	}
	stop()
	<-ended
	if n := budget.Held(); n != 0 {
		t.Errorf("%d bytes are still held", n)
	}
}

// TestBudgetSize: it never is too small for one line.
func TestBudgetSize(t *testing.T) {
	for _, size := range []int64{0, 1, 1 << 20, 1 << 30} {
		for _, longest := range []int{1 << 10, 1 << 20, 64 << 20} {
			budget := batch.NewBudget(size, longest)
			o := options(budget)
			o.MaxLine = longest
			line := strings.NewReader("{\"id\":\"a\"}\n")
			err := batch.Run(t.Context(), line, o, func([]batch.Verdict) error { return nil })
			if err != nil || budget.Held() != 0 {
				t.Errorf("%d bytes, lines of %d: %v, %d are held", size, longest, err, budget.Held())
			}
		}
	}
}
