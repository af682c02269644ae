//go:build integration

package console_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/css"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/go-json-experiment/json"
)

// browser is a Chromium of a test's own.
type browser struct {
	t   *testing.T
	ctx context.Context
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	options := slices.Concat(chromedp.DefaultExecAllocatorOptions[:], []chromedp.ExecAllocatorOption{
		chromedp.Flag("headless", "new"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("lang", "en-US"), chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.WSURLReadTimeout(patience),
	})

	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeBrowser := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("ending the browser: %v", err)
		}
		closeBrowser()
		stop()
		chromedp.FromContext(ctx).Allocator.Wait()
	})

	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium, which this test needs: %v", err)
	}

	return &browser{t, ctx}
}

// look is how somebody looks at the page.
type look struct {
	width, height int64
	dark          bool
}

// The looks that the page is tested with.
var (
	laptop = look{width: 1280, height: 800}
	night  = look{width: 1280, height: 800, dark: true}
	phone  = look{width: 390, height: 844}
	zoomed = look{width: 640, height: 400} // a laptop at 200 %

	phoneNight = look{width: 390, height: 844, dark: true}
)

// tab is a page on its way, with a session of its own. When its test ends, nothing may have gone
// wrong in it.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string

	pictures string // the directory of screenshots

	mu       sync.Mutex
	wrong    []string // errors of the console, exceptions, violations of the policy, dialogs
	expected []string // parts of errors that the test brings about
	ranges   []string // Range headers that were sent, and the status that came back
	bytes    float64  // that came over the network
}

func (b *browser) open(t *testing.T, s *service, how look) *tab {
	t.Helper()
	p := &tab{t: t, url: s.url, pictures: t.ArtifactDir()}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen))
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("opening a page: %v", err)
	}

	ctx, stop := context.WithTimeout(ctx, 10*time.Minute)
	p.ctx = ctx
	t.Cleanup(func() {
		if t.Failed() {
			p.shot("failed")
			t.Logf("in the browser: %q\nthe service:\n%s", p.wrong, s.log)
		}
		stop()
		cancel()
		p.check()
	})

	p.look(how)
	send(p, runtime.Enable, cdp.Empty{})
	send(p, log.Enable, cdp.Empty{})
	send(p, network.Enable, network.EnableParams{})
	send(p, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "America/Los_Angeles"})
	send(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watcher})
	return p
}

// watcher notes what the policy of the page has forbidden, and what has kept the page from
// answering.
const watcher = `window.violations = []; window.longTasks = [];
document.addEventListener('securitypolicyviolation', (e) => window.violations.push(e.violatedDirective + ' ' + ` +
	`e.blockedURI + ' ' + e.sample));
new PerformanceObserver((l) => { for (const e of l.getEntries()) window.longTasks.push(Math.round(e.duration)); }` +
	`).observe({ type: 'longtask', buffered: true });`

func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	note := func(format string, args ...any) { p.wrong = append(p.wrong, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		note("exception: %v", e.ExceptionDetails)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning ||
			e.Type == runtime.ConsoleAPICalledTypeAssert {
			note("console: %v", e.Args)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			note("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *page.EventJavascriptDialogOpening:
		note("dialog: %s", e.Message)
	case *network.EventResponseReceivedExtraInfo:
		if r, ok := e.Headers["Content-Range"]; ok {
			p.ranges = append(p.ranges, fmt.Sprint(e.StatusCode, " ", r))
		}
	case *network.EventLoadingFinished:
		p.bytes += e.EncodedDataLength
	}
}

// expect says that the test brings about errors whose text holds this.
func (p *tab) expect(part string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = append(p.expected, part)
}

func (p *tab) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, wrong := range p.wrong {
		if !slices.ContainsFunc(p.expected, func(part string) bool { return strings.Contains(wrong, part) }) {
			p.t.Errorf("in the browser: %s", wrong)
		}
	}
}

// send sends a command of the browser's protocol.
func send[P, R any](p *tab, command cdp.Command[P, R], params P) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, command, params); err != nil {
		p.t.Fatal(err)
	}
}

// ask sends a command that has an answer.
func ask[P, R any](p *tab, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	answer, err := chromedp.Call(p.ctx, command, params)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer
}

func (p *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// visit opens an address below the service's.
func (p *tab) visit(target string) {
	p.t.Helper()
	p.run(chromedp.Navigate(p.url + target))
}

// evaluate evaluates an expression, also one that is a promise.
func evaluate[T any](p *tab, expression string) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// comesAbout is a promise of whether an expression becomes true within a minute.
func comesAbout(condition string) string {
	return fmt.Sprintf(`new Promise((resolve) => {
		const end = performance.now() + 60000;
		const ask = () => {
			let is = false;
			try { is = Boolean(%s); } catch { }
			if (is || performance.now() > end) resolve(is); else setTimeout(ask, 15);
		};
		ask();
	})`, condition)
}

// wait waits until an expression is true. It is asked within the page: no time is lost between.
func (p *tab) wait(condition string) {
	p.t.Helper()
	expression := comesAbout(condition)
	for range 3 { // a page that is left in between loses the promise
		is, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](expression, chromedp.EvalAwaitPromise))
		if err == nil && is {
			return
		}
		if err == nil || p.ctx.Err() != nil {
			p.t.Fatalf("it never came about that %s; the page says:\n%s", condition,
				evaluate[string](p, "document.body.innerText.slice(0, 1500)"))
		}
	}

	p.t.Fatalf("the page does not answer whether %s", condition)
}

func (p *tab) text(selector string) string {
	p.t.Helper()
	return evaluate[string](p, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

// click clicks on the element as a mouse would.
func (p *tab) click(selector string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("document.querySelector(%q)?.checkVisibility()", selector))
	p.run(chromedp.Click(chromedp.CSS(selector)))
}

// clickText clicks on the button or link with this text.
func (p *tab) clickText(text string) {
	p.t.Helper()
	find := fmt.Sprintf("[...document.querySelectorAll('dialog[open] button, dialog[open] a, button, a')].find((x) "+
		"=> x.textContent.trim() === %q && x.checkVisibility() && !x.disabled)", text)
	p.wait(find)
	if !evaluate[bool](p, "(() => { "+find+".click(); return true; })()") {
		p.t.Fatalf("nothing to click says %q", text)
	}
}

// fill replaces what is in a field, key by key.
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("document.querySelector(%q)", selector))
	p.do(fmt.Sprintf("const f = document.querySelector(%q); f.focus(); f.select?.()", selector))
	if text == "" {
		p.run(chromedp.KeyEvent("\b"))
		return
	}
	p.run(chromedp.KeyEvent(text))
}

func (p *tab) key(keys string) {
	p.t.Helper()
	p.run(chromedp.KeyEvent(keys))
}

// press is one stroke of a key that stands for itself: what the page does about it decides whether
// a character comes of it.
func (p *tab) press(key string) {
	p.t.Helper()
	send(p, input.DispatchKeyEvent,
		input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key, Text: key})
	send(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: key})
}

// shot keeps a picture of what is seen.
func (p *tab) shot(name string) {
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Logf("no picture of %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(p.pictures, name+".png"), png, 0o600); err != nil {
		p.t.Error(err)
	}
}

// signIn opens an address and signs in.
func (p *tab) signIn(s *service, user, target string) {
	p.t.Helper()
	p.visit(target)
	p.fill("#user", user)
	p.fill("#password", s.passwordOf(user)+"\r")
	p.wait("document.querySelector('.top')")
}

// settled waits until the results are those of what was asked for last.
func (p *tab) settled() {
	p.t.Helper()
	p.wait("document.querySelector('.grid')?.getAttribute('aria-busy') !== 'true' && " +
		"(document.querySelector('.grid-body .grid-row') || document.querySelector('.note:not([hidden]) h2'))")
}

// showsResult waits until the page shows exactly what the API finds.
func (p *tab) showsResult(s *service, query string) {
	p.t.Helper()
	want := s.found(p.t, query+"&limit=10")
	if len(want) == 0 {
		p.wait("document.querySelector('.note:not([hidden]) h2')?.textContent === 'No call matches'")
		return
	}

	list, err := json.Marshal(want)
	if err != nil {
		p.t.Fatal(err)
	}

	p.wait(fmt.Sprintf(`JSON.stringify([...document.querySelectorAll('.grid-body .grid-row')].sort((a, b) => `+
		`a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex'))
		.slice(0, %d).map((r) => new URL(r.querySelector('a').href).searchParams.get('recording'))) === `+
		`JSON.stringify(%s)`, len(want), list))
}

// do runs statements for what they do.
func (p *tab) do(statements string) {
	p.t.Helper()
	p.run(chromedp.Evaluate[chromedp.Void]("(() => { " + statements + "; })()"))
}

// fontsOf are the families of the fonts that the text of an element is drawn with.
func (p *tab) fontsOf(selector string) (families []string) {
	p.t.Helper()
	send(p, dom.Enable, dom.EnableParams{})
	send(p, css.Enable, cdp.Empty{})
	root := ask(p, dom.GetDocument, dom.GetDocumentParams{}).Root
	node := ask(p, dom.QuerySelector, dom.QuerySelectorParams{NodeID: root.NodeID, Selector: selector}).NodeID
	fonts := ask(p, css.GetPlatformFontsForNode, css.GetPlatformFontsForNodeParams{NodeID: node}).Fonts
	for _, f := range fonts {
		families = append(families, f.FamilyName)
	}
	return families
}

// look changes how the page is looked at.
func (p *tab) look(how look) {
	p.t.Helper()
	scheme := "light"
	if how.dark {
		scheme = "dark"
	}

	p.run(chromedp.EmulateViewport(how.width, how.height))
	send(p, emulation.SetEmulatedMedia,
		emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme",
			Value: scheme}}})
}
