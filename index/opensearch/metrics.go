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

var (
	descReady = prometheus.NewDesc("recordings_index_ready", "1 if searches are answered.", nil, nil)
	descFull  = prometheus.NewDesc("recordings_disk_full", "1 if writes are refused for want of disk space.", nil, nil)
	descCount = prometheus.NewDesc("recordings_stored", "Recordings that are stored.", nil, nil)

	descRunning = prometheus.NewDesc("recordings_reindex_running",
		"1 if a search index is being built beside the one that answers.", nil, nil)
	descFailed = prometheus.NewDesc("recordings_reindex_failed",
		"1 if the last building of a search index failed.", nil, nil)
	descDone     = prometheus.NewDesc("recordings_reindex_done", "Recordings that it has.", nil, nil)
	descExpected = prometheus.NewDesc("recordings_reindex_expected", "Recordings that it will have.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descReady, descFull, descCount, descRunning, descFailed, descDone, descExpected,
	} {
		to <- d
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
	number := func(is bool) float64 {
		if is {
			return 1
		}
		return 0
	}
	s, usage := c.x.Status(), c.x.Usage()
	to <- prometheus.MustNewConstMetric(descReady, prometheus.GaugeValue, number(s.Ready))
	to <- prometheus.MustNewConstMetric(descFull, prometheus.GaugeValue, number(s.DiskFull))
	to <- prometheus.MustNewConstMetric(descCount, prometheus.GaugeValue, float64(usage.Recordings))
	j := c.x.Reindex()
	to <- prometheus.MustNewConstMetric(descRunning, prometheus.GaugeValue, number(!j.Phase.Ended()))
	to <- prometheus.MustNewConstMetric(descFailed, prometheus.GaugeValue, number(j.Phase == index.Failed))
	to <- prometheus.MustNewConstMetric(descDone, prometheus.GaugeValue, float64(j.Done))
	to <- prometheus.MustNewConstMetric(descExpected, prometheus.GaugeValue, float64(j.Total))
	for _, m := range c.own() {
		m.Collect(to)
	}
}
