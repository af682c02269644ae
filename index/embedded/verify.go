package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/index"
)

// verifier knows how verifying is doing. One goroutine verifies (see runVerifier): when it is asked to, and now and then by
// itself, which is called scrubbing.
type verifier struct {
	mu       sync.Mutex
	state    index.Verification
	found    *findings
	cancel   context.CancelCauseFunc // of what is running, or nil
	wanted   chan struct{}           // has an element when it was asked for
	lastTime time.Time               // when the last one ended; of the first, when the index was opened
}

// verifiedFile, in the data directory, was written when everything had been verified the last time: a service that is restarted often is
// scrubbed all the same.
const verifiedFile = "VERIFIED"

// newVerifier returns the verifier of a data directory.
func newVerifier(dir string) *verifier {
	last := time.Now()
	if info, err := os.Stat(filepath.Join(dir, verifiedFile)); err == nil && info.ModTime().Before(last) {
		last = info.ModTime()
	}
	return &verifier{
		state:    index.Verification{Phase: index.Idle, Findings: []index.Finding{}},
		wanted:   make(chan struct{}, 1),
		lastTime: last,
	}
}

// Verification tells how verifying is doing; see [index.Operations].
func (x *Index) Verification() index.Verification { return x.verifier.status() }

func (v *verifier) status() index.Verification {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.state
	if v.found == nil {
		return s
	}
	at := time.Now()
	if s.Ended != 0 {
		at = time.UnixMilli(int64(s.Ended))
	}
	v.found.tell(&s, at)
	return s
}

// ControlVerify starts or cancels verifying; see [index.Operations].
func (x *Index) ControlVerify(ctx context.Context, a index.Action, repair bool) (index.Verification, error) {
	_, leave, err := x.gate.enter(ctx)
	if err != nil {
		return index.Verification{}, err
	}
	defer leave()
	if err := x.verifier.control(a, repair); err != nil {
		return index.Verification{}, err
	}
	return x.verifier.status(), nil
}

func (v *verifier) control(a index.Action, repair bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	running := !v.state.Phase.Ended()
	switch {
	case a == index.Start && !running:
		v.beginLocked("it was asked for", repair)
		v.wanted <- struct{}{}
	case a == index.Start:
		return &index.StateError{Message: "verifying is running already; cancel it, or wait for it"}
	case a != index.Cancel:
		return &index.StateError{Message: "verifying can only be started and cancelled"}
	case !running:
		return &index.StateError{Message: "verifying is not running"}
	default:
		v.endLocked(index.Cancelled, "cancelled before everything was compared")
		if v.cancel != nil {
			v.cancel(errCancelled)
		}
	}
	return nil
}

func (v *verifier) beginLocked(cause string, repair bool) {
	v.found = newFindings()
	v.state = index.Verification{Phase: index.Checking, Cause: cause, Repair: repair, Started: now(), Findings: []index.Finding{}}
}

func (v *verifier) endLocked(phase index.Phase, verdict string) {
	v.state.Phase, v.state.Verdict, v.state.Ended = phase, verdict, now()
	v.lastTime = time.Now()
}

// runVerifier verifies when it is asked to, and when the interval of scrubbing is over.
func (x *Index) runVerifier() {
	ctx := x.gate.closing
	for {
		var due <-chan time.Time
		if x.o.ScrubInterval > 0 {
			due = time.After(time.Until(x.verifier.last().Add(x.o.ScrubInterval)))
		}
		select {
		case <-x.verifier.wanted:
		case <-due:
			if !x.verifier.scrub() {
				continue // somebody has just asked for it
			}
		case <-ctx.Done():
			return
		}
		x.runVerification(ctx)
	}
}

func (v *verifier) last() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lastTime
}

func (v *verifier) scrub() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.state.Phase.Ended() {
		return false
	}
	v.beginLocked("it was due", true)
	return true
}

// runVerification verifies, and rebuilds what is derived if it is damaged and that was asked for.
func (x *Index) runVerification(ctx context.Context) {
	v := x.verifier
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	v.mu.Lock()
	if v.state.Phase.Ended() { // cancelled before it began
		v.mu.Unlock()
		return
	}
	v.cancel = stop
	found, repair := v.found, v.state.Repair
	v.mu.Unlock()
	s, err := x.verifyAll(ctx, found)
	if errors.Is(context.Cause(ctx), errCancelled) {
		return
	}
	records, derived := found.counts()
	phase, verdict := found.verdict()
	switch {
	case err != nil:
		phase, verdict = index.Failed, "failed: "+detail(err)
	case derived > 0 && repair:
		verdict += "; it is rebuilt"
		x.giveUp(ctx, s, fmt.Errorf("%w: %d problems were found", errInconsistent, derived))
	case derived > 0:
		verdict += "; it can be rebuilt: verify with repair, or reindex"
	}
	if err == nil {
		if err := replaceFile(filepath.Join(x.o.Dir, verifiedFile), now().String()+"\n"); err != nil {
			x.log.Warn().Err(err).Msg("noting that everything was verified")
		}
	}
	v.mu.Lock()
	v.endLocked(phase, verdict)
	cause := v.state.Cause
	v.mu.Unlock()
	event := x.log.Info()
	if phase == index.Failed {
		event = x.log.Error()
	}
	event.Str("cause", cause).Uint64("damagedRecords", records).Uint64("damagedIndex", derived).Str("verdict", verdict).Msg("everything stored is verified")
}

// giveUp lets another index take the place of one that is wrong, and waits until that has begun.
func (x *Index) giveUp(ctx context.Context, s *searchIndex, why error) {
	_ = s.fail(why)
	for ctx.Err() == nil {
		now := x.state.serving()
		if now != s && (now != nil || !x.reindex.status().Phase.Ended()) {
			return
		}
		sleep(ctx, 10*time.Millisecond)
	}
}

// verifyAll compares everything, from one consistent state: the files of the store as links in a directory of their own, the
// rest in a snapshot. It returns the search index that was compared.
func (x *Index) verifyAll(ctx context.Context, found *findings) (*searchIndex, error) {
	rest := (&lowPriority{x: x, ctx: ctx}).rest
	if err := x.verifyStore(found, rest); err != nil {
		return nil, err
	}
	if err := x.WaitReady(ctx); err != nil {
		return nil, err
	}
	w, err := x.whole()
	if err != nil {
		return nil, err
	}
	defer w.close()
	x.verifier.compares(w.log.count)
	if err := w.checkFiles(found, rest); err != nil {
		return nil, err
	}
	return w.index, w.verify(ctx, found, rest)
}

func (v *verifier) compares(total uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.state.Phase.Ended() {
		v.state.Phase, v.state.Total = index.Comparing, total
	}
}

// checkpointDir is where the files of the store are linked to while they are verified.
const checkpointDir = "verifying"

func (x *Index) verifyStore(found *findings, rest func() error) (err error) {
	dir := x.o.fs.PathJoin(x.o.Dir, checkpointDir)
	if err := x.o.fs.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing what an earlier verification has left: %w", err)
	}
	defer func() { err = errors.Join(err, x.o.fs.RemoveAll(dir)) }()
	if err := guard(func() error { return x.db.Checkpoint(dir) }); err != nil {
		return fmt.Errorf("linking the files of the records for verification: %w", err)
	}
	return checkStore(dir, x.o.fs, nil, x.o, found, rest)
}

// Verify compares everything in the data directory of an index that is not open. Nothing is written. The report is complete
// even if there is an error, which says why not everything could be compared.
func Verify(ctx context.Context, o Options, tell func(index.Verification)) (_ index.Verification, err error) {
	o = o.withDefaults()
	v := newVerifier(o.Dir)
	v.beginLocked("it was asked for", false)
	records := filepath.Join(o.Dir, recordsDir)
	if _, err := os.Stat(records); err != nil {
		return v.status(), fmt.Errorf("there is no data directory at %s: %w", o.Dir, err)
	}
	lock, err := pebble.LockDirectory(records, vfs.Default)
	if err != nil {
		return v.status(), fmt.Errorf("the data directory %s is in use by another process, or cannot be locked: %w", o.Dir, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	rest := func() error {
		tell(v.status())
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	}
	if err := verifyStopped(ctx, o, lock, v, rest); err != nil {
		return v.status(), err
	}
	v.endLocked(v.found.verdict())
	return v.status(), nil
}

// verifyStopped verifies the store, and the search index against it as far as the store can be read.
func verifyStopped(ctx context.Context, o Options, lock *pebble.Lock, v *verifier, rest func() error) (err error) {
	records := filepath.Join(o.Dir, recordsDir)
	if err := checkStore(records, vfs.Default, lock, o, v.found, rest); err != nil {
		return err
	}
	options := storeOptions(vfs.Default, lock, o)
	options.ReadOnly, options.ErrorIfNotExists = true, true
	var db *pebble.DB
	err = guard(func() (err error) {
		db, err = pebble.Open(records, options)
		return err
	})
	if err != nil {
		return nil // which was reported
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	log, err := readChangeLog(db)
	if err != nil {
		v.found.file(index.DamagedFile, recordsDir, err)
		return nil
	}
	v.compares(log.count)
	if err := guard(func() error { return checkStoredCount(db) }); err != nil {
		v.found.file(index.DamagedFile, recordsDir, err)
	}
	return verifyStoppedIndex(ctx, db, log, filepath.Join(o.Dir, "search"), v.found, rest)
}

// DropSearchIndex removes the search index in the data directory of an index that is not open: it is built anew when the index
// is opened.
func DropSearchIndex(dir string) error {
	err := removeOthers(filepath.Join(dir, "search"))
	if errors.Is(err, os.ErrNotExist) { // there is none, as in a directory that was restored without one
		return nil
	}
	return err
}
