//go:build integration

package console_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestMarks holds and labels calls, one and many, with the mouse and by keys, and looks for them.
func TestMarks(t *testing.T) {
	s := serveWith(t, build(t), newStorage(t))
	var all []string
	for i := range 30 {
		all = append(all, recording(fmt.Sprint("call-", i), time.Now().Add(-time.Duration(i+1)*time.Hour), nil))
	}
	s.postAll(t, all)
	b := newBrowser(t)
	t.Run("one", func(t *testing.T) { testMarksOfOne(t, s, b) })
	t.Run("many", func(t *testing.T) { testMarksOfMany(t, s, b) })
}

// testMarksOfOne puts a call under hold, labels it, and takes both off again.
func testMarksOfOne(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.expect("404") // its media
	p.expect("502")
	p.expect("403") // a hold holds
	p.signIn(s, "ops", "/?recording=call-7")
	p.clickText("Hold…")
	p.wait("document.querySelector('dialog #reason')")
	p.inspector()("hold")
	p.fill("#reason", "case <7>\r")
	p.wait("document.querySelector('.marks .hold')?.innerText.includes('case <7>')")
	p.wait("!document.querySelector('dialog')")

	p.clickText("Add a label…")
	p.fill("#label-name", "complaint")
	p.fill("#label-value", "urgent\r")
	p.wait("document.querySelector('.label-chip')?.innerText === 'complaint: urgent'")
	for name, how := range map[string]look{"light": laptop, "dark": night, "phone": phone} {
		p.look(how)
		p.inspector()("marked-" + name)
		if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			t.Errorf("a marked call at %d pixels is %d too wide", how.width, wide)
		}
	}
	p.look(laptop)

	p.clickText("Delete…")
	p.click("#delete-metadata")
	p.clickText("Delete metadata")
	p.wait("document.querySelector('dialog [role=alert]')?.innerText.includes('protected from deletion')")
	p.clickText("Keep it")

	p.clickText("Release…")
	p.clickText("Release")
	p.wait("!document.querySelector('.marks .hold') && !document.querySelector('dialog')")
	p.click("[aria-label='Remove the label complaint']")
	p.wait("!document.querySelector('.label-chip')")
	r := s.call(t, "admin", "GET", "/api/v2/recordings/call-7", "")["recording"].(map[string]any)
	if r["nonDelete"] != nil || r["labels"] != nil {
		t.Errorf("it has still %v %v", r["nonDelete"], r["labels"])
	}
}

// testMarksOfMany selects rows in every way, marks them, and searches for the marks.
func testMarksOfMany(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?period=")
	p.settled()
	selected := func(want ...string) {
		t.Helper()
		p.wait(fmt.Sprintf("[...document.querySelectorAll('.grid-row[aria-selected=true] .row-link')].map((a) => "+
			"new URL(a.href).searchParams.get('recording')).sort().join() === %q", strings.Join(want, ",")))
	}
	box := func(row int) string { return fmt.Sprintf(".grid-row[aria-rowindex='%d'] .pick", row+2) }

	p.click(box(1))
	selected("call-1")
	p.do(fmt.Sprintf("document.querySelector(%q).dispatchEvent(new MouseEvent('click', "+
		"{ shiftKey: true, bubbles: true, cancelable: true }))", box(4))) // a click with Shift
	selected("call-1", "call-2", "call-3", "call-4")
	p.click(box(3))
	selected("call-1", "call-2", "call-4")
	for name, how := range map[string]look{"light": laptop, "dark": night, "phone": phone} {
		p.look(how)
		p.inspector()("selected-" + name)
		if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			t.Errorf("selected calls at %d pixels are %d too wide", how.width, wide)
		}
	}
	p.look(laptop)

	p.clickText("Select none")
	selected()
	p.wait("document.activeElement.classList.contains('row-link')")
	p.do("document.querySelector('.grid-row[aria-rowindex=\"2\"] .row-link').focus()")
	p.press(" ") // by keys alone
	selected("call-0")
	shiftDown := func() {
		p.do("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', " +
			"{ key: 'ArrowDown', shiftKey: true, bubbles: true, cancelable: true }))")
	}
	shiftDown()
	shiftDown()
	selected("call-0", "call-1", "call-2")

	p.clickText("Add a label…")
	p.fill("#label-name", "training\r")
	p.wait("document.querySelectorAll('.label-tag').length === 3 && !document.querySelector('dialog')")
	selected()
	p.do("document.querySelector('.grid-row[aria-rowindex=\"2\"] .row-link').focus()")
	p.press(" ")
	shiftDown()
	p.clickText("Hold…")
	p.fill("#reason", "audit\r")
	p.wait("document.querySelectorAll('.grid-body [title=\"under hold\"]').length === 2 && " +
		"!document.querySelector('dialog')")
	p.shot("many-marked")

	p.do("document.querySelector('.more').open = true")
	p.do("const f = document.querySelector('#nonDelete'); f.value = 'true'; f.dispatchEvent(new Event('change'))")
	p.showsResult(s, "nonDelete=true")
	p.fill("#label", "train")
	p.showsResult(s, "nonDelete=true&label=train*")
	p.wait("document.querySelector('.result-status').textContent === '2 calls'")
	p.do("const f = document.querySelector('#nonDelete'); f.value = 'false'; f.dispatchEvent(new Event('change'))")
	p.showsResult(s, "nonDelete=false&label=train*")
	p.wait("document.querySelector('.result-status').textContent === '1 call'")
	p.inspector()("marks-searched")
}
