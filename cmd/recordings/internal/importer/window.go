package importer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
)

const (
	maxWindow = 16 << 20 // bytes that were read and have no verdict; one line may go beyond
	maxLine   = 64 << 20 // bytes; what is longer is no file of recordings
	overhead  = 64       // bytes of memory for a line beside its text
)

// exportEnd is the last line of an export, which says that it is whole, and is no recording. Of exports
// that were joined, there are several.
var exportEnd = regexp.MustCompile(`^\{"statusCode":0,"count":[0-9]+\}$`)

// line is a line of the input that is neither blank nor the end of an export.
type line struct {
	number int64  // from 1, blank lines included
	end    int64  // offset of the byte behind it
	text   []byte // with a line feed at its end
	size   int    // bytes of it in the input, where the last one may have no line feed
}

// window has the lines that were read and have no verdict. One goroutine reads them.
type window struct {
	mu      sync.Mutex
	changed *sync.Cond
	lines   []line
	bytes   int   // of lines, and their overhead
	end     int64 // offset of the byte behind what was read
	ended   error // why there is nothing behind lines: io.EOF at the end of the input
	stopped bool
	sent    int // how many of lines the present sending has sent
	taken   int // how many lines before these the present sending had sent
}

// newWindow reads an input whose next line is behind the line number at the offset. It reads until
// stop is called.
func newWindow(input io.Reader, number, offset int64) *window {
	w := &window{end: offset}
	w.changed = sync.NewCond(&w.mu)
	go w.read(bufio.NewReaderSize(input, 1<<20), number)
	return w
}

// stop ends the reading: at once, or where it waits for an input that says nothing, when that says
// something.
func (w *window) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.changed.Broadcast()
}

// read reads all lines of the input. It is the goroutine of the window.
func (w *window) read(input *bufio.Reader, number int64) {
	for {
		text, err := readLine(input)
		number++
		if err == nil || err == io.EOF && len(text) > 0 {
			if !w.add(number, text) {
				return
			}
		}

		if err != nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ended = err
			if err != io.EOF {
				w.ended = fmt.Errorf("reading line %d: %w", number, err)
			}
			w.changed.Broadcast()
			return
		}
	}
}

// readLine returns a line with its end. The last one comes with [io.EOF], and may be empty.
func readLine(input *bufio.Reader) (text []byte, err error) {
	for {
		piece, err := input.ReadSlice('\n')
		text = append(text, piece...)
		switch {
		case err != bufio.ErrBufferFull:
			return text, err
		case len(text) > maxLine:
			return nil, fmt.Errorf("it is longer than %d bytes; the input has to be one JSON object a line", maxLine)
		}
	}
}

// add adds a line when there is room, unless the reading has to stop.
func (w *window) add(number int64, text []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	// Asked before the line is added, so that one line of any length always finds its place.
	for w.bytes >= maxWindow && !w.stopped {
		w.changed.Wait()
	}

	w.end += int64(len(text))
	if trimmed := bytes.Trim(text, blanks); len(trimmed) > 0 && !exportEnd.Match(trimmed) {
		l := line{number: number, end: w.end, text: text, size: len(text)}
		if text[len(text)-1] != '\n' {
			l.text = append(text, '\n')
		}
		w.lines = append(w.lines, l)
		w.bytes += len(text) + overhead
		w.changed.Broadcast()
	}

	return !w.stopped
}

// open begins to send, from the first line that has no verdict.
func (w *window) open() *sending {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent, w.taken = 0, 0
	return &sending{window: w}
}

// first returns the first line without a verdict, which must be the one at that place of the
// present sending.
func (w *window) first(place int) (line, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if place != w.taken+1 || w.sent == 0 {
		return line{}, fmt.Errorf("the verdicts are out of order: there is one for line %d of %d after %d", place,
			w.taken+w.sent, w.taken)
	}
	return w.lines[0], nil
}

// drop drops the first line.
func (w *window) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bytes -= len(w.lines[0].text) + overhead
	w.lines[0] = line{} // for the garbage collector
	w.lines = w.lines[1:]
	w.sent--
	w.taken++
	w.changed.Broadcast()
}

// done reports whether all lines have their verdict, and if the input could not be read to its end,
// why.
func (w *window) done() (done bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.lines) > 0 || w.ended == nil {
		return false, nil
	}
	if w.ended != io.EOF {
		return false, w.ended
	}
	return true, nil
}

// sending is what reads the lines of a window to send them.
type sending struct {
	window   *window
	rest     []byte // of the line that is being read
	finished bool   // no line is begun any more
	closed   bool
}

// errClosed is what reading a sending returns once nobody wants its lines any more.
var errClosed = errors.New("the sending has ended")

// Read implements [io.Reader]: it returns as much as there is, and waits only where there is
// nothing.
func (s *sending) Read(p []byte) (n int, err error) {
	w := s.window
	w.mu.Lock()
	defer w.mu.Unlock()
	for n < len(p) {
		if len(s.rest) == 0 {
			if err := s.begin(n == 0); err != nil {
				return n, err
			}
		}
		if len(s.rest) == 0 {
			break
		}

		c := copy(p[n:], s.rest)
		n, s.rest = n+c, s.rest[c:]
	}

	return n, nil
}

// begin begins the next line, if there is one or wait is set.
func (s *sending) begin(wait bool) error {
	w := s.window
	for {
		switch {
		case s.closed || w.stopped:
			return errClosed
		case s.finished:
			return io.EOF
		case w.sent < len(w.lines):
			s.rest = w.lines[w.sent].text
			w.sent++
			return nil
		case w.ended != nil:
			return io.EOF // why the input ended is told by done
		case !wait:
			return nil
		}

		w.changed.Wait()
	}
}

// finish ends the sending behind the line that is being sent.
func (s *sending) finish() { s.end(&s.finished) }

// Close ends the sending.
func (s *sending) Close() error {
	s.end(&s.closed)
	return nil
}

// end sets one of the two flags, and wakes up whoever is reading.
func (s *sending) end(how *bool) {
	s.window.mu.Lock()
	defer s.window.mu.Unlock()
	*how = true
	s.window.changed.Broadcast()
}
