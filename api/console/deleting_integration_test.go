//go:build integration

package console_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/webdav"
)

// storage is a WebDAV server that can refuse to delete.
type storage struct {
	*httptest.Server
	refuses atomic.Bool
	dir     string
}

func newStorage(t *testing.T) *storage {
	t.Helper()
	s := &storage{dir: t.TempDir()}
	files := &webdav.Handler{FileSystem: webdav.Dir(s.dir), LockSystem: webdav.NewMemLS()}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete && s.refuses.Load() && strings.Contains(r.URL.Path, "stuck") {
			w.WriteHeader(http.StatusInsufficientStorage)
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *storage) add(t *testing.T, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte("RIFF"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *storage) has(name string) bool {
	_, err := os.Stat(filepath.Join(s.dir, name))
	return err == nil
}

// serveWith runs a service whose media are in a storage. The password of its users is "secret".
func serveWith(t *testing.T, binary string, s *storage, more ...string) *service {
	t.Helper()
	return serveUsers(t, binary, s, "", more...)
}

// serveUsers is serveWith for more users, lines of the configuration.
func serveUsers(t *testing.T, binary string, s *storage, users string, more ...string) *service {
	t.Helper()
	const hash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$+H4vXYFWoXb2B34RuwJIpQ"
	dir := t.TempDir()
	text := fmt.Sprintf(`listen: 127.0.0.1:0
region: us-west
data: %s
users:
- {name: ops, role: ops, password_hash: "%s"}
- {name: admin, role: admin, contact_center: %s, password_hash: "%s"}
%sstorage: {webDAV: {default: "%s/", origins: [{url: "%s/"}]}}
%s
`, filepath.Join(dir, "data"), hash, contactCenter, hash, users, s.URL, s.URL, strings.Join(more, "\n"))

	file := filepath.Join(dir, "recordings.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	served := serve(t, binary, "--config", file)
	served.password = "secret"
	return served
}

// TestDeleting deletes in every way that the page offers, with a storage that refuses for a while.
func TestDeleting(t *testing.T) {
	files := newStorage(t)
	s := serveWith(t, build(t), files)
	b := newBrowser(t)
	names := map[string][]string{"metadata": {"a.wav"}, "media": {"b.wav", "c.wav"},
		"partly": {"d.wav", "stuck-1.wav", "stuck-2.wav"}, "left": {"stuck-3.wav"}}
	for id, paths := range names {
		s.call(t, "ops", "POST", opsPath, recording(id, time.Now().Add(-time.Hour), func(r map[string]any) {
			var media []any
			for _, path := range paths {
				files.add(t, path)
				m := map[string]any{}
				for k, v := range r["mediaFiles"].([]any)[0].(map[string]any) {
					m[k] = v
				}
				m["mediaDescriptor"] = map[string]any{"storage": "webDAV", "path": path}
				media = append(media, m)
			}

			r["mediaFiles"] = media
		}))
	}

	p := b.open(t, s, laptop)
	p.expect("404") // what is deleted
	p.expect("ERR_")
	p.signIn(s, "ops", "/")
	p.settled()

	remove := func(id, what, words string) {
		t.Helper()
		p.visit("/?recording=" + id)
		p.clickText("Delete…")
		p.wait(fmt.Sprintf("document.querySelector('dialog .call-name').innerText.includes('+16505550101 → "+
			"+18005550100') && document.querySelector('dialog .call-name').innerText.includes(%q)", id))
		if !evaluate[bool](p, "document.querySelector('dialog .danger').disabled") {
			t.Error("it can be deleted without a choice")
		}

		p.shot("delete-" + id)
		p.click("#delete-" + what)
		p.clickText(words)
	}

	// said waits until a message says what was deleted.
	said := func(words ...string) {
		t.Helper()
		for _, part := range append(words, "Deleted: ", "+16505550101\u2069 → \u2068+18005550100") {
			p.wait(fmt.Sprintf("document.querySelector('.message').innerText.includes(%q)", part))
		}
	}

	remove("metadata", "metadata", "Delete metadata")
	p.wait("!document.querySelector('dialog') && document.querySelector('.grid-body .grid-row')")
	said("the metadata of the call", "Its media file stays in storage.")
	p.shot("deleted")
	if !files.has("a.wav") {
		t.Error("the media is gone, too")
	}

	remove("media", "media", "Delete call and media")
	p.wait("!document.querySelector('dialog') && document.querySelector('.grid-body .grid-row')")
	said("with its 2 media files.")
	if files.has("b.wav") || files.has("c.wav") {
		t.Error("the media is still there")
	}

	files.refuses.Store(true)
	remove("partly", "media", "Delete call and media")
	p.wait("document.querySelectorAll('dialog .left-list li').length === 2 && document.querySelector('dialog " +
		".left-list').innerText.includes('stuck-1.wav')")
	p.wait("document.querySelector('dialog h2').textContent === 'Not everything is deleted' && " +
		"document.activeElement.textContent === 'Try again'")
	p.shot("partly-deleted")
	p.clickText("Try again")
	p.wait("document.querySelector('dialog [role=status]').textContent === 'Some could still not be deleted.'")
	files.refuses.Store(false)
	p.clickText("Try again")
	p.wait("document.querySelector('dialog [role=status]').textContent === 'Everything is deleted now.'")
	p.clickText("Close")
	said("with its 3 media files.")
	if files.has("stuck-1.wav") || files.has("d.wav") {
		t.Error("media is still there")
	}

	files.refuses.Store(true)
	remove("left", "media", "Delete call and media")
	p.clickText("Close")
	said("and none of its media files. What could not be deleted (1 media file) is listed under Operations.")
	p.visit("/?view=operations")
	p.wait("document.querySelectorAll('.left-list li').length === 1 && " +
		"document.querySelector('.left-list li').innerText.includes('stuck-3.wav')")
	p.shot("left-behind")
	files.refuses.Store(false)
	p.clickText("Try all again")
	p.wait("document.querySelector('.operations').innerText.includes('1 deleted')")
	if ids := s.found(t, "startTime=0"); len(ids) != 0 {
		t.Errorf("still there: %q", ids)
	}
}

// TestDeletingMany deletes what a search finds, after the number was typed, and looks at what would go
// by retention.
func TestDeletingMany(t *testing.T) {
	s := serveWith(t, build(t), newStorage(t),
		"retention: [{name: old, after: 90d, contact_centers: ["+contactCenter+"], everything: true}]")
	var all []string
	for i := range 30 {
		all = append(all, recording(fmt.Sprint("many ", i), time.Now().Add(-time.Hour), func(r map[string]any) {
			r["callerPhoneNumber"] = fmt.Sprintf("+1650555%04d", i/12)
		}))
	}
	s.postAll(t, all)

	b := newBrowser(t)
	p := b.open(t, s, laptop)
	p.signIn(s, "ops", "/?callerPhoneNumber=%2B16505550001")
	p.settled()
	p.clickText("Operations")
	p.wait("document.querySelector('[aria-label=\"Deletions\"]')?.innerText.includes('Nothing was deleted')")
	p.clickText("Delete many calls…")
	p.wait("document.querySelector('dialog .criteria').innerText.includes('+16505550001')")
	p.inspector()("many")
	p.clickText("Keep them")
	p.wait("!document.querySelector('dialog')")

	inspect := p.inspector()
	for name, how := range map[string]look{"light": laptop, "dark": night, "phone": phone} {
		p.look(how)
		p.clickText("Delete many calls…")
		p.clickText("See what would go")
		p.wait("document.querySelector('dialog .total')?.innerText === '12 calls match.'")
		p.wait("document.querySelectorAll('dialog .samples li').length === 10")
		inspect("many-confirm-" + name)
		p.key("11")
		if !evaluate[bool](p, "document.querySelector('dialog .danger').disabled") {
			t.Error("another number begins it")
		}
		p.do("document.querySelector('dialog').close()")
		p.wait("!document.querySelector('dialog')")
	}

	p.look(laptop)
	p.clickText("Delete many calls…")
	p.clickText("See what would go")
	p.wait("document.activeElement?.id === 'many-number'")
	s.call(t, "ops", "POST", opsPath, recording("one more", time.Now().Add(-time.Hour), func(r map[string]any) {
		r["callerPhoneNumber"] = "+16505550001"
	}))
	p.expect("409")
	p.key("12\r")
	p.wait("document.querySelector('dialog [role=alert]')?.innerText.includes('13 recordings match')")
	p.clickText("See what would go")
	p.wait("document.activeElement?.id === 'many-number'")
	p.key("13\r") // by keys alone
	p.wait("document.querySelector('.jobs')?.innerText.includes('13 of 13 calls · 13 deleted')")
	p.wait("[...document.querySelectorAll('.jobs a')].some((a) => a.textContent === 'Save the results')")
	if ids := s.found(t, "callerPhoneNumber=%2B16505550001"); len(ids) != 0 {
		t.Errorf("still there: %q", ids)
	}
	if ids := s.found(t, "startTime=0&limit=100"); len(ids) != 18 {
		t.Errorf("%d are left, want 18", len(ids))
	}

	p.clickText("What would go?")
	p.wait("document.querySelector('[aria-label=\"Retention\"]').innerText.includes('today: 0 would go')")
	for name, how := range map[string]look{"light": laptop, "dark": night, "phone": phone} {
		p.look(how)
		inspect("deletions-" + name)
		if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			t.Errorf("operations at %d pixels are %d too wide", how.width, wide)
		}
	}
}

// TestPayloads stores what would run if any of it were taken for HTML, in every field that is
// stored, and looks at all of it.
func TestPayloads(t *testing.T) {
	text, err := os.ReadFile("testdata/payloads.txt")
	if err != nil {
		t.Fatal(err)
	}

	payloads := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(payloads) < 150 {
		t.Fatalf("%d payloads, want 150", len(payloads))
	}

	s := serveWith(t, build(t), newStorage(t))
	var all []string
	for i, payload := range payloads {
		all = append(all, recording(payload, time.Now().Add(-time.Duration(i+1)*time.Minute),
			func(r map[string]any) { fillWith(r, payload) }))
	}

	s.postAll(t, all)
	b := newBrowser(t)
	p := b.open(t, s, laptop)
	p.expect("502") // there is no such storage, and no such media
	p.expect("404")
	p.expect("400")
	p.signIn(s, "ops", "/")
	p.settled()
	p.do("scrollTo(0, 4000)")
	p.settled()
	for i, payload := range payloads {
		p.do(fmt.Sprintf("history.pushState(null, '', '/?recording=' + encodeURIComponent(%q)); dispatchEvent(new "+
			"PopStateEvent('popstate'))", payload))
		p.wait(fmt.Sprintf("document.querySelector('.recording dd bdi')?.textContent === %q && "+
			"document.querySelector('.timeline')", payload))
		if i%40 == 0 {
			p.do(fmt.Sprintf("history.pushState(null, '', '/?userName=x&userData=' + encodeURIComponent(%q) + '&"+
				"callerPhoneNumber=' + encodeURIComponent(%q)); dispatchEvent(new PopStateEvent('popstate'))", payload,
				payload))
			p.wait("document.querySelector('.note:not([hidden])')")
		}
	}

	harmless(p)
	// Media that cannot be deleted is listed with its path, and why.
	s.call(t, "ops", "DELETE", opsPath+"/"+url.PathEscape(payloads[0])+"?subresources=*", "")
	p.visit("/?view=operations")
	p.wait("document.querySelectorAll('.left-list li').length > 0")
	harmless(p)
	p.visit("/?contactCenter=" + url.QueryEscape(payloads[0]))
	p.wait(fmt.Sprintf("document.querySelector('.center-name')?.textContent === %q && "+
		"document.querySelector('.note:not([hidden])')", payloads[0]))
	harmless(p)
}

// harmless fails if anything has run that should not, or wanted to, since the page was opened.
func harmless(p *tab) {
	p.t.Helper()
	if n := evaluate[int](p, "window.violations.length"); n != 0 {
		p.t.Errorf("the policy was violated: %v", evaluate[[]string](p, "window.violations"))
	}
	if evaluate[bool](p, "'pwned' in window") {
		p.t.Error("a payload ran")
	}
}

// fillWith puts a payload into every field that takes any text.
func fillWith(r map[string]any, payload string) {
	r["callerPhoneNumber"], r["dialedPhoneNumber"], r["unknown "+payload] = payload, payload, payload
	m := r["mediaFiles"].([]any)[0].(map[string]any)
	for _, name := range []string{"callUUID", "mediaId", "type", "duration", "size", "tenant", "ivrprofile", "pkcs7",
		"unknown"} {
		m[name] = payload
	}

	for _, name := range []string{"certAlias", "partitions", "accessgroups"} {
		m[name] = []any{payload}
	}

	m["parameters"] = map[string]any{payload: payload}
	m["masks"] = []any{map[string]any{"time": payload, "type": payload}}
	m["mediaDescriptor"] = map[string]any{"storage": "awsS3", "path": payload,
		"data": map[string]any{"bucket": "b", payload: payload}}
	for _, e := range r["eventHistory"].([]any) {
		event := e.(map[string]any)
		event["data"] = map[string]any{payload: payload}
		if c, ok := event["contact"].(map[string]any); ok {
			c["phoneNumber"], c["userName"], c["firstName"], c["lastName"] = payload, payload, payload, payload
		}
	}
}
