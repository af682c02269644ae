package schema

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	index "github.com/blevesearch/bleve_index_api"

	"recordings/mapping"
)

func FuzzCall(f *testing.F) {
	for i, start := range someTimes {
		f.Add(int64(start), int64(someTimes[len(someTimes)-1-i]), "+16504668888", "", "")
		f.Add(int64(start), int64(i), "anonymous", "+1 800-123#*", "4711")
		f.Add(int64(start), int64(i), "+1 650,+1650", "*", "4711,ext. 4712,ext4712")
	}

	f.Fuzz(func(t *testing.T, start, duration int64, caller, dialed, contacts string) {
		from := mapping.Time(start) & (1<<48 - 1)
		to := from + mapping.Time(duration)&(1<<48-1)
		if !utf8.ValidString(caller + dialed + contacts) {
			return // mapping lets none in
		}
		changed := mapping.Time(start^duration<<1) & (1<<48 - 1) // often far from both
		lists := map[string][]string{
			FieldCaller: strings.Split(caller, ","),
			FieldDialed: strings.Split(dialed, ","),
			FieldPhone:  strings.FieldsFunc(contacts, func(r rune) bool { return r == ',' }),
		}
		term := appendCall(nil, from, to, changed, lists[FieldCaller], lists[FieldDialed], lists[FieldPhone])
		if bytes.IndexByte(term, index.DocValueTermSeparator) >= 0 {
			t.Fatalf("%x has the separator of doc values", term)
		}

		var c Call
		if !c.Parse(term) || c.Start != from || c.Stop != to || c.Changed != changed {
			t.Fatalf("%d to %d came back as %+v", from, to, c)
		}
		for field, want := range lists {
			got, ok := c.Numbers(field)
			if string(got) != strings.Join(want, "\xfe") || ok != (len(want) > 0) {
				t.Fatalf("%s %q came back as %q, %v", field, want, got, ok)
			}
		}
		if later := appendCall(nil, from+1, to, 0, lists[FieldCaller], nil, nil); string(later) <= string(term) {
			t.Fatal("calls are not in the order of their start")
		}

		for cut := range term { // none of these must panic
			if c.Parse(term[:cut]) {
				c.Numbers(FieldCaller)
				c.Numbers(FieldDialed)
				c.Numbers(FieldPhone)
			}
		}
	})
}
