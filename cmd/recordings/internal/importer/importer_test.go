package importer_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"recordings/cmd/recordings/internal/importer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// taker takes lines as a service does: it knows which it has stored, and may be down for a while.
type taker struct {
	stored []string                                       // lines, in the order of their verdicts
	down   int                                            // how many more sendings end at once
	breaks int                                            // a sending ends after so many verdicts; 0: never
	judge  func(line string, number int) importer.Verdict // nil: everything is created
}

func (k *taker) deliver(_ context.Context, lines io.Reader, taken func(importer.Verdict) error) error {
	if k.down > 0 {
		k.down--
		return &importer.TransientError{Err: errors.New("the service is down")}
	}

	input := bufio.NewScanner(lines)
	for n := 1; input.Scan(); n++ {
		v := importer.Verdict{Line: n, Outcome: "created"}
		if k.judge != nil {
			v = k.judge(input.Text(), n)
		}
		if err := taken(v); err != nil {
			return err
		}

		k.stored = append(k.stored, input.Text())
		if k.breaks > 0 && n == k.breaks {
			return &importer.TransientError{Err: errors.New("the connection was lost")}
		}
	}
	return input.Err()
}

// options are those of an import of some lines into a taker.
func options(dir, input string, k *taker) importer.Options {
	return importer.Options{
		Input: strings.NewReader(input), Deliver: k.deliver, Identity: "test", RetryFor: time.Minute,
		State: filepath.Join(dir, "state"), Rejects: filepath.Join(dir, "rejects"),
		Warn: func(string, ...any) {},
	}
}

// exists reports whether a file is there.
func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// TestEveryLineHasAVerdict: blank lines are none, and the last line needs no end.
func TestEveryLineHasAVerdict(t *testing.T) {
	dir := t.TempDir()
	k := &taker{}
	totals, err := importer.Import(t.Context(), options(dir, "a\n\n  \r\nb\r\nc", k))
	if err != nil || totals != (importer.Totals{Lines: 3, Created: 3}) {
		t.Errorf("%+v, %v", totals, err)
	}
	if want := []string{"a", "b", "c"}; !slices.Equal(k.stored, want) {
		t.Errorf("stored %q, want %q", k.stored, want)
	}
	if exists(t, filepath.Join(dir, "state")) || exists(t, filepath.Join(dir, "rejects")) {
		t.Error("files are left behind")
	}
}

// TestEndOfExport: the last line of an export is no recording, and needs no verdict; what only resembles
// it is a line as any other.
func TestEndOfExport(t *testing.T) {
	k := &taker{}
	const end, other = `{"statusCode":0,"count":2}`, `{"statusCode":0,"count":2,"id":"x"}`
	lines := "a\nb\n" + end + "\r\nc\n" + other + "\n" + end
	totals, err := importer.Import(t.Context(), options(t.TempDir(), lines, k))
	if err != nil || totals != (importer.Totals{Lines: 4, Created: 4}) {
		t.Errorf("%+v, %v", totals, err)
	}
	if want := []string{"a", "b", "c", other}; !slices.Equal(k.stored, want) {
		t.Errorf("stored %q, want %q", k.stored, want)
	}
}

// TestGoesOn: a service that is away for a while, and connections that break, cost no line, and none
// is sent again that has its verdict.
func TestGoesOn(t *testing.T) {
	var warned int
	k := &taker{down: 1, breaks: 2}
	o := options(t.TempDir(), "a\nb\nc\nd\ne\n", k)
	o.Warn = func(string, ...any) { warned++ }

	totals, err := importer.Import(t.Context(), o)
	if err != nil || totals != (importer.Totals{Lines: 5, Created: 5}) {
		t.Errorf("%+v, %v", totals, err)
	}
	if want := []string{"a", "b", "c", "d", "e"}; !slices.Equal(k.stored, want) {
		t.Errorf("stored %q, want %q", k.stored, want)
	}
	if warned != 3 { // once away, twice broken off
		t.Errorf("warned %d times", warned)
	}
}

// TestGivesUp: without any progress an import does not go on for ever.
func TestGivesUp(t *testing.T) {
	o := options(t.TempDir(), "a\n", &taker{down: 1000})
	o.RetryFor = 0
	if _, err := importer.Import(t.Context(), o); err == nil || !strings.Contains(err.Error(), "the service is down") {
		t.Errorf("got %v", err)
	}
}

// TestErrorsEnd: what trying again cannot help ends the import at once.
func TestErrorsEnd(t *testing.T) {
	refused := errors.New("the role does not permit this")
	o := options(t.TempDir(), "a\n", nil)
	o.Deliver = func(context.Context, io.Reader, func(importer.Verdict) error) error { return refused }
	if _, err := importer.Import(t.Context(), o); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}

// TestRejects: a rejected line is written with the reason, and its bytes where it is not UTF-8.
func TestRejects(t *testing.T) {
	dir := t.TempDir()
	k := &taker{judge: func(line string, n int) importer.Verdict {
		if strings.HasPrefix(line, "bad") {
			return importer.Verdict{Line: n, ID: "x", StatusCode: 2, StatusMessage: "is not valid"}
		}
		return importer.Verdict{Line: n, Outcome: "merged"}
	}}

	totals, err := importer.Import(t.Context(), options(dir, "good\nbad\n\nbad\xff\n", k))
	if err != nil || totals != (importer.Totals{Lines: 3, Merged: 1, Rejected: 2}) {
		t.Fatalf("%+v, %v", totals, err)
	}

	data, err := os.ReadFile(filepath.Join(dir, "rejects"))
	if err != nil {
		t.Fatal(err)
	}
	type reject struct {
		Line                    int
		ID, StatusMessage, Text string
		Bytes                   []byte
	}
	var got []reject
	for line := range bytes.Lines(data) {
		var r reject
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	if len(got) != 2 || got[0].Line != 2 || got[0].Text != "bad" || got[0].StatusMessage != "is not valid" ||
		got[0].Bytes != nil || got[1].Line != 4 || got[1].Text != "bad\ufffd" || string(got[1].Bytes) != "bad\xff" {
		t.Errorf("got %+v", got)
	}
}

// TestDoubtful: a line whose trouble may lie in the service is tried once more before it is rejected.
func TestDoubtful(t *testing.T) {
	tries := map[string]int{}
	k := &taker{judge: func(line string, n int) importer.Verdict {
		tries[line]++
		if line == "passing" && tries[line] == 1 || line == "lasting" {
			return importer.Verdict{Line: n, StatusCode: 4, StatusMessage: "internal error", Doubtful: true}
		}
		return importer.Verdict{Line: n, Outcome: "created"}
	}}

	totals, err := importer.Import(t.Context(), options(t.TempDir(), "passing\nlasting\nlast\n", k))
	if err != nil || totals != (importer.Totals{Lines: 3, Created: 2, Rejected: 1}) {
		t.Errorf("%+v, %v; tries %v", totals, err, tries)
	}
	if tries["passing"] != 2 || tries["lasting"] < 2 {
		t.Errorf("tries %v", tries)
	}
}

// TestResume: an import that was interrupted goes on behind the last line with a verdict, with the
// totals and the rejected lines of before.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	var input strings.Builder
	for n := range 20 {
		fmt.Fprintf(&input, "line %d\n", n)
	}
	reject := func(line string, n int) importer.Verdict {
		if strings.HasSuffix(line, "3") {
			return importer.Verdict{Line: n, StatusCode: 2, StatusMessage: "is not valid"}
		}
		return importer.Verdict{Line: n, Outcome: "created"}
	}

	ctx, interrupt := context.WithCancel(t.Context())
	first := &taker{judge: reject}
	o := options(dir, input.String(), first)
	o.Progress = func(_ int64, totals importer.Totals) {
		if totals.Lines == 7 {
			interrupt()
		}
	}
	o.Deliver = func(ctx context.Context, lines io.Reader, taken func(importer.Verdict) error) error {
		return first.deliver(ctx, lines, func(v importer.Verdict) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return taken(v)
		})
	}
	if _, err := importer.Import(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}

	second := &taker{judge: reject}
	o = options(dir, input.String(), second)
	o.Resume = true
	totals, err := importer.Import(t.Context(), o)
	if err != nil || totals != (importer.Totals{Lines: 20, Created: 18, Rejected: 2}) {
		t.Errorf("%+v, %v", totals, err)
	}
	if len(second.stored) != 13 || second.stored[0] != "line 7" {
		t.Errorf("resumed with %d lines from %q", len(second.stored), second.stored)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "rejects")); err != nil || bytes.Count(data, []byte("\n")) != 2 {
		t.Errorf("%s, %v", data, err)
	}
	if exists(t, filepath.Join(dir, "state")) {
		t.Error("the state is left behind")
	}
}

// TestNoResume: only what was interrupted can be resumed.
func TestNoResume(t *testing.T) {
	interrupted := func(t *testing.T) (dir string) {
		t.Helper()
		dir = t.TempDir()
		o := options(dir, "a\nb\nc\n", &taker{breaks: 1})
		o.RetryFor = -1
		if _, err := importer.Import(t.Context(), o); err == nil {
			t.Fatal("it was not interrupted")
		}
		return dir
	}

	for _, c := range []struct {
		name   string
		change func(o *importer.Options)
		want   string
	}{
		{"another place", func(o *importer.Options) { o.Identity = "other" }, "is of another import (test)"},
		{"another file", func(o *importer.Options) { o.Input = strings.NewReader("x\nb\nc\n") },
			"the file is not the one"},
		{"a shorter file", func(o *importer.Options) { o.Input = strings.NewReader("") }, "the file is not the one"},
		{"a damaged state", func(o *importer.Options) {
			if err := os.WriteFile(o.State, []byte(`{"identity":"test","line":1,"offset":-1,"bytes":-1}`),
				0o600); err != nil {
				panic(err)
			}
		}, "is damaged"},
		{"nothing", func(o *importer.Options) { o.State += ".other" }, "there is nothing to resume"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &taker{}
			o := options(interrupted(t), "a\nb\nc\n", k)
			o.Resume = true
			c.change(&o)
			if _, err := importer.Import(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if len(k.stored) > 0 {
				t.Errorf("sent %q", k.stored)
			}
		})
	}
}

// TestVerdictsOutOfOrder: whoever takes the lines must answer for each in turn; else nothing is known.
func TestVerdictsOutOfOrder(t *testing.T) {
	o := options(t.TempDir(), "a\nb\n", nil)
	o.Deliver = func(_ context.Context, lines io.Reader, taken func(importer.Verdict) error) error {
		if _, err := io.ReadAll(lines); err != nil {
			return err
		}
		return taken(importer.Verdict{Line: 2, Outcome: "created"})
	}
	if _, err := importer.Import(t.Context(), o); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("got %v", err)
	}
}

// TestEndsTooEarly: lines without a verdict are sent again, even where the taker says that all is well.
func TestEndsTooEarly(t *testing.T) {
	k := &taker{}
	sendings := 0
	o := options(t.TempDir(), "a\nb\n", nil)
	o.Deliver = func(ctx context.Context, lines io.Reader, taken func(importer.Verdict) error) error {
		if sendings++; sendings == 1 {
			_, err := io.ReadAll(lines)
			return err
		}
		return k.deliver(ctx, lines, taken)
	}
	if totals, err := importer.Import(t.Context(), o); err != nil || totals.Created != 2 || sendings != 2 {
		t.Errorf("%+v, %v after %d sendings", totals, err, sendings)
	}
}

// FuzzLines imports any bytes: every line that is not blank arrives as it is, once and in order.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{"", "\n", "a", "a\nb\n", "a\r\n\r\nb", "\x00\n\xff\n", " \t\n{}\n"} {
		f.Add([]byte(seed))
	}

	f.Fuzz(func(t *testing.T, input []byte) {
		var want []byte
		for line := range bytes.Lines(input) {
			if len(bytes.Trim(line, " \t\r\n")) > 0 {
				want = append(append(want, bytes.TrimSuffix(line, []byte("\n"))...), '\n')
			}
		}

		var got []byte
		_, err := importer.Import(t.Context(), importer.Options{
			Input: bytes.NewReader(input), Rejects: filepath.Join(t.TempDir(), "rejects"), Warn: t.Logf,
			Deliver: func(_ context.Context, lines io.Reader, taken func(importer.Verdict) error) (err error) {
				if got, err = io.ReadAll(lines); err != nil {
					return err
				}
				for n := range bytes.Count(got, []byte("\n")) {
					if err := taken(importer.Verdict{Line: n + 1, Outcome: "created"}); err != nil {
						return err
					}
				}
				return nil
			},
		})
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%q arrived as %q, want %q: %v", input, got, want, err)
		}
	})
}

// FuzzState resumes by a state file of any content: it is refused, or what it says is the beginning of
// this input, and no line is lost behind it.
func FuzzState(f *testing.F) {
	for _, seed := range []string{
		"", "{}", `{"identity":"test"}`, `{"identity":"test","line":1,"offset":2,"bytes":2,"sha256":""}`,
		`{"identity":"test","line":-1,"offset":-5,"bytes":-9,"rejects":-1}`,
		`{"identity":"test","offset":9223372036854775807,"bytes":9223372036854775807}`,
		`{"identity":"test","line":9,"offset":6,"bytes":0,"rejects":5,"totals":{"lines":9}}`,
	} {
		f.Add([]byte(seed))
	}

	f.Fuzz(func(t *testing.T, state []byte) {
		dir := t.TempDir()
		k := &taker{}
		o := options(dir, "a\nb\nc\n", k)
		o.Resume, o.RetryFor = true, -1
		if err := os.WriteFile(o.State, state, 0o600); err != nil {
			t.Fatal(err)
		}

		if _, err := importer.Import(t.Context(), o); err != nil {
			return
		}
		if all := strings.Join(k.stored, "\n"); !strings.HasSuffix("a\nb\nc", all) {
			t.Fatalf("by %q it went on with %q", state, k.stored)
		}
	})
}
