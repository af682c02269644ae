//go:build integration

package console_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/go-json-experiment/json"
)

// speak has the browser prefer a language, as it does where somebody has set it up so.
func (p *tab) speak(language string) {
	p.t.Helper()
	agent := evaluate[string](p, "navigator.userAgent")
	send(p, emulation.SetUserAgentOverride,
		emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: language})
}

// wordsOfEnglish are the texts that German has other words for, as JavaScript.
func wordsOfEnglish(t *testing.T) string {
	t.Helper()
	german := textsOf(t, "web/texts/de.json")
	var foreign []string
	for key, forms := range textsOf(t, "web/texts/en.json") {
		text := forms[""]
		if len(text) > 2 && !strings.Contains(text, "{") && text != german[key][""] {
			foreign = append(foreign, text)
		}
	}
	if len(foreign) < 300 {
		t.Fatalf("only %d texts differ", len(foreign))
	}
	list, err := json.Marshal(foreign)
	if err != nil {
		t.Fatal(err)
	}
	return string(list)
}

// foreign fails where one of the English texts is left in what is shown.
func (p *tab) foreign(english, state string) {
	p.t.Helper()
	left := evaluate[[]string](p, `(() => { const english = new Set(`+english+`); const found = [];
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) if (walk.currentNode.parentElement.checkVisibility() &&
			!walk.currentNode.parentElement.closest('bdi, script')) found.push(walk.currentNode.data.trim());
		for (const e of document.querySelectorAll('[aria-label], [title], [placeholder]'))
			for (const name of ['aria-label', 'title', 'placeholder']) found.push(e.getAttribute(name) ?? '');
		return [document.title, ...found].filter((text) => english.has(text)); })()`)
	if len(left) > 0 {
		p.t.Errorf("%s has in English: %q", state, left)
	}
}

// testGerman looks at the main states in German: axe finds nothing, nothing is wider than the window, though
// German is longer, and nothing is left in English.
func testGerman(t *testing.T, s *service, b *browser) {
	two := s.pick(t, "startTime=0",
		func(r map[string]any) bool { return len(files(r)) == 2 && has(files(r)[0], "masks") && whole(r) })
	english := wordsOfEnglish(t)
	p := b.open(t, s, laptop)
	p.speak("de-DE,de")
	inspect := p.inspector()
	show := func(name string) {
		t.Helper()
		inspect("german-" + name)
		if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			t.Errorf("%s is %d pixels too wide", name, wide)
		}
		p.foreign(english, name)
	}

	p.visit("/")
	p.wait("document.activeElement?.id === 'user'")
	p.wait("document.documentElement.lang === 'de'")
	p.wait("document.querySelector('h1').innerText.includes('Aufzeichnungen')")
	show("sign-in")
	p.signIn(s, "ops", "/")
	for name, how := range map[string]look{"laptop": laptop, "phone": phone, "night": night} {
		p.look(how)
		p.visit("/?period=")
		p.settled()
		p.wait("document.querySelector('.chart-head b')?.innerText.startsWith('Je ')")
		show("results-" + name)
		p.clickText("Exportieren…")
		p.wait("document.querySelector('dialog[open]')")
		show("export-" + name)
		p.visit("/?userName=nobody&userData=Gold")
		p.wait("document.querySelectorAll('.why dd').length === 2")
		show("nothing-" + name)
		p.visit("/?callerNumber=4668&period=lastweek")
		p.wait("document.querySelectorAll('.problems li').length === 2")
		show("link-" + name)
		p.visit("/?recording=" + url.QueryEscape(two))
		p.wait("document.querySelector('.marks button') && document.querySelector('.file .wave')")
		show("call-" + name)
		p.clickText("Löschen…")
		p.wait("document.querySelector('dialog[open]')")
		show("delete-" + name)
		p.visit("/?view=operations")
		p.wait("document.querySelector('.operations').innerText.includes('Nichts ist zurückgeblieben')")
		show("operations-" + name)
		p.visit("/?view=audit")
		p.wait("document.querySelectorAll('.lines tbody tr').length > 3")
		show("audit-" + name)
		p.click(".who")
		p.wait("document.querySelector('.sign-ins ul')")
		show("account-" + name)
		p.do("document.querySelector('dialog').close()")
	}

	// What the API refuses is said in German at the field, and numbers and dates are written as there.
	p.look(laptop)
	p.visit("/?period=")
	p.settled()
	p.expect("400")
	p.fill("#userName", "a AND b NOT c")
	p.wait("document.querySelector('#userName-problem').textContent.startsWith('Hier steht ein NOT')")
	p.fill("#userName", "")
	p.wait("/^[0-9.]+ Anrufe$/.test(document.querySelector('.result-status').innerText)")

	// The fields for times are the browser's, which speaks English here: what they hold is told in German.
	const setTime = `const f = document.querySelector('#startTime'); f.value = '2026-05-06T03:04'; ` +
		`f.dispatchEvent(new Event('change', { bubbles: true }))`
	p.do(setTime)
	p.wait("document.querySelector('#startTime-told').textContent.startsWith('Mi., 6. Mai 2026') && " +
		"document.querySelector('#startTime').getAttribute('aria-describedby').includes('startTime-told')")
	inspect("german-time")
	p.clickText("Alles löschen")
	p.wait("document.querySelector('#startTime-told').textContent === ''")

	// Another language is chosen in the account, and kept.
	p.click(".who")
	p.wait("document.querySelector('dialog .language')?.value === 'de'")
	p.do("const s = document.querySelector('.language'); s.value = 'en'; s.dispatchEvent(new Event('change'))")
	p.wait("document.documentElement.lang === 'en' && document.querySelector('.top')?.innerText.includes('Calls')")
	p.do(setTime)
	p.wait("new URL(location).searchParams.has('startTime') && " +
		"document.querySelector('#startTime-told').textContent === ''")
	p.visit("/?view=operations")
	p.wait("document.querySelector('.operations h1')?.innerText === 'Operations' && " +
		"document.documentElement.lang === 'en'")
}
