//go:build !race

// These tests are about the heap, of which the race detector makes another. `make integration` runs all
// tests without it.

package table_test

import (
	"io"
	"runtime"
	"testing"

	"recordings/api/table"
	"recordings/mapping"
)

// TestConstantMemory: a workbook of a million rows and more takes no more memory than one of few, and
// goes on in a second sheet.
func TestConstantMemory(t *testing.T) {
	const rows, most = 1_100_000, 4 << 20
	w := table.NewWorkbook(options(zone(t, "Europe/Berlin")))
	x := w.Writer(io.Discard)
	if err := x.Begin(); err != nil {
		t.Fatal(err)
	}

	var row []byte
	var before uint64
	for i := range rows {
		row = w.Row(row[:0], callAt("0203123456", mapping.Time(i)*1000))
		if err := x.Rows(row, 1); err != nil {
			t.Fatal(err)
		}
		if i == 1000 {
			before = heap()
		}
		if i%100_000 == 99_999 {
			if now := heap(); now > before+most {
				t.Fatalf("after %d rows the heap has %d bytes, %d after the first", i+1, now, before)
			}
		}
	}
	if err := x.End(rows); err != nil {
		t.Fatal(err)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
