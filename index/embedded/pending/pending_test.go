package pending

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"recordings/index"
	"recordings/index/embedded/store"
)

func newChange(sequence uint64, contactCenter, key string) *Change {
	return &Change{Change: store.Change{Sequence: sequence, ContactCenter: contactCenter, Key: key}}
}

// TestFull has nobody who takes anything from the set.
func TestFull(t *testing.T) {
	for name, p := range map[string]*Set{"Count": New(1, 1<<20), "Bytes": New(100, 1)} {
		t.Run(name, func(t *testing.T) {
			if err := p.Reserve(t.Context(), 1); err != nil {
				t.Fatalf("while nothing is held: %v", err)
			}
			p.Release(1)
			p.Follow()
			if err := p.Reserve(t.Context(), 1); err != nil {
				t.Fatalf("the first: %v", err)
			}
			p.Add([]*Change{newChange(1, "c", "a")})
			p.Release(1)

			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			if err := p.Reserve(ctx, 1); !errors.Is(err, index.ErrUnavailable) {
				t.Fatalf("while it is full: %v, want ErrUnavailable", err)
			}

			reserved := make(chan error)
			go func() { reserved <- p.Reserve(t.Context(), 1) }()
			p.Indexed(1)
			if err := <-reserved; err != nil {
				t.Errorf("after something was taken: %v", err)
			}
			if p.bytes != 0 || len(p.byContactCenter) != 0 || len(p.queue) != 0 || len(p.latest) != 0 {
				t.Errorf("it holds %d bytes of %d contact centers", p.bytes, len(p.byContactCenter))
			}
		})
	}
}

// TestView: a search sees what is durable, knows what is not yet, and is told what nobody knows
// about.
func TestView(t *testing.T) {
	p := New(100, 1<<20)
	p.Follow()
	first := []*Change{newChange(1, "c", "a"), newChange(2, "c", "b"), newChange(3, "other", "x")}
	second := []*Change{newChange(4, "c", "a")}
	p.Add(first)
	p.Add(second)
	view := func() (durable, others []*Change, err error) { return p.View("c", func() error { return nil }) }

	if durable, others, err := view(); len(durable) != 0 || len(others) != 3 || err != nil {
		t.Errorf("before anything is settled: %d and %d, %v", len(durable), len(others), err)
	}
	if p.Undurable("a") != second[0] || p.Undurable("b") != first[1] || p.Newest() != second[0] {
		t.Error("it does not know what may not be durable")
	}

	p.Settle(first, nil)
	if durable, others, err := view(); len(durable) != 2 || len(others) != 1 || err != nil {
		t.Errorf("when the first step is durable: %d and %d, %v", len(durable), len(others), err)
	}
	if err := first[0].Wait(t.Context()); err != nil || p.Undurable("b") != nil {
		t.Errorf("the first step: %v", err)
	}
	if !first[0].ReplacedBy(4) || first[0].ReplacedBy(3) || second[0].ReplacedBy(4) {
		t.Error("it does not know which change is replaced by which")
	}

	broken := errors.New("broken")
	p.Settle(second, broken)
	if _, _, err := view(); !errors.Is(err, broken) {
		t.Errorf("when nobody knows what became of a change: %v", err)
	}
	if p.Undurable("a") != second[0] {
		t.Error("what failed is taken for durable")
	}
	if durable, _, err := p.View("other", func() error { return nil }); len(durable) != 1 || err != nil {
		t.Errorf("in another contact center: %d, %v", len(durable), err)
	}
}

// TestIndexed lets go of changes from the front, by number and by sequence.
func TestIndexed(t *testing.T) {
	p := New(100, 1<<20)
	p.Add([]*Change{newChange(1, "c", "not held")})
	p.Follow()
	for i := range uint64(6) {
		step := []*Change{newChange(i+2, fmt.Sprint("c", i%2), fmt.Sprint("key", i%3))}
		p.Add(step)
		p.Settle(step, nil)
	}
	select {
	case <-p.Wake():
	default:
		t.Error("nobody is woken")
	}

	p.Indexed(2)
	p.IndexedUpTo(5)
	if next := p.Next(10); len(next) != 2 || next[0].Sequence != 6 || next[1].Sequence != 7 || p.Len() != 2 {
		t.Errorf("%d are left", len(next))
	}
	keys, err := p.ViewAll(func() error { return nil })
	if _, ok := keys["key1"]; len(keys) != 2 || !ok || err != nil {
		t.Errorf("the keys are %v, %v", keys, err)
	}
	if bytes, since := p.Held(); bytes <= 0 || since.IsZero() {
		t.Errorf("%d bytes are held since %v", bytes, since)
	}

	p.Unfollow()
	if bytes, since := p.Held(); bytes != 0 || !since.IsZero() || p.Len() != 0 || p.Following() {
		t.Errorf("afterwards %d bytes are held since %v", bytes, since)
	}
}
