//go:build integration

package console_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestAccess looks at the page as each role: what one may not do is not there.
func TestAccess(t *testing.T) {
	const secret = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$+H4vXYFWoXb2B34RuwJIpQ"
	users := ""
	for name, settings := range map[string]string{
		"auditor": "role: auditor, contact_centers: [" + contactCenter + "]",
		"machine": "role: recorder, contact_centers: [" + contactCenter + "]",
		"both":    "role: admin, contact_centers: [" + contactCenter + ", Zürich 2]",
		"local":   "role: ops, contact_centers: [" + contactCenter + "]",
	} {
		users += fmt.Sprintf("- {name: %s, %s, password_hash: %q}\n", name, settings, secret)
	}
	s := serveUsers(t, build(t), newStorage(t), users)
	s.call(t, "ops", "POST", opsPath, recording("here", time.Now().Add(-time.Hour), nil))
	s.call(t, "ops", "POST", "/api/v2/ops/contact-centers/Z%C3%BCrich%202/recordings",
		recording("there", time.Now().Add(-time.Hour), nil))
	b := newBrowser(t)

	t.Run("several contact centers", func(t *testing.T) { testSeveral(t, s, b) })
	t.Run("roles", func(t *testing.T) { testRoles(t, s, b) })
	t.Run("account", func(t *testing.T) { testAccount(t, s, b) })
	t.Run("listened", func(t *testing.T) { testListened(t, s, b) })
}

// testSeveral: an administrator of several contact centers chooses one, which is kept; a link names its.
func testSeveral(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.expect("404") // the media is not there
	p.expect("502")
	p.signIn(s, "both", "/?period=")
	p.settled()
	shows := func(id, center string) {
		t.Helper()
		p.wait(fmt.Sprintf("document.querySelector('.row-link')?.href.includes('recording=%s') && "+
			"document.querySelector('.center-name').textContent === %q", id, center))
	}
	shows("here", contactCenter)

	p.click(".center")
	p.wait("document.querySelectorAll('dialog .centers button').length === 2 && !document.querySelector('#center')")
	p.inspector()("several-centers")
	p.clickText("Zürich 2")
	shows("there", "Zürich 2")
	p.wait(drawn + " && document.querySelectorAll('.chart .bar').length === 1")
	p.click(".row-link")
	p.wait("document.querySelector('.timeline')")
	if link := evaluate[string](p, "document.querySelector('.call-bar a[data-file]').href"); !strings.Contains(link,
		"contactCenterId=Z%C3%BCrich+2") {
		t.Error("the download does not name its contact center")
	}

	p.visit("/") // it is remembered
	shows("there", "Zürich 2")
	p.visit("/?contactCenter=" + contactCenter + "&period=")
	shows("here", contactCenter)
	p.visit("/?contactCenter=elsewhere&period=")
	p.wait("document.querySelector('.problems')?.innerText.includes('none of your contact centers')")
}

// testRoles: each role sees what it may do, and nothing else.
func testRoles(t *testing.T, s *service, b *browser) {
	for _, x := range []struct{ user, bar string }{
		{"ops", "Calls Operations Audit"}, {"local", "Calls Operations Audit"}, {"admin", "Calls Audit"},
		{"auditor", ""},
	} {
		p := b.open(t, s, laptop)
		p.signIn(s, x.user, "/?view=audit")
		p.wait("document.querySelectorAll('.lines tbody tr').length > 0")
		bar := evaluate[string](p, "[...document.querySelectorAll('.top nav a')].map((a) => a.text).join(' ')")
		if bar != x.bar {
			t.Errorf("%s sees %q, want %q", x.user, bar, x.bar)
		}
		p.inspector()("audit-" + x.user)

		p.visit("/?view=operations")
		switch x.user {
		case "ops":
			p.wait("document.querySelector('[aria-label=\"Search index\"]')")
		case "local": // the search index is of others, too
			p.wait("document.querySelector('[aria-label=\"Media left behind\"]')")
			if evaluate[bool](p, "document.querySelector('[aria-label=\"Search index\"]') !== null") {
				t.Error("operations of one contact center see the search index of all")
			}
		case "admin":
			p.settled()
		case "auditor":
			p.wait("document.querySelectorAll('.lines tbody tr').length > 0")
		}
	}

	p := b.open(t, s, laptop)
	p.visit("/")
	p.fill("#user", "machine")
	p.fill("#password", "secret\r")
	p.wait("document.querySelector('main').innerText.includes('posts recordings and sees none of them')")
	p.inspector()("recorder")
	p.clickText("Sign out")
	p.wait("document.activeElement?.id === 'user'")
}

// testAccount: somebody sees the own sign-ins, and ends the sessions of all devices.
func testAccount(t *testing.T, s *service, b *browser) {
	here, there := b.open(t, s, laptop), b.open(t, s, phone)
	for _, p := range []*tab{here, there} {
		p.expect("401")
		p.signIn(s, "admin", "/")
		p.settled()
	}
	for name, how := range map[string]look{"light": laptop, "dark": night, "phone": phone} {
		here.look(how)
		here.click(".who")
		here.wait("document.querySelectorAll('dialog .sign-ins li').length > 1 && " +
			"document.querySelector('dialog .sign-ins li').textContent.includes('on the page')")
		here.inspector()("account-" + name)
		here.do("document.querySelector('dialog').close()")
		here.wait("!document.querySelector('dialog')")
	}
	here.click(".who")
	here.clickText("Sign out everywhere")
	here.wait("document.activeElement?.id === 'user'")
	there.visit("/?period=")
	there.wait("document.activeElement?.id === 'user'")
}

// testListened: who has listened to a call is told on it.
func testListened(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.expect("404")
	p.expect("502")
	p.signIn(s, "admin", "/?recording=here")
	p.wait("document.querySelector('.timeline')")
	p.do("document.querySelector('.listened summary').click()")
	// Its media is not there: it was asked for to be drawn, and nobody has listened.
	p.wait("document.querySelector('.listened').innerText.includes('Nobody, as far as the audit log goes back.')")
	p.wait("document.querySelector('.drawn').textContent.includes('had it drawn')")
	p.do("document.querySelector('.listened').scrollIntoView()")
	p.inspector()("listened")
}
