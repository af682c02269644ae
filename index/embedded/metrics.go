package embedded

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"recordings/index"
	"recordings/index/embedded/newest"
)

// metrics are what the index counts itself. The rest is asked for when somebody looks; see collector.
type metrics struct {
	writes   *prometheus.CounterVec // by outcome
	searches *prometheus.CounterVec // by outcome
	work     *prometheus.CounterVec // by unit
	cost     prometheus.Histogram
}

// The outcomes of writes and searches that are no outcomes of a Put.
const (
	outcomeDeleted   = "deleted"
	outcomeNotFound  = "not found"
	outcomeFailed    = "failed"
	outcomeDone      = "done"
	outcomeTooCostly = "too costly"
	outcomeGivenUp   = "given up"
)

func newMetrics() *metrics {
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		writes:   counter("recordings_writes_total", "Recordings that were to be put or deleted, by what became of them.", "outcome"),
		searches: counter("recordings_searches_total", "Searches and counts, by how they ended.", "outcome"),
		work:     counter("recordings_search_work_total", "What searches have looked at: days, segments, candidates, and candidates verified one by one.", "unit"),
		cost: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "recordings_search_cost",
			Help:    "How much of its budget a search or count used, in candidates looked at.",
			Buckets: prometheus.ExponentialBuckets(10, 10, 7),
		}),
	}
	for _, outcome := range []string{string(index.Created), string(index.Merged), string(index.Unchanged), outcomeDeleted, outcomeNotFound, outcomeFailed} {
		m.writes.WithLabelValues(outcome)
	}
	for _, outcome := range []string{outcomeDone, outcomeTooCostly, outcomeGivenUp, outcomeFailed} {
		m.searches.WithLabelValues(outcome)
	}
	return m
}

// put counts what became of recordings.
func (m *metrics) put(results []index.PutResult) {
	for _, r := range results {
		if r.Err != nil {
			m.writes.WithLabelValues(outcomeFailed).Inc()
		} else {
			m.writes.WithLabelValues(string(r.Outcome)).Inc()
		}
	}
}

// deleted counts what became of a Delete.
func (m *metrics) deleted(err error) {
	outcome := outcomeFailed
	switch {
	case err == nil:
		outcome = outcomeDeleted
	case errors.Is(err, index.ErrNotFound):
		outcome = outcomeNotFound
	}
	m.writes.WithLabelValues(outcome).Inc()
}

// searched counts how a search or count ended.
func (m *metrics) searched(err error) {
	outcome := outcomeFailed
	switch {
	case err == nil:
		outcome = outcomeDone
	case errors.Is(err, index.ErrTooCostly):
		outcome = outcomeTooCostly
	case errors.Is(err, context.Canceled):
		outcome = outcomeGivenUp
	}
	m.searches.WithLabelValues(outcome).Inc()
}

// did adds up the work of a search.
func (m *metrics) did(w newest.Work) {
	m.work.WithLabelValues("days").Add(float64(w.Days))
	m.work.WithLabelValues("segments").Add(float64(w.Segments))
	m.work.WithLabelValues("candidates").Add(float64(w.Candidates))
	m.work.WithLabelValues("verified").Add(float64(w.Verified))
	m.cost.Observe(float64(w.Cost))
}

// Collector returns the metrics of the index, of Pebble's and of Bleve's. They have no labels that depend on what is stored.
func (x *Index) Collector() prometheus.Collector { return &collector{index: x} }

// collector asks the index how it is doing when somebody looks.
type collector struct{ index *Index }

// Describe implements [prometheus.Collector]. What Bleve tells is not known before there is a search index.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range indexGauges {
		ch <- g.desc
	}
	for _, g := range storeGauges {
		ch <- g.desc
	}
	for _, g := range bleveGauges {
		ch <- g.desc
	}
	for _, m := range c.own() {
		m.Describe(ch)
	}
}

func (c *collector) own() []prometheus.Collector {
	m := c.index.metrics
	return []prometheus.Collector{m.writes, m.searches, m.work, m.cost}
}

// Collect implements [prometheus.Collector]. Of an index that is closed it tells nothing.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for _, m := range c.own() {
		m.Collect(ch)
	}
	_, leave, err := c.index.gate.enter(context.Background())
	if err != nil {
		return
	}
	defer leave()
	state := c.index.measure()
	for _, g := range indexGauges {
		ch <- prometheus.MustNewConstMetric(g.desc, g.kind, g.value(state))
	}
	store := c.index.db.Metrics()
	for _, g := range storeGauges {
		ch <- prometheus.MustNewConstMetric(g.desc, g.kind, g.value(store))
	}
	stats := c.index.state.stats()
	for _, g := range bleveGauges {
		if n, ok := stats[g.stat].(uint64); ok {
			ch <- prometheus.MustNewConstMetric(g.desc, g.kind, float64(n))
		}
	}
}

// measured is the state of an index at a moment.
type measured struct {
	status       index.Status
	stored       uint64
	pendingBytes int64
	pendingSince time.Time // zero: nothing is pending
	logLength    uint64
	diskFree     uint64
	backup       index.BackupStatus
	reindex      index.Reindex
	verify       index.Verification
}

func (x *Index) measure() *measured {
	m := &measured{status: x.Status(), backup: x.BackupStatus(), reindex: x.Reindex(), verify: x.Verification()}
	m.pendingBytes, m.pendingSince = x.pending.held()
	x.commits.Lock()
	last := x.last
	m.stored = x.count
	x.commits.Unlock()
	m.logLength = last - min(last, x.trimmed.Load())
	m.diskFree, _ = x.space.free()
	return m
}

type gauge[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(T) float64
}

func gaugeOf[T any](name, help string, value func(T) float64) gauge[T] {
	return gauge[T]{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, value}
}

func counterOf[T any](name, help string, value func(T) float64) gauge[T] {
	return gauge[T]{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, value}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Usage tells how much there is of everything; see [index.Operations].
func (x *Index) Usage() index.Usage {
	_, leave, err := x.gate.enter(context.Background())
	if err != nil {
		return index.Usage{}
	}
	defer leave()
	m := x.measure()
	used := x.db.Metrics().DiskSpaceUsage()
	if n, ok := x.state.stats()["CurOnDiskBytes"].(uint64); ok {
		used += n
	}
	return index.Usage{Recordings: m.stored, PendingBytes: m.pendingBytes, PendingAge: m.pendingAge(), DiskUsed: used, DiskFree: m.diskFree}
}
