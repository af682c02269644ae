//go:build integration

package main

import (
	"bufio"
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
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"recordings/cmd/recordings/internal/faulttest"
	"recordings/cmd/recordings/internal/service"
	"recordings/mapping"
)

// setup writes a configuration, with further lines, for a data directory that does not exist yet.
func setup(t *testing.T, lines ...string) (file, data string) {
	t.Helper()
	dir := t.TempDir()
	data = filepath.Join(dir, "data")
	return writeFile(t, dir, "recordings.yaml", testConfig(data, lines...)), data
}

// TestStopUnderLoad: whoever gets an answer to a POST while the service is being stopped finds the
// recording when it is back.
func TestStopUnderLoad(t *testing.T) {
	file, _ := setup(t)
	p := serveFile(t, file)
	c := &faulttest.Caller{HTTP: newClient(t), URL: p.url(t)}

	slow := beginPost(t, strings.TrimPrefix(c.URL, "http://"), faulttest.RecordingOf("slow", 1))
	acknowledged := make(chan string, 1_000_000)
	enough := make(chan struct{})
	var once sync.Once
	var clients sync.WaitGroup
	for i := range 16 {
		clients.Go(func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("call-%d-%d", i, n)
				a, err := c.Post(t.Context(), faulttest.RecordingOf(id, i*100_000+n))
				if err != nil {
					return // it has stopped
				}

				if a.Status != http.StatusOK {
					t.Errorf("POST: %d %s", a.Status, a.Body)
					return
				}

				acknowledged <- id
				if n == 20 {
					once.Do(func() { close(enough) })
				}
			}
		})
	}

	<-enough
	p.signal(t, syscall.SIGTERM)
	if _, err := p.log.wait("stopping: requests that are running may end", p.ended); err != nil {
		t.Fatal(err)
	}

	if status := slow.finish(t); status != http.StatusOK {
		t.Errorf("the POST that was under way got %d", status)
	}

	clients.Wait()
	close(acknowledged)
	if s := p.status(t); s != 0 {
		t.Errorf("exit status %d\n%s", s, p.log)
	}

	p = serveFile(t, file)
	c.URL = p.url(t)
	awaitReady(t, c.HTTP, c.URL, p)
	for _, id := range append([]string{"slow"}, collect(acknowledged)...) {
		if r, err := c.Read(t.Context(), id); err != nil || r == nil {
			t.Errorf("%s was acknowledged, and is gone: %v", id, err)
		}
	}
}

func collect(ids <-chan string) (all []string) {
	for id := range ids {
		all = append(all, id)
	}
	return all
}

// TestSecondSignal: who cannot wait need not.
func TestSecondSignal(t *testing.T) {
	file, _ := setup(t)
	p := serveFile(t, file)
	slow := beginPost(t, strings.TrimPrefix(p.url(t), "http://"), faulttest.RecordingOf("slow", 1))
	defer slow.conn.Close()
	p.signal(t, syscall.SIGINT)
	if _, err := p.log.wait("stopping: requests that are running may end", p.ended); err != nil {
		t.Fatal(err)
	}

	p.signal(t, syscall.SIGINT)
	if s := p.status(t); s != int(failed) {
		t.Errorf("exit status %d", s)
	}
}

// TestStopDoesNotWaitForEver: a request that does not end within the grace is cut off, and was not
// acknowledged.
func TestStopDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	file, _ := setup(t)
	p := serveFile(t, file)
	slow := beginPost(t, strings.TrimPrefix(p.url(t), "http://"), faulttest.RecordingOf("slow", 1))
	defer slow.conn.Close()
	began := time.Now()
	p.signal(t, syscall.SIGTERM)
	if s := p.status(t); s != 0 {
		t.Errorf("exit status %d\n%s", s, p.log)
	}

	if took := time.Since(began); took < service.Grace-time.Second {
		t.Errorf("it stopped after %v, the grace is %v", took, service.Grace)
	}

	if got, err := io.ReadAll(slow.conn); len(got) > 0 && !strings.HasPrefix(string(got), "HTTP/1.1 4") {
		t.Errorf("the request that was cut off was answered %q, %v", got, err)
	}
}

func TestStopWhileTheDemoLoads(t *testing.T) {
	p := spawn(t, "serve", "--demo", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"))
	if _, err := p.log.wait("listening", p.ended); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGTERM)
	if s := p.status(t); s != 0 {
		t.Errorf("exit status %d\n%s", s, p.log)
	}
}

func TestOneProcessPerDataDirectory(t *testing.T) {
	file, _ := setup(t)
	first := serveFile(t, file)
	url := first.url(t)
	second := serveFile(t, file)
	if s := second.status(t); s != int(failed) ||
		!strings.Contains(second.log.String(), "is in use by another process") {
		t.Errorf("exit status %d\n%s", s, second.log)
	}

	third := serveFile(t, file, "--listen", strings.TrimPrefix(url, "http://"))
	if s := third.status(t); s != int(failed) ||
		!strings.Contains(third.log.String(), "another process has this port") {
		t.Errorf("exit status %d\n%s", s, third.log)
	}

	if status, body := get(t, newClient(t), "", "", url+"/readyz"); status != http.StatusOK {
		t.Errorf("the first one: %d %s", status, body)
	}
}

// TestUnusableData: a data directory that cannot be made, and one that is something else.
func TestUnusableData(t *testing.T) {
	file, data := setup(t)
	if err := os.WriteFile(data, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	for _, dir := range []string{data, filepath.Join(data, "below"), "/proc/recordings"} {
		p := serveFile(t, file, "--data", dir)
		if s := p.status(t); s != int(failed) ||
			!strings.Contains(p.log.String(), "opening the data directory "+dir+": ") {
			t.Errorf("%s: exit status %d\n%s", dir, s, p.log)
		}
	}
}

func TestWrongConfiguration(t *testing.T) {
	file := writeFile(t, t.TempDir(), "recordings.yaml",
		"listen: here\nregoin: us-west\nusers:\n- {name: ops, role: root}\n")
	for _, args := range [][]string{{"serve"}, {"check-config"}} {
		p := spawn(t, append(args, "--config", file)...)
		if s := p.status(t); s != int(misused) {
			t.Errorf("%v: exit status %d", args, s)
		}

		for _, want := range []string{": region: is required", ":1: listen: ", ":2: regoin: ",
			":4: users[0].password_hash: ", ":4: users[0].role: "} {
			if !strings.Contains(p.log.String(), file+want) {
				t.Errorf("%v: does not tell %q:\n%s", args, want, p.log)
			}
		}
	}
}

// pendingPost is a POST whose body is not complete yet.
type pendingPost struct {
	conn    net.Conn
	answers *bufio.Reader
	rest    string
}

// beginPost sends a POST but for the end of its body. When it returns, the service has begun to
// read the body.
func beginPost(t *testing.T, address string, r *mapping.Recording) *pendingPost {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}

	encoded, err := mapping.Encode(r)
	if err != nil {
		t.Fatal(err)
	}

	body := string(encoded)
	p := &pendingPost{conn, bufio.NewReader(conn), body[len(body)/2:]}
	p.send(t, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic b3BzOnNlY3JldA==\r\nContent-Type: "+
		"application/json\r\n"+
		"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n", faulttest.OpsRecordings, address, len(body)))
	if status := p.answer(t); status != http.StatusContinue {
		t.Fatalf("the header of the POST was answered %d", status)
	}

	p.send(t, body[:len(body)/2])
	return p
}

func (p *pendingPost) send(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(p.conn, text); err != nil {
		t.Fatal(err)
	}
}

func (p *pendingPost) answer(t *testing.T) int {
	t.Helper()
	resp, err := http.ReadResponse(p.answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// finish sends the rest, and returns the status of the answer.
func (p *pendingPost) finish(t *testing.T) int {
	t.Helper()
	defer p.conn.Close()
	p.send(t, p.rest)
	return p.answer(t)
}

// TestSlowClients: those who send a header or a body without end are cut off, and nobody else is
// kept waiting.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	file, _ := setup(t)
	p := serveFile(t, file)
	url := p.url(t)
	address := strings.TrimPrefix(url, "http://")
	header, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer header.Close()

	body := beginPost(t, address, faulttest.RecordingOf("slow", 1))
	defer body.conn.Close()

	began := time.Now()
	var trickles sync.WaitGroup
	trickles.Go(func() { trickle(t, header, "GET / HTTP/1.1\r\nX-Slow: ", began, service.HeaderTimeout) })
	trickles.Go(func() { trickle(t, body.conn, "", began, service.BodyTimeout) })
	if status, _ := get(t, newClient(t), "", "", url+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}

	trickles.Wait()
	if r, err := (&faulttest.Caller{HTTP: newClient(t), URL: url}).Read(t.Context(), "slow"); r != nil || err != nil {
		t.Errorf("half a body was stored: %v, %v", r, err)
	}
}

// trickle sends a byte now and then until the server has enough of it, which must be about limit
// later than began.
func trickle(t *testing.T, conn net.Conn, first string, began time.Time, limit time.Duration) {
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		_, err := io.Copy(io.Discard, conn) // until the server closes
		if err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("reading: %v", err)
		}
	}()

	_, _ = io.WriteString(conn, first)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-cut:
			if took := time.Since(began); took < limit-time.Second || took > limit+patience {
				t.Errorf("cut off after %v, the limit is %v", took, limit)
			}
			return
		case <-tick.C:
			_, _ = io.WriteString(conn, " ") // fails once it is cut off
		}

		if time.Since(began) > limit+2*patience {
			t.Errorf("never cut off")
			conn.Close()
			<-cut
			return
		}
	}
}

// TestTLS: the service speaks TLS 1.2 and later, and a renewed certificate is used without a
// restart.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	first := faulttest.WriteCertificate(t, dir)
	file, _ := setup(t, fmt.Sprintf("tls: {certificate: %[1]s/cert.pem, key: %[1]s/key.pem}", dir))
	p := serveFile(t, file)
	url := p.url(t)
	if !strings.HasPrefix(url, "https://") {
		t.Fatalf("the address is %s", url)
	}

	if status, body := get(t, trusting(t, first), "admin", "secret", url+"/api/v2/me"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}

	if resp, err := trusting(t, first).Get(url + "/healthz"); err != nil || resp.Body.Close() != nil ||
		resp.ProtoMajor != 1 {
		t.Errorf("HTTP/2 is spoken: %v, %v", resp, err)
	}

	conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"),
		&tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10, InsecureSkipVerify: true})
	if err == nil {
		conn.Close()
		t.Error("TLS 1.1 is accepted")
	}

	second := faulttest.WriteCertificate(t, dir)
	awaitCertificate(t, trusting(t, second), url, p)
}

// awaitCertificate waits until the client, which trusts only the new certificate, gets an answer.
func awaitCertificate(t *testing.T, c *http.Client, url string, p *process) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		resp, err := c.Get(url + "/healthz")
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the new certificate is not in use: %v\n%s", err, p.log)
		}
	}
}

// TestReadmeTour: what the README tells to paste works, on the demonstration as `make run` starts
// it.
func TestReadmeTour(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}

	blocks := tourBlocks(string(readme))
	if len(blocks) == 0 {
		t.Fatal("the README has no tour: ```sh blocks between <!-- tour --> and <!-- /tour -->")
	}

	p := spawn(t, "serve", "--demo", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"))
	url := p.url(t)
	for _, block := range blocks {
		if !strings.Contains(block, "http://127.0.0.1:8080") {
			t.Errorf("no address to replace in:\n%s", block)
		}

		ctx, cancel := context.WithTimeout(t.Context(), patience)
		cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c",
			strings.ReplaceAll(block, "http://127.0.0.1:8080", url))
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil || len(out) == 0 {
			t.Errorf("%v:\n%s\n%s", err, block, out)
		}
	}
}

// tourBlocks are the commands between the marks of the tour.
func tourBlocks(readme string) (blocks []string) {
	for _, tour := range regexp.MustCompile(`(?s)<!-- tour -->(.*?)<!-- /tour -->`).FindAllStringSubmatch(readme, -1) {
		for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(tour[1], -1) {
			blocks = append(blocks, block[1])
		}
	}
	return blocks
}
