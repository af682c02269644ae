package embedded

import (
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// indexGauges are about the index as a whole.
var indexGauges = []gauge[*measured]{
	gaugeOf("recordings_stored", "Recordings that are stored.", func(m *measured) float64 { return float64(m.stored) }),
	gaugeOf("recordings_index_ready", "1 if searches are answered.", func(m *measured) float64 { return boolean(m.status.Ready) }),
	gaugeOf("recordings_index_broken", "1 if nothing can be written until the service is restarted.", func(m *measured) float64 { return boolean(m.status.Broken) }),
	gaugeOf("recordings_disk_full", "1 if writes are refused until there is space.", func(m *measured) float64 { return boolean(m.status.DiskFull) }),
	gaugeOf("recordings_disk_free_bytes", "Free space on the disk of the data directory.", func(m *measured) float64 { return float64(m.diskFree) }),
	gaugeOf("recordings_pending_changes", "Changes that are durable but not yet in the search index: how far the indexer lags.", func(m *measured) float64 { return float64(m.status.Pending) }),
	gaugeOf("recordings_pending_bytes", "Memory that these changes take.", func(m *measured) float64 { return float64(m.pendingBytes) }),
	gaugeOf("recordings_pending_age_seconds", "Age of the oldest of these changes.", (*measured).pendingAge),
	gaugeOf("recordings_change_log_entries", "Entries that the change log keeps.", func(m *measured) float64 { return float64(m.logLength) }),
	gaugeOf("recordings_rebuild_done", "Recordings already in the search index that is being rebuilt.", func(m *measured) float64 { return float64(m.status.Done) }),
	gaugeOf("recordings_rebuild_expected", "Recordings that it will have; 0: none is being rebuilt.", func(m *measured) float64 { return float64(m.status.Total) }),
	gaugeOf("recordings_reindex_running", "1 if a search index is being built beside the one that answers.", func(m *measured) float64 { return boolean(!m.reindex.Phase.Ended()) }),
	gaugeOf("recordings_reindex_done", "Recordings that it has.", func(m *measured) float64 { return float64(m.reindex.Done) }),
	gaugeOf("recordings_reindex_expected", "Recordings that it will have.", func(m *measured) float64 { return float64(m.reindex.Total) }),
	gaugeOf("recordings_verify_running", "1 if everything that is stored is being verified, on demand or as a scrub.", func(m *measured) float64 { return boolean(!m.verify.Phase.Ended()) }),
	gaugeOf("recordings_verify_done", "Recordings that the last or the running verification has compared.", func(m *measured) float64 { return float64(m.verify.Done) }),
	gaugeOf("recordings_verify_expected", "Recordings that it will compare.", func(m *measured) float64 { return float64(m.verify.Total) }),
	gaugeOf("recordings_verify_problems", "Problems that it has found.", func(m *measured) float64 { return float64(m.verify.Problems) }),
	gaugeOf("recordings_backup_running", "1 if a backup is running.", func(m *measured) float64 { return boolean(!m.backup.Phase.Ended()) }),
	gaugeOf("recordings_backup_done_bytes", "Bytes of the last or the running backup that are done.", func(m *measured) float64 { return float64(m.backup.Done) }),
	gaugeOf("recordings_backup_expected_bytes", "Bytes that it has or will have.", func(m *measured) float64 { return float64(m.backup.Total) }),
	gaugeOf("recordings_backup_ended_timestamp_seconds", "When the last backup since the start ended; 0: never.", func(m *measured) float64 { return float64(m.backup.Ended) / 1000 }),
}

func (m *measured) pendingAge() float64 {
	if m.pendingSince.IsZero() {
		return 0
	}
	return time.Since(m.pendingSince).Seconds()
}

// storeGauges are Pebble's.
var storeGauges = []gauge[*pebble.Metrics]{
	counterOf("recordings_pebble_compactions_total", "Compactions that ended.", func(m *pebble.Metrics) float64 { return float64(m.Compact.Count) }),
	counterOf("recordings_pebble_compactions_failed_total", "Compactions that failed.", func(m *pebble.Metrics) float64 { return float64(m.Compact.FailedCount) }),
	counterOf("recordings_pebble_compaction_seconds_total", "Time that compactions took.", func(m *pebble.Metrics) float64 { return m.Compact.Duration.Seconds() }),
	gaugeOf("recordings_pebble_compactions_running", "Compactions that are running.", func(m *pebble.Metrics) float64 { return float64(m.Compact.NumInProgress) }),
	gaugeOf("recordings_pebble_compaction_debt_bytes", "About how much there is to compact.", func(m *pebble.Metrics) float64 { return float64(m.Compact.EstimatedDebt) }),
	counterOf("recordings_pebble_flushes_total", "Flushes of a memtable that ended.", func(m *pebble.Metrics) float64 { return float64(m.Flush.Count) }),
	gaugeOf("recordings_pebble_memtable_bytes", "Memory of the memtables.", func(m *pebble.Metrics) float64 { return float64(m.MemTable.Size) }),
	gaugeOf("recordings_pebble_read_amplification", "Places in which a key may have to be looked for.", func(m *pebble.Metrics) float64 { return float64(m.ReadAmp()) }),
	gaugeOf("recordings_pebble_wal_bytes", "Live data in the write-ahead log.", func(m *pebble.Metrics) float64 { return float64(m.WAL.Size) }),
	gaugeOf("recordings_pebble_wal_files", "Files of the write-ahead log.", func(m *pebble.Metrics) float64 { return float64(m.WAL.Files) }),
	counterOf("recordings_pebble_wal_written_bytes_total", "Bytes written to the write-ahead log.", func(m *pebble.Metrics) float64 { return float64(m.WAL.BytesWritten) }),
	gaugeOf("recordings_pebble_disk_bytes", "Disk space of the records.", func(m *pebble.Metrics) float64 { return float64(m.DiskSpaceUsage()) }),
	gaugeOf("recordings_pebble_snapshots", "Old states that somebody holds on to.", func(m *pebble.Metrics) float64 { return float64(m.Snapshots.Count) }),
	gaugeOf("recordings_pebble_cache_bytes", "Memory of the block cache that is in use.", func(m *pebble.Metrics) float64 { return float64(m.BlockCache.Size) }),
	counterOf("recordings_pebble_cache_hits_total", "Blocks that were found in the cache.", func(m *pebble.Metrics) float64 { return float64(m.BlockCache.Hits) }),
	counterOf("recordings_pebble_cache_misses_total", "Blocks that were not.", func(m *pebble.Metrics) float64 { return float64(m.BlockCache.Misses) }),
}

// bleveGauge is one of the numbers by which Bleve tells of an index.
type bleveGauge struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	stat string
}

func bleveOf(name, help, stat string, kind prometheus.ValueType) bleveGauge {
	return bleveGauge{prometheus.NewDesc(name, help, nil, nil), kind, stat}
}

// bleveGauges are Bleve's, of the search index that answers. A new index begins counting anew.
var bleveGauges = []bleveGauge{
	bleveOf("recordings_bleve_file_segments", "Segments on the disk.", "TotFileSegmentsAtRoot", prometheus.GaugeValue),
	bleveOf("recordings_bleve_memory_segments", "Segments in memory that are not on the disk yet.", "TotMemorySegmentsAtRoot", prometheus.GaugeValue),
	bleveOf("recordings_bleve_disk_bytes", "Disk space of the search index.", "CurOnDiskBytes", prometheus.GaugeValue),
	bleveOf("recordings_bleve_disk_files", "Files of the search index.", "CurOnDiskFiles", prometheus.GaugeValue),
	bleveOf("recordings_bleve_batches_total", "Batches of changes taken.", "TotBatches", prometheus.CounterValue),
	bleveOf("recordings_bleve_persisted_segments_total", "Segments written to the disk.", "TotPersistedSegments", prometheus.CounterValue),
	bleveOf("recordings_bleve_persister_loops_total", "Rounds of the persister.", "TotPersistLoopEnd", prometheus.CounterValue),
	bleveOf("recordings_bleve_merges_total", "Merges of segments on the disk.", "TotFileMergeZapEnd", prometheus.CounterValue),
	bleveOf("recordings_bleve_merged_bytes_total", "Bytes that merges have written.", "TotFileMergeWrittenBytes", prometheus.CounterValue),
	bleveOf("recordings_bleve_errors_total", "Errors in the background.", "TotOnErrors", prometheus.CounterValue),
}
