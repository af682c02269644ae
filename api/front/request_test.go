package front_test

import (
	"net/http"
	"strings"
	"testing"

	"recordings/api/front"
)

func TestRequestID(t *testing.T) {
	t.Parallel()
	of := func(values ...string) string { return front.RequestID(http.Header{"X-Request-Id": values}) }

	for _, id := range []string{
		"6f1c2a4e-93b1-4c0e-8d3f-0d6a5b7c9e21",
		"7F000001:8296_7F00001E:1F90_4F7B0A69_0003:0000", // HAProxy's
		"f3f1c0a9d1c04bb1a3b0a5c7b1f9e6d2",               // nginx's
		"Root=1-67891233-abcdef012345678912345678",
		"a" + strings.Repeat("0", 15), "a" + strings.Repeat("0", 127),
	} {
		if got := of(id); got != id {
			t.Errorf("%q became %q", id, got)
		}
	}

	seen := map[string]bool{}
	for _, values := range [][]string{
		nil, {""}, {"short"}, {"a" + strings.Repeat("0", 14)}, {"a" + strings.Repeat("0", 128)},
		{"001-650-466-8888"}, {"+123456789012345"}, {"1234567890123456"},
		{"dima.p@example.com"}, {"abcdefghijklmnop qrst"}, {"abcdefghijklmnop\x00"}, {"abcdefghijklmnopé"},
		{"abcdefghijklmnop<b>"}, {`abcdefghijklmnop"`},
		{"abcdefghijklmnopqrst", "abcdefghijklmnopqrst"},
	} {
		id := of(values...)
		if seen[id] || len(id) < 16 || len(values) > 0 && id == values[0] {
			t.Errorf("%q became %q", values, id)
		}
		seen[id] = true
	}
}

// TestTraceparent has the examples of https://www.w3.org/TR/trace-context/, and what is like them.
func TestTraceparent(t *testing.T) {
	t.Parallel()
	const example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for text, want := range map[string]string{
		example: example,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00":                 example[:53] + "00",
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":                 "cc" + example[2:],
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes-next": "cc" + example[2:],

		"":                        "",
		example + "-more":         "",
		"cc" + example[2:] + ".x": "",
		"ff" + example[2:]:        "",
		example[:54]:              "",
		strings.ToUpper(example):  "",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": "",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01": "",
		"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": "",
		"00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01": "",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01": "",
		"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01": "",
	} {
		if got := front.Traceparent(http.Header{"Traceparent": {text}}); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := front.Traceparent(http.Header{"Traceparent": {example, example}}); got != "" {
		t.Errorf("of two, got %q", got)
	}
}
