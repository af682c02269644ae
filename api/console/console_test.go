package console_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"recordings/api/console"
)

func get(t *testing.T, h http.Handler, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	var b io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		b = z
	}

	text, err := io.ReadAll(b)
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

// handler serves the page and its assets as the API does.
func handler(t *testing.T) http.Handler {
	t.Helper()
	c, err := console.New()
	if err != nil {
		t.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.ServePage)
	mux.HandleFunc("GET /assets/{version}/{name}", func(w http.ResponseWriter, r *http.Request) {
		if !c.ServeAsset(w, r, r.PathValue("version"), r.PathValue("name")) {
			http.NotFound(w, r)
		}
	})
	return mux
}

var asset = regexp.MustCompile(`assets/[0-9a-f]{16}/[a-z-]+[.](?:js|css|svg|woff2)`)

func TestPage(t *testing.T) {
	t.Parallel()
	h := handler(t)
	r := get(t, h, "/")
	csp := r.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'",
		"base-uri 'none'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy %q lacks %q", csp, want)
		}
	}

	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") {
		t.Errorf("the policy is %q", csp)
	}

	for name, want := range map[string]string{
		"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Content-Type": "text/html; charset=utf-8",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}

	page := body(t, r)
	names := asset.FindAllString(page, -1)
	if len(names) < 3 || strings.Contains(page, "{version}") {
		t.Fatalf("the page names %q:\n%s", names, page)
	}

	for _, name := range names {
		r := get(t, h, "/"+name, "Accept-Encoding", "gzip, deflate, br")
		if r.StatusCode != 200 || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %s", name, r.StatusCode, r.Header.Get("Cache-Control"))
		}

		again := get(t, h, "/"+name, "Accept-Encoding", "gzip, deflate, br", "If-None-Match", r.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %d", name, again.StatusCode)
		}

		if plain := body(t, get(t, h, "/"+name)); plain != body(t, r) || plain == "" {
			t.Errorf("%s is not the same compressed", name)
		}
	}
}

// TestLaterModules: what the first view fetches names no module that is to be fetched later, which
// would be fetched with it, but one after the other.
func TestLaterModules(t *testing.T) {
	t.Parallel()
	h := handler(t)
	var first []string
	at := ""
	for _, name := range asset.FindAllString(body(t, get(t, h, "/")), -1) {
		if strings.HasSuffix(name, ".js") {
			at = name[:strings.LastIndex(name, "/")+1]
			first = append(first, strings.TrimPrefix(name, at))
		}
	}

	imports := regexp.MustCompile(`(?m)^(?:import|}) .*'[.]/([a-z]+[.]js)';`)
	found := 0
	for _, name := range first {
		for _, m := range imports.FindAllStringSubmatch(body(t, get(t, h, "/"+at+name)), -1) {
			found++
			if !slices.Contains(first, m[1]) {
				t.Errorf("%s imports %s, which is to come later", name, m[1])
			}
		}
	}
	if found < 50 {
		t.Fatalf("only %d imports were found", found)
	}
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	h := handler(t)
	name := "/" + asset.FindString(body(t, get(t, h, "/")))
	name = name[:strings.LastIndex(name, "/")] + "/app.js"
	for accept, want := range map[string]string{
		"gzip": "gzip", "br, gzip": "gzip", "GZIP;q=0.5": "gzip", "*": "gzip", "": "", "br": "", "gzip;q=0": "",
		"gzip; q=0.0": "", "identity": "",
	} {
		r := get(t, h, name, "Accept-Encoding", accept)
		if got := r.Header.Get("Content-Encoding"); got != want || r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q gets %q, Vary %q", accept, got, r.Header.Get("Vary"))
		}
	}

	for _, other := range []string{strings.Replace(name, "app.js", "none.js", 1),
		strings.Replace(name, "app.js", "index.html", 1), "/assets/0000000000000000/app.js"} {
		if r := get(t, h, other); r.StatusCode != 404 {
			t.Errorf("%s: %d", other, r.StatusCode)
		}
	}
}
