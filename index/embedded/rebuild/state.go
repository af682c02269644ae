package rebuild

import (
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"

	"recordings/index"
	"recordings/internal/durable"
	"recordings/mapping"
)

// state is what a restart must not forget of building a search index. It is a file beside the
// indexes.
type state struct {
	index.Reindex // never of the phase Paused

	Dir      string       `json:"dir,omitzero"`      // name of the directory of the index that is being built
	IsPaused bool         `json:"isPaused,omitzero"` // until resumed
	Old      string       `json:"old,omitzero"`      // likewise of the index before the current one
	OldUntil mapping.Time `json:"oldUntil,omitzero"` // so long it is kept
}

const stateFile = "REINDEX"

// save durably writes the state: the CRC-32 of the JSON in hexadecimal, a space, and the JSON.
func (s *state) save(dir string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	content := fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(data), data)
	return durable.Replace(filepath.Join(dir, stateFile), content)
}

// load reads what save wrote. What does not have its checksum is not trusted.
func (s *state) load(dir string) error {
	content, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return err
	}

	sum, data, _ := strings.Cut(strings.TrimSuffix(string(content), "\n"), " ")
	if sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(data))) {
		return fmt.Errorf("the checksum of %s is wrong", stateFile)
	}
	return json.Unmarshal([]byte(data), s)
}

// end notes how building has ended.
func (s *state) end(phase index.Phase, verdict string) {
	s.Phase, s.Verdict, s.Ended = phase, verdict, now()
	s.Dir, s.IsPaused = "", false
}
