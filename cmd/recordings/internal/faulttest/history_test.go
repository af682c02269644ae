package faulttest_test

import (
	"strings"
	"testing"

	"recordings/cmd/recordings/internal/faulttest"
	"recordings/mapping"
)

// TestHistoryRules: the rules by which the crash test judges would notice what it looks for.
func TestHistoryRules(t *testing.T) {
	with := func(parts ...int) *mapping.Recording {
		var r *mapping.Recording
		for _, part := range parts {
			r = mapping.Merge(r, faulttest.RecordingOf("id", part))
		}
		return r
	}

	doubled, torn := with(1), with(1)
	doubled.MediaFiles = append(doubled.MediaFiles, doubled.MediaFiles...)
	torn.EventHistory = torn.EventHistory[:1]
	post := func(h *faulttest.History, part int) { h.BeginPost("id", part)() }
	for _, c := range []struct {
		name  string
		do    func(h *faulttest.History)
		state *mapping.Recording
		want  string // in the error; empty: none
	}{
		{"nothing", func(*faulttest.History) {}, nil, ""},
		{"posted", func(h *faulttest.History) { post(h, 1) }, with(1), ""},
		{"lost", func(h *faulttest.History) { post(h, 1) }, nil, "is gone"},
		{"merged", func(h *faulttest.History) { post(h, 1); post(h, 2) }, with(1, 2), ""},
		{"half lost", func(h *faulttest.History) { post(h, 1); post(h, 2) }, with(2), "is gone"},
		{"merged in the wrong order", func(h *faulttest.History) { post(h, 1); post(h, 2) }, with(2, 1),
			"was posted after it"},
		{"merged at the same time", func(h *faulttest.History) { a := h.BeginPost("id", 1); post(h, 2); a() },
			with(2, 1), ""},
		{"not answered, happened", func(h *faulttest.History) { h.BeginPost("id", 1) }, with(1), ""},
		{"not answered, not happened", func(h *faulttest.History) { h.BeginPost("id", 1) }, nil, ""},
		{"torn", func(h *faulttest.History) { post(h, 1) }, torn, "its events are"},
		{"doubled", func(h *faulttest.History) { post(h, 1) }, doubled, "is there twice"},
		{"made up", func(h *faulttest.History) { post(h, 1) }, with(1, 2), "never posted"},
		{"deleted", func(h *faulttest.History) { post(h, 1); h.BeginDelete("id")(true) }, nil, ""},
		{"not deleted", func(h *faulttest.History) { post(h, 1); h.BeginDelete("id")(true) }, with(1), "is back"},
		{"nothing to delete", func(h *faulttest.History) { h.BeginDelete("id")(false); post(h, 1) }, nil, "is gone"},
		{"deleted, not answered", func(h *faulttest.History) { post(h, 1); h.BeginDelete("id") }, nil, ""},
		{"deleted before", func(h *faulttest.History) { h.BeginDelete("id")(true); post(h, 1) }, nil, "is gone"},
		{"deleted at the same time", func(h *faulttest.History) { a := h.BeginDelete("id"); post(h, 1); a(true) }, nil,
			""},
		{"posted before a crash, deleted after it",
			func(h *faulttest.History) { h.BeginPost("id", 1); h.Crashed(); h.BeginDelete("id")(true) }, with(1),
			"is back"},
		{"deleted before a crash, posted after it",
			func(h *faulttest.History) { h.BeginDelete("id"); h.Crashed(); post(h, 1) },
			nil, "is gone"},
		{"posted again after a DELETE",
			func(h *faulttest.History) { post(h, 1); h.BeginDelete("id")(true); post(h, 1) }, with(1),
			""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := faulttest.NewHistory()
			c.do(h)
			h.Crashed()
			err := h.Check("id", c.state)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Fatalf("got %v, want %q", err, c.want)
			}

			if err := h.Check("id", c.state); c.want == "" && err != nil {
				t.Errorf("what was found is not settled: %v", err)
			}
		})
	}
}
