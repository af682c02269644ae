package client

import (
	"context"
	"net/http"

	"recordings/mapping"
)

// Interval is how long the buckets of a histogram are.
type Interval string

// The intervals. A week begins on Monday.
const (
	Hour  Interval = "hour"
	Day   Interval = "day"
	Week  Interval = "week"
	Month Interval = "month"
)

// Intervals are all of them, the shortest first.
var Intervals = []Interval{Hour, Day, Week, Month}

// Histogram is how many of the recordings that match start when, counted exactly and in one state.
type Histogram struct {
	Interval Interval     `json:"interval"`
	Zone     string       `json:"zone"`    // whose hours, days, weeks or months these are
	Total    int64        `json:"total"`   // all that match
	Until    mapping.Time `json:"until"`   // where the last bucket ends; 0: there is none
	Buckets  []Bucket     `json:"buckets"` // from that of the first recording to that of the last, in order
}

// Bucket is how many recordings start at its beginning or later, and before the next one.
type Bucket struct {
	From  mapping.Time `json:"from"`
	Count int64        `json:"count"`
}

// End is where a bucket ends, by its place among the buckets.
func (h *Histogram) End(i int) mapping.Time {
	if i+1 < len(h.Buckets) {
		return h.Buckets[i+1].From
	}
	return h.Until
}

// Histogram counts the recordings that match by the hours, days, weeks or months of a zone, such as
// Europe/Berlin, in which they start; an empty zone is UTC. More than 1000 buckets are refused.
func (c *Center) Histogram(ctx context.Context, criteria Criteria, by Interval, zone string) (*Histogram, error) {
	query := (&Query{Criteria: criteria}).values()
	query.Set("interval", string(by))
	if zone != "" {
		query.Set("zone", zone)
	}

	var answer struct {
		Histogram Histogram `json:"histogram"`
	}
	if err := c.call(ctx, http.MethodGet, c.Path("/recordings/histogram"), query, &answer); err != nil {
		return nil, err
	}
	return &answer.Histogram, nil
}
