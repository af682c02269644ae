//go:build integration

package console_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp/kb"
)

// drawn is true when the histogram is that of the search.
const drawn = "document.querySelector('.chart:not([hidden])')?.getAttribute('aria-busy') === 'false'"

// What the mouse does.
const (
	press   = input.DispatchMouseEventTypeMousePressed
	move    = input.DispatchMouseEventTypeMouseMoved
	release = input.DispatchMouseEventTypeMouseReleased
)

// callsBy are the calls of the days of TestHistogram: so many on each, two an hour from nine on. They are
// more than the page loads of itself.
var callsBy = []int{4, 6, 8, 10, 12, 4, 6, 8, 10, 12, 4, 6, 0, 10, 12, 4, 6, 8, 10, 12}

// TestHistogram draws calls over time. They are of twenty days in Los Angeles, in which clocks go forward.
func TestHistogram(t *testing.T) {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	s := serveWith(t, build(t), newStorage(t))
	var all []string
	for d, n := range callsBy {
		for i := range n {
			start := time.Date(2026, 2, 25+d, 9, 30*i, 0, 0, zone)
			all = append(all, recording(fmt.Sprintf("d%d-%d", d, i), start, func(r map[string]any) {
				if d >= 10 {
					r["callerPhoneNumber"] = "+1999"
				}
			}))
		}
	}
	s.postAll(t, all)

	b := newBrowser(t)
	for name, test := range map[string]func(*testing.T, *service, *browser, *time.Location){
		"pointer":    testHistogramPointer,
		"keys":       testHistogramKeys,
		"table":      testHistogramTable,
		"typing":     testHistogramTyping,
		"trouble":    testHistogramTrouble,
		"accessible": testHistogramAccessible,
		"widths":     testWidths,
	} {
		t.Run(name, func(t *testing.T) { test(t, s, b, zone) })
	}
}

// dayOf is midnight of a day of TestHistogram, as the address has it.
func dayOf(zone *time.Location, d int) string {
	return time.Date(2026, 2, 25+d, 0, 0, 0, 0, zone).UTC().Format("2006-01-02T15:04:05.000Z")
}

// counts are the numbers that the bars show, by how high they are.
func (p *tab) counts() (counts []int) {
	p.t.Helper()
	return evaluate[[]int](p, `(() => {
		const most = Number(document.querySelector('.chart-most').textContent.replaceAll(',', ''));
		const whole = document.querySelector('.chart-plot svg').getBoundingClientRect().height;
		return [...document.querySelectorAll('.chart .bar')].map((b) =>
			Math.round((most * parseFloat(b.style.height.replace('max(2px, ', ''))) / 100));
	})()`)
}

// at is where a bar is.
func (p *tab) at(bar float64) (x, y float64) {
	p.t.Helper()
	place := evaluate[[]float64](p, fmt.Sprintf(`(() => {
		const plot = document.querySelector('.chart-plot svg');
		plot.scrollIntoView({ block: 'center' });
		const { left, top, width, height } = plot.getBoundingClientRect();
		return [left + (width * %g) / document.querySelectorAll('.chart .bar').length, top + height / 2];
	})()`, bar+0.5))
	return place[0], place[1]
}

// mouse is something that the mouse does at a bar.
func (p *tab) mouse(what input.DispatchMouseEventType, bar float64) {
	p.t.Helper()
	x, y := p.at(bar)
	send(p, input.DispatchMouseEvent, input.DispatchMouseEventParams{
		Type: what, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: 1,
	})
}

// drag draws the mouse from one bar to another, and holds it there.
func (p *tab) drag(from, to float64) {
	p.t.Helper()
	p.mouse(press, from)
	p.mouse(move, (from+to)/2)
	p.mouse(move, to)
}

// between waits until the address asks for a span of time.
func (p *tab) between(from, to string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("new URL(location).searchParams.get('startTime') === %q && "+
		"new URL(location).searchParams.get('startedBefore') === %q", from, to))
}

// testHistogramPointer narrows the time with the mouse, and goes back again.
func testHistogramPointer(t *testing.T, s *service, b *browser, zone *time.Location) {
	p := b.open(t, s, laptop)
	p.signIn(s, "ops", "/?contactCenter="+contactCenter+"&period=")
	p.wait(drawn)
	if got := fmt.Sprint(p.counts()); got != fmt.Sprint(callsBy) {
		t.Errorf("the bars are %s, want %v", got, callsBy)
	}
	p.wait("document.querySelector('.chart b').textContent === 'By day' && " +
		"document.querySelector('.result-status').textContent === '152 calls'")
	if buttons := evaluate[string](p, "[...document.querySelectorAll('.tools button')]"+
		".filter((b) => b.checkVisibility()).map((b) => b.innerText).join()"); buttons != "Columns…,Copy link,Export…" {
		t.Errorf("what is counted can be counted again: %q", buttons)
	}

	p.mouse(move, 4)
	p.wait("document.querySelector('.chart-told').textContent === 'Sun, Mar 1, 2026: 12 calls'")
	p.drag(9, 6)
	p.wait("document.querySelector('.chart-told').textContent.endsWith(': 36 calls')")
	p.key(kb.Escape) // never mind
	p.mouse(release, 6)
	p.wait("!document.querySelector('.chart.choosing')")
	p.mouse(release, 6)
	if evaluate[bool](p, "location.search.includes('startTime')") {
		t.Error("what was given up has narrowed the search")
	}

	p.drag(12, 9) // over the day whose clocks go forward
	p.mouse(release, 9)
	p.between(dayOf(zone, 9), dayOf(zone, 13))
	p.showsResult(s, "startTime="+dayOf(zone, 9)+"&startedBefore="+dayOf(zone, 13))
	p.wait(drawn + " && document.querySelector('.chart b').textContent === 'By hour'")
	p.wait("document.querySelector('#startTime').value === '2026-03-06T00:00' && " +
		"document.querySelector('#startedBefore').value === '2026-03-10T00:00'")
	p.mouse(press, 0)
	p.mouse(release, 0)
	nine := time.Date(2026, 3, 6, 9, 0, 0, 0, zone).UTC()
	p.between(nine.Format("2006-01-02T15:04:05.000Z"), nine.Add(time.Hour).Format("2006-01-02T15:04:05.000Z"))
	p.wait(drawn + " && document.querySelector('.result-status').textContent === '2 calls'")

	p.do("history.back()") // each is one step
	p.between(dayOf(zone, 9), dayOf(zone, 13))
	p.wait(drawn)
	p.clickText("Any time")
	p.wait(drawn + " && document.querySelector('.result-status').textContent === '152 calls'")
	p.mouse(press, 12) // where there is nothing
	p.mouse(release, 12)
	p.wait("document.querySelector('[role=status].sr').textContent === 'There are no calls in it'")
	if evaluate[bool](p, "location.search.includes('startTime')") {
		t.Error("an empty day has narrowed the search")
	}

	useZone(p, "Asia/Kathmandu")
	p.wait(drawn)
	p.mouse(press, 1)
	p.mouse(release, 1)
	p.wait("new URL(location).searchParams.get('startTime').endsWith('T18:15:00.000Z')")
}

// testHistogramKeys does the same without a mouse.
func testHistogramKeys(t *testing.T, s *service, b *browser, zone *time.Location) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?period=")
	p.wait(drawn)
	p.do("document.querySelector('.chart button:not([hidden])').focus()")
	p.key(kb.Tab)
	p.wait("document.activeElement.matches('.chart-plot[role=slider]')")
	says := func(text string) {
		t.Helper()
		p.wait(fmt.Sprintf("document.querySelector('.chart-plot').getAttribute('aria-valuetext') === %q", text))
	}
	says("Mon, Mar 16, 2026: 12 calls")
	p.key(kb.ArrowLeft)
	says("Sun, Mar 15, 2026: 10 calls")
	p.wait("document.querySelector('.chart-told').textContent === 'Sun, Mar 15, 2026: 10 calls'")
	p.key(kb.Home)
	p.shift(kb.ArrowRight)
	p.shift(kb.ArrowRight)
	p.wait("document.querySelector('.chart-plot').getAttribute('aria-valuetext').startsWith('Chosen: Feb 25') && " +
		"document.querySelectorAll('.chart .chosen').length === 3")
	p.key(kb.Escape)
	says("Fri, Feb 27, 2026: 8 calls")
	p.shift(kb.ArrowRight)
	p.key(kb.Enter)
	p.between(dayOf(zone, 2), dayOf(zone, 4))
	p.showsResult(s, "startTime="+dayOf(zone, 2)+"&startedBefore="+dayOf(zone, 4))
	p.wait(drawn + " && document.activeElement.matches('.chart-plot')")
	p.key(kb.End)
	p.wait("document.querySelector('.chart-plot').getAttribute('aria-valuetext').endsWith(': 2 calls')")
	p.key(kb.Escape) // where nothing is chosen
	p.wait("document.activeElement.closest('.grid-row')")
}

// shift is a stroke of a key together with Shift.
func (p *tab) shift(key string) {
	p.t.Helper()
	for _, e := range kb.Encode([]rune(key)[0]) {
		e.Modifiers |= 8 // Shift
		send(p, input.DispatchKeyEvent, *e)
	}
}

// testHistogramTable reads the numbers as a table, which is remembered, and narrows by it.
func testHistogramTable(t *testing.T, s *service, b *browser, zone *time.Location) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?period=")
	p.wait(drawn)
	p.clickText("Table")
	p.wait("!document.querySelector('.chart-plot').checkVisibility()")
	got := evaluate[string](p, "[...document.querySelectorAll('.chart td')].map((d) => d.innerText).join(' ')")
	if want := strings.Trim(fmt.Sprint(callsBy), "[]"); got != want {
		t.Errorf("the table has %s, want %s", got, want)
	}
	p.clickText("Fri, Mar 6, 2026")
	p.between(dayOf(zone, 9), dayOf(zone, 10))
	p.wait(drawn + " && document.querySelectorAll('.chart td').length === 6")
	if caption := p.text(".chart caption"); caption != "Calls by hour" {
		t.Errorf("the table is called %q", caption)
	}

	p.visit("/?period=")
	p.wait(drawn + " && document.querySelectorAll('.chart td').length === 20 && " +
		"!document.querySelector('.chart-plot').checkVisibility()")
	p.clickText("Table")
	p.wait("document.querySelector('.chart-plot').checkVisibility() && document.querySelector('.chart .bar')")
}

// testHistogramTyping: it is asked for when the results are there, and given up by the next key.
func testHistogramTyping(t *testing.T, s *service, b *browser, _ *time.Location) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?period=")
	p.wait(drawn)
	p.do(`window.real = fetch; window.asked = []; window.held = [];
		window.fetch = async (path, options) => {
			const query = new URLSearchParams(path.split('?')[1]);
			const what = { number: query.get('callerPhoneNumber'), histogram: path.includes('/histogram?') };
			if (!what.histogram || !window.holding) {
				window.asked.push(what);
				const answer = await window.real(path, options);
				what.done = true;
				return answer;
			}
			what.rows = document.querySelectorAll('.grid-body .grid-row').length;
			what.before = window.asked.filter((a) => !a.histogram && a.number === what.number && a.done).length;
			options.signal.addEventListener('abort', () => { what.aborted = true; });
			window.asked.push(what);
			await new Promise((go, stop) => {
				window.held.push(go);
				options.signal.onabort = () => stop(options.signal.reason);
			});
			return window.real(path, options);
		};
		window.holding = true;`)
	of := func(number string) string {
		return fmt.Sprintf("window.asked.find((a) => a.histogram && a.number === %q)", number)
	}

	p.fill("#callerPhoneNumber", "*1*")
	p.wait(of("*1*") + ".before > 0 && " + of("*1*") + ".rows > 0")
	p.wait("document.querySelector('.chart').getAttribute('aria-busy') === 'true' && " +
		"document.querySelector('.grid').getAttribute('aria-busy') === 'false'")
	p.mouse(press, 1) // what is drawn is of another search
	p.mouse(release, 1)
	if evaluate[bool](p, "location.search.includes('startTime') || "+of("*1*")+".aborted === true") {
		t.Error("a picture of another search has narrowed this one")
	}
	p.do("document.querySelector('#callerPhoneNumber').focus()")
	p.key(" ") // which makes no other search
	p.wait(of("*1*") + ".aborted")
	p.wait("window.asked.filter((a) => a.histogram && a.number === '*1*').length === 2") // it is asked for again
	p.fill("#callerPhoneNumber", "*1999*")
	p.wait("window.asked.filter((a) => a.histogram && a.number === '*1*').every((a) => a.aborted)")
	p.wait(of("*1999*") + ".rows > 0")
	p.do("window.holding = false; window.held.forEach((go) => go())")
	p.wait(drawn + " && document.querySelector('.result-status').textContent.startsWith('72 calls')")
	p.wait("document.querySelector('.chart-told').textContent.startsWith('Mar 7')")

	// It waits for a frame, too, before it is asked for; meanwhile there may be nothing to ask for any more.
	p.do("window.waiting = []; window.soon = requestAnimationFrame; " +
		"window.requestAnimationFrame = (f) => window.waiting.push(f)")
	p.fill("#callerPhoneNumber", "*19*")
	p.wait("window.waiting.some((f) => String(f).includes('begin'))")
	p.fill("#callerPhoneNumber", "nobody")
	p.wait("document.querySelector('.note:not([hidden]) h2') && document.querySelector('.chart').hidden")
	p.do("window.asked = []; window.requestAnimationFrame = window.soon; window.waiting.forEach((f) => f())")
	evaluate[bool](p, "new Promise((go) => setTimeout(() => setTimeout(() => go(true))))")
	if evaluate[bool](p, "window.asked.some((a) => a.histogram)") {
		t.Error("it was asked for, though nothing was found")
	}
	p.visit("/?callerNumber=1")
	p.wait("document.querySelector('.problems') && document.querySelector('.chart').hidden")
}

// testHistogramTrouble: calls may lie too far apart, or be too many; neither hides the results.
func testHistogramTrouble(t *testing.T, s *service, b *browser, zone *time.Location) {
	p := b.open(t, s, laptop)
	p.expect("400")
	post := func(year int) (remove func()) {
		id := fmt.Sprint("in ", year)
		start := time.Date(year, 3, 4, 12, 0, 0, 0, zone)
		s.call(t, "ops", "POST", opsPath, recording(id, start, nil))
		return func() { s.call(t, "ops", "DELETE", opsPath+"/"+url.PathEscape(id), "") }
	}
	p.signIn(s, "admin", "/?period=")
	p.wait(drawn)

	defer post(1990)() // by a recorder without a clock
	p.visit("/?period=")
	p.wait(drawn + " && document.querySelector('.chart b').textContent === 'By year'")
	if counts := p.counts(); len(counts) != 37 || counts[0] != 1 || counts[36] != 152 || counts[1] != 0 {
		t.Errorf("the years have %v calls", counts)
	}
	p.mouse(press, 36)
	p.mouse(release, 36)
	p.wait(drawn + " && document.querySelector('.chart b').textContent === 'By day'")

	defer post(2080)()
	p.visit("/?period=")
	p.wait("document.querySelector('.chart-problem').innerText.includes('too many years apart')")
	p.wait("document.querySelectorAll('.grid-body .grid-row').length > 0 && " +
		"!document.querySelector('.chart-plot').checkVisibility()")
	p.shot("far-apart")
	p.clickText("Yesterday")
	p.wait("document.querySelector('.chart').hidden")
	p.visit("/?startTime=2026-01-01T00:00:00Z&startedBefore=2027-01-01T00:00:00Z")
	p.wait(drawn + " && document.querySelector('.chart-plot').checkVisibility()")

	p.do(`window.real = fetch; window.fetch = async (path, ...rest) => path.includes('/histogram?')
		? new Response('{"statusCode":4,"statusMessage":"the search takes too long"}', { status: 503 })
		: window.real(path, ...rest)`)
	p.fill("#userName", "alice")
	p.wait("document.querySelector('.chart-problem').innerText.includes('the search takes too long')")
	p.shot("failed")
	p.clickText("Count all")
	p.wait("document.querySelector('.result-status').textContent === '152 calls'")
	p.do("window.fetch = window.real")
	p.clickText("Try again")
	p.wait(drawn + " && document.querySelector('.chart-plot').checkVisibility() && " +
		"!document.querySelector('.chart-problem').checkVisibility()")
}

// testWidths: whatever the width of the window, nothing is wider, also with the offset of each call.
func testWidths(t *testing.T, s *service, b *browser, _ *time.Location) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?period=")
	p.wait(drawn)
	for _, zone := range []string{"America/Los_Angeles", "UTC"} {
		useZone(p, zone)
		p.wait(drawn)
		for _, width := range []int64{1600, 1301, 1300, 1261, 1260, 1151, 1150, 1024, 761, 760, 320} {
			p.look(look{width: width, height: 800})
			if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
				t.Errorf("in %s, at %d pixels it is %d too wide", zone, width, wide)
			}
		}
		p.look(laptop)
	}
}

// testHistogramAccessible has axe look at it, in both themes and on a telephone, and chooses by a finger.
func testHistogramAccessible(t *testing.T, s *service, b *browser, zone *time.Location) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?period=")
	inspect := p.inspector()
	for name, how := range map[string]look{"light": laptop, "dark": night, "phone": phone, "phone-dark": phoneNight,
		"zoomed": zoomed, "wide": {width: 1600, height: 1000}} {
		p.look(how)
		show := func(state string) {
			t.Helper()
			look := inspect
			if name == "zoomed" || name == "wide" || name == "phone" {
				look = p.shot // what axe looks at is the same in the other ones
			}
			look("histogram-" + state + "-" + name)
			if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
				t.Errorf("%s at %d pixels is %d too wide", state, how.width, wide)
			}
		}

		p.visit("/?startTime=" + dayOf(zone, 0))
		p.wait(drawn + " && document.querySelector('.chart .bar')")
		p.do("document.querySelector('.chart').scrollIntoView({ block: 'center' })")
		show("drawn")
		p.do("document.querySelector('.chart-plot').focus()")
		p.shift(kb.ArrowLeft)
		p.shift(kb.ArrowLeft)
		show("chosen")
		p.key(kb.Escape)
		p.click(".chart [aria-pressed]")
		show("table")
		p.click(".chart [aria-pressed]")
		p.wait("document.querySelector('.chart-plot').checkVisibility()")
	}

	send(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	moves := evaluate[string](p, "getComputedStyle(document.querySelector('.chart .bar')).transitionDuration")
	if moves != "0s" {
		t.Errorf("bars move for %s, though less motion is asked for", moves)
	}

	p.look(phone)
	send(p, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
	p.visit("/?period=")
	p.wait(drawn + " && document.querySelectorAll('.chart .bar').length === 20")
	for i, bar := range []float64{2, 3, 5} {
		what := input.DispatchTouchEventTypeTouchMove
		if i == 0 {
			what = input.DispatchTouchEventTypeTouchStart
		}
		x, y := p.at(bar)
		send(p, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: what,
			TouchPoints: []*input.TouchPoint{{X: x, Y: y}}})
	}
	send(p, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchEnd})
	p.between(dayOf(zone, 2), dayOf(zone, 6))
}
