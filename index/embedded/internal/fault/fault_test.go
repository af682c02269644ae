package fault_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
)

var errTest = errors.New("the log cannot be written")

func TestGuard(t *testing.T) {
	if err := fault.Guard(func() error { return nil }); err != nil {
		t.Errorf("nothing went wrong, and it returns %v", err)
	}
	if err := fault.Guard(func() error { return errTest }); err != errTest {
		t.Errorf("an error came back as %v", err)
	}
	if err := fault.Guard(func() error { panic(errTest) }); !errors.Is(err, errTest) {
		t.Errorf("a panic with an error came back as %v", err)
	}
	if err := fault.Guard(func() error { panic("index out of range") }); err == nil ||
		!strings.Contains(err.Error(), "out of range") {
		t.Errorf("a panic with a text came back as %v", err)
	}
}

// TestGuardMappedFile reads a mapped file behind its end, as when a segment was cut short
// meanwhile.
func TestGuardMappedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(path, make([]byte, 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := syscall.Mmap(int(f.Fd()), 0, 1<<16, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(data) })
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}

	var sum byte
	err = fault.Guard(func() error {
		for _, b := range data {
			sum += b
		}
		return nil
	})
	if err == nil {
		t.Errorf("reading behind the end is no error, and gives %d", sum)
	}
}

func TestUnavailable(t *testing.T) {
	err := fault.Unavailable("writing", errTest)
	if !errors.Is(err, index.ErrUnavailable) || !errors.Is(err, errTest) ||
		!strings.HasPrefix(err.Error(), "writing: ") {
		t.Errorf("the error is %v", err)
	}
}

func TestLine(t *testing.T) {
	err := errors.Join(errTest, errTest, errors.New("<corruption detail carrier>"), errors.New("at the end"))
	if got, want := fault.Line(err), "the log cannot be written; at the end"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
