package embedded

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

	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/util"
	bleveindex "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	"go.etcd.io/bbolt"
)

// checked is what checkSearchIndex has found.
type checked struct {
	position
	docs uint64 // documents that are not deleted
}

// checkSearchIndex makes sure that there is an undamaged search index of this schema in a directory, and returns how far it
// reaches. Bleve itself checks nothing when it opens an index, and deletes what it cannot make sense of.
func checkSearchIndex(dir string) (found checked, err error) {
	if err := checkSeal(dir); err != nil {
		return found, err
	}
	var newest newestState
	err = guard(func() (err error) {
		newest, err = checkRoot(filepath.Join(dir, rootFile))
		return err
	})
	if err != nil {
		return found, err
	}
	err = readScorch(dir, func(s bleveindex.Index) (err error) {
		found, err = checkSnapshot(s, &newest)
		return err
	})
	return found, err
}

// readScorch opens the Bleve index in a directory for reading, calls fn, and closes it.
func readScorch(dir string, fn func(bleveindex.Index) error) error {
	return guard(func() (err error) {
		analysis := bleveindex.NewAnalysisQueue(1)
		defer analysis.Close()
		s, err := openScorch(dir, true, analysis)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return fn(s)
	})
}

// newestState is what the root file says of the newest state of an index.
type newestState struct {
	position []byte
	segments []string // the names of their files, sorted
}

// checkRoot makes sure that the root file is as long as it says. Only a part of one that was cut off may be read at first.
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

// readNewestState reads what Bleve has written: a bucket for each state, the newest one last, with a bucket for each segment.
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

// errOlderState tells that Bleve can read an older state only: it goes on with that one, and removes the files that it makes then.
var errOlderState = errors.New("its newest state cannot be read")

func checkSnapshot(s bleveindex.Index, newest *newestState) (found checked, err error) {
	r, err := s.Reader()
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	value, err := r.GetInternal(positionKey)
	if err != nil {
		return found, err
	}
	if found.position, err = splitPosition(value); err != nil {
		return found, err
	}
	if found.docs, err = r.DocCount(); err != nil {
		return found, err
	}
	var segments []string
	for _, part := range r.(*scorch.IndexSnapshot).Segments() {
		if file, ok := part.Segment().(segment.PersistedSegment); ok {
			segments = append(segments, filepath.Base(file.Path()))
			if err := checkSegment(file.Path()); err != nil {
				return found, err
			}
		}
	}
	slices.Sort(segments)
	if !bytes.Equal(value, newest.position) || !slices.Equal(segments, newest.segments) {
		return found, errOlderState
	}
	return found, nil
}

// checkSegment compares a segment file with the checksum at its end.
func checkSegment(path string) error {
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
