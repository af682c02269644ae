package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"recordings/cmd/bench/engine"
)

// WriteText writes the report for a terminal.
func (r *Report) WriteText(w io.Writer) error {
	return r.write(w, func(b *strings.Builder, t *table) {
		fmt.Fprintf(b, "%s\n\n", t.title)
		widths := t.widths()
		for _, row := range append([][]string{t.header}, t.rows...) {
			writeAligned(b, row, widths)
		}
	})
}

// WriteMarkdown writes the report as Markdown.
func (r *Report) WriteMarkdown(w io.Writer) error {
	return r.write(w, func(b *strings.Builder, t *table) {
		fmt.Fprintf(b, "### %s\n\n", t.title)
		writeMarkdown(b, t)
	})
}

// writeMarkdown writes a table without its title.
func writeMarkdown(b *strings.Builder, t *table) {
	writeCells(b, t.header)
	b.WriteString("|---" + strings.Repeat("|---:", len(t.header)-1) + "|\n")
	for _, row := range t.rows {
		writeCells(b, row)
	}
}

func (r *Report) write(w io.Writer, writeTable func(b *strings.Builder, t *table)) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", r.Machine)
	fmt.Fprintf(&b, "%s\n\n", r.Command)
	fmt.Fprintf(&b, "%d contact centers, recordings arrive in %s order. A search that took longer than %s was given "+
		"up.\n\n", r.Corpus.Centers, r.Corpus.Order, r.Cap)
	for i := range r.Sizes {
		s := &r.Sizes[i]
		for _, m := range s.measured() {
			fmt.Fprintf(&b, "%s: %s\n\n", titles[m.Engine], m.Version)
		}

		for _, t := range r.tables(s) {
			writeTable(&b, &t)
			b.WriteByte('\n')
		}

		r.writeNotes(&b, s)
	}

	_, err := io.WriteString(w, b.String())
	return err
}

// writeNotes tells where a peer is ahead, and what went wrong.
func (r *Report) writeNotes(b *strings.Builder, s *Size) {
	if ours := s.find(engine.OursName); ours != nil {
		for _, m := range s.measured() {
			shapes := ahead(ours, m)
			if m == ours || m.Engine == engine.HTTPName || len(shapes) == 0 {
				continue
			}
			fmt.Fprintf(b, "%s is ahead by more than %s in %d searches, ms: %s\n\n", titles[m.Engine], notable,
				len(shapes), strings.Join(shapes, "; "))
		}
	}

	problems := s.problems()
	for _, p := range problems {
		fmt.Fprintf(b, "PROBLEM: %s\n\n", p)
	}

	if len(problems) == 0 {
		b.WriteString("All answers are equal.\n\n")
	}
}

func (t *table) widths() []int {
	widths := make([]int, len(t.header))
	for _, row := range append([][]string{t.header}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

func writeAligned(b *strings.Builder, row []string, widths []int) {
	for i, cell := range row {
		padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if i == 0 {
			b.WriteString(cell + padding)
		} else {
			b.WriteString("  " + padding + cell)
		}
	}

	b.WriteByte('\n')
}

func writeCells(b *strings.Builder, row []string) {
	b.WriteByte('|')
	for _, cell := range row {
		b.WriteString(" " + strings.ReplaceAll(cell, "*", `\*`) + " |")
	}
	b.WriteByte('\n')
}
