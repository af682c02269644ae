//go:build integration

package console_test

import (
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// TestConsole is the page of the demonstration in a real browser, as an administrator and
// operations use it.
func TestConsole(t *testing.T) {
	s := serve(t, build(t), "--demo", "--listen", "127.0.0.1:0", "--data", t.TempDir())
	b := newBrowser(t)
	for name, test := range map[string]func(*testing.T, *service, *browser){
		"signing in": testSigningIn,
		"criteria":   testCriteria,
		"crossed":    testCrossed,
		"addresses":  testAddresses,
		"order":      testOrder,
		"words":      testWords,
		"half typed": testHalfTyped,
		"matches":    testMatches,
		"links":      testLinks,
		"no results": testNoResults,
		"keys":       testKeys,
		"paging":     testPaging,
		"playing":    testPlaying,
		"trouble":    testTrouble,
		"reach":      testReach,
		"first view": testFirstView,
		"accessible": testAccessible,
		"german":     testGerman,
		"media":      testMedia,
		"told":       testTold,
		"export":     testExport,
		"reindexing": testReindexing,
		"centers":    testCenters,
		"scripts":    testScripts,
		"offsets":    testOffsets,
		"firefox":    testFirefox,
		"next":       testNext,
		"seeking":    testSeeking,
		"crowd":      testCrowd,
		"folded":     testFolded,
		"columns":    testColumns,
		"targets":    testTargets,
		"days":       testDays,
		"shared":     testShared,
		"stays":      testStays,
	} {
		t.Run(name, func(t *testing.T) { test(t, s, b) })
	}
}

func testSigningIn(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.expect("401")
	p.expect("429")
	p.visit("/")
	p.wait("document.activeElement?.id === 'user'")
	p.shot("sign-in")
	p.fill("#user", "admin")
	p.fill("#password", "wrong\r")
	p.wait("document.querySelector('.problem').textContent === 'User name or password is not right.' && " +
		"document.activeElement.id === 'password'")
	p.fill("#password", "admin\r")
	p.settled()
	if cookies := evaluate[string](p, "document.cookie"); cookies != "" {
		t.Errorf("scripts can read the cookie: %s", cookies)
	}

	p.click("[aria-label='Sign out']")
	p.wait("document.querySelector('#user')")
	p.fill("#user", "somebody")
	for i := range 10 { // guesses, for a user who does not exist: those of the other tests are not held up
		p.fill("#password", fmt.Sprintf("guess %d\r", i))
		p.wait("document.querySelector('.sign-in-form button[type=submit]').textContent === 'Sign in' && " +
			"document.querySelector('.problem').textContent !== ''")
		if strings.Contains(p.text(".problem"), "Too many wrong passwords. You can try again in") {
			return
		}
		p.do("document.querySelector('.problem').textContent = ''")
	}

	t.Error("ten guesses were taken")
}

// testCrossed: a span the wrong way round is told at its second field, until it is right.
func testCrossed(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	told := func(field, first string) {
		t.Helper()
		says, invalid := "", "null"
		if first != "" {
			says, invalid = fmt.Sprintf("No call meets both this and “%s”.", first), "'true'"
		}
		p.wait(fmt.Sprintf("document.querySelector('#%[1]s-problem').textContent === %[2]q && "+
			"document.querySelector('#%[1]s').getAttribute('aria-invalid') === %[3]s", field, says, invalid))
	}
	p.signIn(s, "admin",
		"/?startTime=2026-05-02T00:00:00Z&startedBefore=2026-05-01T00:00:00Z&minDuration=60&maxDuration=59")
	told("startedBefore", "Began at or after")
	told("maxDuration", "Lasted at least")
	p.inspector()("crossed")
	p.fill("#maxDuration", "60")
	told("maxDuration", "")
	told("startedBefore", "Began at or after")
	p.clickText("Today")
	told("startedBefore", "")
	p.visit("/?endedAfter=2026-05-01T00:00:00Z&endTime=2026-05-01T00:00:00Z")
	told("endTime", "Ended after")
	p.clickText("Clear all")
	told("endTime", "")
}

func testCriteria(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.expect("400")
	p.signIn(s, "admin", "/")
	p.showsResult(s, "startTime=0")
	for _, c := range []struct{ field, typed, value string }{
		{"callerPhoneNumber", "+1415*", "+1415*"}, {"callerPhoneNumber", "*5550142", "*5550142"},
		{"callerPhoneNumber", "50142", "*50142*"}, {"callerPhoneNumber", "UNKNOWN", "*UNKNOWN*"},
		{"dialedPhoneNumber", "+1800555", "*+1800555*"}, {"dialedPhoneNumber", "*0123", "*0123"},
		{"phoneNumber", "50142", "*50142*"}, {"callerPhoneNumber", "(415) 555", "*(415) 555*"},
		{"userName", "zoë AND müll", "zoë AND müll*"}, {"userName", "ZOE* ali", "ZOE* AND ali*"},
		{"userName", `"Ana María"`, `"Ana María"`}, {"userData", "gol", "gol*"}, {"userData", `"gold"`, `"gold"`},
		{"userData", "case-10*", "case-10*"}, {"userData", `"payment plan"`, `"payment plan"`},
	} {
		p.fill("#"+c.field, c.typed)
		p.showsResult(s, c.field+"="+url.QueryEscape(c.value))
		p.wait(fmt.Sprintf("new URL(location).searchParams.get(%q) === %q", c.field, c.value))
		p.fill("#"+c.field, "")
	}

	p.fill("#userName", "müller")
	p.fill("#userData", "Gold Silver")
	p.showsResult(s, "userName=m%C3%BCller*&userData=Gold%20AND%20Silver*")
	p.clickText("Clear all")
	p.showsResult(s, "startTime=0")
	for typed, told := range map[string]string{
		"zoë or müll": `Name: "or" is searched for as a word; the operator is OR, in upper case`,
		"(ali":        "Name: the parenthesis of (ali* is searched for as it stands; terms cannot be grouped",
	} {
		p.fill("#userName", typed)
		p.wait(fmt.Sprintf("document.querySelector('.notices').innerText === %q", told))
	}
	p.fill("#userName", "zoë OR müll")
	p.wait("document.querySelector('.notices').innerText === ''")
	p.showsResult(s, "userName="+url.QueryEscape("zoë müll*"))
	p.fill("#userName", "zoë NOT müll")
	p.wait("document.querySelector('#userName-problem').textContent.includes('nothing can be excluded')")
	p.clickText("Clear all")
	p.showsResult(s, "startTime=0")

	testWholeNumber(p, s)
	testMore(p, s)
	testPeriods(p, s)
}

// testWords: a further word narrows a search, OR widens it, and the address has what is asked, as the API reads
// it. Whatever the address has is shown so that it means the same.
func testWords(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/")
	asks := func(typed, criterion string) {
		t.Helper()
		p.fill("#userName", typed)
		p.wait(fmt.Sprintf("new URL(location).searchParams.get('userName') === %q", criterion))
		p.showsResult(s, "userName="+url.QueryEscape(criterion))
	}
	asks("ali", "ali*")
	asks("ali am", "ali AND am*")
	asks("ali OR zo", "ali OR zo*")
	asks("alice zoë OR bob", "alice AND zoë OR bob*")
	for address, box := range map[string]string{
		"alice bob":           `alice OR "bob"`,
		"alice AND bob*":      "alice bob",
		"alice AND bob carl*": "alice bob OR carl",
	} {
		p.visit("/?userName=" + url.QueryEscape(address))
		p.showsResult(s, "userName="+url.QueryEscape(address))
		p.wait(fmt.Sprintf("document.querySelector('#userName').value === %q", box))
	}

	p.visit("/?userData=" + url.QueryEscape("Gold Silver"))
	p.showsResult(s, "userData=Gold%20Silver")
	p.wait(`document.querySelector('#userData').value === 'Gold OR "Silver"'`)
}

// testHalfTyped: results stay, dimmed, while something is typed that is no search yet; leaving the field tells
// what is wrong with it, and going on searches.
func testHalfTyped(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.expect("400")
	p.signIn(s, "admin", "/")
	p.fill("#userName", "alice")
	p.showsResult(s, "userName=alice*")
	const dimmed = "document.querySelector('.grid.stale .grid-body .grid-row')"
	for typed, told := range map[string]string{
		"alice AND ": "an AND without a term", `alice "zo`: "an unclosed quote",
	} {
		p.fill("#userName", typed)
		p.wait(dimmed + " && new URL(location).searchParams.get('userName') === 'alice*' && " +
			"document.querySelector('#userName-problem').textContent === ''")
		p.showsResult(s, "userName=alice*")
		p.do("document.querySelector('#dialedPhoneNumber').focus()")
		p.wait(fmt.Sprintf("document.querySelector('#userName-problem').textContent.includes(%q)", told))
		p.wait(dimmed + " && document.querySelector('.result-status').textContent === 'The calls of the last search'")
		p.showsResult(s, "userName=alice*")
		p.fill("#userName", "alice")
		p.wait("!document.querySelector('.stale') && document.querySelector('#userName-problem').textContent === ''")
		p.showsResult(s, "userName=alice*")
	}

	p.fill("#userName", "alice OR")
	p.wait(dimmed)
	p.key(" zo")
	p.wait("!document.querySelector('.stale')")
	p.showsResult(s, "userName="+url.QueryEscape("alice OR zo*"))
	p.fill("#userName", "alice AND")
	p.wait(dimmed)
	p.key(" a")
	p.wait("!document.querySelector('.stale')")
	p.showsResult(s, "userName="+url.QueryEscape("alice AND a*"))
	for name, how := range looks {
		p.look(how)
		p.do("document.querySelector('.filters').open = true")
		p.fill("#userName", "alice AND\r")
		p.wait(dimmed + " && document.querySelector('#userName[aria-invalid]')")
		p.inspector()("half-typed-" + name)
		p.tooWide("a half-typed search", how)
	}
}

// testMatches: what was found is marked in the rows, and comes first; what a call has leads to the calls that
// have the same.
func testMatches(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	id := "matches <b>"
	s.call(t, "ops", "POST", opsPath, recording(id, time.Now().Add(-time.Second), func(r map[string]any) {
		r["callerPhoneNumber"], r["dialedPhoneNumber"] = "*97", "+18005550177"
		e := r["eventHistory"].([]any)
		e[1].(map[string]any)["data"] = map[string]any{
			"A": "first", "My Note": strings.Repeat("hay ", 60) + `a "needle*" <i>`,
		}
	}))
	p.signIn(s, "admin", "/?dialedPhoneNumber="+url.QueryEscape("*50177*")+"&userName="+url.QueryEscape("AMB*")+
		"&userData="+url.QueryEscape(`"*needle\**"`))
	p.wait("document.querySelector('.grid-row[aria-rowindex=\"2\"]')")
	cell := func(name, want string) {
		t.Helper()
		p.wait(fmt.Sprintf("document.querySelector('.grid-body .cell.%s').innerHTML.replace(/<.?bdi>/g, '') === %q",
			name, want))
	}
	cell("dialed", "+180055<mark>50177</mark>")
	cell("agents", "Alice <mark>Amb</mark>er")
	cell("data", `…"<mark>needle*</mark>" &lt;i&gt; · first`)
	for name, how := range looks {
		p.look(how)
		p.inspector()("matches-" + name)
	}
	p.look(laptop)
	// Whoever points at a cell that is cut off is told all of it. A change of the window makes rows anew.
	p.wait(`(() => {
		const cell = document.querySelector('.grid-body .cell.data'), at = cell.getBoundingClientRect();
		if (!cell.dataset.cut) cell.firstChild.append(' and more'.repeat(40));
		cell.dataset.cut = 'yes';
		cell.dispatchEvent(new PointerEvent('pointermove', { clientX: at.x + 5, clientY: at.y + 5, bubbles: true }));
		return document.querySelector('.row-link').title === '…"needle*" <i> · first';
	})()`)

	// Each number, name and value leads to what has just this.
	p.expect("404")
	p.expect("502")
	for _, x := range []struct{ shown, query string }{
		{"*97", "callerPhoneNumber=" + url.QueryEscape(`\*97`)},
		{"+18005550177", "dialedPhoneNumber=" + url.QueryEscape("+18005550177")},
		{"Alice Amber", "userName=" + url.QueryEscape(`"Alice Amber"`)},
		{"alice", "userName=" + url.QueryEscape(`"alice"`)},
		{"+14155550100", "phoneNumber=" + url.QueryEscape("+14155550100")},
		{"first", "userDataKey.A=" + url.QueryEscape(`"first"`)},
		{strings.Repeat("hay ", 60) + `a "needle*" <i>`, url.QueryEscape("userDataKey.My Note") + "=" +
			url.QueryEscape(`"`+strings.Repeat("hay ", 60)+`a \"needle\*\" <i>"`)},
	} {
		p.visit("/?recording=" + url.QueryEscape(id))
		p.wait("document.querySelector('.events .find')")
		p.do(fmt.Sprintf("[...document.querySelectorAll('.find')].find((a) => a.textContent === %q).click()", x.shown))
		p.wait("document.querySelector('.search-view').checkVisibility()")
		p.showsResult(s, x.query)
		p.wait("document.querySelector('.grid-body .grid-row')")
	}
	p.do("history.back()") // to the call
	p.wait("document.querySelector('.events .find')")
	p.do("document.querySelector('h1 .find').focus()")
	p.inspector()("find")
}

// testWholeNumber types a number of which nothing is missing, by keys alone.
func testWholeNumber(p *tab, s *service) {
	number := s.call(p.t, "admin", "GET", "/api/v2/recordings?callerPhoneNumber=%2B1415*&limit=1",
		"")["recordings"].([]any)[0].(map[string]any)["callerPhoneNumber"].(string)
	p.fill("#callerPhoneNumber", number[:6])
	p.showsResult(s, "callerPhoneNumber="+url.QueryEscape("*"+number[:6]+"*"))
	p.do("document.querySelector('#callerPhoneNumber-whole').focus()")
	p.press(" ")
	p.wait("document.querySelector('.note:not([hidden]) h2')?.textContent === 'No call matches'")
	p.fill("#callerPhoneNumber", number)
	p.showsResult(s, "callerPhoneNumber="+url.QueryEscape(number))
	p.wait(fmt.Sprintf("new URL(location).searchParams.get('callerPhoneNumber') === %q", number))

	p.do("history.back()")
	p.wait("!document.querySelector('#callerPhoneNumber-whole').checked")
	p.do("history.forward()")
	p.wait("document.querySelector('#callerPhoneNumber-whole').checked")
	p.clickText("Clear all")
	p.wait("!document.querySelector('#callerPhoneNumber-whole').checked")
	p.showsResult(s, "startTime=0")
}

// testMore takes criteria that are folded away at first.
func testMore(p *tab, s *service) {
	p.wait("!document.querySelector('#minDuration').checkVisibility()")
	p.click(".more summary")
	p.fill("#minDuration", "200")
	p.showsResult(s, "minDuration=200")
	p.fill("#minDuration", "long")
	p.wait("document.querySelector('#minDuration[aria-invalid]') && " +
		"document.querySelector('#minDuration-problem').textContent !== ''")
	p.clickText("Clear all")
	p.showsResult(s, "startTime=0")
	end := time.Now().Add(-48 * time.Hour).UTC().Format("2006-01-02T15:04:05.000Z")
	p.visit("/?endTime=" + end)
	p.showsResult(s, "endTime="+end)
	p.wait("document.querySelector('.more').open && document.querySelector('#endTime').value !== ''")
	p.clickText("Clear all")
	p.showsResult(s, "startTime=0")

	uuid := s.call(p.t, "admin", "GET", "/api/v2/recordings?startTime=0&limit=1",
		"")["recordings"].([]any)[0].(map[string]any)["mediaFiles"].([]any)[0].(map[string]any)["callUUID"].(string)
	p.fill("#callUUID", uuid[:len(uuid)-2])
	p.showsResult(s, "callUUID="+url.QueryEscape(uuid[:len(uuid)-2]+"*"))
	p.fill("#callUUID", uuid)
	p.click("#callUUID-whole")
	p.showsResult(s, "callUUID="+url.QueryEscape(uuid))
	p.clickText("Clear all")
	changed := time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000Z")
	p.visit("/?changedSince=" + changed)
	p.wait("document.querySelector('.note:not([hidden])')?.innerText.includes('No call changed at or after')")
	p.clickText("Clear all")
	p.showsResult(s, "startTime=0")
}

// testPeriods looks for the calls of spans of time in the viewer's zone, Los Angeles, and in
// another.
func testPeriods(p *tab, s *service) {
	for _, zone := range []string{"America/Los_Angeles", "Asia/Kathmandu"} {
		where, err := time.LoadLocation(zone)
		if err != nil {
			p.t.Fatal(err)
		}

		useZone(p, zone)
		now := time.Now().In(where)
		day := func(back int) string {
			return time.Date(now.Year(), now.Month(), now.Day()-back, 0, 0, 0, 0, where).UTC().Format(time.RFC3339)
		}

		month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, where).UTC().Format(time.RFC3339)
		for _, c := range []struct{ words, query string }{
			{"Today", "startTime=" + day(0)}, {"Yesterday", "startTime=" + day(1) + "&startedBefore=" + day(0)},
			{"7 days", "startTime=" + day(6)}, {"This month", "startTime=" + month}, {"Any time", "startTime=0"},
		} {
			p.clickText(c.words)
			p.wait(fmt.Sprintf("document.querySelector('.chip[aria-pressed=true]').textContent === %q", c.words))
			p.showsResult(s, c.query)
		}
	}

	p.do(`const f = document.querySelector('#startTime'); f.value = '2026-01-02T03:04'; f.dispatchEvent(new ` +
		`Event('change', { bubbles: true }))`)
	p.wait("new URL(location).searchParams.get('startTime') === '2026-01-01T21:19:00.000Z'") // 5:45 behind Kathmandu
	// Another time is typed over it, in which there are times that nobody means.
	p.do("document.activeElement.blur(); document.querySelector('#startTime').focus()")
	for _, key := range "02032025\t0405A" {
		p.key(string(key))
	}

	p.wait("new URL(location).searchParams.get('startTime') === '2025-02-02T22:20:00.000Z' && " +
		"document.querySelector('#startTime').value === '2025-02-03T04:05'")
	p.showsResult(s, "startTime=2025-02-02T22:20:00Z")
	useZone(p, "UTC")
	p.wait("document.querySelector('#startTime').value === '2025-02-02T22:20'")
	testZoneOfCall(p, s)
}

// useZone has all times told in a zone.
func useZone(p *tab, name string) {
	p.t.Helper()
	p.click(".zone")
	p.fill("#zone", name+"\r")
	p.wait(fmt.Sprintf("document.querySelector('.zone-name').textContent.startsWith(%q)",
		strings.ReplaceAll(name, "_", " ")))
}

// testZoneOfCall has a call that is shown told in another zone.
func testZoneOfCall(p *tab, s *service) {
	p.visit("/?recording=" + url.QueryEscape(s.pick(p.t, "startTime=0",
		func(r map[string]any) bool { return len(files(r)) == 2 && whole(r) })))
	p.wait("document.querySelector('.call-head p')?.innerText.includes(', UTC ·')")
	before := p.text(".call-head p")
	useZone(p, "Asia/Kathmandu")
	p.wait("document.querySelector('.call-head p').innerText.includes('Asia/Kathmandu (UTC+5:45)') && " +
		"document.querySelector('.timeline')")
	if after := p.text(".call-head p"); after[:25] == before[:25] {
		p.t.Errorf("%q is %q in Kathmandu", before, after)
	}
}

// testAddresses walks back and forth, shares an address, and comes back.
func testAddresses(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?userName=alice")
	p.showsResult(s, "userName=alice")
	p.fill("#userData", "Gol")
	p.showsResult(s, "userName=alice&userData=Gol*")
	p.wait("new URL(location).searchParams.get('userData') === 'Gol*'") // G finds the same
	shared := evaluate[string](p, "location.pathname + location.search")
	p.do("history.back()")
	p.showsResult(s, "userName=alice")
	p.wait("document.querySelector('#userData').value === ''")
	p.do("history.forward()")
	p.showsResult(s, "userName=alice&userData=Gol*")
	p.visit("/")
	p.wait("document.querySelector('#userData')?.value === 'Gol'") // the last search
	p.showsResult(s, "userName=alice&userData=Gol*")

	other := b.open(t, s, laptop)
	other.signIn(s, "admin", shared)
	other.showsResult(s, "userName=alice&userData=Gol*")
	other.wait(`document.querySelector('#userName').value === '"alice"'`) // the whole word, as the address says
}

// testOrder has the oldest calls first, by keys alone. The address holds it, and so does the form.
func testOrder(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?userName=alice")
	p.showsResult(s, "userName=alice")
	is := func(name, sorted string) {
		t.Helper()
		p.wait(fmt.Sprintf("document.querySelector('.order').value === %q && "+
			"(new URL(location).searchParams.get('sort') ?? '') === %q && "+
			"document.querySelector('[role=columnheader][aria-sort]').getAttribute('aria-sort') === %q",
			name, name, sorted))
	}
	is("", "descending")

	p.do("document.querySelector('.order').focus()")
	p.key(kb.ArrowDown)
	p.showsResult(s, "userName=alice&sort=startTime")
	is("startTime", "ascending")
	p.wait("document.activeElement.matches('.order')")
	shared := evaluate[string](p, "location.pathname + location.search")

	// What is searched for next comes in this order, too; the picture above has all calls.
	p.clickText("Clear all")
	p.showsResult(s, "startTime=0&sort=startTime")
	is("startTime", "ascending")
	total := s.call(t, "admin", "GET", "/api/v2/recordings?startTime=0&limit=1&total=true", "")["total"].(float64)
	p.wait(fmt.Sprintf("%s && document.querySelector('.result-status').textContent === "+
		"`${(%.0f).toLocaleString()} calls`", drawn, total))
	p.shot("oldest")

	p.do("document.querySelector('.order').focus()")
	p.key(kb.ArrowUp)
	p.showsResult(s, "startTime=0")
	is("", "descending")
	p.do("history.back()")
	p.showsResult(s, "startTime=0&sort=startTime")
	is("startTime", "ascending")

	other := b.open(t, s, phone)
	other.signIn(s, "admin", shared)
	other.showsResult(s, "userName=alice&sort=startTime")
	other.wait("document.querySelector('.order').checkVisibility() && document.querySelector('.order').value !== ''")
	other.shot("oldest-phone")
}

// testLinks opens addresses that ask for what there is not. Nothing else is shown instead.
func testLinks(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.expect("404") // the media of the call, perhaps
	p.expect("502")
	p.signIn(s, "admin", "/?userName=alice")
	p.showsResult(s, "userName=alice")
	for _, c := range []struct{ address, told string }{
		{"/?callerNumber=4668", "callerNumber=4668\u2069 is not known"},
		{"/?userName=alice&userdata=Gold", "userData is meant, perhaps"},
		{"/?userName=alice&period=lastweek", "period=lastweek\u2069 is none of today, yesterday"},
		{"/?userName=alice&sort=changedTime", "sort=changedTime\u2069 is no order of this page"},
		{"/?userName=alice&startTime=1747511132", "1747511132000 is meant, perhaps"},
		{"/?userName=alice&startTime=yesterday", "startTime=yesterday\u2069 is no date"},
		{"/?userName=alice&userName=bob", "is given more than once"},
		{"/?timeZone=Mars&userName=alice", "is not a zone"},
		{"/?contactCenter=another&userName=alice", "is not your contact center"},
	} {
		p.visit(c.address)
		p.wait("document.querySelector('.note:not([hidden]) h2')?.textContent === 'This link is not understood'")
		if told := p.text(".note"); !strings.Contains(told, c.told) {
			t.Errorf("%s: %q, want %q", c.address, told, c.told)
		}
		if rows := evaluate[int](p, "document.querySelectorAll('.grid-body .grid-row').length"); rows > 0 {
			t.Errorf("%s shows %d calls", c.address, rows)
		}
	}

	p.shot("link")
	p.clickText("Search without this")
	p.showsResult(s, "userName=alice")
	p.do("history.back()")
	p.wait("document.querySelector('.note:not([hidden]) h2')?.textContent === 'This link is not understood'")
	p.clickText("Search without this")
	p.showsResult(s, "userName=alice")
	p.wait("new URL(location).searchParams.get('userName') === 'alice' && !location.search.includes('another')")
	p.visit("/?userName=alice&callerNumber=4668")
	p.wait("document.querySelector('.note:not([hidden]) .problems li')")
	p.fill("#userData", "Gold") // whoever goes on searching has seen it
	p.showsResult(s, "userName=alice&userData=Gold*")

	p.visit("/?recording=" + url.QueryEscape(s.pick(t, "startTime=0", whole)) + "&moment=3#t=x")
	p.wait("document.querySelector('.timeline') && document.querySelector('.message')?.innerText.includes('moment=3')")
	p.shot("link-to-call")
	p.key(kb.Tab)
	p.click("[aria-label='Close this message']")
	p.wait("document.querySelector('.message').innerText === ''")
}

func testNoResults(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.expect("400")
	p.signIn(s, "admin", "/?userName=amb&userData=Gold")
	p.wait("document.querySelectorAll('.why dd').length === 2")
	gold := s.call(t, "admin", "GET", "/api/v2/recordings?userData=Gold&limit=1&total=true", "")["total"].(float64)
	why := p.text(".why")
	if !strings.Contains(why, "Name is “\u2068amb\u2069”\n0 calls") ||
		!strings.Contains(strings.ReplaceAll(why, ",", ""),
			fmt.Sprintf("User data is “\u2068Gold\u2069”\n%.0f calls", gold)) {
		t.Errorf("an empty result says %q", why)
	}

	p.wait("document.querySelectorAll('.others button').length === 2") // the whole of it is no suggestion
	p.shot("no-results")
	p.clickText("Name matches “\u2068*amb*\u2069”")
	p.showsResult(s, "userName=*amb*&userData=Gold")
	testSuggestions(p, s)
	p.visit("/?userName=amb&userData=Gold")
	p.fill("#userName", `"open`)
	p.do("document.querySelector('#dialedPhoneNumber').focus()") // until then the quote may still be closed
	p.wait(`document.querySelector('#userName-problem').textContent.includes('unclosed quote') && ` +
		`document.querySelector('#userName[aria-invalid]')`)
	p.shot("refused")
	p.fill("#userName", "alice")
	p.wait(`document.querySelector('#userName-problem').textContent === ''`)
	p.showsResult(s, "userName=alice*&userData=Gold")
	total := s.call(t, "admin", "GET", "/api/v2/recordings?userName=alice*&userData=Gold&limit=1&total=true",
		"")["total"].(float64)
	p.wait(fmt.Sprintf("document.querySelector('.result-status').textContent.startsWith('%.0f calls')", total))
}

// testSuggestions takes what is suggested after empty results: each finds something, and a search
// with one criterion explains itself as well.
func testSuggestions(p *tab, s *service) {
	for _, c := range []struct {
		query, why string
		others     bool // something else finds calls
	}{
		{"userName=amb", "No name, and no word of a name, is “\u2068amb\u2069”.", true},
		{"userData=zzzzz", "No value of user data is “\u2068zzzzz\u2069”.", false},
		{"callerPhoneNumber=4155", "No caller’s number is exactly “\u20684155\u2069”.", true},
		{"callerPhoneNumber=*000000000000*", "No caller’s number contains “\u2068000000000000\u2069”.", false},
		{"startTime=2100-01-01T00:00:00Z", "No call began at or after", true},
		{"minDuration=9999999", "No call lasted at least 9999999 s.", false},
	} {
		p.visit("/?" + c.query)
		p.wait("document.querySelector('.note:not([hidden]) h2')?.textContent === 'No call matches'")
		if told := p.text(".note"); !strings.Contains(told, c.why) {
			p.t.Errorf("%s: %q, want %q", c.query, told, c.why)
		}
		if !c.others {
			continue
		}

		p.wait("document.querySelector('.others button')")
		p.do("document.querySelector('.others button').click()")
		p.wait("document.querySelector('.grid-body .grid-row')?.checkVisibility()")
	}
}

// testKeys does without a mouse.
func testKeys(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/")
	p.settled()
	p.press("?")
	p.wait("document.querySelector('dialog[open] h2')?.textContent === 'Keys'")
	p.wait("document.querySelector('dialog[open] a').href === location.origin + '/api/v2/docs'")
	p.key(kb.Escape)
	p.wait("!document.querySelector('dialog')")
	p.press("/")
	p.wait("document.activeElement.id === 'callerPhoneNumber'")
	caller := heardCaller(t, s)
	p.key(caller)
	p.showsResult(s, "callerPhoneNumber="+caller)
	p.key(kb.Escape)
	p.wait("document.activeElement.closest('[aria-rowindex=\"2\"]')")
	p.key(kb.ArrowDown + kb.ArrowDown + kb.ArrowUp)
	p.wait("document.activeElement.closest('[aria-rowindex=\"3\"]')")
	p.key(kb.Enter)
	p.wait("document.querySelector('.timeline') && document.activeElement.tagName === 'H1'")
	p.press(" ")
	p.wait("document.querySelector('.play').getAttribute('aria-label') === 'Pause'")
	p.press(" ")
	p.wait("document.querySelector('.play').getAttribute('aria-label') === 'Play'")
	p.press("j")
	p.wait("document.querySelector('.timeline') && document.querySelector('.now').textContent === '0:00'")
	p.key(kb.Escape)
	p.wait("document.activeElement.closest('.grid-row')")
	p.key(kb.End)
	p.wait("!document.querySelector('.grid-foot').checkVisibility() || " +
		"document.activeElement.closest('.grid-row').getAttribute('aria-rowindex') > 20")
}

// heardCaller is the end of the number of callers whose second and third call can be heard. Which calls of
// the demonstration are encrypted is left to chance.
func heardCaller(t *testing.T, s *service) string {
	t.Helper()
	for i := range 100 {
		caller := fmt.Sprintf("*55501%02d", i)
		calls := s.call(t, "ops", "GET", opsPath+"?limit=3&callerPhoneNumber="+caller, "")["recordings"].([]any)
		if len(calls) == 3 && whole(calls[1].(map[string]any)) && whole(calls[2].(map[string]any)) {
			return caller
		}
	}
	t.Fatal("the demonstration has no caller whose second and third call can be heard")
	return ""
}

// testCenters goes to another contact center, which has nothing, and back.
func testCenters(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "ops", "/?startTime=2000-01-01T00:00:00Z")
	p.settled()
	p.click(".center")
	p.fill("#center", "another\r")
	unknown := "document.querySelector('.note:not([hidden]) h2')?.textContent === 'This contact center is unknown'"
	p.wait(unknown + " && new URL(location).searchParams.get('contactCenter') === 'another'")
	if told := p.text(".notices"); told != "" {
		t.Errorf("it is said twice: %q", told)
	}
	p.shot("unknown-center")
	p.clickText("Operations")
	p.wait("document.querySelector('.operations').innerText.includes('This contact center is unknown')")
	p.clickText("Calls")
	p.clickText("Any time")
	p.wait(unknown + " && document.querySelector('.chip[aria-pressed=true]').textContent === 'Any time'")
	p.visit("/")
	p.wait("document.querySelector('.center-name')?.textContent === 'another'") // the last one
	p.wait(unknown)
	p.clickText(contactCenter)
	p.showsResult(s, "startTime=0")
	p.click(".center")
	total := s.call(t, "admin", "GET", "/api/v2/recordings?startTime=0&limit=1&total=true", "")["total"].(float64)
	p.wait(fmt.Sprintf("document.querySelector('.centers [aria-pressed=true]')?.innerText.replaceAll(',', '')"+
		".includes('%.0f calls')", total))
	p.shot("centers")
	p.click(fmt.Sprintf("[data-center=%q]", contactCenter))
	p.showsResult(s, "startTime=0")
}

// testOffsets lists a call of summer and one of winter: one of them has another offset than today,
// whenever that is, and says so; the head names the zone then, and not where all are alike.
func testOffsets(t *testing.T, s *service, b *browser) {
	for month, id := range map[time.Month]string{time.January: "of winter", time.July: "of summer"} {
		start := time.Date(2021, month, 15, 12, 0, 0, 0, time.UTC)
		s.call(t, "ops", "POST", opsPath, recording(id, start, nil))
		defer s.call(t, "ops", "DELETE", opsPath+"/"+url.PathEscape(id), "")
	}

	p := b.open(t, s, laptop)
	p.signIn(s, "ops", "/?startTime=2021-01-01T00:00:00Z&startedBefore=2022-01-01T00:00:00Z&timeZone=Europe/Berlin")
	p.wait("document.querySelectorAll('.grid-body .grid-row').length === 2")
	head := p.text(".grid-head [role=columnheader]")
	rows := evaluate[string](p,
		"[...document.querySelectorAll('.grid-body .cell.time')].map((c) => c.innerText).sort().join()")
	summer, winter := "Jul 15, 2021 14:00:00", "Jan 15, 2021 13:00:00"
	want := winter + " UTC+1," + summer
	if _, offset := time.Now().In(inBerlin(t)).Zone(); offset == 3600 {
		want = winter + "," + summer + " UTC+2"
	}
	if rows != want || !strings.HasPrefix(head, "Time, Europe/Berlin (UTC+") {
		t.Errorf("the rows %q below %q, want %q", rows, head, want)
	}

	useZone(p, "UTC")
	p.wait("document.querySelector('.grid-head [role=columnheader]').innerText === 'Time, UTC' && " +
		"!document.querySelector('.grid-body .offset')")
}

func inBerlin(t *testing.T) *time.Location {
	t.Helper()
	where, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return where
}

// testScripts shows names in scripts that the page's font lacks, each in a font of the system that
// has it. Which fonts a system has is its own matter: a script that none of them has is not looked at.
func testScripts(t *testing.T, s *service, b *browser) {
	names := map[string]string{
		"vi": "Nguyễn Thị Ánh", // of which the font lacks nothing
		"el": "Ελένη Παπαδοπούλου", "ru": "Алёна Ёлкина", "he": "מרים כהן", "ar": "مرحبا بكم", "ka": "ნინო",
		"hy": "Անի", "zh": "王小明", "ko": "김민준", "th": "สมชาย", "hi": "प्रिया", "am": "ሰላም",
	}
	p := b.open(t, s, laptop)
	for language, name := range names {
		id := "script " + language
		s.call(t, "ops", "POST", opsPath, recording(id, time.Now().Add(-time.Hour), func(r map[string]any) {
			for _, e := range r["eventHistory"].([]any) {
				if c, ok := e.(map[string]any)["contact"].(map[string]any); ok {
					c["firstName"], c["lastName"] = name, name
				} else {
					e.(map[string]any)["data"] = map[string]any{"Name": name, "Test": "scripts"}
				}
			}
		}))
		defer s.call(t, "ops", "DELETE", opsPath+"/"+url.PathEscape(id), "")
	}

	p.signIn(s, "ops", "/?userData=scripts")
	p.wait(fmt.Sprintf("document.querySelectorAll('.grid-body .grid-row').length === %d", len(names)))
	p.wait("document.fonts.status === 'loaded'")
	p.shot("scripts")

	const cell = ".grid-row:has([href*='script+%s']) .cell.agents"
	if fonts := p.fontsOf(fmt.Sprintf(cell, "vi")); !slices.Equal(fonts, []string{"Inter"}) {
		t.Errorf("a name in Vietnamese is written in %q", fonts)
	}

	// Of a list that is too long, the end is cut off: in Hebrew that is on the left.
	for language, direction := range map[string]string{"he": "rtl", "ar": "rtl", "vi": "ltr"} {
		first := fmt.Sprintf(`(() => {
			const cell = document.querySelector(%q), range = document.createRange(), names = cell.firstChild;
			cell.style.width = '4rem';
			range.setStart(names, 0);
			range.setEnd(names, 1);
			const letter = range.getBoundingClientRect(), seen = cell.getBoundingClientRect();
			return [getComputedStyle(cell).direction, cell.scrollWidth > cell.clientWidth,
				letter.left >= seen.left - 1 && letter.right <= seen.right + 1].join(' ');
		})()`, fmt.Sprintf(cell, language))
		if got, want := evaluate[string](p, first), direction+" true true"; got != want {
			t.Errorf("%s: names that are cut off are %q, want %q", language, got, want)
		}
	}

	delete(names, "vi")
	looked := 0
	for language, name := range names {
		if out, err := exec.Command("fc-list", ":lang="+language).Output(); err != nil || len(out) == 0 {
			continue
		}

		looked++
		fonts := p.fontsOf(fmt.Sprintf(cell, language))
		if !slices.ContainsFunc(fonts, func(f string) bool { return f != "Inter" }) {
			t.Errorf("%s: %q is written in %q", language, name, fonts)
		}
	}
	if looked < 3 {
		t.Errorf("the system has fonts for %d scripts, too few to tell", looked)
	}
}
