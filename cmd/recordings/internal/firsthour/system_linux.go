package firsthour

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// space is how many bytes of a disk are free for this user, and how many it has.
func space(dir string) (free, size int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Blocks) * s.Bsize, nil
}

// writable reports whether this user may make files in a directory.
func writable(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }

// clockSynchronized reports whether something keeps the clock of the system right.
func clockSynchronized() (bool, error) {
	var t unix.Timex
	status, err := unix.Adjtimex(&t)
	return status != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, err
}

// sameDisk reports whether two directories are on one file system.
func sameDisk(a, b string) (bool, error) {
	one, err := os.Stat(a)
	if err != nil {
		return false, err
	}
	other, err := os.Stat(b)
	if err != nil {
		return false, err
	}
	x, xOK := one.Sys().(*syscall.Stat_t)
	y, yOK := other.Sys().(*syscall.Stat_t)
	return xOK && yOK && x.Dev == y.Dev, nil
}
