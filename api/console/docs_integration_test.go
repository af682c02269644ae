//go:build integration

package console_test

import (
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestDocs: the page that shows the description of the API shows it in light and dark, by mouse and by
// keyboard, and asks nobody else for anything. What its policy forbids would be an error of the console.
func TestDocs(t *testing.T) {
	s := serve(t, build(t), "--demo", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"))
	b := newBrowser(t)
	const operation = "#operations-recordings-searchRecordings"
	for name, how := range map[string]look{"light": laptop, "dark": night, "phone": phone} {
		p := b.open(t, s, how)
		p.visit("/api/v2/docs")
		p.wait("document.querySelectorAll('.opblock').length > 60")
		if dark := evaluate[bool](p, "document.documentElement.matches('.dark-mode')"); dark != how.dark {
			t.Errorf("%s: dark is %t", name, dark)
		}
		p.shot("docs-" + name)

		// By keyboard: the operation is a button that opens it.
		p.do("document.querySelector('" + operation + " button.opblock-summary-control').focus()")
		p.key(kb.Enter)
		p.wait("document.querySelector('" + operation + " .opblock-description')?.innerText.includes('startTime=0')")
		p.wait("document.querySelectorAll('" + operation + " .parameters tr[data-param-name]').length > 15")
		p.shot("operation-" + name)

		if n := evaluate[int](p, "window.violations.length"); n != 0 {
			t.Errorf("%s: the policy was violated: %q", name, evaluate[[]string](p, "window.violations"))
		}
		elsewhere := evaluate[[]string](p, "performance.getEntriesByType('resource').map((e) => e.name)"+
			".filter((name) => !name.startsWith(location.origin + '/api/v2/'))")
		if len(elsewhere) > 0 {
			t.Errorf("%s: asked elsewhere: %q", name, elsewhere)
		}
	}
}

// TestDocsTries: the page sends a request as its user, who is signed in on the page for people, and shows
// the answer.
func TestDocsTries(t *testing.T) {
	s := serve(t, build(t), "--demo", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"))
	p := newBrowser(t).open(t, s, laptop)
	p.signIn(s, "admin", "/")
	const operation = "#operations-sign-in-whoAmI"
	p.visit("/api/v2/docs#/sign-in/whoAmI")
	p.click(operation + " .try-out__btn")
	p.click(operation + " .execute")
	p.wait("document.querySelector('" + operation + " .live-responses-table')?.innerText" +
		".includes('\"userName\": \"admin\"')")
	if n := evaluate[int](p, "window.violations.length"); n != 0 {
		t.Errorf("the policy was violated: %q", evaluate[[]string](p, "window.violations"))
	}
}
