//go:build integration

package table_test

import (
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recordings/api/table"
	"recordings/mapping"
)

// TestLibreOffice opens a workbook in a real spreadsheet, which writes what it has read: every cell is
// as it was posted, and text is text.
func TestLibreOffice(t *testing.T) {
	cases := valueCases(t)
	var all []*mapping.Recording
	for i, c := range cases {
		r := callAt(c.Value, mapping.Time(1_792_888_200_000+int64(i)*1000))
		r.CallerPhoneNumber = c.Value
		all = append(all, r)
	}

	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "book.xlsx"))
	if err != nil {
		t.Fatal(err)
	}
	w := table.NewWorkbook(options(time.UTC))
	write(t, w.SmallSheets(f, len(all)/2+2), w.Row, all...)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	// Commas, quotes around all text and nothing else, UTF-8, cells as they are shown, every sheet in a
	// file of its own.
	const asCSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,true,false,false,false,-1"
	office := exec.CommandContext(t.Context(), "soffice", "--headless", "-env:UserInstallation=file://"+dir+"/profile",
		"--convert-to", asCSV, "--outdir", dir, f.Name())
	if out, err := office.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	var rows [][]string
	for _, sheet := range []string{"recordings", "recordings 2"} {
		data, err := os.ReadFile(filepath.Join(dir, "book-"+sheet+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		if strings.Contains(text, `"90"`) || !strings.Contains(text, `,90,`) {
			t.Errorf("%s: the duration is no number", sheet)
		}
		all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, all[1:]...)
	}

	if len(rows) != len(cases) {
		t.Fatalf("%d rows, want %d", len(rows), len(cases))
	}
	for i, row := range rows {
		want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(cases[i].Value) // it knows one end of a line
		start := time.UnixMilli(1_792_888_200_000 + int64(i)*1000).UTC().Format("2006-01-02 15:04:05")
		if row[0] != want || row[4] != want || row[1] != start {
			t.Errorf("%q became %q, %q of %s is %q", cases[i].Value, row[0], row[4], start, row[1])
		}
	}
}
