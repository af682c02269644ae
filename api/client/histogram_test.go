package client_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"recordings/api/client"
	"recordings/mapping"
)

// TestHistogram counts calls of two evenings, in zones in which they are and are not of one day.
func TestHistogram(t *testing.T) {
	s := running(t)
	ops := as(t, s.url, "ops").Center("cc")
	for i, minute := range []int{0, 1, 60, 24 * 60} { // from 2023-11-14T22:13:20Z on
		if _, err := ops.Post(t.Context(), call(fmt.Sprint("r", i), minute)); err != nil {
			t.Fatal(err)
		}
	}

	all := client.Criteria{mapping.ParamStartTime: "0"}
	for _, x := range []struct {
		by   client.Interval
		zone string
		want string // beginning=count, and the end
	}{
		{client.Day, "", "2023-11-14T00=3 2023-11-15T00=1 2023-11-16T00"},
		{client.Day, "Asia/Kolkata", "2023-11-14T18=3 2023-11-15T18=1 2023-11-16T18"},
		{client.Day, "America/St_Johns", "2023-11-14T03=3 2023-11-15T03=1 2023-11-16T03"},
		{client.Week, "UTC", "2023-11-13T00=4 2023-11-20T00"},
		{client.Month, "Europe/Berlin", "2023-10-31T23=4 2023-11-30T23"},
	} {
		got, err := ops.Histogram(t.Context(), all, x.by, x.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got.Interval != x.by || got.Total != 4 || x.zone != "" && got.Zone != x.zone {
			t.Errorf("by %s in %s: %+v", x.by, x.zone, got)
		}
		if text := written(got); text != x.want {
			t.Errorf("by %s in %s: %s, want %s", x.by, x.zone, text, x.want)
		}
	}

	hours, err := as(t, s.url, "admin").Own().Histogram(t.Context(), all, client.Hour, "UTC")
	if err != nil || len(hours.Buckets) != 25 || hours.Buckets[0].Count != 2 || hours.Buckets[2].Count != 0 {
		t.Errorf("by hour: %+v, %v", hours, err)
	}
	none, err := ops.Histogram(t.Context(), client.Criteria{mapping.ParamUserName: "nobody"}, client.Hour, "UTC")
	if err != nil || len(none.Buckets) != 0 || none.Total != 0 || none.Until != 0 {
		t.Errorf("of nobody: %+v, %v", none, err)
	}

	_, err = ops.Histogram(t.Context(), all, "year", "Mars")
	refused, ok := errors.AsType[*client.RefusedError](err)
	if !ok || refused.Code != client.CodeInvalid || len(refused.Problems) != 2 {
		t.Errorf("by year on Mars: %v", err)
	}
}

// written are the buckets of a histogram, with where they begin to the hour, and where the last ends.
func written(h *client.Histogram) string {
	var parts []string
	for i, b := range h.Buckets {
		parts = append(parts, fmt.Sprintf("%.13s=%d", b.From, b.Count))
		if i+1 < len(h.Buckets) && h.End(i) != h.Buckets[i+1].From {
			parts = append(parts, "a gap")
		}
	}
	return strings.Join(append(parts, fmt.Sprintf("%.13s", h.End(len(h.Buckets)-1))), " ")
}
