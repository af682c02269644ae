//go:build integration

package console_test

import (
	"fmt"
	"net/url"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// testAccessible has axe look at the main views, in both themes and on a telephone. What it finds
// is a failure, whatever its weight.
func testAccessible(t *testing.T, s *service, b *browser) {
	axe, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}

	two := s.pick(t, "startTime=0",
		func(r map[string]any) bool { return len(files(r)) == 2 && has(files(r)[0], "masks") && whole(r) })
	p := b.open(t, s, laptop)
	inspect := func(name string) {
		t.Helper()
		// Run by the protocol, not by the page: its policy would not have it.
		p.run(chromedp.Evaluate[chromedp.Void](string(axe) + "; undefined"))
		found := evaluate[[]string](p, `axe.run(document, { resultTypes: ['violations'] }).then((r) => `+
			`r.violations.flatMap((v) =>
			v.nodes.map((n) => v.id + ': ' + n.failureSummary.replaceAll('\n', ' ') + ' ' + n.html.slice(0, 200))))`)
		for _, violation := range found {
			t.Errorf("%s: %s", name, violation)
		}

		p.shot(name)
	}

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
