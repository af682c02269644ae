package indextest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/index"
	"recordings/mapping"
)

// testPut: the first Put creates, another merges, the same again changes nothing.
func testPut(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	r := New("a", region, 1000)
	r.Extra = jsontext.Value(`{"ccid":"x","callType":"Inbound"}`)
	wantMissing(t, x, center, region, "a")
	put(t, x, center, r, index.Created)
	wantGet(t, x, center, region, r)
	put(t, x, center, r, index.Unchanged)

	more := New("a", region, 1000)
	more.CallerPhoneNumber = "+16500000000"
	more.MediaFiles = []mapping.MediaFile{mediaFile("second.mp3", 500, 900)}
	more.EventHistory = []mapping.Event{joined(600, "+14103585835", "bob@example.com", "Bob", "Brown")}
	put(t, x, center, more, index.Merged)
	want := mapping.Merge(r, more)
	wantGet(t, x, center, region, want)
	put(t, x, center, more, index.Unchanged)
	put(t, x, center, want, index.Unchanged)
	bothWays(t, x, func() {
		wantFound(t, x, center, region, "a",
			"userName=Alice AND Bob", "startTime=500", "callerPhoneNumber=+16500000000")
		wantFound(t, x, center, region, "", "startTime=501")
		wantFound(t, x, center, region, "", "callerPhoneNumber=+16504668888")
	})
}

// testDelete: what is deleted is gone from everywhere, and can be put again as if it were new.
func testDelete(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	if err := x.Delete(t.Context(), center, "a"); !errors.Is(err, index.ErrNotFound) {
		t.Fatalf("deleting what is not there: %v, want ErrNotFound", err)
	}
	r := New("a", region, 1000)
	for range 2 { // pending, then in the search index
		put(t, x, center, r, index.Created)
		put(t, x, center, New("b", "elsewhere", 1000), index.Created)
		Settle(t, x)
		for _, id := range []string{"a", "b"} {
			if err := x.Delete(t.Context(), center, id); err != nil {
				t.Fatalf("deleting %q: %v", id, err)
			}
			if err := x.Delete(t.Context(), center, id); !errors.Is(err, index.ErrNotFound) {
				t.Fatalf("deleting %q again: %v, want ErrNotFound", id, err)
			}
		}
		bothWays(t, x, func() {
			wantMissing(t, x, center, region, "a")
			wantMissing(t, x, center, index.AnyRegion, "b")
			wantFound(t, x, center, region, "", "startTime=0")
			wantFound(t, x, center, "elsewhere", "", "startTime=0")
		})
	}

	put(t, x, center, New("a", region, 2000), index.Created) // nothing of the deleted one comes back
	wantGet(t, x, center, region, New("a", region, 2000))
}

// testTenancy: the same id in two contact centers is two recordings, and neither sees the other.
func testTenancy(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	one, other := New("a", region, 1000), New("a", region, 2000)
	put(t, x, "one", one, index.Created)
	put(t, x, "other", other, index.Created)
	put(t, x, "other", New("b", region, 3000), index.Created)
	bothWays(t, x, func() {
		wantGet(t, x, "one", region, one)
		wantGet(t, x, "other", region, other)
		wantMissing(t, x, "one", region, "b")
		wantMissing(t, x, "", region, "a")
		wantFound(t, x, "one", region, "a", "startTime=0")
		wantFound(t, x, "other", region, "b a", "startTime=0")
		wantFound(t, x, "on", region, "", "startTime=0")
		wantFound(t, x, "", region, "", "startTime=0")
	})
	if err := x.Delete(t.Context(), "one", "a"); err != nil {
		t.Fatal(err)
	}
	bothWays(t, x, func() {
		wantMissing(t, x, "one", region, "a")
		wantGet(t, x, "other", region, other)
		wantFound(t, x, "one", region, "", "startTime=0")
		wantFound(t, x, "other", region, "b a", "startTime=0")
	})
}

// testContactCenters: those are listed that have recordings, and no others any more.
func testContactCenters(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	var want []string
	check := func() {
		t.Helper()
		got, err := x.ContactCenters(t.Context())
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("contact centers %q, %v, want %q", got, err, want)
		}
	}
	check()

	for i, contactCenter := range OddNames {
		for j := range 1 + i%3 {
			put(t, x, contactCenter, New(OddNames[j], OddNames[i], 1000), index.Created)
		}
		want = append(want, contactCenter)
	}

	slices.Sort(want)
	bothWays(t, x, check)
	for _, contactCenter := range OddNames[:5] {
		for j := range OddNames[:3] {
			err := x.Delete(t.Context(), contactCenter, OddNames[j])
			if err != nil && !errors.Is(err, index.ErrNotFound) {
				t.Fatal(err)
			}
		}
		want = slices.DeleteFunc(want, func(id string) bool { return id == contactCenter })
	}
	bothWays(t, x, check)
}

// testRegion: a recording is found in its region alone, and in the new one when it has moved.
func testRegion(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	west, east := New("a", "us-west", 1000), New("a", "us-east", 1000)
	put(t, x, center, west, index.Created)
	bothWays(t, x, func() {
		wantGet(t, x, center, "us-west", west)
		wantGet(t, x, center, index.AnyRegion, west)
		wantMissing(t, x, center, "us-east", "a")
		wantMissing(t, x, center, "us-wes", "a")
		wantFound(t, x, center, "us-west", "a", "startTime=0")
		wantFound(t, x, center, "us-east", "", "startTime=0")
		wantFound(t, x, center, "us-", "", "startTime=0")
		wantFound(t, x, center, index.AnyRegion, "", "startTime=0") // a search is never in any region
	})

	put(t, x, center, east, index.Merged) // it moves
	bothWays(t, x, func() {
		wantMissing(t, x, center, "us-west", "a")
		wantGet(t, x, center, "us-east", east)
		wantFound(t, x, center, "us-west", "", "startTime=0")
		wantFound(t, x, center, "us-east", "a", "startTime=0")
	})
}

// OddNames are names that an implementation could take apart wrongly: each is an id and a contact
// center of its own.
var OddNames = []string{
	"a", "A", "a/b", "a%2Fb", "/", "..", "a b", "a|b", "a:b", "1:a", ":", "*", "a*", "?", "\\", `"`, "'", "{}", "+",
	"AND", "\x00", "a\x00", "\x00a", "a\x00b", "\x00\x01", "a\x00\x01", "\x01", "a\x01b", "\x7f", "r/", "c/",
	"_id", "_all", "null", "ü", "u\u0308", "Ü", "日本語", "🎙", "\ufeffa", "\u2028",
	strings.Repeat("x", 4096), strings.Repeat("x", 4095) + "y",
}

// testOddKeys: whatever is in an id or in the name of a contact center, it is taken literally.
func testOddKeys(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	for _, contactCenter := range OddNames {
		var all []*mapping.Recording
		for i, id := range OddNames {
			all = append(all, New(id, region, mapping.Time(1000*i)))
		}
		for i, result := range x.PutAll(t.Context(), contactCenter, all, index.PutOptions{}) {
			if result.Err != nil || result.Outcome != index.Created {
				t.Errorf("putting %q in %q: %+v", all[i].ID, contactCenter, result)
			}
		}
	}

	bothWays(t, x, func() {
		for _, contactCenter := range OddNames {
			q := index.Query{Scope: index.Scope{ContactCenter: contactCenter, Region: region}, Limit: 100}
			page, err := index.Find(t.Context(), x, q)
			if err != nil {
				t.Fatalf("searching %q: %v", contactCenter, err)
			}
			var ids []string
			for _, r := range page.Recordings {
				ids = append(ids, r.ID)
			}
			slices.Reverse(ids) // newest first
			if !slices.Equal(ids, OddNames) {
				t.Errorf("%q has %q, want %q", contactCenter, ids, OddNames)
			}
		}
		for i, id := range OddNames {
			wantGet(t, x, id, region, New(id, region, mapping.Time(1000*i)))
		}
	})

	for _, id := range OddNames {
		if err := x.Delete(t.Context(), id, id); err != nil {
			t.Fatalf("deleting %q: %v", id, err)
		}
		wantMissing(t, x, id, region, id)
	}

	for _, region := range OddNames { // they are regions, too
		put(t, x, "regions", New(region, region, 0), index.Created)
	}

	bothWays(t, x, func() {
		for _, region := range OddNames {
			wantFound(t, x, "regions", region, region, "startTime=0")
		}
	})
}

// testScan: a scan has everything once and in order, and ends with the error of its function.
func testScan(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	type key struct{ contactCenter, id string }
	var want []key
	for _, contactCenter := range []string{"b", "a", "ab", "", "a\x00", "ü"} {
		for _, id := range []string{"2", "10", "1", "ü"} {
			put(t, x, contactCenter, New(id, contactCenter+"-region", 1000), index.Created)
			want = append(want, key{contactCenter, id})
		}
	}

	slices.SortFunc(want, func(a, b key) int {
		if c := strings.Compare(a.contactCenter, b.contactCenter); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})

	bothWays(t, x, func() {
		var got []key
		err := x.Scan(t.Context(), func(contactCenter string, r *mapping.Recording) error {
			got = append(got, key{contactCenter, r.ID})
			if r.Region != contactCenter+"-region" {
				t.Errorf("the recording %q of %q has the region %q", r.ID, contactCenter, r.Region)
			}
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("Scan: %v\n got %q\nwant %q", err, got, want)
		}
	})

	stop := errors.New("enough")
	calls := 0
	err := x.Scan(t.Context(), func(string, *mapping.Recording) error {
		calls++
		return stop
	})
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("a Scan that was stopped returned %v after %d calls, want %v after 1", err, calls, stop)
	}
}

// testScanState changes recordings from within a Scan, which must not see it.
func testScanState(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	for _, id := range []string{"a", "b", "c"} {
		put(t, x, center, New(id, region, 1000), index.Created)
	}
	var seen []string
	err := x.Scan(t.Context(), func(_ string, r *mapping.Recording) error {
		seen = append(seen, r.ID)
		if r.StartTime() != 1000 {
			t.Errorf("%q was changed", r.ID)
		}
		if len(seen) > 1 {
			return nil
		}
		put(t, x, center, New("d", region, 1000), index.Created)
		more := New("c", region, 1000)
		more.MediaFiles = []mapping.MediaFile{mediaFile("earlier.mp3", 500, 900)}
		put(t, x, center, more, index.Merged)
		return x.Delete(t.Context(), center, "b")
	})

	if got := strings.Join(seen, " "); err != nil || got != "a b c" {
		t.Errorf("Scan saw %q, %v, want a b c", got, err)
	}
	wantFound(t, x, center, region, "a d c", "startTime=0")
}

// testReopen: what was answered is there, and found, when the index is opened again.
func testReopen(t *testing.T, fresh Opener) {
	open := fresh(t)
	recordings := make(map[string]*mapping.Recording)
	for round := range 4 {
		x := Ready(t, open(t))
		for _, id := range []string{"a", "b", "c", "d"} {
			if r := recordings[id]; r != nil {
				wantGet(t, x, center, region, r)
			} else {
				wantMissing(t, x, center, region, id)
			}
		}
		q := index.Query{Scope: here, Limit: 10}
		page, err := index.Find(t.Context(), x, q)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckPage(recordings, q, page); err != nil {
			t.Fatalf("after opening it %d times: %v", round+1, err)
		}
		if round == 2 {
			Settle(t, x)
		}
		id := string(rune('a' + round))
		recordings[id] = New(id, region, mapping.Time(round*1000))
		put(t, x, center, recordings[id], index.Created)
		if round == 3 {
			if err := x.Delete(t.Context(), center, "a"); err != nil {
				t.Fatal(err)
			}
			delete(recordings, "a")
		}
		if err := x.Close(); err != nil {
			t.Fatalf("closing it: %v", err)
		}
	}

	x := Ready(t, open(t))
	wantFound(t, x, center, region, "d c b", "startTime=0")
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}
