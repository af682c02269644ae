package embedded_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"recordings/index"
	"recordings/index/embedded"
	"recordings/index/indextest"
	"recordings/mapping"
)

// gathered are the values of all metrics without a label, by their names; of those with one,
// name{value}.
func gathered(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += "{" + l.GetValue() + "}"
			}
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			values[name] += float64(m.GetHistogram().GetSampleCount())
		}
	}
	return values
}

// TestMetrics lets things happen, and looks which metrics move.
func TestMetrics(t *testing.T) {
	x, err := embedded.Open(t.Context(), embedded.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(x.Collector())
	problems, err := testutil.GatherAndLint(r)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	before := gathered(t, r)
	if before["recordings_index_ready"] != 1 || before["recordings_disk_free_bytes"] == 0 ||
		before["recordings_pebble_wal_files"] == 0 {
		t.Errorf("at the beginning: %v", before)
	}
	var all []*mapping.Recording
	for i := range 300 {
		all = append(all, believable(i))
	}
	x.PutAll(t.Context(), benchCenter, all, index.PutOptions{})
	for range 2 { // merged, unchanged
		changed := believable(1)
		changed.CallerPhoneNumber = "+1"
		if _, err := x.Put(t.Context(), benchCenter, changed); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Delete(t.Context(), benchCenter, all[2].ID); err != nil {
		t.Fatal(err)
	}
	_ = x.Delete(t.Context(), benchCenter, "nobody's")
	indextest.Settle(t, x)
	one := mapping.NewPattern("*1*2*3*")
	q := index.Query{
		Scope:    index.Scope{ContactCenter: benchCenter, Region: "us-west"},
		Limit:    1,
		Total:    true,
		Criteria: mapping.Criteria{CallerPhoneNumber: mapping.Expression{{one}}},
	}
	if _, err := index.Find(t.Context(), x, q); err != nil {
		t.Fatal(err)
	}
	after := gathered(t, r)
	for name, want := range map[string]float64{
		"recordings_writes_total{created}":   300,
		"recordings_writes_total{merged}":    1,
		"recordings_writes_total{unchanged}": 1,
		"recordings_writes_total{deleted}":   1,
		"recordings_writes_total{not found}": 1,
		"recordings_stored":                  299,
		"recordings_searches_total{done}":    1,
		"recordings_search_cost":             2, // the search, and its count
	} {
		if got := after[name] - before[name]; got != want {
			t.Errorf("%s moved by %v, want %v", name, got, want)
		}
	}
	pending := []string{"recordings_pending_changes", "recordings_pending_bytes", "recordings_pending_age_seconds"}
	for _, name := range pending {
		if after[name] != 0 {
			t.Errorf("%s is %v while nothing is pending", name, after[name])
		}
	}
	for _, name := range []string{
		"recordings_search_work_total{days}",
		"recordings_search_work_total{segments}",
		"recordings_search_work_total{candidates}",
		"recordings_search_work_total{verified}",
		"recordings_bleve_batches_total",
		"recordings_pebble_wal_written_bytes_total",
		"recordings_change_log_entries",
	} {
		if after[name] <= before[name] {
			t.Errorf("%s is %v as it was", name, after[name])
		}
	}
	for n := 300; ; n++ { // until it is seen before it is indexed
		if _, err := x.Put(t.Context(), benchCenter, believable(n)); err != nil {
			t.Fatal(err)
		}
		if now := gathered(t, r); now[pending[0]] > 0 {
			if now[pending[1]] <= 0 || now[pending[2]] <= 0 {
				t.Errorf("of what is pending: %v bytes, %v s old", now[pending[1]], now[pending[2]])
			}
			break
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if closed := gathered(t, r); closed["recordings_writes_total{created}"] < 300 {
		t.Error("what was counted is not there after closing")
	}
}
