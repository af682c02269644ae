package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"recordings/index"
	"recordings/index/indextest"
	"recordings/mapping"
)

func newRand(seed int) *rand.Rand { return rand.New(rand.NewPCG(7, uint64(seed))) }

// ledger has what an index has answered, written by workers that each have recordings of their own.
// A recording has a version, which is the number of its media files; a Delete begins anew.
type ledger struct {
	mu      sync.Mutex
	entries map[string]int // media files by id; 0: deleted
	n       int
	out     io.Writer // if not nil, told of each answer
	round   int       // apart from those of other rounds
}

func newLedger() *ledger { return &ledger{entries: make(map[string]int)} }

func (l *ledger) answered(id string, versions int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[id] = versions
	l.n++
	if l.out != nil {
		fmt.Fprintf(l.out, "%s %d\n", id, versions)
	}
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

func (l *ledger) copy() *ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &ledger{entries: maps.Clone(l.entries)}
}

// read reads what a ledger elsewhere was told, up to a number of answers.
func (l *ledger) read(lines *bufio.Reader, limit int) {
	for range limit {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		var id string
		var versions int
		if n, _ := fmt.Sscanf(line, "%s %d\n", &id, &versions); n == 2 {
			l.answered(id, versions)
		}
	}
}

// write puts, merges and deletes until the context ends.
func (l *ledger) write(ctx context.Context, t testing.TB, x *Index, worker int) {
	for n := 0; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("%d-%d-%d", l.round, worker, n/5)
		if n%5 == 4 && n%15 != 14 {
			if err := x.Delete(ctx, testCenter, id); err != nil {
				reportUnlessEnded(ctx, t, err)
				return
			}
			l.answered(id, 0)
			continue
		}
		version := n%5 + 1
		r := indextest.New(id, testRegion, mapping.Time(n))
		r.CallerPhoneNumber = fmt.Sprintf("+%04d", n%100)
		r.MediaFiles[0].Descriptor.Path += fmt.Sprint(version)
		if _, err := x.Put(ctx, testCenter, r); err != nil {
			reportUnlessEnded(ctx, t, err)
			return
		}
		l.answered(id, version)
	}
}

func reportUnlessEnded(ctx context.Context, t testing.TB, err error) {
	if ctx.Err() == nil {
		t.Errorf("writing: %v", err)
	}
}

// check compares an index with the answers. What was begun after the last answer of a recording may
// have happened: one more version, or its deletion.
func (l *ledger) check(t testing.TB, x *Index) {
	t.Helper()
	for id, want := range l.entries {
		versions := 0
		r, err := x.Get(t.Context(), testScope, id)
		switch {
		case err == nil:
			versions = len(r.MediaFiles)
		case !errors.Is(err, index.ErrNotFound):
			t.Fatalf("reading %q: %v", id, err)
		}
		deletedNext := want == 4 && versions == 0
		oneMore := want > 0 && versions == want+1
		if versions != want && !deletedNext && !oneMore {
			t.Errorf("%q has version %d, %d was answered", id, versions, want)
		}
	}
}
