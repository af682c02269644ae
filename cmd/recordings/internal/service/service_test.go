package service

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"recordings/cmd/recordings/internal/config"
)

// testConfig is the configuration of a service on a free port.
func testConfig(t *testing.T) *config.Config {
	t.Helper()
	c := config.Defaults()
	c.Listen, c.Region, c.Data = "127.0.0.1:0", "us-west", t.TempDir()
	return c
}

// TestRun: while the index is being prepared the service is alive and not ready; then it answers,
// until its context ends.
func TestRun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	status := func(url string) int {
		resp, err := client.Get(url)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}

	prepared := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Options{
			Config: testConfig(t), Version: "test", Log: zerolog.Nop(),
			Prepare: func(_ context.Context, s *Service) error {
				if got := status(s.URL() + "/healthz"); got != http.StatusOK {
					t.Errorf("while it is prepared, /healthz answers %d", got)
				}

				if got := status(s.URL() + "/readyz"); got != http.StatusServiceUnavailable {
					t.Errorf("while it is prepared, /readyz answers %d", got)
				}

				if s.Index() == nil {
					t.Error("the index is not open")
				}

				prepared <- s.URL()
				return nil
			},
		})
	}()

	url := <-prepared
	for status(url+"/readyz") != http.StatusOK { // until the gate is open
		if t.Failed() {
			break
		}
	}

	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// TestRunEndsWithPrepare: what goes wrong while a service is prepared ends it, and is what Run
// returns; that it was asked to stop meanwhile is no error.
func TestRunEndsWithPrepare(t *testing.T) {
	broken := errors.New("broken")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()

	run := func(prepare func(context.Context, *Service) error) error {
		return Run(ctx, Options{Config: testConfig(t), Log: zerolog.Nop(), Prepare: prepare})
	}

	if err := run(func(context.Context, *Service) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}

	if err := run(func(ctx context.Context, _ *Service) error { stop(); return ctx.Err() }); err != nil {
		t.Errorf("asked to stop, it ended with %v", err)
	}
}

// TestWarnings: what the HTTP server has to say is one line of the log, with the usual fields.
func TestWarnings(t *testing.T) {
	var out bytes.Buffer
	log.New(warnings{zerolog.New(&out)}, "", 0).Printf("from the HTTP server\n")

	var line struct{ Level, Message, Detail string }
	if err := json.Unmarshal(out.Bytes(), &line, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}

	if line.Level != "warn" || line.Detail != "from the HTTP server" || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("got %s", out.String())
	}
}
