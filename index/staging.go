package index

// maxStaged is about how many bytes a Staging remembers; then it begins anew.
const maxStaged = 32 << 20

// Staging remembers what is not stored yet: the recordings of a group that is about to be, or those of a dry run, which never
// will be. One that is given to several dry runs makes each of them know the ones before; of very many recordings it remembers only
// the newest. Its zero value is empty. It must not be used concurrently.
type Staging struct {
	recordings map[string][]byte
	bytes      int
}

// Get returns what is staged under a key of the implementation's own.
func (s *Staging) Get(key string) (data []byte, ok bool) {
	data, ok = s.recordings[key]
	return data, ok
}

// Set stages something under a key. The data must not change.
func (s *Staging) Set(key string, data []byte) {
	const overhead = 64 // bytes of a place in the map
	if s.bytes += len(key) + len(data) + overhead; s.recordings == nil || s.bytes > maxStaged {
		s.recordings = make(map[string][]byte)
		s.bytes = len(key) + len(data) + overhead
	}
	s.recordings[key] = data
}
