// Package console is the page on which people search, hear and delete recordings: static files,
// embedded as they are.
//
// There is no build step. The page is a client of the API like any other; it holds no data, so
// whoever may load it learns nothing. Its files lie below a path with the hash of them all, so
// browsers may keep them for ever and never mix two versions.
package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

//go:embed web
var web embed.FS

// policy is the Content-Security-Policy of the page: nothing but its own files, and no HTML or
// script made from text.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"connect-src 'self'; media-src 'self' blob:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types " +
	"'none'"

// types are the media types of the files.
var types = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", ".woff2": "font/woff2",
}

// Console serves the page. Its files are held compressed.
type Console struct {
	version string
	page    *file
	assets  map[string]*file
}

// file is one file as it is sent.
type file struct {
	contentType string
	etag        string
	plain       []byte
	gzipped     []byte // nil: no smaller
}

// New reads the embedded files.
func New() (*Console, error) {
	contents, err := read()
	if err != nil {
		return nil, fmt.Errorf("reading the page: %w", err)
	}

	c := &Console{version: versionOf(contents), assets: make(map[string]*file, len(contents))}
	for name, content := range contents {
		if name == pageName {
			content = bytes.ReplaceAll(content, []byte("{modules}"), preloads(contents))
			content = bytes.ReplaceAll(content, []byte("{version}"), []byte(c.version))
		}

		f, err := newFile(name, content)
		if err != nil {
			return nil, fmt.Errorf("preparing %s of the page: %w", name, err)
		}

		c.assets[name] = f
	}

	c.page = c.assets[pageName]
	delete(c.assets, pageName)
	return c, nil
}

// pageName is the file that is the page itself; the others are its assets.
const pageName = "index.html"

// preloads has browsers fetch all modules at once, rather than each when another one names it.
func preloads(contents map[string][]byte) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		if path.Ext(name) == ".js" && name != "app.js" {
			fmt.Fprintf(&b, "<link rel=\"modulepreload\" href=\"assets/{version}/%s\">\n", name)
		}
	}
	return b.Bytes()
}

func read() (map[string][]byte, error) {
	contents := make(map[string][]byte)
	err := fs.WalkDir(web, "web", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		contents[path.Base(name)], err = web.ReadFile(name)
		return err
	})
	return contents, err
}

// versionOf is the same for the same files.
func versionOf(contents map[string][]byte) string {
	sum := sha256.New()
	entries, _ := fs.Glob(web, "web/*") // the pattern is a valid one; sorted
	for _, name := range entries {
		fmt.Fprintf(sum, "%s %d\n", name, len(contents[path.Base(name)]))
		sum.Write(contents[path.Base(name)])
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

func newFile(name string, content []byte) (*file, error) {
	contentType, ok := types[path.Ext(name)]
	if !ok {
		return nil, fmt.Errorf("no media type for %s", path.Ext(name))
	}

	sum := sha256.Sum256(content)
	f := &file{contentType: contentType, etag: `"` + hex.EncodeToString(sum[:12]) + `"`, plain: content}
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

// ServePage answers with the page itself, which browsers ask for again each time.
func (c *Console) ServePage(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-cache")
	c.page.serve(w, r)
}

// ServeAsset answers with a file of the page, or tells that there is none of this version and name.
func (c *Console) ServeAsset(w http.ResponseWriter, r *http.Request, version, name string) bool {
	f := c.assets[name]
	if f == nil || version != c.version {
		return false
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	f.serve(w, r)
	return true
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	content, etag := f.plain, f.etag
	if f.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			content, etag = f.gzipped, strings.TrimSuffix(f.etag, `"`)+`-gzip"`
			r.Header.Del("Range") // of the plain bytes, by those who ask for one
		}
	}

	h.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// acceptsGzip reads an Accept-Encoding header, of which browsers send no more than a list of names.
func acceptsGzip(header string) bool {
	for name := range strings.SplitSeq(header, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(name), ";")
		if strings.EqualFold(name, "gzip") || name == "*" {
			return strings.Trim(strings.TrimPrefix(strings.TrimSpace(q), "q="), "0.") != "" || q == ""
		}
	}
	return false
}
