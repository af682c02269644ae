package firsthour

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/config"
	"recordings/index"
	"recordings/mapping"
)

// noon is when all of these tests are.
var noon = time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC)

// newDoctor is one whose clock stands still, and what it writes.
func newDoctor() (*doctor, *bytes.Buffer) {
	out := new(bytes.Buffer)
	return &doctor{Program: &cli.Program{
		Stdout: out, Stderr: out, Zone: time.UTC, Now: func() time.Time { return noon },
	}}, out
}

// wantFindings compares the states that were found, in their order.
func wantFindings(t *testing.T, name string, d *doctor, want ...state) {
	t.Helper()
	if len(d.findings) != len(want) {
		t.Errorf("%s: found is %+v, want %v", name, d.findings, want)
		return
	}
	for i, f := range d.findings {
		if f.State != want[i] || f.Message == "" {
			t.Errorf("%s: found is %+v, want %v", name, f, want[i])
		}
		if f.State == warning && f.Do == "" {
			t.Errorf("%s: nobody is told what to do about %q", name, f.Message)
		}
	}
}

// TestJudge: what a service says of itself.
func TestJudge(t *testing.T) {
	sick := func(change func(*serviceState)) serviceState {
		s := serviceState{Ready: true, Version: "v1", Recordings: 7}
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		state serviceState
		want  []state
	}{
		"well":      {sick(func(*serviceState) {}), []state{well, well}},
		"not ready": {sick(func(s *serviceState) { s.Ready, s.Reason = false, "it is built" }), []state{well, broken}},
		"full":      {sick(func(s *serviceState) { s.Reason = "the disk is full" }), []state{well, broken}},
		"lags":      {sick(func(s *serviceState) { s.PendingAge = 301 }), []state{well, warning}},
		"just not":  {sick(func(s *serviceState) { s.PendingAge = 300 }), []state{well, well}},
		"verified":  {sick(func(s *serviceState) { s.Verify.Verdict = "all is well" }), []state{well, well, well}},
		"damaged":   {sick(func(s *serviceState) { s.Verify.Phase = index.Failed }), []state{well, well, broken}},
		"storage":   {sick(func(s *serviceState) { s.StorageErrors = 1 }), []state{well, well, warning}},
		"audit":     {sick(func(s *serviceState) { s.Audit.Reason = "it is broken" }), []state{well, well, broken}},
	} {
		d, _ := newDoctor()
		d.judge("http://127.0.0.1:8080", &c.state)
		wantFindings(t, name, d, c.want...)
	}
}

// TestNewestBackup: a backup that is older than two days is too old.
func TestNewestBackup(t *testing.T) {
	of := func(age time.Duration) index.Backup {
		return index.Backup{Name: "b", Time: mapping.Time(noon.Add(-age).UnixMilli()), Recordings: 1}
	}
	for name, c := range map[string]struct {
		all  []index.Backup
		want state
	}{
		"none":          {nil, warning},
		"of last night": {[]index.Backup{of(12 * time.Hour)}, well},
		"of two days":   {[]index.Backup{of(48 * time.Hour)}, well},
		"too old":       {[]index.Backup{of(49 * time.Hour)}, warning},
		"in any order":  {[]index.Backup{of(99 * time.Hour), of(time.Hour), of(98 * time.Hour)}, well},
	} {
		d, _ := newDoctor()
		d.newest(c.all)
		wantFindings(t, name, d, c.want)
	}
}

// TestCertificate: one that ends within two weeks is to be renewed.
func TestCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "certificate.pem")
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		from, until time.Duration
		want        state
	}{
		"good":     {-day, 15 * day, well},
		"soon":     {-day, 13 * day, warning},
		"over":     {-2 * day, -day, broken},
		"not yet":  {day, 90 * day, broken},
		"this day": {-day, time.Hour, warning},
	} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: noon.Add(c.from), NotAfter: noon.Add(c.until),
		}
		raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		d, _ := newDoctor()
		d.certificate(&config.Config{TLS: config.TLS{Certificate: file}})
		wantFindings(t, name, d, c.want)
	}

	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, _ := newDoctor()
	d.certificate(&config.Config{TLS: config.TLS{Certificate: file}})
	d.certificate(&config.Config{TLS: config.TLS{Certificate: file + ".gone"}})
	d.certificate(&config.Config{})
	wantFindings(t, "none", d, broken, broken)
}

// TestAddress is where this machine reaches the service.
func TestAddress(t *testing.T) {
	for _, c := range []struct {
		config config.Config
		want   string
	}{
		{config.Config{Listen: "127.0.0.1:8080"}, "http://127.0.0.1:8080"},
		{config.Config{Listen: ":8080"}, "http://127.0.0.1:8080"},
		{config.Config{Listen: "0.0.0.0:1"}, "http://127.0.0.1:1"},
		{config.Config{Listen: "[::]:1"}, "http://127.0.0.1:1"},
		{config.Config{Listen: "[::1]:1"}, "http://[::1]:1"},
		{config.Config{Listen: "calls.example.com:443", TLS: config.TLS{Certificate: "c"}},
			"https://calls.example.com:443"},
		{config.Config{Listen: ":1", PublicURL: "https://calls.example.com/a"}, "https://calls.example.com/a"},
	} {
		if got := address(&c.config); got != c.want {
			t.Errorf("of %q it is %s, want %s", c.config.Listen, got, c.want)
		}
	}
}

// TestShow: a person reads a line for each check, and what to do below it; a program reads JSON.
func TestShow(t *testing.T) {
	d, out := newDoctor()
	f := finding{"disk", warning, "it is nearly\nfull", "make space"}
	if err := d.show(f); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	const line = "SOON    disk          it is nearly full"
	if !strings.HasPrefix(text, line) || !strings.Contains(text, "→ make space\n") {
		t.Errorf("it is %q", text)
	}

	out.Reset()
	d.json = true
	if err := d.show(f); err != nil {
		t.Fatal(err)
	}
	const want = `{"check":"disk","state":"warning","message":"it is nearly\nfull","do":"make space"}` + "\n"
	if out.String() != want {
		t.Errorf("it is %s", out)
	}
}

// TestDirectory: what is not there yet will be made in the directory above it.
func TestDirectory(t *testing.T) {
	d, _ := newDoctor()
	dir := t.TempDir()
	d.directory("data", filepath.Join(dir, "not", "there"))
	if len(d.findings) != 1 || d.findings[0].Check != "disk" || !strings.HasPrefix(d.findings[0].Message, dir+": ") &&
		!strings.HasPrefix(d.findings[0].Message, dir+" is ") {
		t.Errorf("found is %+v", d.findings)
	}
}
