package embedded

import (
	"os"
	"testing"
)

// TestMemory leaves nothing on the disk.
func TestMemory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	x := openIndex(t, Options{Memory: true})
	putRecords(t, x, 0, 100)
	checkSearches(t, x)
	closeIndex(t, x)
	remains, err := os.ReadDir(os.TempDir())
	if err != nil || len(remains) > 0 {
		t.Errorf("what remains is %v, %v", remains, err)
	}
}
