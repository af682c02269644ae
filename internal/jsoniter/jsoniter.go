// Package jsoniter stands in for a library that Bleve's shapes of geography decode with, and that nothing here ever
// calls: recordings have no geography. The library looks methods up by names that are known only while it runs, which
// keeps the linker from leaving out of the whole program what is never called, 12 MB of 49, and its maintenance has
// ended. This one has what those shapes need of it, by the standard library, so that they would work if they were used.
package jsoniter

import "encoding/json"

// API is what Bleve uses of the library.
type API interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// ConfigCompatibleWithStandardLibrary is the standard library.
var ConfigCompatibleWithStandardLibrary API = standard{}

type standard struct{}

func (standard) Marshal(v any) ([]byte, error) { return json.Marshal(v) }

func (standard) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }
