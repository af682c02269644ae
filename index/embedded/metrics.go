package embedded

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/newest"
	"recordings/index/embedded/store"
)

// metrics are what the index counts itself. The rest is asked for when somebody looks; see
// collector.
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

// newMetrics returns counters that have counted nothing. They are not registered: the collector
// hands them on, together with the state at that moment.
func newMetrics() *metrics {
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		writes: counter("recordings_writes_total",
			"Recordings that were to be put or deleted, by what became of them.", "outcome"),
		searches: counter("recordings_searches_total",
			"Searches and counts, by how they ended.", "outcome"),
		work: counter("recordings_search_work_total",
			"What searches have looked at: days, segments, candidates, and candidates verified one by one.", "unit"),
		cost: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "recordings_search_cost",
			Help:    "How much of its budget a search or count used, in candidates looked at.",
			Buckets: prometheus.ExponentialBuckets(10, 10, 7),
		}),
	}

	// Every outcome is there from the beginning, as 0: a rate of what appears later would lack its
	// first.
	for _, outcome := range []index.Outcome{index.Created, index.Merged, index.Unchanged} {
		m.writes.WithLabelValues(string(outcome))
	}
	for _, outcome := range []string{outcomeDeleted, outcomeNotFound, outcomeFailed} {
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

// Collector returns the metrics of the index, of Pebble's and of Bleve's. They have no labels that
// depend on what is stored.
func (x *Index) Collector() prometheus.Collector { return &collector{index: x} }

// collector asks the index how it is doing when somebody looks.
type collector struct{ index *Index }

// Describe implements [prometheus.Collector].
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range indexGauges {
		ch <- g.desc
	}
	store.Describe(ch)
	bleveindex.Describe(ch)
	for _, m := range c.own() {
		m.Describe(ch)
	}
}

// own are the metrics that the index counts itself, also when it is closed.
func (c *collector) own() []prometheus.Collector {
	m := c.index.metrics
	return []prometheus.Collector{m.writes, m.searches, m.work, m.cost}
}

// Collect implements [prometheus.Collector]. Of an index that is closed there is only what it
// counted itself.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for _, m := range c.own() {
		m.Collect(ch)
	}
	_, leave, err := c.index.gate.Enter(context.Background())
	if err != nil {
		return
	}
	defer leave()

	state := measure(c.index)
	for _, g := range indexGauges {
		ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.value(state))
	}
	c.index.store.Collect(ch)
	bleveindex.Collect(ch, c.index.serving.stats())
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

// measure takes the state of an index.
func measure(x *Index) *measured {
	m := &measured{status: x.Status(), backup: x.BackupStatus(), reindex: x.Reindex(), verify: x.Verification()}
	m.pendingBytes, m.pendingSince = x.pending.Held()

	recordings, last := x.store.Size()
	m.stored = recordings
	m.logLength = last - min(last, x.store.Trimmed())
	m.diskFree, _ = x.store.Space().Free()
	return m
}

// pendingAge is the age of the oldest pending change, in seconds.
func (m *measured) pendingAge() float64 {
	if m.pendingSince.IsZero() {
		return 0
	}
	return time.Since(m.pendingSince).Seconds()
}

// gauge is one number of the state of an index.
type gauge struct {
	desc  *prometheus.Desc
	value func(*measured) float64
}

// gaugeOf makes a gauge without labels: what is stored must not be told by the names of metrics.
func gaugeOf(name, help string, value func(*measured) float64) gauge {
	return gauge{prometheus.NewDesc(name, help, nil, nil), value}
}

// boolean is how Prometheus writes true and false.
func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// indexGauges are about the index as a whole.
var indexGauges = []gauge{
	gaugeOf("recordings_stored", "Recordings that are stored.",
		func(m *measured) float64 { return float64(m.stored) }),
	gaugeOf("recordings_index_ready", "1 if searches are answered.",
		func(m *measured) float64 { return boolean(m.status.Ready) }),
	gaugeOf("recordings_index_broken", "1 if nothing can be written until the service is restarted.",
		func(m *measured) float64 { return boolean(m.status.Broken) }),
	gaugeOf("recordings_disk_full", "1 if writes are refused until there is space.",
		func(m *measured) float64 { return boolean(m.status.DiskFull) }),
	gaugeOf("recordings_disk_free_bytes", "Free space on the disk of the data directory.",
		func(m *measured) float64 { return float64(m.diskFree) }),
	gaugeOf("recordings_pending_changes",
		"Changes that are durable but not yet in the search index: how far the indexer lags.",
		func(m *measured) float64 { return float64(m.status.Pending) }),
	gaugeOf("recordings_pending_bytes", "Memory that these changes take.",
		func(m *measured) float64 { return float64(m.pendingBytes) }),
	gaugeOf("recordings_pending_age_seconds", "Age of the oldest of these changes.",
		(*measured).pendingAge),
	gaugeOf("recordings_change_log_entries", "Entries that the change log keeps.",
		func(m *measured) float64 { return float64(m.logLength) }),
	gaugeOf("recordings_rebuild_done", "Recordings already in the search index that is being rebuilt.",
		func(m *measured) float64 { return float64(m.status.Done) }),
	gaugeOf("recordings_rebuild_expected", "Recordings that it will have; 0: none is being rebuilt.",
		func(m *measured) float64 { return float64(m.status.Total) }),
	gaugeOf("recordings_reindex_running", "1 if a search index is being built beside the one that answers.",
		func(m *measured) float64 { return boolean(!m.reindex.Phase.Ended()) }),
	gaugeOf("recordings_reindex_failed", "1 if the last building of a search index failed.",
		func(m *measured) float64 { return boolean(m.reindex.Phase == index.Failed) }),
	gaugeOf("recordings_reindex_done", "Recordings that it has.",
		func(m *measured) float64 { return float64(m.reindex.Done) }),
	gaugeOf("recordings_reindex_expected", "Recordings that it will have.",
		func(m *measured) float64 { return float64(m.reindex.Total) }),
	gaugeOf("recordings_verify_running", "1 if everything that is stored is being verified, on demand or as a scrub.",
		func(m *measured) float64 { return boolean(!m.verify.Phase.Ended()) }),
	gaugeOf("recordings_verify_failed", "1 if the last verification failed, or has found problems.",
		func(m *measured) float64 { return boolean(m.verify.Phase == index.Failed) }),
	gaugeOf("recordings_verify_done", "Recordings that the last or the running verification has compared.",
		func(m *measured) float64 { return float64(m.verify.Done) }),
	gaugeOf("recordings_verify_expected", "Recordings that it will compare.",
		func(m *measured) float64 { return float64(m.verify.Total) }),
	gaugeOf("recordings_verify_problems", "Problems that it has found.",
		func(m *measured) float64 { return float64(m.verify.Problems) }),
	gaugeOf("recordings_backup_running", "1 if a backup is running.",
		func(m *measured) float64 { return boolean(!m.backup.Phase.Ended()) }),
	gaugeOf("recordings_backup_failed", "1 if the last backup failed.",
		func(m *measured) float64 { return boolean(m.backup.Phase == index.Failed) }),
	gaugeOf("recordings_backup_done_bytes", "Bytes of the last or the running backup that are done.",
		func(m *measured) float64 { return float64(m.backup.Done) }),
	gaugeOf("recordings_backup_expected_bytes", "Bytes that it has or will have.",
		func(m *measured) float64 { return float64(m.backup.Total) }),
	gaugeOf("recordings_backup_ended_timestamp_seconds", "When the last backup since the start ended; 0: never.",
		func(m *measured) float64 { return float64(m.backup.Ended) / 1000 }),
}
