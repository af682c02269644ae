package opensearch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/index/opensearch/job"
)

var _ index.Operations = (*Index)(nil)

// verifier compares what is stored of each recording with what can be searched of it, in all copies of all
// shards, while all services go on to use them.
//
// A document has both: its source is what is stored, and the values of its fields are read back as the engine
// has them in its columns. They come in one answer, from one state of a copy, so nobody's changes can come
// in between. Each shard is gone through in the order of the numbers of changes, as in making the index anew
// (see reindexer), up to the newest of the beginning: what is changed later was not there to be verified.
// So how far it has come is one number for each shard, and another node can go on from there.
//
// The copies of a shard must have the same documents under the same numbers. They are read one after the
// other, so a document that only one of them has may have been changed in between: it is looked at again.
type verifier struct {
	x         *records
	reindexer *reindexer
	opened    time.Time
	*job.Job[verification, *verification]
}

// verification is the job, as all nodes see it.
type verification struct {
	index.Verification
	Owner string `json:"owner,omitempty"` // of the node that does it; empty: none does

	Index    string           `json:"index,omitempty"`   // that is verified
	To       map[string]int64 `json:"to,omitempty"`      // by its shards: the newest number at the beginning
	Next     map[string]int64 `json:"next,omitempty"`    // by its shards: the first number that was not looked at
	Derived  uint64           `json:"derived,omitzero"`  // problems of what can be made anew
	Copies   int              `json:"copies,omitzero"`   // of shards that were compared
	Sampled  int              `json:"sampled,omitzero"`  // recordings that were searched for
	Searches int              `json:"searches,omitzero"` // by which they were
}

// Node implements [job.State].
func (v *verification) Node() *string { return &v.Owner }

// verificationDoc is the document of the job.
const verificationDoc = "job-verify"

func newVerifier(x *records, r *reindexer) *verifier {
	empty := func() verification {
		return verification{
			Verification: index.Verification{Phase: index.Idle, Findings: []index.Finding{}},
			Next:         make(map[string]int64),
		}
	}
	store := &jobStore{x.engine, verificationDoc}
	return &verifier{x, r, time.Now(), job.New[verification, *verification](store, empty)}
}

// Verification returns the progress of verifying, or what was found the last time, whichever node does it; see
// [index.Operations].
func (x *Index) Verification() index.Verification { return x.verifier.Now().Verification }

// ControlVerify starts or cancels verifying, whichever node does it; see [index.Operations].
func (x *Index) ControlVerify(ctx context.Context, a index.Action, repair bool) (index.Verification, error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return x.Verification(), err
	}
	defer leave()
	err = x.verifier.Change(ctx, func(v *verification) error { return v.control(a, repair) })
	return x.Verification(), err
}

// control starts or cancels the job.
func (v *verification) control(a index.Action, repair bool) error {
	if err := v.Refuse(a); err != nil {
		return err
	}
	if a == index.Start {
		v.begin("it was asked for", repair)
	} else {
		v.end(index.Cancelled, index.VerifyCancelled)
	}
	return nil
}

// begin forgets what was found the last time.
func (v *verification) begin(cause string, repair bool) {
	*v = verification{Verification: index.Verification{
		Phase: index.Comparing, Cause: cause, Repair: repair, Started: now(), Findings: []index.Finding{},
	}}
}

// end ends the job.
func (v *verification) end(phase index.Phase, verdict string) {
	v.Phase, v.Verdict, v.Ended, v.Owner, v.SecondsLeft = phase, verdict, now(), "", 0
	v.To, v.Next = nil, nil
}

// run does what there is to do, until the index is closed.
func (r *verifier) run(ctx context.Context) {
	r.Run(ctx, r.due, func(err error) { r.x.log.Warn().Err(err).Msg("verifying; it is tried again") })
}

// due does what is due.
func (r *verifier) due(ctx context.Context) error {
	v, doc, left := r.Known()
	interval := r.x.o.ScrubInterval
	switch {
	case v.Phase.Ended() && interval > 0 && time.Since(r.last(&v)) > interval:
		v.begin("it was due", true)
		return r.Write(ctx, v, doc)
	case v.Phase.Ended(), !left, r.x.at().schema != Schema:
		return nil // an index of another version is made anew first
	}

	if v.Owner != "" {
		r.x.log.Warn().Msg("going on with verifying, which another node has left")
	}
	held, err := r.Take(ctx, v, doc, func(v *verification) { v.SecondsLeft = 0 })
	if err != nil {
		return err
	}
	w := &verifying{Held: held, x: r.x, began: time.Now(), from: v.Done}
	return r.finish(ctx, w, w.verify(ctx))
}

// last is when the last verification ended; of the first, when the index was opened.
func (r *verifier) last(v *verification) time.Time {
	if v.Ended == 0 {
		return r.opened
	}
	return time.UnixMilli(int64(v.Ended))
}

// finish ends the job, or leaves it to whoever can go on.
func (r *verifier) finish(ctx context.Context, w *verifying, err error) error {
	switch {
	case errors.Is(err, job.ErrTaken), ctx.Err() != nil:
		return err
	case err != nil && (isPassing(err) || isMoved(err)):
		// It goes on when the cluster does, or with the index that is in use now.
		return errors.Join(err, w.Save(ctx, func(v *verification) { v.Owner = "" }))
	}

	phase, verdict := w.State.verdict()
	derived, repair := w.State.Derived, w.State.Repair
	switch {
	case err != nil:
		phase, verdict, repair = index.Failed, "failed: "+oneLine(err), false
	case derived > 0 && repair:
		verdict += "; it is rebuilt"
	case derived > 0:
		verdict += "; it can be rebuilt: verify with repair, or reindex"
	}
	if err := w.Save(ctx, func(v *verification) { v.end(phase, verdict) }); err != nil {
		return err
	}

	event := r.x.log.Info()
	if phase == index.Failed {
		event = r.x.log.Error()
	}
	event.Str("cause", w.State.Cause).Uint64("damagedRecords", w.State.Problems-derived).
		Uint64("damagedIndex", derived).Str("verdict", verdict).Msg("everything stored is verified")
	if derived == 0 || !repair {
		return nil
	}
	err = r.reindexer.begin(ctx, fmt.Sprintf("%d problems were found in the search index", derived))
	if errors.Is(err, job.ErrTaken) {
		return nil // it is made anew already
	}
	return err
}

// verdict says in one sentence what was found.
func (v *verification) verdict() (index.Phase, string) {
	records := v.Problems - v.Derived
	damaged := fmt.Sprintf("failed: the recordings are damaged: %d problems; restore them from a backup", records)
	switch {
	case v.Problems == 0:
		const well = "done: all is well: %d recordings, each in the search index once and with the right terms, " +
			"in %d copies of shards, and found in %d searches"
		return index.Done, fmt.Sprintf(well, v.Done, v.Copies, v.Searches)
	case records == 0:
		return index.Failed, fmt.Sprintf("failed: all %d recordings are whole, but the search index has %d problems",
			v.Done, v.Derived)
	case v.Derived == 0:
		return index.Failed, damaged
	}
	return index.Failed, fmt.Sprintf("%s; and the search index has %d problems", damaged, v.Derived)
}

// found counts a problem, and keeps it if it is among the first.
func (v *verification) found(f index.Finding) {
	v.Problems++
	if f.Kind.Derived() {
		v.Derived++
	}
	if len(v.Findings) < index.MaxFindings {
		v.Findings = append(v.Findings, f)
	}
}

// verifying is the job while this node does it.
type verifying struct {
	*job.Held[verification, *verification]
	x *records

	began time.Time // and with how many recordings, for the rate
	from  uint64

	tell func(phase index.Phase, done, total int64) // how far it is; nil: nobody wants to know at once
}

// keep writes how far the job has come, if that is due.
func (w *verifying) keep(ctx context.Context) error {
	if w.tell != nil {
		w.tell(w.State.Phase, int64(w.State.Done), int64(w.State.Total))
	}
	return w.Keep(ctx, func(v *verification) {
		if rate, left := pace(w.began, v.Done-w.from, v.Total-min(v.Total, v.Done)); rate > 0 {
			v.Rate, v.SecondsLeft = rate, left
		}
	})
}

// verify compares everything.
func (w *verifying) verify(ctx context.Context) error {
	at, err := w.x.resolve(ctx)
	switch {
	case err != nil:
		return err
	case at == nil || at.schema != Schema:
		return fmt.Errorf("%w: the index is about to be made anew", index.ErrUnavailable)
	}
	if err := w.verifyAt(ctx, at); err != nil {
		return err
	}

	now, err := w.x.resolve(ctx)
	if err == nil && (now == nil || now.index != at.index) {
		err = fmt.Errorf("%w: another index is in use now, which is verified anew", index.ErrUnavailable)
	}
	return err
}

// verifyAt compares everything in an index.
func (w *verifying) verifyAt(ctx context.Context, at *place) error {
	if err := w.aim(ctx, at); err != nil {
		return err
	}

	copies, err := w.x.copies(ctx, at.index)
	if err != nil {
		return err
	}
	to := make(map[string]tip, len(w.State.To))
	for shard, newest := range w.State.To {
		to[shard] = tip{safe: newest}
	}
	w.State.Copies = 0
	for _, of := range copies {
		w.State.Copies += len(of)
	}

	err = byNumbers(w.State.Next, to, func(shard string, from, until int64) error {
		s := span{index: at.index, shard: shard, from: from, until: until}
		if err := w.compare(ctx, s, copies[shard]); err != nil {
			return err
		}
		w.State.Next[shard] = until
		return w.keep(ctx)
	})
	if err != nil {
		return err
	}
	return w.count(ctx, at)
}

// aim has the job be of an index, from its beginning if it was of another one before.
func (w *verifying) aim(ctx context.Context, at *place) error {
	to, err := w.x.tips(ctx, at.index)
	if err != nil {
		return err
	}
	if err := w.x.refreshIndex(ctx, at.index); err != nil {
		return err
	}
	if w.State.Index == at.index && w.State.To != nil {
		return nil
	}

	counts, err := w.x.centers(ctx, at.index)
	if err != nil {
		return err
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	w.from = 0
	return w.Save(ctx, func(v *verification) {
		started, owner := v.Started, v.Owner
		v.begin(v.Cause, v.Repair)
		v.Started, v.Owner, v.Index, v.Total = started, owner, at.index, uint64(total)
		v.To, v.Next = make(map[string]int64), make(map[string]int64)
		for shard, t := range to {
			v.To[shard] = t.safe
		}
	})
}

// count compares, in one state, how many recordings contact centers have by the values of their documents with
// how many are found by a search for each.
func (w *verifying) count(ctx context.Context, at *place) error {
	all, err := w.x.miscounted(ctx, at)
	if err != nil {
		return err
	}
	for _, center := range slices.Sorted(maps.Keys(all)) {
		n := all[center]
		w.State.found(index.Finding{
			Kind: index.Different, ContactCenter: center,
			Detail: fmt.Sprintf("%d recordings are of the contact center, and a search for it finds %d", n[0], n[1]),
		})
	}
	return nil
}

// miscounted returns the contact centers of which a search finds another number of recordings than have the
// contact center as a value: that number first.
func (x *records) miscounted(ctx context.Context, at *place) (map[string][2]int, error) {
	const each = 200 // contact centers
	all := make(map[string][2]int)
	err := x.in(at).withState(ctx, "", func(p *pit) error {
		counts, err := centersOf(ctx, p.search)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(slices.Sorted(maps.Keys(counts)), each) {
			var filters []object
			for _, center := range some {
				filters = append(filters, object{"term": object{schema.FieldContactCenter: center}})
			}
			body := object{
				"size": 0, "track_total_hits": false,
				"aggs": object{"each": object{"filters": object{"filters": filters}}},
			}
			var answer searchAnswer
			if err := p.search(ctx, body, &answer); err != nil {
				return err
			}
			buckets := answer.Aggregations.Each.Buckets
			if len(buckets) != len(some) {
				return fmt.Errorf("the cluster has counted %d of %d contact centers", len(buckets), len(some))
			}
			for i, center := range some {
				if n := buckets[i].Count; n != counts[center] {
					all[center] = [2]int{counts[center], n}
				}
			}
		}
		return nil
	})
	return all, err
}
