// Package profile keeps the services that somebody works with, and who they are there, in a file that
// nobody else may read.
package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"recordings/internal/durable"
)

// Profile is a service, and who calls it.
type Profile struct {
	Server        string `json:"server"` // URL
	User          string `json:"user,omitzero"`
	Password      string `json:"password,omitzero"`
	Token         string `json:"token,omitzero"` // in place of both
	ContactCenter string `json:"contactCenter,omitzero"`
}

// Profiles are all that there are, by their names.
type Profiles struct {
	Default  string             `json:"default"` // the name of the one that is used if none is named
	Profiles map[string]Profile `json:"profiles"`

	path string
}

// maxFile bounds the size of the file, in bytes.
const maxFile = 1 << 20

// Path is where the file is: in the directory of configurations of the user; empty: nobody knows, as
// neither XDG_CONFIG_HOME nor HOME is set.
func Path(getenv func(string) string) string {
	dir, home := getenv("XDG_CONFIG_HOME"), getenv("HOME")
	switch {
	case dir != "":
	case home != "":
		dir = filepath.Join(home, ".config")
	default:
		return ""
	}
	return filepath.Join(dir, "recordings", "profiles.json")
}

// Read reads the profiles of a file; where there is no file, there are none. A file that others may
// read is refused: it has passwords.
func Read(path string) (*Profiles, error) {
	p := &Profiles{path: path, Profiles: map[string]Profile{}}
	if path == "" {
		return p, nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the profiles: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others may read the passwords in %s; chmod 600 %s", path, path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, maxFile)
	}

	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the profiles: %w", err)
	}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("%s is damaged; `recordings login` makes it anew when it is removed: %w", path, err)
	}
	return p, nil
}

// Write makes the profiles durable, for the user alone.
func (p *Profiles) Write() error {
	if p.path == "" {
		return errors.New("HOME is not set: there is no place for the profiles")
	}
	text, err := json.Marshal(p, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return fmt.Errorf("writing the profiles: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(p.path), 0o700); err != nil {
		return fmt.Errorf("writing the profiles: %w", err)
	}
	if err := durable.Replace(p.path, append(text, '\n')); err != nil {
		return fmt.Errorf("writing the profiles: %w", err)
	}
	return nil
}

// Path is the file that they are kept in.
func (p *Profiles) Path() string { return p.path }

// Names are those of all profiles, in their order.
func (p *Profiles) Names() []string { return slices.Sorted(maps.Keys(p.Profiles)) }

// Set puts a profile, which becomes the one that is used if it is the first.
func (p *Profiles) Set(name string, one Profile) {
	p.Profiles[name] = one
	if _, ok := p.Profiles[p.Default]; !ok {
		p.Default = name
	}
}

// Remove removes a profile. Where it was the one that is used, another takes its place if it is the
// only one left.
func (p *Profiles) Remove(name string) {
	delete(p.Profiles, name)
	if p.Default != name {
		return
	}
	p.Default = ""
	if names := p.Names(); len(names) == 1 {
		p.Default = names[0]
	}
}

// Of is the profile of a server: the one that is used if it is its, else the first.
func (p *Profiles) Of(server string) (name string, ok bool) {
	if p.Profiles[p.Default].Server == server {
		return p.Default, true
	}
	for _, name := range p.Names() {
		if p.Profiles[name].Server == server {
			return name, true
		}
	}
	return "", false
}
