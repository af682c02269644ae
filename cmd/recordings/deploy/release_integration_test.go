//go:build integration

package deploy_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// version is that of what the tests make.
const version = "1.1.0"

// release makes what is released from a checkout, into a directory.
func release(root, out string, args ...string) error {
	cmd := exec.Command("go", append([]string{"run", ".", "-out", out}, args...)...)
	cmd.Dir = filepath.Join(root, ".ci", "release")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	return nil
}

// madeRelease is everything that is released, made once for all tests.
var madeRelease = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "recordings-released-")
	if err != nil {
		return "", err
	}
	leftovers = append(leftovers, dir)
	root, err := filepath.Abs("../../..")
	if err != nil {
		return "", err
	}
	return dir, release(root, dir, "-version", version)
})

// released is the path of something that is released.
func released(t *testing.T, name string) string {
	t.Helper()
	dir, err := madeRelease()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// TestHardened: what systemd itself says of how well the unit locks the service in, from 0 (best) to 10.
func TestHardened(t *testing.T) {
	out := run(t, ".", "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20",
		"recordings.service")
	t.Log(regexp.MustCompile(`Overall exposure.*`).FindString(out))
}

func parseID(t *testing.T, text string) (id uint32) {
	t.Helper()
	if _, err := fmt.Sscan(text, &id); err != nil {
		t.Fatal(err)
	}
	return id
}
