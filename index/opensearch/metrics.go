package opensearch

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"recordings/index"
)

// metrics are what the index counts itself. They have the names of those of the index on one machine, where
// they mean the same.
type metrics struct {
	writes    *prometheus.CounterVec // by outcome
	searches  *prometheus.CounterVec // by outcome
	refreshes prometheus.Counter
	groups    prometheus.Counter
	again     *prometheus.CounterVec // by why
}

// The outcomes of writes and searches that are no outcomes of a Put, and why writes are made again.
const (
	outcomeDeleted   = "deleted"
	outcomeNotFound  = "not found"
	outcomeFailed    = "failed"
	outcomeDone      = "done"
	outcomeTooCostly = "too costly"
	outcomeGivenUp   = "given up"

	againConflict = "conflict"
	againBusy     = "busy"
	againLost     = "lost"
	againFence    = "fence"
	againMoved    = "moved"
)

func newMetrics() *metrics {
	counters := func(name, help, label string, values ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		for _, v := range values {
			c.WithLabelValues(v) // as 0 from the beginning: a rate of what appears later would lack its first
		}
		return c
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	return &metrics{
		writes: counters("recordings_writes_total",
			"Recordings that were to be put or deleted, by what became of them.", "outcome",
			string(index.Created), string(index.Merged), string(index.Unchanged),
			outcomeDeleted, outcomeNotFound, outcomeFailed),
		searches: counters("recordings_searches_total", "Searches and counts, by how they ended.",
			"outcome", outcomeDone, outcomeTooCostly, outcomeGivenUp, outcomeFailed),
		refreshes: counter("recordings_cluster_refreshes_total", "Refreshes that searches have asked the cluster for."),
		groups:    counter("recordings_cluster_write_groups_total", "Groups of writes that were sent to the cluster."),
		again: counters("recordings_cluster_writes_again_total", "Writes that were made again, by why.",
			"why", againConflict, againBusy, againLost, againFence, againMoved),
	}
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

// Collector returns the metrics of the index. They have no labels that depend on what is stored.
func (x *Index) Collector() prometheus.Collector { return &collector{x} }

// collector says how the cluster is doing when somebody looks, as far as that is known without asking.
type collector struct{ x *Index }

// gauges are what is known of the index without asking the cluster.
var gauges = []gauge{
	gaugeOf("recordings_index_ready", "1 if searches are answered.",
		func(x *Index) float64 { return boolean(x.Status().Ready) }),
	gaugeOf("recordings_disk_full", "1 if writes are refused for want of disk space.",
		func(x *Index) float64 { return boolean(x.Status().DiskFull) }),
	gaugeOf("recordings_stored", "Recordings that are stored.",
		func(x *Index) float64 { return float64(x.Usage().Recordings) }),

	gaugeOf("recordings_reindex_running", "1 if a search index is being built beside the one that answers.",
		func(x *Index) float64 { return boolean(!x.Reindex().Phase.Ended()) }),
	gaugeOf("recordings_reindex_failed", "1 if the last building of a search index failed.",
		func(x *Index) float64 { return boolean(x.Reindex().Phase == index.Failed) }),
	gaugeOf("recordings_reindex_done", "Recordings that it has.",
		func(x *Index) float64 { return float64(x.Reindex().Done) }),
	gaugeOf("recordings_reindex_expected", "Recordings that it will have.",
		func(x *Index) float64 { return float64(x.Reindex().Total) }),

	gaugeOf("recordings_verify_running", "1 if everything that is stored is being verified, on demand or as a scrub.",
		func(x *Index) float64 { return boolean(!x.Verification().Phase.Ended()) }),
	gaugeOf("recordings_verify_failed", "1 if the last verification failed, or has found problems.",
		func(x *Index) float64 { return boolean(x.Verification().Phase == index.Failed) }),
	gaugeOf("recordings_verify_done", "Recordings that the last or the running verification has compared.",
		func(x *Index) float64 { return float64(x.Verification().Done) }),
	gaugeOf("recordings_verify_expected", "Recordings that it will compare.",
		func(x *Index) float64 { return float64(x.Verification().Total) }),
	gaugeOf("recordings_verify_problems", "Problems that it has found.",
		func(x *Index) float64 { return float64(x.Verification().Problems) }),

	gaugeOf("recordings_backup_running", "1 if a backup is running.",
		func(x *Index) float64 { return boolean(!x.BackupStatus().Phase.Ended()) }),
	gaugeOf("recordings_backup_failed", "1 if the last backup failed.",
		func(x *Index) float64 { return boolean(x.BackupStatus().Phase == index.Failed) }),
	gaugeOf("recordings_backup_done_bytes", "Bytes of the last or the running backup that are done.",
		func(x *Index) float64 { return float64(x.BackupStatus().Done) }),
	gaugeOf("recordings_backup_expected_bytes", "Bytes that it has or will have.",
		func(x *Index) float64 { return float64(x.BackupStatus().Total) }),
	gaugeOf("recordings_backup_ended_timestamp_seconds", "When the last backup ended; 0: never.",
		func(x *Index) float64 { return float64(x.BackupStatus().Ended) / 1000 }),
}

// gauge is one number of the state of an index.
type gauge struct {
	desc  *prometheus.Desc
	value func(*Index) float64
}

// gaugeOf makes a gauge without labels: what is stored must not be told by the names of metrics.
func gaugeOf(name, help string, value func(*Index) float64) gauge {
	return gauge{prometheus.NewDesc(name, help, nil, nil), value}
}

// boolean is how Prometheus writes true and false.
func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, g := range gauges {
		to <- g.desc
	}
	for _, m := range c.own() {
		m.Describe(to)
	}
}

func (c *collector) own() []prometheus.Collector {
	m := c.x.metrics
	return []prometheus.Collector{m.writes, m.searches, m.refreshes, m.groups, m.again}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(to chan<- prometheus.Metric) {
	for _, g := range gauges {
		to <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.value(c.x))
	}
	for _, m := range c.own() {
		m.Collect(to)
	}
}
