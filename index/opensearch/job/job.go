// Package job has work that one node of a service does at a time, and that all nodes see and steer: making an
// index anew, verifying it, a backup.
//
// A reader lacks these facts. What there is to do, and how far it has come, is one document, which is only ever
// written on the condition that nobody has changed it meanwhile. The node that does the work has its name in
// it, and writes down how far it has come every [SaveEvery]. When it has not done so for [TakeOver], measured
// by the clock of who looks, another node puts its own name there, and goes on from where the document says:
// the one before, which was frozen perhaps, finds that out when it writes the next time, and stops. So what a
// job does must do no harm when it is done twice, or for a moment by two.
//
// Who pauses or cancels a job changes the document, too. Whether a write took effect is known by reading the
// document again, so an answer that was lost does no harm, either.
package job

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	// SaveEvery is how often it is written how far a job has come.
	SaveEvery = time.Second
	// TakeOver is after which time without that another node takes a job over.
	TakeOver = 15 * time.Second
	// LookEvery is how often a node looks whether there is something to do.
	LookEvery = time.Second
	// retryPause is how long to wait before something is tried again.
	retryPause = 50 * time.Millisecond
)

// ErrTaken says that another node has changed the job.
var ErrTaken = errors.New("another node has changed the job")

// Doc is the document of a job, as it was read.
type Doc struct {
	Found     bool
	Seq, Term int64 // its version
	Body      string
}

// same reports whether two documents are one version of it.
func (d *Doc) same(other *Doc) bool {
	return d.Found == other.Found && d.Seq == other.Seq && d.Term == other.Term
}

// Page is a document of which a job has many, such as a piece of its results.
type Page struct{ Name, Body string }

// Store keeps the document of one job. Its methods may be called concurrently.
type Store interface {
	// Read returns the document as it is now.
	Read(ctx context.Context) (Doc, error)
	// Write writes the document, if it still is as it was read, and reports whether that is certain. Where
	// it is not, who reads the document again sees.
	Write(ctx context.Context, body string, on Doc) (bool, error)
	// Temporary reports whether an error of these may be gone when it is tried again.
	Temporary(err error) bool
}

// State is what a job is, as JSON in its document.
type State[S any] interface {
	*S
	// Node is where the name is of the node that does it; empty: none does.
	Node() *string
}

// Read reads what a store has. What was never written is left as it is.
func Read[S any](ctx context.Context, store Store, to *S) (Doc, error) {
	doc, err := store.Read(ctx)
	if err != nil || !doc.Found {
		return doc, err
	}
	if err := json.Unmarshal([]byte(doc.Body), to); err != nil {
		return doc, fmt.Errorf("reading the job: %w", err)
	}
	return doc, nil
}

// Job is one job, as a node sees it. Its methods may be called concurrently.
type Job[S any, P State[S]] struct {
	store Store
	empty func() S
	node  string // what this node calls itself
	wake  chan struct{}

	mu    sync.Mutex
	state S
	doc   *Doc      // as it was read last
	since time.Time // when it was first seen so
}

// New returns the job of a store, which empty returns where it has never been written. Nothing is read yet.
func New[S any, P State[S]](store Store, empty func() S) *Job[S, P] {
	return &Job[S, P]{
		store: store, empty: empty, node: cryptorand.Text(), wake: make(chan struct{}, 1), state: empty(),
	}
}

// Now is the job, as it was a moment ago.
func (j *Job[S, P]) Now() S {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state
}

// Known returns the job as it was read last, and whether no node does it: none has its name there, or the one
// that has is silent.
func (j *Job[S, P]) Known() (s S, doc Doc, left bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.doc != nil {
		doc = *j.doc
	}
	return j.state, doc, *P(&j.state).Node() == "" || time.Since(j.since) > TakeOver
}

// Mine reports whether this node does the job.
func (j *Job[S, P]) Mine() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return *P(&j.state).Node() == j.node
}

// learn takes note of the job as it is.
func (j *Job[S, P]) learn(s S, doc *Doc) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.doc == nil || !j.doc.same(doc) {
		j.since = time.Now()
	}
	j.state, j.doc = s, doc
}

// Look reads the job.
func (j *Job[S, P]) Look(ctx context.Context) error {
	_, _, err := j.read(ctx)
	return err
}

func (j *Job[S, P]) read(ctx context.Context) (S, *Doc, error) {
	s := j.empty()
	doc, err := Read(ctx, j.store, &s)
	if err == nil {
		j.learn(s, &doc)
	}
	return s, &doc, err
}

// Change reads the job, and writes it changed; again where another node was faster. An error of change ends
// that, and is returned.
func (j *Job[S, P]) Change(ctx context.Context, change func(*S) error) error {
	for {
		s, doc, err := j.read(ctx)
		if err != nil {
			return err
		}
		if err := change(&s); err != nil {
			return err
		}
		if err := j.Write(ctx, s, *doc); !errors.Is(err, ErrTaken) {
			return err
		}
	}
}

// Write writes a job that this node does not do, as long as it is as it was read. The error is [ErrTaken] if
// it is not.
func (j *Job[S, P]) Write(ctx context.Context, s S, on Doc) error {
	certain, same, is, doc, err := j.write(ctx, &s, &on)
	if err != nil {
		return err
	}
	j.learn(is, doc)
	if !certain && !same {
		return ErrTaken
	}
	j.Wake() // another node may have gone on from there already
	return nil
}

// write writes the job, if it still is as it was read, and returns it as it is then. It reports whether it is
// certain that it was written, and whether that is what is there.
func (j *Job[S, P]) write(ctx context.Context, s *S, on *Doc) (certain, same bool, is S, doc *Doc, err error) {
	body, err := json.Marshal(s, json.Deterministic(true))
	if err != nil {
		return false, false, is, nil, fmt.Errorf("encoding the job: %w", err)
	}
	if certain, err = j.store.Write(ctx, string(body), *on); err != nil {
		return false, false, is, nil, err
	}
	is = j.empty()
	read, err := Read(ctx, j.store, &is)
	return certain, err == nil && read.Found && read.Body == string(body), is, &read, err
}

// Wake has Run call due at once.
func (j *Job[S, P]) Wake() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Run looks at the job, and calls due, every [LookEvery] until the context ends. Errors go to failed, but for
// [ErrTaken], which is none.
func (j *Job[S, P]) Run(ctx context.Context, due func(context.Context) error, failed func(error)) {
	tick := time.NewTicker(LookEvery)
	defer tick.Stop()
	for {
		err := j.Look(ctx)
		if err == nil {
			err = due(ctx)
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, ErrTaken) {
			failed(err)
		}

		select {
		case <-tick.C:
		case <-j.wake:
		case <-ctx.Done():
			return
		}
	}
}

// Held is a job that this node does. It is used by one goroutine.
type Held[S any, P State[S]] struct {
	State S // changes of it are written by the next Save

	job   *Job[S, P]
	doc   *Doc
	saved time.Time // when it was written last
}

// Take puts the name of this node into a job that no node does; see Known.
func (j *Job[S, P]) Take(ctx context.Context, s S, on Doc, change func(*S)) (*Held[S, P], error) {
	h := &Held[S, P]{State: s, job: j, doc: &on, saved: time.Now()}
	err := h.Save(ctx, func(s *S) {
		*P(s).Node() = j.node
		change(s)
	})
	return h, err
}

// Save writes the job, changed. [ErrTaken] means that this node does it no more.
func (h *Held[S, P]) Save(ctx context.Context, change func(*S)) error {
	next := h.State
	change(&next)
	for {
		_, same, is, doc, err := h.job.write(ctx, &next, h.doc)
		switch {
		case err != nil && time.Since(h.saved) > TakeOver/2:
			return fmt.Errorf("%w: %w", ErrTaken, err)
		case err != nil && !h.job.store.Temporary(err):
			return err
		case err != nil:
		case same:
			h.State, h.doc, h.saved = is, doc, time.Now()
			h.job.learn(is, doc)
			return nil
		case !doc.same(h.doc):
			h.job.learn(is, doc)
			return ErrTaken
		}

		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Keep writes how far the job has come, changed, if that is due.
func (h *Held[S, P]) Keep(ctx context.Context, change func(*S)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if time.Since(h.saved) < SaveEvery {
		return nil
	}
	return h.Save(ctx, change)
}
