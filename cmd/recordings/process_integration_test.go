//go:build integration

package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// builtBinary builds the program once, race detector included if the tests have it, and returns its
// path.
var builtBinary = sync.OnceValues(func() (string, error) { return build(raceDetector) })

// plainBinary is the program without the race detector, for tests that start it hundreds of times.
var plainBinary = sync.OnceValues(func() (string, error) { return build(false) })

func build(race bool) (string, error) {
	dir, err := os.MkdirTemp("", "recordings-binary-")
	if err != nil {
		return "", err
	}

	leftovers = append(leftovers, dir)
	path := filepath.Join(dir, "recordings")
	args := []string{"build", "-o", path, "-ldflags", "-X main.version=1.2.3-test"}
	if race {
		args = append(args, "-race")
	}

	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}

	return path, nil
}

func binary(t *testing.T) string {
	t.Helper()
	path, err := builtBinary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// process is the real program.
type process struct {
	cmd   *exec.Cmd
	log   *logBuffer // standard error
	ended chan struct{}
	err   error // of the process, once it has ended
}

// spawn starts the program. It is killed when the test ends, unless it has ended before.
func spawn(t *testing.T, args ...string) *process {
	t.Helper()
	return spawnCommand(t, exec.Command(binary(t), args...))
}

// spawnCommand starts a command with what it starts itself.
func spawnCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, log: newLogBuffer(), ended: make(chan struct{})}
	p.cmd.Stderr = p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}

	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(p.kill)

	return p
}

// serveFile starts the service with a configuration file.
func serveFile(t *testing.T, file string, args ...string) *process {
	t.Helper()
	return spawn(t, append([]string{"serve", "--config", file}, args...)...)
}

// url waits until the service answers requests, if not searches.
func (p *process) url(t *testing.T) string {
	t.Helper()
	line, err := p.log.wait("answering", p.ended)
	if err != nil {
		t.Fatal(err)
	}
	return line.URL
}

// kill ends the process, and what it has started, by SIGKILL.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may have ended
	<-p.ended
}

// signal sends a signal.
func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("sending %v: %v\n%s", s, err, p.log)
	}
}

// status waits until the process has ended, and returns its exit status, -1 if a signal ended it.
func (p *process) status(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(2 * patience):
		t.Fatalf("the program did not end:\n%s", p.log)
	}

	if exit, ok := errors.AsType[*exec.ExitError](p.err); ok {
		return exit.ExitCode()
	}

	if p.err != nil {
		t.Fatal(p.err)
	}

	return 0
}

// awaitReady waits until searches are answered.
func awaitReady(t *testing.T, client *http.Client, url string, p *process) {
	t.Helper()
	deadline := time.Now().Add(2 * patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		status, body := get(t, client, "", "", url+"/readyz")
		if status == http.StatusOK {
			return
		}
		if status != http.StatusServiceUnavailable || time.Now().After(deadline) {
			t.Fatalf("/readyz: %d %s\n%s", status, body, p.log)
		}
		<-tick.C
	}
}

// trusting returns a client that trusts one certificate, and makes a connection for every request.
func trusting(t *testing.T, pem []byte) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate")
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true,
		ForceAttemptHTTP2: true}, Timeout: patience}
}
