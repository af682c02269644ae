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
	{newDesc("recordings_bleve_file_segments", "Segments on the disk."), prometheus.GaugeValue, "TotFileSegmentsAtRoot"},
	{newDesc("recordings_bleve_memory_segments", "Segments in memory that are not on the disk yet."), prometheus.GaugeValue, "TotMemorySegmentsAtRoot"},
	{newDesc("recordings_bleve_disk_bytes", "Disk space of the search index."), prometheus.GaugeValue, "CurOnDiskBytes"},
	{newDesc("recordings_bleve_disk_files", "Files of the search index."), prometheus.GaugeValue, "CurOnDiskFiles"},
	{newDesc("recordings_bleve_batches_total", "Batches of changes taken."), prometheus.CounterValue, "TotBatches"},
	{newDesc("recordings_bleve_persisted_segments_total", "Segments written to the disk."), prometheus.CounterValue, "TotPersistedSegments"},
	{newDesc("recordings_bleve_persister_loops_total", "Rounds of the persister."), prometheus.CounterValue, "TotPersistLoopEnd"},
	{newDesc("recordings_bleve_merges_total", "Merges of segments on the disk."), prometheus.CounterValue, "TotFileMergeZapEnd"},
	{newDesc("recordings_bleve_merged_bytes_total", "Bytes that merges have written."), prometheus.CounterValue, "TotFileMergeWrittenBytes"},
	{newDesc("recordings_bleve_errors_total", "Errors in the background."), prometheus.CounterValue, "TotOnErrors"},
}
