package deletion

import (
	"bytes"
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"recordings/erase/policy"
	"recordings/index"
	"recordings/mapping"
)

// maxSamples is how many recordings a preview shows.
const maxSamples = 10

// Preview says what a deletion would delete.
type Preview struct {
	Matched uint64       `json:"matched"`
	Held    uint64       `json:"held"`             // of these, kept as they are under a hold
	Oldest  mapping.Time `json:"oldest,omitzero"`  // the least startTime of them
	Newest  mapping.Time `json:"newest,omitzero"`  // the greatest
	Samples []Sample     `json:"samples,omitzero"` // the newest of them
}

// Sample is one recording that matches.
type Sample struct {
	ID        string       `json:"id"`
	StartTime mapping.Time `json:"startTime"`
	StopTime  mapping.Time `json:"stopTime"`
	Held      bool         `json:"held,omitzero"`
}

// Preview counts what a filter finds, without changing anything. It has the errors of a search.
func (d *Deletions) Preview(ctx context.Context, contactCenter string, f policy.Filter) (Preview, error) {
	if !f.Indexed() {
		return d.previewByHand(ctx, contactCenter, f)
	}

	q := d.query(contactCenter, &f)
	q.Limit, q.Total = maxSamples, true
	found, err := index.Find(ctx, d.index, q)
	if err != nil {
		return Preview{}, err
	}
	p := Preview{Matched: uint64(found.Total)}
	for _, r := range found.Recordings {
		p.see(sampleOf(r))
	}

	// In the order of a search the oldest is the last.
	if found.Total > maxSamples {
		q.Offset, q.Limit, q.Total = found.Total-1, 1, false
		last, err := index.Find(ctx, d.index, q)
		if err != nil {
			return Preview{}, err
		}
		for _, r := range last.Recordings {
			p.Oldest = min(p.Oldest, r.StartTime())
		}
	}

	if f.Criteria.NonDelete == nil || *f.Criteria.NonDelete {
		held, yes := q, true
		held.Criteria.NonDelete = &yes
		n, err := d.index.Count(ctx, held)
		if err != nil {
			return Preview{}, err
		}
		p.Held = uint64(n)
	}
	return p, nil
}

// see takes a recording into the preview.
func (p *Preview) see(s Sample) {
	if len(p.Samples) == 0 {
		p.Oldest, p.Newest = s.StartTime, s.StartTime
	}
	p.Oldest, p.Newest = min(p.Oldest, s.StartTime), max(p.Newest, s.StartTime)
	if len(p.Samples) < maxSamples {
		p.Samples = append(p.Samples, s)
	}
}

// sampleOf is what a preview shows of a recording.
func sampleOf(r *mapping.Recording) Sample {
	return Sample{r.ID, r.StartTime(), r.StopTime(), r.NonDelete != nil}
}

// previewByHand looks at every recording that the index finds.
func (d *Deletions) previewByHand(ctx context.Context, contactCenter string, f policy.Filter) (Preview, error) {
	var p Preview
	encode := func(b []byte, s *mapping.Stored) ([]byte, error) {
		r, err := s.Recording()
		if err != nil || !f.MatchBeyond(r) {
			return b, err
		}
		line, err := json.Marshal(sampleOf(r))
		return append(append(b, line...), '\n'), err
	}
	write := func(b []byte, _ int) error {
		for line := range bytes.Lines(b) {
			var s Sample
			if err := json.Unmarshal(line, &s); err != nil {
				return fmt.Errorf("reading a sample: %w", err)
			}
			p.see(s)
			p.Matched++
			if s.Held {
				p.Held++
			}
		}
		return nil
	}
	return p, d.index.Stream(ctx, d.query(contactCenter, &f), index.Sink{Encode: encode, Write: write})
}

// query asks for what the index knows of a filter.
func (d *Deletions) query(contactCenter string, f *policy.Filter) index.Query {
	return index.Query{Scope: index.Scope{ContactCenter: contactCenter, Region: d.region}, Criteria: f.Criteria}
}

// Count returns how many recordings of a contact center a filter finds.
func (d *Deletions) Count(ctx context.Context, contactCenter string, f policy.Filter) (uint64, error) {
	if !f.Indexed() {
		p, err := d.previewByHand(ctx, contactCenter, f)
		return p.Matched, err
	}
	n, err := d.index.Count(ctx, d.query(contactCenter, &f))
	return uint64(n), err
}
