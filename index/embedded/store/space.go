package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"recordings/index/embedded/internal/pace"
)

// ballastFile is the file that holds space back, in the data directory.
const ballastFile = "ballast"

// Space watches the free space of the disk. Pebble and Bleve survive a full disk badly, so writes
// are refused while there is less than a minimum. What others write may fill the disk all the same:
// for that there is a ballast, a file that is removed when a write of Pebble's hits the end of the
// disk, so that what was begun can be finished. All is undone when there is space again.
type Space struct {
	fs      vfs.FS // not the one that calls exhausted
	dir     string
	ballast string
	minFree uint64 // bytes
	reserve int64  // bytes of the ballast
	log     zerolog.Logger
	closing context.Context
	waiting func(reason string) // is told before a write waits for space

	full     atomic.Bool
	written  atomic.Int64 // bytes since the last check
	checking sync.Mutex
}

const (
	spaceInterval = time.Second // between checks
	spaceBytes    = 1 << 20     // written between checks
)

// newSpace looks at the disk for the first time, and makes the ballast if there is room.
func newSpace(closing context.Context, o Options) *Space {
	s := &Space{
		fs:      o.FS,
		dir:     o.Dir,
		ballast: o.FS.PathJoin(o.Dir, ballastFile),
		minFree: o.MinFree,
		reserve: o.Ballast,
		log:     o.Log,
		closing: closing,
		waiting: o.Waiting,
	}
	if s.waiting == nil {
		s.waiting = func(string) {}
	}
	s.check()
	return s
}

// Full reports whether writes are refused.
func (s *Space) Full() bool { return s.full.Load() }

// Reason says in words why writes are refused; empty: they are not.
func (s *Space) Reason() string {
	if !s.full.Load() {
		return ""
	}
	free, _ := s.Free()
	return s.words(free)
}

// words says that too few bytes are free.
func (s *Space) words(free uint64) string {
	needed := s.minFree + s.minFree/8
	return fmt.Sprintf("the disk is full: %d MB are free, %d MB must be", free>>20, (needed+1<<20-1)>>20)
}

// watch checks the space until closing ends.
func (s *Space) watch() {
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
func (s *Space) wrote(bytes int) {
	if s.written.Add(int64(bytes)) > spaceBytes {
		s.check()
	}
}

// check looks at the free space. Writing is allowed again only with some more space than it was
// refused with, lest it flutter; the ballast comes back when it does not itself take what is
// needed.
func (s *Space) check() {
	if !s.checking.TryLock() {
		return // somebody else does
	}
	defer s.checking.Unlock()
	s.written.Store(0)

	free, ok := s.Free()
	switch {
	case !ok:
	case free < s.minFree:
		s.setFull(true, free)
	case free >= s.minFree+s.minFree/8:
		s.setFull(false, free)
		if free >= s.minFree+s.minFree/4+uint64(s.reserve) {
			s.restore()
		}
	}
}

// Free returns the free space in bytes, if it is known.
func (s *Space) Free() (bytes uint64, ok bool) {
	usage, err := s.fs.GetDiskUsage(s.dir)
	if err != nil {
		if !errors.Is(err, vfs.ErrUnsupported) {
			s.log.Error().Err(err).Msg("reading the free space of the disk")
		}
		return 0, false
	}
	return usage.AvailBytes, true
}

// setFull changes whether writes are refused. It is logged once, when it changes.
func (s *Space) setFull(full bool, free uint64) {
	if s.full.Swap(full) == full {
		return
	}

	if full {
		s.log.Error().Uint64("freeBytes", free).Uint64("neededBytes", s.minFree).
			Msg("the disk is full: writes are refused")
	} else {
		s.log.Info().Uint64("freeBytes", free).Msg("there is space on the disk again: writes are accepted")
	}
}

// restore makes the ballast, if it is not there.
func (s *Space) restore() {
	if _, err := s.fs.Stat(s.ballast); err == nil || s.reserve == 0 {
		return
	}
	if err := s.allocate(); err != nil {
		s.log.Warn().Err(err).Msg("reserving space on the disk for finishing writes when it is full")
		_ = s.fs.Remove(s.ballast)
	}
}

// allocate reserves the bytes of the ballast without writing them, where the file system can do
// that.
func (s *Space) allocate() error {
	f, err := s.fs.Create(s.ballast, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("creating %s: %w", s.ballast, err)
	}
	return errors.Join(f.Preallocate(0, s.reserve), f.Sync(), f.Close())
}

// exhausted is called when a write of Pebble's found no space at all, and before it is tried once
// more. All its other writes wait meanwhile, which is good: what fails in the log cannot be mended
// without a restart, and what fails in the background is tried again at once and for ever. So
// without a ballast it waits for space.
func (s *Space) exhausted() {
	s.setFull(true, 0)
	if _, err := s.fs.Stat(s.ballast); err == nil && s.fs.Remove(s.ballast) == nil {
		return
	}

	if free, ok := s.Free(); ok {
		s.waiting(s.words(free))
	}
	for s.closing.Err() == nil {
		pace.Sleep(s.closing, spaceInterval)
		if free, ok := s.Free(); !ok || free > s.minFree/8 {
			return
		}
	}
}

// Release gives the ballast to others who must write to the same disk, which is full. It does not wait.
func (s *Space) Release() {
	s.setFull(true, 0)
	_ = s.fs.Remove(s.ballast) // it may be gone already
}

// Await waits while the disk is full, but not beyond the end of the context.
func (s *Space) Await(ctx context.Context) {
	for s.full.Load() && ctx.Err() == nil {
		pace.Sleep(ctx, spaceInterval)
	}
}
