// Package report compares what was measured of the engines, and writes it as text, as Markdown and
// as a plot.
package report

import (
	"fmt"
	"math"
	"slices"
	"time"

	"recordings/cmd/bench/corpus"
	"recordings/cmd/bench/engine"
	"recordings/cmd/bench/measure"
)

// Report is what was measured, and how.
type Report struct {
	Machine string
	Command string
	Cap     time.Duration // how long one search could take
	Corpus  corpus.Options
	Sizes   []Size
}

// Size is what was measured of all engines with a corpus of one size.
type Size struct {
	Recordings int
	Results    []measure.Result
}

// Problems tells which answers differ from ours, and what could not be measured.
func (r *Report) Problems() (problems []string) {
	for i := range r.Sizes {
		problems = append(problems, r.Sizes[i].problems()...)
	}
	return problems
}

func (s *Size) problems() (problems []string) {
	say := func(format string, a ...any) {
		problems = append(problems, fmt.Sprintf("%s recordings: ", count(s.Recordings))+fmt.Sprintf(format, a...))
	}

	reference := s.reference()
	for i := range s.Results {
		m := &s.Results[i]
		if m.Failure != "" {
			say("%s was not measured: %s", m.Engine, m.Failure)
			continue
		}

		isOurs := m.Engine == engine.OursName || m.Engine == engine.HTTPName
		for j := range m.Shapes {
			shape := &m.Shapes[j]
			switch {
			case !isOurs && (shape.Problem == measure.TooSlow || shape.Problem == measure.NotKept):
			case shape.Problem != "":
				say("%s did not answer %q: %s", m.Engine, shape.Name, shape.Problem)
			case shape.Problem == "" && reference != nil && reference.Shapes[j].Problem == "":
				if d := difference(&reference.Shapes[j], shape); d != "" {
					say("%s differs from %s in %q: %s", m.Engine, reference.Engine, shape.Name, d)
				}
			}
		}
	}

	return problems
}

// reference is the result that the others are compared with: ours, if it was measured.
func (s *Size) reference() *measure.Result {
	for i := range s.Results {
		if s.Results[i].Failure == "" {
			return &s.Results[i]
		}
	}
	return nil
}

// difference tells where two answers differ; empty: nowhere.
func difference(want, got *measure.Shape) string {
	for i := range min(len(want.IDs), len(got.IDs)) {
		if want.IDs[i] != got.IDs[i] {
			return fmt.Sprintf("recording %d of the page is %s instead of %s", i, got.IDs[i], want.IDs[i])
		}
	}

	if len(want.IDs) != len(got.IDs) || want.More != got.More {
		return fmt.Sprintf("%d recordings (more: %t) instead of %d (more: %t)", len(got.IDs), got.More, len(want.IDs),
			want.More)
	}
	return ""
}

// ratio is how many times longer an engine takes than ours for a shape; lowest tells that it is at
// least that much.
func ratio(ours, peer *measure.Shape, limit time.Duration) (r float64, lowest, ok bool) {
	if ours.Problem != "" || ours.Latency.P50 == 0 {
		return 0, false, false
	}

	switch peer.Problem {
	case "":
		return float64(peer.Latency.P50) / float64(ours.Latency.P50), false, true
	case measure.TooSlow:
		return float64(limit) / float64(ours.Latency.P50), true, true
	}
	return 0, false, false
}

// meanRatio is the geometric mean of the ratios of all shapes.
func meanRatio(ours, peer *measure.Result, limit time.Duration) (mean float64, lowest, ok bool) {
	sum, n := 0.0, 0
	for i := range min(len(ours.Shapes), len(peer.Shapes)) {
		r, low, ok := ratio(&ours.Shapes[i], &peer.Shapes[i], limit)
		if ok {
			sum += math.Log(r)
			n++
			lowest = lowest || low
		}
	}

	if n == 0 {
		return 0, false, false
	}
	return math.Exp(sum / float64(n)), lowest, true
}

// notable is by how much a peer has to be ahead to be worth telling.
const notable = 100 * time.Microsecond

// ahead tells in which shapes a peer answers sooner than ours by a notable time.
func ahead(ours, peer *measure.Result) (shapes []string) {
	for i := range min(len(ours.Shapes), len(peer.Shapes)) {
		a, b := &ours.Shapes[i], &peer.Shapes[i]
		if a.Problem == "" && b.Problem == "" && a.Latency.P50-b.Latency.P50 > notable {
			shapes = append(shapes,
				fmt.Sprintf("%s (%s, ours %s)", a.Name, milliseconds(b.Latency.P50), milliseconds(a.Latency.P50)))
		}
	}
	return shapes
}

// worst is the shape with the greatest p50, of those that an administrator would search in or of
// the others.
func worst(m *measure.Result, adversarial bool) *measure.Shape {
	var found *measure.Shape
	for i := range m.Shapes {
		s := &m.Shapes[i]
		if s.Adversarial == adversarial && (found == nil || s.Problem != "" && found.Problem == "" ||
			(s.Problem != "") == (found.Problem != "") && s.Latency.P50 > found.Latency.P50) {
			found = s
		}
	}
	return found
}

// measured are the results of engines that did not fail.
func (s *Size) measured() []*measure.Result {
	var all []*measure.Result
	for i := range s.Results {
		if s.Results[i].Failure == "" {
			all = append(all, &s.Results[i])
		}
	}
	return all
}

// find is the result of an engine, or nil.
func (s *Size) find(name string) *measure.Result {
	all := s.measured()
	if i := slices.IndexFunc(all, func(m *measure.Result) bool { return m.Engine == name }); i >= 0 {
		return all[i]
	}
	return nil
}
