//go:build integration

package console_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp/kb"
)

// drawnWaves is true when all waveforms of a call are drawn.
const drawnWaves = "document.querySelector('.file .wave') && " +
	"[...document.querySelectorAll('.file .wave')].every((w) => w.height !== 150)"

// neighbours are two recordings of the demonstration that follow each other and can be heard: the newer first,
// and the criteria that find these two alone.
func neighbours(t *testing.T, s *service) (newer, older, query string) {
	t.Helper()
	answer := s.call(t, "ops", "GET", opsPath+"?startTime=0&limit=100", "")
	var last map[string]any
	for _, x := range answer["recordings"].([]any) {
		r := x.(map[string]any)
		of := func(r map[string]any) bool { return has(r, "callType") && whole(r) } // what tests post has no type
		if last != nil && of(r) && of(last) && r["startTime"] != last["startTime"] {
			began, err := time.Parse("2006-01-02T15:04:05.000-0700", last["startTime"].(string))
			if err != nil {
				t.Fatal(err)
			}
			query := url.Values{"startTime": {r["startTime"].(string)},
				"startedBefore": {began.Add(time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z")}}
			return last["id"].(string), r["id"].(string), query.Encode()
		}
		last = r
	}
	t.Fatal("the demonstration has no two such recordings")
	return "", "", ""
}

// testNext goes on to the next call by J, which plays at once if that was chosen; the choice is kept.
func testNext(t *testing.T, s *service, b *browser) {
	newer, older, query := neighbours(t, s)
	shows := func(id string) string {
		return fmt.Sprintf("new URL(location).searchParams.get('recording') === %[1]q && %[2]s && "+
			"[...document.querySelectorAll('dd')].some((d) => d.textContent === %[1]q)", id, drawnWaves)
	}
	const label = "document.querySelector('.play').getAttribute('aria-label')"

	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?"+query)
	p.wait("document.querySelectorAll('.grid-body .grid-row').length === 2")
	p.click(".grid-body .row-link")
	p.wait(shows(newer))
	p.press("j")
	p.wait(shows(older) + " && " + label + " === 'Play'")
	p.press("k")
	p.wait(shows(newer) + " && " + label + " === 'Play'")
	for range 5 { // one call need not have come before the next is wanted
		p.press("j")
		p.press("k")
	}
	p.press("j")
	p.wait(shows(older) + " && " + label + " === 'Play'")
	p.press("k")
	p.wait(shows(newer))

	p.click("#plays-next")
	p.press("j")
	p.wait(shows(older) + " && " + label + " === 'Pause' && " +
		"Number(document.querySelector('[role=slider]').getAttribute('aria-valuenow')) > 0")
	p.visit("/?recording=" + url.QueryEscape(older))
	p.wait(shows(older) + " && document.querySelector('#plays-next').checked && " + label + " === 'Play'")
	p.click("#plays-next")
	p.visit("/?recording=" + url.QueryEscape(newer))
	p.wait(shows(newer) + " && !document.querySelector('#plays-next').checked")
}

// testSeeking goes through a call by 10 seconds, and by 30 with Shift, however one does it.
func testSeeking(t *testing.T, s *service, b *browser) {
	two := s.pick(t, "startTime=0", func(r map[string]any) bool {
		return len(files(r)) == 2 && has(files(r)[0], "masks") && whole(r)
	})
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?recording="+url.QueryEscape(two)+"#t=3")
	p.wait(drawnWaves)
	at := func(second int) {
		t.Helper()
		p.wait(fmt.Sprintf("document.querySelector('[role=slider]').getAttribute('aria-valuenow') === '%d'", second))
	}
	at(3)
	p.key(kb.ArrowRight)
	at(13)
	p.shift(kb.ArrowRight)
	at(43)
	p.key(kb.ArrowLeft)
	at(33)
	p.do("document.querySelector('[role=slider]').focus()")
	p.key(kb.ArrowUp)
	at(43)
	p.shift(kb.ArrowDown)
	at(13)
	p.key(kb.PageUp)
	at(43)
	p.clickText("−10 s")
	at(33)
	p.clickText("+10 s")
	at(43)
	p.do("[...document.querySelectorAll('.player-bar button')].find((x) => x.textContent === '−10 s')" +
		".dispatchEvent(new MouseEvent('click', { shiftKey: true }))")
	at(13)

	// Beside each offset stands what a clock showed.
	if when := p.text(".event .when"); !regexp.MustCompile(`^[−\d:]+\s+\d\d:\d\d:\d\d$`).MatchString(when) {
		t.Errorf("an event is said to be at %q", when)
	}
}

// testCrowd opens a call of 25 agents, with attributes of long names: one can play it without scrolling, and
// read it on a telephone.
func testCrowd(t *testing.T, s *service, b *browser) {
	const id = "a crowd"
	long := strings.Repeat("aVeryLongNameOfAnAttribute", 3)
	start := time.Now().Add(-time.Hour)
	s.call(t, "ops", "POST", opsPath, recording(id, start, func(r map[string]any) {
		r[long] = "value of the recording"
		events := r["eventHistory"].([]any)
		for i := range 25 {
			events = append(events, map[string]any{
				"occurredAt": start.Add(time.Duration(i) * 100 * time.Millisecond).UTC().Format(time.RFC3339Nano),
				"event":      "Joined", "contact": map[string]any{"type": "User", "phoneNumber": fmt.Sprint(1000 + i),
					"userName": fmt.Sprint("agent", i), "firstName": "Agent", "lastName": fmt.Sprint(i)},
			})
		}
		events[1].(map[string]any)["data"] = map[string]any{long: "value of an event"}
		r["eventHistory"] = events
	}))

	p := b.open(t, s, laptop)
	p.expect("404") // no media
	p.expect("502")
	p.signIn(s, "ops", "/")
	inspect := p.inspector()
	for name, how := range map[string]look{"laptop": laptop, "night": night, "phone": phone} {
		p.look(how)
		p.visit("/?recording=" + url.QueryEscape(id))
		p.wait("document.querySelectorAll('.stay').length >= 25 && document.querySelector('.file-problem')")
		p.do("scrollTo(0, document.querySelector('.timeline').getBoundingClientRect().top + scrollY - 8)")
		p.wait(`(() => { const box = document.querySelector('.play').getBoundingClientRect();
			const under = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
			return scrollY > 0 && box.bottom <= innerHeight && under.closest('.play'); })()`)
		inspect("crowd-" + name)
		narrow := evaluate[[]string](p, `[...document.querySelectorAll('.facts dd')].filter((x) =>
			x.checkVisibility() && x.getBoundingClientRect().width < 150).map((x) => x.innerText)`)
		if len(narrow) > 0 {
			t.Errorf("%s: there is no room for %q", name, narrow)
		}
		p.do("document.querySelector('.call-columns').scrollIntoView()")
		p.shot("crowd-details-" + name)
	}
}

// testFolded looks for calls on a telephone: the folded criteria say how many are on and which, each can be
// taken away, and the form leads to the calls that it finds.
func testFolded(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, phone)
	p.signIn(s, "admin", "/?userData=gold*&userName=a*&startTime=2000-01-01T00:00:00Z")
	p.settled()
	inspect := p.inspector()
	on := func(words string, chips ...string) {
		t.Helper()
		p.wait(fmt.Sprintf("document.querySelector('.criteria-on').innerText === %q", words))
		got := evaluate[[]string](p, "[...document.querySelectorAll('.criteria-chips li')].filter((x) => "+
			"x.checkVisibility()).map((x) => x.innerText)")
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", chips) {
			t.Errorf("the chips are %q, want %q", got, chips)
		}
	}
	name, data := "Name begins with “\u2068a\u2069”", "User data begins with “\u2068gold\u2069”"
	since := "Began at or after Fri, Dec 31, 1999, 16:00:00"
	on("3 on", name, data, since)
	inspect("folded")
	p.look(phoneNight)
	inspect("folded-night")
	p.look(phone)

	p.clickText("User data begins with “\u2068gold\u2069”")
	on("2 on", name, since)
	p.showsResult(s, "userName=a*&startTime=2000-01-01T00:00:00Z")
	p.wait("document.activeElement?.closest('.criteria-chips')")
	p.key("\r") // the next one
	on("1 on", since)
	p.clickText(since)
	p.wait("document.querySelector('.criteria-chips').hidden && " +
		"document.activeElement?.matches('.filters summary') && " +
		"document.querySelector('.criteria-on').innerText === ''")
	p.showsResult(s, "startTime=0")

	p.key("\r") // the form unfolds
	p.wait("document.querySelector('.filters').open")
	p.fill("#userData", "gold")
	total := s.call(t, "admin", "GET", "/api/v2/recordings?userData=gold*&limit=1&total=true", "")["total"].(float64)
	p.wait(fmt.Sprintf("document.querySelector('.show-found').innerText === "+
		"`Show ${(%.0f).toLocaleString('en-US')} calls`", total))
	on("1 on") // the chips are folded away with the form's own words there
	p.do("scrollTo(0, 0)")
	inspect("unfolded")
	p.click(".show-found")
	p.wait("!document.querySelector('.filters').open && document.activeElement?.matches('.row-link')")
	on("1 on", data)
}

// smallTargets are the controls in sight that a finger misses: those of which not all points up to 22 pixels
// from the middle of them, or of their label, up, down, left and right, lead to them. Links within a text, and what is
// covered or scrolled away, are none; neither is a mark on the timeline, which stands in the list of events.
const smallTargets = `(async () => {
	const found = [];
	const all = document.querySelectorAll('button, a[href], input, select, textarea, summary, [role=slider]');
	for (const e of all) {
		if (!e.checkVisibility({ visibilityProperty: true }) || e.disabled) continue;
		if (e.closest('p, .skip') || e.matches('.mark-data, .skip')) continue;
		const open = document.querySelector('dialog[open]');
		if (open && !open.contains(e)) continue;
		e.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
		const target = e.matches('.row-link') ? e.closest('.grid-row') : (e.closest('label') ?? e);
		const box = target.getBoundingClientRect();
		if (box.width === 0) continue;
		const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
		const leads = (dx, dy) => {
			const under = document.elementFromPoint(x + dx, y + dy);
			return under && (e.contains(under) || target.matches('label') && target.contains(under));
		};
		if (!leads(0, 0)) continue;
		const wrong = [[-21, 0], [21, 0], [0, -21], [0, 21]].filter(([dx, dy]) => !leads(dx, dy));
		if (wrong.length > 0) found.push(wrong.join(' ') + ' of ' +
			e.outerHTML.slice(0, 110) + ' ' + Math.round(box.width) + '×' + Math.round(box.height));
	}
	return [...new Set(found)];
})()`

// testTargets measures what fingers touch on a telephone, in all main states: 44 pixels each.
func testTargets(t *testing.T, s *service, b *browser) {
	two := s.pick(t, "startTime=0", func(r map[string]any) bool {
		return len(files(r)) == 2 && has(files(r)[0], "masks") && whole(r)
	})
	p := b.open(t, s, phone)
	measure := func(name string) {
		t.Helper()
		for _, small := range evaluate[[]string](p, smallTargets) {
			t.Errorf("%s: %s", name, small)
		}
		if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			t.Errorf("%s is %d pixels too wide", name, wide)
		}
		p.do("scrollTo(0, 0)")
		p.shot("targets-" + name)
	}
	p.visit("/")
	p.wait("document.activeElement?.id === 'user'")
	measure("sign-in")
	p.signIn(s, "ops", "/?userData=gold*&period=")
	p.settled()
	measure("results")
	p.do("document.querySelector('.filters').open = true; document.querySelector('.more').open = true")
	measure("criteria")
	p.do("document.querySelector('.filters').open = false")
	p.click(".pick-area")
	p.wait("!document.querySelector('.picked').hidden")
	measure("picked")
	p.visit("/?recording=" + url.QueryEscape(two))
	p.wait(drawnWaves + " && document.querySelector('.marks button')")
	measure("call")
	p.clickText("Delete…")
	p.wait("document.querySelector('dialog[open]')")
	measure("delete")
	p.visit("/?view=operations")
	p.wait("document.querySelector('.operations')?.innerText.includes('Nothing is left behind')")
	measure("operations")
	p.visit("/?view=audit")
	p.wait("document.querySelectorAll('.lines tbody tr').length > 3")
	measure("audit")
	p.click(".who")
	p.wait("document.querySelector('.sign-ins ul')")
	measure("account")
}

// testDays scrolls through the results: the day of the first row in sight stands above it.
func testDays(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?period=")
	p.settled()
	inspect := p.inspector()
	// The row right below the head, and whether the head names its day.
	const named = `(() => { const head = document.querySelector('.day-head');
		const row = [...document.querySelectorAll('.grid-body .grid-row')].find((r) => {
			const box = r.getBoundingClientRect(); const y = head.getBoundingClientRect().bottom + 2;
			return box.top <= y && box.bottom > y; });
		const plain = (text) =>
			text.replace(/[^A-Za-z0-9 ]/g, '').split(' ').filter((x) => !/^\d{4}$/.test(x)).join(' ');
		const day = plain(row.querySelector('.day').innerText);
		return day !== '' && plain(head.innerText).includes(day); })()`
	for name, how := range map[string]look{"laptop": laptop, "phone": phone} {
		p.look(how)
		p.do("scrollTo(0, 0)")
		p.wait(named)
		p.do("window.first = document.querySelector('.day-head').innerText")
		p.wait("(document.querySelector('.day-head').innerText !== window.first || (scrollBy(0, 400), false)) && " +
			named) // however many calls a day has
		if evaluate[int](p, "document.querySelectorAll('.begins-day').length") == 0 {
			t.Errorf("%s: no row begins a day", name)
		}
		inspect("days-" + name)
	}
}

// testShared copies the link to results, and opens it in another zone: it is the same days, in the zone of
// whoever has copied it.
func testShared(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?period=month&userName=a*")
	p.settled()
	p.do("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
	p.clickText("Copy link")
	p.wait("window.copied")
	link, err := url.Parse(evaluate[string](p, "window.copied"))
	if err != nil {
		t.Fatal(err)
	}
	query := link.Query()
	la, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	from, errFrom := time.Parse(time.RFC3339, query.Get("startTime"))
	to, errTo := time.Parse(time.RFC3339, query.Get("startedBefore"))
	if errFrom != nil || errTo != nil || from.In(la).Day() != 1 || from.In(la).Hour() != 0 ||
		!to.Equal(from.In(la).AddDate(0, 1, 0)) || query.Has("period") || query.Get("userName") != "a*" ||
		query.Get("timeZone") != "America/Los_Angeles" {
		t.Fatalf("the link is %s", link)
	}

	other := b.open(t, s, laptop)
	send(other, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/Berlin"})
	other.signIn(s, "admin", "/?"+link.RawQuery)
	other.wait("document.querySelector('.zone-name').innerText.startsWith('America/Los Angeles')")
	other.showsResult(s, url.Values{"userName": {"a*"}, "startTime": {query.Get("startTime")},
		"startedBefore": {query.Get("startedBefore")}}.Encode())
}

// testStays has a session end under somebody who is in the middle of the results: the name is filled in, and
// after the password what was there is there still, at the place where one was.
func testStays(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.expect("401")
	p.signIn(s, "admin", "/?period=")
	p.settled()
	p.do("scrollTo(0, 1500)")
	p.wait("scrollY === 1500")
	send(p, network.ClearBrowserCookies, cdp.Empty{})
	p.do("import(document.querySelector('link[href$=\"/api.js\"]').href).then((api) => " +
		"api.ask('api/v2/sessions').catch(() => {}))") // as whatever the page asks next
	p.wait("document.querySelector('dialog[open] #password') === document.activeElement && " +
		"document.querySelector('dialog[open] #user').value === 'admin'")
	p.key("admin\r")
	p.wait("!document.querySelector('dialog #password')")
	if at := evaluate[float64](p, "scrollY"); at != 1500 {
		t.Errorf("the results are at %v, and were at 1500", at)
	}
	p.wait("document.querySelectorAll('.grid-body .grid-row').length > 5")
}
