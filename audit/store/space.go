package store

import (
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// space watches the free space of the disk. Pebble survives a full one badly, so entries are refused
// while there is less than a minimum, which is less than what the recordings need to be accepted: as
// long as it is only they that fill the disk, what is there can still be searched and played.
type space struct {
	fs      vfs.FS
	dir     string
	minFree uint64

	checked atomic.Int64 // nanoseconds since 1970
	written atomic.Int64 // bytes since then
	isFull  atomic.Bool
}

const (
	spaceInterval = time.Second
	spaceBytes    = 1 << 20 // written between two looks
)

// full reports whether entries are refused, and looks again when it is time.
func (s *space) full(now time.Time, release func()) bool {
	last := s.checked.Load()
	due := now.UnixNano()-last > int64(spaceInterval) || s.written.Load() > spaceBytes
	if due && s.checked.CompareAndSwap(last, now.UnixNano()) {
		s.written.Store(0)
		little := s.little()
		if little {
			release()
			little = s.little()
		}
		s.isFull.Store(little)
	}
	return s.isFull.Load()
}

// little reports whether too little is free. A file system may not tell: then it is enough.
func (s *space) little() bool {
	usage, err := s.fs.GetDiskUsage(s.dir)
	return err == nil && usage.AvailBytes < s.minFree
}

// wrote counts what is written.
func (s *space) wrote(bytes int) { s.written.Add(int64(bytes)) }
