//go:build integration

package console_test

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	downloads "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"recordings/api/archive"
)

// TestDownload selects calls, and saves their media as one file: the browser fetches it as any link, also
// where an administrator has several contact centers.
func TestDownload(t *testing.T) {
	files := newStorage(t)
	const secret = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$+H4vXYFWoXb2B34RuwJIpQ"
	users := fmt.Sprintf("- {name: both, password_hash: %q, role: admin, contact_centers: [%s, Zürich 2]}\n", secret,
		contactCenter)
	s := serveUsers(t, build(t), files, users)
	if err := os.Mkdir(filepath.Join(files.dir, "calls"), 0o700); err != nil {
		t.Fatal(err)
	}
	var all []string
	for i := range 5 {
		id := fmt.Sprint("call-", i)
		all = append(all, recording(id, time.Now().Add(-time.Duration(i+1)*time.Hour), func(r map[string]any) {
			m := r["mediaFiles"].([]any)[0].(map[string]any)
			if m["size"] = 4; i == 2 {
				m["pkcs7"] = "MIIB"
			}
		}))
		if i < 4 {
			files.add(t, fmt.Sprintf("calls/%x.wav", id))
		}
	}
	s.postAll(t, all)
	b := newBrowser(t)
	t.Run("some", func(t *testing.T) { testDownloadSome(t, s, b) })
	t.Run("found", func(t *testing.T) { testDownloadFound(t, s, b) })
	t.Run("of several contact centers", func(t *testing.T) { testDownloadChosen(t, s, b) })
}

// saving has the browser save what the page downloads, and returns where.
func (p *tab) saving() string {
	dir := p.t.TempDir()
	send(p, downloads.SetDownloadBehavior, downloads.SetDownloadBehaviorParams{
		Behavior: downloads.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir,
		BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	})
	return dir
}

// saved waits for the archive that the browser saves, and returns its manifest.
func (p *tab) saved(dir string) *archive.Manifest {
	p.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		names, err := filepath.Glob(filepath.Join(dir, "recordings-*.zip"))
		if err != nil {
			p.t.Fatal(err)
		}
		if len(names) == 0 {
			continue
		}
		text, err := os.ReadFile(names[0])
		if err != nil {
			p.t.Fatal(err)
		}
		if m, err := archive.Check(bytes.NewReader(text), int64(len(text))); err == nil {
			return m
		}
	}
	p.t.Fatal("nothing whole was saved")
	return nil
}

func testDownloadSome(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	dir := p.saving()
	p.signIn(s, "admin", "/?period=")
	p.settled()
	for _, row := range []int{3, 4, 6} { // of call-1, call-2 and call-4
		p.click(fmt.Sprintf(".grid-row[aria-rowindex='%d'] .pick", row))
	}
	p.clickText("Download…")
	p.wait("document.querySelector('dialog [role=status]')?.innerText === " +
		"'3 calls with 3 media files, about 1 kB.\\n\\nOne of the files is encrypted, and comes as it is stored.'")
	p.wait("document.activeElement.innerText === 'Download ZIP'")
	for name, how := range map[string]look{"light": laptop, "dark": night, "phone": phone, "zoomed": zoomed} {
		p.look(how)
		p.inspector()("download-" + name)
		if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			t.Errorf("at %d pixels the page is %d too wide", how.width, wide)
		}
	}
	p.look(laptop)

	p.key("\r") // the link has the focus
	p.wait("document.querySelector('dialog [role=status]').innerText.startsWith('Your browser saves it now')")
	p.shot("download-begun")
	m := p.saved(dir)
	recordings, files := m.Lacking()
	if m.Complete || len(m.Recordings) != 3 || recordings != 0 || files != 1 || m.User != "admin" {
		t.Errorf("the manifest is %+v", m)
	}
	for i, id := range []string{"call-1", "call-2", "call-4"} {
		if m.Recordings[i].ID != id {
			t.Errorf("recording %d is %s", i, m.Recordings[i].ID)
		}
	}
	p.clickText("Close")
	p.wait("!document.querySelector('dialog') && document.querySelectorAll('[aria-selected=true]').length === 3")
}

// testDownloadFound saves the media of all that a search finds, which is in the dialog of exporting.
func testDownloadFound(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.expect("400")
	dir := p.saving()
	p.signIn(s, "admin", "/?startTime="+
		url.QueryEscape(time.Now().Add(-150*time.Minute).UTC().Format(time.RFC3339)))
	p.wait("document.querySelectorAll('.grid-body .grid-row').length === 2")
	p.clickText("Export…")
	p.wait("document.querySelector('dialog .forms')")
	p.inspector()("export-media")
	p.do("[...document.querySelectorAll('.forms b')].find((b) => b.textContent === 'ZIP with the media').click()")
	p.wait("document.querySelector('dialog [role=status]')?.innerText === '2 calls with 2 media files, about 1 kB.'")
	p.wait("document.activeElement.innerText === 'Download ZIP'")
	p.key("\r")
	m := p.saved(dir)
	if !m.Complete || len(m.Recordings) != 2 || m.Recordings[0].ID != "call-0" || m.Recordings[1].ID != "call-1" {
		t.Errorf("the manifest is %+v", m)
	}
	p.clickText("Close")

	// More than one archive has are refused before anything is fetched.
	var many []string
	for i := range 1001 {
		many = append(many, recording(fmt.Sprint("many-", i), time.Now().AddDate(-2, 0, 0), nil))
	}
	s.postAll(t, many)
	p.visit("/?startTime=0")
	p.settled()
	p.clickText("Export…")
	p.wait("document.querySelector('dialog .forms')")
	p.do("[...document.querySelectorAll('.forms b')].find((b) => b.textContent === 'ZIP with the media').click()")
	p.wait("document.querySelector('dialog .problem')?.innerText.startsWith('More than 1,000 calls match')")
	p.wait("!document.querySelector('dialog a')")
	p.inspector()("download-too-many")
}

// testDownloadChosen downloads of the contact center that is chosen, which a link cannot say by a header.
func testDownloadChosen(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	dir := p.saving()
	p.signIn(s, "both", "/?period=&contactCenter="+contactCenter)
	p.settled()
	p.click(".grid-row[aria-rowindex='2'] .pick")
	p.clickText("Download…")
	p.wait("document.activeElement.innerText === 'Download ZIP'")
	if href := evaluate[string](p, "document.activeElement.href"); !strings.Contains(href, "contactCenterId=") {
		t.Errorf("the link is %s", href)
	}
	p.key("\r")
	if m := p.saved(dir); !m.Complete || len(m.Recordings) != 1 || m.Recordings[0].ID != "call-0" {
		t.Errorf("the manifest is %+v", m)
	}
}
