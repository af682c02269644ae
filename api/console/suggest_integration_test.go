//go:build integration

package console_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// TestSuggestions types into boxes, and has them completed from the calls that there are.
func TestSuggestions(t *testing.T) {
	s := serveWith(t, build(t), newStorage(t))
	start := time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
	people := [][3]string{
		{"alice", "Alice", "Amber"}, {"al.moore", "Al", "Moore"}, {"jm@example.com", "Jürgen", "Müller"},
		{"mulder", "Maria \"Mo\" Luisa", "de la Cruz-Maldonado y Fernández de Córdoba"}, {"wang", "小明", "王"},
	}
	var all []string
	for i := range 30 {
		at := start.Add(time.Duration(i) * time.Minute)
		all = append(all, recording(fmt.Sprint("s", i), at, func(r map[string]any) {
			r["callerPhoneNumber"] = fmt.Sprintf("+1650555%04d", 100+i%4)
			r["dialedPhoneNumber"] = []string{"+1 (800) 555-0177", "*97"}[i%2]
			events := r["eventHistory"].([]any)
			who := people[min(i%7, len(people)-1)]
			for _, e := range []any{events[0], events[2]} {
				contact := e.(map[string]any)["contact"].(map[string]any)
				contact["userName"], contact["firstName"], contact["lastName"] = who[0], who[1], who[2]
			}
			data := map[string]any{"Queue": []string{"Billing", "very gold"}[i%2], "Tier": "Gold"}
			if i > 0 { // of keys that as many calls have, any may be first
				data["Quality score"] = i % 3
			}
			events[1].(map[string]any)["data"] = data
		}))
	}
	s.postAll(t, all)

	b := newBrowser(t)
	for name, test := range map[string]func(*testing.T, *service, *browser){
		"keys":       testSuggestionKeys,
		"pointer":    testSuggestionPointer,
		"data":       testSuggestionData,
		"typing":     testSuggestionTyping,
		"trouble":    testSuggestionTrouble,
		"accessible": testSuggestionAccessible,
	} {
		t.Run(name, func(t *testing.T) { test(t, s, b) })
	}
}

// suggests waits until a box is completed by just these values; by none: until there is no list.
func (p *tab) suggests(box string, values ...string) {
	p.t.Helper()
	shown := fmt.Sprintf(`[...document.querySelectorAll('#%s-suggestions:not([hidden], [aria-busy]) [role=option]')]`+
		`.map((o) => o.innerText).join('|')`, box)
	p.wait(fmt.Sprintf("%s === %q && document.querySelector('#%s').getAttribute('aria-expanded') === '%v'",
		shown, strings.Join(values, "|"), box, len(values) > 0))
}

// chosen waits until the arrows have reached an option; -1: they are in the box.
func (p *tab) chosen(box string, i int) {
	p.t.Helper()
	id := "null"
	if i >= 0 {
		id = fmt.Sprintf("'%s-suggestions-%d'", box, i)
	}
	p.wait(fmt.Sprintf(`document.querySelector('#%[1]s').getAttribute('aria-activedescendant') === %[2]s &&
		[...document.querySelectorAll('#%[1]s-suggestions [aria-selected=true]')].map((o) => o.id).join() ===
		(%[2]s ?? '')`, box, id))
}

// testSuggestionKeys does everything by keys.
func testSuggestionKeys(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?period=")
	p.settled()
	p.fill("#userName", "al")
	p.suggests("userName", "Al Moore", "al.moore", "Alice Amber", "alice")
	p.chosen("userName", -1)
	p.key(kb.ArrowDown)
	p.chosen("userName", 0)
	p.key(kb.ArrowUp) // back in the box
	p.chosen("userName", -1)
	p.key(kb.ArrowUp)
	p.chosen("userName", 3)
	p.key(kb.ArrowDown)
	p.chosen("userName", 0)
	p.key(kb.Escape) // closes the list alone
	p.suggests("userName")
	p.wait("document.activeElement.id === 'userName' && document.activeElement.value === 'al'")
	p.key(kb.ArrowDown)
	p.suggests("userName", "Al Moore", "al.moore", "Alice Amber", "alice")
	p.key(kb.ArrowDown)
	p.key(kb.ArrowDown)
	p.key(kb.ArrowDown)
	p.key(kb.Enter)
	p.wait(`document.querySelector('#userName').value === '"Alice Amber"'`)
	p.suggests("userName")
	p.showsResult(s, "userName=%22Alice+Amber%22")

	p.key(" AND jur") // goes on behind what was chosen
	p.suggests("userName", "Jürgen Müller")
	p.fill("#userName", "jürgen m")
	p.suggests("userName", "Jürgen Müller")
	p.key(kb.Enter) // the box's own: nothing was chosen
	p.suggests("userName")
	p.wait("document.querySelector('#userName').value === 'jürgen m'")
	p.key("ü")
	p.suggests("userName", "Jürgen Müller")
	p.key(kb.Tab)
	p.suggests("userName")
	p.wait("document.activeElement.id === 'userData' && document.querySelector('#userName').value === 'jürgen mü'")

	p.fill("#userName", "")
	p.key(kb.ArrowDown) // of an empty box: what the newest calls have
	p.wait("document.querySelectorAll('#userName-suggestions:not([hidden]) [role=option]').length === 8")
	p.key(kb.Escape)
	p.suggests("userName")
	p.key(kb.Escape) // now it is the page's
	p.wait("document.activeElement.closest('.grid-row')")
}

// testSuggestionPointer chooses by the mouse, among the calls that the other criteria find.
func testSuggestionPointer(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "ops", "/?contactCenter="+contactCenter+"&period=&userName=alice")
	p.settled()
	p.fill("#callerPhoneNumber", "5-01")
	p.suggests("callerPhoneNumber", "+16505550100", "+16505550101", "+16505550102", "+16505550103")
	p.click("#callerPhoneNumber-suggestions li:nth-child(2)")
	p.suggests("callerPhoneNumber")
	p.wait("document.activeElement.value === '+16505550101'")
	p.showsResult(s, "callerPhoneNumber=%2B16505550101&userName=alice")
	p.wait("!document.querySelector('#callerPhoneNumber-whole').checked")

	p.fill("#dialedPhoneNumber", "97")
	p.suggests("dialedPhoneNumber", "*97")
	p.click("#dialedPhoneNumber-suggestions li")
	p.wait(`document.activeElement.value === '\\*97'`)
	p.showsResult(s, `callerPhoneNumber=%2B16505550101&userName=alice&dialedPhoneNumber=\*97`)
	p.fill("#dialedPhoneNumber", "800")
	p.suggests("dialedPhoneNumber") // no call of this caller and agent
	p.click(".result-status")
}

// testSuggestionData completes keys, and the values under them.
func testSuggestionData(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?period=")
	p.settled()
	p.fill("#userData", "q")
	p.suggests("userData", "Queue", "Quality score")
	p.key(kb.ArrowDown)
	p.key(kb.Enter)
	p.wait("document.activeElement.value === 'Queue='")
	p.suggests("userData", "very gold", "Billing")
	p.key("b")
	p.suggests("userData", "Billing")
	p.key(kb.ArrowDown)
	p.key(kb.Enter)
	p.wait(`document.activeElement.value === 'Queue="Billing"'`)
	p.showsResult(s, "userDataKey.Queue=Billing")
	p.key(" qual")
	p.suggests("userData", "Quality score")
	p.key(kb.ArrowDown)
	p.key(kb.Enter)
	p.wait(`document.activeElement.value === 'Queue="Billing" "Quality score"='`)
	p.suggests("userData", "1", "2", "0")
	p.key(kb.ArrowDown)
	p.key(kb.Enter)
	p.wait(`document.activeElement.value === 'Queue="Billing" "Quality score"="1"'`)
	p.showsResult(s, "userDataKey.Queue=Billing&userDataKey.Quality+score=1")
	p.fill("#userData", "gol") // no key begins so
	p.suggests("userData", "Gold")
}

// testSuggestionTyping: the next key gives up what was asked for, and what comes late is not shown.
func testSuggestionTyping(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?period=")
	p.settled()
	p.do(`window.real = fetch; window.asked = [];
		window.fetch = (path, options) => {
			const text = path.includes('/suggestions?') ? new URLSearchParams(path.split('?')[1]).get('text') : null;
			if (text === null) return window.real(path, options);
			const one = { text, given: false };
			window.asked.push(one);
			options.signal.addEventListener('abort', () => { one.given = true; });
			if (text !== 'a') return window.real(path, options);
			return new Promise((resolve, reject) => {
				options.signal.addEventListener('abort', () => reject(options.signal.reason));
			});
		}`)
	p.fill("#userName", "a")
	p.wait("window.asked.length === 1 && !window.asked[0].given")
	p.showsResult(s, "userName=a*") // which does not wait for it
	p.key("l")
	p.suggests("userName", "Al Moore", "al.moore", "Alice Amber", "alice")
	p.wait("window.asked.map((a) => a.text + a.given).join() === 'atrue,alfalse'")

	p.fill("#userName", "alice")
	p.suggests("userName", "Alice Amber", "alice")
	p.key("*")
	p.suggests("userName")
	p.do("window.asked = []")
	p.fill("#userName", "a")
	p.wait("window.asked.length === 1 && !window.asked[0].given")
	p.do("document.activeElement.blur()")
	p.wait("window.asked[0].given")
	p.suggests("userName")
}

// testSuggestionTrouble: without suggestions everything else works.
func testSuggestionTrouble(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?period=")
	p.settled()
	p.do(`window.real = fetch; window.failed = 0;
		window.fetch = (path, options) => {
			if (!path.includes('/suggestions?')) return window.real(path, options);
			window.failed++;
			const answer = { statusCode: 4, statusMessage: 'not now' };
			return Promise.resolve(new Response(JSON.stringify(answer), { status: 503 }));
		}`)
	p.fill("#userName", "alice")
	p.wait("window.failed > 0")
	p.showsResult(s, "userName=alice*")
	p.suggests("userName")
	p.do("window.failed = 0")
	p.key("\b")
	p.wait("window.failed > 0")
	p.do("window.fetch = window.real")
	p.key("\b")
	p.suggests("userName", "Alice Amber", "alice")
	if text := p.text(".message") + p.text("#userName-problem"); text != "" {
		t.Errorf("the page says %q", text)
	}
}

// testSuggestionAccessible has axe look at open lists, which are no wider than the window.
func testSuggestionAccessible(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?period=")
	inspect := p.inspector()
	for name, how := range map[string]look{
		"light": laptop, "dark": night, "phone": phone, "phone-dark": phoneNight, "zoomed": zoomed,
	} {
		p.look(how)
		p.visit("/?period=")
		p.settled()
		p.do("document.querySelector('.filters').open = true; scrollTo(0, 0)")
		show := func(state string) {
			t.Helper()
			inspect("suggestions-" + state + "-" + name)
			if low := evaluate[float64](p, "document.querySelector('.suggestions:not([hidden])')"+
				".getBoundingClientRect().bottom - innerHeight"); low > 1 {
				t.Errorf("%s at %d pixels: the list ends %.0f below the window", state, how.width, low)
			}
			if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
				t.Errorf("%s at %d pixels is %d too wide", state, how.width, wide)
			}
		}
		p.fill("#userName", "m")
		p.suggests("userName", "Al Moore", `Maria "Mo" Luisa de la Cruz-Maldonado y Fernández de Córdoba`, "mulder",
			"Jürgen Müller")
		show("names")
		p.key(kb.ArrowDown)
		p.chosen("userName", 0)
		show("chosen")
		p.fill("#userName", "")
		p.fill("#userData", "Queue=")
		p.suggests("userData", "very gold", "Billing")
		show("values")
		high := evaluate[float64](p, "document.querySelector('#userData-suggestions li').offsetHeight")
		if how.width < 760 && high < 44 {
			t.Errorf("%s: an option is %.0f pixels high", name, high)
		}
	}
}
