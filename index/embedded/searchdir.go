package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The directory of search indexes has the directory of each, named by a number, and a file that names the current one.
// Others are remains of a rebuild that was interrupted.
const currentFile = "CURRENT"

// openCurrent opens the current search index, if it is there, undamaged, of this schema, and the change log tells what
// it lacks. Otherwise it returns nil.
func (x *Index) openCurrent() *searchIndex {
	dir, err := currentDir(x.searchDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var sequence uint64
	if err == nil {
		sequence, err = x.checkCurrent(dir)
	}
	var s *searchIndex
	if err == nil {
		s, err = openSearchIndex(dir, x.space, x.o)
	}
	if err != nil {
		x.log.Warn().Err(err).Msg("the search index is of no use and will be rebuilt")
		return nil
	}
	s.sequence = sequence
	s.persisted = persisted{sequence: sequence}
	return s
}

// checkCurrent makes sure that an index is of use, and returns the sequence that it has reached.
func (x *Index) checkCurrent(dir string) (sequence uint64, err error) {
	if sequence, err = checkSearchIndex(dir); err != nil {
		return 0, fmt.Errorf("checking the search index: %w", err)
	}
	if trimmed := x.trimmed.Load(); sequence < trimmed {
		return 0, fmt.Errorf("the search index has the changes up to %d, the change log those behind %d", sequence, trimmed)
	}
	if sequence > x.opened { // not x.last: changes that came since would be taken for some that the index has
		return 0, fmt.Errorf("the search index has the changes up to %d, but there were only %d", sequence, x.opened)
	}
	return sequence, nil
}

// currentDir returns the directory of the current search index.
func currentDir(searchDir string) (string, error) {
	name, err := os.ReadFile(filepath.Join(searchDir, currentFile))
	if err != nil {
		return "", fmt.Errorf("finding the search index: %w", err)
	}
	number, err := strconv.ParseUint(strings.TrimSpace(string(name)), 10, 64)
	if err != nil {
		return "", fmt.Errorf("finding the search index: %w", err)
	}
	return numberedDir(searchDir, number), nil
}

func numberedDir(searchDir string, number uint64) string {
	return filepath.Join(searchDir, fmt.Sprintf("%06d", number))
}

// setCurrentDir durably makes a search index the current one.
func setCurrentDir(searchDir, dir string) error {
	path := filepath.Join(searchDir, currentFile)
	if err := writeSynced(path+".tmp", filepath.Base(dir)+"\n"); err != nil {
		return fmt.Errorf("making the search index the current one: %w", err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("making the search index the current one: %w", err)
	}
	return syncPath(searchDir)
}

func writeSynced(path, content string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// newSearchDir removes all search indexes and creates a directory for a new one.
func newSearchDir(searchDir string) (string, error) {
	entries, err := os.ReadDir(searchDir)
	if err != nil {
		return "", fmt.Errorf("listing the search indexes: %w", err)
	}
	// First of all the name of the current one, lest a crash leave half of it.
	if err := os.Remove(filepath.Join(searchDir, currentFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("removing the search index: %w", err)
	}
	if err := syncPath(searchDir); err != nil {
		return "", fmt.Errorf("removing the search index: %w", err)
	}
	var newest uint64
	for _, e := range entries {
		if n, err := strconv.ParseUint(e.Name(), 10, 64); err == nil {
			newest = max(newest, n)
		}
		if err := os.RemoveAll(filepath.Join(searchDir, e.Name())); err != nil {
			return "", fmt.Errorf("removing the search index: %w", err)
		}
	}
	dir := numberedDir(searchDir, newest+1)
	if err := makeDir(vfs.Default, dir); err != nil {
		return "", fmt.Errorf("creating a directory for the search index: %w", err)
	}
	return dir, nil
}

func syncPath(dir string) error { return syncDir(vfs.Default, dir) }
