package bleveindex

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/index/embedded/internal/fsx"
	"recordings/internal/durable"
)

// CurrentFile names the current index. The directory of search indexes has it, and beside it the
// directory of each index, which is named by a number. There may also be an index that is being
// built, and the one before the current. Anything else is a remainder of a crash.
const CurrentFile = "CURRENT"

// Current returns the directory of the current search index. The error is an [os.ErrNotExist] if
// there is none.
func Current(searchDir string) (string, error) {
	name, err := os.ReadFile(filepath.Join(searchDir, CurrentFile))
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

// SetCurrent durably makes a search index the current one.
func SetCurrent(searchDir, dir string) error {
	if err := durable.Replace(filepath.Join(searchDir, CurrentFile), []byte(filepath.Base(dir)+"\n")); err != nil {
		return fmt.Errorf("making the search index the current one: %w", err)
	}
	return nil
}

// NewDir creates a directory for a new search index.
func NewDir(searchDir string) (string, error) {
	entries, err := os.ReadDir(searchDir)
	if err != nil {
		return "", fmt.Errorf("listing the search indexes: %w", err)
	}

	var newest uint64
	for _, e := range entries {
		if n, err := strconv.ParseUint(e.Name(), 10, 64); err == nil {
			newest = max(newest, n)
		}
	}

	dir := numberedDir(searchDir, newest+1)
	if err := fsx.MakeDir(vfs.Default, dir); err != nil {
		return "", fmt.Errorf("creating a directory for the search index: %w", err)
	}
	return dir, nil
}

// RemoveOthers removes what is in the directory of search indexes but for some names. The name of
// the current one goes first, lest a crash leave half of it.
func RemoveOthers(searchDir string, keep ...string) error {
	entries, err := os.ReadDir(searchDir)
	if err != nil {
		return fmt.Errorf("listing the search indexes: %w", err)
	}
	// Letters, then numbers.
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(b.Name(), a.Name()) })

	for _, e := range entries {
		if slices.Contains(keep, e.Name()) {
			continue
		}

		if err := os.RemoveAll(filepath.Join(searchDir, e.Name())); err != nil {
			return fmt.Errorf("removing what is left of a search index: %w", err)
		}
		if e.Name() == CurrentFile {
			if err := durable.Sync(searchDir); err != nil {
				return fmt.Errorf("removing what is left of a search index: %w", err)
			}
		}
	}
	return nil
}
