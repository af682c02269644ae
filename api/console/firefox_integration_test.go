//go:build integration

package console_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"
)

// testFirefox goes through the main states in Firefox as operations: signs in, searches, opens a call, plays
// it, deletes one, and looks after the service; on a laptop and on a telephone.
func testFirefox(t *testing.T, s *service, _ *browser) {
	const mine = "of firefox"
	s.call(t, "ops", "POST", opsPath, recording(mine, time.Now().Add(-time.Minute), func(r map[string]any) {
		r["callerPhoneNumber"] = "+4930555019"
	}))
	two := s.pick(t, "startTime=0", func(r map[string]any) bool {
		return len(files(r)) == 2 && has(files(r)[0], "masks") && whole(r)
	})
	f := newFirefox(t, s)
	f.visit("/")
	f.wait("document.activeElement?.id === 'user'")
	f.inspect("sign-in")
	f.keys("ops")
	f.click("document.querySelector('#password')")
	f.keys(s.passwordOf("ops") + firefoxEnter)
	f.wait("document.querySelector('.top') && document.querySelector('.grid-body .grid-row')")

	f.searches(s, mine)
	f.plays(two)
	f.deletes(s, mine)
	f.operates()
}

// searches types into a box, and opens what it finds by a click; Escape leads back to its row.
func (f *firefox) searches(s *service, id string) {
	f.t.Helper()
	f.click("document.querySelector('#callerPhoneNumber')")
	f.keys("30555019")
	f.wait(showsOnly(id))
	f.inspect("found")
	f.click("document.querySelector('.grid-body .row-link')")
	f.wait("document.querySelector('.call-head h1')?.innerText.includes('+4930555019')")
	f.keys(firefoxEscape)
	f.wait("document.activeElement?.matches('.row-link') && new URL(location).searchParams.get('callerPhoneNumber') " +
		"=== '*30555019*'")

	f.clickText("Clear all")
	f.wait("document.querySelector('.chart svg, .chart rect, .chart button') && " +
		"document.querySelectorAll('.grid-body .grid-row').length > 5")
	f.inspect("results")
	f.look(phone)
	f.wait("innerWidth === 390")
	f.inspect("results-phone")
	f.look(laptop)
}

// showsOnly is true where one call alone is among the results.
func showsOnly(id string) string {
	return fmt.Sprintf("(() => { const rows = document.querySelectorAll('.grid-body .row-link'); "+
		"return rows.length === 1 && new URL(rows[0].href).searchParams.get('recording') === %q; })()", id)
}

// plays hears a call of two media files, by mouse and by keys.
func (f *firefox) plays(id string) {
	f.t.Helper()
	at := "Number(document.querySelector('[role=slider]').getAttribute('aria-valuenow'))"
	label := "document.querySelector('.play').getAttribute('aria-label')"
	f.visit("/?recording=" + url.QueryEscape(id) + "#t=3")
	f.wait("document.querySelectorAll('.file .wave').length === 4 && " +
		"[...document.querySelectorAll('.file .wave')].every((w) => w.height !== 150)") // they are drawn
	f.wait(at + " === 3")
	f.inspect("call")
	f.look(phone)
	f.wait("innerWidth === 390")
	f.inspect("call-phone")
	f.look(laptop)

	// Firefox gives up a sound that nothing can play, and this machine has no loudspeaker: without sound it
	// fetches, decodes and plays all the same.
	f.keys("m")
	f.wait("document.querySelector('#volume').value === '0'")
	f.keys(" ")
	f.wait(label + " === 'Pause' && " + at + " >= 4")
	f.keys(firefoxRight)
	f.wait(at + " >= 14")
	f.click("document.querySelector('.play')")
	f.wait(label + " === 'Play' && !document.querySelector('.file-problem')")
}

// deletes opens the dialog, leaves it, and then deletes the metadata of a call.
func (f *firefox) deletes(s *service, id string) {
	f.t.Helper()
	f.visit("/?recording=" + url.QueryEscape(id))
	f.clickText("Delete…")
	f.wait("document.querySelector('dialog[open]')")
	f.inspect("delete")
	f.keys(firefoxEscape)
	f.wait("!document.querySelector('dialog')")
	f.clickText("Delete…")
	f.click("document.querySelector('#delete-metadata')")
	f.clickText("Delete metadata")
	f.wait("document.querySelector('.message').innerText.includes('Its media file stays in storage.')")
	if ids := s.found(f.t, "callerPhoneNumber=%2B4930555019"); len(ids) > 0 {
		f.t.Errorf("there is still %q", ids)
	}
}

// operates looks at the view of operations.
func (f *firefox) operates() {
	f.t.Helper()
	f.clickText("Operations")
	f.wait("document.querySelector('.operations')?.innerText.includes('Nothing is left behind')")
	f.inspect("operations")
}
