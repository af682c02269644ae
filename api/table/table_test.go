package table_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"recordings/api/table"
	"recordings/mapping"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func options(zone *time.Location) table.Options {
	return table.Options{
		Zone: zone, Separator: ',', Original: true,
		MediaURI: func(id string, _ *mapping.MediaFile) string { return "/play/" + id },
	}
}

// callAt is a recording with this id, of a call of a minute and a half.
func callAt(id string, start mapping.Time) *mapping.Recording {
	return &mapping.Recording{
		ID: id, CallerPhoneNumber: "1", DialedPhoneNumber: "2", Region: "r",
		MediaFiles: []mapping.MediaFile{{
			Descriptor: mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: "http://media/a.wav"},
			StartTime:  start, StopTime: start + 90_500,
		}},
	}
}

type valueCase struct{ Value, Guarded string }

func valueCases(t testing.TB) (cases []valueCase) {
	t.Helper()
	data, err := os.ReadFile("testdata/values.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 40 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	return cases
}

// write makes a whole table.
func write(t testing.TB, w table.Writer, row func([]byte, *mapping.Recording) []byte, all ...*mapping.Recording) {
	t.Helper()
	if err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	for some := range slices.Chunk(all, 7) {
		var b []byte
		for _, r := range some {
			b = row(b, r)
		}
		if err := w.Rows(b, len(some)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(len(all)); err != nil {
		t.Fatal(err)
	}
}

// readCSV reads a CSV, which must have a count at its end.
func readCSV(t testing.TB, text string, separator rune, count int) [][]string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = separator
	all, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	last := all[len(all)-1]
	if last[0] != "#count" || last[1] != fmt.Sprint(count) || len(all) != count+2 {
		t.Errorf("%d lines, the last is %q", len(all), last)
	}
	return all[:len(all)-1]
}

// TestValues has every value in every format: exact in a CSV and in a workbook, guarded where that is
// asked for.
func TestValues(t *testing.T) {
	cases := valueCases(t)
	var all []*mapping.Recording
	for _, c := range cases {
		r := callAt("x", 1000)
		r.CallerPhoneNumber = c.Value
		all = append(all, r)
	}

	for name, separator := range map[string]byte{"comma": ',', "semicolon": ';', "tab": '\t'} {
		for _, guard := range []bool{false, true} {
			o := options(time.UTC)
			o.Separator, o.Guard = separator, guard
			var b bytes.Buffer
			c := table.NewCSV(o)
			write(t, c.Writer(&b), c.Row, all...)
			text, marked := strings.CutPrefix(b.String(), "\ufeff")
			if marked != guard {
				t.Errorf("%s, guarded %t: a byte order mark is there: %t", name, guard, marked)
			}
			for i, row := range readCSV(t, text, rune(separator), len(all))[1:] {
				want := cases[i].Value
				if guard {
					want = cases[i].Guarded
				}
				// The reader of the standard library makes one character of the two of a line's end.
				if got := row[4]; got != strings.ReplaceAll(want, "\r\n", "\n") {
					t.Errorf("%s, guarded %t: %q became %q, want %q", name, guard, cases[i].Value, got, want)
				}
			}
		}
	}

	var b bytes.Buffer
	w := table.NewWorkbook(options(time.UTC))
	write(t, w.Writer(&b), w.Row, all...)
	rows := open(t, &b).rows(t, "recordings")
	for i, row := range rows[1:] {
		if got := row[4]; got != cases[i].Value {
			t.Errorf("in a workbook %q became %q", cases[i].Value, got)
		}
	}
}

// book is a workbook that is read by the library.
type book struct{ *excelize.File }

func open(t testing.TB, r io.Reader) book {
	t.Helper()
	f, err := excelize.OpenReader(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return book{f}
}

// rows are the cells of a sheet, all rows of the same length.
func (b book) rows(t testing.TB, sheet string) [][]string {
	t.Helper()
	rows, err := b.GetRows(sheet)
	if err != nil || len(rows) == 0 {
		t.Fatalf("%s has %d rows, %v", sheet, len(rows), err)
	}
	for i := range rows {
		for len(rows[i]) < len(rows[0]) {
			rows[i] = append(rows[i], "")
		}
	}
	return rows
}

// TestHourThatExistsTwice: the times of both tell them apart, in each format.
func TestHourThatExistsTwice(t *testing.T) {
	first, second := mapping.Time(1_792_888_200_000), mapping.Time(1_792_891_800_000) // 00:30 and 01:30 in UTC
	o := options(zone(t, "Europe/Berlin"))
	var b bytes.Buffer
	c := table.NewCSV(o)
	write(t, c.Writer(&b), c.Row, callAt("a", first), callAt("b", second))
	rows := readCSV(t, b.String(), ',', 2)
	want := [][]string{
		{"startTime (Europe/Berlin)", "startTime (UTC)", "stopTime (Europe/Berlin)", "stopTime (UTC)"},
		{"2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00Z", "2026-10-25T02:31:30.5+02:00", "2026-10-25T00:31:30.5Z"},
		{"2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00Z", "2026-10-25T02:31:30.5+01:00", "2026-10-25T01:31:30.5Z"},
	}
	for i := range want {
		if !slices.Equal(rows[i][1:5], want[i]) {
			t.Errorf("in a CSV %q, want %q", rows[i][1:5], want[i])
		}
	}

	b.Reset()
	w := table.NewWorkbook(o)
	write(t, w.Writer(&b), w.Row, callAt("a", first), callAt("b", second))
	rows = open(t, &b).rows(t, "recordings")
	want = [][]string{
		want[0],
		{"2026-10-25 02:30:00", "2026-10-25 00:30:00", "2026-10-25 02:31:30", "2026-10-25 00:31:30"},
		{"2026-10-25 02:30:00", "2026-10-25 01:30:00", "2026-10-25 02:31:30", "2026-10-25 01:31:30"},
	}
	for i := range want {
		if !slices.Equal(rows[i][1:5], want[i]) {
			t.Errorf("in a workbook %q, want %q", rows[i][1:5], want[i])
		}
	}
}

// selected are the sheets that are.
func selected(t *testing.T, b []byte) (names []string) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	sheets, err := fs.Glob(r, "xl/worksheets/*.xml")
	if err != nil || len(sheets) == 0 {
		t.Fatalf("%q, %v", sheets, err)
	}
	for _, name := range sheets {
		content, err := fs.ReadFile(r, name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), `tabSelected="1"`) {
			names = append(names, name)
		}
	}
	return names
}

// TestSheets: what does not fit into a sheet goes on in the next, each with a header that stays.
func TestSheets(t *testing.T) {
	for _, n := range []int{0, 1, 9, 10, 11, 12, 27, 28, 55} {
		var all []*mapping.Recording
		for i := range n {
			all = append(all, callAt(fmt.Sprint(i), 1000))
		}
		var b bytes.Buffer
		w := table.NewWorkbook(options(time.UTC))
		write(t, w.SmallSheets(&b, 10), w.Row, all...)

		if sheets := selected(t, b.Bytes()); !slices.Equal(sheets, []string{"xl/worksheets/sheet1.xml"}) {
			t.Errorf("%d recordings: selected are %q", n, sheets)
		}
		x := open(t, &b)
		var ids []string
		for i, sheet := range x.GetSheetList() {
			rows := x.rows(t, sheet)
			if len(rows) > 10 || rows[0][0] != "id" || len(rows) == 1 && i > 0 {
				t.Errorf("%d recordings: %s has %d rows, the first is %q", n, sheet, len(rows), rows[0])
			}
			for _, row := range rows[1:] {
				ids = append(ids, row[0])
			}
			panes, err := x.GetPanes(sheet)
			if err != nil || !panes.Freeze || panes.YSplit != 1 {
				t.Errorf("%s: %+v, %v", sheet, panes, err)
			}
		}
		for i, id := range ids {
			if id != fmt.Sprint(i) {
				t.Errorf("%d recordings: the one at %d is %s", n, i, id)
			}
		}
		if len(ids) != n {
			t.Errorf("%d of %d recordings are there", len(ids), n)
		}
	}
}

// TestStyles: the header is bold, dates are shown as such, and columns are as wide as what they hold.
func TestStyles(t *testing.T) {
	var b bytes.Buffer
	w := table.NewWorkbook(options(time.UTC))
	write(t, w.SmallSheets(&b, 2), w.Row, callAt("5", 1000), callAt("6", 1000))
	x := open(t, &b)
	for _, sheet := range []string{"recordings", "recordings 2"} {
		for cell, want := range map[string]struct {
			bold   bool
			format int
			custom string
		}{
			"A1": {true, 49, ""}, "B1": {true, 49, ""}, "A2": {false, 49, ""}, "D2": {false, 0, ""},
			"B2": {false, 164, "yyyy-mm-dd hh:mm:ss"},
		} {
			n, err := x.GetCellStyle(sheet, cell)
			if err != nil {
				t.Fatal(err)
			}
			style, err := x.GetStyle(n)
			if err != nil {
				t.Fatal(err)
			}
			custom := ""
			if style.CustomNumFmt != nil {
				custom = *style.CustomNumFmt
			}
			bold := style.Font != nil && style.Font.Bold
			if bold != want.bold || custom != want.custom || custom == "" && style.NumFmt != want.format {
				t.Errorf("%s of %s: bold %t, format %d %q, want %+v", cell, sheet, bold, style.NumFmt, custom, want)
			}
		}
		if width, err := x.GetColWidth(sheet, "A"); err != nil || width != 38 {
			t.Errorf("the first column of %s is %g wide, %v", sheet, width, err)
		}
	}
}

// TestCellTypes: numbers and dates are such, and all else is text.
func TestCellTypes(t *testing.T) {
	var b bytes.Buffer
	w := table.NewWorkbook(options(time.UTC))
	write(t, w.Writer(&b), w.Row, callAt("5", 1_792_888_200_000))
	x := open(t, &b)
	raw := func(cell string) string {
		value, err := x.GetCellValue("recordings", cell, excelize.Options{RawCellValue: true})
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	for cell, want := range map[string]struct {
		kind  excelize.CellType
		value string
	}{
		"A2": {excelize.CellTypeInlineString, "5"}, "B2": {excelize.CellTypeUnset, "46320.02083333333"},
		"D2": {excelize.CellTypeUnset, "90"}, "E2": {excelize.CellTypeInlineString, "1"},
		"J2": {excelize.CellTypeInlineString, "r"}, "K2": {excelize.CellTypeUnset, "1"},
	} {
		kind, err := x.GetCellType("recordings", cell)
		if err != nil || kind != want.kind || raw(cell) != want.value {
			t.Errorf("%s is %v %q, %v, want %v %q", cell, kind, raw(cell), err, want.kind, want.value)
		}
	}
}

// TestLongCells: a cell of a workbook is cut off behind what it can hold; that of a CSV never is.
func TestLongCells(t *testing.T) {
	for _, unit := range []string{"x", "字", "😀"} {
		units := len([]rune(unit)) + strings.Count(unit, "😀")
		for _, over := range []int{-1, 0, 1, 5000} {
			r := callAt("x", 1000)
			r.CallerPhoneNumber = strings.Repeat(unit, 32_767/units+over)
			var b bytes.Buffer
			w := table.NewWorkbook(options(time.UTC))
			write(t, w.Writer(&b), w.Row, r)
			got := open(t, &b).rows(t, "recordings")[1][4]
			if over <= 0 && got != r.CallerPhoneNumber ||
				over > 0 && (!strings.HasSuffix(got, "…") || len([]rune(got)) > 32_767) {
				t.Errorf("%d more than fit of %s: %d characters", over, unit, len([]rune(got)))
			}

			b.Reset()
			c := table.NewCSV(options(time.UTC))
			write(t, c.Writer(&b), c.Row, r)
			if got := readCSV(t, b.String(), ',', 1)[1][4]; got != r.CallerPhoneNumber {
				t.Errorf("a CSV has %d of %d bytes", len(got), len(r.CallerPhoneNumber))
			}
		}
	}
}

// TestManyData: of the data attached to a call each value is there once, however many there are, and a long name
// is cut off, as it stands beside each of its values.
func TestManyData(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n /= 5
	}
	var values, want []string
	name := strings.Repeat("n", 50_000)
	for i := range n {
		values = append(values, fmt.Sprintf("%q", strconv.Itoa(i)))
		want = append(want, name[:1000]+"…="+strconv.Itoa(i))
	}
	list := strings.Join(values, ",")
	r := callAt("x", 1000)
	for range 2 {
		r.EventHistory = append(r.EventHistory, mapping.Event{
			Event: mapping.EventData, Data: []byte(`{"` + name + `":[` + list + `,` + list + `]}`),
		})
	}

	c := table.NewCSV(options(time.UTC))
	var b bytes.Buffer
	write(t, c.Writer(&b), c.Row, r)
	rows := readCSV(t, b.String(), ',', 1)
	if got := rows[1][slices.Index(rows[0], "userData")]; got != strings.Join(want, " | ") {
		t.Errorf("of %d values there are %d bytes, %.50q…", n, len(got), got)
	}
}

// TestWriteFails: whenever the one who reads is gone, the writer says so in the end.
func TestWriteFails(t *testing.T) {
	w := table.NewWorkbook(options(time.UTC))
	for _, room := range []int{0, 1000, 3000, 1 << 20} {
		x := w.Writer(&limited{room})
		err := x.Begin()
		for i := 0; i < 500 && err == nil; i++ {
			err = x.Rows(w.Row(nil, callAt(fmt.Sprint(i), 1000)), 1)
		}
		if err == nil {
			err = x.End(500)
		}
		if fits := room == 1<<20; (err == nil) != fits {
			t.Errorf("with room for %d bytes: %v", room, err)
		}
	}
}

// limited takes so many bytes.
type limited struct{ room int }

func (l *limited) Write(b []byte) (int, error) {
	if l.room -= len(b); l.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}
