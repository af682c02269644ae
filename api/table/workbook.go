package table

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"recordings/mapping"
)

// Workbook is a table in Office Open XML (.xlsx): text is text, dates are dates, the header stays in
// sight, and what does not fit into a sheet goes on in the next.
//
// The library makes everything but the rows: a workbook without any is made by it, and the rows, which
// are a few lines of XML, are written into its sheets while they come. The library's own stream of
// rows goes to a temporary file first, so a client would wait for the last row before it gets a byte.
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

	head, tail []byte    // of each sheet, around its rows
	sheet      io.Writer // the one that is written
	sheets     int
	left       int // rows that fit into it
}

// Begin implements [Writer].
func (w *workbookWriter) Begin() error {
	parts, err := w.skeleton(1)
	if err != nil {
		return err
	}

	const endOfRows = "</sheetData>"
	content, err := parts.content(sheetName(1))
	if err != nil {
		return err
	}
	at := bytes.Index(content, []byte(endOfRows))
	if at < 0 {
		return errors.New("making a workbook: a sheet has no rows")
	}
	// How far a sheet goes is not known yet, and need not be said.
	w.head, w.tail = dimension.ReplaceAllLiteral(content[:at], nil), content[at:]
	return w.nextSheet()
}

var dimension = regexp.MustCompile(`<dimension [^>]*>(</dimension>)?`)

// nextSheet begins a sheet.
func (w *workbookWriter) nextSheet() (err error) {
	if w.sheet != nil {
		if _, err := w.sheet.Write(w.tail); err != nil {
			return err
		}
	}

	w.sheets++
	w.left = w.rowsOfSheet - 1
	head := w.head
	if w.sheets > 1 { // two that are selected would be edited together
		head = bytes.Replace(head, []byte(` tabSelected="true"`), nil, 1)
	}
	if w.sheet, err = w.zip.Create(sheetName(w.sheets)); err != nil {
		return err
	}
	_, err = w.sheet.Write(head)
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
	if _, err := w.sheet.Write(w.tail); err != nil {
		return err
	}
	parts, err := w.skeleton(w.sheets)
	if err != nil {
		return err
	}

	for _, part := range parts.File {
		if strings.HasPrefix(part.Name, sheetsDir) {
			continue
		}
		if err := w.zip.Copy(part); err != nil {
			return fmt.Errorf("copying %s into a workbook: %w", part.Name, err)
		}
	}
	if err := w.zip.Close(); err != nil {
		return err
	}
	return w.out.Flush()
}

const sheetsDir = "xl/worksheets/sheet"

func sheetName(n int) string { return sheetsDir + strconv.Itoa(n) + ".xml" }

// skeleton is a workbook with headers and without rows.
type skeleton struct{ *zip.Reader }

// content is that of a part.
func (s skeleton) content(name string) ([]byte, error) {
	f, err := s.Open(name)
	if err != nil {
		return nil, fmt.Errorf("making a workbook: %w", err)
	}
	defer f.Close()
	return io.ReadAll(f)
}

// The styles of cells, by their numbers in the workbook.
const (
	textStyle = "1"
	dateStyle = "2"
)

// skeleton makes a workbook with so many sheets.
func (w *Workbook) skeleton(sheets int) (skeleton, error) {
	f := excelize.NewFile()
	defer f.Close()
	const asText = 49 // the format @
	dates := "yyyy-mm-dd hh:mm:ss"
	header := 0
	for i, style := range []*excelize.Style{
		{NumFmt: asText}, {CustomNumFmt: &dates}, {NumFmt: asText, Font: &excelize.Font{Bold: true}},
	} {
		n, err := f.NewStyle(style)
		if err != nil || n != i+1 {
			return skeleton{}, fmt.Errorf("making style %d of a workbook: it is %d, %w", i+1, n, err)
		}
		header = n
	}

	for n := 1; n <= sheets; n++ {
		if err := w.makeSheet(f, n, header); err != nil {
			return skeleton{}, fmt.Errorf("making sheet %d of a workbook: %w", n, err)
		}
	}

	b, err := f.WriteToBuffer()
	if err != nil {
		return skeleton{}, fmt.Errorf("making a workbook: %w", err)
	}
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	return skeleton{r}, err
}

// makeSheet makes a sheet with nothing but its header.
func (w *Workbook) makeSheet(f *excelize.File, n, headerStyle int) error {
	name := "recordings"
	if n > 1 {
		name += " " + strconv.Itoa(n)
		if _, err := f.NewSheet(name); err != nil {
			return err
		}
	} else if err := f.SetSheetName(f.GetSheetName(0), name); err != nil {
		return err
	}

	for i, column := range w.columns {
		letters, err := excelize.ColumnNumberToName(i + 1)
		if err != nil {
			return err
		}
		err = errors.Join(
			f.SetColWidth(name, letters, letters, column.width),
			f.SetCellStr(name, letters+"1", column.name),
			f.SetCellStyle(name, letters+"1", letters+"1", headerStyle),
		)
		if err != nil {
			return err
		}
	}
	return f.SetPanes(name, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
}
