package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"recordings/index"
	"recordings/index/embedded/backup"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/internal/pace"
	"recordings/index/embedded/store"
	"recordings/index/embedded/verify"
)

// WaitReady waits until searches are answered.
func (x *Index) WaitReady(ctx context.Context) error {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()

	for {
		ready, changed := x.serving.isReady()
		if ready {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fault.Unavailable("waiting for the search index", context.Cause(ctx))
		}
	}
}

// settle waits until searches are answered, but no longer than there is space for a search index.
func (s *serving) settle(ctx context.Context, full func() bool) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ready, changed := s.isReady()
		if ready || full() {
			return nil
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return fault.Unavailable("waiting for the search index", context.Cause(ctx))
		}
	}
}

// Flush waits until there is a search index, and what it has is durable. It would be so some time
// later: this is for those who close the index and then look at its files.
func (x *Index) Flush(ctx context.Context) error {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()

	done := make(chan error, 1)
	select {
	case x.indexer.flushes <- done:
	case <-ctx.Done():
		return fault.Unavailable("flushing the search index", context.Cause(ctx))
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fault.Unavailable("flushing the search index", context.Cause(ctx))
	}
}

// Status reports how the index is doing; see [index.Health].
func (x *Index) Status() index.Status {
	s := x.serving.status()
	s.Pending = x.pending.Len()
	s.DiskFull = x.store.Space().Full()
	switch cause := x.store.BrokenCause(); {
	case cause != nil:
		s.Broken, s.Reason = true, "nothing can be written until the service is restarted: "+cause.Error()
	case s.Reason == "" && s.DiskFull:
		s.Reason = x.store.Space().Reason()
	}
	return s
}

// Usage returns how much there is of everything; see [index.Operations].
func (x *Index) Usage() index.Usage {
	_, leave, err := x.gate.Enter(context.Background())
	if err != nil {
		return index.Usage{}
	}
	defer leave()

	m := measure(x)
	used := x.store.DiskBytes()
	if n, ok := x.serving.stats()["CurOnDiskBytes"].(uint64); ok {
		used += n
	}
	return index.Usage{
		Recordings:   m.stored,
		PendingBytes: m.pendingBytes,
		PendingAge:   m.pendingAge(),
		DiskUsed:     used,
		DiskFree:     m.diskFree,
	}
}

// Reindex returns the progress of building the search index anew; see [index.Operations].
func (x *Index) Reindex() index.Reindex { return x.builder.Status() }

// ControlReindex starts, pauses, resumes or cancels it; see [index.Operations].
func (x *Index) ControlReindex(ctx context.Context, a index.Action) (index.Reindex, error) {
	_, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return index.Reindex{}, err
	}
	defer leave()

	if err := x.builder.Control(a); err != nil {
		return index.Reindex{}, err
	}
	x.log.Info().Str("action", string(a)).Msg("rebuilding the search index")
	return x.builder.Status(), nil
}

// Verification returns the progress of verifying; see [index.Operations].
func (x *Index) Verification() index.Verification { return x.verifier.Status() }

// ControlVerify starts or cancels verifying; see [index.Operations].
func (x *Index) ControlVerify(ctx context.Context, a index.Action, repair bool) (index.Verification, error) {
	_, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return index.Verification{}, err
	}
	defer leave()

	if err := x.verifier.Control(a, repair); err != nil {
		return index.Verification{}, err
	}
	return x.verifier.Status(), nil
}

// subject is the index as it is verified.
type subject struct{ x *Index }

// Check implements [verify.Subject].
func (s subject) Check(report store.Report) error { return s.x.store.Check(report) }

// State implements [verify.Subject].
func (s subject) State(ctx context.Context) (*verify.State, error) {
	if err := s.x.WaitReady(ctx); err != nil {
		return nil, err
	}
	return s.x.states.whole()
}

// GiveUp implements [verify.Subject].
func (s subject) GiveUp(ctx context.Context, x *bleveindex.Index, why error) {
	const interval = 10 * time.Millisecond
	_ = x.Fail(why)
	for ctx.Err() == nil {
		now := s.x.serving.current()
		if now != x && (now != nil || !s.x.builder.Status().Phase.Ended()) {
			return
		}
		pace.Sleep(ctx, interval)
	}
}

// Verify compares everything in the data directory of an index that is not open; see
// [verify.Stopped].
func Verify(ctx context.Context, o Options, tell func(index.Verification)) (index.Verification, error) {
	if err := backup.Refuse(o.Dir); err != nil {
		return index.Verification{}, fmt.Errorf("verifying: %w", err)
	}
	return verify.Stopped(ctx, o.Dir, o.Log, tell)
}

// DropSearchIndex removes the search index in the data directory of an index that is not open: it
// is built anew when the index is opened. It is no error if there is none, as in a directory that
// was restored without one.
func DropSearchIndex(dir string) error {
	if err := backup.Refuse(dir); err != nil {
		return fmt.Errorf("removing the search index: %w", err)
	}
	err := bleveindex.RemoveOthers(searchDirOf(dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// searchDirOf is where the search indexes of a data directory are.
func searchDirOf(dir string) string { return filepath.Join(dir, searchDirName) }
