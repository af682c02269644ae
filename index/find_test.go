package index_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"recordings/index"
	"recordings/mapping"
)

// pages is an index that gives every search the same recordings, two at a time.
type pages struct {
	index.Index
	stored []*mapping.Stored
	err    error
}

func (x *pages) Search(_ context.Context, _ index.Query, to index.Sink) (index.Page, error) {
	for first := 0; first < len(x.stored); first += 2 {
		var b []byte
		some := x.stored[first:min(first+2, len(x.stored))]
		for _, s := range some {
			var err error
			if b, err = to.Encode(b, s); err != nil {
				return index.Page{}, err
			}
		}
		if err := to.Write(b, len(some)); err != nil {
			return index.Page{}, err
		}
	}
	return index.Page{More: true, Total: 7}, x.err
}

// TestFind: what goes through the sink comes back whole and in order, or not at all.
func TestFind(t *testing.T) {
	x := &pages{}
	for i := range 5 {
		data := fmt.Appendf(nil, `{"id":"r%d","region":"west","note":"a line\\nand another"}`, i)
		s, err := mapping.ReadStored(data)
		if err != nil {
			t.Fatal(err)
		}
		x.stored = append(x.stored, s)
	}

	found, err := index.Find(t.Context(), x, index.Query{})
	if err != nil || !found.More || found.Total != 7 || len(found.Recordings) != 5 {
		t.Fatalf("found %+v, %v", found, err)
	}
	for i, r := range found.Recordings {
		if r.ID != fmt.Sprintf("r%d", i) || string(r.Extra) != `{"note":"a line\\nand another"}` {
			t.Errorf("recording %d is %+v", i, r)
		}
	}

	x.err = index.ErrTooCostly
	if found, err := index.Find(t.Context(), x, index.Query{}); !errors.Is(err, x.err) || len(found.Recordings) != 0 {
		t.Errorf("found %+v, %v", found, err)
	}
}

// TestDryRunForgets: it remembers the newest, and its memory is bounded.
func TestDryRunForgets(t *testing.T) {
	d := new(index.DryRun)
	if _, ok := d.Get("0"); ok {
		t.Error("an empty one knows something")
	}

	const size, n = 1 << 20, 100
	for i := range n {
		d.Set(fmt.Sprint(i), make([]byte, size))
		if data, ok := d.Get(fmt.Sprint(i)); !ok || len(data) != size {
			t.Fatalf("the newest of %d is forgotten", i+1)
		}
	}

	kept := 0
	for i := range n {
		if _, ok := d.Get(fmt.Sprint(i)); ok {
			kept++
		}
	}
	if kept == 0 || kept > 32 {
		t.Errorf("%d of %d MiB are kept", kept, n)
	}
}
