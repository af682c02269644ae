package archive

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json"
)

// ManifestName is what the manifest is called in an archive. It is the last entry.
const ManifestName = "manifest.json"

// Manifest says what is in an archive, and what is not although it was asked for.
type Manifest struct {
	Created       string `json:"created"` // RFC 3339, in UTC
	ContactCenter string `json:"contactCenter"`
	User          string `json:"user"` // who asked for it

	// Complete: everything that was asked for is in the archive, and whole.
	Complete   bool        `json:"complete"`
	Recordings []Recording `json:"recordings"` // in the order in which they were asked for, or found
}

// Recording is what an archive has of one recording.
type Recording struct {
	ID       string    `json:"id"`
	Metadata *Metadata `json:"metadata,omitzero"` // nil: it is not there; see the Problem
	Files    []File    `json:"files,omitempty"`
	Problem            // with the recording as a whole; that of a media file stands there
}

// Metadata is the entry with what is stored about a recording: the JSON by which the API shows it.
type Metadata struct {
	Name   string `json:"name"`   // of the entry
	Size   int64  `json:"size"`   // in bytes
	SHA256 string `json:"sha256"` // of these bytes, in hexadecimal
}

// File is a media file.
type File struct {
	Media       string `json:"media"`              // the last segment of its mediaUri
	Name        string `json:"name,omitzero"`      // of the entry; empty: there is none
	Size        int64  `json:"size"`               // of what is in the archive, in bytes
	SHA256      string `json:"sha256,omitzero"`    // likewise, in hexadecimal
	ContentType string `json:"contentType"`        //
	Encrypted   bool   `json:"encrypted,omitzero"` // it is there as it is stored
	Complete    bool   `json:"complete"`           // it is there as a whole
	Problem            // why it is not
}

// Problem is why something is not in an archive, in the words and numbers by which the API refuses the
// same thing asked for alone. It is empty if there is none.
type Problem struct {
	StatusCode    int    `json:"statusCode,omitzero"`
	StatusMessage string `json:"statusMessage,omitzero"`
}

// Lacking is how many recordings and media files are not there, or not whole.
func (m *Manifest) Lacking() (recordings, files int) {
	for i := range m.Recordings {
		r := &m.Recordings[i]
		if r.Metadata == nil {
			recordings++
		}
		for j := range r.Files {
			if !r.Files[j].Complete {
				files++
			}
		}
	}
	return recordings, files
}

// maxManifest bounds the manifest of an archive that is read, in bytes: it may come from anywhere.
const maxManifest = 64 << 20

// Check reads an archive of so many bytes, and compares each file in it with the manifest: an error
// says which one is not there, or is another one than that of which the manifest has the SHA-256. What
// the manifest itself says is lacking is no error; see [Manifest.Lacking].
func Check(r io.ReaderAt, size int64) (*Manifest, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	if len(z.File) == 0 || z.File[len(z.File)-1].Name != ManifestName {
		return nil, errors.New("the archive has no " + ManifestName + " at its end")
	}
	m, err := readManifest(z.File[len(z.File)-1])
	if err != nil {
		return nil, err
	}

	entries := make(map[string]*zip.File, len(z.File))
	for _, f := range z.File {
		if entries[f.Name] != nil {
			return nil, fmt.Errorf("the archive has %s twice", f.Name)
		}
		entries[f.Name] = f
	}
	for _, want := range m.entries() {
		f := entries[want.Name]
		if f == nil {
			return nil, fmt.Errorf("%s is in the manifest, and not in the archive", want.Name)
		}
		if err := compare(f, want); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// entries are those of which the manifest has the SHA-256.
func (m *Manifest) entries() (all []Metadata) {
	for i := range m.Recordings {
		r := &m.Recordings[i]
		for j := range r.Files {
			if f := &r.Files[j]; f.Name != "" {
				all = append(all, Metadata{f.Name, f.Size, f.SHA256})
			}
		}
		if r.Metadata != nil {
			all = append(all, *r.Metadata)
		}
	}
	return slices.Clip(all)
}

func readManifest(f *zip.File) (*Manifest, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ManifestName, err)
	}
	defer r.Close()

	var m Manifest
	if err := json.UnmarshalRead(io.LimitReader(r, maxManifest), &m); err != nil {
		return nil, fmt.Errorf("reading %s: %w", ManifestName, err)
	}
	return &m, nil
}

// compare compares an entry with what the manifest says of it.
func compare(f *zip.File, want Metadata) error {
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.Name, err)
	}
	defer r.Close()

	sum := sha256.New()
	size, err := io.Copy(sum, r)
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.Name, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); size != want.Size || got != want.SHA256 {
		return fmt.Errorf("%s is not what the manifest says: it has %d bytes and the SHA-256 %s, not %d and %s",
			f.Name, size, got, want.Size, want.SHA256)
	}
	return nil
}
