package faulttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Disk is a file system in a file, which takes root to mount. It is unmounted when the test ends,
// however it ends.
type Disk struct {
	*testing.T
	image   string
	Dir     string // where it is mounted
	mounted bool
}

// NewDisk makes and mounts a file system of a kind that mkfs knows. The file takes only as much
// space as is written.
func NewDisk(t *testing.T, kind, size string) *Disk {
	t.Helper()
	d := &Disk{T: t, image: filepath.Join(t.TempDir(), "image"), Dir: t.TempDir()}
	d.run("truncate", "-s", size, d.image)
	d.run("mkfs."+kind, "-q", d.image)
	t.Cleanup(d.remove)
	d.Mount()
	return d
}

func (d *Disk) run(name string, args ...string) string {
	d.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		d.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// Mount mounts it again, after [Disk.Unmount].
func (d *Disk) Mount() {
	d.Helper()
	d.run("mount", "-o", "loop", d.image, d.Dir)
	d.mounted = true
}

// Unmount unmounts it, which fails while somebody uses it.
func (d *Disk) Unmount() {
	d.Helper()
	d.run("umount", d.Dir)
	d.mounted = false
}

// remove leaves neither a mount nor a loop device behind, whoever still uses it.
func (d *Disk) remove() {
	if d.mounted {
		if out, err := exec.Command("umount", d.Dir).CombinedOutput(); err != nil {
			d.Errorf("unmounting: %v\n%s", err, out)
			d.run("umount", "-l", d.Dir)
		}
	}

	out, err := exec.Command("losetup", "-j", d.image, "-n", "-O", "NAME").Output()
	if err != nil {
		d.Errorf("looking for loop devices: %v", err)
	}

	for _, device := range strings.Fields(string(out)) {
		d.Errorf("%s is left behind", device)
		d.run("losetup", "-d", device)
	}
}

// EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are the same request; this flag of it writes nothing
// more, not even the log.
const (
	ioctlShutdown  = 0x8004587d
	withoutLogging = 2
)

// CutPower makes the file system stop at once: what has not been written to the file by now never
// will be. Whoever uses it gets errors from now on.
func (d *Disk) CutPower() {
	d.Helper()
	f, err := os.Open(d.Dir)
	if err != nil {
		d.Fatal(err)
	}
	defer f.Close()

	if err := unix.IoctlSetPointerInt(int(f.Fd()), ioctlShutdown, withoutLogging); err != nil {
		d.Fatalf("cutting off the power: %v", err)
	}
}

// Times is how often a test does something: n times in CI, and RECORDINGS_TORTURE times that in the
// long form.
func Times(t *testing.T, n int) int {
	t.Helper()
	text := os.Getenv("RECORDINGS_TORTURE")
	if text == "" {
		return n
	}

	factor, err := strconv.Atoi(text)
	if err != nil || factor < 1 {
		t.Fatalf("RECORDINGS_TORTURE is %q, and not a whole number from 1 on", text)
	}
	return n * factor
}
