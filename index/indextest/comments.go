package indextest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"recordings/index"
	"recordings/mapping"
)

// comment writes a comment, in place of that of its id.
func comment(id, text string) func(*mapping.Recording) error {
	return func(r *mapping.Recording) error {
		r.SetComment(mapping.Comment{ID: id, Text: text, Time: 9, User: "alice"})
		return nil
	}
}

// uncomment removes a comment.
func uncomment(id string) func(*mapping.Recording) error {
	return func(r *mapping.Recording) error { r.RemoveComment(id); return nil }
}

// testComments: comments are found by their words and as a whole, stay when a recording is posted again,
// and go with it.
func testComments(t *testing.T, fresh Opener) {
	open := fresh(t)
	x := Ready(t, open(t))
	mark := func(id string, change func(*mapping.Recording) error) {
		t.Helper()
		if err := x.Mark(t.Context(), center, id, change); err != nil {
			t.Fatalf("commenting %s: %v", id, err)
		}
	}
	for i, id := range []string{"u", "s", "r"} {
		put(t, x, center, New(id, region, mapping.Time(1000+i)), index.Created)
	}
	at := 83.25
	mark("r", func(r *mapping.Recording) error {
		r.SetComment(mapping.Comment{ID: "1", At: &at, Text: "Asks for a\r\nREFUND!  Gräßlich", Time: 9, User: "alice"})
		return nil
	})
	mark("r", comment("2", "called back (angry)"))
	mark("s", comment("1", strings.Repeat("x", mapping.MaxComment-1)+"y"))
	mark("s", comment("2", strings.Repeat("\U00010280", mapping.MaxComment))) // takes the most bytes
	mark("u", comment("1", "what? 100 * refunds"))

	bothWays(t, x, func() {
		for criterion, want := range map[string]string{
			"comment=refund": "r", "comment=Refund!": "r", "comment=REFUND*": "r u", "comment=*fund": "r",
			`comment="asks for a refund! GRÄSSLICH"`: "", `comment="asks for a refund! gräßlich"`: "r",
			`comment="*for a refund*"`: "r", "comment=grasslich": "r", "comment=refund AND angry": "r",
			"comment=angry AND nothing": "", "comment=nothing angry": "r", "comment=*": "r s u",
			"comment=*y": "r s", `comment="\*"`: "u", "comment=what?": "u", "comment=wha?": "",
			"comment=what": "u", "comment=f": "", "comment=\U00010280*": "s", "comment=*\U00010280\U00010280": "s",
			"comment=refund* AND 100 angry": "r u", "comment=called b*": "r",
		} {
			wantFound(t, x, center, region, want, criterion)
			if want != "" {
				wantFound(t, x, center, region, want, criterion, "startTime=0", "userName=*")
			}
			wantFound(t, x, center, "elsewhere", "", criterion)
		}
	})

	put(t, x, center, New("r", region, 1002), index.Unchanged) // merging keeps them
	moved := New("r", region, 1002)
	moved.Comments = []mapping.Comment{{ID: "posted", Text: "posted"}}
	put(t, x, center, moved, index.Unchanged)
	mark("r", comment("2", "calm now"))
	mark("u", uncomment("1"))
	mark("u", uncomment("1"))
	bothWays(t, x, func() {
		wantFound(t, x, center, region, "r", "comment=calm")
		wantFound(t, x, center, region, "", "comment=angry")
		wantFound(t, x, center, region, "", "comment=refunds posted")
	})

	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = Ready(t, open(t))
	r, err := x.Get(t.Context(), here, "r")
	if err != nil || len(r.Comments) != 2 || *r.Comments[0].At != at || r.Comments[1].Text != "calm now" {
		t.Errorf("after opening it again: %+v, %v", r, err)
	}
	wantFound(t, x, center, region, "r", "comment=calm")
	if err := x.Delete(t.Context(), center, "r"); err != nil {
		t.Fatal(err)
	}
	put(t, x, center, New("r", region, 1002), index.Created)
	bothWays(t, x, func() { wantFound(t, x, center, region, "", "comment=calm") })
	if err := x.Close(); err != nil {
		t.Error(err)
	}
}

// testCommentBounds: there are not more comments than there may be, under a hold they are only added, and
// those of another installation are taken where marks are.
func testCommentBounds(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	put(t, x, center, New("r", region, 1000), index.Created)

	// The last ones at once: as many as there may be, and none is lost.
	const room, more = 5, 5
	err := x.Mark(t.Context(), center, "r", func(r *mapping.Recording) error {
		for i := range mapping.MaxComments - room {
			r.SetComment(mapping.Comment{ID: fmt.Sprint("first ", i), Text: "one of many"})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for i := range room + more {
		writers.Go(func() {
			err := x.Mark(t.Context(), center, "r", comment(fmt.Sprint(i), "one of many"))
			if errors.Is(err, index.ErrTooLarge) {
				mu.Lock()
				refused++
				mu.Unlock()
			} else if err != nil {
				t.Errorf("commenting: %v", err)
			}
		})
	}
	writers.Wait()
	r, err := x.Get(t.Context(), here, "r")
	if err != nil || len(r.Comments) != mapping.MaxComments || refused != more {
		t.Fatalf("%d comments, %d refused, %v", len(r.Comments), refused, err)
	}
	first := r.Comments[0].ID
	err = x.Mark(t.Context(), center, "r", func(r *mapping.Recording) error {
		r.Comments = r.Comments[:1:1]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	if err := x.Mark(t.Context(), center, "r", hold(true)); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*mapping.Recording) error{comment(first, "another text"), uncomment(first)} {
		if err := x.Mark(t.Context(), center, "r", change); !errors.Is(err, index.ErrHeld) {
			t.Errorf("changing a comment under a hold: %v", err)
		}
	}
	if err := x.Mark(t.Context(), center, "r", comment("new", "new one")); err != nil {
		t.Errorf("adding a comment under a hold: %v", err)
	}

	moved := New("r", region, 1000)
	moved.Comments = []mapping.Comment{
		{ID: first, Text: "not so"}, {ID: "moved", Text: "from afar", User: "bob", Time: 3},
	}
	for _, want := range []index.Outcome{index.Merged, index.Unchanged} {
		got := x.PutAll(t.Context(), center, []*mapping.Recording{moved}, index.PutOptions{Marks: true})[0]
		if got.Err != nil || got.Outcome != want {
			t.Errorf("putting with marks: %+v, want %s", got, want)
		}
	}
	bothWays(t, x, func() {
		wantFound(t, x, center, region, "r", "comment=afar AND many AND new")
		wantFound(t, x, center, region, "", `comment="not so"`)
	})
}
