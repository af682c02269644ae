package opensearchtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Version is the version of OpenSearch that is started.
const Version = "2.19.6"

// What OpenSearch's own builds test against: the whole engine, with no module that is not needed here.
const (
	artifact = "org.opensearch.distribution.integ-test-zip:opensearch:" + Version + ":zip"
	unpack   = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack"
)

// install returns where the engine is unpacked. The first time it is fetched from Maven Central, with its
// checksum compared; then it is kept outside the work tree, where every user may read it.
func install(ctx context.Context) (home string, err error) {
	cache := "/var/cache/recordings"
	if os.Getuid() != 0 {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("where to keep OpenSearch: %w", err)
		}
		cache = filepath.Join(user, "recordings")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("keeping OpenSearch: %w", err)
	}

	// Several test programs may want it at a time, and one of them may be killed while it fetches.
	unlock, err := lock(filepath.Join(cache, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	home = filepath.Join(cache, "opensearch-"+Version)
	if _, err := os.Stat(home); !errors.Is(err, os.ErrNotExist) {
		return home, err
	}
	return home, fetch(ctx, cache, home)
}

// fetch has Maven unpack the engine.
func fetch(ctx context.Context, cache, home string) (err error) {
	maven, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("%w; it fetches OpenSearch, see .ci/packages.txt", err)
	}
	dir, err := os.MkdirTemp(cache, "fetching-")
	if err != nil {
		return fmt.Errorf("unpacking OpenSearch: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	cmd := exec.CommandContext(ctx, maven, "--batch-mode", "--quiet", "--strict-checksums", unpack,
		"-Dartifact="+artifact, "-DoutputDirectory="+dir)
	cmd.Dir = dir
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fetching %s: %w\n%s", artifact, err, said)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return fmt.Errorf("unpacking OpenSearch: %w", err)
	}
	if err := os.Rename(filepath.Join(dir, filepath.Base(home)), home); err != nil {
		return fmt.Errorf("unpacking OpenSearch: %w", err)
	}
	return nil
}

// lock waits until no other process has the lock.
func lock(file string) (unlock func(), err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", file, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // which unlocks it
}

// java returns the directory of the Java that is installed.
func java() (home string, err error) {
	program, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("%w; OpenSearch runs on it, see .ci/packages.txt", err)
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		return "", fmt.Errorf("looking for Java: %w", err)
	}
	return filepath.Dir(filepath.Dir(program)), nil
}
