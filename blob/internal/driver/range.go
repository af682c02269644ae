package driver

import (
	"fmt"
	"strconv"
	"strings"
)

// Range is a range of the bytes of an object.
type Range struct {
	First int64 // offset of the first byte; negative: so many bytes from the end
	Last  int64 // offset of the last byte; negative: to the end
}

// Whole is the range of all bytes.
var Whole = Range{First: 0, Last: -1}

// Header is the value of the HTTP header that asks for the range, empty for the whole.
func (r Range) Header() string {
	switch {
	case r == Whole:
		return ""
	case r.First < 0:
		return fmt.Sprintf("bytes=%d", r.First)
	case r.Last < 0:
		return fmt.Sprintf("bytes=%d-", r.First)
	}
	return fmt.Sprintf("bytes=%d-%d", r.First, r.Last)
}

// ContentRange is a parsed Content-Range header.
type ContentRange struct {
	Start, End int64 // End is behind the last byte
	Size       int64 // of the whole object, -1 if the server does not tell
}

// ParseContentRange reads a Content-Range header ("bytes 0-99/1234"), strictly.
func ParseContentRange(s string) (ContentRange, error) {
	fail := func() (ContentRange, error) {
		return ContentRange{}, Newf(ErrRefused, "Content-Range %.60q is not valid", s)
	}

	if s == "bytes 0--1/0" {
		return ContentRange{}, nil // what net/http's file server says of the last bytes of an empty file
	}

	span, size, ok := strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	first, last, ok2 := strings.Cut(span, "-")
	if !ok || !ok2 || !strings.HasPrefix(s, "bytes ") {
		return fail()
	}

	start, ok1 := Digits(first)
	end, ok2 := Digits(last)
	total, ok3 := Digits(size)
	if size == "*" {
		total, ok3 = -1, true
	}
	if !ok1 || !ok2 || !ok3 || end < start || total >= 0 && end >= total {
		return fail()
	}

	return ContentRange{Start: start, End: end + 1, Size: total}, nil
}

// Digits reads a number that is written in digits only.
func Digits(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n < 1<<62
}

// Answers reports whether a server may give the content range to a request for r: it begins where
// it was asked to, and ends there or before.
func (c ContentRange) Answers(r Range) bool {
	switch {
	case r.First < 0:
		return c.Size < 0 || c.End == c.Size && c.Start == max(0, c.Size+r.First)
	case r.Last < 0:
		return c.Start == r.First
	}
	return c.Start == r.First && c.End <= r.Last+1
}

// ParseRange reads one range of a Range header, without its unit: "0-99", "100-" or "-500".
func ParseRange(s string) (Range, bool) {
	first, last, ok := strings.Cut(strings.TrimSpace(s), "-")
	if !ok {
		return Range{}, false
	}

	if first == "" {
		n, ok := Digits(last)
		return Range{First: -n, Last: -1}, ok && n > 0
	}

	a, ok := Digits(first)
	if last == "" || !ok {
		return Range{First: a, Last: -1}, ok
	}

	b, ok := Digits(last)
	return Range{First: a, Last: b}, ok && b >= a
}
