//go:build integration

package console_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/net/websocket"
)

// firefox is a Firefox of a test's own, with one page. It is driven by WebDriver BiDi, which it speaks by
// itself: JSON over a WebSocket. When the test ends, nothing may have gone wrong in it.
type firefox struct {
	t    *testing.T
	ctx  context.Context
	url  string // of the service
	conn *websocket.Conn
	page string // the browsing context

	mu       sync.Mutex
	last     int                           // the id of the last command
	answers  map[int]chan<- firefoxMessage // those that are waited for
	gone     error                         // why nothing comes any more
	wrong    []string                      // errors and warnings of the console
	expected []string                      // parts of errors that the test brings about
}

// firefoxMessage is an answer to a command, or an event.
type firefoxMessage struct {
	ID      int            `json:"id"`
	Type    string         `json:"type"`
	Result  jsontext.Value `json:"result"`
	Error   string         `json:"error"`
	Message string         `json:"message"`
	Method  string         `json:"method"`
	Params  jsontext.Value `json:"params"`
}

// firefoxSettings are those of the test's profile; Firefox itself switches off what would call home as soon
// as it is driven.
const firefoxSettings = `user_pref("intl.accept_languages", "en-US");
user_pref("ui.systemUsesDarkTheme", 0);
user_pref("ui.prefersReducedMotion", 1);
`

// abortedFont is what Firefox says of a font that it was fetching for a page that was then left.
const abortedFont = "status=2152398850"

// newFirefox starts Firefox with a page of 1280 by 800 pixels. A machine without it fails the test.
func newFirefox(t *testing.T, s *service) *firefox {
	t.Helper()
	address := startFirefox(t)
	const origin = "http://127.0.0.1"
	config, err := websocket.NewConfig(address+"/session", origin)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	conn, err := config.DialContext(ctx)
	if err != nil {
		cancel()
		t.Fatalf("driving Firefox: %v", err)
	}

	f := &firefox{t: t, ctx: ctx, url: s.url, conn: conn, answers: make(map[int]chan<- firefoxMessage),
		expected: []string{abortedFont}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.receive()
	}()
	t.Cleanup(func() {
		if t.Failed() {
			f.shot("failed")
			t.Logf("the service:\n%s", s.log)
		}
		if _, err := f.command("browser.close", map[string]any{}); err != nil {
			t.Errorf("ending Firefox: %v", err)
		}
		_ = conn.Close()
		<-ended
		cancel()
		f.check()
	})

	f.must("session.new", map[string]any{"capabilities": map[string]any{}})
	f.must("session.subscribe", map[string]any{"events": []string{"log.entryAdded"}})
	f.must("script.addPreloadScript", map[string]any{"functionDeclaration": `() => { window.violations = [];
		document.addEventListener('securitypolicyviolation', (e) =>
			window.violations.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample)); }`})
	var tree struct {
		Contexts []struct {
			Context string `json:"context"`
		} `json:"contexts"`
	}
	f.decode(f.must("browsingContext.getTree", map[string]any{}), &tree)
	f.page = tree.Contexts[0].Context
	f.look(laptop)
	return f
}

// startFirefox runs Firefox until the test ends, and returns the address at which it is driven.
func startFirefox(t *testing.T) string {
	t.Helper()
	profile := t.TempDir()
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(firefoxSettings), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("firefox-esr", "--headless", "--no-remote", "--profile", profile,
		"--remote-debugging-port", "0", "--remote-allow-origins", "http://127.0.0.1", "about:blank")
	cmd.Env = append(os.Environ(), "TZ=America/Los_Angeles", "HOME="+t.TempDir(), "MOZ_CRASHREPORTER_DISABLE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting Firefox, which this test needs: %v", err)
	}

	addresses := make(chan string, 1)
	log := new(tail)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			log.add(lines.Text())
			if _, address, ok := strings.Cut(lines.Text(), "WebDriver BiDi listening on "); ok {
				addresses <- address
			}
		}
	}()
	t.Cleanup(func() {
		select {
		case <-ended:
		case <-time.After(patience):
			t.Errorf("Firefox does not end:\n%s", log)
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it has left, and it itself if it hangs
		<-ended
		_ = cmd.Wait()
	})

	select {
	case address := <-addresses:
		return address
	case <-ended:
		t.Fatalf("Firefox, which this test needs, has ended:\n%s", log)
	case <-time.After(patience):
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		t.Fatalf("Firefox, which this test needs, does not answer:\n%s", log)
	}
	return ""
}

// receive hands on what Firefox sends, until the connection ends.
func (f *firefox) receive() {
	for {
		var text []byte
		err := websocket.Message.Receive(f.conn, &text)
		var m firefoxMessage
		if err == nil {
			err = json.Unmarshal(text, &m)
		}

		f.mu.Lock()
		if err != nil {
			f.gone = err
			for _, answer := range f.answers {
				close(answer)
			}
			f.answers = nil
			f.mu.Unlock()
			return
		}
		if m.Type == "event" {
			f.note(m)
		} else if answer := f.answers[m.ID]; answer != nil {
			delete(f.answers, m.ID)
			answer <- m
		}
		f.mu.Unlock()
	}
}

// note keeps what the console of the page has been told that is worth a failure.
func (f *firefox) note(event firefoxMessage) {
	var entry struct {
		Level string `json:"level"`
		Text  string `json:"text"`
	}
	if err := json.Unmarshal(event.Params, &entry); err != nil {
		f.wrong = append(f.wrong, err.Error())
	} else if entry.Level == "error" || entry.Level == "warn" {
		f.wrong = append(f.wrong, entry.Level+": "+entry.Text)
	}
}

// check reports what has gone wrong in the page.
func (f *firefox) check() {
	for _, wrong := range f.wrong {
		if !slices.ContainsFunc(f.expected, func(part string) bool { return strings.Contains(wrong, part) }) {
			f.t.Errorf("in Firefox: %s", wrong)
		}
	}
}

// command sends a command, and waits for its answer.
func (f *firefox) command(method string, params map[string]any) (jsontext.Value, error) {
	answer := make(chan firefoxMessage, 1)
	f.mu.Lock()
	if f.gone != nil {
		f.mu.Unlock()
		return nil, fmt.Errorf("%s: %w", method, f.gone)
	}
	f.last++
	id := f.last
	f.answers[id] = answer
	f.mu.Unlock()

	text, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	if err == nil {
		err = websocket.Message.Send(f.conn, string(text))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}

	select {
	case m, ok := <-answer:
		if !ok {
			return nil, fmt.Errorf("%s: the connection to Firefox has ended", method)
		}
		if m.Type == "error" {
			return nil, fmt.Errorf("%s: %s: %s", method, m.Error, m.Message)
		}
		return m.Result, nil
	case <-f.ctx.Done():
		return nil, fmt.Errorf("%s: %w", method, f.ctx.Err())
	}
}

// must is command for what has to work.
func (f *firefox) must(method string, params map[string]any) jsontext.Value {
	f.t.Helper()
	result, err := f.command(method, params)
	if err != nil {
		f.t.Fatal(err)
	}
	return result
}

func (f *firefox) decode(value jsontext.Value, into any) {
	f.t.Helper()
	if err := json.Unmarshal(value, into); err != nil {
		f.t.Fatalf("%v: %.300s", err, value)
	}
}

// look sets how wide and high the page is.
func (f *firefox) look(how look) {
	f.t.Helper()
	f.must("browsingContext.setViewport", map[string]any{"context": f.page,
		"viewport": map[string]any{"width": how.width, "height": how.height}})
}

// visit opens an address below the service's.
func (f *firefox) visit(target string) {
	f.t.Helper()
	f.must("browsingContext.navigate", map[string]any{"context": f.page, "url": f.url + target, "wait": "complete"})
}

// evaluate evaluates an expression, also one that is a promise, and decodes its value.
func (f *firefox) evaluate(expression string, into any) {
	f.t.Helper()
	var answer struct {
		Type   string `json:"type"`
		Result struct {
			Value string `json:"value"`
		} `json:"result"`
		ExceptionDetails struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	}
	f.decode(f.must("script.evaluate", map[string]any{
		"expression": "(async () => JSON.stringify((await (" + expression + ")) ?? null))()", "awaitPromise": true,
		"target": map[string]any{"context": f.page},
	}), &answer)
	if answer.Type != "success" {
		f.t.Fatalf("%.300s: %s", expression, answer.ExceptionDetails.Text)
	}
	f.decode(jsontext.Value(answer.Result.Value), into)
}

// wait waits until an expression is true. It is asked within the page: no time is lost between.
func (f *firefox) wait(condition string) {
	f.t.Helper()
	var is bool
	if f.evaluate(comesAbout(condition), &is); is {
		return
	}
	var says string
	f.evaluate("document.body.innerText.slice(0, 1500)", &says)
	f.t.Fatalf("it never came about that %s; the page says:\n%s", condition, says)
}

// click clicks in the middle of an element, as a mouse does: what lies over it would get the click. The
// element is what a JavaScript expression finds.
func (f *firefox) click(element string) {
	f.t.Helper()
	f.wait("(" + element + ")?.checkVisibility() && !(" + element + ").disabled")
	var at []int
	f.evaluate(`(() => { const e = `+element+`; e.scrollIntoView({ block: 'center' });
		const box = e.getBoundingClientRect();
		return [Math.round(box.left + box.width / 2), Math.round(box.top + box.height / 2)]; })()`, &at)
	pointer := func(kind string) map[string]any { return map[string]any{"type": kind, "button": 0} }
	f.must("input.performActions", map[string]any{"context": f.page, "actions": []any{map[string]any{
		"type": "pointer", "id": "mouse", "actions": []any{
			map[string]any{"type": "pointerMove", "x": at[0], "y": at[1]}, pointer("pointerDown"), pointer("pointerUp"),
		},
	}}})
}

// clickText clicks on the button or link with this text.
func (f *firefox) clickText(text string) {
	f.t.Helper()
	f.click(fmt.Sprintf("[...document.querySelectorAll('dialog[open] button, button, a')].find((x) => "+
		"x.textContent.trim() === %q && x.checkVisibility())", text))
}

// The keys that are no characters, by the numbers that WebDriver gives them.
const (
	firefoxEnter  = "\ue007"
	firefoxEscape = "\ue00c"
	firefoxRight  = "\ue014"
)

// keys strikes keys, one after the other.
func (f *firefox) keys(text string) {
	f.t.Helper()
	var strokes []any
	for _, key := range text {
		for _, kind := range []string{"keyDown", "keyUp"} {
			strokes = append(strokes, map[string]any{"type": kind, "value": string(key)})
		}
	}
	f.must("input.performActions", map[string]any{"context": f.page,
		"actions": []any{map[string]any{"type": "key", "id": "keyboard", "actions": strokes}}})
}

// shot keeps a picture of what is seen.
func (f *firefox) shot(name string) {
	f.t.Helper()
	result, err := f.command("browsingContext.captureScreenshot", map[string]any{"context": f.page})
	if err != nil {
		f.t.Logf("no picture of %s: %v", name, err)
		return
	}
	var picture struct {
		Data string `json:"data"`
	}
	f.decode(result, &picture)
	png, err := base64.StdEncoding.DecodeString(picture.Data)
	if err != nil {
		f.t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(f.t.ArtifactDir(), name+".png"), png, 0o600); err != nil {
		f.t.Error(err)
	}
}

// inspect has axe look at what is shown, and sees that the policy was kept and nothing is too wide.
func (f *firefox) inspect(name string) {
	f.t.Helper()
	axe, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		f.t.Fatal(err)
	}
	f.must("script.evaluate", map[string]any{"expression": string(axe) + "; undefined", "awaitPromise": false,
		"target": map[string]any{"context": f.page}})
	var found []string
	f.evaluate(axeFinds, &found)
	for _, violation := range found {
		f.t.Errorf("%s: %s", name, violation)
	}

	var violations []string
	f.evaluate("window.violations", &violations)
	if len(violations) > 0 {
		f.t.Errorf("%s: the policy forbade %q", name, violations)
	}
	var wide int
	if f.evaluate("document.documentElement.scrollWidth - innerWidth", &wide); wide > 0 {
		f.t.Errorf("%s is %d pixels too wide", name, wide)
	}
	f.shot("firefox-" + name)
}
