package archive_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"recordings/api/archive"
	"recordings/api/filename"
)

var call = filename.Call{Start: time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC), Caller: "1"}

var about = archive.About{Created: call.Start, ContactCenter: "cc", User: "alice"}

// TestWriter: whatever pieces media comes in, and wherever it breaks off, the archive can be read, and its
// manifest says how much of it is there.
func TestWriter(t *testing.T) {
	const piece = 512 << 10
	broken := errors.New("broken off")
	for _, size := range []int{0, 1, piece - 1, piece, piece + 1, 3*piece + 7} {
		data := bytes.Repeat([]byte("0123456"), size/7+1)[:size]
		for name, src := range map[string]func() io.Reader{
			"whole":       func() io.Reader { return bytes.NewReader(data) },
			"in halves":   func() io.Reader { return iotest.HalfReader(bytes.NewReader(data)) },
			"end at once": func() io.Reader { return iotest.DataErrReader(bytes.NewReader(data)) },
			"broken":      func() io.Reader { return io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken)) },
			"cut short": func() io.Reader {
				return io.MultiReader(bytes.NewReader(data), iotest.ErrReader(io.ErrUnexpectedEOF))
			},
		} {
			var b bytes.Buffer
			w := archive.New(&b, about)
			if err := w.Recording("r1"); err != nil {
				t.Fatal(err)
			}
			n, err := w.Media(archive.File{Media: "m.wav"}, call, ".wav", src(), func(error) archive.Problem {
				return archive.Problem{StatusCode: 4, StatusMessage: "the storage failed"}
			})
			if err != nil || n != int64(size) {
				t.Errorf("%d bytes, %s: %d, %v", size, name, n, err)
			}
			if err := errors.Join(w.Metadata([]byte("{}\n"), call), w.Close()); err != nil {
				t.Fatal(err)
			}

			m, err := archive.Check(bytes.NewReader(b.Bytes()), int64(b.Len()))
			if err != nil {
				t.Fatalf("%d bytes, %s: %v", size, name, err)
			}
			whole := name != "broken" && name != "cut short"
			sum := sha256.Sum256(data)
			f := m.Recordings[0].Files[0]
			if m.Complete != whole || f.Complete != whole || f.Size != int64(size) ||
				f.SHA256 != hex.EncodeToString(sum[:]) || (f.StatusCode == 0) != whole {
				t.Errorf("%d bytes, %s: %+v", size, name, m)
			}
		}
	}
}

// failing is a client that goes after some bytes.
type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

// TestWriterFails: wherever the client goes, that is told, and nobody waits for media that never ends.
func TestWriterFails(t *testing.T) {
	for left := 0; left < 2_000_000; left += 150_001 {
		w := archive.New(&failing{left}, about)
		if err := w.Recording("r1"); err != nil {
			t.Fatal(err)
		}
		_, err := w.Media(archive.File{}, call, ".wav", zeros{}, func(error) archive.Problem {
			t.Error("the storage is said to have failed")
			return archive.Problem{}
		})
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("after %d bytes: %v", left, err)
		}
	}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
