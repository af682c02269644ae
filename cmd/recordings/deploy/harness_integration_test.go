//go:build integration

package deploy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"recordings/cmd/recordings/internal/faulttest"
	"recordings/mapping"
)

// patience is how long a test waits for what should come soon.
const patience = 2 * time.Minute

// of the password "secret"
const cheapHash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$+H4vXYFWoXb2B34RuwJIpQ"

// leftovers are directories that outlive single tests.
var leftovers []string

func TestMain(m *testing.M) {
	code := m.Run()
	for _, dir := range leftovers {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// command runs a program to its end, and returns what it prints.
func command(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(c.Args, " "), err, out)
	}
	return string(out)
}

// run runs a program in a directory.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = dir
	return command(t, c)
}

// write writes a file of a test's own, and returns its path.
func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// freePort is an address on this machine that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// listener is what stands in for systemd: it takes what a service tells.
type listener struct {
	conn *net.UnixConn
	mu   sync.Mutex
	told []string
	more chan struct{}
}

// listen waits at a socket for what a service tells.
func listen(t *testing.T, socket string) *listener {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(socket, 0o777); err != nil {
		t.Fatal(err)
	}
	l := &listener{conn: conn, more: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for b := make([]byte, 4096); ; {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			l.mu.Lock()
			l.told = append(l.told, string(b[:n]))
			close(l.more)
			l.more = make(chan struct{})
			l.mu.Unlock()
		}
	}()
	t.Cleanup(func() { conn.Close(); <-ended })
	return l
}

// count is how often something was told that begins so.
func (l *listener) count(beginning string) (n int, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.told {
		if strings.HasPrefix(s, beginning) {
			n++
		}
	}
	return n, l.more
}

// forget forgets what was told.
func (l *listener) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = nil
}

// process is a service that runs.
type process struct {
	cmd   *exec.Cmd
	log   *buffer
	ended chan struct{}
	err   error
}

// buffer is a log that is read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// spawn starts a service, which ends with the test at the latest.
func spawn(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, log: new(buffer), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.err = cmd.Wait()
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process, and what it has started.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may have ended
	<-p.ended
}

// stop asks it to stop, and returns its exit status.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}
	return p.status(t)
}

// status waits until it has ended, and returns its exit status.
func (p *process) status(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("the service did not end:\n%s", p.log)
	}
	if exit, ok := errors.AsType[*exec.ExitError](p.err); ok {
		return exit.ExitCode()
	}
	if p.err != nil {
		t.Fatal(p.err)
	}
	return 0
}

// await waits until something was told so many times.
func (p *process) await(t *testing.T, l *listener, beginning string, times int) {
	t.Helper()
	for deadline := time.After(patience); ; {
		n, more := l.count(beginning)
		if n >= times {
			return
		}
		select {
		case <-more:
		case <-p.ended:
			t.Fatalf("the service ended (%v) before it told %s:\n%s", p.err, beginning, p.log)
		case <-deadline:
			t.Fatalf("the service did not tell %s %d times:\n%s", beginning, times, p.log)
		}
	}
}

// until waits until something is so, and asks again and again.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !so(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it never came that %s", what)
		}
	}
}

// caller calls a service as the users of the tests.
func caller(t *testing.T, url string) *faulttest.Caller {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 16,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, // of the test's own
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &faulttest.Caller{HTTP: &http.Client{Transport: transport, Timeout: patience}, URL: url}
}

// call sends a request that must be answered with the status.
func call(t *testing.T, c *faulttest.Caller, user, method, path, body string, status int) string {
	t.Helper()
	a, err := c.Call(t.Context(), user, method, path, []byte(body))
	if err != nil || a.Status != status {
		t.Fatalf("%s %s: %v %d %s", method, path, err, a.Status, a.Body)
	}
	return string(a.Body)
}

// ready waits until a service answers searches.
func ready(t *testing.T, c *faulttest.Caller, p *process) {
	t.Helper()
	until(t, "searches are answered", func() bool {
		select {
		case <-p.ended:
			t.Fatalf("the service has ended: %v\n%s", p.err, p.log)
		default:
		}
		resp, err := c.HTTP.Get(c.URL + "/readyz")
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}

// post posts recordings with numbers.
func post(t *testing.T, c *faulttest.Caller, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		a, err := c.Post(t.Context(), faulttest.RecordingOf(fmt.Sprintf("call-%04d", n), n))
		if err != nil || a.Status != http.StatusOK {
			t.Fatalf("posting %d: %v %d %s", n, err, a.Status, a.Body)
		}
	}
}

// encoded is a recording as it is posted.
func encoded(t *testing.T, n int) string {
	t.Helper()
	text, err := mapping.Encode(faulttest.RecordingOf(fmt.Sprintf("call-%04d", n), n))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// found is how many recordings searches find.
func found(t *testing.T, c *faulttest.Caller) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ids, err := c.Search(ctx, map[string]string{"startTime": "0", "limit": "100"})
	if err != nil {
		t.Fatal(err)
	}
	return len(ids)
}

// checkout is the root of this checkout.
func checkout(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
