package api

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"
)

// What answers hold is bounded by one budget in bytes. Whoever asks for something reserves what
// making the answer may hold at most, and gives back, once it is made, all but what waits for the
// client to take it. Nobody who has a reservation waits for another one, so that requests cannot
// wait for each other.
const (
	leastAnswerMemory = 128 << 20
	answerPatience    = 5 * time.Second // to wait for a reservation

	pageBuffer  = 1 << 20 // of a page that is sent as a whole; what is longer is sent while it is made
	searchAhead = 1 << 20 // of what an index reads ahead for a page, and as much encoded
	exportAhead = 4 << 20 // likewise for an export
	smallAnswer = 64 << 10
)

var errBusy = errors.New("as much as may be answered at a time is being answered; try again later")

// answerMemory is the budget of all answers.
type answerMemory struct {
	free   *semaphore.Weighted
	size   int64 // bytes
	page   int64 // of these, what a page may hold
	read   int64 // and a recording
	export int64 // and an export
}

// newAnswerMemory returns a budget of a size; 0 stands for what four exports and, for each
// processor, four pages need. A recording has at most so many bytes.
func newAnswerMemory(size, recording int64) *answerMemory {
	processors := int64(runtime.GOMAXPROCS(0))
	m := &answerMemory{
		page:   pageBuffer + 2*(searchAhead+recording), // as stored, and encoded
		read:   8 * recording,                          // decoded, a recording takes several times its text
		export: 2*max(exportAhead, processors<<20) + 2*(processors+1)*recording,
	}
	if size == 0 {
		size = max(leastAnswerMemory, maxExports*m.export+4*processors*m.page)
	}
	m.size, m.free = size, semaphore.NewWeighted(size)
	return m
}

// reservation is what one request has of the budget.
type reservation struct {
	memory *answerMemory
	n      int64 // bytes
}

// reserve waits for n bytes, or as many as there are in all.
func (m *answerMemory) reserve(ctx context.Context, n int64) (*reservation, error) {
	n = min(n, m.size)
	if m.free.TryAcquire(n) {
		return &reservation{m, n}, nil
	}

	patient, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	switch err := m.free.Acquire(patient, n); {
	case err == nil:
		return &reservation{m, n}, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("waiting for memory: %w", ctx.Err())
	}
	return nil, errBusy
}

// shrink gives back all but n bytes. A nil reservation has none.
func (r *reservation) shrink(n int64) {
	if r != nil && n < r.n {
		r.memory.free.Release(r.n - n)
		r.n = n
	}
}

// reserve reserves what answering a request may hold, until it is answered.
func (p *pipeline) reserve(ctx context.Context, n int64) (err error) {
	info := infoFrom(ctx)
	info.reserved, err = p.memory.reserve(ctx, n)
	return err
}

// reserveAnswer sees to it that an answer of n bytes is reserved, and nothing else any more: making
// it is over, and the client may take its time.
func (p *pipeline) reserveAnswer(ctx context.Context, n int64) error {
	info := infoFrom(ctx)
	if info.reserved == nil && n > smallAnswer {
		return p.reserve(ctx, n)
	}
	info.reserved.shrink(n)
	return nil
}
