// Package backup makes, checks and unpacks backups: directories of files with a manifest of their
// SHA-256 sums. What is in the files it does not know.
//
// A backup is a directory of its own and needs no other, so it can be copied and removed like any.
// What has not changed since the one before it is shared by hard links. The manifest is what
// sha256sum writes, and can be checked with that.
package backup

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"recordings/index"
)

// Manifest is the name of the file that says what is in a backup. A directory without one is no
// backup.
const Manifest = "SHA256SUMS"

// The manifest begins with two comments: what it is, with the version of this form, and the
// index.Backup as JSON. Then come the sums, ordered by their paths, and at last a comment with the
// sum of all before it.
const (
	title = "# recordings backup 1: `sha256sum -c " + Manifest + "` checks it, " +
		"`recordings restore` makes a data directory of it"
	titleStart = "# recordings backup "
	lastStart  = "# the lines above have the sum "
	comment    = "# "
)

// maxManifest bounds what is read of a manifest, in bytes: a file has a line of about a hundred.
const maxManifest = 64 << 20

// entry is a file of a backup.
type entry struct {
	path string // relative, with slashes
	sum  string // SHA-256 in hexadecimal
}

// contents is what is in a manifest.
type contents struct {
	info    index.Backup
	entries []entry // ordered by path
}

// find returns the entry of a path.
func (c *contents) find(path string) (entry, bool) {
	byPath := func(e entry, path string) int { return strings.Compare(e.path, path) }
	i, ok := slices.BinarySearchFunc(c.entries, path, byPath)
	if !ok {
		return entry{}, false
	}
	return c.entries[i], true
}

// encode writes a manifest. Its own sum comes last, so that it cannot be cut off unnoticed.
func (c *contents) encode() ([]byte, error) {
	info, err := json.Marshal(c.info)
	if err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s%s\n", title, comment, info)

	for _, e := range c.entries {
		fmt.Fprintf(&b, "%s  %s\n", e.sum, e.path)
	}
	sum := sha256.Sum256([]byte(b.String()))
	fmt.Fprintf(&b, "%s%s\n", lastStart, hex.EncodeToString(sum[:]))
	return []byte(b.String()), nil
}

// readManifest reads and checks the manifest of a backup, but not its files.
func readManifest(dir string) (*contents, error) {
	f, err := os.Open(filepath.Join(dir, Manifest))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s is no backup: it has no %s", dir, Manifest)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	defer f.Close()

	text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	c, err := parseManifest(text)
	if err != nil {
		return nil, fmt.Errorf("the manifest %s: %w", filepath.Join(dir, Manifest), err)
	}
	c.info.Name = filepath.Base(dir)
	return c, nil
}

var errManifest = errors.New("is damaged or cut off")

// parseManifest reads what encode wrote. A manifest may come from anywhere, so nothing in it is
// trusted: above all, its paths must not lead out of the backup.
func parseManifest(text []byte) (*contents, error) {
	if !strings.HasPrefix(string(text[:min(len(text), len(titleStart))]), titleStart) {
		return nil, errors.New("is not that of a backup of recordings")
	}
	if len(text) > maxManifest {
		return nil, fmt.Errorf("has more than %d bytes", maxManifest)
	}

	end := strings.LastIndex(string(text), "\n"+lastStart) + 1
	sum := sha256.Sum256(text[:end])
	if end == 0 || string(text[end:]) != lastStart+hex.EncodeToString(sum[:])+"\n" {
		return nil, errManifest
	}

	first, rest, _ := strings.Cut(string(text[:end]), "\n")
	if first != title {
		return nil, errors.New("has a form that this program does not know; " +
			"use the version of the program that made it or a later one")
	}

	header, rest, _ := strings.Cut(rest, "\n")
	c := &contents{}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(header, comment)), &c.info); err != nil {
		return nil, fmt.Errorf("its second line: %w", err)
	}

	if err := c.parseSums(rest); err != nil {
		return nil, err
	}
	if len(c.entries) != c.info.Files {
		return nil, fmt.Errorf("has the sums of %d files, and says that there are %d", len(c.entries), c.info.Files)
	}
	return c, nil
}

// parseSums reads the lines of sums, whose paths must be in order.
func (c *contents) parseSums(lines string) error {
	for line := range strings.Lines(lines) {
		sum, path, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok || !sumForm.MatchString(sum) {
			return errManifest
		}
		if !safe(path) {
			return fmt.Errorf("names %q, which is no path of a backup", path)
		}
		if n := len(c.entries); n > 0 && c.entries[n-1].path >= path {
			return fmt.Errorf("names %q twice or out of order", path)
		}
		c.entries = append(c.entries, entry{path, sum})
	}
	return nil
}

var sumForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// pathForm is what the paths of a data directory's files look like: no part of one begins with a
// dot.
var pathForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$`)

// safe reports whether a path is one of a file within a backup.
func safe(p string) bool {
	return len(p) <= 1024 && pathForm.MatchString(p) && path.Clean(p) == p && filepath.IsLocal(p) && p != Manifest
}

// List returns the whole backups among the directories in a directory, the newest first. Their
// files are not looked at. A directory that is not there has none.
func List(dir string) ([]index.Backup, error) {
	dirs, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the backups: %w", err)
	}

	all := []index.Backup{}
	for _, d := range dirs {
		if !d.IsDir() || strings.HasSuffix(d.Name(), index.IncompleteBackup) {
			continue
		}
		if info, err := readHeader(filepath.Join(dir, d.Name())); err == nil {
			all = append(all, info)
		}
	}
	slices.SortFunc(all, func(a, b index.Backup) int { return cmp.Compare(b.Time, a.Time) })
	return all, nil
}

// readHeader reads what a manifest says of the backup as a whole, without checking it.
func readHeader(dir string) (info index.Backup, err error) {
	f, err := os.Open(filepath.Join(dir, Manifest))
	if err != nil {
		return info, err
	}
	defer f.Close()

	lines := bufio.NewScanner(io.LimitReader(f, 64<<10))
	if !lines.Scan() || lines.Text() != title || !lines.Scan() {
		return info, errManifest
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(lines.Text(), comment)), &info); err != nil {
		return info, fmt.Errorf("reading the manifest: %w", err)
	}
	info.Name = filepath.Base(dir)
	return info, nil
}
