package rebuild

import (
	"errors"
	"fmt"
	"os"

	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/store"
)

// OpenCurrent opens the current search index, if it is there, undamaged, of this schema, and the
// change log has what it lacks, or else the one before it. Otherwise it returns nil, and why there
// is none. Either must not have more changes than there were when the store was opened: those that
// came since would be taken for some that the index has.
func (b *Builder) OpenCurrent() (x *bleveindex.Index, why string) {
	dir, err := bleveindex.Current(b.o.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return b.fallBack("there is none", b.opener.opened), "there was none"
	}

	if err == nil {
		x, err = b.opener.openChecked(dir, b.opener.opened)
	}
	if err != nil {
		b.o.Log.Warn().Err(err).Msg("the search index is of no use")
		return b.fallBack(err.Error(), b.opener.opened), err.Error()
	}
	return x, ""
}

// opener opens indexes that are of use.
type opener struct {
	o      bleveindex.Options
	store  *store.Store
	opened uint64 // sequence of the newest change when the store was opened
}

// open opens an index whose analysis takes so many processors; 0: all.
func (o *opener) open(dir string, at bleveindex.Position, workers int) (*bleveindex.Index, error) {
	options := o.o
	options.Workers = workers
	return bleveindex.Open(dir, at, options)
}

// openChecked opens the index in a directory if it is of use. It must not have changes behind the
// sequence last.
func (o *opener) openChecked(dir string, last uint64) (*bleveindex.Index, error) {
	found, err := o.check(dir, last)
	if err != nil {
		return nil, err
	}
	if found.Filling != "" {
		return nil, errors.New("the search index is not complete")
	}
	if err := o.checkCount(found); err != nil {
		return nil, err
	}
	return o.open(dir, found.Position, 0)
}

// check makes sure that an index is undamaged as far as it goes, and that the change log has what
// it lacks.
func (o *opener) check(dir string, last uint64) (found bleveindex.Checked, err error) {
	if found, err = bleveindex.Check(dir); err != nil {
		return found, fmt.Errorf("checking the search index: %w", err)
	}

	if trimmed := o.store.Trimmed(); found.Sequence < trimmed {
		return found, fmt.Errorf("the search index has the changes up to %d, the change log those behind %d",
			found.Sequence, trimmed)
	}
	if found.Sequence > last {
		return found, fmt.Errorf("the search index has the changes up to %d, but there were only %d",
			found.Sequence, last)
	}
	return found, nil
}

// checkCount compares the number of documents with that of the recordings after the newest change
// in the index, if the change log still knows it. This would show damage to the lists of deleted
// documents, which have no checksum.
func (o *opener) checkCount(found bleveindex.Checked) error {
	if found.Between {
		return nil
	}

	count, known, err := o.store.CountAt(found.Sequence)
	if err != nil || !known || count == found.Docs {
		return err
	}
	return fmt.Errorf("the search index has %d documents, but there were %d recordings", found.Docs, count)
}
