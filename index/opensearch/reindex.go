package opensearch

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/opensearch/client"
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
	x     *records
	owner string // what this node calls itself
	wake  chan struct{}

	mu    sync.Mutex
	job   job
	doc   *kept[note] // the job as it was read last
	since time.Time   // when it was first seen so
}

// job is what there is to do, as all nodes see it.
type job struct {
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

const (
	// jobDoc is the document of the job.
	jobDoc = "job-reindex"
	// saveEvery is how often it is written how far a job has come.
	saveEvery = time.Second
	// takeOver is after which time without that another node takes a job over.
	takeOver = 15 * time.Second
	// lookEvery is how often a node looks whether there is something to do.
	lookEvery = time.Second
	// retryUpgrade is when an upgrade that has failed is tried again.
	retryUpgrade = time.Minute
)

func newReindexer(x *records) *reindexer {
	return &reindexer{x: x, owner: cryptorand.Text(), wake: make(chan struct{}, 1),
		job: job{Reindex: index.Reindex{Phase: index.Idle}}}
}

// readJob reads the job.
func (x *engine) readJob(ctx context.Context) (j job, doc *kept[note], err error) {
	if doc, err = x.readNote(ctx, jobDoc); err != nil {
		return j, nil, err
	}
	j.Phase, j.Next = index.Idle, make(map[string]int64)
	if doc.Found {
		if err := json.Unmarshal([]byte(doc.Source.Body), &j); err != nil {
			return j, nil, fmt.Errorf("reading the job: %w", err)
		}
	}
	return j, doc, nil
}

// writeJob writes the job, if it still is as it was read, and returns it as it is then. It reports whether
// that is what was written.
func (x *engine) writeJob(ctx context.Context, j *job, on *kept[note]) (is job, doc *kept[note], ok bool, err error) {
	body, err := json.Marshal(j, json.Deterministic(true))
	if err != nil {
		return job{}, nil, false, fmt.Errorf("encoding the job: %w", err)
	}
	n := &note{Kind: "job", Name: "reindex", Body: string(body)}
	if _, err := x.writeNote(ctx, jobDoc, n, on); err != nil {
		return job{}, nil, false, err
	}
	is, doc, err = x.readJob(ctx)
	return is, doc, err == nil && doc.Source.Body == n.Body, err
}

// look reads the job.
func (r *reindexer) look(ctx context.Context) error {
	j, doc, err := r.x.readJob(ctx)
	if err != nil {
		return err
	}
	r.learn(j, doc)
	if at := r.x.at(); j.Phase == index.Done && j.From == at.index || at.schema > Schema {
		return r.x.follow(ctx, at)
	}
	return nil
}

// learn takes note of the job as it is.
func (r *reindexer) learn(j job, doc *kept[note]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.doc == nil || *r.doc.version() != *doc.version() {
		r.since = time.Now()
	}
	r.job, r.doc = j, doc
}

// now is the job, as it was a moment ago.
func (r *reindexer) now() job {
	j, _, _ := r.known()
	return j
}

func (r *reindexer) known() (job, *kept[note], time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.job, r.doc, time.Since(r.since)
}

// notReady returns the error of searches while the index in use is of another version.
func (r *reindexer) notReady() error {
	at := r.x.at()
	if at.schema >= Schema {
		return nil
	}
	j := r.now()
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
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		err := r.look(ctx)
		if err == nil {
			err = r.due(ctx)
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, errTaken) {
			r.x.log.Warn().Err(err).Msg("looking after making the index anew; it is tried again")
		}
		select {
		case <-tick.C:
		case <-r.wake:
		case <-ctx.Done():
			return
		}
	}
}

// due does what is due.
func (r *reindexer) due(ctx context.Context) error {
	j, doc, unchanged := r.known()
	at := r.x.at()
	switch stale := j.Owner == "" || unchanged > takeOver; {
	case j.Phase.Ended() && at.schema < Schema:
		since := time.Since(time.UnixMilli(int64(j.Ended)))
		if j.Phase == index.Failed && since < retryUpgrade && since > 0 {
			return nil
		}
		const cause = "the index is of version %d, and this version of the program wants %d"
		return r.begin(ctx, fmt.Sprintf(cause, at.schema, Schema))
	case j.Phase.Ended():
		return r.tidy(ctx, j, doc)
	case j.Phase == index.Paused, !stale, j.Schema > Schema:
		return nil // another version of the program goes on with it
	case j.Schema < Schema:
		j.end(index.Cancelled, "cancelled: a newer version of the program makes an index of its own")
		return r.write(ctx, j, doc)
	}
	return r.work(ctx, j, doc)
}

// errTaken says that another node has changed the job.
var errTaken = errors.New("another node has changed the job")

// write writes a job that this node does not do.
func (r *reindexer) write(ctx context.Context, j job, on *kept[note]) error {
	is, doc, ok, err := r.x.writeJob(ctx, &j, on)
	if err != nil {
		return err
	}
	r.learn(is, doc)
	if !ok {
		return errTaken
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return nil
}

// end ends a job.
func (j *job) end(phase index.Phase, verdict string) {
	j.Phase, j.Verdict, j.Ended, j.Owner = phase, verdict, now(), ""
	j.Rate, j.SecondsLeft = 0, 0
}

// begin writes a new job, when nothing is left of the one before.
func (r *reindexer) begin(ctx context.Context, cause string) error {
	j, doc, err := r.x.readJob(ctx)
	if err != nil {
		return err
	}
	if !j.Phase.Ended() {
		return errTaken
	}
	if err := r.remove(ctx, j.Old, j.To); err != nil {
		return err
	}
	at, err := r.x.resolve(ctx)
	if err != nil {
		return err
	}
	next := job{Schema: Schema, From: at.index, Next: make(map[string]int64)}
	next.Phase, next.Cause, next.Started = index.Filling, cause, now()
	suffix := strconv.FormatInt(time.Now().UnixMilli(), 36) + strings.ToLower(cryptorand.Text()[:4])
	next.To = fmt.Sprintf("%s-%d-%s", r.x.o.Index, Schema, suffix)
	return r.write(ctx, next, doc)
}

// tidy removes what a job has left that has ended.
func (r *reindexer) tidy(ctx context.Context, j job, doc *kept[note]) error {
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
	return r.write(ctx, j, doc)
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
	return x.reindexer.now().Reindex
}

// ControlReindex starts, pauses, resumes or cancels making the index anew, whichever node does it; see
// [index.Operations].
func (x *Index) ControlReindex(ctx context.Context, a index.Action) (index.Reindex, error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return x.Reindex(), err
	}
	defer leave()
	for {
		if err = x.reindexer.control(ctx, a); !errors.Is(err, errTaken) {
			break
		}
	}
	if err == nil {
		x.log.Info().Str("action", string(a)).Msg("making the index anew")
	}
	return x.Reindex(), err
}

func (r *reindexer) control(ctx context.Context, a index.Action) error {
	j, doc, err := r.x.readJob(ctx)
	if err != nil {
		return err
	}
	r.learn(j, doc)
	if err := j.refuse(a, r.x.at()); err != nil {
		return err
	}
	switch a {
	case index.Start:
		return r.begin(ctx, "it was asked for")
	case index.Pause:
		j.Phase, j.Owner, j.Rate, j.SecondsLeft = index.Paused, "", 0, 0
	case index.Resume:
		j.Phase = index.Filling
	default:
		j.end(index.Cancelled, "cancelled: the old search index stays")
	}
	return r.write(ctx, j, doc)
}

// refuse returns why an action makes no sense at present, or nil.
func (j *job) refuse(a index.Action, at *place) error {
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

// reindexing is a job that this node does.
type reindexing struct {
	x     *records
	r     *reindexer
	log   zerolog.Logger
	job   job
	doc   *kept[note]
	saved time.Time // when the job was written last

	began time.Time // and with how many recordings, for the rate
	from  uint64
}

// work takes a job, and does it.
func (r *reindexer) work(ctx context.Context, j job, doc *kept[note]) error {
	if j.Owner != "" {
		r.x.log.Warn().Msg("going on with making the index anew, which another node has left")
	}
	w := &reindexing{x: r.x, r: r, log: r.x.log, job: j, doc: doc, saved: time.Now(), began: time.Now(), from: j.Done}
	if err := w.save(ctx, func(j *job) { j.Owner, j.Rate, j.SecondsLeft = r.owner, 0, 0 }); err != nil {
		return err
	}
	err := w.build(ctx)
	switch {
	case err == nil, errors.Is(err, errTaken), ctx.Err() != nil:
		return err
	case errors.Is(err, index.ErrUnavailable), errors.Is(err, index.ErrDiskFull):
		// It goes on when the cluster does, here or elsewhere.
		return errors.Join(err, w.save(ctx, func(j *job) { j.Owner = "" }))
	}
	r.x.log.Error().Err(err).Msg("the index could not be made anew")
	if unblock := w.goOn(ctx); unblock != nil {
		return errors.Join(err, unblock)
	}
	return errors.Join(err, w.save(ctx, func(j *job) {
		j.end(index.Failed, "failed: "+strings.Join(strings.Fields(err.Error()), " ")+"; the old search index stays")
	}))
}

// save writes the job, changed. [errTaken] means that this node does it no more.
func (w *reindexing) save(ctx context.Context, change func(*job)) error {
	next := w.job
	change(&next)
	for {
		is, doc, ok, err := w.x.writeJob(ctx, &next, w.doc)
		switch {
		case err != nil && time.Since(w.saved) > takeOver/2:
			return fmt.Errorf("%w: %w", errTaken, err)
		case err != nil && (errors.Is(err, index.ErrUnavailable) || errors.Is(err, index.ErrDiskFull)):
		case err != nil:
			return err
		case ok:
			w.job, w.doc, w.saved = is, doc, time.Now()
			w.r.learn(is, doc)
			return nil
		case *doc.version() != *w.doc.version():
			w.r.learn(is, doc)
			return errTaken
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// keep writes how far the job has come, if that is due.
func (w *reindexing) keep(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if time.Since(w.saved) < saveEvery {
		return nil
	}
	return w.save(ctx, func(j *job) {
		if took := time.Since(w.began).Seconds(); took > 0 && j.Done > w.from {
			j.Rate = math.Round(float64(j.Done-w.from)/took*10) / 10
			j.SecondsLeft = int64(math.Ceil(float64(j.Total-min(j.Total, j.Done)) / max(j.Rate, 0.1)))
		}
	})
}

// enter begins a phase.
func (w *reindexing) enter(ctx context.Context, phase index.Phase) error {
	return w.save(ctx, func(j *job) { j.Phase = phase })
}

// now is the time, as it is shown.
func now() mapping.Time { return mapping.Time(time.Now().UnixMilli()) }
