package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		for _, dir := range leftovers {
			os.RemoveAll(dir)
		}
		os.Exit(code)
	}))
}

// leftovers are directories that outlive single tests.
var leftovers []string

// patience is how long a test waits for what should come soon.
const patience = 2 * time.Minute

// The contact center and the passwords of tests.
const (
	contactCenter = "a5539ef5-7dd5-4150-818f-ee1bcd447cbe"
	// of the password "secret"
	cheapHash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$+H4vXYFWoXb2B34RuwJIpQ"
)

// testConfig is a configuration with the users ops and admin, whose passwords are both "secret",
// and further lines.
func testConfig(data string, lines ...string) string {
	return fmt.Sprintf(`listen: 127.0.0.1:0
region: us-west
data: %s
users:
- {name: ops, role: ops, password_hash: "%s"}
- {name: admin, role: admin, contact_center: %s, password_hash: "%s"}
%s
`, data, cheapHash, contactCenter, cheapHash, strings.Join(lines, "\n"))
}

// logBuffer takes the log of a program, and lets tests wait for a line of it.
type logBuffer struct {
	mu      sync.Mutex
	partial []byte
	lines   []string
	grown   chan struct{} // closed when there is more
}

func newLogBuffer() *logBuffer { return &logBuffer{grown: make(chan struct{})} }

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.partial = append(b.partial, p...)
	for {
		line, rest, ok := bytes.Cut(b.partial, []byte("\n"))
		if !ok {
			break
		}
		b.lines, b.partial = append(b.lines, string(line)), rest
	}

	close(b.grown)
	b.grown = make(chan struct{})
	return len(p), nil
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lines, "\n")
}

// logLine is a line of the log, as far as tests care.
type logLine struct {
	Message string `json:"message"`
	Address string `json:"address"`
	URL     string `json:"url"`
	Data    string `json:"data"`
}

// find returns the first line with the message, and what is closed when there may be more.
func (b *logBuffer) find(message string) (logLine, bool, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.lines {
		var line logLine
		if json.Unmarshal([]byte(text), &line) == nil && line.Message == message {
			return line, true, nil
		}
	}
	return logLine{}, false, b.grown
}

// wait returns the first line with the message. It gives up when ended is closed, or the patience
// is over.
func (b *logBuffer) wait(message string, ended <-chan struct{}) (logLine, error) {
	deadline := time.After(patience)
	for {
		line, ok, grown := b.find(message)
		if ok {
			return line, nil
		}

		select {
		case <-grown:
		case <-ended:
			if line, ok, _ := b.find(message); ok {
				return line, nil
			}
			return logLine{}, fmt.Errorf("the program ended before it logged %q:\n%s", message, b)
		case <-deadline:
			return logLine{}, fmt.Errorf("the program did not log %q in %v:\n%s", message, patience, b)
		}
	}
}

// running is the program on its way within the test's own process.
type running struct {
	log    *logBuffer
	stdout *bytes.Buffer // to be read when it has ended
	stop   context.CancelFunc
	ended  chan struct{}
	status status
}

// start runs the program with the arguments. It is stopped when the test ends.
func start(t *testing.T, environ []string, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{log: newLogBuffer(), stdout: new(bytes.Buffer), stop: stop, ended: make(chan struct{})}
	p := program{stdin: strings.NewReader(""), stdout: r.stdout, stderr: r.log, environ: environ}
	go func() {
		defer close(r.ended)
		r.status = p.run(ctx, args)
	}()
	t.Cleanup(func() { r.end(t) })
	return r
}

// url waits until the program answers.
func (r *running) url(t *testing.T) string {
	t.Helper()
	line, err := r.log.wait("answering", r.ended)
	if err != nil {
		t.Fatal(err)
	}
	return line.URL
}

// end stops the program, and returns its exit status.
func (r *running) end(t *testing.T) status {
	t.Helper()
	r.stop()
	select {
	case <-r.ended:
	case <-time.After(patience):
		t.Fatalf("the program did not stop:\n%s", r.log)
	}
	return r.status
}

// writeFile writes a file of a test's own, and returns its path.
func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// get answers a GET with the status and the body.
func get(t *testing.T, client *http.Client, user, password, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}

	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}

	return resp.StatusCode, string(body)
}

// newClient returns a client whose connections end with the test.
func newClient(t *testing.T) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}
