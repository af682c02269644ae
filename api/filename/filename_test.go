package filename_test

import (
	"encoding/base64"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"golang.org/x/text/unicode/norm"

	"recordings/api/filename"
)

// load reads the cases of a file.
func load[T any](t testing.TB, file string) (cases []T) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &cases, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	return cases
}

// nameCase is a call, and the name of its file.
type nameCase struct {
	Name   string `json:"name"`
	Caller string `json:"caller"`
	Agent  string `json:"agent"`
	Raw    string `json:"raw"` // Base64, instead of agent: what is not UTF-8
	Number int    `json:"number"`
	Want   string `json:"want"` // without the time and the extension
}

var start = time.Date(2026, 10, 25, 2, 30, 0, 0, time.FixedZone("", 2*3600))

func TestOf(t *testing.T) {
	dir := t.TempDir()
	for _, c := range load[nameCase](t, "calls.json") {
		t.Run(c.Name, func(t *testing.T) {
			if c.Raw != "" {
				raw, err := base64.StdEncoding.DecodeString(c.Raw)
				if err != nil {
					t.Fatal(err)
				}
				c.Agent = string(raw)
			}

			got := filename.Of(filename.Call{Start: start, Caller: c.Caller, Agent: c.Agent, Number: c.Number}, ".wav")
			if want := "2026-10-25T00-30-00Z" + c.Want + ".wav"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			fits(t, dir, got)
		})
	}
}

func TestOfID(t *testing.T) {
	dir := t.TempDir()
	for _, c := range load[struct {
		ID   string `json:"id"`
		Want string `json:"want"`
	}](t, "ids.json") {
		t.Run(c.ID, func(t *testing.T) {
			got := filename.OfID(c.ID, 1, ".mp3")
			if got != c.Want {
				t.Errorf("got %q, want %q", got, c.Want)
			}
			fits(t, dir, got)
		})
	}
}

func TestExtension(t *testing.T) {
	for _, c := range load[struct {
		Name string `json:"name"`
		Type string `json:"type"`
		Want string `json:"want"`
	}](t, "extensions.json") {
		if got := filename.Extension(c.Name, c.Type); got != c.Want {
			t.Errorf("%q of type %q: got %q, want %q", c.Name, c.Type, got, c.Want)
		}
	}
}

// TestNumbered: also with a number in front, and with what is put behind, a name can be one of a file.
func TestNumbered(t *testing.T) {
	dir, longest := t.TempDir(), strings.Repeat("é", 200) // two bytes each
	call := filename.Call{Start: start, Caller: longest, Agent: longest}
	fits(t, dir, filename.Numbered(1000, filename.Of(call, ".recording.json")))
	call.Number = 5000
	fits(t, dir, filename.Numbered(1000, filename.Of(call, ".ndjson.txt")))
	if got := filename.Numbered(7, "a.wav"); got != "0007 a.wav" {
		t.Errorf("got %q", got)
	}
}

// fits checks that a name can be one of a file anywhere, and that it comes out of a header as it went
// in.
func fits(t *testing.T, dir, name string) {
	t.Helper()
	if err := wrong(name); err != "" {
		t.Errorf("%q %s", name, err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
		t.Error(err)
	}

	header := filename.Disposition("attachment", name)
	old, extended, both := strings.Cut(header, "; filename*=")
	if both {
		header = "attachment; filename*=" + extended
	}
	kind, params, err := mime.ParseMediaType(header)
	if err != nil || kind != "attachment" || params["filename"] != name {
		t.Errorf("%q says %q, %v", header, params, err)
	}
	if _, params, err := mime.ParseMediaType(old); err != nil || len(params["filename"]) < 4 ||
		strings.ContainsFunc(old, func(c rune) bool { return c < ' ' || c > '~' }) {
		t.Errorf("%q says %q, %v", old, params, err)
	}
}

// wrong says what keeps a name from being one of a file, empty if nothing does.
func wrong(name string) string {
	switch {
	case len(name) > 143:
		return "is too long"
	case !utf8.ValidString(name) || !norm.NFC.IsNormalString(name):
		return "is not UTF-8 in its composed form"
	case strings.ContainsAny(name, `<>:"/\|?*%`):
		return "has a character that cannot be in a name"
	case strings.ContainsFunc(name, func(c rune) bool {
		return !unicode.IsGraphic(c) && c != '\u200c' && c != '\u200d'
	}):
		return "has what cannot be seen"
	case strings.HasPrefix(name, ".") || strings.HasPrefix(name, " ") || strings.HasPrefix(name, "-"):
		return "begins badly"
	case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " "):
		return "ends badly"
	}

	base, _, _ := strings.Cut(strings.ToUpper(name), ".")
	for device := range strings.FieldsSeq("CON PRN AUX NUL COM0 COM1 COM9 COM¹ LPT1 LPT9 LPT³") {
		if strings.TrimSpace(base) == device {
			return "is that of a device"
		}
	}
	return ""
}

func FuzzOf(f *testing.F) {
	for _, c := range load[nameCase](f, "calls.json") {
		f.Add(c.Caller, c.Agent, c.Number)
	}
	f.Fuzz(func(t *testing.T, caller, agent string, number int) {
		number &= 1023
		for _, name := range []string{
			filename.Of(filename.Call{Start: start, Caller: caller, Agent: agent, Number: number}, ".wav"),
			filename.OfID(agent, number, ".wav"),
		} {
			if err := wrong(name); err != "" {
				t.Errorf("%q %s", name, err)
			}
			_, params, err := mime.ParseMediaType(filename.Disposition("inline", name))
			if ascii := strings.ContainsFunc(name, func(c rune) bool { return c >= 0x80 }); !ascii &&
				(err != nil || params["filename"] != name) {
				t.Errorf("%q in a header is %q, %v", name, params, err)
			}
		}
	})
}
