package indextest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"recordings/index"
)

// testSavedSearches: each user of each contact center has searches of their own, which nobody else changes,
// and which are there when the index is opened again.
func testSavedSearches(t *testing.T, fresh Opener) {
	open := fresh(t)
	x := Ready(t, open(t))
	save := func(contactCenter, user string, s index.SavedSearch) error {
		return x.ChangeSavedSearches(t.Context(), contactCenter, user, index.SaveSearch(s))
	}
	named := func(contactCenter, user, want string) {
		t.Helper()
		all, err := x.SavedSearches(t.Context(), contactCenter, user)
		var names []string
		for _, s := range all {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%q of %q has %q, %v, want %q", user, contactCenter, got, err, want)
		}
	}

	first := index.SavedSearch{
		Name: "Ärger", Criteria: map[string]string{"userName": "Müller\n*", "label": "vip"}, Period: "yesterday",
		Zone: "Europe/Berlin", Sort: "startTime", LookedAt: 5, Time: 6,
	}
	for _, s := range []index.SavedSearch{first, {Name: "zoo", Time: 1}, {Name: "Alpha", Time: 2}} {
		if err := save(center, "alice", s); err != nil {
			t.Fatal(err)
		}
	}
	for _, user := range []string{"alice2", "alic", "ü\x00/", strings.Repeat("long", 500)} {
		if err := save(center, user, index.SavedSearch{Name: "own", Time: 3}); err != nil {
			t.Fatal(err)
		}
		named(center, user, "own")
	}
	if err := save("other", "alice", index.SavedSearch{Name: "elsewhere", Time: 4}); err != nil {
		t.Fatal(err)
	}
	named(center, "alice", "Alpha zoo Ärger")
	named(center, "bob", "")
	named("other", "alice", "elsewhere")
	named("othe", "ralice", "")

	if err := save(center, "alice", index.SavedSearch{Name: "ZOO", Time: 7}); err != nil {
		t.Fatal(err)
	}
	err := x.ChangeSavedSearches(t.Context(), center, "alice", index.DropSearch("alpha"))
	if err != nil {
		t.Fatal(err)
	}
	err = x.ChangeSavedSearches(t.Context(), center, "alice", index.DropSearch("alpha"))
	if !errors.Is(err, index.ErrNoSavedSearch) {
		t.Errorf("dropping what is not there: %v", err)
	}
	if err := x.ChangeSavedSearches(t.Context(), center, "alic", index.DropSearch("own")); err != nil {
		t.Fatal(err)
	}

	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = Ready(t, open(t))
	named(center, "alice", "ZOO Ärger")
	named(center, "alic", "")
	all, err := x.SavedSearches(t.Context(), center, "alice")
	if err != nil || len(all) != 2 || !all[1].Equal(&first) || all[1].Time != first.Time {
		t.Errorf("after opening it again: %+v, %v", all, err)
	}
	users, err := x.SavedSearchUsers(t.Context(), center)
	want := []string{"alice", "alice2", strings.Repeat("long", 500), "ü\x00/"}
	if slices.Sort(want); err != nil || !slices.Equal(users, want) {
		t.Errorf("the users are %q, %v, want %q", users, err, want)
	}
	if users, err := x.SavedSearchUsers(t.Context(), "nobody's"); err != nil || len(users) > 0 {
		t.Errorf("the users are %q, %v", users, err)
	}

	// The last ones at once: as many as there may be, and none is lost.
	const room, more = 5, 5
	fill := func([]index.SavedSearch) (all []index.SavedSearch, err error) {
		for i := range index.MaxSavedSearches - room {
			if all, err = index.SaveSearch(index.SavedSearch{Name: fmt.Sprint("first ", i)})(all); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
	if err := x.ChangeSavedSearches(t.Context(), center, "busy", fill); err != nil {
		t.Fatal(err)
	}
	var savers sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for i := range room + more {
		savers.Go(func() {
			err := save(center, "busy", index.SavedSearch{Name: fmt.Sprint(i), Time: 1})
			if errors.Is(err, index.ErrTooManySavedSearches) {
				mu.Lock()
				refused++
				mu.Unlock()
			} else if err != nil {
				t.Errorf("saving: %v", err)
			}
		})
	}
	savers.Wait()
	if all, err := x.SavedSearches(t.Context(), center, "busy"); len(all) != index.MaxSavedSearches || refused != more {
		t.Errorf("%d are saved, %d refused, %v", len(all), refused, err)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
}
