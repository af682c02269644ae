package importer_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json"

	"recordings/cmd/recordings/internal/importer"
)

// inputCase is a file, and the lines that are in it.
type inputCase struct {
	Name  string `json:"name"`
	Text  string `json:"text"`
	Bytes []byte `json:"bytes"` // instead of a text, in Base64
	Lines string `json:"lines"`
	Error string `json:"error"`
}

// compressed is a text as gzip writes it.
func compressed(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestInputs: each file is read as the same lines, plain and compressed, whole and from each offset.
func TestInputs(t *testing.T) {
	data, err := os.ReadFile("testdata/inputs.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []inputCase
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 20 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}

	for _, c := range cases {
		plain := append([]byte(c.Text), c.Bytes...)
		for how, file := range map[string][]byte{"plain": plain, "compressed": compressed(t, plain)} {
			got, err := io.ReadAll(importer.NewInput(iotest.OneByteReader(bytes.NewReader(file))))
			if string(got) != c.Lines || (err == nil) != (c.Error == "") ||
				err != nil && !strings.Contains(err.Error(), c.Error) {
				t.Errorf("%s, %s: %q, %v; want %q, %s", c.Name, how, got, err, c.Lines, c.Error)
			}

			for offset := 0; c.Error == "" && offset <= len(c.Lines); offset++ {
				in := importer.NewInput(bytes.NewReader(file))
				if _, err := in.Seek(int64(offset), io.SeekStart); err != nil {
					t.Fatalf("%s, %s: %v", c.Name, how, err)
				}
				if got, err := io.ReadAll(in); err != nil || string(got) != c.Lines[offset:] {
					t.Errorf("%s, %s, from %d: %q, %v", c.Name, how, offset, got, err)
				}
			}
		}
	}
}

// TestCutOffGzip: the lines that are there are taken, and then it is said that it is not all.
func TestCutOffGzip(t *testing.T) {
	file := compressed(t, []byte("a\nb\n"))
	k := &taker{}
	o := options(t.TempDir(), "", k)
	o.Input = importer.NewInput(bytes.NewReader(file[:len(file)-4]))
	_, err := importer.Import(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "cut off or damaged") ||
		!slices.Equal(k.stored, []string{"a", "b"}) {
		t.Errorf("%q, %v", k.stored, err)
	}
}

// TestResumeConverted: an interrupted import of a compressed array goes on with the next element.
func TestResumeConverted(t *testing.T) {
	file := compressed(t, []byte("[\n  {\"a\": 1},\n  {\"a\": 2},\n  {\"a\": 3}\n]\n"))
	k := &taker{breaks: 2}
	o := options(t.TempDir(), "", k)
	o.RetryFor = 0
	o.Input = importer.NewInput(bytes.NewReader(file))
	if _, err := importer.Import(t.Context(), o); err == nil {
		t.Fatal("it was not interrupted")
	}

	k.breaks, o.Resume = 0, true
	o.Input = importer.NewInput(bytes.NewReader(file))
	totals, err := importer.Import(t.Context(), o)
	if want := []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}; err != nil || totals.Created != 3 ||
		!slices.Equal(k.stored, want) {
		t.Errorf("%q, %+v, %v", k.stored, totals, err)
	}
}
