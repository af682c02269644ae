package mapping_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"recordings/mapping"
)

// recordingOf is a recording with one contact, and one value of user data.
func recordingOf(contact *mapping.Contact, value string) *mapping.Recording {
	data, err := json.Marshal(map[string]string{"value": value})
	if err != nil {
		panic(err)
	}
	return &mapping.Recording{
		MediaFiles:   []mapping.MediaFile{{}},
		EventHistory: []mapping.Event{{Contact: contact, Data: data}},
	}
}

// checkFound checks which values of a parameter find a recording.
func checkFound(t *testing.T, r *mapping.Recording, param string, found, missed []string) {
	t.Helper()
	for want, values := range map[bool][]string{true: found, false: missed} {
		for _, value := range values {
			c, err := mapping.ParseCriteria(map[string]string{param: value})
			if err != nil {
				t.Errorf("%s=%s: %v", param, value, err)
				continue
			}
			if mapping.Match(&c, r) != want {
				t.Errorf("%s=%s finds it: %t, want %t, among %+v", param, value, !want, want, r.Searchable())
			}
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range readCases[[]struct {
		Of                            string
		UserName, FirstName, LastName string
		Found, Missed                 []string
	}](t, "names.json") {
		t.Run(c.Of, func(t *testing.T) {
			contact := &mapping.Contact{UserName: c.UserName, FirstName: c.FirstName, LastName: c.LastName}
			checkFound(t, recordingOf(contact, ""), mapping.ParamUserName, c.Found, c.Missed)
		})
	}
}

func TestValues(t *testing.T) {
	for _, c := range readCases[[]struct {
		Value         string
		Found, Missed []string
	}](t, "values.json") {
		t.Run(c.Value, func(t *testing.T) {
			checkFound(t, recordingOf(nil, c.Value), mapping.ParamUserData, c.Found, c.Missed)
		})
	}
}

// TestOperators: what other search languages have is refused where it would turn the meaning around,
// and said where it is searched as it stands.
func TestOperators(t *testing.T) {
	for _, c := range readCases[[]struct {
		In, Refused string
		Notices     []string
	}](t, "expressions.json") {
		for _, param := range []string{mapping.ParamUserName, mapping.ParamUserData} {
			params := map[string]string{param: c.In}
			_, err := mapping.ParseCriteria(params)
			if c.Refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.Refused) {
					t.Errorf("%s=%s: %v, want an error with %q", param, c.In, err, c.Refused)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s=%s: %v", param, c.In, err)
				continue
			}

			notices := mapping.Notices(params)
			if len(notices) != len(c.Notices) {
				t.Errorf("%s=%s: %q, want %q", param, c.In, notices, c.Notices)
				continue
			}
			for i, notice := range notices {
				if !strings.HasPrefix(notice, param+": ") || !strings.Contains(notice, c.Notices[i]) {
					t.Errorf("%s=%s: %q, want %q", param, c.In, notice, c.Notices[i])
				}
			}
		}
	}
}

// TestNamesAreFound: whoever types a name as it is, or its parts in any usual order, finds it, in
// any script.
func TestNamesAreFound(t *testing.T) {
	name := rapid.StringOfN(rapid.RuneFrom([]rune("aàbÖßłİıΣσςЁй王小がﾀﾞ민수ｱＡ-'’–,*\"\\ \u00a0\u0301")), 1, 8, -1)
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `*`, `\*`)
	rapid.Check(t, func(t *rapid.T) {
		first, last := name.Draw(t, "first"), name.Draw(t, "last")
		r := recordingOf(&mapping.Contact{FirstName: first, LastName: last}, first)
		for _, typed := range []string{first, last, first + " " + last, last + " " + first, last + ", " + first} {
			c, err := mapping.ParseCriteria(map[string]string{"userName": `"` + quote.Replace(typed) + `"`})
			if err != nil {
				t.Fatalf("%q: %v", typed, err)
			}
			if !mapping.Match(&c, r) {
				t.Fatalf("%q does not find %q", typed, r.Searchable().Names)
			}
		}

		c, err := mapping.ParseCriteria(map[string]string{"userData": `"` + quote.Replace(first) + `"`})
		if err != nil || !mapping.Match(&c, r) {
			t.Fatalf("%q does not find %q: %v", first, r.Searchable().UserData, err)
		}
	})
}

// TestFoldASCII: text of ASCII alone, which takes a shorter way, is folded as it is beside other text.
func TestFoldASCII(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.RuneFrom(nil, &unicode.RangeTable{
			R16: []unicode.Range16{{Lo: 0, Hi: 0x7f, Stride: 1}}, LatinOffset: 1,
		})).Draw(t, "s")
		if got, want := mapping.Fold(s)+"字", mapping.Fold(s+"字"); got != want {
			t.Fatalf("%q is folded to %q, beside another letter to %q", s, got, want)
		}
	})
	for c := range rune(0x80) {
		if s := string(c); mapping.Fold(s)+"字" != mapping.Fold(s+"字") {
			t.Errorf("%q is folded to %q", s, mapping.Fold(s))
		}
	}
}
