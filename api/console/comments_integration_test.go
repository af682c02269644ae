//go:build integration

package console_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// tooWide fails where what is shown is wider than the window.
func (p *tab) tooWide(state string, how look) {
	p.t.Helper()
	if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
		p.t.Errorf("%s at %d pixels is %d too wide", state, how.width, wide)
	}
}

// looks are those in which new states are looked at, by the names of their pictures.
var looks = map[string]look{"light": laptop, "dark": night, "phone": phone, "phone-dark": phoneNight}

// TestComments comments on calls as several people, who may do different things.
func TestComments(t *testing.T) {
	const secret = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$+H4vXYFWoXb2B34RuwJIpQ"
	center := "role: admin, contact_centers: [" + contactCenter + "]"
	users := fmt.Sprintf("- {name: other, %s, password_hash: %q}\n", center, secret) +
		fmt.Sprintf("- {name: team, %s, access_groups: [/Sales], password_hash: %q}\n", center, secret)
	files := newStorage(t)
	if err := os.Mkdir(filepath.Join(files.dir, "calls"), 0o700); err != nil {
		t.Fatal(err)
	}

	s := serveUsers(t, build(t), files, users)
	for i, id := range []string{"talked", "held", "told"} {
		start := time.Now().Add(-time.Duration(i+1) * time.Hour)
		s.call(t, "ops", "POST", opsPath, recording(id, start, func(r map[string]any) {
			r["mediaFiles"].([]any)[0].(map[string]any)["accessgroups"] = []string{"/Sales"}
		}))
		files.add(t, fmt.Sprintf("calls/%x.wav", id))
		name := filepath.Join(files.dir, "calls", fmt.Sprintf("%x.wav", id))
		if err := os.WriteFile(name, tones(10), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	b := newBrowser(t)
	t.Run("writing", func(t *testing.T) { testWriting(t, s, b) })
	t.Run("others", func(t *testing.T) { testOthersComments(t, s, b) })
	t.Run("under hold", func(t *testing.T) { testHeldComments(t, s, b) })
	t.Run("found", func(t *testing.T) { testCommentsFound(t, s, b) })
}

// comments are those of a call as the API has them, as "at text" each, in the order of writing.
func (s *service) comments(t *testing.T, id string) (all []string) {
	t.Helper()
	answer := s.call(t, "admin", "GET", "/api/v2/recordings/"+url.PathEscape(id)+"/comments", "")
	for _, x := range answer["comments"].([]any) {
		c := x.(map[string]any)
		at, ok := c["at"].(float64)
		if !ok {
			at = -1
		}
		all = append(all, fmt.Sprintf("%.0f %s", at, c["text"]))
	}
	return all
}

// has fails unless the comments of a call are these.
func (s *service) hasComments(t *testing.T, id string, want ...string) {
	t.Helper()
	if got := s.comments(t, id); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%s has the comments %q, want %q", id, got, want)
	}
}

// testWriting adds comments at a moment and on the whole call, plays from one, changes and deletes them.
func testWriting(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?recording=talked#t=3")
	p.wait("document.querySelector('.comments').innerText.includes('Nobody has commented on this call yet.')")
	p.wait("document.querySelector('.about span').textContent === 'At 0:03'")
	inspect := p.inspector()
	inspect("no-comments")

	// Nothing is not sent; it is told at the field.
	p.clickText("Add")
	p.wait("document.querySelector('#comment-new[aria-invalid]') && document.activeElement.id === 'comment-new' && " +
		"document.querySelector('#comment-new-problem').textContent === 'Nothing is written here yet.'")
	inspect("comment-empty")

	// The keys of the player are letters here, and the moment stays where one began to write.
	p.fill("#comment-new", "jk m <b>asks</b> for")
	p.wait("document.querySelector('.play').getAttribute('aria-label') === 'Play' && " +
		"document.querySelector('#volume').value === '1'")
	p.do("document.querySelector('[role=slider]').focus()")
	p.key(kb.ArrowUp) // by 10 s, which is the end
	p.wait("document.querySelector('.now').textContent === '0:10'")
	p.wait("document.querySelector('.about span').textContent === 'At 0:03'")
	p.wait("document.querySelector('.take').textContent === 'Take 0:10'")

	// Telling the times in another zone loses nothing of it.
	for _, zone := range []string{"Asia/Kathmandu", "America/Los_Angeles"} {
		useZone(p, zone)
		p.wait("document.querySelector('#comment-new').value === 'jk m <b>asks</b> for' && " +
			"document.querySelector('.about span').textContent === 'At 0:03'")
	}
	p.do("document.querySelector('#comment-new').focus()")
	p.key(" a refund")
	p.clickText("Add")
	p.wait("document.querySelector('.comment-text')?.textContent === 'jk m <b>asks</b> for a refund'")
	p.wait("document.activeElement.id === 'comment-new' && document.activeElement.value === ''")
	s.hasComments(t, "talked", "3 jk m <b>asks</b> for a refund")

	p.key("friendly")
	p.click("#comment-new-whole")
	p.clickText("Add")
	p.wait("document.querySelectorAll('.comment').length === 2 && " +
		"document.querySelector('.comment .when').textContent === 'Whole call'") // it comes first
	s.hasComments(t, "talked", "3 jk m <b>asks</b> for a refund", "-1 friendly")

	// A marker says what it is, and plays from there, by keys as well.
	p.wait("document.querySelectorAll('.mark-comment').length === 1")
	if label := evaluate[string](p, "document.querySelector('.mark-comment').getAttribute('aria-label')"); label !=
		"Comment at 3 seconds, by admin: jk m <b>asks</b> for a refund" {
		t.Errorf("the marker says %q", label)
	}
	p.do("document.querySelector('.mark-comment').focus()")
	p.key("\r")
	p.wait("document.querySelector('.play').getAttribute('aria-label') === 'Pause'")
	p.wait("Number(document.querySelector('[role=slider]').getAttribute('aria-valuenow')) === 4")
	p.click(".play")
	p.wait("document.querySelector('.play').getAttribute('aria-label') === 'Play'")

	testRewriting(p, s)
	for name, how := range looks {
		p.look(how)
		p.do("document.querySelector('.comments').scrollIntoView()")
		inspect("comments-" + name)
		p.tooWide("comments", how)
		p.do("scrollTo(0, 0)")
		p.shot("comments-timeline-" + name)
	}
	p.look(laptop)

	// Deleting asks first.
	p.clickText("Delete")
	p.wait("document.querySelector('dialog blockquote')?.textContent === 'very friendly'")
	inspect("comment-delete")
	p.clickText("Cancel")
	p.wait("!document.querySelector('dialog')")
	p.clickText("Delete")
	p.wait("document.querySelector('dialog blockquote')")
	p.do("document.querySelector('dialog .danger').click()")
	p.wait("!document.querySelector('dialog') && document.querySelectorAll('.comment').length === 1 && " +
		"document.activeElement.id === 'comment-new'")
	s.hasComments(t, "talked", "3 jk m <b>asks</b> for a refund")
}

// testRewriting changes a comment by keys alone, after having thought better of it once.
func testRewriting(p *tab, s *service) {
	first := "document.querySelector('.comment')"
	p.do(first + ".querySelector('.tools button').focus()")
	p.key("\r")
	p.wait("document.activeElement.id === 'comment-change'")
	p.key("not ")
	p.key(kb.Escape)
	p.wait("!document.querySelector('#comment-change') && document.querySelector('.view.recording').checkVisibility()")
	p.wait("document.activeElement === " + first + ".querySelector('.tools button')")

	p.key("\r")
	p.wait("document.activeElement.id === 'comment-change' && document.activeElement.value === 'friendly'")
	p.inspector()("comment-change")
	p.fill("#comment-change", "very friendly")
	useZone(p, "Asia/Kathmandu")
	p.wait("document.querySelector('#comment-change').value === 'very friendly'")
	useZone(p, "America/Los_Angeles")
	p.wait("document.querySelector('#comment-change').value === 'very friendly'")
	p.do("document.querySelector('#comment-change').closest('form').requestSubmit()")
	p.wait(first + ".innerText.includes('very friendly') && " + first + ".innerText.includes('changed ')")
	s.hasComments(p.t, "talked", "3 jk m <b>asks</b> for a refund", "-1 very friendly")
}

// testOthersComments: one changes only what one has written; administrators without access groups, and
// operations, also delete what others wrote.
func testOthersComments(t *testing.T, s *service, b *browser) {
	s.call(t, "admin", "POST", "/api/v2/recordings/told/comments", `{"text":"by admin","at":2}`)
	for _, x := range []struct{ user, tools string }{
		{"admin", "Change Delete"}, {"other", "Delete"}, {"ops", "Delete"}, {"team", ""},
	} {
		p := b.open(t, s, laptop)
		p.signIn(s, x.user, "/?recording=told&contactCenter="+contactCenter)
		p.wait("document.querySelector('.comment-text')?.textContent === 'by admin'")
		const shown = "[...document.querySelectorAll('.comment .tools button')].map((b) => b.textContent).join(' ')"
		if tools := evaluate[string](p, shown); tools != x.tools {
			t.Errorf("%s is offered %q, want %q", x.user, tools, x.tools)
		}
	}

	// What somebody else has deleted meanwhile is said to be gone, beside what is there.
	p := b.open(t, s, laptop)
	p.expect("404")
	p.signIn(s, "admin", "/?recording=told")
	p.wait("document.querySelector('.comment .tools button')")
	p.clickText("Change")
	p.fill("#comment-change", "too late")
	answer := s.call(t, "ops", "GET", opsPath+"/told/comments", "")["comments"].([]any)[0].(map[string]any)
	s.call(t, "ops", "DELETE", opsPath+"/told/comments/"+answer["id"].(string), "")
	p.clickText("Save")
	p.wait("document.querySelector('.comments > .problem').textContent === 'This comment is not there any more.' && " +
		"!document.querySelector('.comment')")
	p.inspector()("comment-gone")
}

// testHeldComments: under a hold comments are added, and neither changed nor deleted, and it is said why.
func testHeldComments(t *testing.T, s *service, b *browser) {
	s.call(t, "admin", "POST", "/api/v2/recordings/held/comments", `{"text":"said before"}`)
	p := b.open(t, s, laptop)
	p.expect("403")
	p.signIn(s, "admin", "/?recording=held")
	p.wait("document.querySelectorAll('.comment .tools button').length === 2")
	p.clickText("Hold…")
	p.fill("#reason", "case 7\r")
	p.wait("document.querySelector('.marks .hold') && document.querySelectorAll('.comment .tools button').length === 0")
	const why = "Under hold, comments cannot be changed or deleted. New ones can be added."
	p.wait(fmt.Sprintf("document.querySelector('.comments > .hint').checkVisibility() && "+
		"document.querySelector('.comments > .hint').textContent === %q", why))
	p.fill("#comment-new", "said under hold")
	p.clickText("Add")
	p.wait("document.querySelectorAll('.comment').length === 2")
	for name, how := range looks {
		p.look(how)
		p.do("document.querySelector('.comments').scrollIntoView()")
		p.inspector()("comments-held-" + name)
		p.tooWide("comments under hold", how)
	}
	p.look(laptop)

	// A hold that somebody puts on while one is writing is told, too.
	p.clickText("Release…")
	p.clickText("Release")
	p.wait("!document.querySelector('dialog') && document.querySelectorAll('.comment .tools button').length === 4")
	p.clickText("Change")
	p.fill("#comment-change", "too late")
	s.call(t, "ops", "POST", opsPath+"/held", `{"operationName":"applyNonDelete"}`)
	p.clickText("Save")
	p.wait(fmt.Sprintf("document.querySelector('.comments > .problem').textContent === %q && "+
		"document.querySelectorAll('.comment .tools button').length === 0", why))
	s.hasComments(t, "held", "-1 said before", "0 said under hold")
}

// testCommentsFound: calls are found by words of their comments, in the form, by links, and rows tell of them.
func testCommentsFound(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?comment="+url.QueryEscape("refund"))
	p.showsResult(s, "comment=refund")
	p.wait("document.querySelector('.more').open && document.querySelector('#comment').value === '\"refund\"'")
	p.wait("document.querySelector('.grid-body [title=\"1 comment\"]')")
	p.fill("#comment", "refu")
	p.showsResult(s, "comment=refu*")
	p.wait("new URL(location).searchParams.get('comment') === 'refu*'")
	p.fill("#comment", "nonsense")
	p.wait("document.querySelector('.note:not([hidden])')?.innerText.includes('No comment, and no word of a comment, " +
		"begins with')")
}
