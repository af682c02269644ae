//go:build integration

package console_test

import (
	"fmt"
	"testing"
)

// heads are the names above the columns, but of the time, which has its zone there.
const heads = "[...document.querySelectorAll('.grid-head [role=columnheader]')].slice(1).map((h) => h.innerText).join()"

// queueOf is what a recording has under the key Queue.
func queueOf(r map[string]any) string {
	for _, event := range r["eventHistory"].([]any) {
		data, ok := event.(map[string]any)["data"].(map[string]any)
		if !ok {
			continue
		}
		if added, ok := data["added"].(map[string]any); ok {
			data = added
		}
		if queue, ok := data["Queue"].(string); ok {
			return queue
		}
	}
	return ""
}

// testColumns chooses the columns of the list by keys, sees them again as the same user, and has them as they
// were at first.
func testColumns(t *testing.T, s *service, b *browser) {
	const usual = "Duration,Caller,Dialed,Agents,Data,Media"
	found := s.pick(t, "userData=Billing", func(r map[string]any) bool { return queueOf(r) == "Billing" })
	p := b.open(t, s, laptop)
	inspect := p.inspector()
	p.signIn(s, "admin", "/?userDataKey.Queue=Billing")
	p.showsResult(s, "userDataKey.Queue=Billing")
	p.wait(fmt.Sprintf("%s === %q", heads, usual))

	p.do("[...document.querySelectorAll('.tools button')].find((b) => b.innerText.trim() === 'Columns…').focus()")
	p.key("\r")
	p.wait("document.activeElement?.value === 'duration' && " +
		"[...document.querySelectorAll('#column-keys option')].some((o) => o.value === 'Queue')")
	inspect("columns-dialog")
	p.do("document.querySelector('#column-key').focus()")
	// One of them twice, and four that no other test posts: a key that is known is spelled as it was posted.
	for _, key := range []string{"queue", "CaseId", "QUEUE", "own a", "own b", "own c", "own d"} {
		p.fill("#column-key", key+"\r")
	}
	p.wait("document.querySelector('#column-key-problem').innerText === 'At most 5 keys may have a column.' && " +
		"document.querySelector('#column-key').getAttribute('aria-invalid') !== null")
	p.do("document.querySelector('#column-key').value = ''")
	for _, name := range []string{
		"data", "labels", "dialed", "type", "userDataKey.own a", "userDataKey.own b", "userDataKey.own c",
	} {
		p.click(fmt.Sprintf("dialog input[value='%s']", name))
	}
	p.clickText("Show these columns")
	p.wait("!document.querySelector('dialog')")
	p.wait(heads + " === 'Duration,Caller,Agents,Type,Queue,CaseId,Labels,Media'")
	p.wait("document.activeElement?.innerText.trim() === 'Columns…'")
	if n := evaluate[string](p, "document.querySelector('.grid').getAttribute('aria-colcount')"); n != "9" {
		t.Errorf("there are %s columns", n)
	}

	// They are still there when the page is opened again, with the value that was looked for marked.
	p.visit("/?userDataKey.Queue=Billing")
	p.showsResult(s, "userDataKey.Queue=Billing")
	cell := fmt.Sprintf("document.querySelector('.grid-row:has([href*=%q]) [data-column=\"userDataKey.Queue\"]')",
		found)
	p.wait(cell + "?.querySelector('mark')?.innerText === 'Billing'")

	// The type of a call is typed as words are: the last may be unfinished.
	p.do("document.querySelector('details.more').open = true")
	p.fill("#callType", "INB")
	p.showsResult(s, "userDataKey.Queue=Billing&callType=INB*")
	p.wait("[...document.querySelectorAll('.grid-row [data-column=type]')].every((c) => c.innerText === 'Inbound')")
	p.wait("document.querySelector('.grid-row [data-column=type] mark')?.innerText === 'Inb'")
	for name, how := range map[string]look{"laptop": laptop, "wide": {width: 1600, height: 900}, "phone": phone,
		"night": phoneNight} {
		p.look(how)
		p.do("scrollTo(0, document.querySelector('.grid').offsetTop)")
		p.settled()
		inspect("columns-" + name)
		p.tooWide("chosen columns", how)
		if n := evaluate[int](p, "getComputedStyle(document.querySelector('.grid-body .grid-row'))"+
			".gridTemplateColumns.split(' ').length"); how.width >= 1200 && n != 9 {
			t.Errorf("at %d pixels %d columns stand beside each other", how.width, n)
		}
		if cut := evaluate[int](p, "[...document.querySelectorAll('.grid-body .grid-row')].filter((r) => "+
			"r.scrollHeight > r.clientHeight || r.scrollWidth > r.clientWidth).length"); cut > 0 {
			t.Errorf("at %d pixels %d rows hold more than fits", how.width, cut)
		}
	}

	p.clickText("Columns…")
	p.wait("document.querySelector('dialog[open]')")
	inspect("columns-dialog-phone")
	p.tooWide("the dialog of columns", phoneNight)
	p.speak("de-DE,de")
	p.look(laptop)
	p.visit("/?userDataKey.Queue=Billing")
	p.settled()
	p.clickText("Spalten…")
	p.wait("document.querySelector('dialog[open]')")
	p.foreign(wordsOfEnglish(t), "the dialog of columns")
	p.clickText("Wie zu Anfang")
	p.wait(heads + " === 'Dauer,Anrufer,Gewählt,Agenten,Daten,Medien'")
	if kept := evaluate[string](p, "localStorage.getItem('recordings.columns.admin') ?? ''"); kept != "" {
		t.Errorf("what everybody has is remembered: %s", kept)
	}
}
