package store

import (
	"cmp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recordings/index/indextest"
)

// TestRecordKey makes sure that keys can be taken apart again and are in the order of (contact
// center, id).
func TestRecordKey(t *testing.T) {
	odd := rapid.SampledFrom(append(indextest.OddNames, ""))
	short := rapid.StringOfN(rapid.RuneFrom([]rune("\x00\x01\xffab/")), 0, 6, -1)
	names := rapid.OneOf(odd, short)

	rapid.Check(t, func(t *rapid.T) {
		c1, id1, c2, id2 := names.Draw(t, "c1"), names.Draw(t, "id1"), names.Draw(t, "c2"), names.Draw(t, "id2")
		k1, k2 := RecordKey(c1, id1), RecordKey(c2, id2)
		contactCenter, id, err := SplitRecordKey(k1)
		if err != nil || contactCenter != c1 || id != id1 {
			t.Fatalf("%q, %q came back as %q, %q, %v", c1, id1, contactCenter, id, err)
		}
		want := cmp.Or(strings.Compare(c1, c2), strings.Compare(id1, id2))
		if got := strings.Compare(k1, k2); got != want {
			t.Fatalf("the keys of (%q, %q) and (%q, %q) compare as %d, want %d", c1, id1, c2, id2, got, want)
		}
		if k1 < RecordPrefix || k1 >= recordEnd {
			t.Fatalf("%q is not among the recordings", k1)
		}
	})
}

// TestForeignBytes reads keys and values that nobody wrote.
func TestForeignBytes(t *testing.T) {
	for _, key := range []string{"", "r", "r/", "r/a", "c/a\x00\x01b", "r/a\x00b"} {
		if c, id, err := SplitRecordKey(key); err == nil {
			t.Errorf("%q was read as %q, %q", key, c, id)
		}
	}
	for _, value := range []string{"", "\x01", "\x02123456789", "\x0112345678"} {
		if _, data, err := splitValue([]byte(value)); err == nil && len(value) != valueHeader {
			t.Errorf("%q was read as %q", value, data)
		}
	}
	for _, value := range []string{"", "\xff", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if _, _, err := splitLogValue([]byte(value)); err == nil {
			t.Errorf("%q was read as an entry of the change log", value)
		}
	}
	for _, key := range []string{"", "c/", "c/1234567", "c/123456789"} {
		if _, err := splitLogKey([]byte(key)); err == nil {
			t.Errorf("%q was read as a key of the change log", key)
		}
	}
}
