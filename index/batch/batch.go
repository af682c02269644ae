// Package batch puts recordings that come as lines of JSON, one recording a line, into an index,
// and gives a verdict for each line, in order.
//
// Lines are read ahead, decoded in parallel, and put in groups: as many as have arrived while the
// group before was being made durable. So the verdict of a lone line comes at once, and a flood of
// them costs few syncs. A verdict is given only when it is durable. The memory does not depend on
// how many lines there are.
package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"

	"recordings/index"
	"recordings/mapping"
)

// What is held at a time. A chunk is what is decoded by one processor, a group what is put in one
// call.
const (
	chunkLines  = 128
	chunkBytes  = 256 << 10 // the last line may go beyond
	chunksAhead = 8         // read and perhaps decoded, but not yet being put
	groupChunks = 4
)

// Options are what a batch is done with. All but Budget, Await and Abort are required.
type Options struct {
	Decode func(ctx context.Context, line []byte) (*mapping.Recording, error)
	Put    func(ctx context.Context, recordings []*mapping.Recording) []index.PutResult
	// Notices says what was probably not meant in a recording; nil: nothing ever is.
	Notices func(*mapping.Recording) []string
	MaxLine int // bytes of a line
	// Bounds what all batches that share it hold; nil: no bound beside that of each.
	Budget *Budget
	Await  func() // called before something is read; the time that it may take begins
	// May be called more than once, when nothing more will be read, though there may be more: a
	// Read that waits has to end.
	Abort func()
}

// Verdict is what became of a line.
type Verdict struct {
	Line    int    // from 1; blank lines count, but have no verdict
	ID      string // of the recording, as far as it is known
	Outcome index.Outcome
	Err     error    // why it was not put
	Notices []string // what was probably not meant
}

// ReadError is why the input could not be read to its end.
type ReadError struct{ Err error }

// Error implements [error].
func (e *ReadError) Error() string { return fmt.Sprintf("reading line by line: %v", e.Err) }

// Unwrap returns the cause.
func (e *ReadError) Unwrap() error { return e.Err }

// Run puts the recordings of all lines, and calls emit with the verdicts, group by group. It ends
// at the end of the input; with a [*ReadError] where that cannot be read, all whole lines before
// having been put; with the error of emit; or, when the index as a whole refuses, with its error,
// which then is also the verdict of the last lines. What has no verdict may have been put or not:
// doing it again is safe.
func Run(outer context.Context, lines io.Reader, o Options, emit func([]Verdict) error) error {
	ctx, cancel := context.WithCancel(outer)
	defer context.AfterFunc(outer, func() { o.abort() })() // a Read that waits would not notice
	b := &batch{Options: o, ordered: make(chan *chunk, chunksAhead), work: make(chan *chunk, chunksAhead)}

	var running sync.WaitGroup
	running.Go(func() { b.read(ctx, lines) })
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() { b.decodeAll(ctx) })
	}
	err := b.putAll(ctx, emit)
	cancel()
	if err != nil {
		o.abort()
	}
	for c := range b.ordered {
		c.share.shrink(0)
	}
	running.Wait()

	switch {
	case err != nil:
		return err
	case outer.Err() != nil && errors.Is(b.readErr, os.ErrDeadlineExceeded): // it was aborted for that
		return context.Cause(outer)
	}
	return b.readErr
}

// abort ends a Read that waits, if there is a way to do that.
func (o *Options) abort() {
	if o.Abort != nil {
		o.Abort()
	}
}

// batch is one Run.
type batch struct {
	Options
	ordered chan *chunk // in the order of the lines
	work    chan *chunk // the same, to be decoded
	readErr error       // valid when ordered is closed
}

// chunk is a number of lines that follow each other.
type chunk struct {
	lines   []line
	bytes   int
	share   share         // of the budget, until the lines have their verdicts
	decoded chan struct{} // closed when all lines are
}

// line is a line, until it has its verdict.
type line struct {
	Verdict
	text      []byte
	recording *mapping.Recording
}

// read reads lines into chunks until there are no more, or ctx ends.
func (b *batch) read(ctx context.Context, from io.Reader) {
	defer close(b.ordered)
	defer close(b.work)
	r := newLineReader(from, b.MaxLine, b.Await)
	r.admit = func() (share, error) { return b.Budget.line(ctx, b.MaxLine) }
	defer func() { r.share.shrink(0) }()
	for {
		c := &chunk{decoded: make(chan struct{})}
		err := b.fill(ctx, c, r)
		c.share.shrink(c.bytes)
		if len(c.lines) > 0 {
			b.ordered <- c // there is somebody who receives until it is closed
			b.work <- c
		}

		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			if err != io.EOF {
				b.readErr = err
			}
			return
		}
	}
}

// fill reads as many lines as have arrived, at least one, and at most those of a chunk.
func (b *batch) fill(ctx context.Context, c *chunk, r *lineReader) error {
	for len(c.lines) < chunkLines && c.bytes < chunkBytes && (len(c.lines) == 0 || r.hasMore()) {
		text, err := r.next()
		var wrong error
		if err == errLong {
			wrong = mapping.Problems{{Message: fmt.Sprintf("the line is too long; accepted are %d bytes", b.MaxLine)}}
		} else if err != nil {
			return err
		}

		if len(c.lines) == 0 {
			// The last line may go beyond, by what the reader holds.
			if c.share, err = b.Budget.chunk(ctx, max(len(text), chunkBytes+readAhead)); err != nil {
				return err
			}
			r.share.shrink(0)
		}
		c.lines = append(c.lines, line{Verdict: Verdict{Line: r.number, Err: wrong}, text: text})
		c.bytes += len(text)
	}
	return nil
}

// release lets others hold as much.
func release(chunks []*chunk) {
	for _, c := range chunks {
		c.share.shrink(0)
	}
}

// decodeAll decodes the lines of chunks.
func (b *batch) decodeAll(ctx context.Context) {
	for c := range b.work {
		for i := range c.lines {
			if ctx.Err() == nil && c.lines[i].Err == nil {
				b.decode(ctx, &c.lines[i])
			}
		}
		close(c.decoded)
	}
}

// decode decodes a line. Of one that is no recording, its verdict has the id as far as there is
// one.
func (b *batch) decode(ctx context.Context, l *line) {
	if l.recording, l.Err = b.decodeText(ctx, l.text); l.Err != nil {
		l.ID = idOf(l.text)
	} else {
		l.ID = l.recording.ID
		if b.Notices != nil {
			l.Notices = b.Notices(l.recording)
		}
	}
	l.text = nil
}

// decodeText makes an error of a panic: it is of one line.
func (b *batch) decodeText(ctx context.Context, text []byte) (r *mapping.Recording, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoding a line: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return b.Decode(ctx, text)
}

// putAll puts the lines that have been read, group by group.
func (b *batch) putAll(ctx context.Context, emit func([]Verdict) error) error {
	for first := range b.ordered {
		chunks := b.group(first)
		lines := decodedLines(chunks)
		if ctx.Err() != nil { // not all of them are decoded
			release(chunks)
			return context.Cause(ctx)
		}

		refused := b.put(ctx, lines)
		release(chunks)
		err := emit(verdicts(lines)) // also where ctx has ended meanwhile: what was put need not be sent again
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}

		if err != nil {
			return err
		}
		if refused != nil {
			return refused
		}
	}
	return nil
}

// decodedLines waits until all lines of chunks are decoded, and returns them.
func decodedLines(chunks []*chunk) (lines []*line) {
	for _, c := range chunks {
		<-c.decoded
		for i := range c.lines {
			lines = append(lines, &c.lines[i])
		}
	}
	return lines
}

// verdicts are those of the lines, without what else was held of them.
func verdicts(lines []*line) []Verdict {
	all := make([]Verdict, len(lines))
	for i, l := range lines {
		all[i] = l.Verdict
	}
	return all
}

// group returns a chunk and those behind it that have been read already.
func (b *batch) group(first *chunk) []*chunk {
	chunks := []*chunk{first}
	for len(chunks) < groupChunks {
		select {
		case c, ok := <-b.ordered:
			if !ok {
				return chunks
			}
			chunks = append(chunks, c)
		default:
			return chunks
		}
	}
	return chunks
}

// put puts the recordings of the lines that have one. It returns why the index as a whole refuses,
// if it does.
func (b *batch) put(ctx context.Context, lines []*line) (refused error) {
	var recordings []*mapping.Recording
	var of []*line
	for _, l := range lines {
		if l.Err == nil {
			recordings, of = append(recordings, l.recording), append(of, l)
		}
	}

	for i, result := range b.Put(ctx, recordings) {
		of[i].Outcome, of[i].Err = result.Outcome, result.Err
		if errors.Is(result.Err, index.ErrDiskFull) || errors.Is(result.Err, index.ErrUnavailable) {
			refused = result.Err
		}
	}
	return refused
}
