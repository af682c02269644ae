//go:build integration

package console_test

import (
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/go-json-experiment/json"
)

// axeFinds is a promise of what axe has to say about the page, each in one line.
const axeFinds = `axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.flatMap((v) =>
	v.nodes.map((n) => v.id + ': ' + n.failureSummary.replaceAll('\n', ' ') + ' ' + n.html.slice(0, 200))))`

// inspector returns a function that has axe look at what is shown, and keeps a picture of it.
func (p *tab) inspector() func(name string) {
	p.t.Helper()
	axe, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		p.t.Fatal(err)
	}

	return func(name string) {
		p.t.Helper()
		// Run by the protocol, not by the page: its policy would not have it.
		p.run(chromedp.Evaluate[chromedp.Void](string(axe) + "; undefined"))
		found := evaluate[[]string](p, axeFinds)
		for _, violation := range found {
			p.t.Errorf("%s: %s", name, violation)
		}

		p.shot(name)
	}
}

// testAccessible has axe look at the main views, in both themes and on a telephone. What it finds
// is a failure, whatever its weight.
func testAccessible(t *testing.T, s *service, b *browser) {
	two := s.pick(t, "startTime=0",
		func(r map[string]any) bool { return len(files(r)) == 2 && has(files(r)[0], "masks") && whole(r) })
	p := b.open(t, s, laptop)
	inspect := p.inspector()
	p.visit("/")
	p.wait("document.activeElement?.id === 'user'")
	inspect("sign-in")
	p.signIn(s, "ops", "/")
	for theme, how := range map[string]look{"light": laptop, "dark": night, "phone": phone} {
		p.look(how)
		p.visit("/?period=")
		p.settled()
		inspect("results-" + theme)
		p.clickText("Export…")
		p.wait("document.querySelector('dialog[open]')")
		inspect("export-" + theme)
		p.do("document.querySelector('dialog').close()")
		p.wait("!document.querySelector('dialog')")
		p.visit("/?userName=nobody&userData=Gold")
		p.wait("document.querySelectorAll('.why dd').length === 2")
		inspect("no-results-" + theme)
		p.visit("/?recording=" + url.QueryEscape(two))
		// as they are before they are drawn
		p.wait("document.querySelector('.file .wave') && [...document.querySelectorAll('.file .wave')].every((w) => " +
			"w.height !== 150)")
		inspect("call-" + theme)
		p.clickText("Delete…")
		p.wait("document.querySelector('dialog[open]')")
		inspect("delete-" + theme)
		p.visit("/?view=operations")
		p.wait("document.querySelector('.operations').innerText.includes('Nothing is left behind')")
		inspect("operations-" + theme)
		for name, button := range map[string]string{"center": ".center", "zone": ".zone",
			"keys": "[aria-label='Keys']"} {
			if !evaluate[bool](p, fmt.Sprintf("document.querySelector(%q).checkVisibility()", button)) {
				continue // telephones have no keys
			}
			p.click(button)
			p.wait("document.querySelector('dialog[open]')")
			inspect(name + "-" + theme)
			p.do("document.querySelector('dialog').close()")
			p.wait("!document.querySelector('dialog')")
		}
	}
}

// testTold looks at what the page tells beside results: what it did, what was hardly meant, what it
// did not understand. None of it is wider than the window.
func testTold(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.expect("404") // what is deleted
	p.expect("502")
	p.signIn(s, "ops", "/?period=")
	inspect := p.inspector()
	for name, how := range map[string]look{"light": laptop, "dark": night, "phone": phone, "phone-dark": phoneNight} {
		p.look(how)
		show := func(state string) {
			t.Helper()
			inspect(state + "-" + name)
			if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
				t.Errorf("%s at %d pixels is %d too wide", state, how.width, wide)
			}
		}

		p.visit("/?userName=alice&callerNumber=4668&period=lastweek&startTime=1747511132")
		p.wait("document.querySelectorAll('.problems li').length === 3")
		show("link")
		p.visit("/?contactCenter=elsewhere&period=")
		p.wait("document.querySelector('.note:not([hidden]) h2')?.textContent === 'This contact center is unknown'")
		show("unknown-center")

		p.visit("/?contactCenter=" + contactCenter + "&callerPhoneNumber=415555&userName=ali*&minDuration=5")
		p.wait("document.querySelector('.others button')")
		p.do("document.querySelector('.filters').open = true; scrollTo(0, 0)")
		show("criteria")
		p.do("document.querySelector('.why').scrollIntoView()")
		show("nothing-found")
		p.visit("/?callerPhoneNumber=415555")
		p.wait("document.querySelector('.others button')")
		p.do("document.querySelector('.others').scrollIntoView({ block: 'end' })")
		show("nothing-found-by-one")

		p.visit("/?period=")
		p.settled()
		p.do(notices(`"and" in lower case is searched for as a word; AND asks for both`,
			`parentheses are searched for as they stand: "(alice"`))
		p.do("document.querySelector('.filters').open = true")
		p.fill("#userName", "bob")
		p.wait("document.querySelectorAll('.notices p').length === 2")
		p.do("if (innerWidth < 760) document.querySelector('.filters').open = false; scrollTo(0, 0)")
		show("notices")
		p.do("document.querySelector('.filters').open = true; window.fetch = window.real")
		p.fill("#userName", "bo")
		p.wait("document.querySelectorAll('.notices p').length === 0")

		id := "told " + name
		s.call(t, "ops", "POST", opsPath, recording(id, time.Now().Add(-time.Minute), nil))
		p.visit("/?recording=" + url.QueryEscape(id))
		p.clickText("Delete…")
		p.click("#delete-metadata")
		p.clickText("Delete metadata")
		p.wait("document.querySelector('.message').innerText.includes('Its media file stays in storage.')")
		show("deleted")
		p.visit("/?view=operations")
		p.clickText("Build it anew…")
		p.wait("document.querySelector('dialog[open]')")
		show("reindex")
	}
}

// notices is a script after which searches are answered with a notice.
func notices(sentences ...string) string {
	list, err := json.Marshal(sentences)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`window.real ??= fetch; window.fetch = async (...args) => {
		const answer = await window.real(...args);
		return new Response(JSON.stringify({ ...(await answer.json()), notice: %s }), { status: answer.status });
	}`, list)
}
