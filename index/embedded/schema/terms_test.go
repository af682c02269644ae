package schema

import (
	"testing"

	index "github.com/blevesearch/bleve_index_api"

	"recordings/mapping"
)

var someTimes = []mapping.Time{
	0, 1, 127, 128, mapping.Time(MSPerDay) - 1, mapping.Time(MSPerDay), 1368819932000, mapping.MaxTime,
}

func TestTimeTerm(t *testing.T) {
	last := ""
	for _, at := range someTimes {
		term := TimeTerm(at)
		if got, ok := TimeFrom(term); got != at || !ok {
			t.Errorf("%d came back as %d, %v", at, got, ok)
		}
		if term <= last {
			t.Errorf("the term of %d is not behind the one before", at)
		}
		last = term
	}

	for _, wrong := range []string{"", "1", "00000000000000x", "0000000000000000"} {
		if _, ok := TimeFrom(wrong); ok {
			t.Errorf("%q is taken for a time", wrong)
		}
	}
}

// TestFields: what the table says of fields, and what segments have, is the same.
func TestFields(t *testing.T) {
	options := make(map[string]index.FieldIndexingOptions)
	last := ""
	for _, f := range fieldSpecs {
		options[f.name] = f.options
		if f.name <= last {
			t.Errorf("%s is not behind %s", f.name, last)
		}
		last = f.name
	}

	for _, f := range Fields {
		if _, ok := options[f.Name]; ok != (f.Filled > 0) {
			t.Errorf("%s is filled %d, and in segments: %v", f.Name, f.Filled, ok)
		}
		if f.Filled == 0 {
			continue
		}
		if _, ok := options[f.Grams]; !ok && f.Grams != "" {
			t.Errorf("segments have no %s", f.Grams)
		}
		if f.Values != "" && options[f.Values]&index.DocValues == 0 {
			t.Errorf("%s has no doc values", f.Values)
		}
	}
}
