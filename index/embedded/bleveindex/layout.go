package bleveindex

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/index/embedded/internal/fsx"
	"recordings/index/embedded/schema"
	"recordings/internal/durable"
)

// The directory of an index is what Bleve itself would make of it, so that any Bleve opens it: a
// file that says of which kind the index is, a directory that belongs to scorch, and in this,
// beside the segments, the root file, which has the index mapping as well. Bleve never syncs the
// first of these: an index whose machine lost its power soon after it was made would not open. So it
// is made here.
const (
	metaFile = "index_meta.json"
	storeDir = "store"

	// RootFile is the file by which Bleve knows what the newest state consists of.
	RootFile = storeDir + "/root.bolt"
)

// meta is the content of metaFile.
var meta = []byte(`{"storage":"` + scorch.Name + `","index_type":"` + scorch.Name + `"}`)

// prepare durably makes what Bleve expects to find in the directory of an index.
func prepare(dir string) error {
	if err := fsx.MakeDir(vfs.Default, filepath.Join(dir, storeDir)); err != nil {
		return fmt.Errorf("creating the directory of the search index: %w", err)
	}
	path := filepath.Join(dir, metaFile)
	found, err := os.ReadFile(path)
	if err == nil && bytes.Equal(found, meta) {
		return nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reading the description of the search index: %w", err)
	}
	if err := durable.Replace(path, meta); err != nil {
		return fmt.Errorf("writing the description of the search index: %w", err)
	}
	return nil
}

// indexMapping is the index mapping in the form in which Bleve keeps it.
var indexMapping = sync.OnceValues(func() ([]byte, error) { return json.Marshal(schema.Mapping()) })
