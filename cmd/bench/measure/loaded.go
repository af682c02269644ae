package measure

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// loaded is what is known of loading. It is kept beside files that are kept, for the next time that
// these are measured.
type loaded struct {
	Version   string
	DiskBytes int64
	Build     time.Duration
	Memory    Memory
}

// readLoaded reads what a file tells of loading, or returns nil if it is not there.
func readLoaded(path string) (*loaded, error) {
	if path == "" {
		return nil, nil
	}

	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}

	l := new(loaded)
	if err := json.Unmarshal(data, l); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}

	return l, nil
}

// keep adds to the results what is known of loading, now or from before, and writes it down if the
// files are kept. It returns the peaks of memory while loading.
func (r *run) keep(peaks Memory) (Memory, error) {
	l := r.loaded
	if l.Memory == (Memory{}) {
		l.Memory = peaks
	}

	for i := range r.results {
		m := &r.results[i]
		m.Version, m.DiskBytes, m.Build, m.Memory = l.Version, l.DiskBytes, l.Build, l.Memory
	}

	if r.plan.Loaded == "" {
		return l.Memory, nil
	}

	data, err := json.Marshal(l)
	if err != nil {
		return l.Memory, err
	}

	return l.Memory, os.WriteFile(r.plan.Loaded, data, 0o644)
}

// spend notes that the files do not have what was loaded any more.
func (r *run) spend() error {
	if r.plan.Loaded == "" {
		return nil
	}
	return os.Remove(r.plan.Loaded)
}
