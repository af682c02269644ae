//go:build integration

package opensearch

// KeyOf is what the cluster knows a recording by.
func KeyOf(contactCenter, id string) (doc, routing string) {
	k := keyOf(contactCenter, id)
	return k.doc, k.routing
}

// Reindexing reports whether it is this node that makes the index anew.
func Reindexing(x *Index) bool { return x.reindexer.now().Owner == x.reindexer.owner }
