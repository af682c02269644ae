package batch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"recordings/index"
	"recordings/index/batch"
	"recordings/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const maxLine = 70_000 // bytes

// options are those of a batch whose recordings are counted: the outcome says how often an id was
// put.
func options(budget *batch.Budget) batch.Options {
	puts := map[string]int{}
	return batch.Options{
		MaxLine: maxLine,
		Budget:  budget,
		Decode:  decode,
		Put: func(_ context.Context, recordings []*mapping.Recording) []index.PutResult {
			results := make([]index.PutResult, 0, len(recordings))
			for _, r := range recordings {
				puts[r.ID]++
				results = append(results, index.PutResult{Outcome: index.Outcome(fmt.Sprint(puts[r.ID]))})
			}
			return results
		},
	}
}

// decode takes {"id":"…"} for a recording, and falls over the id "panic".
func decode(_ context.Context, text []byte) (*mapping.Recording, error) {
	id, ok := strings.CutPrefix(string(text), `{"id":"`)
	if id == `panic"}` {
		panic("at the disco")
	}
	if !ok || !strings.HasSuffix(id, `"}`) {
		return nil, mapping.Problems{{Message: "is wrong"}}
	}
	return &mapping.Recording{ID: strings.TrimSuffix(id, `"}`)}, nil
}

// told is a verdict as text.
func told(v batch.Verdict) string {
	return fmt.Sprint(v.Line, " ", v.ID, " ", v.Outcome, " ", v.Err != nil)
}

// TestLines compares the verdicts of random lines, in random pieces, with those that each line must
// have.
func TestLines(t *testing.T) {
	line := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", " ", "\t", "\r", "nonsense", `{"id":"wrong","x":[1]}`, `{"x":{"id":"y"},"id":"behind"}x`,
			`{"id":5}`, `{"id":"panic"}`, strings.Repeat("x", maxLine), strings.Repeat("x", maxLine+1),
			strings.Repeat("x", 3*maxLine), strings.Repeat(" ", maxLine+1),
		}),
		rapid.StringMatching(`\{"id":"[a-c]"\}\r?`),
		rapid.StringMatching(`  \{"id":"[a-c]"\} `),
	)
	budget := batch.NewBudget(1, maxLine)
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(line).Draw(t, "lines")
		times := rapid.SampledFrom([]int{0, 1, 1, 1, 40}).Draw(t, "times")
		text := strings.Repeat(strings.Join(lines, "\n")+"\n", times)
		if rapid.Bool().Draw(t, "unended") {
			text = strings.TrimSuffix(text, "\n")
		}
		pieces := rapid.SampledFrom([]func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r }, iotest.HalfReader, iotest.DataErrReader,
		}).Draw(t, "pieces")
		var got []string
		emit := func(verdicts []batch.Verdict) error {
			for _, v := range verdicts {
				got = append(got, told(v))
			}
			return nil
		}
		err := batch.Run(context.Background(), pieces(strings.NewReader(text)), options(budget), emit)
		if want := strings.Join(expected(text), "\n"); err != nil || strings.Join(got, "\n") != want {
			t.Fatalf("%v\n got %q\nwant %q", err, got, want)
		}
		if n := budget.Held(); n != 0 {
			t.Fatalf("%d bytes are still held", n)
		}
	})
}

// expected is what each line must have, said plainly.
func expected(text string) (all []string) {
	puts := map[string]int{}
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.Trim(line, " \t\r")
		id := map[string]string{
			`{"id":"wrong","x":[1]}`: "wrong", `{"x":{"id":"y"},"id":"behind"}x`: "behind", `{"id":"panic"}`: "panic",
		}[trimmed]
		switch {
		case len(strings.TrimRight(line, "\r")) > maxLine:
			all = append(all, fmt.Sprint(i+1, "   true"))
		case trimmed == "":
		case id != "" || len(trimmed) != len(`{"id":"a"}`):
			all = append(all, fmt.Sprint(i+1, " ", id, "  true"))
		default:
			id = trimmed[7:8]
			puts[id]++
			all = append(all, fmt.Sprint(i+1, " ", id, " ", puts[id], " false"))
		}
	}
	return all
}

// TestByteOrderMark: one at the very beginning is no part of the first line, anywhere else it is.
func TestByteOrderMark(t *testing.T) {
	const mark = "\ufeff"
	for text, want := range map[string]string{
		mark + `{"id":"a"}` + "\n" + `{"id":"b"}`: "1 a 1 false\n2 b 1 false",
		`{"id":"a"}` + "\n" + mark + `{"id":"b"}`: "1 a 1 false\n2   true",
		mark + mark + `{"id":"a"}`:                "1   true",
		mark + "\n" + `{"id":"a"}`:                "2 a 1 false",
		mark:                                      "",
	} {
		var got []string
		err := batch.Run(t.Context(), strings.NewReader(text), options(nil), func(verdicts []batch.Verdict) error {
			for _, v := range verdicts {
				got = append(got, told(v))
			}
			return nil
		})
		if err != nil || strings.Join(got, "\n") != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// TestCut ends the input in the middle of a line: of that nothing is put, of those before
// everything.
func TestCut(t *testing.T) {
	cause := errors.New("the cable was cut")
	lines := "{\"id\":\"a\"}\n{\"id\":\"b\"}\n{\"id\":\"c\"}"
	input := io.MultiReader(strings.NewReader(lines), iotest.ErrReader(cause))
	var got []string
	err := batch.Run(t.Context(), input, options(nil), func(verdicts []batch.Verdict) error {
		for _, v := range verdicts {
			got = append(got, v.ID)
		}
		return nil
	})
	if read, ok := errors.AsType[*batch.ReadError](err); !ok || !errors.Is(read, cause) {
		t.Errorf("the error is %v, want a ReadError", err)
	}
	if strings.Join(got, " ") != "a b" {
		t.Errorf("put were %q, want a and b", got)
	}
}

// TestConversation sends a line only when the one before has its verdict.
func TestConversation(t *testing.T) {
	in, out := io.Pipe()
	answered := make(chan string)
	done := make(chan error)
	go func() {
		done <- batch.Run(t.Context(), in, options(nil), func(verdicts []batch.Verdict) error {
			for _, v := range verdicts {
				answered <- told(v)
			}
			return nil
		})
	}()
	for i := range 5 {
		fmt.Fprintf(out, "{\"id\":\"a\"}\n")
		if got, want := <-answered, fmt.Sprint(i+1, " a ", i+1, " false"); got != want {
			t.Errorf("the verdict is %q, want %q", got, want)
		}
	}
	out.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// endless is an input without an end, until it is stopped.
type endless struct {
	read    atomic.Int64 // bytes
	stopped atomic.Bool
}

var manyLines = bytes.Repeat([]byte("{\"id\":\"a\"}\n"), 1000)

func (e *endless) Read(b []byte) (int, error) {
	if e.stopped.Load() {
		return 0, errors.New("stopped")
	}
	n := copy(b, manyLines[e.read.Load()%11:])
	e.read.Add(int64(n))
	return n, nil
}

// TestSlowReader takes no verdict for a while: no more is read than is bounded.
func TestSlowReader(t *testing.T) {
	in := new(endless)
	enough := errors.New("enough")
	o := options(batch.NewBudget(1, maxLine))
	o.Abort = func() { in.stopped.Store(true) }
	err := batch.Run(t.Context(), in, o, func([]batch.Verdict) error {
		for settled, last := 0, int64(-1); settled < 20; settled++ { // until nothing more is read
			if now := in.read.Load(); now != last {
				settled, last = 0, now
			}
			<-time.After(time.Millisecond)
		}
		return enough
	})
	if !errors.Is(err, enough) {
		t.Errorf("the error is %v, want that of emit", err)
	}
	if n := in.read.Load(); n > 1<<20 {
		t.Errorf("%d bytes were read while no verdict was taken", n)
	}
}

// TestRefused lets the index refuse as a whole, in the middle of an input without an end.
func TestRefused(t *testing.T) {
	in := new(endless)
	o := options(batch.NewBudget(0, maxLine))
	o.Abort = func() { in.stopped.Store(true) }
	put := o.Put
	left := 1000
	o.Put = func(ctx context.Context, recordings []*mapping.Recording) []index.PutResult {
		results := put(ctx, recordings)
		for i := range results {
			if left--; left < 0 {
				results[i] = index.PutResult{Err: fmt.Errorf("writing: %w", index.ErrDiskFull)}
			}
		}
		return results
	}
	ok, refused := 0, 0
	err := batch.Run(t.Context(), in, o, func(verdicts []batch.Verdict) error {
		for _, v := range verdicts {
			switch {
			case v.Err == nil && refused == 0:
				ok++
			case errors.Is(v.Err, index.ErrDiskFull):
				refused++
			default:
				t.Errorf("verdict %+v", v)
			}
		}
		return nil
	})
	if !errors.Is(err, index.ErrDiskFull) || ok != 1000 || refused == 0 {
		t.Errorf("%v after %d recordings, %d refused", err, ok, refused)
	}
	if n := o.Budget.Held(); n != 0 {
		t.Errorf("%d bytes are still held", n)
	}
}

// TestStopped ends the context in the middle of an input without an end: while a verdict is given,
// and while recordings are put. What was put before has its verdicts.
func TestStopped(t *testing.T) {
	for _, while := range []string{"answering", "putting"} {
		t.Run(while, func(t *testing.T) {
			ctx, stop := context.WithCancelCause(t.Context())
			cause := errors.New("no more")
			o := options(batch.NewBudget(0, maxLine))
			put := o.Put
			stored, told := 0, 0
			o.Put = func(ctx context.Context, recordings []*mapping.Recording) []index.PutResult {
				if while == "putting" {
					stop(cause)
				}
				stored += len(recordings)
				return put(ctx, recordings)
			}
			err := batch.Run(ctx, new(endless), o, func(verdicts []batch.Verdict) error {
				if while == "answering" {
					stop(cause)
				}
				told += len(verdicts)
				return nil
			})
			if !errors.Is(err, cause) || told != stored || told == 0 {
				t.Errorf("%v, want %v; verdicts of %d recordings, %d were put", err, cause, told, stored)
			}
			if n := o.Budget.Held(); n != 0 {
				t.Errorf("%d bytes are still held", n)
			}
		})
	}
}
