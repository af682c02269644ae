package table

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"recordings/mapping"
)

// CSV is a table by RFC 4180: every cell is in quotes, lines end with CR LF, and the last one says how
// many recordings there are, since half a table looks like a whole one.
type CSV struct {
	o       Options
	columns []column
}

// NewCSV makes a CSV.
func NewCSV(o Options) *CSV { return &CSV{o, o.columns()} }

const (
	csvTime = "2006-01-02T15:04:05.999Z07:00"
	csvEnd  = "#count" // in the first column of the last line

	// byteOrderMark is what spreadsheets know UTF-8 by, and what programs take for a part of the name
	// of the first column.
	byteOrderMark = "\ufeff"
)

// Row appends a recording.
func (c *CSV) Row(b []byte, r *mapping.Recording) []byte {
	for i := range c.columns {
		if i > 0 {
			b = append(b, c.o.Separator)
		}
		switch column := &c.columns[i]; {
		case column.kind == date:
			b = append(b, '"')
			if at := column.time(r); !at.IsZero() {
				b = at.AppendFormat(b, csvTime)
			}
			b = append(b, '"')
		case column.kind == text && c.o.Guard:
			b = appendQuoted(b, guarded(string(column.text(nil, r))))
		default:
			from := len(b) + 1
			b = column.text(append(b, '"'), r)
			if bytes.IndexByte(b[from:], '"') >= 0 {
				b = append(b[:from], strings.ReplaceAll(string(b[from:]), `"`, `""`)...)
			}
			b = append(b, '"')
		}
	}
	return append(b, "\r\n"...)
}

// appendQuoted appends a cell.
func appendQuoted(b []byte, cell string) []byte {
	b = append(b, '"')
	for {
		i := strings.IndexByte(cell, '"')
		if i < 0 {
			return append(append(b, cell...), '"')
		}
		b = append(append(b, cell[:i+1]...), '"')
		cell = cell[i+1:]
	}
}

// Writer writes the table.
func (c *CSV) Writer(w io.Writer) Writer { return &csvWriter{c, w} }

type csvWriter struct {
	*CSV
	w io.Writer
}

// Begin implements [Writer].
func (w *csvWriter) Begin() error {
	names := make([]string, len(w.columns))
	for i := range w.columns {
		names[i] = w.columns[i].name
	}

	var line []byte
	if w.o.Guard {
		line = append(line, byteOrderMark...)
	}
	_, err := w.w.Write(w.line(line, names))
	return err
}

// line appends a line of text.
func (c *CSV) line(b []byte, cells []string) []byte {
	for i, cell := range cells {
		if i > 0 {
			b = append(b, c.o.Separator)
		}
		b = appendQuoted(b, cell)
	}
	return append(b, "\r\n"...)
}

// Rows implements [Writer].
func (w *csvWriter) Rows(b []byte, _ int) error {
	_, err := w.w.Write(b)
	return err
}

// End has the count where the other lines have an id and a time: no recording looks like that.
func (w *csvWriter) End(count int) error {
	cells := make([]string, len(w.columns))
	cells[0], cells[1] = csvEnd, strconv.Itoa(count)
	_, err := w.w.Write(w.line(nil, cells))
	return err
}
