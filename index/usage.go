package index

// Usage is how much an index has of everything.
type Usage struct {
	Recordings   uint64  `json:"recordings"`
	PendingBytes int64   `json:"pendingBytes"` // memory of the changes that the search index does not have yet
	PendingAge   float64 `json:"pendingAge"`   // of the oldest of these, in seconds
	DiskUsed     uint64  `json:"diskUsed"`     // bytes, of the recordings and the search index
	DiskFree     uint64  `json:"diskFree"`     // bytes; 0: not known
}
