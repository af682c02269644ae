package blobtest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"recordings/blob"
)

// Fault is a way for a storage server to misbehave, and what package blob must make of it.
type Fault struct {
	Name   string
	serve  func(s *Server, w http.ResponseWriter, r *http.Request)
	silent bool // it is about waiting
	once   bool // only the first request of a method

	// What must come of a GET of everything, of a GET of a range, of a HEAD, and of a DELETE when
	// all requests, or only the DELETE itself, meet the fault: nil for the right bytes or a true
	// delete, else the kind of the error.
	get, ranged, head, del, delOnly error
	// gone: the server says consistently that the object is not there. It may be believed.
	gone bool
}

// errAny stands for an error of whatever kind.
var errAny = fmt.Errorf("some error")

// errEither stands for both: it cannot be foretold.
var errEither = fmt.Errorf("some error, or none")

// all are the outcomes of a fault that always leads to one kind of error.
func all(name string, kind error, serve func(s *Server, w http.ResponseWriter, r *http.Request)) Fault {
	return Fault{Name: name, serve: serve, get: kind, ranged: kind, head: kind, del: kind, delOnly: kind}
}

// Faults are the ways to misbehave. Redirects lead to the canary.
func Faults(d Dialect, canary string) []Fault {
	faults := append(bodyFaults(), answerFaults()...)
	faults = append(faults, rangeFaults()...)
	faults = append(faults, propfindFaults(d)...)
	for _, status := range []int{301, 302, 303, 307, 308} {
		faults = append(faults,
			all(strconv.Itoa(status), blob.ErrRefused, func(_ *Server, w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, canary+r.URL.Path, status)
			}))
	}

	for _, status := range []int{202, 203, 205, 226, 300, 304, 305, 400, 401, 402, 403, 405, 409, 416, 423, 429, 500,
		501, 502, 503, 507} {
		faults = append(faults, all(strconv.Itoa(status), blob.ErrRefused, answer(status, "")))
	}

	faults = append(faults,
		all("412", blob.ErrChanged, answer(412, "")),
		all("504", blob.ErrTimeout, answer(504, "")),
		all("408", blob.ErrTimeout, answer(408, "")),
		missing(d, 404), missing(d, 410))

	return faults
}

// missing: a 404 to a DELETE is believed when PROPFIND and HEAD say the same. An S3 server says 204
// to a DELETE of what is not there; a bare 404 is that of something else on the way.
func missing(d Dialect, status int) Fault {
	f := all(strconv.Itoa(status), blob.ErrNotFound, answer(status, ""))
	f.delOnly = blob.ErrRefused
	if f.del, f.gone = nil, true; d == S3 {
		f.del, f.gone = blob.ErrRefused, false
	}
	return f
}

// answer is a fixed answer.
func answer(status int, body string) func(*Server, http.ResponseWriter, *http.Request) {
	return func(_ *Server, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		w.Write([]byte(body))
	}
}

// raw is an answer byte for byte; then the connection ends.
func raw(text string) func(*Server, http.ResponseWriter, *http.Request) {
	return func(_ *Server, w http.ResponseWriter, _ *http.Request) {
		conn := hijack(w)
		conn.Write([]byte(text))
		conn.Close()
	}
}

func hijack(w http.ResponseWriter) *net.TCPConn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return conn.(*net.TCPConn)
}

// record is the honest answer.
func (s *Server) record(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	s.honest(rec, r)
	return rec
}

// send sends the header of an honest answer, and its first n bytes.
func send(w http.ResponseWriter, rec *httptest.ResponseRecorder, n int) {
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes()[:n])
	http.NewResponseController(w).Flush()
}

// half of the honest answer, if it has a body; a DELETE has none and is not even done.
func half(s *Server, w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodDelete {
		w.Header().Set("Content-Length", "1000")
		w.Write(make([]byte, 500))
		http.NewResponseController(w).Flush()
		return
	}

	rec := s.record(r)
	w.Header().Set("Content-Length", strconv.Itoa(rec.Body.Len()))
	send(w, rec, rec.Body.Len()/2)
}

func truncate(s *Server, w http.ResponseWriter, r *http.Request) {
	half(s, w, r)
	panic(http.ErrAbortHandler)
}

func reset(s *Server, w http.ResponseWriter, r *http.Request) {
	half(s, w, r)
	conn := hijack(w)
	conn.SetLinger(0)
	conn.Close()
}

func stall(s *Server, w http.ResponseWriter, r *http.Request) {
	half(s, w, r)
	s.wait(r)
}

// wait until the client gives up.
func (s *Server) wait(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.done:
	}
}

// trickle sends the honest answer a little at a time.
func trickle(s *Server, w http.ResponseWriter, r *http.Request) {
	rec := s.record(r)
	send(w, rec, 0)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for rec.Body.Len() > 0 {
		<-tick.C
		if _, err := w.Write(rec.Body.Next(2000)); err != nil {
			return
		}
		http.NewResponseController(w).Flush()
	}
}

// bodyFaults have a good header, and then something goes wrong.
func bodyFaults() []Fault {
	endless := func(status int) func(*Server, http.ResponseWriter, *http.Request) {
		return func(_ *Server, w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			for block := make([]byte, 64<<10); r.Method != http.MethodHead; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}
	}

	return []Fault{
		{Name: "truncated", serve: truncate, get: blob.ErrUnreachable, ranged: blob.ErrUnreachable, del: errAny,
			delOnly: errAny},
		{Name: "truncated once", serve: truncate, once: true, del: errAny, delOnly: errAny},
		{Name: "reset", serve: reset, get: blob.ErrUnreachable, ranged: blob.ErrUnreachable, head: errEither,
			del: errAny, delOnly: errAny},
		{Name: "reset once", serve: reset, once: true, head: errEither, del: errAny, delOnly: errAny},
		{Name: "stall", silent: true, serve: stall, get: blob.ErrTimeout, ranged: blob.ErrTimeout, del: errAny,
			delOnly: errAny},
		{Name: "stall once", silent: true, serve: stall, once: true, del: errAny, delOnly: errAny},
		{Name: "trickle", serve: trickle},
		{Name: "stall before the header", silent: true,
			serve: func(s *Server, _ http.ResponseWriter, r *http.Request) { s.wait(r) },
			get:   blob.ErrTimeout, ranged: blob.ErrTimeout, head: blob.ErrTimeout, del: blob.ErrTimeout,
			delOnly: blob.ErrTimeout},
		all("reset before the header", blob.ErrUnreachable, func(_ *Server, w http.ResponseWriter, _ *http.Request) {
			conn := hijack(w)
			conn.SetLinger(0)
			conn.Close()
		}),
		all("closed before the header", blob.ErrUnreachable, raw("")),
		all("half a header", blob.ErrUnreachable, raw("HTTP/1.1 200 OK\r\nContent-Len")),
		all("not HTTP", blob.ErrUnreachable, raw("SSH-2.0-OpenSSH_9.2\r\n")),
		all("endless header", blob.ErrUnreachable,
			raw("HTTP/1.1 200 OK\r\nX: "+string(bytes.Repeat([]byte("x"), 1<<20)))),
		all("endless error", blob.ErrRefused, endless(400)),
		{Name: "more than said", serve: more, get: errAny, ranged: errAny},
		{Name: "size untold", serve: chunked, del: nil},
	}
}

// more sends a chunked body with more bytes than its Content-Range, or HEAD, said.
func more(s *Server, w http.ResponseWriter, r *http.Request) {
	rec := s.record(r)
	if r.Method == http.MethodGet {
		rec.Header().Del("Content-Length")
		rec.Body.WriteString("and more")
	}
	send(w, rec, rec.Body.Len())
}

// chunked tells no size with the body, only to HEAD.
func chunked(s *Server, w http.ResponseWriter, r *http.Request) {
	rec := s.record(r)
	if r.Method == http.MethodGet {
		rec.Header().Del("Content-Length")
	}
	send(w, rec, rec.Body.Len())
}

// answerFaults are whole answers that are wrong.
func answerFaults() []Fault {
	multi := func(status string) string {
		return `<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>/x</D:href><D:status>HTTP/1.1 ` +
			status +
			`</D:status></D:response></D:multistatus>`
	}

	compress := func(s *Server, w http.ResponseWriter, r *http.Request) {
		rec := s.record(r)
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(rec.Body.Bytes())
		z.Close()
		rec.Body = &b
		rec.Header().Set("Content-Encoding", "gzip")
		rec.Header().Set("Content-Length", strconv.Itoa(b.Len()))
		send(w, rec, b.Len())
	}

	return []Fault{
		all("207 with a failing part", blob.ErrRefused, answer(207, multi("423 Locked"))),
		all("207 that says yes", blob.ErrRefused, answer(207, multi("200 OK"))),
		{Name: "207 truncated", serve: answer(207, multi("423 Locked")[:80]),
			get: blob.ErrRefused, ranged: blob.ErrRefused, head: blob.ErrRefused, del: blob.ErrRefused,
			delOnly: blob.ErrRefused},
		all("207 empty", blob.ErrRefused, answer(207, "")),
		all("204", blob.ErrRefused, answer(204, "")),
		all("204 with body", blob.ErrRefused, raw("HTTP/1.1 204 No Content\r\nContent-Length: 10\r\n\r\n0123456789")),
		{Name: "200 to everything", serve: answer(200, ""), get: errAny, ranged: errAny, head: errEither,
			del: blob.ErrRefused, delOnly: blob.ErrRefused},
		{Name: "gzip that nobody asked for", serve: compress, get: blob.ErrRefused, ranged: blob.ErrRefused,
			head: blob.ErrRefused, del: errEither},
	}
}

// propfindFaults are lies about what an object is, which S3 servers are never asked.
func propfindFaults(d Dialect) []Fault {
	lie := func(name, props string, change func(rec *httptest.ResponseRecorder)) Fault {
		f := Fault{Name: "PROPFIND " + name, serve: func(s *Server, w http.ResponseWriter, r *http.Request) {
			rec := s.record(r)
			if r.Method == "PROPFIND" {
				if props != "" {
					rec = httptest.NewRecorder()
					multistatus(rec, r, props)
				}
				change(rec)
			}

			send(w, rec, rec.Body.Len())
		}}

		if d == WebDAV {
			f.del = errAny
		}

		return f
	}

	cut := func(n int) func(*httptest.ResponseRecorder) {
		return func(rec *httptest.ResponseRecorder) { rec.Body.Truncate(rec.Body.Len() - n) }
	}

	return []Fault{
		lie("that ends after the first response", "", cut(len("</D:multistatus>"))),
		lie("that ends within the first response", "", cut(len("</D:propstat></D:response></D:multistatus>"))),
		lie("that is empty", "", func(rec *httptest.ResponseRecorder) { rec.Body.Reset() }),
		lie("of a collection", "<D:resourcetype><D:collection/></D:resourcetype>", cut(0)),
		lie("that does not find it", "", func(rec *httptest.ResponseRecorder) { rec.Code = http.StatusNotFound }),
		lie("that finds no properties", "", func(rec *httptest.ResponseRecorder) {
			rec.Body = bytes.NewBuffer(bytes.Replace(rec.Body.Bytes(), []byte("200 OK"), []byte("404 Not Found"), 1))
		}),
	}
}

// rangeFaults are wrong answers to a Range.
func rangeFaults() []Fault {
	contentRange := func(value string) func(*Server, http.ResponseWriter, *http.Request) {
		return func(s *Server, w http.ResponseWriter, r *http.Request) {
			rec := s.record(r)
			if rec.Code == http.StatusPartialContent {
				rec.Header().Set("Content-Range", value)
				if value == "" {
					rec.Header().Del("Content-Range")
				}
			}
			send(w, rec, rec.Body.Len())
		}
	}

	ignore := func(s *Server, w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		s.honest(w, r)
	}

	faults := []Fault{
		{Name: "ignores Range", serve: ignore},
		{Name: "206 that nobody asked for", get: blob.ErrRefused,
			serve: func(s *Server, w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && r.Header.Get("Range") == "" {
					r.Header.Set("Range", "bytes=0-99")
				}
				s.honest(w, r)
			}},
		{Name: "shorter range", serve: func(s *Server, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == wanted {
				r.Header.Set("Range", "bytes=1000-1499")
			}
			s.honest(w, r)
		}},
	}

	for _, value := range []string{"", "bytes 0-99/200000", "bytes 1001-2000/200000", "bytes 1000-1999",
		"bytes 1000-1999/1500", "bytes */200000",
		"bytes 1999-1000/200000", "bytes 1000-99999999999999999999/*", "bytes +1000-1999/200000",
		"lines 1000-1999/200000",
		"bytes 1000-1998/200000", "bytes 1000-3000/200000", "bytes 1000-1999/-1"} {
		faults = append(faults,
			Fault{Name: "Content-Range " + value, serve: contentRange(value), ranged: blob.ErrRefused})
	}

	return append(faults, Fault{Name: "Content-Range of unknown size", serve: contentRange("bytes 1000-1999/*")})
}

// wanted is the range that the suite asks for, of an object of 200,000 bytes.
const wanted = "bytes=1000-1999"
