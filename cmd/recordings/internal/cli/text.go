package cli

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	"golang.org/x/term"
	eastasian "golang.org/x/text/width"

	"recordings/mapping"
)

// Printable is foreign text for a terminal: what would move the cursor, change colours or turn the
// direction of the text around is not passed on.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r) && r != '\u200d', r == unicode.ReplacementChar:
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// Columns is how many columns of a terminal a text takes.
func Columns(s string) (n int) {
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		default:
			n++
			k := eastasian.LookupRune(r).Kind()
			if k == eastasian.EastAsianWide || k == eastasian.EastAsianFullwidth {
				n++
			}
		}
	}
	return n
}

// Cut is a text that takes so many columns at most.
func Cut(s string, columns int) string {
	if Columns(s) <= columns {
		return s
	}
	for i := range s {
		if Columns(s[:i]) >= columns {
			s = s[:i]
			break
		}
	}
	for len(s) > 0 && Columns(s) > columns-1 {
		r := []rune(s)
		s = string(r[:len(r)-1])
	}
	return s + "…"
}

// Pad is a text with blanks behind it up to so many columns.
func Pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(0, columns-Columns(s)))
}

// Width is how many columns standard output has; 0: it is no terminal.
func (p *Program) Width() int { return width(p.Stdout) }

// width is how many columns a stream has; 0: it is no terminal.
func width(stream any) int {
	if !isTerminal(stream) {
		return 0
	}
	if w, _, err := term.GetSize(int(stream.(*os.File).Fd())); err == nil && w > 0 {
		return w
	}
	return 80
}

// Style is how text is shown on a terminal.
type Style string

// The styles.
const (
	Bold  Style = "1"
	Faint Style = "2"
	Red   Style = "31"
)

// Styled is a text in a style, where standard output is a terminal that has colours and the user has
// nothing against them (https://no-color.org).
func (p *Program) Styled(style Style, text string) string {
	if p.Width() == 0 || p.Getenv("NO_COLOR") != "" || p.Getenv("TERM") == "dumb" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// Moment is a time in the zone of the user, to the second.
func (p *Program) Moment(t mapping.Time) string {
	return time.UnixMilli(int64(t)).In(p.Local()).Format("2006-01-02 15:04:05")
}

// Lasting is a number of seconds as people write it: 0:07, 12:30, 1:02:03.
func Lasting(seconds int64) string {
	if seconds < 3600 {
		return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

// Number writes a number as people read it: 1,234,567.
func Number[N int | int64 | uint64](n N) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Count writes a number with what is counted, whose plural has an s: 1 recording, 2,000 recordings.
func Count[N int | int64 | uint64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return Number(n) + " " + one + "s"
}

// Bytes writes a number of bytes: 512 B, 1.5 GiB.
func Bytes(n int64) string {
	value, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
