package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"recordings/cmd/bench/engine"
	"recordings/cmd/bench/measure"
)

// Engines are all engines, in the order in which they are reported.
var Engines = []string{
	engine.OursName, engine.HTTPName, engine.BleveName, engine.SQLiteName, engine.PostgresName, engine.ClusterName,
	engine.OpenSearchName,
}

// Add adds what another run has measured. Where both have measured an engine with as many
// recordings, the other counts. It is an error if their recordings are not the same, or how long a
// search could take.
func (r *Report) Add(other *Report) error {
	if r.Corpus != other.Corpus || r.Cap != other.Cap {
		return fmt.Errorf("results of %d contact centers in %s order, searches of %s at most, cannot be added to "+
			"those of %d in %s order, %s",
			other.Corpus.Centers, other.Corpus.Order, other.Cap, r.Corpus.Centers, r.Corpus.Order, r.Cap)
	}

	r.Machine = other.Machine
	if !slices.Contains(strings.Split(r.Command, "\n"), other.Command) {
		r.Command = strings.TrimPrefix(r.Command+"\n"+other.Command, "\n")
	}

	for _, s := range other.Sizes {
		i := slices.IndexFunc(r.Sizes, func(mine Size) bool { return mine.Recordings == s.Recordings })
		if i < 0 {
			i = len(r.Sizes)
			r.Sizes = append(r.Sizes, Size{Recordings: s.Recordings})
		}
		r.Sizes[i].add(&s)
	}

	slices.SortFunc(r.Sizes, func(a, b Size) int { return cmp.Compare(a.Recordings, b.Recordings) })
	return nil
}

func (s *Size) add(other *Size) {
	for _, m := range other.Results {
		if i := slices.IndexFunc(s.Results, func(mine measure.Result) bool { return mine.Engine == m.Engine }); i >= 0 {
			s.Results[i] = m
		} else {
			s.Results = append(s.Results, m)
		}
	}

	slices.SortFunc(s.Results, func(a, b measure.Result) int {
		return cmp.Compare(slices.Index(Engines, a.Engine), slices.Index(Engines, b.Engine))
	})
}
