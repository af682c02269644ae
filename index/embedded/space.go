package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"
)

// space watches the free space of the disk. Pebble and Bleve survive a full disk badly, so writes are refused while
// there is less than minFree. What others write may fill the disk all the same: for that there is a ballast, a file
// that is removed when a write of Pebble's hits the end of the disk, so that what was begun can be finished. All is
// undone when there is space again.
type space struct {
	fs      vfs.FS // not the one that calls exhausted
	dir     string
	ballast string
	minFree uint64 // bytes
	reserve int64  // bytes of the ballast
	log     zerolog.Logger
	closing context.Context

	full    atomic.Bool
	written atomic.Int64 // bytes since the last check
}

const (
	spaceInterval = time.Second // between checks
	spaceBytes    = 1 << 20     // written between checks
)

func newSpace(closing context.Context, fs vfs.FS, o Options) *space {
	s := &space{
		fs:      fs,
		dir:     o.Dir,
		ballast: fs.PathJoin(o.Dir, "ballast"),
		minFree: o.MinFree,
		reserve: o.Ballast,
		log:     o.Log,
		closing: closing,
	}
	s.check()
	return s
}

// watch checks the space until closing ends.
func (s *space) watch() {
	tick := time.NewTicker(spaceInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.check()
		case <-s.closing.Done():
			return
		}
	}
}

// wrote counts what is written; much of it makes a check due.
func (s *space) wrote(bytes int) {
	if s.written.Add(int64(bytes)) > spaceBytes {
		s.check()
	}
}

// check looks at the free space. Writing is allowed again only with some more space than it was refused with, lest it
// flutter; the ballast comes back when it does not itself take what is needed.
func (s *space) check() {
	s.written.Store(0)
	usage, err := s.fs.GetDiskUsage(s.dir)
	switch {
	case errors.Is(err, vfs.ErrUnsupported):
		return
	case err != nil:
		s.log.Error().Err(err).Msg("reading the free space of the disk")
	case usage.AvailBytes < s.minFree:
		s.setFull(true, usage.AvailBytes)
	case usage.AvailBytes >= s.minFree+s.minFree/8:
		s.setFull(false, usage.AvailBytes)
		if usage.AvailBytes >= s.minFree+s.minFree/4+uint64(s.reserve) {
			s.restore()
		}
	}
}

func (s *space) setFull(full bool, free uint64) {
	if s.full.Swap(full) == full {
		return
	}
	if full {
		s.log.Error().Uint64("freeBytes", free).Uint64("neededBytes", s.minFree).Msg("the disk is full: writes are refused")
	} else {
		s.log.Info().Uint64("freeBytes", free).Msg("there is space on the disk again: writes are accepted")
	}
}

// restore makes the ballast, if it is not there.
func (s *space) restore() {
	if _, err := s.fs.Stat(s.ballast); err == nil || s.reserve == 0 {
		return
	}
	if err := s.allocate(); err != nil {
		s.log.Warn().Err(err).Msg("reserving space on the disk for finishing writes when it is full")
		_ = s.fs.Remove(s.ballast)
	}
}

func (s *space) allocate() error {
	f, err := s.fs.Create(s.ballast, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("creating %s: %w", s.ballast, err)
	}
	return errors.Join(f.Preallocate(0, s.reserve), f.Sync(), f.Close())
}

// exhausted is called when a write found no space at all, and before it is tried once more. All other writes of Pebble
// wait meanwhile. Without a ballast it takes its time: Pebble tries a failed flush again at once, for ever.
func (s *space) exhausted() {
	s.setFull(true, 0)
	if s.fs.Remove(s.ballast) == nil {
		return
	}
	select {
	case <-time.After(spaceInterval):
	case <-s.closing.Done():
	}
}
