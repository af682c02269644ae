package embedded

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The seal of a search index that is closed has the checksum of its root file. Nothing in that file tells that it was
// damaged, neither in its pages nor in the lists of deleted documents that they hold. While the index is open there is no
// seal: Bleve changes the file when it likes. After a crash the number of documents is all that tells (see checkCurrent).
const (
	rootFile = "root.bolt"
	sealFile = "seal"
)

func sealOf(dir string) (string, error) {
	f, err := os.Open(filepath.Join(dir, rootFile))
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	n, err := io.Copy(sum, f)
	return fmt.Sprintf("%d bytes, CRC-32C %08x\n", n, sum.Sum32()), err
}

// writeSeal seals a search index that was closed.
func writeSeal(dir string) error {
	seal, err := sealOf(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil // it is removed already
	}
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, sealFile), seal)
}

// checkSeal compares the root file with the seal, if there is one.
func checkSeal(dir string) error {
	found, err := os.ReadFile(filepath.Join(dir, sealFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	seal, err := sealOf(dir)
	if err == nil && string(found) != seal {
		err = fmt.Errorf("the checksum of %s is wrong: it has %s, the seal says %.60q", rootFile, strings.TrimSpace(seal), found)
	}
	return err
}

// breakSeal removes the seal, durably, before the index is opened for writing.
func breakSeal(dir string) error {
	err := os.Remove(filepath.Join(dir, sealFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncPath(dir)
	}
	if err != nil {
		return fmt.Errorf("breaking the seal of the search index: %w", err)
	}
	return nil
}
