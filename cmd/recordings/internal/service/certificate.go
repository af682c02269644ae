package service

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// certificate is the TLS certificate of the service. It is read again when its files change, so
// that renewing it needs no restart. A changed certificate that cannot be used is logged, and the
// one before goes on being used.
type certificate struct {
	certFile, keyFile string
	log               zerolog.Logger

	mu      sync.Mutex
	checked time.Time // when the files were last looked at
	stamp   [2]fileStamp
	current *tls.Certificate
}

// recheck is how often the files are looked at, when there are connections at all.
const recheck = time.Second

// fileStamp changes whenever a file is written or replaced.
type fileStamp struct {
	modified int64 // nanoseconds since 1970
	size     int64
}

// newCertificate reads the files, which must be right when the service starts.
func newCertificate(certFile, keyFile string, log zerolog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	if err := c.load(time.Now()); err != nil {
		return nil, err
	}
	return c, nil
}

// config is that of a server which shows the certificate.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: c.get}
}

// get is called for each handshake.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.checked) >= recheck {
		if err := c.load(now); err != nil {
			c.log.Error().Err(err).Msg("the changed TLS certificate cannot be used; the one before stays in use")
		}
	}
	return c.current, nil
}

// reload reads other files, or the same again. What it returns has their certificate shown from then on.
func (c *certificate) reload(certFile, keyFile string) (use func(), err error) {
	read, err := newCertificate(certFile, keyFile, c.log)
	if err != nil {
		return nil, err
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.certFile, c.keyFile = certFile, keyFile
		c.checked, c.stamp, c.current = read.checked, read.stamp, read.current
	}, nil
}

// load reads the files if they have changed since they were last read.
func (c *certificate) load(now time.Time) error {
	c.checked = now

	stamp, err := c.stampFiles()
	if err != nil {
		return err
	}
	if stamp == c.stamp {
		return nil
	}

	c.stamp = stamp // also when it is wrong: say so once, not with every connection
	loaded, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("reading the TLS certificate %s and its key: %w", c.certFile, err)
	}

	if c.current != nil {
		c.log.Info().Time("not_after", loaded.Leaf.NotAfter).Msg("the TLS certificate was read again")
	}

	c.current = &loaded
	return nil
}

// stampFiles looks at the files without reading them.
func (c *certificate) stampFiles() (stamp [2]fileStamp, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return stamp, fmt.Errorf("reading the TLS certificate: %w", err)
		}
		stamp[i] = fileStamp{modified: info.ModTime().UnixNano(), size: info.Size()}
	}
	return stamp, nil
}

// expires is when the first of the chain ends that is shown, in seconds since 1970. It looks whether
// the files have changed, as a handshake does.
func (c *certificate) expires() float64 {
	shown, _ := c.get(nil) // which always has one
	first := math.Inf(1)
	for _, der := range shown.Certificate {
		if parsed, err := x509.ParseCertificate(der); err == nil {
			first = min(first, float64(parsed.NotAfter.Unix()))
		}
	}
	return first
}
