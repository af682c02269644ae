package service

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/cmd/recordings/internal/config"
)

// askTimeout is how long a service may take to say how it is.
const askTimeout = 10 * time.Second

// Ask asks the service that runs on this machine with a configuration whether it is alive, or whether
// it answers searches. An error is that it is not, and why.
func Ask(ctx context.Context, c *config.Config, ready bool) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, ownURL(c)+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("asking the service: %w", err)
	}
	if ready {
		r.URL.Path = "/readyz"
	}

	// The certificate is for the name that clients use, and nothing is told to whoever has the port.
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("no service answers at %s: %w", c.Listen, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}

	var answer struct {
		StatusMessage string `json:"statusMessage"`
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what did not arrive cannot be told
	_ = json.Unmarshal(text, &answer)
	return fmt.Errorf("the service at %s answers %d: %s", c.Listen, resp.StatusCode,
		cmp.Or(answer.StatusMessage, "is this the recordings service?"))
}

// ownURL is where a service with a configuration is reached on this machine.
func ownURL(c *config.Config) string {
	host, port, _ := net.SplitHostPort(c.Listen) // which the configuration has checked
	switch ip := net.ParseIP(host); {
	case host == "" || ip.Equal(net.IPv4zero):
		host = "127.0.0.1"
	case ip.Equal(net.IPv6unspecified):
		host = "::1"
	}

	scheme := "http"
	if c.TLS.Certificate != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
