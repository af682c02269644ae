package jobs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// ResultsName is the text of a job that has its results: one line of JSON each.
const ResultsName = "results"

// Run is one stretch of a job, from where it begins or goes on to where it pauses or ends.
type Run struct {
	set *Set
	job *job

	began time.Time
	from  uint64 // what was done when it began
}

// State is the state of the job.
func (r *Run) State() State {
	r.set.mu.Lock()
	defer r.set.mu.Unlock()
	return r.job.state.clone()
}

// Show changes what is seen of the job, without keeping it: the next Checkpoint does.
func (r *Run) Show(change func(*State)) {
	r.set.mu.Lock()
	defer r.set.mu.Unlock()
	change(&r.job.state)
	r.pace()
}

// pace works out how fast the job is.
func (r *Run) pace() {
	s := &r.job.state
	s.Rate, s.SecondsLeft = 0, 0
	took := time.Since(r.began).Seconds()
	if s.Done <= r.from || took <= 0 {
		return
	}
	s.Rate = float64(s.Done-r.from) / took
	if s.Total > s.Done {
		s.SecondsLeft = int64(float64(s.Total-s.Done)/s.Rate) + 1
	}
}

// Again says that the job begins to go through something from its start: its rate is counted anew.
func (r *Run) Again() {
	r.set.mu.Lock()
	defer r.set.mu.Unlock()
	r.began, r.from = time.Now(), 0
	r.job.state.Done, r.job.state.Total = 0, 0
}

// Checkpoint appends results, and then changes the state of the job, durably. Whatever happens in
// between, a job that goes on has the results that belong to its state, and no others.
func (r *Run) Checkpoint(ctx context.Context, results []byte, change func(*State)) error {
	// What was done must be noted even if the job is being paused.
	ctx = context.WithoutCancel(ctx)
	if len(results) > 0 {
		if err := r.set.keeper.Append(ctx, r.job.place, ResultsName, r.State().Results, results); err != nil {
			return kept(err)
		}
	}
	return r.set.change(ctx, r.job, func(s *State) {
		s.Results += int64(len(results))
		change(s)
		r.pace()
	})
}

// Writer appends to a text of the job, from an offset on. What is written is durable when it is
// flushed. When the job has ended, of its texts the results alone are kept.
func (r *Run) Writer(ctx context.Context, name string, offset int64) *Writer {
	return &Writer{ctx: ctx, keeper: r.set.keeper, job: r.job.place, name: name, offset: offset}
}

// Reader reads a text of the job, from an offset on.
func (r *Run) Reader(ctx context.Context, name string, offset int64) io.Reader {
	return newReader(ctx, r.set.keeper, r.job.place, name, offset, -1)
}

// Writer is made by [Run.Writer].
type Writer struct {
	Piece int // bytes that are kept at once; 0: 1 MiB

	ctx    context.Context
	keeper Keeper
	job    int
	name   string
	offset int64 // of what is kept
	text   bytes.Buffer
	begun  bool
}

// piece is how many bytes are kept at once, where nothing else is said.
const piece = 1 << 20

// Write implements [io.Writer].
func (w *Writer) Write(p []byte) (int, error) {
	w.text.Write(p)
	if w.text.Len() < cmp.Or(w.Piece, piece) {
		return len(p), nil
	}
	return len(p), w.Flush()
}

// Flush makes what was written durable, and the text end there.
func (w *Writer) Flush() error {
	if w.begun && w.text.Len() == 0 {
		return nil
	}
	if err := w.keeper.Append(w.ctx, w.job, w.name, w.offset, w.text.Bytes()); err != nil {
		return kept(err)
	}
	w.begun = true
	w.offset += int64(w.text.Len())
	w.text.Reset()
	return nil
}

// reader reads a text in pieces.
type reader struct {
	ctx    context.Context
	keeper Keeper
	job    int
	name   string
	at     int64
	end    int64 // negative: that of the text
}

func newReader(ctx context.Context, k Keeper, job int, name string, at, end int64) io.Reader {
	return &reader{ctx, k, job, name, at, end}
}

// Read implements [io.Reader].
func (r *reader) Read(p []byte) (int, error) {
	if r.end >= 0 {
		p = p[:min(int64(len(p)), r.end-r.at)]
		if len(p) == 0 {
			return 0, io.EOF
		}
	}

	n, err := r.keeper.ReadAt(r.ctx, r.job, r.name, p, r.at)
	r.at += int64(n)
	if err == nil || errors.Is(err, io.EOF) && n > 0 {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		return n, io.EOF
	}
	return n, fmt.Errorf("reading a text of a job: %w", err)
}
