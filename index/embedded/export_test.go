package embedded

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// InMemory returns options for an index whose recordings are kept in a file system in memory, where
// it can be opened again.
func InMemory(o Options) Options {
	o.fs = vfs.NewMem()
	return o
}

// Eager returns options for an index that gives changes to its search index without delay, for
// tests that wait for it.
func Eager(o Options) Options {
	o.gather = time.Millisecond
	return o
}
