package demoaudio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/net/webdav"

	"recordings/mapping"
)

// Server is a WebDAV server of audio. It may be read and deleted from, nothing more.
type Server struct {
	http.Handler
	files *files
}

// New makes a server that has no files yet.
func New() *Server {
	f := &files{sounds: map[string]entry{}}
	return &Server{files: f, Handler: &webdav.Handler{FileSystem: f, LockSystem: webdav.NewMemLS()}}
}

// Add gives the server the media files of a recording.
func (s *Server) Add(r *mapping.Recording) {
	for i := range r.MediaFiles {
		m := &r.MediaFiles[i]
		if u, err := url.Parse(m.Descriptor.Path); err == nil && m.Descriptor.Storage == mapping.StorageWebDAV {
			name := path.Clean("/" + u.Path)
			length := time.Duration(m.StopTime-m.StartTime) * time.Millisecond
			s.files.add(name, entry{newSound(name, length, masksOf(m)), time.UnixMilli(int64(m.StopTime))})
		}
	}
}

// masksOf are the times in which the recorder was paused.
func masksOf(m *mapping.MediaFile) (masked []interval) {
	var masks []struct {
		Time mapping.Time `json:"time"`
		Type string       `json:"type"`
	}

	if json.Unmarshal(m.Masks, &masks) != nil {
		return nil // none, or of another form
	}

	// A pause without an end lasts to the end of the file.
	for _, mask := range masks {
		at := time.Duration(mask.Time-m.StartTime) * time.Millisecond
		switch n := len(masked); {
		case mask.Type == "paused":
			masked = append(masked, interval{at, time.Duration(m.StopTime-m.StartTime) * time.Millisecond})
		case n > 0:
			masked[n-1].to = at
		}
	}

	return masked
}

// entry is a file of the server.
type entry struct {
	sound
	modified time.Time
}

// files is the file system behind the WebDAV server.
type files struct {
	mu     sync.RWMutex
	sounds map[string]entry
}

// errReadOnly is the answer to whoever wants to write.
var errReadOnly = errors.New("the media of the demonstration can be read and deleted only")

// add adds a file, in place of one of the same name.
func (f *files) add(name string, e entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sounds[name] = e
}

// Mkdir implements [webdav.FileSystem].
func (f *files) Mkdir(context.Context, string, os.FileMode) error { return errReadOnly }

// Rename implements [webdav.FileSystem].
func (f *files) Rename(context.Context, string, string) error { return errReadOnly }

// RemoveAll implements [webdav.FileSystem]. Only single files are removed, whatever its name says.
func (f *files) RemoveAll(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sounds, path.Clean(name))
	return nil
}

// OpenFile implements [webdav.FileSystem].
func (f *files) OpenFile(ctx context.Context, name string, flag int, _ os.FileMode) (webdav.File, error) {
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC) != 0 {
		return nil, errReadOnly
	}
	info, err := f.Stat(ctx, name)
	if err != nil {
		return nil, err
	}
	opened := &file{info: info}
	if info.IsDir() {
		opened.members = f.members(path.Clean(name))
	}
	return opened, nil
}

// members are what a directory has, by their names.
func (f *files) members(dir string) (all []fs.FileInfo) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	seen := map[string]bool{}
	for name, e := range f.sounds {
		rest, ok := strings.CutPrefix(name, strings.TrimRight(dir, "/")+"/")
		if !ok {
			continue
		}
		first, _, within := strings.Cut(rest, "/")
		if seen[first] {
			continue
		}
		seen[first] = true
		one := info{name: first}
		if !within {
			one.entry = &e
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b fs.FileInfo) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}

// Stat implements [webdav.FileSystem]. There is a directory wherever a file lies below it.
func (f *files) Stat(_ context.Context, name string) (os.FileInfo, error) {
	name = path.Clean(name)
	f.mu.RLock()
	defer f.mu.RUnlock()
	if e, ok := f.sounds[name]; ok {
		return info{name: path.Base(name), entry: &e}, nil
	}

	for other := range f.sounds {
		if strings.HasPrefix(other, strings.TrimRight(name, "/")+"/") {
			return info{name: path.Base(name)}, nil
		}
	}
	return nil, fs.ErrNotExist
}

// info is about a file or, without an entry, a directory.
type info struct {
	name string
	*entry
}

// Name implements [fs.FileInfo], as the following do.
func (i info) Name() string { return i.name }

// Size is in bytes.
func (i info) Size() int64 {
	if i.entry == nil {
		return 0
	}
	return i.size()
}

// Mode says what this server permits: reading.
func (i info) Mode() fs.FileMode {
	if i.entry == nil {
		return fs.ModeDir | 0o500
	}
	return 0o400
}

// ModTime is when the recording of the file ended.
func (i info) ModTime() time.Time {
	if i.entry == nil {
		return time.Time{}
	}
	return i.modified
}

// IsDir reports whether it is a directory.
func (i info) IsDir() bool { return i.entry == nil }

// Sys is nothing: no file of an operating system lies below.
func (i info) Sys() any { return nil }

// file is an open file or directory.
type file struct {
	info    os.FileInfo
	members []fs.FileInfo // of a directory
	at      int64
}

// Close has nothing to release.
func (f *file) Close() error { return nil }

// Stat implements [webdav.File].
func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }

// Write refuses everything.
func (f *file) Write([]byte) (int, error) { return 0, errReadOnly }

// Readdir tells what a directory has. It is only ever asked for all at once.
func (f *file) Readdir(int) ([]fs.FileInfo, error) { return f.members, nil }

// Read makes up the next bytes.
func (f *file) Read(p []byte) (int, error) {
	i, ok := f.info.(info)
	if !ok || i.entry == nil {
		return 0, fmt.Errorf("reading %s: it is a directory", f.info.Name())
	}

	n := i.readAt(p, f.at)
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}

	f.at += int64(n)
	return n, nil
}

// Seek implements [io.Seeker]. As in any file, one may seek behind the end.
func (f *file) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.info.Size()
	}

	if offset < 0 {
		return 0, errors.New("seeking before the beginning")
	}

	f.at = offset
	return offset, nil
}
