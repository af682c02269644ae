package table

import (
	"regexp"
	"strings"
)

// maxGuarded is how many characters a guarded cell has at most: spreadsheets take 32,767, and one may
// become two.
const maxGuarded = 16_000

// guarded is a value in which no spreadsheet finds a formula, a number or a date: where one could
// begin stands an apostrophe. Of a formula that is at the beginning of the cell, and behind what some
// spreadsheets take for the end of a cell.
func guarded(cell string) string {
	cell = shorten(cell, maxGuarded)
	var b strings.Builder
	begins := true
	if looksTyped(cell) {
		b.WriteByte('\'')
		begins = false
	}

	for _, c := range cell {
		if begins && beginsFormula(c) {
			b.WriteByte('\'')
		}
		b.WriteRune(c)
		begins = endsCell(c)
	}
	return b.String()
}

// typed is what spreadsheets take for something else than text: digits with all that goes with
// numbers, times and dates, the names of months included, and the words for true and false.
var typed = regexp.MustCompile(`(?i)^[\s\d.,:/%+()'’$€£¥₹-]*\d([\s\d.,:/%+()'’$€£¥₹-]|` + wordsOfNumbers + `)*$|` +
	`^(` + wordsOfNumbers + `)[\s\d.,:/'-]*\d[\s\d.,:/'-]*$|^\s*(true|false)\s*$`)

const wordsOfNumbers = `e|t|z|am|pm|jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|` +
	`sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?`

// looksTyped reports whether a spreadsheet would take a value for a number, a date or a time. No such
// value is long.
func looksTyped(cell string) bool { return len(cell) <= 400 && typed.MatchString(cell) }

// beginsFormula reports whether a cell that begins so is taken for a formula, or for an apostrophe
// that hides one.
func beginsFormula(c rune) bool {
	switch c {
	case '=', '+', '-', '@', '\t', '\r', '\n', '\'', '＝', '＋', '－', '＠':
		return true
	}
	return false
}

// endsCell reports whether some spreadsheets take this for the end of a cell, even within quotes.
func endsCell(c rune) bool {
	switch c {
	case ';', ',', '\t', '\r', '\n', '"':
		return true
	}
	return false
}

// shorten cuts off what does not fit into a cell, and leaves an ellipsis there.
func shorten(cell string, most int) string {
	if len(cell) <= most {
		return cell
	}

	n := 0 // characters
	for i := range cell {
		if n++; n > most {
			return cell[:i] + "…"
		}
	}
	return cell
}
