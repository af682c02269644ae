//go:build integration

package console_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp/kb"
)

// testPaging scrolls through thousands of rows: each comes once and in order, few are in the
// document at a time, and none makes the page stand still.
func testPaging(t *testing.T, s *service, b *browser) {
	var more []string
	for i := range 2100 {
		more = append(more, recording(fmt.Sprint("more ", i), time.Date(2020, 1, 1, 0, i, 0, 0, time.UTC), nil))
	}

	s.postAll(t, more)
	p := b.open(t, s, laptop)
	p.signIn(s, "ops", "/?startTime=2000-01-01T00:00:00Z")
	p.settled()
	p.do("window.longTasks.length = 0; window.seen = new Map(); window.most = 0")
	before := p.memory()
	if !evaluate[bool](p, scrollToEnd) {
		t.Error("the end was not reached")
	}

	total := int(s.call(t, "admin", "GET", "/api/v2/recordings?startTime=0&limit=1&total=true", "")["total"].(float64))
	seen, different := evaluate[int](p, "window.seen.size"), evaluate[int](p, "new Set(window.seen.values()).size")
	if seen != total || different != total {
		t.Errorf("%d rows, %d of them different, were in sight, want %d", seen, different, total)
	}

	if most := evaluate[int](p, "window.most"); most > 80 {
		t.Errorf("%d rows were in the document at a time", most)
	}

	t.Logf("scrolling through %d rows: long tasks of %v ms; %.1f MB of JavaScript before, %.1f after",
		total, evaluate[[]int](p, "window.longTasks"), before, p.memory())
}

// scrollToEnd scrolls a screen at a time, and notes which rows were in the document.
const scrollToEnd = `new Promise((resolve) => {
	const end = performance.now() + 400000;
	const step = () => {
		const rows = [...document.querySelectorAll('.grid-body .grid-row')];
		window.most = Math.max(window.most, rows.length);
		for (const r of rows) window.seen.set(Number(r.getAttribute('aria-rowindex')), r.querySelector('a').href);
		const bottom = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
		const last = document.querySelector('.grid-foot').hidden && bottom;
		if (last || performance.now() > end) return resolve(last);
		scrollBy(0, 600);
		let gone = false; // a browser that draws no frame for a second does not hold up the test
		const on = () => { if (!gone) { gone = true; clearTimeout(late); step(); } };
		const late = setTimeout(on, 1000);
		requestAnimationFrame(() => requestAnimationFrame(on));
	};
	step();
})`

// testPlaying hears a call of two media files with a pause.
func testPlaying(t *testing.T, s *service, b *browser) {
	two := s.pick(t, "startTime=0", func(r map[string]any) bool {
		return len(files(r)) == 2 && has(files(r)[0], "masks") && whole(r)
	})

	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?recording="+url.QueryEscape(two)+"#t=3")
	p.wait("document.querySelectorAll('.file .wave').length === 4 && document.querySelectorAll('.pause').length >= 1")
	p.wait("document.querySelector('.now').textContent === '0:03'")
	if got := evaluate[string](p,
		"document.querySelector('.pause').textContent + document.querySelector('.pause').title"); !strings.Contains(got,
		"pausedPaused from 0:06 to ") {
		t.Errorf("the pause says %q", got)
	}

	if lanes := evaluate[int](p, "document.querySelectorAll('.stay').length"); lanes < 3 {
		t.Errorf("%d stays of contacts are shown", lanes)
	}

	// as they are before they are drawn
	p.wait("[...document.querySelectorAll('.file .wave')].every((w) => w.height !== 150)")
	p.shot("call")
	p.do("window.light = document.querySelector('.file .wave').toDataURL()")
	p.click("[aria-label='Light or dark']")
	p.wait("document.querySelector('.file .wave').toDataURL() !== window.light") // in the colours of the dark
	p.do("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
	p.clickText("Copy link")
	p.wait(fmt.Sprintf("window.copied === new URL(%q, location).href", "?recording="+url.QueryEscape(two)+"#t=3"))
	p.click(".play")
	p.wait("Number(document.querySelector('[role=slider]').getAttribute('aria-valuenow')) >= 4")
	p.do("const v = document.querySelector('#volume'); v.value = '0.4'; v.dispatchEvent(new Event('input'))")
	p.press("m")
	p.wait("document.querySelector('#volume').value === '0'")
	p.press("m")
	p.wait("document.querySelector('#volume').value === '0.4'") // as loud as before
	p.press("m")
	p.key(kb.ArrowRight)
	p.wait("Number(document.querySelector('[role=slider]').getAttribute('aria-valuenow')) >= 14")
	p.do("const s = document.querySelector('#speed'); s.value = '3'; s.dispatchEvent(new Event('change'))")
	// A click into the second file, then on to its end.
	p.do(`const file = document.querySelector('[data-file="1"].file').getBoundingClientRect();
		const slider = document.querySelector('[role=slider]');
		slider.dispatchEvent(new PointerEvent('pointerdown', { clientX: file.left + file.width / 2, clientY: ` +
		`file.top + 5, button: 0, pointerId: 1, bubbles: true }))`)

	p.wait("document.querySelector('.now').textContent !== '0:14' && " +
		"document.querySelector('.play').getAttribute('aria-label') === 'Pause'")
	// at the slider or not, Home is not in the way
	p.key(kb.Home)
	p.wait("document.querySelector('.play').getAttribute('aria-label') === 'Play'") // it has come to the end
	p.mu.Lock()
	ranges := slices.Clone(p.ranges)
	p.mu.Unlock()
	if !slices.ContainsFunc(ranges, func(r string) bool { return strings.HasPrefix(r, "206 bytes ") }) {
		t.Errorf("no range was asked for: %q", ranges)
	}

	testRuler(t, p, s)
	testCannotBeHeard(p, s)
}

// testRuler opens a call whose axis ends with a moment that the ruler names: that is not cut off.
func testRuler(t *testing.T, p *tab, s *service) {
	even := s.pick(t, "startTime=0", func(r map[string]any) bool {
		at := func(name string) time.Time {
			when, err := time.Parse("2006-01-02T15:04:05.000-0700", files(r)[0].(map[string]any)[name].(string))
			if err != nil {
				t.Fatal(err)
			}
			return when
		}
		return len(files(r)) == 1 && at("stopTime").Sub(at("startTime")) == 40*time.Second
	})

	p.visit("/?recording=" + url.QueryEscape(even))
	for _, how := range []look{laptop, phone, laptop} {
		p.look(how)
		p.wait(`(() => {
			const ticks = [...document.querySelectorAll('.tick')].map((tick) => tick.getBoundingClientRect());
			const ruler = document.querySelector('.tick')?.parentElement.getBoundingClientRect();
			return ticks.length > 1 && ruler.right <= innerWidth &&
				ticks.every((tick) => tick.left >= ruler.left - 1 && tick.right <= ruler.right + 1);
		})()`)
	}
}

// testCannotBeHeard opens calls whose media is missing, or encrypted: the page says so.
func testCannotBeHeard(p *tab, s *service) {
	p.expect("404")
	encrypted := s.pick(p.t, "startTime=0",
		func(r map[string]any) bool { return has(files(r)[len(files(r))-1], "pkcs7") })
	p.visit("/?recording=" + url.QueryEscape(encrypted))
	p.wait("document.querySelector('.file-problem')?.innerText.includes('encrypted') && " +
		"document.querySelector('.file-problem').innerText.includes('recordings-2026')")
	p.shot("encrypted")
	p.visit("/?recording=" + url.QueryEscape(s.pick(p.t, "startTime=0", missing)))
	p.wait("document.querySelector('.file-problem')?.innerText.includes('missing')")
	p.shot("missing")
	// It is told before anybody wants to hear it, also of a file that is not the first.
	p.visit("/?recording=" + url.QueryEscape(s.pick(p.t, "startTime=0",
		func(r map[string]any) bool { return len(files(r)) == 2 && missing(r) })))
	p.wait("document.querySelector('.file-problem')?.innerText.includes('missing')")
}

// testTrouble has a session end, the network go, and become slow.
func testTrouble(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.expect("401")
	p.expect("ERR_INTERNET_DISCONNECTED")
	p.signIn(s, "admin", "/")
	p.settled()
	// the last request of a page that opens
	p.wait("performance.getEntriesByType('resource').some((r) => r.name.includes('/saved-searches'))")
	send(p, network.ClearBrowserCookies, cdp.Empty{})
	// at once, so that nothing of it is typed into the dialog
	paste := func(text string) {
		p.do(fmt.Sprintf("const f = document.querySelector('#userName'); f.value = %q; "+
			"f.dispatchEvent(new Event('input', { bubbles: true }))", text))
	}
	paste("alic")
	typed := "alic"
	p.wait("document.querySelector('dialog[open] h2')?.textContent === 'Sign in again'")
	p.shot("signed-out")
	p.key(kb.Escape + kb.Escape) // twice: a browser then closes it, whatever the page says
	if evaluate[bool](p, "document.querySelector('dialog[open]') === null") {
		p.wait("!document.querySelector('dialog')") // what closes it takes it away a moment later
		paste("alice")                              // asks again
		typed = "alice"
		p.wait("document.querySelector('dialog[open] h2')?.textContent === 'Sign in again'")
	}

	p.fill("dialog #user", "admin")
	p.fill("dialog #password", "admin\r")
	p.wait("!document.querySelector('dialog')")
	p.showsResult(s, "userName="+typed+"*")

	p.do(`window.real = fetch; window.fetch = async () => new Response('{"statusCode":4,"statusMessage":"the search ` +
		`took too long"}', { status: 503 })`)
	p.fill("#userName", "bob")
	p.wait("document.querySelector('.note:not([hidden])')?.innerText.includes('the search took too long')")
	p.do("window.fetch = window.real")
	p.clickText("Try again")
	p.showsResult(s, "userName=bob*")

	offline := func(is bool, latency float64) {
		send(p, network.EmulateNetworkConditionsByRule,
			network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{
				{URLPattern: "", Offline: is, Latency: latency, DownloadThroughput: -1, UploadThroughput: -1}}})
	}

	offline(true, 0)
	p.fill("#userName", "zoë")
	p.wait("document.querySelector('.note:not([hidden])')?.innerText.includes('The service cannot be reached')")
	p.shot("offline")
	offline(false, 1500)
	p.clickText("Try again")
	p.wait("document.querySelector('.result-status').textContent === 'Searching…' && " +
		"!document.querySelector('.progress-line').hidden")
	p.fill("#userName", "alic")
	p.key("e") // takes the place of the one before
	p.showsResult(s, "userName=alice*")
	offline(false, 0)
}

// testReach: no view is wider than its window, from a telephone to a laptop at 200 %, and names of
// 10,000 letters change nothing.
func testReach(t *testing.T, s *service, b *browser) {
	long := strings.Repeat("abcdefghi ", 1000)
	s.call(t, "ops", "POST", opsPath,
		recording("long "+strings.Repeat("x", 3000), time.Now().Add(-time.Minute), func(r map[string]any) {
			r["callerPhoneNumber"], r["dialedPhoneNumber"] = strings.Repeat("9", 10_000), strings.Repeat("8", 10_000)
			for _, e := range r["eventHistory"].([]any) {
				if c, ok := e.(map[string]any)["contact"].(map[string]any); ok {
					c["firstName"], c["lastName"] = long+"x", "مرحبا "+long+"x"
				}
				e.(map[string]any)["data"] = map[string]any{strings.Repeat("k", 10_000): strings.Repeat("v", 10_000)}
			}
		}))

	p := b.open(t, s, laptop)
	p.expect("502") // no media
	p.expect("404")
	p.signIn(s, "ops", "/")
	for _, how := range []look{laptop, night, phone, {width: 360, height: 800}, zoomed} {
		p.look(how)
		for _, view := range []string{"/?period=", "/?userName=nobody&userData=x", "/?view=operations",
			"/?recording=long%20" + strings.Repeat("x", 3000)} {
			p.visit(view)
			p.wait("document.querySelector('.grid-body .grid-row, .why dd, .operations .card, " +
				".timeline')?.checkVisibility()")
			if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
				t.Errorf("%s at %d pixels is %d too wide", view[:min(len(view), 40)], how.width, wide)
			}
			if !evaluate[bool](p, "[...document.querySelectorAll('.top nav a')].every((a) => { "+
				"const words = document.createRange(); words.selectNodeContents(a); "+
				"return a.offsetHeight < 48 && words.getClientRects().length === 1; })") {
				t.Errorf("%s at %d pixels breaks the words of the bar", view[:min(len(view), 40)], how.width)
			}
		}
	}
}

// testFirstView weighs what comes over the network before one can sign in.
func testFirstView(t *testing.T, s *service, b *browser) {
	const most = 167_000 // bytes, of the 170,000 that it may ever take
	p := b.open(t, s, laptop)
	p.visit("/")
	p.wait("document.activeElement?.id === 'user'")
	p.wait("document.fonts.status === 'loaded'")
	p.mu.Lock()
	weight := int(p.bytes)
	p.mu.Unlock()
	if weight > most || weight < 20<<10 {
		t.Errorf("the first view takes %d bytes, want at most %d", weight, most)
	}

	t.Logf("first view: %d bytes; %.0f ms until one can type", weight,
		evaluate[float64](p, "performance.getEntriesByName('ready')[0].startTime"))
	p.signIn(s, "admin", "/")
	p.settled()
	p.do(`const rows = document.querySelector('.grid-body');
		new MutationObserver(() => { window.shown = performance.now(); }).observe(rows, { childList: true });
		document.querySelector('#userName').addEventListener('input', () => { window.typed = performance.now(); ` +
		`window.shown = 0; })`)

	p.fill("#userName", "müller")
	p.showsResult(s, "userName=m%C3%BCller*")
	t.Logf("from the last key to its results: %.0f ms", evaluate[float64](p, "window.shown - window.typed"))
}

// testExport takes all that a search finds, not only what is in sight. A workbook is offered first.
func testExport(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?userData=Gold")
	p.showsResult(s, "userData=Gold")
	// Instead of a dialog of the browser, and of its folder for downloads.
	p.do(`delete window.showSaveFilePicker; URL.createObjectURL = (blob) => { const reader = new FileReader(); ` +
		`reader.onload = () => { window.saved = reader.result.split(',')[1]; }; reader.readAsDataURL(blob); ` +
		`return '#'; }`)
	total := s.call(t, "admin", "GET", "/api/v2/recordings?userData=Gold&limit=1&total=true", "")["total"].(float64)
	for i, x := range []struct{ title, first, count string }{
		{"Excel workbook", "PK\x03\x04", "PK\x05\x06"},
		{"CSV", `"id","startTime (America/Los_Angeles)"`, fmt.Sprintf("\"#count\",\"%.0f\"", total)},
		{"NDJSON", `{"id":`, fmt.Sprintf(`{"statusCode":0,"count":%.0f}`, total)},
	} {
		p.clickText("Export…")
		p.wait("document.activeElement.innerText.startsWith('Excel workbook')")
		p.do("window.saved = ''")
		p.click(fmt.Sprintf(".forms button:nth-child(%d)", i+1))
		p.wait(fmt.Sprintf("document.querySelector('dialog [role=status]').textContent.replaceAll(',', '') === "+
			"'Done: %.0f calls.'", total))
		p.wait("window.saved !== ''")
		saved, err := base64.StdEncoding.DecodeString(evaluate[string](p, "window.saved"))
		if err != nil {
			t.Fatal(err)
		}

		if !bytes.Contains(saved, []byte(x.first)) || !bytes.Contains(saved, []byte(x.count)) {
			t.Errorf("%s: %d bytes, which have not both %q and %q", x.title, len(saved), x.first, x.count)
		}
		if lines := bytes.Count(saved, []byte("\n")); i > 0 && lines < int(total) {
			t.Errorf("%s has %d lines", x.title, lines)
		}

		p.shot("export-" + x.title)
		p.clickText("Close")
		p.wait("!document.querySelector('dialog')")
	}
}

// testReindexing builds the search index anew, and sees how far it is.
func testReindexing(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "ops", "/?view=operations")
	before := s.call(t, "ops", "GET", "/api/v2/ops/reindex", "")["reindex"].(map[string]any)["ended"]
	p.clickText("Build it anew…")
	p.wait("document.querySelector('dialog[open] h2')?.textContent === 'Build the search index anew?'")
	p.shot("reindex-question")
	p.clickText("Leave it as it is")
	p.wait("!document.querySelector('dialog')")
	after := s.call(t, "ops", "GET", "/api/v2/ops/reindex", "")["reindex"].(map[string]any)
	if after["ended"] != before || after["phase"] != "idle" && after["phase"] != "done" {
		t.Errorf("it was asked about, and not wanted: %v", after)
	}

	p.clickText("Build it anew…")
	p.clickText("Build it anew")
	// it takes a while to fill it with thousands
	p.wait("document.querySelector('.operations progress').checkVisibility()")
	p.shot("reindexing")
	p.wait("document.querySelector('.operations progress').hidden && " +
		"document.querySelector('.operations').innerText.includes('Ended')")
	state := s.call(t, "ops", "GET", "/api/v2/ops/reindex", "")["reindex"].(map[string]any)
	if state["phase"] != "done" || state["ended"] == before || state["done"] == 0.0 ||
		!strings.Contains(strings.ToLower(p.text(".operations")), strings.ToLower(state["verdict"].(string))) {
		t.Errorf("the page says %q of %v", p.text(".operations"), state)
	}

	p.clickText("Calls")
	p.showsResult(s, "startTime=0")
}
