// Package archive writes the media of many calls as one ZIP, while they come from their storages, and
// reads such a ZIP again.
//
// The one fact to know: nothing is held, and nothing can be taken back. A media file whose storage
// breaks off has an entry already, with what came of it; so a text beside it says that it is not whole,
// and the manifest at the end does so, too. What is stored about a recording is an entry of its own
// beside its media, since a manifest with all of it would have to be held until the end.
//
// Entries are stored, not compressed: sound and pictures are compressed already. Their sizes and sums
// stand behind them, and an archive, or an entry, of more than 4 GiB is one of ZIP64.
package archive

import (
	"archive/zip"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/api/filename"
)

// About is what the manifest says of the archive as a whole.
type About struct {
	Created             time.Time
	ContactCenter, User string
}

// Writer writes an archive. Each recording is begun by Recording, followed by its media files and its
// metadata; Close ends the archive. All errors that are returned are those of writing: the client has
// gone, and nothing that follows makes sense. A Writer is for one goroutine.
type Writer struct {
	zip      *zip.Writer
	about    About
	pieces   pieces
	manifest []byte // the elements of its list, in JSON, each with a comma in front of it
	complete bool

	number  int // of the present recording, from 1
	present *Recording
}

// headerBuffer is how many bytes of an archive are gathered before they are sent: headers are short.
const headerBuffer = 64 << 10

// New begins an archive.
func New(w io.Writer, about About) *Writer {
	// The writer of the ZIP uses this buffer, as it is large enough, in place of a smaller one of its own.
	return &Writer{
		zip: zip.NewWriter(bufio.NewWriterSize(w, headerBuffer)), about: about, pieces: newPieces(), complete: true,
	}
}

// Recording begins what the archive has of a recording.
func (w *Writer) Recording(id string) error {
	if err := w.end(); err != nil {
		return err
	}
	w.number++
	w.present = &Recording{ID: id}
	return nil
}

// Failed says why the archive has nothing of the present recording.
func (w *Writer) Failed(p Problem) {
	w.complete = false
	w.present.Problem = p
}

// Lacks says why the archive does not have a media file of the present recording. name is what the file
// would be called: there is a text of that name that says it, too.
func (w *Writer) Lacks(f File, call filename.Call, extension string, p Problem) error {
	w.complete = false
	f.Problem = p
	w.present.Files = append(w.present.Files, f)
	return w.note(filename.Numbered(w.number, filename.Of(call, extension)), "This media file is not here: ", p)
}

// Media writes a media file of the present recording, and reports how many bytes of it. Where src breaks
// off, tell says what its error is to the client; the archive goes on.
func (w *Writer) Media(
	f File, call filename.Call, extension string, src io.Reader, tell func(error) Problem,
) (n int64, err error) {
	f.Name = filename.Numbered(w.number, filename.Of(call, extension))
	to, err := w.create(f.Name, call.Start)
	if err != nil {
		return 0, err
	}

	sum := sha256.New()
	n, broken, err := w.pieces.copy(to, sum, src)
	if err != nil {
		return n, fmt.Errorf("writing a media file: %w", err)
	}
	f.Size, f.SHA256, f.Complete = n, hex.EncodeToString(sum.Sum(nil)), broken == nil
	if broken != nil {
		w.complete = false
		f.Problem = tell(broken)
	}
	w.present.Files = append(w.present.Files, f)
	if broken != nil {
		return n, w.note(f.Name, fmt.Sprintf("This media file is not whole. After %d bytes: ", n), f.Problem)
	}
	return n, nil
}

// Metadata writes what is stored about the present recording.
func (w *Writer) Metadata(text []byte, call filename.Call) error {
	call.Number = 0
	name := filename.Numbered(w.number, filename.Of(call, ".recording.json"))
	to, err := w.create(name, call.Start)
	if err == nil {
		_, err = to.Write(text)
	}
	if err != nil {
		return fmt.Errorf("writing metadata: %w", err)
	}
	sum := sha256.Sum256(text)
	w.present.Metadata = &Metadata{Name: name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
	return nil
}

// Close writes the manifest, and ends the archive.
func (w *Writer) Close() error {
	if err := w.end(); err != nil {
		return err
	}

	head, err := json.Marshal(&Manifest{
		Created: w.about.Created.UTC().Format(time.RFC3339), ContactCenter: w.about.ContactCenter,
		User: w.about.User, Complete: w.complete, Recordings: []Recording{},
	})
	if err != nil {
		return fmt.Errorf("encoding the manifest: %w", err)
	}
	to, err := w.create(ManifestName, w.about.Created)
	if err != nil {
		return err
	}
	for _, piece := range [][]byte{
		head[:len(head)-len("]}")], w.manifest[min(1, len(w.manifest)):], []byte("]}\n"),
	} {
		if _, err := to.Write(piece); err != nil {
			return fmt.Errorf("writing the manifest: %w", err)
		}
	}
	if err := w.zip.Close(); err != nil {
		return fmt.Errorf("ending the archive: %w", err)
	}
	return nil
}

// end adds the present recording, if there is one, to the manifest.
func (w *Writer) end() error {
	if w.present == nil {
		return nil
	}
	text, err := json.Marshal(w.present)
	if err != nil {
		return fmt.Errorf("encoding the manifest: %w", err)
	}
	w.manifest = append(append(w.manifest, ','), text...)
	w.present = nil
	return nil
}

// note writes a text beside a media file: whoever unpacks an archive and does not look into the manifest
// sees all the same that the file is not there, or not whole.
func (w *Writer) note(name, begins string, p Problem) error {
	to, err := w.create(name+".txt", w.about.Created)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(to, begins+p.StatusMessage+"\r\n"); err != nil {
		return fmt.Errorf("writing a note: %w", err)
	}
	return nil
}

// The years that a ZIP can tell.
const firstYear, lastYear = 1980, 2105

// create begins an entry.
func (w *Writer) create(name string, modified time.Time) (io.Writer, error) {
	modified = modified.UTC()
	if y := modified.Year(); y < firstYear || y > lastYear {
		modified = w.about.Created.UTC()
	}
	to, err := w.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: modified})
	if err != nil {
		return nil, fmt.Errorf("writing an entry: %w", err)
	}
	return to, nil
}
