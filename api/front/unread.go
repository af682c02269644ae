package front

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// What a client still sends of a body that nobody wants is read for a while, after the answer. If
// the connection were closed in the middle of it, the client might never read the answer, take that
// for a fault of the network, and send it all again.
const (
	lingerBytes = 64 << 20         // of the body, at most
	lingerPause = 5 * time.Second  // without a byte of it
	lingerTime  = 30 * time.Second // in all
)

// A short body that is refused is read before the answer: most often it is there already, and the
// connection serves later requests. Each connection that has to be closed is one of the client's for
// half a second more, and who may have only so many would soon be turned away. After another answer
// than a refusal more may have to be done, and net/http takes a body that stalls for a client that has
// gone.
const (
	shortBytes = 64 << 10 // of a body whose length is known
	shortTime  = 100 * time.Millisecond
)

// CloseUnread returns a handler that answers as next does, and ends the connection with the answer
// to every request whose body was not read to its end: then nobody knows where the next request
// begins, and what is left of the body could be taken for one that a proxy in front has never seen.
//
// net/http alone closes the connection only if it notices the rest itself. After an answer in full
// duplex it takes a body that has stalled for one that has ended, and runs what comes next.
func CloseUnread(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}

		body := &requestBody{ReadCloser: r.Body}
		expects := r.Header.Get("Expect") != ""
		short := !expects && 0 < r.ContentLength && r.ContentLength <= shortBytes
		out := &unreadWriter{ResponseWriter: w, body: body, expects: expects, short: short}
		whole := false
		defer func() {
			if !whole && !body.ended.Load() { // a panic: the server closes the connection, but reads on before that
				_ = http.NewResponseController(w).SetReadDeadline(time.Now())
			}
		}()

		tracked := *r // shallow: only the body differs
		tracked.Body = body
		next.ServeHTTP(out, &tracked)
		whole = true

		if !body.ended.Load() {
			out.end()
		}
	})
}

// requestBody knows whether it was read to its end. No error but [io.EOF] is an end: behind a
// time-out or a malformed chunk there may be more.
type requestBody struct {
	io.ReadCloser
	begun, ended atomic.Bool
}

// Read implements [io.Reader].
func (b *requestBody) Read(p []byte) (int, error) {
	b.begun.Store(true)
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF { // as the server gives it, never wrapped
		b.ended.Store(true)
	}
	return n, err
}

// unreadWriter says "Connection: close" in an answer that begins before the body has ended. One in
// full duplex need not say it: the body may end yet, and the connection serve later requests.
type unreadWriter struct {
	http.ResponseWriter
	body    *requestBody
	expects bool // the client waits to be asked for the body
	short   bool // the body is
	begun   bool // the header was sent
	duplex  bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *unreadWriter) WriteHeader(status int) {
	if !w.begun && status >= http.StatusOK {
		w.begun = true
		if !w.duplex && !w.body.ended.Load() && (status < http.StatusBadRequest || !w.readShort()) {
			w.Header().Set("Connection", "close")
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [io.Writer].
func (w *unreadWriter) Write(b []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(b)
}

func (w *unreadWriter) begin() {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
}

// FlushError is what an [http.ResponseController] calls.
func (w *unreadWriter) FlushError() error {
	w.begin()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// EnableFullDuplex is what an [http.ResponseController] calls.
func (w *unreadWriter) EnableFullDuplex() error {
	w.duplex = true
	return http.NewResponseController(w.ResponseWriter).EnableFullDuplex()
}

// Unwrap lets an [http.ResponseController] reach the connection.
func (w *unreadWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// readShort reads the rest of a short body, and reports whether that was all of it.
func (w *unreadWriter) readShort() bool {
	control := http.NewResponseController(w.ResponseWriter)
	if !w.short || control.SetReadDeadline(time.Now().Add(shortTime)) != nil {
		return false
	}

	_, err := io.Copy(io.Discard, w.body)
	if err != nil || !w.body.ended.Load() {
		return false
	}
	return control.SetReadDeadline(time.Time{}) == nil // the server looks for the next request meanwhile
}

// end sends what was answered, reads what the client still sends, and has the connection closed. A
// client that waits to be asked for its body (Expect) is not asked.
func (w *unreadWriter) end() {
	control := http.NewResponseController(w.ResponseWriter)
	w.begin()
	if w.body.ended.Load() {
		return // it was short
	}

	if control.Flush() == nil && (!w.expects || w.body.begun.Load()) {
		w.linger(control)
	}
	_ = control.SetReadDeadline(time.Now()) // the server looks for the end itself, and would wait for it
	closeAfterAnswer(w.ResponseWriter)
}

// linger reads the rest of the body, as long as it comes.
func (w *unreadWriter) linger(control *http.ResponseController) {
	buffer := make([]byte, 32<<10)
	last := time.Now().Add(lingerTime)
	for n := 0; n < lingerBytes && time.Now().Before(last); {
		if control.SetReadDeadline(time.Now().Add(lingerPause)) != nil {
			return
		}
		some, err := w.body.Read(buffer)
		if err != nil {
			return
		}
		n += some
	}
}

// closeAfterAnswer has the server close the connection once the answer is sent, though its header
// may be sent already. That is what a MaxBytesReader asks of the server's own writer at its limit;
// net/http has no other way to say it.
func closeAfterAnswer(w http.ResponseWriter) {
	for {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = wrapper.Unwrap()
	}

	overfull := http.MaxBytesReader(w, io.NopCloser(strings.NewReader("x")), 0)
	_, _ = overfull.Read(make([]byte, 1)) // one byte more than it may have
}
