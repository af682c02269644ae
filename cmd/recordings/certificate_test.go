package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCertificate writes cert.pem and key.pem for 127.0.0.1, and returns the certificate.
func writeCertificate(t *testing.T, dir string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "recordings"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	writeFile(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	writeFile(t, dir, "cert.pem", string(cert))
	return cert
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
	first, log := writeCertificate(t, dir), newLogBuffer()
	c, err := newCertificate(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), newLog(log, "info"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(shown(t, c), first) {
		t.Error("it shows another certificate than the file's")
	}
	second := writeCertificate(t, dir)
	if !bytes.Equal(shown(t, c), second) {
		t.Error("it does not show the renewed certificate")
	}

	writeFile(t, dir, "key.pem", "half a key")
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
	if n := strings.Count(log.String(), "the changed TLS certificate cannot be used; the one before stays in use"); n != 2 {
		t.Errorf("two changes that cannot be used, told %d times:\n%s", n, log)
	}
	third := writeCertificate(t, dir)
	if !bytes.Equal(shown(t, c), third) {
		t.Error("it does not show the certificate that was renewed after all")
	}
}

func TestNoCertificate(t *testing.T) {
	dir := t.TempDir()
	if _, err := newCertificate(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), newLog(newLogBuffer(), "info")); err == nil {
		t.Error("a certificate without files")
	}
}
