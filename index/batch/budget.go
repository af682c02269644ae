package batch

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// Budget bounds what all batches that share it hold in memory, in bytes. Waiting for it is all that
// they do to each other: they read no further meanwhile, and so the client sends no further.
//
// It has two parts. Of the one, a line is held that is too long for the buffer of its batch, while
// it arrives, which may take a client long. Of the other, a chunk of whole lines is held, decoded
// and on its way into the index. Whoever has of the second part waits for nothing else, so that
// batches cannot wait for each other for ever.
type Budget struct {
	lines, chunks *semaphore.Weighted
	sizeOfLines   int64
	sizeOfChunks  int64
}

// decodedFactor is how many bytes a recording takes for one of its text: as text, decoded, and as it
// is stored.
const decodedFactor = 8

// NewBudget returns a budget of a size in bytes; 0, or what is not enough for it, stands for what
// four of the longest lines need, and at least 64 MiB.
func NewBudget(size int64, longestLine int) *Budget {
	least := int64(longestLine) * (decodedFactor + 1)
	if size == 0 {
		size = max(64<<20, 4*least)
	}
	size = max(size, least)
	b := &Budget{sizeOfLines: max(size/8, int64(longestLine))}
	b.sizeOfChunks = size - b.sizeOfLines
	b.lines, b.chunks = semaphore.NewWeighted(b.sizeOfLines), semaphore.NewWeighted(b.sizeOfChunks)
	return b
}

// Held is how many bytes are held of it.
func (b *Budget) Held() (n int64) {
	for _, part := range []struct {
		free *semaphore.Weighted
		size int64
	}{{b.lines, b.sizeOfLines}, {b.chunks, b.sizeOfChunks}} {
		held := int64(0)
		for ; !part.free.TryAcquire(part.size - held); held += 1 << 10 {
			if held >= part.size {
				return n + part.size
			}
		}
		part.free.Release(part.size - held)
		n += held
	}
	return n
}

// share is what a chunk has of a part of a budget. One of no budget has no bound.
type share struct {
	of *semaphore.Weighted
	n  int64
}

// take waits for n bytes of a part, or for as many as it has in all.
func take(ctx context.Context, of *semaphore.Weighted, n, size int64) (share, error) {
	n = min(n, size)
	if err := of.Acquire(ctx, n); err != nil {
		return share{}, context.Cause(ctx)
	}
	return share{of, n}, nil
}

// line waits for what the longest line takes while it arrives.
func (b *Budget) line(ctx context.Context, longest int) (share, error) {
	if b == nil {
		return share{}, nil
	}
	return take(ctx, b.lines, int64(longest), b.sizeOfLines)
}

// chunk waits for what lines of so many bytes take until they have their verdicts.
func (b *Budget) chunk(ctx context.Context, bytes int) (share, error) {
	if b == nil {
		return share{}, nil
	}
	return take(ctx, b.chunks, int64(bytes)*decodedFactor, b.sizeOfChunks)
}

// shrink gives back all but what lines of so many bytes take.
func (s *share) shrink(bytes int) {
	if n := int64(bytes) * decodedFactor; s.of != nil && n < s.n {
		s.of.Release(s.n - n)
		s.n = n
	}
}
