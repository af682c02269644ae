package deletion

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"recordings/erase"
	"recordings/erase/jobs"
	"recordings/erase/policy"
	"recordings/index"
	"recordings/mapping"
)

// listName is the text of a job that has what it is to go through: one line for each recording.
const listName = "list"

const (
	// maxBatch is how many recordings are gone through between two checkpoints. It is small enough for
	// a pause to be quick, and large enough for checkpoints to cost little.
	maxBatch = 1024

	// So many recordings are deleted at a time, for these wait for the same sync of the disk; with
	// media, whose storages are not to be flooded, fewer.
	atATime          = 128
	atATimeWithMedia = 8

	maxAttempts = 5 // how often a recording may change under its deletion before that is given up

	// retryAfter is the pause before something is tried again that should work later.
	retryAfter = 2 * time.Second
)

// entry is a line of the list.
type entry struct {
	ID      string `json:"id"`
	Changed int64  `json:"c"` // when it was last changed, in milliseconds; 0: not known
}

// mark is where a deletion is.
type mark struct {
	Listed    bool  `json:"listed"`    // the list is complete
	Confirmed bool  `json:"confirmed"` // somebody was asked whether it is really meant
	Offset    int64 `json:"offset"`    // in the list, in bytes: of the first recording that was not gone through

	// Until is how many recordings may have been gone through: one behind Done and before this one
	// that is missing was deleted before the process was killed.
	Until uint64 `json:"until"`

	// Recorded is of how many recordings the audit log has entries: where other nodes may go on with the job,
	// whose logs are their own, it is noted before these are deleted.
	Recorded uint64 `json:"recorded,omitzero"`
}

// work implements [jobs.Work].
type work struct{ *Deletions }

// run is one stretch of a deletion.
type run struct {
	*Deletions
	*jobs.Run
	request Request
	filter  policy.Filter
	mark    mark
	cc      string
}

// Run implements [jobs.Work].
func (w work) Run(ctx context.Context, jr *jobs.Run) error {
	state := jr.State()
	r := &run{Deletions: w.Deletions, Run: jr, request: requestOf(&state), cc: state.ContactCenter}
	var err error
	if r.filter, err = policy.ParseFilter(r.request.Criteria, r.request.Policy != ""); err != nil {
		return fmt.Errorf("reading the criteria of a deletion: %w", err)
	}
	if len(state.Mark) > 0 {
		if err := json.Unmarshal(state.Mark, &r.mark); err != nil {
			return fmt.Errorf("reading the mark of a deletion: %w", err)
		}
	}

	lost := r.mark.Until
	if !r.mark.Listed {
		if err := r.collect(ctx); err != nil {
			return err
		}
	}
	return r.deleteAll(ctx, lost)
}

// collect writes down what matches.
func (r *run) collect(ctx context.Context) error {
	if r.mark.Confirmed { // it was listed, and then waited for somebody
		return r.listed(ctx, r.State().Total)
	}
	r.Show(func(s *jobs.State) { s.Enter(Collecting) })
	total, err := r.list(ctx)
	if err != nil {
		return err
	}

	if r.request.Policy == "" && total != r.request.Expected {
		different := DifferentError{Expected: r.request.Expected, Matched: total}
		return &jobs.Failure{Message: different.Error()}
	}
	if err := r.checkShare(ctx, total); err != nil {
		return err
	}
	return r.listed(ctx, total)
}

// list makes the list, again and again while the index is not available, and returns how long it is.
func (r *run) list(ctx context.Context) (total uint64, err error) {
	err = r.patiently(ctx, func() error {
		w := r.Writer(ctx, listName, 0)
		total = 0
		err := r.index.Stream(ctx, r.query(r.cc, &r.filter), index.Sink{
			Encode: r.encode,
			Write: func(b []byte, _ int) error {
				total += uint64(bytes.Count(b, []byte{'\n'}))
				r.Show(func(s *jobs.State) { s.Total = total })
				_, err := w.Write(b)
				return err
			},
		})
		if err != nil {
			return err
		}
		return w.Flush()
	})
	return total, err
}

// encode appends the line of a recording, if that matches.
func (r *run) encode(b []byte, s *mapping.Stored) ([]byte, error) {
	if !r.filter.Indexed() {
		rec, err := s.Recording()
		if err != nil || !r.filter.MatchBeyond(rec) {
			return b, err
		}
	}
	line, err := json.Marshal(entry{s.ID(), int64(s.ChangedTime())})
	return append(append(b, line...), '\n'), err
}

// checkShare stops a policy that would delete too much of a contact center, until somebody confirms it.
func (r *run) checkShare(ctx context.Context, total uint64) error {
	if r.request.Policy == "" || total == 0 {
		return nil
	}
	all, err := r.index.Count(ctx, index.Query{Scope: index.Scope{ContactCenter: r.cc, Region: r.region}})
	if err != nil {
		return err
	}
	share := 100 * float64(total) / float64(max(uint64(all), total))
	if share <= r.request.MaxShare {
		return nil
	}

	waits := fmt.Sprintf("to be confirmed: it would delete %d of %d recordings (%.1f %%), more than max_share, %g %%",
		total, all, share, r.request.MaxShare)
	confirmed, err := json.Marshal(mark{Confirmed: true})
	if err != nil {
		return fmt.Errorf("encoding the mark of a deletion: %w", err)
	}
	err = r.Checkpoint(ctx, nil, func(s *jobs.State) {
		s.Total, s.Waits = total, waits
		// Whoever resumes it from here confirms it; but not from a pause that came first.
		if s.Enter(jobs.Unconfirmed); s.Phase == jobs.Unconfirmed {
			s.Mark = jsontext.Value(confirmed)
		}
	})
	return errors.Join(err, jobs.ErrUnconfirmed)
}

// listed notes that the list is complete.
func (r *run) listed(ctx context.Context, total uint64) error {
	r.mark.Listed = true
	r.mark.Until = min(total, uint64(r.batch()))
	return r.checkpoint(ctx, nil, func(s *jobs.State) {
		s.Total, s.Done = total, 0
		s.Enter(Deleting)
	})
}

// checkpoint notes where the deletion is.
func (r *run) checkpoint(ctx context.Context, results []byte, change func(*jobs.State)) error {
	text, err := json.Marshal(r.mark)
	if err != nil {
		return fmt.Errorf("encoding the mark of a deletion: %w", err)
	}
	return r.Checkpoint(ctx, results, func(s *jobs.State) {
		s.Mark = jsontext.Value(text)
		change(s)
	})
}

// batch is how many recordings are gone through at once: at a low rate, those of half a second.
func (r *run) batch() int {
	if r.rate > 0 {
		return max(1, min(maxBatch, r.rate/2))
	}
	return maxBatch
}

// deleteAll goes through the list from where it is. The recordings before the lost one may have been
// deleted by an earlier run.
func (r *run) deleteAll(ctx context.Context, lost uint64) error {
	state := r.State()
	r.Show(func(s *jobs.State) { s.Enter(Deleting) })
	lines := bufio.NewReaderSize(r.Reader(ctx, listName, r.mark.Offset), 64<<10)
	began, first := time.Now(), state.Done
	for done := state.Done; done < state.Total; {
		if err := r.mayGoOn(ctx, &state); err != nil {
			r.mark.Until = max(lost, done)
			return errors.Join(r.checkpoint(ctx, nil, func(*jobs.State) {}), err)
		}
		entries, size, err := readEntries(lines, min(r.batch(), int(state.Total-done)))
		if err != nil {
			return fmt.Errorf("reading the list of a deletion: %w", err)
		}
		results, err := r.deleteBatch(ctx, entries, int(max(lost, done)-done))
		if err != nil {
			// What was begun before the stop is noted; the rest of the batch is read again. If the audit
			// log has not forgotten all yet, the batch is gone through again.
			if len(results) == len(entries) {
				return err
			}
			return errors.Join(r.erased(ctx, results), r.note(ctx, entries[:len(results)], results, -1), err)
		}

		done += uint64(len(entries))
		r.mark.Until = min(state.Total, done+uint64(r.batch()))
		if err := r.note(ctx, entries, results, size); err != nil {
			return err
		}
		if err := r.pace(ctx, began, done-first); err != nil {
			return err
		}
	}
	return nil
}

// mayGoOn returns why a deletion has to stop here.
func (r *run) mayGoOn(ctx context.Context, s *jobs.State) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if ok, _ := (work{}).Ready(*s, time.Now()); !ok {
		return jobs.ErrLater
	}
	return nil
}

// pace waits until so many recordings may have been gone through since a time.
func (r *run) pace(ctx context.Context, began time.Time, n uint64) error {
	if r.rate <= 0 {
		return nil
	}
	until := began.Add(time.Duration(float64(n) / float64(r.rate) * float64(time.Second)))
	return sleep(ctx, time.Until(until))
}

// sleep waits, or returns why the context has ended.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// readEntries reads lines of the list, and returns how many bytes they are.
func readEntries(lines *bufio.Reader, n int) (all []entry, size int64, err error) {
	for len(all) < n {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return nil, 0, errors.Join(err, io.ErrUnexpectedEOF)
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, 0, err
		}
		all, size = append(all, e), size+int64(len(line))
	}
	return all, size, nil
}

// note makes the results of entries durable, and where the deletion is behind them. size is how long
// their lines are; negative: it has to be found out.
func (r *run) note(ctx context.Context, entries []entry, results []Result, size int64) error {
	if len(entries) == 0 {
		return nil
	}
	var text bytes.Buffer
	for _, result := range results {
		line, err := json.Marshal(result)
		if err != nil {
			return fmt.Errorf("encoding a result: %w", err)
		}
		text.Write(append(line, '\n'))
	}
	if size < 0 {
		size = 0
		for _, e := range entries {
			line, err := json.Marshal(e)
			if err != nil {
				return fmt.Errorf("encoding an entry: %w", err)
			}
			size += int64(len(line)) + 1
		}
	}

	r.mark.Offset += size
	return r.checkpoint(ctx, text.Bytes(), func(s *jobs.State) {
		s.Done += uint64(len(entries))
		for _, result := range results {
			s.Add(result.Outcome, 1)
			s.Add(countLeftBehind, uint64(len(result.MediaLeftBehind)))
		}
	})
}

// deleteBatch deletes recordings, of which the first lost ones may have been deleted by an earlier
// run. Where the context ends, it returns the results of those before the first that has none.
func (r *run) deleteBatch(ctx context.Context, entries []entry, lost int) ([]Result, error) {
	left, err := r.leftBehind(ctx, entries[:min(lost, len(entries))])
	if err != nil {
		return nil, err
	}
	if err := r.record(ctx, entries, lost); err != nil {
		return nil, err
	}

	results := make([]Result, len(entries))
	var g errgroup.Group
	g.SetLimit(atATime)
	if r.request.Subresources {
		g.SetLimit(atATimeWithMedia)
	}
	var stopped atomic.Bool
	for i := range entries {
		if stopped.Load() || ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			result, err := r.one(ctx, entries[i], i < lost, left)
			if err != nil {
				stopped.Store(true)
				return err
			}
			results[i] = result
			return nil
		})
	}
	err = g.Wait()
	for i := range results {
		if results[i].Outcome == "" {
			return results[:i], errors.Join(err, context.Cause(ctx))
		}
	}
	r.recordOutcomes(ctx, results)
	return results, r.erased(ctx, results)
}

// leftBehind returns the orphaned media of recordings that are missing, for these may have been
// deleted by an earlier run, which did not come to note its results.
func (r *run) leftBehind(ctx context.Context, entries []entry) (map[string][]string, error) {
	if len(entries) == 0 || !r.request.Subresources {
		return nil, nil
	}
	ids := map[string]bool{}
	for _, e := range entries {
		ids[e.ID] = true
	}

	const page = 1000
	left := map[string][]string{}
	err := r.patiently(ctx, func() error {
		clear(left)
		for after, more := "", true; more; {
			list, err := r.orphans.Orphaned(ctx, r.cc, after, page)
			if err != nil {
				return err
			}
			for _, o := range list {
				if after = o.ID; ids[o.RecordingID] && o.Since >= r.State().Started {
					left[o.RecordingID] = append(left[o.RecordingID], o.ID)
				}
			}
			more = len(list) == page
		}
		return nil
	})
	return left, err
}

// one deletes one recording. lost: an earlier run may have deleted it. Its error is that nothing was
// found out, for the context has ended.
func (r *run) one(ctx context.Context, e entry, lost bool, left map[string][]string) (result Result, err error) {
	err = r.patiently(ctx, func() (err error) {
		result, err = r.try(ctx, e, lost, left)
		return err
	})
	if err != nil && ctx.Err() == nil {
		state := r.State()
		r.log.Error().Err(err).EmbedObject(&state).Msg("a recording cannot be deleted")
		return Result{ID: e.ID, Outcome: Failed, Message: messageOf(err)}, nil
	}
	return result, err
}

// messageOf says what went wrong, without what the inside of the service calls it.
func messageOf(err error) string {
	for _, known := range []error{index.ErrDamaged, index.ErrChanged} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "an internal error; the log of the service tells more of it"
}

// try looks at a recording as it is now, and deletes it if it is still to be deleted.
func (r *run) try(ctx context.Context, e entry, lost bool, left map[string][]string) (Result, error) {
	for range maxAttempts {
		rec, err := r.index.Get(ctx, index.Scope{ContactCenter: r.cc, Region: index.AnyRegion}, e.ID)
		if errors.Is(err, index.ErrNotFound) {
			return gone(e, lost, left), nil
		}
		if err != nil {
			return Result{}, err
		}
		if rec.NonDelete != nil {
			return Result{ID: e.ID, Outcome: Held}, nil
		}
		changed := int64(rec.ChangedTime) != e.Changed || e.Changed == 0
		if changed && (rec.Region != r.region || !r.filter.Match(rec)) {
			return Result{ID: e.ID, Outcome: Changed, Message: "it was changed, and does not match any more"}, nil
		}

		// What is begun is finished, for media must not be gone that a recording still names.
		finishing, cancel := erase.Finish(ctx)
		v, err := r.eraser.Seen(finishing, r.cc, rec, r.request.Subresources)
		cancel()
		switch {
		case errors.Is(err, index.ErrChanged):
			continue
		case errors.Is(err, index.ErrHeld):
			return Result{ID: e.ID, Outcome: Held}, nil
		case errors.Is(err, index.ErrNotFound):
			return gone(e, lost, left), nil
		case err != nil:
			return Result{}, err
		}
		result := Result{ID: e.ID, Outcome: Deleted}
		for _, o := range v.Orphaned {
			result.MediaLeftBehind = append(result.MediaLeftBehind, o.ID)
		}
		return result, nil
	}
	return Result{}, index.ErrChanged
}

// gone is the result of a recording that is not there.
func gone(e entry, lost bool, left map[string][]string) Result {
	if lost {
		return Result{ID: e.ID, Outcome: Deleted, MediaLeftBehind: left[e.ID]}
	}
	return Result{ID: e.ID, Outcome: Changed, Message: "it was deleted by somebody else"}
}

// patiently does something again and again while it fails for a reason that ends some time, such as a
// full disk, and says meanwhile what the job waits for.
func (r *run) patiently(ctx context.Context, do func() error) error {
	var once sync.Once
	for {
		err := do()
		if !passes(err) || ctx.Err() != nil {
			if err == nil {
				return nil
			}
			return errors.Join(err, context.Cause(ctx))
		}
		once.Do(func() {
			state := r.State()
			r.log.Warn().Err(err).EmbedObject(&state).Msg("a job waits")
		})
		r.Show(func(s *jobs.State) { s.Waits = waitsFor(err) })
		if err := sleep(ctx, retryAfter); err != nil {
			return err
		}
		r.Show(func(s *jobs.State) { s.Waits = "" })
	}
}

// passes reports whether an error is of a kind that ends some time.
func passes(err error) bool {
	var notReady *index.NotReadyError
	return errors.As(err, &notReady) || errors.Is(err, index.ErrUnavailable) || errors.Is(err, index.ErrDiskFull) ||
		errors.Is(err, erase.ErrNotAudited)
}

// waitsFor is what a job waits for, in words.
func waitsFor(err error) string {
	switch {
	case errors.Is(err, index.ErrDiskFull):
		return "for space on the disk"
	case errors.Is(err, erase.ErrNotAudited):
		return "for the audit log, which cannot be written"
	}
	return "for the index"
}

// record writes down, before it happens, that recordings are deleted. Of the first lost ones an earlier
// run may have done so. Where that was on another node, its note tells: it may have come to write entries down
// and not to note that, but then it has deleted none of these.
func (r *run) record(ctx context.Context, entries []entry, lost int) error {
	var all []erase.Entry
	entry := r.auditEntry()
	done := r.State().Done
	for i, e := range entries {
		entry.Recording = e.ID
		if done+uint64(i) < r.mark.Recorded {
			continue
		}
		if i < lost {
			recorded, err := r.audit.Recorded(ctx, entry)
			if err != nil {
				return fmt.Errorf("reading the audit log: %w", err)
			}
			if recorded {
				continue
			}
		}
		all = append(all, entry)
	}
	if len(all) > 0 {
		if err := r.audited(ctx, all); err != nil {
			return err
		}
	}
	upTo := done + uint64(len(entries))
	if !r.Shared() || upTo <= r.mark.Recorded {
		return nil
	}
	r.mark.Recorded = upTo
	return r.checkpoint(ctx, nil, func(*jobs.State) {})
}

// recordOutcomes writes down what was not deleted after all. That has no effect which could be waited
// with; what cannot be written is logged.
func (r *run) recordOutcomes(ctx context.Context, results []Result) {
	entry := r.auditEntry()
	var all []erase.Entry
	for _, result := range results {
		if entry.Recording, entry.Outcome = result.ID, result.Outcome; result.Outcome != Deleted {
			all = append(all, entry)
		}
	}
	if len(all) == 0 {
		return
	}
	if err := r.audit.Record(context.WithoutCancel(ctx), all); err != nil {
		r.log.Error().Err(err).Str("detail", entry.Detail).Msg("outcomes cannot be audited")
	}
}

// erased has the audit log forget what is personal in its entries about recordings that were deleted.
func (r *run) erased(ctx context.Context, results []Result) error {
	var ids []string
	for _, result := range results {
		if result.Outcome == Deleted {
			ids = append(ids, result.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return r.patiently(ctx, func() error {
		if err := r.audit.Erased(context.WithoutCancel(ctx), r.cc, ids); err != nil {
			return fmt.Errorf("%w: %w", erase.ErrNotAudited, err)
		}
		return nil
	})
}

// auditEntry is what the entries about all recordings of the deletion share.
func (r *run) auditEntry() erase.Entry {
	state := r.State()
	return erase.Entry{
		User: state.Cause, ContactCenter: r.cc, Action: erase.ActionDelete,
		Detail: fmt.Sprintf("deletion %d", state.Number),
	}
}

// audited writes entries down, however long that takes.
func (r *run) audited(ctx context.Context, all []erase.Entry) error {
	return r.patiently(ctx, func() error {
		if err := r.audit.Record(ctx, all); err != nil {
			return fmt.Errorf("%w: %w", erase.ErrNotAudited, err)
		}
		return nil
	})
}
