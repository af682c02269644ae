package bleveindex

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	"recordings/internal/durable"
)

// The seal of an index that is closed has the checksum of its root file. Nothing in that file
// itself would show that it was damaged, neither in its pages nor in the lists of deleted documents
// that they hold. While the index is open there is no seal: Bleve changes the file when it likes.
// After a crash only the number of documents can show damage (see [Checked.Docs]).
const SealFile = "seal"

// sealOf returns the content that the seal of a directory should have.
func sealOf(dir string) (string, error) {
	f, err := os.Open(filepath.Join(dir, RootFile))
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
	return durable.Replace(filepath.Join(dir, SealFile), []byte(seal))
}

// checkSeal compares the root file with the seal, if there is one.
func checkSeal(dir string) error {
	found, err := os.ReadFile(filepath.Join(dir, SealFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}

	seal, err := sealOf(dir)
	if err == nil && string(found) != seal {
		err = fmt.Errorf("the checksum of %s is wrong: it has %s, the seal says %.60q",
			filepath.Base(RootFile), strings.TrimSpace(seal), found)
	}
	return err
}

// breakSeal removes the seal, durably, before the index is opened for writing.
func breakSeal(dir string) error {
	if err := durable.Remove(filepath.Join(dir, SealFile)); err != nil {
		return fmt.Errorf("breaking the seal of the search index: %w", err)
	}
	return nil
}
