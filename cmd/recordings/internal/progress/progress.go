// Package progress shows how far long work of a command is: on a terminal a bar that is drawn over
// and over, elsewhere (a log, a pipe) a plain line every few seconds. It has no goroutine: it draws
// when it is told of progress.
package progress

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

const (
	barInterval  = 100 * time.Millisecond // between drawings on a terminal
	lineInterval = 5 * time.Second        // between plain lines
	fullBar      = 26                     // columns of the bar, its ends included, where there is room
	leastBar     = 8                      // a shorter one says nothing
)

// State is how far the work is.
type State struct {
	Phase string // what is being done, such as "importing"
	Done  int64
	Total int64         // 0: not known
	Unit  string        // what is counted, such as "recordings"; [Bytes] are shown as KiB, MiB and so on
	Rate  float64       // per second; 0: worked out from Done
	Left  time.Duration // until it is done; 0: worked out from the rate
	Note  string        // what else there is to tell, at the end of the line
}

// Bytes as the Unit of a State.
const Bytes = "bytes"

// Meter shows progress on a writer. It may be used concurrently. The zero value is of no use; see
// New.
type Meter struct {
	mu    sync.Mutex
	w     io.Writer
	width func() int // columns; nil: no terminal
	now   func() time.Time

	state State // the last that was shown or was to be

	written State     // the last that was written
	begun   bool      // since New or End
	shown   time.Time // when it was last drawn
	drawn   int       // columns of the bar that is on the terminal
	speed   speed
}

// New returns a meter that draws a bar if w is a terminal, and writes lines otherwise.
func New(w io.Writer) *Meter {
	m := &Meter{w: w, now: time.Now}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		m.width = func() int { // asked anew each time: windows change their size
			if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
				return width
			}
			return 80
		}
	}
	return m
}

// Show tells how far the work is. It may be called as often as one likes: it draws now and then. A
// new phase is shown at once.
func (m *Meter) Show(s State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if !m.begun || s.Phase != m.state.Phase {
		m.speed = speed{} // another phase counts something else
		m.shown = time.Time{}
	}

	m.begun, m.state = true, s
	m.speed.add(now, s.Done)
	interval := lineInterval
	if m.width != nil {
		interval = barInterval
	}
	if now.Sub(m.shown) >= interval {
		m.draw(now)
	}
}

// Printf writes a line of text between the drawings.
func (m *Meter) Printf(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.erase()
	fmt.Fprintf(m.w, format+"\n", args...)
	if m.width != nil && m.begun {
		m.draw(m.now())
	}
}

// Clear ends the showing without leaving anything of it on a terminal: what follows says it all.
func (m *Meter) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.erase()
	m.begun = false
}

// End shows the last state and leaves it there.
func (m *Meter) End() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.begun {
		return
	}

	// Where lines are written, the last state may have been the last line already.
	if m.width != nil || m.state != m.written {
		m.draw(m.now())
	}
	if m.width != nil {
		fmt.Fprintln(m.w)
	}

	m.begun, m.drawn = false, 0
}

// draw writes the state, over the bar that is there.
func (m *Meter) draw(now time.Time) {
	m.shown, m.written = now, m.state
	if m.width == nil {
		fmt.Fprintln(m.w, strings.Join(m.parts().all(), ", "))
		return
	}

	// One column less than there are: a full line would make the terminal begin a new one.
	line := []rune(m.line(m.width() - 1))
	fmt.Fprintf(m.w, "\r%s%s", string(line), strings.Repeat(" ", max(0, m.drawn-len(line))))
	m.drawn = len(line)
}

// line is the state in so many columns at most. Where there are fewer than it takes, the bar shrinks
// first, then what can be done without goes; the time left and the note stay the longest.
func (m *Meter) line(columns int) string {
	p := m.parts()
	for _, without := range []func(){
		func() {}, func() { p.rate = "" }, func() { p.amount = "" }, func() { p.phase = "" }, func() { p.percent = "" },
	} {
		without()
		text := strings.Join(p.all(), ", ")
		left := columns - len([]rune(text)) - 1 // for a bar and the blank behind it
		switch {
		case left >= leastBar && m.state.Total > 0:
			return m.bar(min(left, fullBar)) + " " + text
		case left >= -1:
			return text
		}
	}
	text := []rune(strings.Join(p.all(), ", "))
	return string(text[:max(0, min(len(text), columns))])
}

// erase takes the bar off the terminal, so that other text can stand in its place.
func (m *Meter) erase() {
	if m.drawn > 0 {
		fmt.Fprintf(m.w, "\r%s\r", strings.Repeat(" ", m.drawn))
		m.drawn = 0
	}
}

// bar is a bar of so many columns, its ends included.
func (m *Meter) bar(columns int) string {
	s, inside := &m.state, columns-2
	full := int(int64(inside) * min(s.Done, s.Total) / s.Total)
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", inside-full) + "]"
}

// parts are the state in words: what is known of it.
type parts struct{ phase, percent, amount, rate, left, note string }

// all are the parts that there are.
func (p *parts) all() []string {
	all := []string{p.phase, p.percent, p.amount, p.rate, p.left, p.note}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// parts works out the state in words.
func (m *Meter) parts() *parts {
	s := &m.state
	p := &parts{phase: s.Phase, note: s.Note}
	rate := s.Rate
	if rate == 0 {
		rate = m.speed.perSecond()
	}

	if s.Total > 0 {
		p.percent = fmt.Sprintf("%d%%", 100*min(s.Done, s.Total)/s.Total)
		p.amount = amount(s.Done, s.Unit, false) + " of " + amount(s.Total, s.Unit, true)
	} else {
		p.amount = amount(s.Done, s.Unit, true)
	}
	if rate > 0 {
		p.rate = amount(int64(math.Round(rate)), s.Unit, false) + "/s"
	}

	// Bounded, since a rate near zero would make more seconds than a duration can hold.
	left := s.Left
	if left == 0 && rate > 0 && s.Total > s.Done {
		left = time.Duration(min(float64(s.Total-s.Done)/rate, 1e9)) * time.Second
	}
	if left > 0 {
		p.left = left.Round(time.Second).String() + " left"
	}
	return p
}

// amount writes a number with its unit; bytes always have it.
func amount(n int64, unit string, named bool) string {
	if unit != Bytes {
		text := Number(n)
		if n == 1 {
			unit = strings.TrimSuffix(unit, "s")
		}
		if named && unit != "" {
			text += " " + unit
		}
		return text
	}

	value, i := float64(n), 0
	for value >= 1024 && i < len(byteUnits)-1 {
		value /= 1024
		i++
	}

	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}

	return fmt.Sprintf("%.1f %s", value, byteUnits[i])
}

// byteUnits are the powers of 1024.
var byteUnits = []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}

// Number writes a number as people read it: 1,234,567.
func Number(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
