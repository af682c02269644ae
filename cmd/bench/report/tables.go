package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"recordings/cmd/bench/engine"
	"recordings/cmd/bench/measure"
)

// table has a header and rows of cells. The first column is text, the others are figures.
type table struct {
	title  string
	header []string
	rows   [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// titles are how engines are called in tables.
var titles = map[string]string{
	engine.OursName:       "ours",
	engine.HTTPName:       "ours, HTTP",
	engine.BleveName:      "Bleve",
	engine.SQLiteName:     "SQLite",
	engine.PostgresName:   "PostgreSQL",
	engine.ClusterName:    "ours on OpenSearch",
	engine.OpenSearchName: "OpenSearch",
}

// tables are all tables of a size.
func (r *Report) tables(s *Size) []table {
	return []table{r.latencies(s), r.summary(s), r.costs(s)}
}

// latencies has p50 and p99 of every shape and engine, and how many times longer than ours it took.
func (r *Report) latencies(s *Size) table {
	t := table{title: fmt.Sprintf("Latency of searches in %s recordings, in ms; × is p50 ÷ p50 of ours",
		count(s.Recordings)), header: []string{"search"}}
	all, ours := s.measured(), s.find(engine.OursName)
	for _, m := range all {
		t.header = append(t.header, titles[m.Engine]+" p50", "p99")
		if ours != nil && m != ours {
			t.header = append(t.header, "×")
		}
	}

	if len(all) == 0 {
		return t
	}

	for i := range all[0].Shapes {
		name := all[0].Shapes[i].Name
		if all[0].Shapes[i].Adversarial {
			name += " (adversarial)"
		}

		row := []string{name}
		for _, m := range all {
			row = append(row, r.p50(&m.Shapes[i]), p99(&m.Shapes[i]))
			if ours != nil && m != ours {
				row = append(row, formatRatio(ratio(&ours.Shapes[i], &m.Shapes[i], r.Cap)))
			}
		}

		t.add(row...)
	}

	return t
}

// summary has the figures that the whole comes down to.
func (r *Report) summary(s *Size) table {
	t := newEngineTable(s, fmt.Sprintf("All searches in %s recordings", count(s.Recordings)))
	ours, served := s.find(engine.OursName), s.find(engine.HTTPName)
	if ours != nil {
		t.addEach("geometric mean of p50 ÷ ours",
			func(m *measure.Result) string { return formatRatio(meanRatio(ours, m, r.Cap)) })
	}

	if served != nil {
		t.addEach("geometric mean of p50 ÷ ours, HTTP",
			func(m *measure.Result) string { return formatRatio(meanRatio(served, m, r.Cap)) })
	}

	t.addEach("not answered within the cap", func(m *measure.Result) string {
		n := 0
		for i := range m.Shapes {
			if m.Shapes[i].Problem != "" {
				n++
			}
		}
		return strconv.Itoa(n)
	})

	t.addEach("worst p50, ordinary, ms", func(m *measure.Result) string { return r.worstP50(m, false) })
	t.addEach("worst p50, adversarial, ms", func(m *measure.Result) string { return r.worstP50(m, true) })
	t.addEach("geometric mean of first searches, ms", meanFirst)
	t.addEach("worst first search, ordinary, ms", func(m *measure.Result) string { return worstFirst(m, false) })
	t.addEach("worst first search, adversarial, ms", func(m *measure.Result) string { return worstFirst(m, true) })
	t.addEach("offset 100k ÷ offset 0", depthRatio)
	t.addEach("mix of all, 2 clients: p50, ms", func(m *measure.Result) string { return milliseconds(m.Mix.P50) })
	t.addEach("mix of all, 2 clients: p99, ms", func(m *measure.Result) string { return milliseconds(m.Mix.P99) })
	t.addEach("mix while written to: p50, ms", func(m *measure.Result) string { return milliseconds(m.MixWriting.P50) })
	t.addEach("mix while written to: p99, ms", func(m *measure.Result) string { return milliseconds(m.MixWriting.P99) })
	t.addEach("meanwhile written/s (1,000 wanted)", func(m *measure.Result) string { return perSecond(m.WritingRate) })
	return t.table
}

func (r *Report) worstP50(m *measure.Result, adversarial bool) string {
	s := worst(m, adversarial)
	if s == nil {
		return "–"
	}
	return r.p50(s)
}

// meanFirst is how long shapes took when they were searched for the first time, of those that were
// answered.
func meanFirst(m *measure.Result) string {
	sum, n := 0.0, 0
	for i := range m.Shapes {
		if s := &m.Shapes[i]; s.Problem == "" && s.Latency.First > 0 {
			sum += math.Log(float64(s.Latency.First))
			n++
		}
	}

	if n == 0 {
		return "–"
	}
	return milliseconds(time.Duration(math.Exp(sum / float64(n))))
}

// worstFirst is the longest that a shape took when it was searched for the first time, of those
// that were answered.
func worstFirst(m *measure.Result, adversarial bool) string {
	var longest time.Duration
	for i := range m.Shapes {
		if s := &m.Shapes[i]; s.Adversarial == adversarial && s.Problem == "" {
			longest = max(longest, s.Latency.First)
		}
	}
	return milliseconds(longest)
}

// depthRatio compares the deepest page of everything with the first.
func depthRatio(m *measure.Result) string {
	var first, deep time.Duration
	for i := range m.Shapes {
		switch m.Shapes[i].Name {
		case "everything":
			first = m.Shapes[i].Latency.P50
		case "everything, offset 100k":
			deep = m.Shapes[i].Latency.P50
		}
	}

	if first == 0 || deep == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", float64(deep)/float64(first))
}

// costs has what the engines cost besides the time of searches.
func (r *Report) costs(s *Size) table {
	t := newEngineTable(s, fmt.Sprintf("Writing and keeping %s recordings", count(s.Recordings)))
	t.addEach("build, recordings/s",
		func(m *measure.Result) string { return perSecond(float64(m.Recordings) / m.Build.Seconds()) })
	for i, rate := range firstRates(s) {
		t.addEach(fmt.Sprintf("durable writes/s, %d writers", rate.Writers), func(m *measure.Result) string {
			if i >= len(m.DurableRates) {
				return "–"
			}
			return perSecond(m.DurableRates[i].PerSecond)
		})
	}

	t.addEach("bytes per recording on disk",
		func(m *measure.Result) string { return strconv.FormatInt(m.DiskBytes/int64(m.Recordings), 10) })
	t.addEach("peak memory while loading, MiB", func(m *measure.Result) string { return mebibytes(m.Memory.Loading) })
	t.addEach("peak memory while searching, MiB",
		func(m *measure.Result) string { return mebibytes(m.Memory.Searching) })
	t.addEach("peak with mapped files (VmHWM), MiB",
		func(m *measure.Result) string { return mebibytes(m.Memory.Mapped) })
	t.addEach("Go heap after loading, MiB", func(m *measure.Result) string { return mebibytes(m.Memory.GoHeap) })
	return t.table
}

// firstRates are the rates of an engine that has any.
func firstRates(s *Size) []measure.Rate {
	for _, m := range s.measured() {
		if len(m.DurableRates) > 0 {
			return m.DurableRates
		}
	}
	return nil
}

// engineTable has a column for each engine.
type engineTable struct {
	table
	results []*measure.Result
}

func newEngineTable(s *Size, title string) *engineTable {
	t := &engineTable{table{title: title, header: []string{""}}, s.measured()}
	for _, m := range t.results {
		t.header = append(t.header, titles[m.Engine])
	}
	return t
}

// addEach adds a row with a cell for each engine.
func (t *engineTable) addEach(name string, cell func(m *measure.Result) string) {
	row := []string{name}
	for _, m := range t.results {
		row = append(row, cell(m))
	}
	t.add(row...)
}

func (r *Report) p50(s *measure.Shape) string {
	switch s.Problem {
	case "":
		return milliseconds(s.Latency.P50)
	case measure.TooSlow:
		return "> " + milliseconds(r.Cap)
	}
	return "error"
}

func p99(s *measure.Shape) string {
	if s.Problem != "" {
		return "–"
	}
	return milliseconds(s.Latency.P99)
}

// milliseconds has three digits or, below one, two decimals.
func milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case d == 0:
		return "–"
	case ms < 1:
		return fmt.Sprintf("%.3f", ms)
	case ms < 100:
		return fmt.Sprintf("%.3g", ms)
	}
	return grouped(int64(ms + 0.5))
}

func formatRatio(r float64, lowest, ok bool) string {
	if !ok {
		return "–"
	}

	text := fmt.Sprintf("%.2f", r)
	if r >= 10 {
		text = grouped(int64(r + 0.5))
	}
	if lowest {
		text = "> " + text
	}
	return text
}

func perSecond(rate float64) string {
	if rate == 0 {
		return "–"
	}
	return grouped(int64(rate + 0.5))
}

func mebibytes(n int64) string {
	if n == 0 {
		return "–"
	}
	return grouped((n + 1<<19) >> 20)
}

// count is a number of recordings in short.
func count(n int) string {
	switch {
	case n >= 1e6 && n%1e5 == 0:
		return strconv.FormatFloat(float64(n)/1e6, 'f', -1, 64) + "M"
	case n >= 1e3 && n%1e3 == 0:
		return strconv.Itoa(n/1e3) + "k"
	}
	return strconv.Itoa(n)
}

// grouped writes a number with commas between thousands.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
