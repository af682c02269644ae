//go:build !linux

package firsthour

import (
	"errors"
	"os"
)

// space is not known on this system.
func space(string) (free, size int64, err error) { return 0, 0, errors.ErrUnsupported }

// writable reports whether this user may make files in a directory, as far as its mode tells.
func writable(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.Mode().Perm()&0o222 != 0
}

// clockSynchronized is not known on this system.
func clockSynchronized() (bool, error) { return false, errors.ErrUnsupported }

// sameDisk is not known on this system.
func sameDisk(string, string) (bool, error) { return false, errors.ErrUnsupported }
