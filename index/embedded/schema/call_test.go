package schema

import (
	"bytes"
	"testing"
	"unicode/utf8"

	index "github.com/blevesearch/bleve_index_api"

	"recordings/mapping"
)

func FuzzCall(f *testing.F) {
	for i, start := range someTimes {
		f.Add(int64(start), int64(someTimes[len(someTimes)-1-i]), "+16504668888", "")
		f.Add(int64(start), int64(i), "anonymous", "+1 800-123#*")
	}

	f.Fuzz(func(t *testing.T, start, duration int64, caller, dialed string) {
		from := mapping.Time(start) & (1<<48 - 1)
		to := from + mapping.Time(duration)&(1<<48-1)
		if !utf8.ValidString(caller) || !utf8.ValidString(dialed) {
			return // mapping lets neither in
		}
		changed := mapping.Time(start^duration<<1) & (1<<48 - 1) // often far from both
		term := appendCall(nil, from, to, changed, caller, dialed)
		if bytes.IndexByte(term, index.DocValueTermSeparator) >= 0 {
			t.Fatalf("%x has the separator of doc values", term)
		}

		var c Call
		if !c.Parse(term) || c.Start != from || c.Stop != to || c.Changed != changed {
			t.Fatalf("%d to %d came back as %+v", from, to, c)
		}
		if got := string(c.Number(FieldCaller)); got != caller {
			t.Fatalf("caller %q came back as %q", caller, got)
		}
		if got := string(c.Number(FieldDialed)); got != dialed {
			t.Fatalf("dialed %q came back as %q", dialed, got)
		}
		if later := appendCall(nil, from+1, to, 0, caller, dialed); string(later) <= string(term) {
			t.Fatal("calls are not in the order of their start")
		}

		for cut := range term { // none of these must panic
			if c.Parse(term[:cut]) {
				c.Number(FieldCaller)
				c.Number(FieldDialed)
			}
		}
	})
}
