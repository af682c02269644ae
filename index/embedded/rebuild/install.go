package rebuild

import (
	"errors"
	"math"
	"os"
	"path/filepath"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
)

// Install makes an index that was offered the current one for the time after a restart, then by
// serve for searches, and only then says so. It keeps the one before, in case that the new one
// fails.
func (b *Builder) Install(o *Offer, serve func()) error {
	before, err := bleveindex.Current(b.o.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}

	// In this order a crash in between loses nothing: the new index is found by the next start.
	if err := bleveindex.SetCurrent(b.o.Dir, o.Index.Dir()); err != nil {
		return err
	}
	serve()

	if before != "" {
		b.old.Store(b.o.Store.Trimmed())
	}
	verdict := b.job.done(o.verdict, before, b.o.KeepOld)
	b.building.Store(nothing)
	b.o.Log.Info().Str("verdict", verdict).Msg("the search index is rebuilt")
	return nil
}

// removeOld removes the search index before the current one, if there is one. It may not be closed
// yet; then it is tried again.
func (b *Builder) removeOld() {
	b.old.Store(nothing)
	if err := b.job.removeOld(); err != nil {
		b.o.Log.Warn().Err(err).Msg("removing the old search index; it is tried again")
	}
}

// FallBack opens the search index before the current one, if it is still there and of use, because
// the current one has failed. Otherwise it returns nil.
func (b *Builder) FallBack(why string) *bleveindex.Index { return b.fallBack(why, math.MaxUint64) }

// fallBack is FallBack to an index that must not have changes behind the sequence last.
func (b *Builder) fallBack(why string, last uint64) *bleveindex.Index {
	_, name := b.job.dirs()
	if name == "" {
		return nil
	}

	// If it is not known, it is removed when the service is started the next time.
	failed, _ := bleveindex.Current(b.o.Dir)
	dir := filepath.Join(b.o.Dir, name)
	x, err := b.opener.openChecked(dir, last)
	if err == nil {
		err = bleveindex.SetCurrent(b.o.Dir, dir)
	}
	if err != nil {
		b.o.Log.Warn().Err(err).Msg("the old search index is of no use, either")
		return nil
	}

	if failed != "" && failed != dir {
		if err := os.RemoveAll(failed); err != nil {
			b.o.Log.Warn().Err(err).Msg("removing the search index that failed")
		}
	}
	b.job.update(func(s *state) {
		s.Old, s.OldUntil = "", 0
		if s.Phase == index.Done {
			s.end(index.Failed, "failed: the new search index was given up ("+why+"); the old one is in use again")
		}
	})
	b.old.Store(nothing)
	b.o.Log.Warn().Msg("the old search index is in use again")
	return x
}
