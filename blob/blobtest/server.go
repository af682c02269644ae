package blobtest

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Dialect is the protocol that a [Server] speaks.
type Dialect string

// The dialects.
const (
	S3     Dialect = "S3"
	WebDAV Dialect = "WebDAV"
)

// Server is a storage server in memory. It speaks as much of its dialect as reading and deleting
// media takes, and misbehaves if told to.
type Server struct {
	URL     string
	dialect Dialect
	done    chan struct{} // closed when the test ends: nothing stalls longer

	mu       sync.Mutex
	objects  map[string]object // by unescaped path
	fault    *Fault
	only     string         // the method that is faulty; empty: all
	hits     map[string]int // requests by method
	requests []string       // method and target of each, as they came
	unsigned int            // requests without credentials
	user     string         // who may do anything; empty: everybody
}

type object struct {
	data    []byte
	etag    string
	modTime time.Time
}

// NewServer starts a server, which ends with the test.
func NewServer(t testing.TB, d Dialect) *Server {
	s := &Server{dialect: d, done: make(chan struct{}), objects: map[string]object{}, hits: map[string]int{}}
	server := httptest.NewServer(s)
	s.URL = server.URL
	t.Cleanup(func() {
		close(s.done)
		server.Close()
	})
	return s
}

// Put stores an object under an unescaped path.
func (s *Server) Put(path string, data []byte) {
	sum := md5.Sum(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[path] = object{data: data, etag: `"` + hex.EncodeToString(sum[:]) + `"`,
		modTime: time.Now().Truncate(time.Second)}
}

// Has reports whether there is an object.
func (s *Server) Has(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.objects[path]
	return ok
}

// Requests are the method and the target of every request that came since it was last called, as
// they were sent.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := s.requests
	s.requests = nil
	return requests
}

// Unsigned is how many requests came without credentials.
func (s *Server) Unsigned() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unsigned
}

// RequireUser makes the server refuse everybody but a user. It knows people by name alone:
// signatures are for real servers.
func (s *Server) RequireUser(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user = name
}

// allows reports whether the user of a request may do anything.
func (s *Server) allows(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _, _ := r.BasicAuth()
	if s.dialect == S3 {
		_, name, _ = strings.Cut(r.Header.Get("Authorization"), "Credential=")
		name, _, _ = strings.Cut(name, "/")
	}
	return s.user == "" || s.user == name
}

// Misbehave makes the server answer with a fault to requests of a method, to all if it is empty.
func (s *Server) Misbehave(f *Fault, method string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.only = f, method
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.hits[r.Method]++
	s.requests = append(s.requests, r.Method+" "+r.RequestURI)
	n := s.hits[r.Method]
	if r.Header.Get("Authorization") == "" {
		s.unsigned++
	}

	fault := s.fault
	if s.only != "" && s.only != r.Method {
		fault = nil
	}
	s.mu.Unlock()

	if fault == nil || fault.once && n > 1 {
		s.honest(w, r)
		return
	}

	fault.serve(s, w, r)
}

// honest is the server as it should be.
func (s *Server) honest(w http.ResponseWriter, r *http.Request) {
	if !s.allows(r) {
		w.WriteHeader(http.StatusForbidden)
		return
	}

	s.mu.Lock()
	o, ok := s.objects[r.URL.Path]
	if r.Method == http.MethodDelete {
		delete(s.objects, r.URL.Path)
	}
	s.mu.Unlock()

	switch {
	case s.dialect == S3 && r.URL.Query().Get("list-type") == "2":
		s.list(w, r)
	case r.Method == http.MethodDelete && (ok || s.dialect == S3):
		w.WriteHeader(http.StatusNoContent)
	case !ok && s.dialect == WebDAV && s.isCollection(r.URL.Path):
		s.collection(w, r)
	case !ok:
		s.missing(w)
	case r.Method == "PROPFIND":
		multistatus(w, r, fmt.Sprintf("<D:resourcetype/><D:getcontentlength>%d</D:getcontentlength>", len(o.data)))
	default:
		w.Header().Set("ETag", o.etag)
		w.Header().Set("Content-Type", "audio/wav")
		http.ServeContent(w, r, "", o.modTime, bytes.NewReader(o.data))
	}
}

func (s *Server) isCollection(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.objects {
		if strings.HasPrefix(p, strings.TrimSuffix(path, "/")+"/") {
			return true
		}
	}
	return false
}

func (s *Server) collection(w http.ResponseWriter, r *http.Request) {
	if r.Method == "PROPFIND" && r.Header.Get("Depth") == "1" {
		s.members(w, r)
		return
	}
	if r.Method == "PROPFIND" {
		multistatus(w, r, "<D:resourcetype><D:collection/></D:resourcetype>")
		return
	}
	w.WriteHeader(http.StatusMethodNotAllowed)
}

func (s *Server) missing(w http.ResponseWriter) {
	w.WriteHeader(http.StatusNotFound)
	if s.dialect == S3 {
		io.WriteString(w, "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>")
	}
}

// multistatus answers a PROPFIND.
func multistatus(w http.ResponseWriter, r *http.Request, props string) {
	var href bytes.Buffer
	xml.EscapeText(&href, []byte(r.URL.EscapedPath()))
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(http.StatusMultiStatus)
	fmt.Fprintf(w, `<?xml version="1.0"?><D:multistatus `+
		`xmlns:D="DAV:"><D:response><D:href>%s</D:href><D:propstat><D:prop>%s</D:prop>`+
		`<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>`, href.String(), props)
}
