package bleveindex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2/index/scorch"
	"go.uber.org/goleak"

	"recordings/index/embedded/schema"
	"recordings/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// document is the n-th of many that differ.
func document(n int) *schema.Document {
	start := mapping.Time(n) * 1000
	return schema.NewDocument(fmt.Sprintf("r/%05d", n), "center", "west", &mapping.Searchable{
		StartTime:     start,
		StopTime:      start + 1000,
		CallerNumbers: []string{fmt.Sprintf("+%04d", n%100)},
		DialedNumbers: []string{"+1800"},
	})
}

// open opens an index that is closed at the end of the test, or before by the function.
func open(t *testing.T, dir string, at Position) (x *Index, closeIndex func()) {
	t.Helper()
	x, err := Open(dir, at, Options{})
	if err != nil {
		t.Fatalf("opening the index: %v", err)
	}
	closed := false
	closeIndex = func() {
		if closed {
			return
		}
		closed = true
		if err := x.Close(); err != nil {
			t.Errorf("closing the index: %v", err)
		}
	}
	t.Cleanup(closeIndex)
	return x, closeIndex
}

// add applies documents [from, to) as one batch, which reaches the sequence to.
func add(t *testing.T, x *Index, from, to int) {
	t.Helper()
	b := NewBatch()
	for n := from; n < to; n++ {
		b.Put(document(n))
	}
	if err := x.Apply(t.Context(), b, Position{Sequence: uint64(to)}); err != nil {
		t.Fatal(err)
	}
}

func flush(t *testing.T, x *Index) {
	t.Helper()
	if err := x.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestReopen: what was flushed is there when the index is opened again, as far as it says.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	x, closeIndex := open(t, dir, Position{})
	add(t, x, 0, 100)
	b := NewBatch()
	b.Delete("r/00007")
	at := Position{Sequence: 101, Filling: "r/00050"}
	if err := x.Apply(t.Context(), b, at); err != nil {
		t.Fatal(err)
	}
	flush(t, x)
	if n, err := x.Count(); err != nil || n != 99 || x.Position() != at {
		t.Errorf("there are %d documents, %v; it is at %+v", n, err, x.Position())
	}
	if sequence, _ := x.Persisted(); sequence != 101 {
		t.Errorf("persisted is %d", sequence)
	}
	closeIndex()

	for range 2 { // checking changes nothing
		found, err := Check(dir)
		if err != nil || found != (Checked{Position: at, Docs: 99}) {
			t.Fatalf("checked, it is at %+v, %v", found, err)
		}
	}
	x, _ = open(t, dir, at)
	add(t, x, 100, 110)
	r, err := x.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if sequence, err := r.Sequence(); sequence != 110 || err != nil {
		t.Errorf("the present state reaches %d, %v", sequence, err)
	}
	if n, err := x.Count(); err != nil || n != 109 {
		t.Errorf("there are %d documents, %v", n, err)
	}
}

// TestAdd: several add at a time; how far the index reaches is said only in the end.
func TestAdd(t *testing.T) {
	x, _ := open(t, t.TempDir(), Position{Filling: "r/"})
	errs := make(chan error, 4)
	for w := range 4 {
		go func() {
			b := NewBatch()
			for n := range 100 {
				b.Put(document(100*w + n))
			}
			errs <- x.Add(t.Context(), b)
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if n, err := x.Count(); n != 400 || err != nil || x.Position().Filling != "r/" {
		t.Errorf("there are %d documents, %v; it is at %+v", n, err, x.Position())
	}
	flush(t, x)
}

// TestSeal: an index that is closed has a seal, which tells of a root file that was changed; one
// that is open has none.
func TestSeal(t *testing.T) {
	dir := t.TempDir()
	x, closeIndex := open(t, dir, Position{})
	add(t, x, 0, 10)
	flush(t, x)
	if _, err := os.Stat(filepath.Join(dir, SealFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("while it is open, there is a seal: %v", err)
	}
	closeIndex()
	change(t, filepath.Join(dir, RootFile), func(b []byte) []byte { b[100] ^= 1; return b })
	if _, err := Check(dir); err == nil || !strings.Contains(err.Error(), "the checksum of root.bolt is wrong") {
		t.Errorf("the damage is not found: %v", err)
	}
}

// change writes a file anew, after it was changed.
func change(t *testing.T, path string, edit func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, edit(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCheck finds damage that the seal does not tell of, as after a crash.
func TestCheck(t *testing.T) {
	template := t.TempDir()
	x, closeIndex := open(t, template, Position{})
	add(t, x, 0, 500)
	flush(t, x)
	closeIndex()
	segments, err := filepath.Glob(filepath.Join(template, storeDir, "*.zap"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("the segments are %q, %v", segments, err)
	}
	segment := filepath.Join(storeDir, filepath.Base(segments[0]))

	for name, damage := range map[string]func(t *testing.T, dir string){
		"no root":       func(t *testing.T, dir string) { remove(t, filepath.Join(dir, RootFile)) },
		"an empty root": func(t *testing.T, dir string) { change(t, filepath.Join(dir, RootFile), half(0)) },
		"half a root":   func(t *testing.T, dir string) { change(t, filepath.Join(dir, RootFile), half(2)) },
		"no segment":    func(t *testing.T, dir string) { remove(t, filepath.Join(dir, segment)) },
		"half a segment": func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, segment), half(2))
		},
		"a bit": func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, segment), func(b []byte) []byte { b[len(b)/3] ^= 4; return b })
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(template)); err != nil {
				t.Fatal(err)
			}
			remove(t, filepath.Join(dir, SealFile))
			if found, err := Check(dir); err != nil || found.Docs != 500 {
				t.Fatalf("before it is damaged: %+v, %v", found, err)
			}
			damage(t, dir)
			if found, err := Check(dir); err == nil {
				t.Errorf("the damage is not found: %+v", found)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// half leaves a part of a file; 0: nothing.
func half(part int) func([]byte) []byte {
	return func(b []byte) []byte {
		if part == 0 {
			return nil
		}
		return b[:len(b)/part]
	}
}

// TestFailure: an index that has failed takes nothing more, and can be closed.
func TestFailure(t *testing.T) {
	dir := t.TempDir()
	x, closeIndex := open(t, dir, Position{})
	add(t, x, 0, 10)
	flush(t, x)
	select {
	case <-x.Failed():
		t.Fatal("it has failed")
	default:
	}

	died := scorch.NewScorchError("merger", "injected", scorch.ErrAsyncPanic)
	scorch.RegistryAsyncErrorCallbacks[asyncErrorsName](died, filepath.Join(dir, storeDir))
	<-x.Failed()
	if err := x.Failure(); !errors.Is(err, scorch.ErrAsyncPanic) {
		t.Errorf("it has failed with %v", err)
	}
	if err := x.Fail(errors.New("another")); !errors.Is(err, scorch.ErrAsyncPanic) {
		t.Errorf("the first cause is forgotten: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := x.Flush(ctx); !errors.Is(err, scorch.ErrAsyncPanic) {
		t.Errorf("flushing it: %v", err)
	}
	closeIndex()
}

// TestCopy: a copy is an index of the state in which it was begun, whatever becomes of the
// original.
func TestCopy(t *testing.T) {
	x, closeIndex := open(t, t.TempDir(), Position{})
	add(t, x, 0, 50)
	flush(t, x)
	add(t, x, 50, 60) // perhaps still in memory
	held, err := x.Copy()
	if err != nil {
		t.Fatal(err)
	}
	add(t, x, 60, 100)
	flush(t, x)
	if err := x.Merge(t.Context()); err != nil {
		t.Fatal(err)
	}

	parent := t.TempDir()
	to := filepath.Join(parent, held.Name())
	if err := errors.Join(held.To(to), held.Close()); err != nil {
		t.Fatal(err)
	}
	closeIndex()
	if found, err := Check(to); err != nil || found.Docs != 60 || found.Sequence != 60 {
		t.Errorf("the copy is %+v, %v", found, err)
	}
	read := 0
	if err := ReadStopped(to, func(r *Reader) error { read = len(r.Files()); return nil }); err != nil || read == 0 {
		t.Errorf("it has %d files, %v", read, err)
	}
}

// TestMerged: the files of a state that is merged are in use no more.
func TestMerged(t *testing.T) {
	x, _ := open(t, t.TempDir(), Position{})
	add(t, x, 0, 50)
	flush(t, x)
	add(t, x, 50, 100)
	flush(t, x)
	r, err := x.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	before := r.Files()
	if err := x.Merge(t.Context()); err != nil {
		t.Fatal(err)
	}

	after, err := x.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if after.Segments() != 1 {
		t.Errorf("merged, it has %d segments", after.Segments())
	}
	for _, file := range before {
		if used, err := x.Uses(file); err != nil || used != slices.Contains(after.Files(), file) {
			t.Errorf("%s is in use: %v, %v", file, used, err)
		}
	}
}

// TestDirectory: one index is the current one, new ones get numbers of their own, and remainders
// go.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	if _, err := Current(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in an empty directory: %v", err)
	}
	first, err := NewDir(dir)
	if err != nil || filepath.Base(first) != "000001" {
		t.Fatalf("the first is %s, %v", first, err)
	}
	if err := SetCurrent(dir, first); err != nil {
		t.Fatal(err)
	}
	second, err := NewDir(dir)
	if err != nil || filepath.Base(second) != "000002" {
		t.Fatalf("the second is %s, %v", second, err)
	}
	if current, err := Current(dir); err != nil || current != first {
		t.Errorf("the current one is %s, %v", current, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "CURRENT.tmp"), nil, 0o600); err != nil {
		t.Fatal(err)
	}

	if err := RemoveOthers(dir, CurrentFile, "000001"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 || entries[0].Name() != "000001" || entries[1].Name() != CurrentFile {
		t.Errorf("there are %v, %v", entries, err)
	}
	change(t, filepath.Join(dir, CurrentFile), func([]byte) []byte { return []byte("nonsense") })
	if current, err := Current(dir); err == nil {
		t.Errorf("the current one is %s", current)
	}
}

// TestPosition: what is written is read, and what is not of this program is refused.
func TestPosition(t *testing.T) {
	all := []Position{{}, {Sequence: 1 << 60}, {Sequence: 7, Filling: "r/a\x00\x01b"}, {Sequence: 8, Between: true}}
	for _, p := range all {
		b := appendPosition(nil, p)
		if got, err := splitPosition(b); err != nil || got != p {
			t.Errorf("%+v came back as %+v, %v", p, got, err)
		}
		for i := range b {
			b[i] ^= 1
			if got, err := splitPosition(b); err == nil {
				t.Errorf("%+v with another byte %d came back as %+v", p, i, got)
			}
			b[i] ^= 1
		}
	}
	for _, foreign := range []string{"", "12345678901234567890"} {
		if _, err := splitPosition([]byte(foreign)); err == nil {
			t.Errorf("%q was read as a position", foreign)
		}
	}
}
