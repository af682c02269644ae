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
	set   *Set
	job   *job
	turn  int64 // of the job, that this is
	moved bool

	began time.Time
	from  uint64 // what was done when it began
}

// State is the state of the job.
func (r *Run) State() State {
	r.set.mu.Lock()
	defer r.set.mu.Unlock()
	return r.job.state.clone()
}

// Shared reports whether other nodes have the job, too, and go on with it when this one ends.
func (r *Run) Shared() bool { return r.set.nodes != nil }

// Moved reports whether another process has worked on the job before, so that what is in scratch is not what
// the job has written there.
func (r *Run) Moved() bool { return r.moved }

// taken reports whether another node works on the job now. It is called under the mu of the set.
func (r *Run) taken() bool { return r.job.state.Turn != r.turn }

// Show changes what is seen of the job, without keeping it: the next Checkpoint does.
func (r *Run) Show(change func(*State)) {
	r.set.mu.Lock()
	defer r.set.mu.Unlock()
	if r.taken() {
		return
	}
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
	if r.taken() {
		return
	}
	r.began, r.from = time.Now(), 0
	r.job.state.Done, r.job.state.Total = 0, 0
}

// Checkpoint appends results, and then changes the state of the job, durably. Whatever happens in
// between, a job that goes on has the results that belong to its state, and no others. Where another node
// works on the job, it is [ErrTaken], and the state is that node's.
func (r *Run) Checkpoint(ctx context.Context, results []byte, change func(*State)) error {
	// What was done must be noted even if the job is being paused.
	ctx = context.WithoutCancel(ctx)
	if len(results) > 0 {
		err := r.set.keeper.Append(ctx, r.job.place, r.turn, ResultsName, r.State().Results, results)
		if err != nil {
			return kept(err)
		}
	}

	r.set.mu.Lock()
	taken := r.taken()
	if !taken {
		r.job.state.Results += int64(len(results))
		change(&r.job.state)
		r.pace()
	}
	r.set.mu.Unlock()
	if taken {
		return ErrTaken
	}
	return r.set.save(ctx, r.job)
}

// Writer appends to a text of the job, from an offset on. What is written is durable when it is
// flushed. When the job has ended, of its texts the results alone are kept.
func (r *Run) Writer(ctx context.Context, name string, offset int64) *Writer {
	return &Writer{ctx: ctx, keeper: r.set.keeper, job: r.job.place, turn: r.turn, name: name, offset: offset}
}

// Reader reads a text of the job, from an offset on.
func (r *Run) Reader(ctx context.Context, name string, offset int64) io.Reader {
	return newReader(ctx, r.set.keeper, r.job.place, name, offset, -1)
}

// ScratchWriter is a Writer of a text that may be lost when another process goes on; see Moved.
func (r *Run) ScratchWriter(ctx context.Context, name string, offset int64) *Writer {
	w := r.Writer(ctx, name, offset)
	w.keeper = r.set.scratch
	return w
}

// ScratchReader is a Reader of such a text.
func (r *Run) ScratchReader(ctx context.Context, name string, offset int64) io.Reader {
	return newReader(ctx, r.set.scratch, r.job.place, name, offset, -1)
}

// Writer is made by [Run.Writer].
type Writer struct {
	Piece int // bytes that are kept at once; 0: 1 MiB

	ctx    context.Context
	keeper Keeper
	job    int
	turn   int64
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
	if err := w.keeper.Append(w.ctx, w.job, w.turn, w.name, w.offset, w.text.Bytes()); err != nil {
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
	end    int64  // negative: that of the text
	ahead  []byte // what was read up to at, and not given yet
}

// readPiece is how many bytes are read at once, from a multiple of it on: a keeper may be far away.
const readPiece = 256 << 10

func newReader(ctx context.Context, k Keeper, job int, name string, at, end int64) io.Reader {
	return &reader{ctx: ctx, keeper: k, job: job, name: name, at: at, end: end}
}

// Read implements [io.Reader].
func (r *reader) Read(p []byte) (int, error) {
	if len(r.ahead) == 0 && len(p) > 0 {
		if err := r.read(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.ahead)
	r.ahead = r.ahead[n:]
	return n, nil
}

// read reads a piece, of one byte at least.
func (r *reader) read() error {
	size := readPiece - r.at%readPiece
	if r.end >= 0 {
		size = min(size, r.end-r.at)
	}
	if size == 0 {
		return io.EOF
	}
	p := make([]byte, size)
	n, err := r.keeper.ReadAt(r.ctx, r.job, r.name, p, r.at)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("reading a text of a job: %w", err)
	case n == 0:
		return io.EOF
	}
	r.at += int64(n)
	r.ahead = p[:n]
	return nil
}
