package opensearch

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/opensearch/client"
	"recordings/index/opensearch/job"
	"recordings/mapping"
)

// reindexer makes the index of recordings anew, while all services go on to use it.
//
// What is done is in a document of the state index, the job. One node does it, whose name is in the job, and
// which writes down there how far it has come, once a second, on the condition that nobody else has changed
// the job. When it has not done so for [takeOver], another node takes its name away, and goes on from there.
//
// A change of a recording has a number that the shard gives it, and that only grows. The new index is filled
// with the recordings in the order of these numbers, up to the newest that all copies of the shard have and
// that is never taken back; what was changed meanwhile has a larger number then, and comes in the next round.
// The number is the version of the document in the new index, which takes no older one. So no state of the
// index has to be held on to, how far it has come is one number for each shard, and doing something twice
// does no harm. A deletion leaves no number that can be searched for: what was deleted is found by counting
// both indexes, by contact centers and days, and is looked up in the old one before it goes.
//
// In the end the old index is told to take no more writes, and what is missing is a matter of milliseconds;
// writers wait for it. Then, in one step, the name of the index and the alias by which it is read and written
// go to the new one. Who uses the old alias is refused, and looks for the new one: nobody can write to, or
// start to read from, the index that was left. The new one takes writes when all nodes of the cluster know of
// this. The old one stays for a while, for who is reading it page by page.
type reindexer struct {
	x *records
	*job.Job[renewal, *renewal]
}

// renewal is the job: what there is to do, as all nodes see it.
type renewal struct {
	index.Reindex
	Schema int    `json:"schema"`          // of the new index
	Owner  string `json:"owner,omitempty"` // of the node that does it; empty: none does

	From     string           `json:"from,omitempty"`     // the index in use
	To       string           `json:"to,omitempty"`       // the new one, which goes again if it does not come into use
	Searches int              `json:"searches,omitempty"` // by which the new index was compared
	Next     map[string]int64 `json:"next,omitempty"`     // by the shards of From: the first number that To may lack

	Old      string       `json:"old,omitempty"` // the one before, which is to be deleted
	OldUntil mapping.Time `json:"oldUntil,omitzero"`
}

// Node implements [job.State].
func (j *renewal) Node() *string { return &j.Owner }

const (
	// renewalDoc is the document of the job.
	renewalDoc = "job-reindex"
	// retryUpgrade is when an upgrade that has failed is tried again.
	retryUpgrade = time.Minute
)

func newReindexer(x *records) *reindexer {
	return &reindexer{x, job.New[renewal, *renewal](&jobStore{x.engine, renewalDoc}, noRenewal)}
}

// noRenewal is the job before it was ever begun.
func noRenewal() renewal {
	return renewal{Reindex: index.Reindex{Phase: index.Idle}, Next: make(map[string]int64)}
}

// look reads the job, and goes on with another index in use if there is one.
func (r *reindexer) look(ctx context.Context) error {
	if err := r.Look(ctx); err != nil {
		return err
	}
	return r.moved(ctx)
}

// moved goes on with another index if the one in use was left.
func (r *reindexer) moved(ctx context.Context) error {
	j := r.Now()
	if at := r.x.at(); j.Phase == index.Done && j.From == at.index || at.schema > Schema {
		return r.x.follow(ctx, at)
	}
	return nil
}

// notReady returns the error of searches while the index in use is of another version.
func (r *reindexer) notReady() error {
	at := r.x.at()
	if at.schema >= Schema {
		return nil
	}
	j := r.Now()
	return &index.NotReadyError{Done: j.Done, Total: j.Total}
}

// unusable says why nothing is written to an index.
func unusable(p *place) string {
	if p.schema > Schema {
		return superseded(p)
	}
	return fmt.Sprintf("the index is of version %d, and is being made anew as one of version %d", p.schema, Schema)
}

// run does what there is to do, until the index is closed.
func (r *reindexer) run(ctx context.Context) {
	r.Run(ctx, r.due, func(err error) {
		r.x.log.Warn().Err(err).Msg("looking after making the index anew; it is tried again")
	})
}

// due does what is due.
func (r *reindexer) due(ctx context.Context) error {
	if err := r.moved(ctx); err != nil {
		return err
	}
	j, doc, left := r.Known()
	at := r.x.at()
	switch {
	case j.Phase.Ended() && at.schema < Schema:
		since := time.Since(time.UnixMilli(int64(j.Ended)))
		if j.Phase == index.Failed && since < retryUpgrade && since > 0 {
			return nil
		}
		const cause = "the index is of version %d, and this version of the program wants %d"
		return r.begin(ctx, fmt.Sprintf(cause, at.schema, Schema))
	case j.Phase.Ended():
		return r.tidy(ctx, j, doc)
	case j.Phase == index.Paused, !left, j.Schema > Schema:
		return nil // another version of the program goes on with it
	case j.Schema < Schema:
		j.end(index.Cancelled, "cancelled: a newer version of the program makes an index of its own")
		return r.Write(ctx, j, doc)
	}
	return r.work(ctx, j, doc)
}

// end ends a job.
func (j *renewal) end(phase index.Phase, verdict string) {
	j.Phase, j.Verdict, j.Ended, j.Owner = phase, verdict, now(), ""
	j.Rate, j.SecondsLeft = 0, 0
}

// begin begins a new job, unless another node has done so already.
func (r *reindexer) begin(ctx context.Context, cause string) error {
	return r.Change(ctx, func(j *renewal) error {
		if !j.Phase.Ended() {
			return job.ErrTaken
		}
		return r.renew(ctx, j, cause)
	})
}

// renew makes a new job of one that has ended, when nothing is left of that.
func (r *reindexer) renew(ctx context.Context, j *renewal, cause string) error {
	if err := r.remove(ctx, j.Old, j.To); err != nil {
		return err
	}
	at, err := r.x.resolve(ctx)
	if err != nil {
		return err
	}
	if at == nil {
		return fmt.Errorf("%w: the index %s is gone", index.ErrUnavailable, r.x.o.Index)
	}

	*j = noRenewal()
	j.Schema, j.From = Schema, at.index
	j.Phase, j.Cause, j.Started = index.Filling, cause, now()
	suffix := strconv.FormatInt(time.Now().UnixMilli(), 36) + strings.ToLower(cryptorand.Text()[:4])
	j.To = fmt.Sprintf("%s-%d-%s", r.x.o.Index, Schema, suffix)
	return nil
}

// tidy removes what a job has left that has ended.
func (r *reindexer) tidy(ctx context.Context, j renewal, doc job.Doc) error {
	var names []string
	if j.Phase != index.Done && j.To != "" {
		names = append(names, j.To)
		j.To = ""
	}
	if j.Old != "" && now() > j.OldUntil {
		names = append(names, j.Old)
		j.Old, j.OldUntil = "", 0
	}
	if len(names) == 0 {
		return nil
	}
	if err := r.remove(ctx, names...); err != nil {
		return err
	}
	return r.Write(ctx, j, doc)
}

// remove deletes indexes that are not in use.
func (r *reindexer) remove(ctx context.Context, names ...string) error {
	at, err := r.x.resolve(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == "" || at == nil || name == at.index {
			continue
		}
		err := r.x.ask(ctx, client.Delete, "/"+name, nil, nil)
		var status *client.StatusError
		if err != nil && !(errors.As(err, &status) && status.Status == client.StatusNotFound) {
			return r.x.failed("removing the index "+name, err)
		}
	}
	return nil
}

// Reindex returns the progress of making the index anew; see [index.Operations].
func (x *Index) Reindex() index.Reindex {
	return x.reindexer.Now().Reindex
}

// ControlReindex starts, pauses, resumes or cancels making the index anew, whichever node does it; see
// [index.Operations].
func (x *Index) ControlReindex(ctx context.Context, a index.Action) (index.Reindex, error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return x.Reindex(), err
	}
	defer leave()
	if err = x.reindexer.control(ctx, a); err == nil {
		x.log.Info().Str("action", string(a)).Msg("making the index anew")
	}
	return x.Reindex(), err
}

func (r *reindexer) control(ctx context.Context, a index.Action) error {
	return r.Change(ctx, func(j *renewal) error {
		if err := j.refuse(a, r.x.at()); err != nil {
			return err
		}
		switch a {
		case index.Start:
			return r.renew(ctx, j, "it was asked for")
		case index.Pause:
			j.Phase, j.Owner, j.Rate, j.SecondsLeft = index.Paused, "", 0, 0
		case index.Resume:
			j.Phase = index.Filling
		default:
			j.end(index.Cancelled, "cancelled: the old search index stays")
		}
		return nil
	})
}

// refuse returns why an action makes no sense at present, or nil.
func (j *renewal) refuse(a index.Action, at *place) error {
	ended := j.Phase.Ended()
	say := func(message string) error { return &index.StateError{Message: message} }
	switch {
	case at.schema > Schema:
		return say(superseded(at))
	case a == index.Start && ended:
		return nil
	case a == index.Start:
		return say("the search index is being rebuilt already; pause, resume or cancel that")
	case ended:
		return say("the search index is not being rebuilt")
	case at.schema < Schema:
		return say("no search is answered until the search index is rebuilt; this cannot be paused or cancelled")
	case j.Phase == index.Switching:
		return say("the new search index is just taking its place")
	case a == index.Pause && j.Phase == index.Paused:
		return say("it is paused already")
	case a == index.Resume && j.Phase != index.Paused:
		return say("it is not paused")
	}
	return nil
}

// reindexing is the job while this node does it.
type reindexing struct {
	*job.Held[renewal, *renewal]
	x   *records
	r   *reindexer
	log zerolog.Logger

	began time.Time // and with how many recordings, for the rate
	from  uint64
}

// work takes a job, and does it.
func (r *reindexer) work(ctx context.Context, j renewal, doc job.Doc) error {
	if j.Owner != "" {
		r.x.log.Warn().Msg("going on with making the index anew, which another node has left")
	}
	held, err := r.Take(ctx, j, doc, func(j *renewal) { j.Rate, j.SecondsLeft = 0, 0 })
	if err != nil {
		return err
	}

	w := &reindexing{Held: held, x: r.x, r: r, log: r.x.log, began: time.Now(), from: j.Done}
	err = w.build(ctx)
	switch {
	case err == nil, errors.Is(err, job.ErrTaken), ctx.Err() != nil:
		return err
	case isPassing(err):
		// It goes on when the cluster does, here or elsewhere.
		return errors.Join(err, w.Save(ctx, func(j *renewal) { j.Owner = "" }))
	}
	r.x.log.Error().Err(err).Msg("the index could not be made anew")
	if unblock := w.goOn(ctx); unblock != nil {
		return errors.Join(err, unblock)
	}
	return errors.Join(err, w.Save(ctx, func(j *renewal) {
		j.end(index.Failed, "failed: "+oneLine(err)+"; the old search index stays")
	}))
}

// keep writes how far the job has come, if that is due.
func (w *reindexing) keep(ctx context.Context) error {
	return w.Keep(ctx, func(j *renewal) {
		j.Rate, j.SecondsLeft = pace(w.began, j.Done-w.from, j.Total-min(j.Total, j.Done))
	})
}

// enter begins a phase.
func (w *reindexing) enter(ctx context.Context, phase index.Phase) error {
	return w.Save(ctx, func(j *renewal) { j.Phase = phase })
}
