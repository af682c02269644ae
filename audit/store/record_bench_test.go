package store_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/audit/store"
)

// BenchmarkRecord is one entry that waits for the disk, and many at a time, which share its syncs.
func BenchmarkRecord(b *testing.B) {
	for name, parallel := range map[string]int{"alone": 0, "16 at a time": 8} {
		b.Run(name, func(b *testing.B) {
			l, err := store.Open(store.Options{Dir: filepath.Join(b.TempDir(), "audit"), FS: vfs.Default})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			e := mixed(rand.New(rand.NewPCG(1, 2)), 5)
			one := func() {
				if _, err := l.Record(b.Context(), e); err != nil {
					b.Error(err)
				}
			}
			if parallel == 0 {
				for b.Loop() {
					one()
				}
				return
			}
			b.SetParallelism(parallel)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					one()
				}
			})
		})
	}
}
