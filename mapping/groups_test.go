package mapping_test

import (
	"testing"

	"recordings/mapping"
)

// TestVisibleTo: a team sees what has its access group or one below it, and whole names count.
func TestVisibleTo(t *testing.T) {
	team1, east, odd := []string{"/Sales/Team1"}, []string{"/SalesEast"}, []string{"/Sales//Team1/"}
	for _, c := range []struct {
		has, sees []string
		want      bool
	}{
		{nil, nil, true},
		{team1, nil, true},
		{nil, []string{}, false},
		{team1, []string{}, false},
		{nil, []string{"/"}, false}, // a recording without access groups is for those without, too
		{[]string{""}, []string{"/", ""}, false},
		{team1, team1, true},
		{team1, []string{"/Sales"}, true},
		{team1, []string{"/"}, true},
		{team1, []string{"/Support", "/Sales"}, true},
		{team1, []string{"/Sales/Team"}, false},
		{team1, []string{"/Sales/Team1/a"}, false},
		{team1, []string{"/sales"}, false},
		{team1, []string{"Sales"}, false},
		{team1, []string{"/Support"}, false},
		{east, []string{"/Sales"}, false},
		{[]string{"Sales"}, []string{"/"}, false},
		{[]string{"Sales/Team1"}, []string{"Sales"}, true},
		{[]string{"/Sales/"}, []string{"/Sales"}, true},
		{odd, []string{"/Sales"}, true},
		{odd, []string{"/Sales//Team1"}, true},
		{[]string{"/"}, []string{"/"}, true},
		{[]string{"/Ventes/Équipe", "/x"}, []string{"/Ventes"}, true},
	} {
		r := &mapping.Recording{MediaFiles: []mapping.MediaFile{{}, {AccessGroups: c.has}}}
		if got := r.VisibleTo(c.sees); got != c.want {
			t.Errorf("%q sees %q: %v", c.sees, c.has, got)
		}
		if got := r.Searchable().VisibleTo(c.sees); got != c.want {
			t.Errorf("%q finds %q: %v", c.sees, c.has, got)
		}
	}

	for group, want := range map[string]string{"/Sales/": "/Sales", "/": "/", "///": "/", "": "", "a": "a", "a/": "a"} {
		if got := mapping.NormalAccessGroup(group); got != want {
			t.Errorf("%q is %q, want %q", group, got, want)
		}
	}
}
