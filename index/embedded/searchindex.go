package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	"github.com/rs/zerolog"

	"recordings/index/embedded/newest"
	"recordings/index/embedded/schema"
)

// searchIndex is a Bleve index in a directory. It is used without Bleve's own wrapper around it, which would add a file
// that is never synced, and goroutines that never end.
//
// Changes are applied by one goroutine; several may add to it.
type searchIndex struct {
	dir      string
	log      zerolog.Logger
	scorch   bleveindex.Index
	searcher *newest.Searcher
	records  *recordCache
	analysis *bleveindex.AnalysisQueue
	space    *space
	closing  context.Context
	end      context.CancelFunc
	batches  sync.WaitGroup // that Bleve is working on
	died     chan struct{}  // closed when a goroutine of Bleve's has died
	dies     func()         // closes died, once

	position               // of what it was given
	docs     atomic.Uint64 // given to it so far

	mu        sync.Mutex
	persisted persisted
	progress  chan struct{} // closed, and replaced, when more is persisted
	err       error         // why it is of no use any more
	failed    chan struct{} // closed when err is set
}

// persisted is how far a search index survives a crash.
type persisted struct {
	sequence uint64 // the changes up to this
	docs     uint64
}

// positionKey is the internal key under which each batch leaves how far it reaches.
var positionKey = []byte("position")

// position is how far a search index reaches: it has the changes up to a sequence. While it is being filled, that is so
// for the recordings up to a key, and it may have some of the others.
type position struct {
	sequence uint64
	filling  string // the record key up to which it is filled; empty: it has all recordings
	between  bool   // it has some of the changes behind the sequence, as well
}

// betweenMark is in the place of the key filling where between is set. No record key is like it.
const betweenMark = "~"

// errNewerSchema is the error of a search index that a later version of the program has made.
var errNewerSchema = errors.New("the search index is of a schema that this program does not know")

// appendPosition encodes a position: the schema's content and version, 4 bytes each, the sequence in 8, the key, and
// the CRC-32 of these.
func appendPosition(b []byte, p position) []byte {
	b = binary.BigEndian.AppendUint32(b, schema.Content())
	b = binary.BigEndian.AppendUint32(b, schema.Version)
	b = binary.BigEndian.AppendUint64(b, p.sequence)
	if p.between && p.filling == "" { // while it is being filled, that goes without saying
		p.filling = betweenMark
	}
	b = append(b, p.filling...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func splitPosition(b []byte) (p position, err error) {
	end := len(b) - crc32.Size
	if end < 16 || binary.BigEndian.Uint32(b[end:]) != crc32.ChecksumIEEE(b[:end]) {
		return p, errors.New("it does not say how far it reaches")
	}
	content, version := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	switch {
	case version > schema.Version:
		return p, fmt.Errorf("%w: version %d, it knows %d; use the version of the program that wrote it or a later one",
			errNewerSchema, version, schema.Version)
	case version < schema.Version:
		return p, fmt.Errorf("its schema is of version %d, not %d", version, schema.Version)
	case content != schema.Content():
		return p, errors.New("it lacks fields that were not filled when it was made")
	}
	p.sequence, p.filling = binary.BigEndian.Uint64(b[8:]), string(b[16:end])
	if p.filling == betweenMark {
		p.filling, p.between = "", true
	}
	return p, nil
}

// openScorch opens the Bleve index in a directory, or creates it.
func openScorch(dir string, readOnly bool, analysis *bleveindex.AnalysisQueue) (bleveindex.Index, error) {
	register()
	s, err := scorch.NewScorch(scorch.Name, map[string]any{
		"forceSegmentType":       schema.SegmentType,
		"forceSegmentVersion":    int(schema.SegmentVersion),
		"path":                   dir,
		"read_only":              readOnly,
		"unsafe_batch":           true, // the change log is what makes a change durable
		"bolt_timeout":           "1s", // for a lock that somebody else holds; without it, for ever
		"numSnapshotsToKeep":     1,
		"asyncErrorCallbackName": asyncErrorsName,
		"scorchPersisterOptions": map[string]any{
			"NumPersisterWorkers":  1,
			"PersisterNapTimeMSec": 200, // batches come gathered: to merge them in memory would be work for nothing
		},
		"scorchMergePlanOptions": map[string]any{
			// Half of these are enough for a segment never to be merged again: larger ones hardly make searches faster, and a
			// merge of larger ones keeps the others waiting for minutes.
			"MaxSegmentSize": 2_000_000,
		},
	}, analysis)
	if err != nil {
		return nil, fmt.Errorf("configuring the search index: %w", err)
	}
	if err := s.Open(); err != nil {
		return nil, err
	}
	return s, nil
}

// openSearchIndex opens the search index in a directory, which must be empty or have passed checkSearchIndex, at the position
// that this has found. The number of workers bounds how many processors analysis takes; 0: all.
func openSearchIndex(dir string, at position, workers int, space *space, o Options) (*searchIndex, error) {
	if err := breakSeal(dir); err != nil {
		return nil, err
	}
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	s := &searchIndex{
		dir:       dir,
		log:       o.Log,
		analysis:  bleveindex.NewAnalysisQueue(workers),
		searcher:  newest.NewSearcher(newest.Options{MemoryBytes: o.SearchMemory}),
		records:   newRecordCache(o.CacheBytes / 4),
		space:     space,
		position:  at,
		persisted: persisted{sequence: at.sequence},
		progress:  make(chan struct{}),
		failed:    make(chan struct{}),
		died:      make(chan struct{}),
	}
	s.dies = sync.OnceFunc(func() { close(s.died) })

	s.closing, s.end = context.WithCancel(context.Background())
	asyncErrors.Store(dir, s)
	err := guard(func() (err error) {
		s.scorch, err = openScorch(dir, false, s.analysis)
		return err
	})
	if err != nil {
		asyncErrors.Delete(dir)
		s.analysis.Close()
		s.end()
		return nil, fmt.Errorf("opening the search index: %w", err)
	}
	return s, nil
}

// apply gives the index a batch, with which it has reached a position.
func (s *searchIndex) apply(ctx context.Context, b *bleveindex.Batch, p position) error {
	b.SetInternal(positionKey, appendPosition(nil, p))
	if err := s.submit(ctx, b, p.sequence); err != nil {
		return err
	}
	s.position = p
	return nil
}

// flush waits until everything that the index was given survives a crash.
func (s *searchIndex) flush(ctx context.Context) error {
	mark := s.docs.Add(1) // as if it were a document, since a batch without any cannot be told from the one before
	if err := s.apply(ctx, bleveindex.NewBatch(), s.position); err != nil {
		return err
	}
	return s.waitPersisted(ctx, func(p persisted) bool { return p.docs >= mark })
}

// submit makes a batch visible to searches. It survives a crash only some time later, in the order of the batches; while
// much is waiting for that, submit waits.
func (s *searchIndex) submit(ctx context.Context, b *bleveindex.Batch, sequence uint64) error {
	if err := s.waitPersisted(ctx, func(p persisted) bool { return s.docs.Load()-p.docs < maxUnpersisted }); err != nil {
		return err
	}
	reached := persisted{sequence, s.docs.Add(uint64(len(b.IndexOps)))}
	b.SetPersistedCallback(func(err error) {
		if err == nil {
			s.setPersisted(reached)
		}
	})
	done := make(chan error, 1)
	s.batches.Go(func() { done <- guard(func() error { return s.scorch.Batch(b) }) })
	select {
	case err := <-done:
		if err != nil {
			return s.fail(fmt.Errorf("adding to the search index: %w", err))
		}
		return nil
	case <-s.failed: // if a goroutine of Bleve's has died, Batch may never return
		return s.failure()
	}
}

// maxUnpersisted bounds the documents that Bleve holds in memory because it cannot write them as fast as they come.
const maxUnpersisted = 50_000

func (s *searchIndex) setPersisted(p persisted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.docs >= s.persisted.docs {
		s.persisted = p
		close(s.progress)
		s.progress = make(chan struct{})
	}
}

// persistence returns how far the index survives a crash, and a channel that is closed when it is farther.
func (s *searchIndex) persistence() (persisted, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.persisted, s.progress
}

// waitPersisted waits until enough is persistent.
func (s *searchIndex) waitPersisted(ctx context.Context, enough func(persisted) bool) error {
	for {
		p, progress := s.persistence()
		if enough(p) {
			return nil
		}
		select {
		case <-progress:
		case <-s.failed:
			return s.failure()
		case <-ctx.Done():
			return fmt.Errorf("writing the search index: %w", context.Cause(ctx))
		}
	}
}

// fail notes that the index is of no use any more.
func (s *searchIndex) fail(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
		close(s.failed)
	}
	return s.err
}

func (s *searchIndex) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// uses tells whether a file has a segment of the present state.
func (s *searchIndex) uses(path string) (used bool, err error) {
	r, err := s.scorch.Reader()
	if err != nil {
		return false, fmt.Errorf("reading the search index: %w", err)
	}
	used = slices.ContainsFunc(r.(*scorch.IndexSnapshot).Segments(), func(part *scorch.SegmentSnapshot) bool {
		file, ok := part.Segment().(segment.PersistedSegment)
		return ok && file.Path() == path
	})
	return used, r.Close()
}

// count returns how many documents the index has.
func (s *searchIndex) count() (n uint64, err error) {
	r, err := s.scorch.Reader()
	if err == nil {
		n, err = r.DocCount()
		err = errors.Join(err, r.Close())
	}
	if err != nil {
		return 0, fmt.Errorf("counting the documents of the search index: %w", err)
	}
	return n, nil
}

// close ends the index. What is not persistent is lost; the change log has it.
func (s *searchIndex) close() error {
	s.end()
	s.awaitBatches()
	err := guard(s.scorch.Close)
	asyncErrors.Delete(s.dir)
	s.analysis.Close()
	if err == nil {
		err = writeSeal(s.dir)
	}
	if err != nil {
		return fmt.Errorf("closing the search index: %w", err)
	}
	return nil
}

// awaitBatches waits for the batches that are under way, which submit does not if the index has failed: they would never return
// once it is closed. Nor do they if a goroutine of Bleve's has died.
func (s *searchIndex) awaitBatches() {
	done := make(chan struct{})
	go func() {
		s.batches.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-s.died:
	}
}

// asyncErrorsName is the name by which scorch finds handleAsyncError.
const asyncErrorsName = "recordings"

// asyncErrors has the *searchIndex of each directory that is open: scorch knows its callbacks by a name in a registry of
// the process, and only tells them the directory.
var asyncErrors sync.Map

// register makes Bleve know what its configuration names, once for all indexes.
var register = sync.OnceFunc(func() {
	schema.RegisterPlugin()
	scorch.RegistryAsyncErrorCallbacks[asyncErrorsName] = handleAsyncError
})

func handleAsyncError(err error, dir string) {
	if s, ok := asyncErrors.Load(dir); ok {
		s.(*searchIndex).asyncError(err)
	}
}

// asyncError is called by the goroutines of scorch when one has failed to persist, merge or clean up, or has panicked.
// After a panic nothing goes on. Persisting and merging are tried again at once and for ever, so it takes its time.
func (s *searchIndex) asyncError(err error) {
	switch {
	case errors.Is(err, scorch.ErrAsyncPanic):
		s.dies()
		_ = s.fail(err)
	case errors.Is(err, scorch.ErrCleanup):
		s.log.Warn().Err(err).Msg("removing old files of the search index")
	default:
		s.log.Error().Err(err).Msg("writing the search index; it is tried again")
		sleep(s.closing, retryDelay)
		s.space.await(s.closing)
	}
}
