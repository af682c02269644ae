package mapping_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recordings/mapping"
)

// TestUserDataByKey: a value counts under its key only, in the grammar of userData.
func TestUserDataByKey(t *testing.T) {
	s := searchableOf(t)
	for _, c := range []struct {
		key, value string
		want       bool
	}{
		{"tier", "gold", true}, {"TIER", "GOLD", true}, {"tier", "g*", true}, {"tier", "*", true}, {"tier", "**", true},
		{"tier", "gol", false}, {"tier", "flat", false}, {"tie", "gold", false}, {"tier ", "gold", false},
		{"case", `"CASE-1 X"`, true}, {"case", `"case-1*"`, true}, {"case", "*x", true},
		{"case", "gold OR case*x", true},
		{"case", "case* AND gold", false}, {"case", "case* AND *1*", true},
		{"n", "1.5", true}, {"yes", "true", true}, {"no", "*", false}, {"empty", "*", false},
		{"list", "l1", true}, {"list.0", "l1", false}, {"list.deleted", "l2", true}, {"deleted", "l2", false},
		{"deleted", "flat", true}, {"old", "gone", false}, {"x", "new", true}, {"updated.x", "new", false},
	} {
		criteria, err := mapping.ParseCriteria(map[string]string{mapping.ParamUserDataKey + c.key: c.value})
		if err != nil {
			t.Fatal(err)
		}
		if got := criteria.Match(s); got != c.want {
			t.Errorf("%s: %s: %v, want %v", c.key, c.value, got, c.want)
		}
	}

	both, err := mapping.ParseCriteria(map[string]string{"userDataKey.tier": "gold", "userDataKey.n": "2"})
	if err != nil || both.Match(s) {
		t.Errorf("two keys are not ANDed: %v", err)
	}
}

// TestLongDataKeys: whatever a criterion can ask for is found, however long it is when it is folded. A name that
// nobody can ask for costs no memory for each of its values, which are found all the same.
func TestLongDataKeys(t *testing.T) {
	const key = "ﷺ" // which is folded to 18 characters
	asked := strings.Repeat(key, 256/len(key))
	criteria, err := mapping.ParseCriteria(map[string]string{mapping.ParamUserDataKey + asked: "gold"})
	if err != nil {
		t.Fatal(err)
	}
	attached := func(name, values string) *mapping.Recording {
		data := fmt.Sprintf(`{"a":{},"added":{%q:%s}}`, name, values)
		return &mapping.Recording{EventHistory: []mapping.Event{{Event: mapping.EventData, Data: []byte(data)}}}
	}
	if folded := mapping.Fold(asked); !criteria.Match(attached(folded, `"gold"`).Searchable()) {
		t.Errorf("a key of %d bytes is not found", len(folded))
	}

	values := "[" + strings.Repeat(`1,`, 2000) + `"gold"]`
	for _, name := range []string{strings.Repeat("n", 5_000), strings.Repeat("n", 500_000)} {
		r := attached("x", `{"`+name+`":`+values+`}`)
		s := r.Searchable()
		if size := len(strings.Join(s.UserDataByKey, "")); size > 0 {
			t.Errorf("a name of %d bytes has terms of %d", len(name), size)
		}
		if !slices.Equal(s.UserData, []string{"1", "gold"}) {
			t.Errorf("the values of a name of %d bytes are %q", len(name), s.UserData)
		}
		want := "x." + name
		for got := range r.EventHistory[0].UserData() {
			if got != want[:min(len(want), 16<<10+1)] {
				t.Fatalf("a name of %d bytes is given as one of %d", len(want), len(got))
			}
		}
	}
}

// TestUserDataKeyRefused: what is wrong is told by the name of the parameter, as it was sent.
func TestUserDataKeyRefused(t *testing.T) {
	many := map[string]string{}
	for i := range 17 {
		many[fmt.Sprintf("userDataKey.%02d", i)] = "x"
	}
	for _, c := range []struct {
		params   map[string]string
		path, of string
	}{
		{map[string]string{"userDataKey.": "x"}, "userDataKey.", "has no key"},
		{map[string]string{"userDataKey.a": "x AND"}, "userDataKey.a", "AND"},
		{map[string]string{"userDataKey.a": ""}, "userDataKey.a", "is empty"},
		{map[string]string{"userDataKey.a": strings.Repeat("*", 17)}, "userDataKey.a", "wildcards"},
		{map[string]string{"userDataKey.a\x00": "x"}, "userDataKey.KEY", "NUL"},
		{map[string]string{"userDataKey.\xff": "x"}, "userDataKey.KEY", "UTF-8"},
		{map[string]string{"userDataKey." + strings.Repeat("k", 257): "x"}, "userDataKey.KEY", "longer than 256 bytes"},
		{map[string]string{"userDataKey.a": "x", "userDataKey.A": "y"}, "userDataKey.a", "letter case"},
		{many, "userDataKey.16", "too many"},
	} {
		_, err := mapping.ParseCriteria(c.params)
		var problems mapping.Problems
		if !errors.As(err, &problems) || len(problems) != 1 {
			t.Errorf("%q: got %v", c.path, err)
			continue
		}
		if p := problems[0]; !strings.HasPrefix(p.Path, c.path) || !strings.Contains(p.Message, c.of) {
			t.Errorf("%q: got %q: %q, want %q", c.path, p.Path, p.Message, c.of)
		}
	}
	for name, want := range map[string]bool{
		"userData": true, "userDataKey.x": true, "userDataKey.": true,
		"userDataKey": false, "userdatakey.x": false, "x": false,
	} {
		if mapping.IsCriterion(name) != want {
			t.Errorf("%s is a criterion: %v", name, !want)
		}
	}
}

// TestDataTerms: a value and its key are found again in the term of both, whatever is in them.
func TestDataTerms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Map(rapid.StringOf(rapid.RuneFrom([]rune("a=\n\r\\* ."))), mapping.Fold)
		key, value := text.Draw(t, "key"), text.Draw(t, "value")
		pieces := []string{value, mapping.DataTerm(key, value)}
		values, found, ok := mapping.CutData(pieces)
		if !ok || found != key || !slices.Equal(values, []string{value, value}) {
			t.Errorf("%q under %q: %q, %q", value, key, values, found)
		}
		if _, _, ok := mapping.CutData([]string{key, value}); ok {
			t.Errorf("%q is a term with a key", value)
		}
	})
}
