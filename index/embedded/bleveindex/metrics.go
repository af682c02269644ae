package bleveindex

import "github.com/prometheus/client_golang/prometheus"

// Describe tells Prometheus which metrics Collect may have.
func Describe(ch chan<- *prometheus.Desc) {
	for _, g := range gauges {
		ch <- g.desc
	}
}

// Collect gives Prometheus what is in the stats of an index: see [Index.Stats]. A new index begins
// counting anew.
func Collect(ch chan<- prometheus.Metric, stats map[string]any) {
	for _, g := range gauges {
		if n, ok := stats[g.stat].(uint64); ok {
			ch <- prometheus.MustNewConstMetric(g.desc, g.kind, float64(n))
		}
	}
}

// gauge is one of the numbers that Bleve counts.
type gauge struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	stat string // its name in Bleve's stats
}

func newDesc(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }

var gauges = []gauge{
	{
		desc: newDesc("recordings_bleve_file_segments", "Segments on the disk."),
		kind: prometheus.GaugeValue, stat: "TotFileSegmentsAtRoot",
	},
	{
		desc: newDesc("recordings_bleve_memory_segments", "Segments in memory that are not on the disk yet."),
		kind: prometheus.GaugeValue, stat: "TotMemorySegmentsAtRoot",
	},
	{
		desc: newDesc("recordings_bleve_disk_bytes", "Disk space of the search index."),
		kind: prometheus.GaugeValue, stat: "CurOnDiskBytes",
	},
	{
		desc: newDesc("recordings_bleve_disk_files", "Files of the search index."),
		kind: prometheus.GaugeValue, stat: "CurOnDiskFiles",
	},
	{
		desc: newDesc("recordings_bleve_batches_total", "Batches of changes taken."),
		kind: prometheus.CounterValue, stat: "TotBatches",
	},
	{
		desc: newDesc("recordings_bleve_persisted_segments_total", "Segments written to the disk."),
		kind: prometheus.CounterValue, stat: "TotPersistedSegments",
	},
	{
		desc: newDesc("recordings_bleve_persister_loops_total", "Rounds of the persister."),
		kind: prometheus.CounterValue, stat: "TotPersistLoopEnd",
	},
	{
		desc: newDesc("recordings_bleve_merges_total", "Merges of segments on the disk."),
		kind: prometheus.CounterValue, stat: "TotFileMergeZapEnd",
	},
	{
		desc: newDesc("recordings_bleve_merged_bytes_total", "Bytes that merges have written."),
		kind: prometheus.CounterValue, stat: "TotFileMergeWrittenBytes",
	},
	{
		desc: newDesc("recordings_bleve_errors_total", "Errors in the background."),
		kind: prometheus.CounterValue, stat: "TotOnErrors",
	},
}
