package service

import (
	"bytes"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"recordings/cmd/recordings/internal/faulttest"
)

// writeFile writes a file of a test's own.
func writeFile(t *testing.T, dir, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// shown is the certificate that a server shows when its files are looked at again.
func shown(t *testing.T, c *certificate) []byte {
	t.Helper()
	c.checked = time.Time{}
	got, err := c.config().GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: got.Certificate[0]})
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	first := faulttest.WriteCertificate(t, dir)
	var log bytes.Buffer
	c, err := newCertificate(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(shown(t, c), first) {
		t.Error("it shows another certificate than the file's")
	}

	second := faulttest.WriteCertificate(t, dir)
	if !bytes.Equal(shown(t, c), second) {
		t.Error("it does not show the renewed certificate")
	}

	writeFile(t, dir, "key.pem", []byte("half a key"))
	for range 2 {
		if !bytes.Equal(shown(t, c), second) {
			t.Error("with a key that cannot be used, it does not show the certificate before")
		}
	}

	if err := os.Remove(filepath.Join(dir, "cert.pem")); err != nil {
		t.Fatal(err)
	}

	if !bytes.Equal(shown(t, c), second) {
		t.Error("without its file, it does not show the certificate before")
	}

	const refused = "the changed TLS certificate cannot be used; the one before stays in use"
	if n := strings.Count(log.String(), refused); n != 2 {
		t.Errorf("two changes that cannot be used, logged %d times:\n%s", n, log.String())
	}

	third := faulttest.WriteCertificate(t, dir)
	if !bytes.Equal(shown(t, c), third) {
		t.Error("it does not show the certificate that was renewed after all")
	}
}

func TestNoCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if _, err := newCertificate(cert, key, zerolog.Nop()); err == nil {
		t.Error("a certificate without files")
	}
}
