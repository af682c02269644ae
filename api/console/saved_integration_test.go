//go:build integration

package console_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// TestSaved saves searches, makes them again and looks after them, and learns of newer calls.
func TestSaved(t *testing.T) {
	s := serveWith(t, build(t), newStorage(t))
	var all []string
	for i := range 12 {
		all = append(all, recording(fmt.Sprint("call-", i), time.Now().Add(-time.Duration(i+1)*time.Minute), nil))
	}
	s.postAll(t, all)
	b := newBrowser(t)
	t.Run("life", func(t *testing.T) { testSavedLife(t, s, b) })
	t.Run("period", func(t *testing.T) { testSavedPeriod(t, s, b) })
	t.Run("trouble", func(t *testing.T) { testSavedTrouble(t, s, b) })
	t.Run("newer", func(t *testing.T) { testNewer(t, s, b) })
	t.Run("german", func(t *testing.T) { testSavedGerman(t, s, b) })
}

const savedPath = "/api/v2/saved-searches"

// saved are the saved searches of a user, by name.
func (s *service) saved(t *testing.T, user string) map[string]map[string]any {
	t.Helper()
	path := savedPath
	if user == "ops" {
		path = "/api/v2/ops/contact-centers/" + contactCenter + "/saved-searches"
	}
	all := make(map[string]map[string]any)
	for _, x := range s.call(t, user, "GET", path, "")["savedSearches"].([]any) {
		search := x.(map[string]any)
		all[search["name"].(string)] = search
	}
	return all
}

// shows waits until the side panel has these saved searches, each with its number of new calls.
func (p *tab) showsSaved(want ...string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("[...document.querySelectorAll('.saved-list li')].map((li) => li.querySelector('a').innerText"+
		".replace(/\\s+/g, ' ').trim()).join('|') === %q", strings.Join(want, "|")))
}

// testSavedLife saves the present search, finds it again with what is new, and renames and deletes it.
func testSavedLife(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?userData=Billing&sort=startTime")
	p.showsResult(s, "userData=Billing&sort=startTime")
	p.clickText("Save…")
	p.wait("document.activeElement?.id === 'saved-name'")
	p.inspector()("save-search")
	p.key("Our billing\r")
	p.wait("!document.querySelector('dialog')")
	p.showsSaved("Our billing")
	p.wait("document.querySelector('.saved-list a').getAttribute('aria-current') === 'true'")
	got := s.saved(t, "admin")["Our billing"]
	asked := fmt.Sprintf("%v %v %v", got["criteria"], got["sort"], got["period"])
	if asked != "map[userData:Billing] startTime <nil>" || got["lookedAt"] == nil {
		t.Errorf("saved is %v", got)
	}

	// What has arrived since is counted, and looked at by keys; the rest of the criteria are gone then.
	at := time.Now().Add(time.Hour).UTC()
	s.call(t, "ops", "POST", opsPath, recording("later-1", at, nil))
	s.call(t, "ops", "POST", opsPath, recording("later-2", at.Add(time.Minute), nil))
	p.visit("/?callerPhoneNumber=nobody")
	p.showsSaved("Our billing 2 new")
	for name, how := range looks {
		p.look(how)
		p.do("document.querySelector('.filters').open = true; scrollTo(0, 0)")
		p.inspector()("saved-" + name)
		p.tooWide("saved searches", how)
	}
	p.look(laptop)
	p.do("document.querySelector('.saved-list a').focus()")
	p.key("\r")
	p.showsResult(s, "userData=Billing&sort=startTime")
	p.showsSaved("Our billing")
	p.wait("!new URL(location).searchParams.has('callerPhoneNumber') && " +
		"document.querySelector('#callerPhoneNumber').value === ''")
	p.visit("/?callerPhoneNumber=nobody")
	p.showsSaved("Our billing") // as it was looked at

	// The same name takes the place of what has it, and that is told.
	p.visit("/?userName=alice")
	p.showsSaved("Our billing")
	p.clickText("Save…")
	p.fill("#saved-name", "OUR BILLING")
	p.wait("document.querySelector('#saved-taken').textContent.startsWith('There is a search of this name.')")
	p.key("\r")
	p.wait("!document.querySelector('dialog')")
	p.showsSaved("OUR BILLING")
	p.clickText("Save…")
	p.fill("#saved-name", "Alice")
	p.key("\r")
	p.showsSaved("Alice", "OUR BILLING")

	more := func(name string) { p.click(fmt.Sprintf("[aria-label='Rename or delete %s']", name)) }
	more("Alice")
	p.wait("document.querySelector('dialog .problems')?.innerText.includes('Name is “')")
	p.inspector()("change-saved")
	p.fill("#saved-name", "our billing\r")
	p.wait("[...document.querySelectorAll('dialog [role=alert]')].some((a) => " +
		"a.innerText.startsWith('There is another search'))")
	p.fill("#saved-name", "Zed\r")
	p.wait("!document.querySelector('dialog')")
	p.showsSaved("OUR BILLING", "Zed")
	p.wait("document.activeElement?.innerText.trim() === 'Zed'")
	more("Zed")
	p.clickText("Delete this search")
	p.wait("!document.querySelector('dialog')")
	p.showsSaved("OUR BILLING")
	if left := s.saved(t, "admin"); len(left) != 1 || len(s.saved(t, "ops")) != 0 {
		t.Errorf("admin has %v", left)
	}
}

// testSavedPeriod: a period stays one, of the days of its zone, which is shown then.
func testSavedPeriod(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "ops", "/?contactCenter="+contactCenter+"&period=today&timeZone=Asia%2FKathmandu")
	p.settled()
	p.clickText("Save…")
	p.fill("#saved-name", "Kathmandu\r")
	p.showsSaved("Kathmandu")
	got := s.saved(t, "ops")["Kathmandu"]
	if got["period"] != "today" || got["zone"] != "Asia/Kathmandu" || len(got["criteria"].(map[string]any)) != 0 {
		t.Errorf("saved is %v", got)
	}

	p.visit("/?contactCenter=" + contactCenter + "&userName=alice&timeZone=UTC")
	p.showsSaved("Kathmandu")
	p.click(".saved-list a")
	p.wait("new URL(location).searchParams.get('timeZone') === 'Asia/Kathmandu' && " +
		"new URL(location).searchParams.get('period') === 'today'")
	p.wait("document.querySelector('.zone-name').innerText.startsWith('Asia/Kathmandu') && " +
		"document.querySelector('.message').innerText.includes('This search is about days in Asia/Kathmandu')")
	where, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().In(where)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, where)
	want := s.call(t, "admin", "GET", "/api/v2/recordings?limit=1&total=true&startTime="+
		midnight.UTC().Format("2006-01-02T15:04:05Z"), "")["total"].(float64)
	p.wait(fmt.Sprintf("document.querySelector('.result-status').textContent.startsWith('%.0f call')", want))
	p.inspector()("saved-period")
}

// testSavedTrouble: what of a saved search the page does not know is told, and nothing is searched for; what
// was removed elsewhere goes; names and numbers that the API refuses are told in plain words.
func testSavedTrouble(t *testing.T, s *service, b *browser) {
	s.call(t, "admin", "PUT", savedPath+"/Zone", `{"criteria":{},"period":"today","zone":"Factory"}`)
	p := b.open(t, s, laptop)
	p.expect("404")
	p.expect("409")
	p.expect("400")
	p.signIn(s, "admin", "/?period=")
	p.showsSaved("OUR BILLING", "Zone")
	p.do(`Intl.DateTimeFormat = new Proxy(Intl.DateTimeFormat, { construct: (of, args) => {
		if (args[1]?.timeZone === 'Factory') throw new RangeError();
		return new of(...args);
	} })`) // as a browser with older zones
	p.click(".saved-list li:nth-child(2) a")
	p.wait("document.querySelector('.problems li')?.innerText.includes('timeZone=Factory') && " +
		"document.querySelector('.grid').hidden")
	p.visit("/?period=")
	p.showsSaved("OUR BILLING", "Zone")
	s.call(t, "admin", "DELETE", savedPath+"/Zone", "")
	s.call(t, "admin", "DELETE", savedPath+"/OUR%20BILLING", "")
	p.click(".saved-list a")
	p.showsResult(s, "userName=alice") // it was there on this page, and is made a last time
	p.wait("!document.querySelector('.saved-list li')")

	for i := range 100 {
		s.call(t, "admin", "PUT", fmt.Sprintf("%s/s%03d", savedPath, i), `{"criteria":{"userName":"a"}}`)
	}
	p.clickText("Save…")
	p.fill("#saved-name", "one too many\r")
	p.wait("document.querySelector('dialog [role=alert]')?.innerText.startsWith('There are 100 saved searches')")
	p.inspector()("saved-too-many")
	p.clickText("Cancel")
	p.visit("/?period=")
	p.wait("document.querySelectorAll('.saved-list li').length === 100")
	p.inspector()("saved-many")
	for i := range 100 {
		s.call(t, "admin", "DELETE", fmt.Sprintf("%s/s%03d", savedPath, i), "")
	}
}

// testNewer: calls that arrive while results are shown are told of, and shown when somebody wants it; a click
// on Calls searches again, too.
func testNewer(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?userName=alice")
	p.showsResult(s, "userName=alice")
	p.wait("performance.getEntriesByType('resource').some((e) => e.name.endsWith('/newer.js'))")
	id := func(i int) string { return fmt.Sprint("newest-", i) }
	post := func(i int) {
		start := time.Now().Add(time.Duration(24+i) * time.Hour)
		s.call(t, "ops", "POST", opsPath, recording(id(i), start, nil))
	}
	post(0)
	p.wait("(dispatchEvent(new Event('focus')), document.querySelector('.newer').innerText.includes(" +
		"'1 call is new or has changed.'))") // as who comes back to the window
	for name, how := range looks {
		p.look(how)
		p.inspector()("newer-" + name)
		p.tooWide("newer calls", how)
	}
	p.look(laptop)
	p.do("[...document.querySelectorAll('.newer button')].at(-1).click()")
	first := func(i int) string {
		return fmt.Sprintf("new URL(document.querySelector('.grid-row[aria-rowindex=\"2\"] a').href).searchParams"+
			".get('recording') === %q", id(i))
	}
	p.wait(first(0) + " && document.querySelector('.newer').innerText === ''")

	post(1)
	p.clickText("Calls")
	p.wait(first(1))

	// Back from a call, the list is as it was.
	p.do("document.querySelector('.grid-row[aria-rowindex=\"4\"] .row-link').click()")
	p.expect("404")
	p.expect("502")
	p.wait("document.querySelector('.timeline')")
	p.key(kb.Escape)
	p.wait("document.activeElement?.closest('.grid-row')?.getAttribute('aria-rowindex') === '4'")
}

// testSavedGerman looks at the new states in German.
func testSavedGerman(t *testing.T, s *service, b *browser) {
	s.call(t, "admin", "PUT", savedPath+"/Neue", `{"criteria":{"startTime":"0"},"lookedAt":"2020-01-01T00:00:00Z"}`)
	english := wordsOfEnglish(t)
	p := b.open(t, s, laptop)
	p.expect("404")
	p.expect("502")
	p.speak("de-DE,de")
	p.signIn(s, "admin", "/?userName=alice")
	p.settled()
	for name, how := range map[string]look{"laptop": laptop, "phone": phone} {
		p.look(how)
		p.visit("/?userName=alice")
		p.wait("document.querySelector('.saved-list a')")
		p.do("document.querySelector('.filters').open = true; dispatchEvent(new Event('focus'))")
		p.wait("document.querySelector('.saved-list a')?.textContent.includes(' neu')")
		p.inspector()("german-saved-" + name)
		p.foreign(english, "saved searches")
		p.tooWide("saved searches in German", how)
		p.clickText("Speichern…")
		p.wait("document.querySelector('dialog')")
		p.inspector()("german-save-" + name)
		p.foreign(english, "saving a search")
		p.visit("/?recording=call-1")
		p.wait("document.querySelector('.comments textarea')")
		p.fill("#comment-new", "x")
		p.clickText("Hinzufügen")
		p.wait("document.querySelector('.comment .tools')")
		p.do("document.querySelector('.comments').scrollIntoView()")
		p.inspector()("german-comments-" + name)
		p.foreign(english, "comments")
		p.tooWide("comments in German", how)
	}
}
