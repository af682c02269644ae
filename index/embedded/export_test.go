package embedded

import "github.com/cockroachdb/pebble/v2/vfs"

// InMemory returns options for an index whose recordings are kept in a file system in memory, where it can be opened
// again.
func InMemory(o Options) Options {
	o.fs = vfs.NewMem()
	return o
}
