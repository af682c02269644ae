package mapping_test

import (
	"math"
	"strings"
	"testing"

	"recordings/mapping"
)

// TestSearchComments: a comment is found as a whole and by its words, with and without the punctuation
// around them, in any letter case and without accents.
func TestSearchComments(t *testing.T) {
	r := &mapping.Recording{ID: "r", Region: "test", MediaFiles: []mapping.MediaFile{{}}}
	r.Comments = []mapping.Comment{
		{ID: "1", Text: "  Asks for a\r\n\r\nREFUND!  (Grüße) …  x-ray’s  "}, {ID: "2", Text: "second one"},
	}
	for expression, want := range map[string]bool{
		"refund": true, "Refund!": true, "refund?": false, "fund": false, "*fund": true, "(grusse)": true,
		"grüße": true, "(GRÜSSE)": false, "gruße": false, "gr*": true, "…": true, "x-ray's": true, "x-ray": false,
		`"asks for a refund! (grüße) … x-ray's"`: true, `"Asks*refund! *"`: true, `"for a refund"`: false,
		"second AND asks": true, "second AND third": false, "third second": true, "*": true, "a": true,
	} {
		c, err := mapping.ParseCriteria(map[string]string{mapping.ParamComment: expression})
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if got := mapping.Match(&c, r); got != want {
			t.Errorf("%s: found is %t, want %t, of %q", expression, got, want, r.Searchable().Comments)
		}
	}

	r.Comments = nil
	c, err := mapping.ParseCriteria(map[string]string{mapping.ParamComment: "*"})
	if err != nil || mapping.Match(&c, r) {
		t.Errorf("what has no comment is found, %v", err)
	}
}

// TestCheckComment: what is refused of a comment.
func TestCheckComment(t *testing.T) {
	for text, want := range map[string]bool{
		"x": true, "": false, " \r\n\t": false, "a\x00": false, "a\xff": false,
		strings.Repeat("é", mapping.MaxComment): true, strings.Repeat("é", mapping.MaxComment+1): false,
	} {
		if err := mapping.CheckComment(text); (err == nil) != want {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	for at, want := range map[float64]bool{
		0: true, math.Copysign(0, -1): true, 83.2: true, mapping.MaxAt: true, mapping.MaxAt + 1: false, -0.001: false,
		math.Inf(1): false,
	} {
		if err := mapping.CheckAt(at); (err == nil) != want {
			t.Errorf("%g: %v", at, err)
		}
	}
	if err := mapping.CheckAt(math.NaN()); err == nil {
		t.Error("no number is a moment")
	}
	for at, want := range map[float64]float64{83.2: 83.2, 83.20049: 83.2, 1.0006: 1.001, math.Copysign(0, -1): 0} {
		if got := mapping.RoundAt(at); got != want || math.Signbit(got) {
			t.Errorf("%g is rounded to %g, want %g", at, got, want)
		}
	}
}
