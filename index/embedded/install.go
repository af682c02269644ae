package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"recordings/index"
	"recordings/mapping"
)

// awaitIndex waits for a search index where there is none, and makes it the current one.
func (x *Index) awaitIndex(ctx context.Context, why string) *searchIndex {
	x.reindex.need(why)
	select {
	case o := <-x.reindex.offers:
		if err := x.install(o, func() {}); err != nil {
			o.done <- err
			return x.awaitIndex(ctx, why)
		}
		o.done <- nil
		return o.index
	case <-ctx.Done():
		return nil
	}
}

// switchTo lets another index take the place of the current one, which goes on being searched until then. It tells whether it
// could; the current one is then closed by the caller.
func (x *Index) switchTo(ctx context.Context, o *offer) bool {
	err := x.catchUp(ctx, o.index)
	if err == nil {
		err = x.install(o, func() {
			x.state.ready(o.index)
			x.pending.indexedUpTo(o.index.sequence)
		})
	}
	o.done <- err
	return err == nil
}

// install makes an index the current one for the time after a restart, then by serve for searches, and only then says so. It
// keeps the one before, in case that the new one fails.
func (x *Index) install(o *offer, serve func()) error {
	before, err := currentDir(x.searchDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := setCurrentDir(x.searchDir, o.index.dir); err != nil {
		return err
	}
	serve()
	r := x.reindex
	r.mu.Lock()
	defer r.mu.Unlock()
	r.urgent = false
	r.updateLocked(func(s *reindexState) {
		s.end(index.Done, fmt.Sprintf("%s: the new search index with %d recordings is in use", o.verdict, s.Done))
		if before != "" {
			s.Old, s.OldUntil = filepath.Base(before), now()+mapping.Time(x.o.keepOld.Milliseconds())
		}
	})
	if before != "" {
		r.old.Store(x.trimmed.Load())
	}
	r.building.Store(nothing)
	r.tellLocked()
	x.log.Info().Str("verdict", r.state.Verdict).Msg("the search index is rebuilt")
	return nil
}

// removeOld removes the search index before the current one, which may not be closed yet; then it is tried again.
func (x *Index) removeOld() {
	r := x.reindex
	r.mu.Lock()
	defer r.mu.Unlock()
	r.old.Store(nothing)
	if r.state.Old == "" {
		return
	}
	if err := os.RemoveAll(filepath.Join(x.searchDir, r.state.Old)); err != nil {
		x.log.Warn().Err(err).Msg("removing the old search index; it is tried again")
		r.updateLocked(func(s *reindexState) { s.OldUntil = now() + mapping.Time(retryDelay.Milliseconds()) })
		return
	}
	r.updateLocked(func(s *reindexState) { s.Old, s.OldUntil = "", 0 })
}

// fallBack opens the search index before the current one, if it is still there: the current one has failed.
func (x *Index) fallBack(why string, last uint64) *searchIndex {
	r := x.reindex
	r.mu.Lock()
	name := r.state.Old
	r.mu.Unlock()
	if name == "" {
		return nil
	}
	failed, _ := currentDir(x.searchDir) // if it is not known, it is removed when the index is opened the next time
	dir := filepath.Join(x.searchDir, name)
	s, err := x.openChecked(dir, last)
	if err == nil {
		err = setCurrentDir(x.searchDir, dir)
	}
	if err != nil {
		x.log.Warn().Err(err).Msg("the old search index is of no use, either")
		return nil
	}
	if failed != "" && failed != dir {
		if err := os.RemoveAll(failed); err != nil {
			x.log.Warn().Err(err).Msg("removing the search index that failed")
		}
	}
	r.update(func(s *reindexState) {
		s.Old, s.OldUntil = "", 0
		if s.Phase == index.Done {
			s.end(index.Failed, "failed: the new search index was given up ("+why+"); the old one is in use again")
		}
	})
	r.old.Store(nothing)
	x.log.Warn().Msg("the old search index is in use again")
	return s
}
