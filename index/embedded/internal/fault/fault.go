// Package fault turns what goes wrong underneath into errors that can be handled and shown.
//
// Pebble panics where it cannot write its log, and Bleve where a file of its index is damaged:
// every call into either that may meet damage goes through [Guard].
package fault

import (
	"fmt"
	"slices"
	"strings"

	"recordings/index"
	"recordings/internal/guard"
)

// Guard calls fn and returns its error, or what it panicked with; see [guard.Guard].
func Guard(fn func() error) error { return guard.Guard(fn) }

// Unavailable wraps the cause of an error after which trying again is safe. It is an
// [index.ErrUnavailable].
func Unavailable(doing string, cause error) error {
	return fmt.Errorf("%s: %w: %w", doing, index.ErrUnavailable, cause)
}

// Line is the text of an error in one line. Pebble adds lines that say nothing, and says the same
// more than once.
func Line(err error) string {
	const empty = "<corruption detail carrier>"
	lines := slices.DeleteFunc(strings.Split(err.Error(), "\n"), func(line string) bool { return line == empty })
	return strings.Join(slices.Compact(lines), "; ")
}
