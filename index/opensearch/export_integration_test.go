//go:build integration

package opensearch

import (
	"github.com/go-json-experiment/json"

	"recordings/mapping"
)

// KeyOf is what the cluster knows a recording by.
func KeyOf(contactCenter, id string) (doc, routing string) {
	k := keyOf(contactCenter, id)
	return k.doc, k.routing
}

// Reindexing reports whether it is this node that makes the index anew.
func Reindexing(x *Index) bool { return x.reindexer.Mine() }

// Verifying reports whether it is this node that verifies.
func Verifying(x *Index) bool { return x.verifier.Mine() }

// BackingUp reports whether it is this node that makes a backup.
func BackingUp(x *Index) bool { return x.backuper.Mine() }

// DocumentOf is what the cluster is given of a recording.
func DocumentOf(contactCenter string, r *mapping.Recording) map[string]any {
	data, err := mapping.Encode(r)
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(newDocument(contactCenter, r, data))
	if err != nil {
		panic(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		panic(err)
	}
	return fields
}
