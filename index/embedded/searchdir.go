package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The directory of search indexes has the directory of each, named by a number, and a file that names the current one.
// There may also be one that is being built, and the one before the current (see reindexState). Others are remains.
const currentFile = "CURRENT"

// openCurrent opens the current search index, if it is there, undamaged, of this schema, and the change log tells what
// it lacks, or else the one before it. Otherwise it returns nil, and why there is none. Either must not have more changes than
// there were when the store was opened: those that came since would be taken for some that the index has.
func (x *Index) openCurrent() (_ *searchIndex, why string) {
	dir, err := currentDir(x.searchDir)
	if errors.Is(err, os.ErrNotExist) {
		return x.fallBack("there is none", x.opened), "there was none"
	}
	var s *searchIndex
	if err == nil {
		s, err = x.openChecked(dir, x.opened)
	}
	if err != nil {
		x.log.Warn().Err(err).Msg("the search index is of no use")
		return x.fallBack(err.Error(), x.opened), err.Error()
	}
	return s, ""
}

// refuseNewerSchema makes sure that the current search index was not made by a later version of the program, which alone
// knows what else is not to be touched. Whatever else is wrong with the index is found out later, and mended.
func refuseNewerSchema(searchDir string) error {
	dir, err := currentDir(searchDir)
	if err != nil {
		return nil
	}
	err = guard(func() error {
		newest, err := checkRoot(filepath.Join(dir, rootFile))
		if err == nil {
			_, err = splitPosition(newest.position)
		}
		return err
	})
	if errors.Is(err, errNewerSchema) {
		return err
	}
	return nil
}

// openChecked opens the search index in a directory if it is of use. It must not have changes behind the sequence last.
func (x *Index) openChecked(dir string, last uint64) (*searchIndex, error) {
	found, err := x.checkComplete(dir, last)
	if err != nil {
		return nil, err
	}
	return openSearchIndex(dir, found.position, 0, x.space, x.o)
}

// checkComplete makes sure that an index is complete and undamaged, and that the change log tells what it lacks.
func (x *Index) checkComplete(dir string, last uint64) (found checked, err error) {
	if found, err = x.checkIndex(dir, last); err != nil {
		return found, err
	}
	if found.filling != "" {
		return found, errors.New("the search index is not complete")
	}
	return found, x.checkCount(found)
}

// checkIndex makes sure that an index is undamaged as far as it goes, and that the change log tells what it lacks.
func (x *Index) checkIndex(dir string, last uint64) (found checked, err error) {
	if found, err = checkSearchIndex(dir); err != nil {
		return found, fmt.Errorf("checking the search index: %w", err)
	}
	if trimmed := x.trimmed.Load(); found.sequence < trimmed {
		return found, fmt.Errorf("the search index has the changes up to %d, the change log those behind %d", found.sequence, trimmed)
	}
	if found.sequence > last {
		return found, fmt.Errorf("the search index has the changes up to %d, but there were only %d", found.sequence, last)
	}
	return found, nil
}

// checkCount compares the number of documents with that of the recordings after the newest change in the index, if the
// change log still knows it. This would tell of damage to the lists of deleted documents, which have no checksum.
func (x *Index) checkCount(found checked) error {
	if found.between {
		return nil
	}
	count, known, err := countAt(x.db, found.sequence)
	if err != nil || !known || count == found.docs {
		return err
	}
	return fmt.Errorf("the search index has %d documents, but there were %d recordings", found.docs, count)
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
	if err := replaceFile(filepath.Join(searchDir, currentFile), filepath.Base(dir)+"\n"); err != nil {
		return fmt.Errorf("making the search index the current one: %w", err)
	}
	return nil
}

// replaceFile gives a file another content, durably, and at once.
func replaceFile(path, content string) error {
	if err := writeSynced(path+".tmp", content); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

func writeSynced(path, content string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// newSearchDir creates a directory for a new search index.
func newSearchDir(searchDir string) (string, error) {
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
	if err := makeDir(vfs.Default, dir); err != nil {
		return "", fmt.Errorf("creating a directory for the search index: %w", err)
	}
	return dir, nil
}

// removeOthers removes what is in the directory of search indexes but for some names. The name of the current one goes
// first, lest a crash leave half of it.
func removeOthers(searchDir string, keep ...string) error {
	entries, err := os.ReadDir(searchDir)
	if err != nil {
		return fmt.Errorf("listing the search indexes: %w", err)
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(b.Name(), a.Name()) }) // letters, then numbers
	for _, e := range entries {
		if slices.Contains(keep, e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(searchDir, e.Name())); err != nil {
			return fmt.Errorf("removing what is left of a search index: %w", err)
		}
		if e.Name() == currentFile {
			if err := syncPath(searchDir); err != nil {
				return fmt.Errorf("removing what is left of a search index: %w", err)
			}
		}
	}
	return nil
}

func syncPath(dir string) error { return syncDir(vfs.Default, dir) }
