//go:build integration

package console_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/emulation"
)

// emulate has the page looked at by another medium, or with a preference of the system.
func (p *tab) emulate(medium, feature, value string) {
	p.t.Helper()
	send(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium,
		Features: []*emulation.MediaFeature{{Name: feature, Value: value}}})
}

// testMedia looks at a call and at results as they are printed, in the colours that the system forces on them,
// with as little motion as possible, and at 200 %.
func testMedia(t *testing.T, s *service, b *browser) {
	two := s.pick(t, "startTime=0",
		func(r map[string]any) bool { return len(files(r)) == 2 && has(files(r)[0], "masks") && whole(r) })
	p := b.open(t, s, laptop)
	p.signIn(s, "ops", "/")
	inspect := p.inspector()
	visible := func(selector string) bool {
		t.Helper()
		return evaluate[bool](p, fmt.Sprintf("document.querySelector(%q).checkVisibility()", selector))
	}

	p.visit("/?recording=" + url.QueryEscape(two))
	p.wait("document.querySelector('.marks button') && document.querySelector('.file .wave')")
	p.emulate("print", "prefers-color-scheme", "light")
	for selector, want := range map[string]bool{
		".call-head h1": true, ".timeline": true, ".events": true, ".facts": true, ".top": false, ".player-bar": false,
		".call-bar": false, ".playhead": false, ".marks button": false,
	} {
		if visible(selector) != want {
			t.Errorf("printed, %s is visible: %t", selector, !want)
		}
	}
	p.shot("print-call")

	p.emulate("", "forced-colors", "active")
	for _, selector := range []string{".stay.agent", ".playhead"} {
		if !evaluate[bool](p, fmt.Sprintf("getComputedStyle(document.querySelector(%q)).backgroundColor !== "+
			"getComputedStyle(document.body).backgroundColor", selector)) {
			t.Errorf("in forced colours, %s is as its background", selector)
		}
	}
	inspect("forced-call")
	p.emulate("", "prefers-reduced-motion", "reduce")
	if moving := evaluate[int](p, "document.getAnimations().length"); moving != 0 {
		t.Errorf("%d animations go on where none are wanted", moving)
	}

	for name, how := range map[string]look{"zoomed": zoomed, "wide": {width: 1600, height: 900}} {
		p.look(how)
		for state, target := range map[string]string{
			"call": "/?recording=" + url.QueryEscape(two), "results": "/?period=", "operations": "/?view=operations",
			"audit": "/?view=audit",
		} {
			p.visit(target)
			p.wait("document.querySelector('.recording h1, .grid-body .grid-row, .operations h1')?.checkVisibility()")
			inspect(state + "-" + name)
			if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
				t.Errorf("%s %s is %d pixels too wide", state, name, wide)
			}
		}
	}
	p.look(laptop)
	p.visit("/?period=")
	p.settled()
	p.emulate("", "forced-colors", "active")
	inspect("forced-results")
}
