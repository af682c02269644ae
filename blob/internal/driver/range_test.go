package driver_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"recordings/blob/internal/driver"
)

func TestParseContentRange(t *testing.T) {
	for s, want := range map[string]driver.ContentRange{
		"bytes 0-0/1":       {Start: 0, End: 1, Size: 1},
		"bytes 100-199/200": {Start: 100, End: 200, Size: 200},
		"bytes 100-199/*":   {Start: 100, End: 200, Size: -1},
		"bytes 0--1/0":      {},
	} {
		if got, err := driver.ParseContentRange(s); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", s, got, err, want)
		}
	}

	for _, s := range []string{
		"", "bytes", "bytes ", "bytes */100", "bytes 0-9", "0-9/10", "Bytes 0-9/10", "bytes=0-9/10", "bytes  0-9/10",
		"bytes 9-0/10", "bytes 0-10/10",
		"bytes -1-9/10", "bytes +0-9/10", "bytes 0x0-9/10", "bytes 0-9/10/10", "bytes 0-99999999999999999999/*",
		"bytes 0-9/-1", "bytes 1--1/0",
	} {
		if got, err := driver.ParseContentRange(s); err == nil {
			t.Errorf("%q is taken for %+v", s, got)
		}
	}
}

func TestAnswers(t *testing.T) {
	whole := driver.ContentRange{Start: 0, End: 100, Size: 100}
	for _, test := range []struct {
		asked string
		got   driver.ContentRange
		want  bool
	}{
		{"0-", whole, true},
		{"0-99", whole, true},
		{"0-999", whole, true},
		{"0-98", whole, false},
		{"10-", whole, false},
		{"10-", driver.ContentRange{Start: 10, End: 100, Size: 100}, true},
		{"10-19", driver.ContentRange{Start: 10, End: 15, Size: 100}, true},
		{"10-19", driver.ContentRange{Start: 10, End: 21, Size: 100}, false},
		{"10-19", driver.ContentRange{Start: 11, End: 20, Size: 100}, false},
		{"-5", driver.ContentRange{Start: 95, End: 100, Size: 100}, true},
		{"-5", driver.ContentRange{Start: 94, End: 100, Size: 100}, false},
		{"-5", driver.ContentRange{Start: 94, End: 99, Size: 100}, false},
		{"-500", whole, true},
	} {
		r, ok := driver.ParseRange(test.asked)
		if !ok || test.got.Answers(r) != test.want {
			t.Errorf("%+v to %q: want %t", test.got, test.asked, test.want)
		}
	}
}

func TestSame(t *testing.T) {
	now := time.Now()
	info := func(size int64, tag string, t time.Time) driver.Info {
		return driver.Info{Size: size, ETag: tag, ModTime: t}
	}

	for _, test := range []struct {
		a, b driver.Info
		want bool
	}{
		{info(1, `"x"`, now), info(1, `"x"`, now.Add(time.Second)), true},
		{info(1, `"x"`, now), info(1, `W/"x"`, now), true},
		{info(1, `"x"`, now), info(1, `"y"`, now), false},
		{info(1, `"x"`, now), info(2, `"x"`, now), false},
		{info(1, `"x"`, now), info(-1, `"x"`, now), true},
		{info(1, ``, now), info(1, `"x"`, now), true},
		{info(1, ``, now), info(1, `"x"`, now.Add(time.Second)), false},
		{info(1, ``, now), info(1, ``, time.Time{}), true},
	} {
		if test.a.Same(test.b) != test.want || test.b.Same(test.a) != test.want {
			t.Errorf("%+v and %+v: want %t", test.a, test.b, test.want)
		}
	}
}

func TestValidETag(t *testing.T) {
	for _, s := range []string{`""`, `"x"`, `W/"x"`, `"a-b_c/d=="`, "\"\xe9\""} {
		if driver.ValidETag(s) != s {
			t.Errorf("%q is not taken", s)
		}
	}

	for _, s := range []string{``, `x`, `"`, `"x`, `x"`, `w/"x"`, `W/x`, `"a"b"`, `"a b"`, "\"a\r\nSet-Cookie: b\"",
		`"a", "b"`} {
		if driver.ValidETag(s) != "" {
			t.Errorf("%q is taken", s)
		}
	}
}

// FuzzContentRange: what is read can be written back, and is a range of something.
func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-0/1", "bytes 100-199/200", "bytes 5-9/*", "bytes */5", "bytes 0--1/0",
		"bytes 1-0/2"} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, s string) {
		c, err := driver.ParseContentRange(s)
		if err != nil || c == (driver.ContentRange{}) {
			return
		}
		if c.Start < 0 || c.End <= c.Start || c.Size >= 0 && c.End > c.Size {
			t.Fatalf("%q: %+v", s, c)
		}

		size := fmt.Sprint(c.Size)
		if c.Size < 0 {
			size = "*"
		}

		again, err := driver.ParseContentRange(fmt.Sprintf("bytes %d-%d/%s", c.Start, c.End-1, size))
		if err != nil || again != c {
			t.Fatalf("%q: %+v, again %+v, %v", s, c, again, err)
		}
	})
}

// FuzzRange reads one range of a Range header. What is read is written as a header that says the
// same, and is never the range of nothing.
func FuzzRange(f *testing.F) {
	for _, seed := range []string{"0-99", "100-", "-500", "-0", "5-4", " 1-2 ", "9223372036854775807-", "--1", ""} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, text string) {
		r, ok := driver.ParseRange(text)
		if !ok {
			return
		}
		if r.Last >= 0 && r.Last < r.First {
			t.Fatalf("%q is a range that ends before it begins: %+v", text, r)
		}

		header := r.Header()
		if header == "" {
			header = "bytes=0-" // the whole
		}

		again, ok := driver.ParseRange(strings.TrimPrefix(header, "bytes="))
		if !ok || again != r {
			t.Fatalf("%q is %+v, whose header %q is %+v, %v", text, r, header, again, ok)
		}
	})
}
