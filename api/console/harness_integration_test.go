//go:build integration

package console_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// The demonstration's contact center, and how long tests wait for what should come soon.
const (
	contactCenter = "a5539ef5-7dd5-4150-818f-ee1bcd447cbe"
	opsPath       = "/api/v2/ops/contact-centers/" + contactCenter + "/recordings"
	patience      = time.Minute
)

// service is the real binary, serving.
type service struct {
	url      string
	password string // of ops and admin; empty: each has its own name for a password, as in the demonstration
	log      *tail
}

// tail keeps what the service logs.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (l *tail) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-20):], "\n")
}

// build builds the binary, for as long as the test runs.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "recordings")
	if out, err := exec.Command("go", "build", "-o", binary, "recordings/cmd/recordings").CombinedOutput(); err != nil {
		t.Fatalf("building the service: %v\n%s", err, out)
	}
	return binary
}

// serve runs the binary until the test ends.
func serve(t *testing.T, binary string, args ...string) *service {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"serve"}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	s := &service{log: new(tail)}
	urls := make(chan string, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			s.log.add(lines.Text())
			var line struct {
				Message string `json:"message"`
				URL     string `json:"url"`
			}
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "answering" {
				urls <- line.URL
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("the service: %v\n%s", err, s.log)
		}
	})

	select {
	case s.url = <-urls:
	case <-ended:
		t.Fatalf("the service ended:\n%s", s.log)
	case <-time.After(patience):
		t.Fatalf("the service does not answer:\n%s", s.log)
	}

	return s
}

func (s *service) passwordOf(user string) string {
	if s.password != "" {
		return s.password
	}
	return user
}

// call makes a request of an API client, and decodes the answer.
func (s *service) call(t *testing.T, user, method, target, body string) map[string]any {
	t.Helper()
	return s.callAs(t, user, method, target, "application/json", body)
}

// postAll posts many recordings at once.
func (s *service) postAll(t *testing.T, recordings []string) {
	t.Helper()
	answer := s.callAs(t, "ops", "POST", opsPath, "application/x-ndjson", strings.Join(recordings, "\n")+"\n")
	if answer["failed"] != 0.0 || answer["lines"] != float64(len(recordings)) {
		t.Fatalf("posting %d recordings: %v", len(recordings), answer)
	}
}

func (s *service) callAs(t *testing.T, user, method, target, contentType, body string) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	r.Header.Set("Content-Type", contentType)
	r.SetBasicAuth(user, s.passwordOf(user))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}

	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var answer map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &answer); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %.2000s", method, target, resp.StatusCode, text)
	}

	return answer
}

// found are the ids of the first recordings that the API finds.
func (s *service) found(t *testing.T, query string) []string {
	t.Helper()
	ids := []string{}
	for _, r := range s.call(t, "admin", "GET", "/api/v2/recordings?"+query, "")["recordings"].([]any) {
		ids = append(ids, r.(map[string]any)["id"].(string))
	}
	return ids
}

// pick is the first recording of those that a search finds that is as wanted.
func (s *service) pick(t *testing.T, query string, wanted func(r map[string]any) bool) string {
	t.Helper()
	for offset := 0; ; offset += 100 {
		page := s.call(t, "ops", "GET", fmt.Sprintf("%s?%s&offset=%d", opsPath, query, offset),
			"")["recordings"].([]any)
		for _, x := range page {
			if r := x.(map[string]any); wanted(r) {
				return r["id"].(string)
			}
		}

		if len(page) == 0 {
			break
		}
	}

	t.Fatalf("the demonstration has no such recording among those of %s", query)
	return ""
}

func files(r map[string]any) []any { return r["mediaFiles"].([]any) }

// missing reports whether the storage of the demonstration lacks a media file of a recording.
func missing(r map[string]any) bool { return strings.Contains(fmt.Sprint(files(r)), "/expired/") }

// whole reports whether all media files of a recording can be heard here.
func whole(r map[string]any) bool {
	return !missing(r) && !slices.ContainsFunc(files(r), func(f any) bool { return has(f, "pkcs7") })
}

func has(x any, name string) bool { return x.(map[string]any)[name] != nil }

// recording is one with a media file of 10 s and the events of one agent; change makes it another
// one.
func recording(id string, start time.Time, change func(r map[string]any)) string {
	at := func(d time.Duration) string { return start.Add(d).UTC().Format(time.RFC3339Nano) }
	agent := map[string]any{"type": "User", "phoneNumber": "+14155550100", "userName": "alice", "firstName": "Alice",
		"lastName": "Amber"}
	r := map[string]any{
		"id": id, "callerPhoneNumber": "+16505550101", "dialedPhoneNumber": "+18005550100", "region": "us-west",
		"mediaFiles": []any{map[string]any{
			"mediaDescriptor": map[string]any{"storage": "webDAV", "path": "calls/" + fmt.Sprintf("%x", id) + ".wav"},
			"callUUID":        "u1", "startTime": at(0), "stopTime": at(10 * time.Second), "type": "audio/wav",
		}},
		"eventHistory": []any{
			map[string]any{"occurredAt": at(0), "event": "Joined", "contact": agent},
			map[string]any{"occurredAt": at(time.Second), "event": "data", "data": map[string]any{"Queue": "Billing"}},
			map[string]any{"occurredAt": at(9 * time.Second), "event": "Left", "contact": agent},
		},
	}

	if change != nil {
		change(r)
	}

	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}

	return string(text)
}
