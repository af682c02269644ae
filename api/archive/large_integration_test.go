//go:build integration

package archive_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"recordings/api/archive"
)

// sparse is a file in which zeros take no space.
type sparse struct{ *os.File }

func (s sparse) Write(p []byte) (int, error) {
	if len(p) < 4096 || bytes.Count(p, []byte{0}) < len(p) {
		return s.File.Write(p)
	}
	_, err := s.Seek(int64(len(p)), io.SeekCurrent)
	return len(p), err
}

// TestLarge: a media file, and an archive, of more than 4 GiB is one of ZIP64, which Python reads, too.
func TestLarge(t *testing.T) {
	t.Parallel()
	const size = 4<<30 + 12345
	path := filepath.Join(t.TempDir(), "large.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()

	w := archive.New(sparse{f}, about)
	for _, size := range []int64{size, 10} { // the second one begins behind 4 GiB
		if err := w.Recording("r"); err != nil {
			t.Fatal(err)
		}
		n, err := w.Media(archive.File{}, call, ".wav", io.LimitReader(zeros{}, size), nil)
		if err != nil || n != size {
			t.Fatalf("%d, %v", n, err)
		}
		if err := w.Metadata([]byte("{}\n"), call); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	m, err := archive.Check(f, info.Size())
	if err != nil || !m.Complete || m.Recordings[0].Files[0].Size != size {
		t.Fatalf("%+v, %v", m, err)
	}
	const read = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    infos = z.infolist()
    with z.open(infos[2]) as f:
        print(infos[0].file_size, infos[2].file_size, len(f.read()), z.read(infos[3]), infos[-1].filename)
`
	out, err := exec.Command("python3", "-c", read, path).CombinedOutput()
	if want := `4294979641 10 10 b'{}\n' manifest.json`; err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("Python: %v\n%s, want %s", err, out, want)
	}
}
