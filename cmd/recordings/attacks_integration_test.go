//go:build integration

package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"recordings/api/auth"
)

// rawClient sends what it is told, from an address of this machine.
type rawClient struct {
	*testing.T
	address string // of the service
}

// dial connects from an address. The connection ends with the test.
func (c rawClient) dial(from string) *net.TCPConn {
	c.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.DialContext(c.Context(), "tcp", c.address)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.TCPConn)
}

// login are the lines of the header by which operations are known.
var login = "Host: h\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ops:secret")) + "\r\n"

// attacked is a service with so many connections, more users, and a recording.
func attacked(t *testing.T, connections int, users ...string) (rawClient, *process) {
	t.Helper()
	dir := t.TempDir()
	p := serveFile(t, writeFile(t, dir, "recordings.yaml",
		testConfig(dir+"/data", append(users, fmt.Sprint("max_connections: ", connections))...)))
	url := p.url(t)
	awaitReady(t, newClient(t), url, p)
	postOne(t, url, "r1")
	return rawClient{t, strings.TrimPrefix(url, "http://")}, p
}

// TestHalfClosedClients shut down their sending side as soon as they have asked, and get all of
// their answers.
func TestHalfClosedClients(t *testing.T) {
	c, _ := attacked(t, 100)
	const center = "/api/v2/ops/contact-centers/" + contactCenter
	get := func(path string) string { return "GET " + center + path + " HTTP/1.1\r\n" + login + "\r\n" }
	var posts strings.Builder
	for i := range 8 {
		body := strings.Replace(lineOfRecording, "ID", fmt.Sprint("p", i), 1)
		fmt.Fprintf(&posts, "POST %s/recordings HTTP/1.1\r\n%sContent-Type: application/json\r\n", center, login)
		fmt.Fprintf(&posts, "Content-Length: %d\r\n\r\n%s", len(body), body)
	}

	for name, x := range map[string]struct {
		text    string
		answers int
	}{
		"a search with a total": {get("/recordings?startTime=0&total=true"), 1},
		"an export":             {get("/export?startTime=0"), 1},
		"pipelined POSTs":       {posts.String(), 8},
		"pipelined searches":    {strings.Repeat(get("/recordings?startTime=0"), 5), 5},
	} {
		for range 20 {
			conn := c.dial("127.0.0.1")
			if _, err := io.WriteString(conn, x.text); err != nil {
				t.Fatal(err)
			}
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(conn)
			for i := range x.answers {
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatalf("%s: answer %d: %v", name, i+1, err)
				}
				body, err := io.ReadAll(resp.Body)
				if resp.StatusCode != http.StatusOK || err != nil {
					t.Fatalf("%s: answer %d: %d %s, %v", name, i+1, resp.StatusCode, body, err)
				}
			}
			conn.Close()
		}
	}
}

// lineOfRecording is a recording on one line.
const lineOfRecording = `{"id":"ID","callerPhoneNumber":"1","dialedPhoneNumber":"2","region":"us-west","mediaFiles":[` +
	`{"callUUID":"c","startTime":"2013-05-17T11:45:32Z","stopTime":"2013-05-17T11:45:33Z",` +
	`"mediaDescriptor":{"storage":"webDAV","path":"http://media.invalid/a.wav"}}],"eventHistory":[` +
	`{"occurredAt":"2013-05-18T22:25:56Z","event":"Left","contact":{"type":"External","phoneNumber":"UNKNOWN"}}]}`

// TestConnectionsOfOneAddress: whoever opens all that they can, and sends nothing, keeps nobody else
// waiting, and not even others of the same address for long.
func TestConnectionsOfOneAddress(t *testing.T) {
	c, p := attacked(t, 100)
	for range 300 {
		c.dial("127.0.0.2")
	}
	for _, from := range []string{"127.0.0.1", "127.0.0.3"} {
		began := time.Now()
		conn := c.dial(from)
		fmt.Fprintf(conn, "GET /api/v2/me HTTP/1.1\r\n%s\r\n", login)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if took := time.Since(began); err != nil || resp.StatusCode != http.StatusOK || took > 3*time.Second {
			t.Errorf("from %s: %v, %v after %v\n%s", from, resp, err, took, p.log)
		}
	}

	answered := false
	for end := time.Now().Add(patience); !answered && time.Now().Before(end); {
		conn := c.dial("127.0.0.2")
		fmt.Fprintf(conn, "GET /api/v2/me HTTP/1.1\r\n%s\r\n", login)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		answered = err == nil && resp.StatusCode == http.StatusOK
	}
	if !answered {
		t.Error("nobody else of the same address is answered")
	}
}

// TestMemoryOfBatches sends many batches of large lines at once: all are taken, and what the process
// needs stays within what the README says.
func TestMemoryOfBatches(t *testing.T) {
	const batches, linesOfEach, mostMemory = 48, 4, 384 << 10 // KiB
	c, p := attacked(t, 1000)
	padding := strings.Repeat(`{"occurredAt":"2013-05-18T22:25:56Z","event":"Left","contact":{"type":"External",`+
		`"phoneNumber":"`+strings.Repeat("5", 130)+`"}},`, 4000)
	var clients sync.WaitGroup
	for n := range batches {
		clients.Go(func() {
			var body strings.Builder
			for i := range linesOfEach {
				line := strings.Replace(lineOfRecording, "ID", fmt.Sprint("m", n, "-", i), 1)
				body.WriteString(strings.Replace(line, `"eventHistory":[`, `"eventHistory":[`+padding, 1) + "\n")
			}
			url := "http://" + c.address + "/api/v2/ops/contact-centers/" + contactCenter + "/recordings"
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body.String()))
			if err != nil {
				t.Error(err)
				return
			}
			req.SetBasicAuth("ops", "secret")
			req.Header.Set("Content-Type", "application/x-ndjson")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if want := fmt.Sprintf(`"created":%d,`, linesOfEach); err != nil || !strings.Contains(string(text), want) {
				t.Errorf("batch %d: %s, %v", n, text, err)
			}
		})
	}
	clients.Wait()
	wantMemory(t, p, mostMemory)
}

// wantMemory wants a process never to have needed more than so many KiB.
func wantMemory(t *testing.T, p *process, most int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var needed int
	if _, err := fmt.Sscan(rest, &needed); err != nil || needed > most && !raceDetector {
		t.Errorf("the process needed %d KiB, %v", needed, err)
	}
	t.Logf("the process needed %d MiB at most", needed>>10)
}

// TestMemoryOfLogins signs in from many addresses at once, by passwords that have to be hashed: each is
// answered, and few hashes are in memory at a time.
func TestMemoryOfLogins(t *testing.T) {
	const logins, most, ofHash = 200, 300 << 10, 19 << 10 // KiB
	more := max(0, runtime.NumCPU()-2)                    // processors: each has a hash, and the garbage of another

	hash, err := auth.HashPassword("secret")
	if err != nil {
		t.Fatal(err)
	}
	c, p := attacked(t, 1000, fmt.Sprintf("- {name: real, role: ops, password_hash: %q}", hash))
	ask := func(conn net.Conn, password string) int {
		name := base64.StdEncoding.EncodeToString([]byte("real:" + password))
		fmt.Fprintf(conn, "GET /api/v2/me HTTP/1.1\r\nHost: h\r\nAuthorization: Basic %s\r\n\r\n", name)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}

	var clients sync.WaitGroup
	for n := range logins {
		conn := c.dial(fmt.Sprint("127.0.1.", 1+n))
		clients.Go(func() {
			if status := ask(conn, fmt.Sprint("guess", n)); status != http.StatusUnauthorized {
				t.Errorf("login %d is answered %d", n, status)
			}
		})
	}
	clients.Wait()
	if status := ask(c.dial("127.0.2.1"), "secret"); status != http.StatusOK {
		t.Errorf("the right password is answered %d", status)
	}
	wantMemory(t, p, most+2*ofHash*more)
}
