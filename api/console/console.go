// Package console is the page on which people search, hear and delete recordings: static files,
// embedded as they are.
//
// There is no build step. The page is a client of the API like any other; it holds no data, so
// whoever may load it learns nothing. Its files lie below a path with the hash of them all, so
// browsers may keep them for ever and never mix two versions.
//
// The page itself comes in the language of whoever asks for it, with the texts of that language alone
// (languages.go): a further language is a further file in web/texts.
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"sync"

	"recordings/api/static"
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
	pages   *pages
	assets  map[string]*static.File
}

// New returns the page. It is made once: its files are compressed as well as they can be.
var New = sync.OnceValues(build)

// build reads the embedded files.
func build() (*Console, error) {
	contents, err := read()
	if err != nil {
		return nil, fmt.Errorf("reading the page: %w", err)
	}

	c := &Console{version: versionOf(contents), assets: make(map[string]*static.File, len(contents))}
	for name, content := range contents {
		if name == pageName || name == missingName || path.Ext(name) == textsExt {
			continue
		}
		if c.assets[name], err = newFile(name, content); err != nil {
			return nil, fmt.Errorf("preparing %s of the page: %w", name, err)
		}
	}

	page := bytes.ReplaceAll(contents[pageName], []byte("{modules}"), preloads(contents))
	page = bytes.ReplaceAll(page, []byte("{version}"), []byte(c.version))
	missing := bytes.ReplaceAll(contents[missingName], []byte("{version}"), []byte(c.version))
	if c.pages, err = newPages(page, missing, contents); err != nil {
		return nil, err
	}
	return c, nil
}

// The files that are the page itself, and what stands in its place where there is nothing; the others are
// their assets.
const (
	pageName    = "index.html"
	missingName = "missing.html"
)

// later are the modules that the page fetches when somebody first wants them, by import(): most people
// do without, and the first view stays light.
var later = []string{
	"account.js", "audit.js", "axis.js", "buckets.js", "center.js", "choose.js", "comments.js", "completion.js",
	"deleting.js", "deletions.js", "details.js", "download.js", "empty.js", "export.js", "exported.js",
	"health.js", "histogram.js", "jobs.js", "labels.js", "listened.js", "marks.js", "newer.js",
	"operations.js", "player.js", "playerbar.js", "reconcile.js", "recording.js", "reindex.js", "retention.js",
	"saved.js", "sound.js", "suggest.js", "timeline.js", "users.js", "waveform.js", "zone.js",
}

// preloads has browsers fetch all other modules at once, rather than each when another one names it.
func preloads(contents map[string][]byte) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		if path.Ext(name) == ".js" && name != "app.js" && !slices.Contains(later, name) {
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
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		fmt.Fprintf(sum, "%s %d\n", name, len(contents[name]))
		sum.Write(contents[name])
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

func newFile(name string, content []byte) (*static.File, error) {
	contentType, ok := types[path.Ext(name)]
	if !ok {
		return nil, fmt.Errorf("no media type for %s", path.Ext(name))
	}
	return static.New(contentType, content)
}

// ServePage answers with the page itself, in the language that fits the request best. Browsers ask for it
// again each time.
func (c *Console) ServePage(w http.ResponseWriter, r *http.Request) {
	setPageHeader(w.Header())
	c.pages.serve(w, r)
}

// ServeMissing answers with a page that says, in the language that fits the request best, that there is
// nothing at its address. The status is 404.
func (c *Console) ServeMissing(w http.ResponseWriter, r *http.Request) {
	setPageHeader(w.Header())
	c.pages.serveMissing(w, r)
}

// setPageHeader sets what a page may do, and that browsers ask for it again each time.
func setPageHeader(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-cache")
}

// ServeAsset answers with a file of the page, or tells that there is none of this version and name.
func (c *Console) ServeAsset(w http.ResponseWriter, r *http.Request, version, name string) bool {
	f := c.assets[name]
	if f == nil || version != c.version {
		return false
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	f.Serve(w, r)
	return true
}
