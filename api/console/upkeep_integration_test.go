//go:build integration

package console_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// TestUpkeep compares calls with their storage, looks after labels, and sees how the service is, with the mouse and
// by keys.
func TestUpkeep(t *testing.T) {
	files := newStorage(t)
	s := serveWith(t, build(t), files, "backup_directory: "+t.TempDir())
	b := newBrowser(t)
	t.Run("reconciling", func(t *testing.T) { testReconciling(t, s, b, files) })
	t.Run("labels", func(t *testing.T) { testLabelDefinitions(t, s, b) })
	t.Run("health", func(t *testing.T) { testHealth(t, s, b) })
}

// inAllLooks has axe look at a view in both themes and on a telephone, where nothing is too wide.
func inAllLooks(p *tab, name string) {
	p.t.Helper()
	inspect := p.inspector()
	for which, how := range map[string]look{"light": laptop, "dark": night, "phone": phone} {
		p.look(how)
		inspect(name + "-" + which)
		if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			p.t.Errorf("%s at %d pixels is %d too wide", name, how.width, wide)
		}
	}
	p.look(laptop)
}

// testReconciling compares, while it is looked on, and finds what is missing and what nobody names.
func testReconciling(t *testing.T, s *service, b *browser, files *storage) {
	for _, id := range []string{"there", "gone"} {
		s.call(t, "ops", "POST", opsPath, recording(id, time.Now().Add(-time.Hour), func(r map[string]any) {
			m := r["mediaFiles"].([]any)[0].(map[string]any)
			m["mediaDescriptor"] = map[string]any{"storage": "webDAV", "path": id + ".wav"}
		}))
	}
	files.add(t, "there.wav")
	files.add(t, "unnamed.wav")
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(filepath.Join(files.dir, "unnamed.wav"), old, old); err != nil {
		t.Fatal(err)
	}

	p := b.open(t, s, laptop)
	p.expect("404")
	p.signIn(s, "ops", "/?view=operations")
	says := func(words string) {
		t.Helper()
		p.wait(fmt.Sprintf("document.querySelector('[aria-label=Reconciliation]')?.innerText.includes(%q)", words))
	}
	says("Nothing was compared yet.")
	p.do("document.querySelector('[aria-label=Reconciliation] .card-head button').focus()")
	p.key("\r")
	says("2 media files: 1 missing, 0 of another size, 0 that could not be asked for")
	says("2 objects: 1 that no recording names")
	p.wait("document.activeElement.textContent === 'Compare'")
	p.do("document.querySelector('[aria-label=Reconciliation]').scrollIntoView()")
	inAllLooks(p, "reconciled")
	lines := evaluate[string](p,
		"fetch(document.querySelector('[aria-label=Reconciliation] a').href).then((r) => r.text())")
	for _, want := range []string{`"kind":"missing","id":"gone"`, `"kind":"unnamed"`} {
		if !strings.Contains(lines, want) {
			t.Errorf("the report lacks %s: %s", want, lines)
		}
	}
	p.visit("/?recording=gone")
	p.wait("document.querySelector('.recording')?.innerText.includes('missing')")
	if !files.has("unnamed.wav") {
		t.Error("something was deleted")
	}
}

// testLabelDefinitions creates, changes and deletes labels, one of which calls bear.
func testLabelDefinitions(t *testing.T, s *service, b *browser) {
	p := b.open(t, s, laptop)
	p.signIn(s, "ops", "/?view=operations")
	says := func(words string) {
		t.Helper()
		p.wait(fmt.Sprintf("!document.querySelector('dialog') && "+
			"document.querySelector('[aria-label=Labels]')?.innerText.includes(%q)", words))
	}
	says("There are no labels yet.")
	p.clickText("New label…")
	p.wait("document.activeElement.closest('dialog')")
	inAllLooks(p, "new-label")
	p.expect("400")
	p.fill("#new-label", "two words\r")
	p.wait("document.querySelector('dialog [role=alert]').innerText.includes('name is not a name')")
	p.fill("#new-label", "complaint")
	p.fill("#label-display", "Complaint <b>")
	p.fill("#label-about", "Of customers\r") // by keys alone
	says("Complaint <b>")
	p.expect("409")
	p.clickText("New label…")
	p.fill("#new-label", "COMPLAINT\r")
	p.wait("document.querySelector('dialog [role=alert]').innerText.includes('defined already')")
	p.clickText("Cancel")
	p.wait("!document.querySelector('dialog')")

	p.click("[aria-label='Change Complaint <b>']")
	p.wait("document.querySelector('#label-about').value === 'Of customers'")
	p.fill("#label-display", "Beschwerde\r")
	says("Beschwerde")

	s.call(t, "ops", "POST", opsPath, recording("borne", time.Now().Add(-time.Hour), nil))
	s.call(t, "ops", "POST", opsPath, `{"operationName":"addLabel","name":"complaint","recordings":["borne"]}`)
	p.do("document.querySelector('[aria-label=Labels]').scrollIntoView()")
	inAllLooks(p, "labels")
	p.click("[aria-label='Delete Beschwerde']")
	p.wait("document.querySelector('dialog .danger')")
	p.click("dialog .danger")
	p.wait("document.querySelector('dialog [role=alert]').innerText.includes('1 recording bears the label') && " +
		"document.activeElement.id === 'label-force'")
	inAllLooks(p, "label-borne")
	p.key(" ")
	p.wait("document.querySelector('#label-force').checked")
	p.key("\r")
	says("There are no labels yet.")
	if ids := s.found(t, "label=complaint"); len(ids) > 0 {
		t.Errorf("it is still borne by %q", ids)
	}
}

// TestLookingIsNotListening: whoever opens a call has its sound drawn, and has not listened to it before
// they play it.
func TestLookingIsNotListening(t *testing.T) {
	files := newStorage(t)
	s := serveWith(t, build(t), files)
	if err := os.WriteFile(filepath.Join(files.dir, "tones.wav"), tones(10), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"drawn", "long"} {
		s.call(t, "ops", "POST", opsPath, recording(id, time.Now().Add(-9*time.Hour), func(r map[string]any) {
			m := r["mediaFiles"].([]any)[0].(map[string]any)
			m["mediaDescriptor"] = map[string]any{"storage": "webDAV", "path": "tones.wav"}
			if id == "long" { // by its times: then it is not fetched to be drawn, and its length is looked for
				m["stopTime"] = time.Now().UTC().Format(time.RFC3339Nano)
			}
		}))
	}
	entries := func(action, id string) int {
		t.Helper()
		query := url.Values{"action": {action}, "recording": {id}}
		return int(s.call(t, "admin", "GET", "/api/v2/audit?"+query.Encode(), "")["count"].(float64))
	}

	b := newBrowser(t)
	p := b.open(t, s, laptop)
	p.signIn(s, "admin", "/?recording=drawn")
	p.wait("(document.querySelector('.file .wave')?.height ?? 150) !== 150")
	p.do("document.querySelector('[role=slider]').focus()")
	p.do("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', " +
		"{ key: 'ArrowRight', bubbles: true, cancelable: true }))") // to look further on is not to listen
	p.visit("/?recording=long")
	p.wait("document.querySelector('.recording')?.innerText.includes('0:10 of audio')")
	for _, id := range []string{"drawn", "long"} {
		if n := entries("play", id); n != 0 {
			t.Errorf("%s was only looked at, and the log says that it was played: %d entries", id, n)
		}
		if n := entries("preview", id); n == 0 {
			t.Errorf("bytes of %s were given out, and the log has nothing of it", id)
		}
	}

	p.visit("/?recording=drawn")
	p.wait("(document.querySelector('.file .wave')?.height ?? 150) !== 150")
	p.click(".play")
	p.wait("document.querySelector('.play')?.getAttribute('aria-label') === 'Pause'")
	p.wait("parseFloat(document.querySelector('[role=slider]').getAttribute('aria-valuenow')) > 0")
	if n := entries("play", "drawn"); n != 1 {
		t.Errorf("it is being played, and the log has %d entries of that", n)
	}
	p.click(".listened summary")
	p.wait("document.querySelector('.listened > div > table, .listened table')?.innerText.includes('began to play it')")
	p.do("document.querySelector('.drawn').open = true")
	p.wait("document.querySelector('.drawn').innerText.includes('had it drawn')")
	p.do("document.querySelector('.listened').scrollIntoView()")
	inAllLooks(p, "listened-and-drawn")

	testGoneMeanwhile(p, s, files)
}

// testGoneMeanwhile jumps into files that went after the call was drawn: it is said, and what is behind them is
// played, if there is something.
func testGoneMeanwhile(p *tab, s *service, files *storage) {
	start := time.Now().Add(-9 * time.Hour)
	s.call(p.t, "ops", "POST", opsPath, recording("parted", start, func(r map[string]any) {
		var parts []any
		for i, name := range []string{"begin", "middle", "end"} {
			if err := os.WriteFile(filepath.Join(files.dir, name+".wav"), tones(10), 0o600); err != nil {
				p.t.Fatal(err)
			}
			at := func(seconds int) string {
				return start.Add(time.Duration(seconds) * time.Second).UTC().Format(time.RFC3339Nano)
			}
			parts = append(parts, map[string]any{
				"mediaDescriptor": map[string]any{"storage": "webDAV", "path": name + ".wav"},
				"callUUID":        name, "startTime": at(10 * i), "stopTime": at(10*i + 10), "type": "audio/wav",
			})
		}
		r["mediaFiles"] = parts
	}))
	p.expect("404")
	for _, x := range []struct {
		gone, from, then string
		problems         int
	}{
		{"middle", "3", "Number(document.querySelector('[role=slider]').getAttribute('aria-valuenow')) >= 21", 1},
		{"end", "20", "document.querySelector('.play').getAttribute('aria-label') === 'Play'", 2},
	} {
		p.visit("/?view=audit") // what differs by its moment alone is no other page
		p.visit("/?recording=parted#t=" + x.from)
		p.wait(fmt.Sprintf("[...document.querySelectorAll('.file')].filter((f) => "+
			"(f.querySelector('.wave')?.height ?? 150) !== 150).length === %d", 4-x.problems))
		if err := os.Remove(filepath.Join(files.dir, x.gone+".wav")); err != nil {
			p.t.Fatal(err)
		}
		p.click(".play")
		p.wait("document.querySelector('.play').getAttribute('aria-label') === 'Pause'")
		p.key(kb.ArrowRight)
		p.wait(fmt.Sprintf("[...document.querySelectorAll('.file-problem')]"+
			".filter((x) => x.innerText.includes('missing')).length === %d", x.problems))
		p.wait(x.then)
		p.do("window.later = false; setTimeout(() => { window.later = true; }, 1000)")
		p.wait("window.later")
		if words := p.text(".buffering"); words != "" {
			p.t.Errorf("%s.wav is gone, and the page says %q", x.gone, words)
		}
	}
}

// testHealth sees at a glance how the service is doing, verifies and makes a backup, each asked once.
func testHealth(t *testing.T, s *service, b *browser) {
	s.call(t, "ops", "POST", opsPath, recording("counted", time.Now().Add(-time.Hour), nil))
	p := b.open(t, s, laptop)
	p.signIn(s, "ops", "/?view=operations")
	tile := func(name, words string) {
		t.Helper()
		p.wait(fmt.Sprintf("!document.querySelector('dialog') && "+
			"[...document.querySelectorAll('.tiles > div')].some((x) => x.querySelector('dt').innerText === %q && "+
			"x.querySelector('dd').innerText.includes(%q))", name, words))
	}
	p.wait("document.querySelector('.health-status')?.innerText === 'Searches are answered.'")
	n := s.call(t, "ops", "GET", "/api/v2/ops/status", "")["status"].(map[string]any)["recordings"].(float64)
	tile("Recordings", fmt.Sprint(n))
	tile("Disk", " free")
	tile("Last backup", "There is none")
	tile("Last verification", "None since the service started")
	tile("Jobs", "none")
	p.wait("!document.querySelector('.tiles').innerText.includes('Cluster')") // it is one machine
	users := "[...document.querySelectorAll('.users tbody tr')].map((r) => r.innerText.replace(/\\s+/g, ' ')).join('|')"
	p.wait(users + ".includes('ops password ops all ')")
	if shown := evaluate[string](p, users); !regexp.MustCompile(
		`admin password admin ` + contactCenter + ` (not since|\d+ \w+ ago).*\|ops password ops all \d+ \w+ ago`).
		MatchString(shown) {
		t.Errorf("the users are %s", shown)
	}
	p.wait("[...document.querySelectorAll('.hour > div')].map((x) => x.querySelector('p').innerText).join() === " +
		"'Searches,Time of 99 % of the searches,Posts,Errors of the service'")
	p.wait("[...document.querySelectorAll('.hour polyline')].every((x) => x.getAttribute('points').split(' ').length " +
		"=== 60)")

	p.clickText("Verify…")
	p.wait("document.querySelector('dialog')?.innerText.includes('Nothing is changed.')")
	inAllLooks(p, "verify-question")
	p.clickText("Verify")
	tile("Last verification", fmt.Sprintf("%v recordings, all is well", n))
	p.wait("document.querySelector('.tiles [title]')?.title.startsWith('done: all is well: ')")
	p.clickText("Back up…")
	p.wait("document.querySelector('dialog[open] .primary')")
	p.clickText("Cancel")
	tile("Last backup", "There is none")
	p.clickText("Back up…")
	p.wait("document.querySelector('dialog[open] .primary')")
	p.do("document.querySelector('dialog[open] .primary').focus()")
	p.key("\r")
	tile("Last backup", fmt.Sprintf("with %v recording", n))
	p.do("document.querySelector('.health').scrollIntoView()")
	inAllLooks(p, "health")

	// What is wrong stands out, as it would be told.
	p.do(`window.real = fetch; window.fetch = async (path, ...more) => {
		if (!String(path).endsWith('ops/status')) return window.real(path, ...more);
		const answer = await (await window.real(path, ...more)).json();
		answer.status.lastHour.errors[58] = 3;
		Object.assign(answer.status, { ready: false, reason: 'the disk is full', diskFull: true, storageErrors: 7 });
		Object.assign(answer.status.jobs.deletions, { running: 2, unconfirmed: 1 });
		answer.status.jobs.reconciliations.waiting = 1;
		answer.status.cluster = { health: 'yellow', nodes: 2, shards: 24, moving: 1, starting: 2, unassigned: 12 };
		Object.assign(answer.status.verify, { phase: 'failed', problems: 2, verdict: 'failed: <b>two' });
		return new Response(JSON.stringify(answer));
	}`)
	p.wait("document.querySelector('.health-status.bad')?.innerText === 'the disk is full'")
	p.wait("document.querySelector('.hour .bad')?.innerText.includes('3 in the last minute, at most 3')")
	tile("Errors of storages in 15 minutes", "7")
	tile("Last verification", ": 2 problems")
	tile("Jobs", "1 deletion is to be confirmed; 2 deletions run; 1 reconciliation waits")
	tile("Cluster", "2 nodes; 12 copies of shards are missing; 3 shards are being copied")
	p.wait("document.querySelector('.tiles .bad[title]')?.title === 'failed: <b>two'")
	inAllLooks(p, "health-bad")
	p.do("window.fetch = window.real")
}
