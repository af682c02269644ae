package table

import "io"

// SmallSheets is a writer whose sheets take so many rows, the header included.
func (w *Workbook) SmallSheets(to io.Writer, rows int) Writer {
	x := w.Writer(to).(*workbookWriter)
	x.rowsOfSheet = rows
	return x
}
