//go:build integration

package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"recordings/cmd/recordings/internal/faulttest"
	"recordings/mapping"
)

// rereading is a service whose configuration is read again while it is used.
type rereading struct {
	*process
	dir   string // of the configuration and the certificate
	url   string
	pool  *x509.CertPool // of all certificates that there were
	trust []byte         // the same as PEM, in trust.pem
	mu    sync.Mutex     // guards pool and trust
}

// The messages of the log about that.
const (
	readAgain    = "the configuration was read again"
	notReadAgain = "the configuration was not read again"
)

// configure writes the configuration: users beside those that there always are, and further lines.
func (s *rereading) configure(t *testing.T, users string, lines ...string) {
	t.Helper()
	text := testConfig(filepath.Join(s.dir, "data"), append([]string{
		fmt.Sprintf("tls: {certificate: %[1]s/cert.pem, key: %[1]s/key.pem}", s.dir),
	}, lines...)...)
	writeFile(t, s.dir, "recordings.yaml", strings.Replace(text, "users:\n", "users:\n"+users, 1))
}

// renew makes another certificate, which clients trust, too.
func (s *rereading) renew(t *testing.T) (der []byte) {
	t.Helper()
	text := faulttest.WriteCertificate(t, s.dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	pool := s.pool.Clone()
	pool.AppendCertsFromPEM(text)
	s.pool, s.trust = pool, append(s.trust, text...)
	writeFile(t, s.dir, "trust.pem", string(s.trust))
	block, _ := pem.Decode(text)
	return block.Bytes
}

// verify takes a certificate that is, or was, the service's.
func (s *rereading) verify(c tls.ConnectionState) error {
	s.mu.Lock()
	pool := s.pool
	s.mu.Unlock()
	_, err := c.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool, DNSName: "127.0.0.1"})
	return err
}

// client returns a client that keeps its connections, or makes a new one for each request.
func (s *rereading) client(t *testing.T, keeps bool) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	dialer := &net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) { // so that little is sent ahead
		return c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
		})
	}}
	transport := &http.Transport{
		DisableKeepAlives: !keeps, DialContext: dialer.DialContext,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, VerifyConnection: s.verify}, // by which it is verified
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Jar: jar, Timeout: 2 * patience}
}

// hangUp sends SIGHUP, and waits until the configuration was read again, or was found to be wrong.
func (s *rereading) hangUp(t *testing.T, message string) {
	t.Helper()
	before := s.count(message)
	s.signal(t, syscall.SIGHUP)
	deadline := time.After(patience)
	for s.count(message) == before {
		_, _, grown := s.log.find("no such message")
		if s.count(message) > before {
			return
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("the log does not say %q:\n%s", message, s.log)
		}
	}
}

// count is how often the log has a message.
func (s *rereading) count(message string) int {
	return strings.Count(s.log.String(), fmt.Sprintf("%q:%q", "message", message))
}

// reload runs the command.
func (s *rereading) reload(t *testing.T) (exit int, out string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t), "reload", "--server", s.url)
	cmd.Env = append(os.Environ(), "RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret",
		"SSL_CERT_FILE="+filepath.Join(s.dir, "trust.pem"))
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// me is what the service answers to who asks who they are.
func (s *rereading) me(t *testing.T, c *http.Client, authorization string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/v2/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// signedIn returns a client with the session of a user.
func (s *rereading) signedIn(t *testing.T, user string) *http.Client {
	t.Helper()
	c := s.client(t, true)
	resp, err := c.Post(s.url+"/api/v2/session", "application/json",
		strings.NewReader(fmt.Sprintf(`{"user":%q,"password":"secret"}`, user)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s signs in: %d", user, resp.StatusCode)
	}
	return c
}

// halves is audio of which a storage sends the second half when it is let go.
type halves struct {
	*bytes.Reader
	half int64
	goOn <-chan struct{}
}

// Read implements [io.Reader].
func (h halves) Read(p []byte) (int, error) {
	at := h.Size() - int64(h.Len())
	if at >= h.half {
		<-h.goOn
	} else if left := h.half - at; int64(len(p)) > left {
		p = p[:left]
	}
	return h.Reader.Read(p)
}

// TestReloadUnderLoad reads the configuration again and again, by SIGHUP and by the command, while requests
// run over connections that are kept and new ones, an export is taken slowly, and somebody listens. None of
// them fails; sessions of users who are gone end; what is wrong changes nothing, and is told.
func TestReloadUnderLoad(t *testing.T) {
	audio, goOn := bytes.Repeat([]byte("RIFF"), 1<<18), make(chan struct{})
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "a.wav", time.Unix(1e9, 0), halves{bytes.NewReader(audio), int64(len(audio) / 2), goOn})
	}))
	defer storage.Close()
	letGo := sync.OnceFunc(func() { close(goOn) })
	defer letGo()

	s := &rereading{dir: t.TempDir(), pool: x509.NewCertPool()}
	s.renew(t)
	webDAV := fmt.Sprintf("storage: {webDAV: {origins: [{url: %q}]}}", storage.URL)
	gone := fmt.Sprintf("- {name: gone, role: admin, contact_center: %s, password_hash: %q}\n",
		contactCenter, cheapHash)
	s.configure(t, gone, webDAV)
	s.process = serveFile(t, filepath.Join(s.dir, "recordings.yaml"))
	s.url = s.process.url(t)
	kept := s.client(t, true)
	awaitReady(t, kept, s.url, s.process)
	const recordings = 10_000
	s.post(t, kept, recordings, storage.URL+"/a.wav")

	// What goes on all the time.
	listening := s.begin(t, "/api/v2/ops/contact-centers/"+contactCenter+"/recordings/r0/play/"+s.media(t, kept))
	exporting := s.begin(t, "/api/v2/ops/contact-centers/"+contactCenter+"/export?startTime=0&format=ndjson")
	goesOn, ends := s.signedIn(t, "admin"), s.signedIn(t, "gone")
	var load sync.WaitGroup
	var stop atomic.Bool
	var answered atomic.Int64
	for i := range 4 {
		load.Go(func() {
			for c := s.client(t, i%2 == 0); !stop.Load() && !t.Failed(); answered.Add(1) {
				if err := s.ask(c, i); err != nil {
					t.Errorf("a request meanwhile, keeping its connection %t: %v", i%2 == 0, err)
				}
			}
		})
	}

	token, entry := newToken(t)
	tokens := "tokens:\n- " + entry
	policy := "retention: [{name: old, after: 4000d, everything: true}]"
	for turn := range 4 {
		if s.me(t, ends, "") != http.StatusOK {
			t.Fatal("a session ended for no reason")
		}

		der := s.renew(t)
		s.configure(t, "", webDAV, tokens, policy)
		if turn%2 == 0 {
			s.hangUp(t, readAgain)
		} else if exit, out := s.reload(t); exit != 0 {
			t.Fatalf("recordings reload: %d %s", exit, out)
		}
		s.wantInForce(t, token, der)
		if s.me(t, ends, "") != http.StatusUnauthorized || s.me(t, goesOn, "") != http.StatusOK {
			t.Error("the session of a user who is gone goes on, or another one has ended")
		}

		s.wantRefused(t, webDAV, tokens, policy)
		s.wantInForce(t, token, der)

		s.configure(t, gone, webDAV)
		s.hangUp(t, readAgain)
		if s.me(t, kept, "Bearer "+token) != http.StatusUnauthorized {
			t.Error("a token that is gone is good")
		}
		ends = s.signedIn(t, "gone")
	}

	before := answered.Load()
	for answered.Load() < before+20 && !t.Failed() {
		if s.me(t, goesOn, "") != http.StatusOK {
			t.Error("the session of a user who has not changed has ended")
		}
	}
	stop.Store(true)
	load.Wait()
	letGo()
	if heard := listening.end(t); !bytes.Equal(heard, audio) {
		t.Errorf("%d bytes were heard, want %d", len(heard), len(audio))
	}
	if lines := bytes.Count(exporting.end(t), []byte("\n")); lines != recordings+1 { // and the one that says so
		t.Errorf("%d lines were exported", lines)
	}
	t.Logf("%d requests meanwhile", answered.Load())
	if strings.Contains(s.log.String(), token) || strings.Contains(s.log.String(), cheapHash) {
		t.Error("the log has a secret")
	}
	s.signal(t, syscall.SIGTERM)
	if s := s.status(t); s != 0 {
		t.Errorf("exit status %d", s)
	}
}

// wantInForce looks whether a configuration is in force: its token, its policy, and its certificate.
func (s *rereading) wantInForce(t *testing.T, token string, der []byte) {
	t.Helper()
	fresh := s.client(t, false)
	if got := s.me(t, fresh, "Bearer "+token); got != http.StatusOK {
		t.Errorf("the token: %d", got)
	}
	resp, body := call(t, fresh, http.MethodGet, s.url+"/api/v2/ops/retention", "")
	if !strings.Contains(body, `"name":"old"`) {
		t.Errorf("the policies are %s", body)
	}
	if !bytes.Equal(resp.TLS.PeerCertificates[0].Raw, der) {
		t.Error("another certificate is shown")
	}
}

// wantRefused has configurations read that are wrong: nothing changes, and the log and the command say what.
func (s *rereading) wantRefused(t *testing.T, lines ...string) {
	t.Helper()
	for line, wrong := range map[string]string{
		"regoin: x":                "recordings.yaml:8: regoin: is not known",
		"cors: {origins: [\"*\"]}": "recordings.yaml:8: cors.origins[0]: must be one origin",
	} {
		s.configure(t, "", append([]string{line}, lines...)...)
		s.wantWrong(t, wrong)
	}

	s.configure(t, "", lines...)
	key := filepath.Join(s.dir, "key.pem")
	right, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, s.dir, "key.pem", "no key")
	s.wantWrong(t, "the certificate and its key cannot be used")
	writeFile(t, s.dir, "key.pem", string(right))
}

// wantWrong has a configuration read that is wrong.
func (s *rereading) wantWrong(t *testing.T, wrong string) {
	t.Helper()
	s.hangUp(t, notReadAgain)
	if !strings.Contains(s.log.String(), wrong) {
		t.Errorf("the log does not say %q:\n%s", wrong, s.log)
	}
	if exit, out := s.reload(t); exit != int(failed) || !strings.Contains(out, wrong) ||
		!strings.Contains(out, "the one before stays in force") {
		t.Errorf("recordings reload: %d %s", exit, out)
	}
}

// ask makes a request, one kind after the other.
func (s *rereading) ask(c *http.Client, n int) error {
	path := []string{
		"/api/v2/ops/contact-centers/" + contactCenter + "/recordings?startTime=0&limit=5",
		"/api/v2/ops/contact-centers/" + contactCenter + "/recordings/r1",
	}[n/2]
	req, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth("ops", "secret")
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %s", resp.StatusCode, body)
	}
	return err
}

// post posts recordings, the first of which has its audio at the given place.
func (s *rereading) post(t *testing.T, c *http.Client, n int, audio string) {
	t.Helper()
	var body bytes.Buffer
	for i := range n {
		r := faulttest.RecordingOf(fmt.Sprint("r", i), i)
		if i == 0 {
			r.MediaFiles[0].Descriptor = mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: audio}
		}
		text, err := mapping.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		body.Write(append(text, '\n'))
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+faulttest.OpsRecordings, &body)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("ops", "secret")
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %v %.300s", resp.StatusCode, err, answer)
	}
}

// media is the name of the first media file of r0.
func (s *rereading) media(t *testing.T, c *http.Client) string {
	t.Helper()
	_, body := call(t, c, http.MethodGet, s.url+faulttest.OpsRecordings+"/r0", "")
	_, rest, ok := strings.Cut(body, "/recordings/r0/play/")
	name, _, _ := strings.Cut(rest, `"`)
	if !ok {
		t.Fatal(body)
	}
	return name
}

// slowAnswer is one of which only the beginning has been taken.
type slowAnswer struct {
	resp *http.Response
	head []byte
}

// begin asks for something, and takes the beginning of it.
func (s *rereading) begin(t *testing.T, path string) *slowAnswer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("ops", "secret")
	resp, err := s.client(t, false).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	a := &slowAnswer{resp, make([]byte, 1000)}
	if _, err := io.ReadFull(resp.Body, a.head); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v %s", path, resp.StatusCode, err, a.head)
	}
	return a
}

// end takes the rest, and returns all of it.
func (a *slowAnswer) end(t *testing.T) []byte {
	t.Helper()
	defer a.resp.Body.Close()
	rest, err := io.ReadAll(a.resp.Body)
	if err != nil {
		t.Errorf("an answer was broken off: %v", err)
	}
	return append(a.head, rest...)
}
