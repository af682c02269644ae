package client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"recordings/index/opensearch/client"
)

// node is a server that answers as it is told.
type node struct {
	*httptest.Server
	asked  atomic.Int32 // but for pings
	answer atomic.Pointer[http.HandlerFunc]
}

func newNode(t *testing.T, answer http.HandlerFunc) *node {
	n := &node{}
	n.says(answer)
	n.Server = httptest.NewServer(n)
	t.Cleanup(n.Close)
	return n
}

func (n *node) says(answer http.HandlerFunc) { n.answer.Store(&answer) }

func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodHead {
		n.asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
	}
	(*n.answer.Load())(w, r)
}

func fine(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }

// says answers with a status.
func says(status int, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"root_cause":[{"type":%q,"reason":"secret"}],"type":"outer"}}`, kind)
	}
}

// hangsUp takes a request and says nothing.
func hangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func newClient(t *testing.T, log io.Writer, nodes ...*node) *client.Client {
	t.Helper()
	o := client.Options{Username: "service", Password: "correct horse", Log: zerolog.New(log)}
	for _, n := range nodes {
		o.Addresses = append(o.Addresses, n.URL)
	}
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

var (
	safe   = client.Request{Method: http.MethodPost, Path: "/secret", Body: []byte("{}"), Safe: true}
	unsafe = client.Request{Method: http.MethodPost, Path: "/secret", Body: []byte("{}")}
)

// TestTurns: all nodes are asked in turn, and one that is gone costs nothing but a try.
func TestTurns(t *testing.T) {
	one, two := newNode(t, fine), newNode(t, fine)
	var logged bytes.Buffer
	c := newClient(t, &logged, one, two)
	for range 10 {
		if _, err := c.Do(t.Context(), unsafe); err != nil {
			t.Fatal(err)
		}
	}
	if one.asked.Load() != 5 || two.asked.Load() != 5 {
		t.Errorf("asked %d and %d times", one.asked.Load(), two.asked.Load())
	}

	one.CloseClientConnections()
	one.Close()
	for range 20 {
		if _, err := c.Do(t.Context(), unsafe); err != nil {
			var lost *client.LostError // of a connection that was there already
			if !errors.As(err, &lost) {
				t.Fatal(err)
			}
		}
	}
	if n := strings.Count(logged.String(), "does not answer"); n != 1 {
		t.Errorf("it was logged %d times: %s", n, &logged)
	}
}

// TestAgain: what is safe is made again, what is not is said to be lost.
func TestAgain(t *testing.T) {
	for name, c := range map[string]struct {
		request client.Request
		answer  http.HandlerFunc
		asked   int32 // of the first node
		want    string
	}{
		"lost, safe":          {safe, hangsUp, 1, ""},
		"lost, unsafe":        {unsafe, hangsUp, 1, "was lost"},
		"busy, safe":          {safe, says(429, "es_rejected_execution_exception"), 1, ""},
		"busy, unsafe":        {unsafe, says(429, "es_rejected_execution_exception"), 1, ""},
		"unavailable, safe":   {safe, says(503, "unavailable_shards_exception"), 1, ""},
		"unavailable, unsafe": {unsafe, says(503, "unavailable_shards_exception"), 1, "503"},
		"full":                {safe, says(429, "cluster_block_exception"), 1, "429"},
		"wrong":               {safe, says(400, "parsing_exception"), 1, "400 Bad Request parsing_exception"},
		"conflict":            {safe, says(409, "version_conflict_engine_exception"), 1, "409"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := newNode(t, c.answer), newNode(t, fine)
			var logged bytes.Buffer
			x := newClient(t, &logged, second, first) // the second of the list is the first that is asked
			answer, err := x.Do(t.Context(), c.request)
			if c.want == "" && (err != nil || answer.Node != second.URL) {
				t.Errorf("%+v, %v", answer, err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if n := first.asked.Load(); n != c.asked {
				t.Errorf("the node was asked %d times, want %d", n, c.asked)
			}
			for _, said := range []string{fmt.Sprint(err), logged.String()} {
				if strings.Contains(said, "secret") || strings.Contains(said, "horse") {
					t.Errorf("it tells too much: %s", said)
				}
			}
		})
	}
}

// TestHangs: a node that is frozen is left for another.
func TestHangs(t *testing.T) {
	thawed := make(chan struct{})
	frozen := newNode(t, func(http.ResponseWriter, *http.Request) { <-thawed })
	other := newNode(t, fine)
	defer close(thawed)
	c := newClient(t, io.Discard, other, frozen)
	c.PingSoon(50 * time.Millisecond)
	answer, err := c.Do(t.Context(), safe)
	if err != nil || answer.Node != other.URL || frozen.asked.Load() != 1 {
		t.Errorf("%+v, %v, asked %d times", answer, err, frozen.asked.Load())
	}

	frozenAgain := newClient(t, io.Discard, frozen)
	frozenAgain.PingSoon(50 * time.Millisecond)
	var lost *client.LostError
	if _, err := frozenAgain.Do(t.Context(), unsafe); !errors.As(err, &lost) {
		t.Errorf("a write to a frozen node: %v", err)
	}
	except := safe
	except.Except = other.URL
	if _, err := c.Do(t.Context(), except); err != nil {
		t.Errorf("when no other answers, even the exception is asked: %v", err)
	}
}

// TestSlow: a node that is only slow is not given up.
func TestSlow(t *testing.T) {
	pinged := make(chan struct{}, 100)
	slow := newNode(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			pinged <- struct{}{}
			return
		}
		for range 3 {
			<-pinged
		}
		fine(w, r)
	})
	c := newClient(t, io.Discard, slow)
	c.PingSoon(20 * time.Millisecond)
	if _, err := c.Do(t.Context(), unsafe); err != nil {
		t.Error(err)
	}
}

// TestEnds: a context ends a request, with its cause, and nobody who answers is told of with addresses.
func TestEnds(t *testing.T) {
	gone := newNode(t, fine)
	gone.Close()
	c := newClient(t, io.Discard, gone)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Do(ctx, safe); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := c.Problem(); !strings.Contains(err.Error(), strings.TrimPrefix(gone.URL, "http://")) ||
		!strings.Contains(err.Error(), "connection refused") {
		t.Errorf("the problem is %v", err)
	}

	large := newNode(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 1000)) })
	r := safe
	r.Most = 999
	if _, err := newClient(t, io.Discard, large).Do(t.Context(), r); !client.IsTooLong(err) {
		t.Errorf("an answer that is too long: %v", err)
	}
	r.Most = 1000
	if answer, err := newClient(t, io.Discard, large).Do(t.Context(), r); err != nil || len(answer.Body) != 1000 {
		t.Errorf("an answer that is just not too long: %v", err)
	}
}

// TestSecure: nodes are trusted by the certificates that are given, and are shown who asks.
func TestSecure(t *testing.T) {
	var user, password string
	var certificates int
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ = r.BasicAuth()
		certificates = len(r.TLS.PeerCertificates)
		fine(w, r)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()

	dir := t.TempDir()
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	ca := file("ca.pem", "CERTIFICATE", server.Certificate().Raw)
	o := client.Options{Addresses: []string{server.URL}, Username: "u", Password: "p", CA: ca, Certificate: ca,
		Key: file("key.pem", "PRIVATE KEY", key)}
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Do(t.Context(), safe); err != nil || user != "u" || password != "p" || certificates != 1 {
		t.Errorf("%v; the node saw %q, %q, %d certificates", err, user, password, certificates)
	}

	o.CA = ""
	strange, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer strange.Close()
	// It is tried until the context ends; each of these tries may be cut short.
	for tries := 0; !strings.Contains(strange.Problem().Error(), "certificate"); tries++ {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err := strange.Do(ctx, safe)
		cancel()
		if err == nil || tries > 50 {
			t.Fatalf("a node that is not trusted: %v; %v", err, strange.Problem())
		}
	}
}

// TestOptions: what cannot be meant is refused, and no password is repeated.
func TestOptions(t *testing.T) {
	for _, o := range []client.Options{
		{},
		{Addresses: []string{"localhost:9200"}},
		{Addresses: []string{"ftp://localhost:9200"}},
		{Addresses: []string{"http://u:secret@localhost:9200"}},
		{Addresses: []string{"http://%zzsecret"}},
		{Addresses: []string{"http://localhost:9200"}, CA: "/nothing"},
		{Addresses: []string{"http://localhost:9200"}, CA: "client_test.go"},
		{Addresses: []string{"http://localhost:9200"}, Certificate: "/nothing", Key: "/nothing"},
	} {
		if _, err := client.New(o); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
