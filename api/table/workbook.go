package table

import (
	"archive/zip"
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"recordings/mapping"
)

// Workbook is a table in Office Open XML (.xlsx): text is text, dates are dates, the header stays in
// sight, and what does not fit into a sheet goes on in the next.
//
// It is written while its rows come, so that a client need not wait for the last of them. Libraries that
// make workbooks hold all rows back, in memory or in a temporary file, and the one that the tests read
// with takes 10 ms of each start of the program; what a table needs of the format is a few lines of XML.
type Workbook struct {
	o       Options
	columns []column
}

// NewWorkbook makes a workbook.
func NewWorkbook(o Options) *Workbook { return &Workbook{o, o.columns()} }

// What a sheet takes, and a cell, in UTF-16 units of which no character has more than two.
const (
	maxRows = 1_048_576
	maxCell = 32_767
)

// Row appends a recording: a row of a sheet, without its number, as all follow each other.
func (w *Workbook) Row(b []byte, r *mapping.Recording) []byte {
	b = append(b, "<row>"...)
	for i := range w.columns {
		switch column := &w.columns[i]; column.kind {
		case date:
			b = append(b, `<c s="`+dateStyle+`">`...)
			if at := column.time(r); !at.IsZero() {
				b = append(strconv.AppendFloat(append(b, "<v>"...), serial(at), 'f', -1, 64), "</v>"...)
			}
			b = append(b, "</c>"...)
		case number:
			b = append(column.text(append(b, "<c><v>"...), r), "</v></c>"...)
		default:
			b = append(b, `<c s="`+textStyle+`" t="inlineStr"><is><t xml:space="preserve">`...)
			b = append(appendText(b, fit(string(column.text(nil, r)))), "</t></is></c>"...)
		}
	}
	return append(b, rowEnd...)
}

const rowEnd = "</row>"

// serial is a date as spreadsheets count them: in days, with the clock of its zone.
func serial(t time.Time) float64 {
	const unixEpoch, msPerDay = 25_569, 86_400_000
	_, offset := t.Zone()
	return unixEpoch + float64(t.UnixMilli()+int64(offset)*1000)/msPerDay
}

// fit cuts off what a cell cannot hold.
func fit(cell string) string {
	if len(cell) <= maxCell {
		return cell
	}

	units := 0
	for i, c := range cell {
		units++
		if c > 0xffff {
			units++
		}
		if units >= maxCell { // one is left for the ellipsis
			if i+len(string(c)) == len(cell) && units == maxCell {
				return cell
			}
			return cell[:i] + "…"
		}
	}
	return cell
}

// appendText appends the text of a cell. What XML cannot have is written as _x0001_, so text that
// looks like that has its first character written so, too.
func appendText(b []byte, s string) []byte {
	for i, c := range s {
		switch {
		case c == '&':
			b = append(b, "&amp;"...)
		case c == '<':
			b = append(b, "&lt;"...)
		case c == '>':
			b = append(b, "&gt;"...)
		case c < ' ' && c != '\t' && c != '\n', c == 0xfffe, c == 0xffff, c == '_' && looksEscaped(s[i:]):
			b = fmt.Appendf(b, "_x%04X_", c)
		default:
			b = append(b, string(c)...)
		}
	}
	return b
}

// looksEscaped reports whether a text begins as _x0001_ does. Some spreadsheets also take fewer digits
// or more.
func looksEscaped(s string) bool {
	digits, ok := strings.CutPrefix(s, "_x")
	rest := strings.TrimLeft(digits, "0123456789abcdefABCDEF")
	return ok && len(rest) < len(digits) && strings.HasPrefix(rest, "_")
}

// Writer writes the workbook.
func (w *Workbook) Writer(to io.Writer) Writer {
	out := bufio.NewWriterSize(to, 64<<10)
	return &workbookWriter{Workbook: w, out: out, zip: zip.NewWriter(out), rowsOfSheet: maxRows}
}

// workbookWriter writes a workbook while its rows come.
type workbookWriter struct {
	*Workbook
	out         *bufio.Writer
	zip         *zip.Writer
	rowsOfSheet int // the header included

	sheet  io.Writer // the one that is written
	sheets int
	left   int // rows that fit into it
}

// Begin implements [Writer].
func (w *workbookWriter) Begin() error { return w.nextSheet() }

// nextSheet begins a sheet.
func (w *workbookWriter) nextSheet() (err error) {
	if w.sheet != nil {
		if _, err := io.WriteString(w.sheet, endOfSheet); err != nil {
			return err
		}
	}

	w.sheets++
	w.left = w.rowsOfSheet - 1
	if w.sheet, err = w.zip.Create("xl/" + sheetPart(w.sheets)); err != nil {
		return err
	}
	_, err = w.sheet.Write(w.beginSheet(w.sheets))
	return err
}

// Rows implements [Writer].
func (w *workbookWriter) Rows(b []byte, count int) error {
	for count > w.left {
		first := b
		for range w.left {
			first = first[bytes.Index(first, []byte(rowEnd))+len(rowEnd):]
		}
		if _, err := w.sheet.Write(b[:len(b)-len(first)]); err != nil {
			return err
		}
		b, count = first, count-w.left
		if err := w.nextSheet(); err != nil {
			return err
		}
	}

	w.left -= count
	_, err := w.sheet.Write(b)
	return err
}

// End implements [Writer]. What lists the sheets is written last, when it is known how many there are.
// A workbook without its end cannot be opened, so it need not say how many recordings it has.
func (w *workbookWriter) End(int) error {
	if _, err := io.WriteString(w.sheet, endOfSheet); err != nil {
		return err
	}

	for _, part := range partsAround(w.sheets) {
		to, err := w.zip.Create(part.name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(to, part.content); err != nil {
			return err
		}
	}
	if err := w.zip.Close(); err != nil {
		return err
	}
	return w.out.Flush()
}
