// Package docs is the page that shows the description of the API: a viewer that others keep
// (swagger-ui-dist, see web/README.md), embedded as it was published, and a few lines to start it.
//
// It loads nothing from anywhere else. Its files are compressed when they are first asked for: most
// services never show the page, and none should take longer to start for it.
package docs

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"sync"

	"recordings/api/static"
)

//go:embed web/index.html web/docs.css web/docs.js web/swagger-ui.min.css web/swagger-ui-bundle.min.js
var web embed.FS

// policy is the Content-Security-Policy of the page: as that of the page for people, but that the viewer
// makes elements of the Markdown of the description. It has cleaned that before, and docs.js lets it
// through; code of text is refused here, too.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; " +
	"trusted-types default dompurify"

// types are the media types of the files.
var types = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
}

// pageName is the file that is the page itself; the others are its assets.
const pageName = "index.html"

// Docs serves the page.
type Docs struct {
	version string
	files   map[string]func() (*static.File, error)
}

// New returns the page. It is made once.
var New = sync.OnceValues(build)

// build reads the embedded files.
func build() (*Docs, error) {
	entries, err := web.ReadDir("web") // sorted
	if err != nil {
		return nil, fmt.Errorf("reading the docs: %w", err)
	}

	sum := sha256.New()
	contents := make(map[string][]byte, len(entries))
	for _, e := range entries {
		if contents[e.Name()], err = web.ReadFile("web/" + e.Name()); err != nil {
			return nil, fmt.Errorf("reading the docs: %w", err)
		}
		fmt.Fprintf(sum, "%s %d\n", e.Name(), len(contents[e.Name()]))
		sum.Write(contents[e.Name()])
	}

	d := &Docs{version: hex.EncodeToString(sum.Sum(nil)[:8]), files: make(map[string]func() (*static.File, error))}
	for name, content := range contents {
		if name == pageName {
			content = bytes.ReplaceAll(content, []byte("{version}"), []byte(d.version))
		}
		contentType, ok := types[path.Ext(name)]
		if !ok {
			return nil, fmt.Errorf("reading the docs: no media type for %s", name)
		}
		d.files[name] = sync.OnceValues(func() (*static.File, error) { return static.New(contentType, content) })
	}
	return d, nil
}

// ServePage answers with the page itself, which browsers ask for again each time.
func (d *Docs) ServePage(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-cache")
	d.serve(w, r, pageName)
}

// ServeAsset answers with a file of the page, or tells that there is none of this version and name.
func (d *Docs) ServeAsset(w http.ResponseWriter, r *http.Request, version, name string) bool {
	if d.files[name] == nil || name == pageName || version != d.version {
		return false
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	d.serve(w, r, name)
	return true
}

// serve answers with a file. That it cannot be compressed is a mistake of this package.
func (d *Docs) serve(w http.ResponseWriter, r *http.Request, name string) {
	f, err := d.files[name]()
	if err != nil {
		panic(fmt.Sprintf("docs: %s: %v", name, err))
	}
	f.Serve(w, r)
}
