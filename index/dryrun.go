package index

// maxRemembered is about how many bytes a DryRun remembers; then it begins anew.
const maxRemembered = 32 << 20

// DryRun makes a PutAll write nothing. It remembers what would have been stored, so that several
// PutAlls that share one know of each other, as the groups of one import do; of very many
// recordings it remembers only the newest.
//
// Its zero value remembers nothing yet. It must not be used concurrently.
type DryRun struct {
	recordings map[string][]byte
	bytes      int
}

// Get returns what would be stored under a key of the implementation's own.
func (d *DryRun) Get(key string) (data []byte, ok bool) {
	data, ok = d.recordings[key]
	return data, ok
}

// Set remembers what would be stored under a key. The data must not change afterwards.
func (d *DryRun) Set(key string, data []byte) {
	const overhead = 64 // bytes of an entry in the map
	size := len(key) + len(data) + overhead

	d.bytes += size
	if d.recordings == nil || d.bytes > maxRemembered {
		d.recordings = make(map[string][]byte)
		d.bytes = size
	}

	d.recordings[key] = data
}
