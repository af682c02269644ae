package bleveindex

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/blevesearch/bleve/v2/util"
	"go.etcd.io/bbolt"

	"recordings/index/embedded/internal/fault"
)

// Checked is what Check has found.
type Checked struct {
	Position
	Docs uint64 // documents that are not deleted
}

// Check makes sure that there is an undamaged index of this schema in a directory, and returns how
// far it reaches. Nobody may have it open.
func Check(dir string) (found Checked, err error) {
	if err := checkSeal(dir); err != nil {
		return found, err
	}

	var newest newestState
	err = fault.Guard(func() (err error) {
		newest, err = checkRoot(filepath.Join(dir, RootFile))
		return err
	})
	if err != nil {
		return found, err
	}

	err = ReadStopped(dir, func(r *Reader) (err error) {
		found, err = checkState(r, &newest)
		return err
	})
	return found, err
}

// RefuseNewer makes sure that the current index of a directory of search indexes was not made by a
// later version of the program, which alone knows what else is not to be touched. The error is then
// [ErrNewerSchema]. Whatever else is wrong with the index is found out later, and mended.
func RefuseNewer(searchDir string) error {
	dir, err := Current(searchDir)
	if err != nil {
		return nil
	}

	err = fault.Guard(func() error {
		newest, err := checkRoot(filepath.Join(dir, RootFile))
		if err == nil {
			_, err = splitPosition(newest.position)
		}
		return err
	})
	if errors.Is(err, ErrNewerSchema) {
		return err
	}
	return nil
}

// newestState is what the root file says of the newest state of an index.
type newestState struct {
	position []byte   // see positionKey
	segments []string // the names of their files, sorted
}

// checkRoot makes sure that the root file is as long as it says. Only a part of one that was cut
// off may be read at first.
func checkRoot(path string) (newest newestState, err error) {
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 { // to open an empty one would make one
		return newest, errors.Join(errors.New("its root file is missing or empty"), err)
	}
	root, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return newest, fmt.Errorf("opening its root file: %w", err)
	}

	err = root.View(func(tx *bbolt.Tx) error {
		if tx.Size() > info.Size() {
			return fmt.Errorf("its root file has %d bytes of %d", info.Size(), tx.Size())
		}
		newest = readNewestState(tx)
		return nil
	})
	return newest, errors.Join(err, root.Close())
}

// readNewestState reads what Bleve has written: a bucket for each state, the newest one last, with
// a bucket for each segment.
func readNewestState(tx *bbolt.Tx) (newest newestState) {
	states := tx.Bucket(util.BoltSnapshotsBucket)
	if states == nil {
		return newest
	}
	name, _ := states.Cursor().Last()
	state := states.Bucket(name)
	if state == nil {
		return newest
	}

	if internal := state.Bucket(util.BoltInternalKey); internal != nil {
		newest.position = slices.Clone(internal.Get(positionKey))
	}
	for name := range keys(state) {
		if part := state.Bucket(name); part != nil && part.Get(util.BoltPathKey) != nil {
			newest.segments = append(newest.segments, string(part.Get(util.BoltPathKey)))
		}
	}
	slices.Sort(newest.segments)
	return newest
}

func keys(b *bbolt.Bucket) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		c := b.Cursor()
		for key, _ := c.First(); key != nil && yield(key); key, _ = c.Next() {
		}
	}
}

// errOlderState says that Bleve can only read a state that is not the newest: it goes on with that
// one, and removes the files that it takes for newer.
var errOlderState = errors.New("its newest state cannot be read")

func checkState(r *Reader, newest *newestState) (found Checked, err error) {
	value, err := r.Snapshot.GetInternal(positionKey)
	if err != nil {
		return found, err
	}
	if found.Position, err = splitPosition(value); err != nil {
		return found, err
	}
	if found.Docs, err = r.Snapshot.DocCount(); err != nil {
		return found, err
	}

	var segments []string
	for _, path := range r.Files() {
		segments = append(segments, filepath.Base(path))
		if err := CheckSegment(path); err != nil {
			return found, err
		}
	}

	slices.Sort(segments)
	if !bytes.Equal(value, newest.position) || !slices.Equal(segments, newest.segments) {
		return found, errOlderState
	}
	return found, nil
}

// CheckSegment compares a segment file with the checksum at its end.
func CheckSegment(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}

	sum := crc32.NewIEEE()
	if _, err := io.CopyBuffer(sum, io.LimitReader(f, info.Size()-crc32.Size), make([]byte, 1<<20)); err != nil {
		return err
	}

	var footer [crc32.Size]byte
	if _, err := io.ReadFull(f, footer[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(footer[:]) != sum.Sum32() {
		return fmt.Errorf("the checksum of %s is wrong", filepath.Base(path))
	}
	return nil
}
