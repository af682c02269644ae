// Package static serves files that are the same for everybody for as long as the program runs: held in
// memory, compressed once, and never sent again to who has them.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// File is one file as it is sent.
type File struct {
	contentType string
	etag        string
	plain       []byte
	gzipped     []byte // nil: no smaller
}

// New returns a file, compressed as well as it can be.
func New(contentType string, content []byte) (*File, error) {
	sum := sha256.Sum256(content)
	f := &File{contentType: contentType, etag: `"` + hex.EncodeToString(sum[:12]) + `"`, plain: content}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(content); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}

	if b.Len() < len(content)*9/10 {
		f.gzipped = b.Bytes()
	}
	return f, nil
}

// Serve answers with the file: compressed, if the client takes that, and with no more than "as it was"
// if it has it already. How long it may be kept is for the caller to say.
func (f *File) Serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	SetHeader(h, f.contentType)
	content, etag := f.plain, f.etag
	if f.gzipped != nil {
		h.Add("Vary", "Accept-Encoding")
		if AcceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			content, etag = f.gzipped, strings.TrimSuffix(f.etag, `"`)+`-gzip"`
			r.Header.Del("Range") // of the plain bytes, by those who ask for one
		}
	}

	h.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// SetHeader sets what all files have in common: they are not sniffed, not framed, and not for other sites.
func SetHeader(h http.Header, contentType string) {
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// AcceptsGzip reports whether who sent an Accept-Encoding header takes gzip. Browsers send no more than a list of
// names.
func AcceptsGzip(header string) bool {
	for name := range strings.SplitSeq(header, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(name), ";")
		if strings.EqualFold(name, "gzip") || name == "*" {
			return strings.Trim(strings.TrimPrefix(strings.TrimSpace(q), "q="), "0.") != "" || q == ""
		}
	}
	return false
}
