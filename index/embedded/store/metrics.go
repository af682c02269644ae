package store

import (
	"github.com/cockroachdb/pebble/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// Describe tells Prometheus which metrics Collect has.
func Describe(ch chan<- *prometheus.Desc) {
	for _, g := range gauges {
		ch <- g.desc
	}
}

// Collect gives Prometheus what Pebble counts.
func (s *Store) Collect(ch chan<- prometheus.Metric) {
	m := s.db.Metrics()
	for _, g := range gauges {
		ch <- prometheus.MustNewConstMetric(g.desc, g.kind, g.value(m))
	}
}

// gauge is one of the numbers that Pebble counts.
type gauge struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*pebble.Metrics) float64
}

// gaugeOf makes a metric that goes up and down.
func gaugeOf(name, help string, value func(*pebble.Metrics) float64) gauge {
	return gauge{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, value}
}

// counterOf makes a metric that only grows until the service is restarted.
func counterOf(name, help string, value func(*pebble.Metrics) float64) gauge {
	return gauge{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, value}
}

var gauges = []gauge{
	counterOf("recordings_pebble_compactions_total", "Compactions that ended.",
		func(m *pebble.Metrics) float64 { return float64(m.Compact.Count) }),
	counterOf("recordings_pebble_compactions_failed_total", "Compactions that failed.",
		func(m *pebble.Metrics) float64 { return float64(m.Compact.FailedCount) }),
	counterOf("recordings_pebble_compaction_seconds_total", "Time that compactions took.",
		func(m *pebble.Metrics) float64 { return m.Compact.Duration.Seconds() }),
	gaugeOf("recordings_pebble_compactions_running", "Compactions that are running.",
		func(m *pebble.Metrics) float64 { return float64(m.Compact.NumInProgress) }),
	gaugeOf("recordings_pebble_compaction_debt_bytes", "About how much there is to compact.",
		func(m *pebble.Metrics) float64 { return float64(m.Compact.EstimatedDebt) }),
	counterOf("recordings_pebble_flushes_total", "Flushes of a memtable that ended.",
		func(m *pebble.Metrics) float64 { return float64(m.Flush.Count) }),
	gaugeOf("recordings_pebble_memtable_bytes", "Memory of the memtables.",
		func(m *pebble.Metrics) float64 { return float64(m.MemTable.Size) }),
	gaugeOf("recordings_pebble_read_amplification", "Places in which a key may have to be looked for.",
		func(m *pebble.Metrics) float64 { return float64(m.ReadAmp()) }),
	gaugeOf("recordings_pebble_wal_bytes", "Live data in the write-ahead log.",
		func(m *pebble.Metrics) float64 { return float64(m.WAL.Size) }),
	gaugeOf("recordings_pebble_wal_files", "Files of the write-ahead log.",
		func(m *pebble.Metrics) float64 { return float64(m.WAL.Files) }),
	counterOf("recordings_pebble_wal_written_bytes_total", "Bytes written to the write-ahead log.",
		func(m *pebble.Metrics) float64 { return float64(m.WAL.BytesWritten) }),
	gaugeOf("recordings_pebble_disk_bytes", "Disk space of the records.",
		func(m *pebble.Metrics) float64 { return float64(m.DiskSpaceUsage()) }),
	gaugeOf("recordings_pebble_snapshots", "Old states that somebody holds on to.",
		func(m *pebble.Metrics) float64 { return float64(m.Snapshots.Count) }),
	gaugeOf("recordings_pebble_cache_bytes", "Memory of the block cache that is in use.",
		func(m *pebble.Metrics) float64 { return float64(m.BlockCache.Size) }),
	counterOf("recordings_pebble_cache_hits_total", "Blocks that were found in the cache.",
		func(m *pebble.Metrics) float64 { return float64(m.BlockCache.Hits) }),
	counterOf("recordings_pebble_cache_misses_total", "Blocks that were not.",
		func(m *pebble.Metrics) float64 { return float64(m.BlockCache.Misses) }),
}
