package bleveindex

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/blevesearch/bleve/v2/index/scorch"
	bleve "github.com/blevesearch/bleve_index_api"

	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/internal/pace"
	"recordings/index/embedded/schema"
)

// openScorch opens the Bleve index in a directory, or creates it where the directory is prepared.
func openScorch(dir string, readOnly bool, analysis *bleve.AnalysisQueue) (bleve.Index, error) {
	register()
	s, err := scorch.NewScorch(scorch.Name, map[string]any{
		"forceSegmentType":       schema.SegmentType,
		"forceSegmentVersion":    int(schema.SegmentVersion),
		"path":                   filepath.Join(dir, storeDir),
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
			// Half of these are enough for a segment never to be merged again: larger ones hardly
			// make searches faster, and a merge of larger ones keeps the others waiting for
			// minutes.
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

// ReadStopped opens the index in a directory for reading, calls fn with its state, and closes it.
// Nobody else may have it open.
func ReadStopped(dir string, fn func(*Reader) error) error {
	return fault.Guard(func() (err error) {
		analysis := bleve.NewAnalysisQueue(1)
		defer analysis.Close()
		s, err := openScorch(dir, true, analysis)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()

		r, err := newReader(s)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		return fn(r)
	})
}

// asyncErrorsName is the name by which scorch finds handleAsyncError.
const asyncErrorsName = "recordings"

// asyncErrors has the *Index of each directory that is open: scorch knows its callbacks by a name
// in a registry of the process, and only hands them its directory, which is storeDir.
var asyncErrors sync.Map

// register makes Bleve know what its configuration names, once for all indexes.
var register = sync.OnceFunc(func() {
	schema.RegisterPlugin()
	scorch.RegistryAsyncErrorCallbacks[asyncErrorsName] = handleAsyncError
})

func handleAsyncError(err error, dir string) {
	if x, ok := asyncErrors.Load(filepath.Dir(dir)); ok {
		x.(*Index).asyncError(err)
	}
}

// retryDelay is the time between attempts of Bleve at what does not work at present.
const retryDelay = time.Second

// asyncError is called by the goroutines of scorch when one has failed to persist, merge or clean
// up, or has panicked. After a panic nothing goes on. Persisting and merging are tried again at
// once and for ever, so it takes its time.
func (x *Index) asyncError(err error) {
	switch {
	case errors.Is(err, scorch.ErrAsyncPanic):
		x.dies()
		_ = x.Fail(err)
	case errors.Is(err, scorch.ErrCleanup):
		x.o.Log.Warn().Err(err).Msg("removing old files of the search index")
	default:
		x.o.Log.Error().Err(err).Msg("writing the search index; it is tried again")
		pace.Sleep(x.closing, retryDelay)
		x.o.AwaitSpace(x.closing)
	}
}
