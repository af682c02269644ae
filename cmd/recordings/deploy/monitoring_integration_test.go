//go:build integration

package deploy_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/webdav"

	"recordings/cmd/recordings/internal/faulttest"
)

// program is the service as it is built for tests that start it often.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "recordings-program-")
	if err != nil {
		return "", err
	}
	leftovers = append(leftovers, dir)
	path := filepath.Join(dir, "recordings")
	if out, err := exec.Command("go", "build", "-o", path, "..").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return path, nil
})

// watched is a service that is watched, and what was seen: each scrape of its metrics stands for a
// minute.
type watched struct {
	*testing.T
	dir     string // of its data and backups
	config  string
	process *process
	client  *faulttest.Caller
	media   *httptest.Server
	told    *listener

	began   time.Time
	minutes int
	series  map[string]*samples
	posted  int
}

// watch starts a service in a directory, with further settings.
func watch(t *testing.T, dir string, settings ...string) *watched {
	t.Helper()
	w := &watched{T: t, dir: dir, series: map[string]*samples{}, began: time.Now()}
	for _, d := range []string{"media/calls", "backups"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	files := &webdav.Handler{FileSystem: webdav.Dir(filepath.Join(dir, "media")), LockSystem: webdav.NewMemLS()}
	w.media = httptest.NewServer(files)
	t.Cleanup(w.media.Close)
	write(t, filepath.Join(dir, "media", "calls", "0.wav"), strings.Repeat("RIFF", 1000))

	address, scheme := freePort(t), "http"
	if slices.ContainsFunc(settings, func(s string) bool { return strings.HasPrefix(s, "tls:") }) {
		scheme = "https"
	}
	w.config = write(t, filepath.Join(t.TempDir(), "recordings.yaml"), fmt.Sprintf(`listen: %s
region: us-west
data: %s/data
backup_directory: %s/backups
users:
- {name: ops, role: ops, password_hash: "%s"}
- {name: admin, role: admin, contact_center: %s, password_hash: "%s"}
storage: {webDAV: {default: "%s/", origins: [{url: "%s/"}]}}
%s
`, address, dir, dir, cheapHash, faulttest.ContactCenter, cheapHash, w.media.URL, w.media.URL,
		strings.Join(settings, "\n")))
	w.client = caller(t, scheme+"://"+address)
	w.told = listen(t, filepath.Join(socketDir(t), "notify"))
	w.start()
	return w
}

// socketDir is a directory whose name is short enough for a socket in it.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "recordings-notify-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// start starts the service, and waits until it is ready.
func (w *watched) start() {
	w.Helper()
	path, err := program()
	if err != nil {
		w.Fatal(err)
	}
	cmd := exec.Command(path, "serve", "--config", w.config)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+w.told.conn.LocalAddr().String(), "WATCHDOG_USEC=900000")
	w.process = spawn(w.T, cmd)
	ready(w.T, w.client, w.process)
}

// samples are the values of a series, minute by minute, as promtool reads them.
type samples struct {
	words   []string
	last    string
	minutes int
}

// hold adds a value that stands for some minutes; _ is none.
func (s *samples) hold(value string, minutes int) {
	word := fmt.Sprintf("%sx%d", value, minutes-1)
	if value == "_" {
		word = fmt.Sprintf("_x%d", minutes)
	}
	s.words, s.last, s.minutes = append(s.words, word), value, s.minutes+minutes
}

// scrape looks at the metrics, as Prometheus does every minute.
func (w *watched) scrape() {
	w.Helper()
	a, err := w.client.Call(w.Context(), "ops", http.MethodGet, "/metrics", nil)
	up := err == nil && a.Status == http.StatusOK
	w.sample(`up{job="recordings",instance="here"}`, map[bool]string{true: "1", false: "0"}[up])
	if up {
		for line := range strings.Lines(string(a.Body)) {
			name, value, ok := cutLast(strings.TrimSpace(line))
			if ok && !strings.HasPrefix(name, "#") && !strings.HasPrefix(name, "go_") {
				w.sample(labelled(name), w.shifted(name, value))
			}
		}
	}

	w.minutes++
	for _, s := range w.series {
		if s.minutes < w.minutes {
			s.hold("_", 1)
		}
	}
}

// sample notes a value at this minute.
func (w *watched) sample(name, value string) {
	s := w.series[name]
	if s == nil {
		s = new(samples)
		w.series[name] = s
		if w.minutes > 0 {
			s.hold("_", w.minutes)
		}
	}
	s.hold(value, 1)
}

// hold is some minutes in which nothing changes.
func (w *watched) hold(minutes int) {
	for _, s := range w.series {
		s.hold(s.last, minutes)
	}
	w.minutes += minutes
}

// cutLast cuts a line at its last blank.
func cutLast(line string) (before, after string, ok bool) {
	at := strings.LastIndexByte(line, ' ')
	if at < 0 {
		return line, "", false
	}
	return line[:at], line[at+1:], true
}

// labelled adds the labels of who was asked.
func labelled(name string) string {
	const who = `job="recordings",instance="here"`
	if at := strings.IndexByte(name, '{'); at >= 0 {
		return name[:at+1] + who + "," + name[at+1:]
	}
	return name + "{" + who + "}"
}

// shifted is a value as it were if the test had begun in 1970, as the minutes of promtool do.
func (w *watched) shifted(name, value string) string {
	if !strings.Contains(name, "_timestamp_seconds") && !strings.Contains(name, "start_time_seconds") {
		return value
	}
	seconds, err := strconv.ParseFloat(value, 64)
	if err != nil || seconds == 0 {
		return value
	}
	return strconv.FormatFloat(seconds-float64(w.began.Unix()), 'f', 3, 64)
}

// work is what the service does in an ordinary minute.
func (w *watched) work() {
	w.Helper()
	post(w.T, w.client, w.posted, w.posted+2)
	w.posted += 2
	w.read()
}

// read asks without writing.
func (w *watched) read() {
	w.Helper()
	call(w.T, w.client, "admin", "GET", "/api/v2/recordings?startTime=0&limit=5", "", 200)
	call(w.T, w.client, "admin", "GET", "/api/v2/recordings?userName=agent*&limit=5", "", 200)
	call(w.T, w.client, "admin", "GET", "/api/v2/recordings/call-0000", "", 200)
	call(w.T, w.client, "admin", "GET", w.mediaPath(), "", 200)
}

// mediaPath is where the audio of the first recording is.
func (w *watched) mediaPath() string {
	w.Helper()
	body := call(w.T, w.client, "admin", "GET", "/api/v2/recordings/call-0000", "", 200)
	_, uri, _ := strings.Cut(body, `"mediaUri":"`)
	uri, _, ok := strings.Cut(uri, `"`)
	if !ok {
		w.Fatalf("no mediaUri in %s", body)
	}
	return strings.TrimPrefix(uri, w.client.URL)
}

// ordinary are minutes as they should be.
func (w *watched) ordinary(minutes int) {
	w.Helper()
	for range minutes {
		w.work()
		w.scrape()
	}
}

// value is a sample as it is now; empty: there is none.
func (w *watched) value(name string) string {
	w.Helper()
	for line := range strings.Lines(call(w.T, w.client, "ops", "GET", "/metrics", "", 200)) {
		if n, value, _ := cutLast(strings.TrimSpace(line)); n == name {
			return value
		}
	}
	return ""
}

// above waits until a sample is above a number.
func (w *watched) above(name string, least float64) {
	w.Helper()
	until(w.T, fmt.Sprintf("%s is above %v", name, least), func() bool {
		value, err := strconv.ParseFloat(w.value(name), 64)
		return err == nil && value > least
	})
}

// alarms asks promtool which alarms are given at the end of what was seen, and whether there were none
// in the first minutes.
func (w *watched) alarms(quiet int, want ...string) {
	w.Helper()
	var b strings.Builder
	named := append(ownMetrics.FindAllString(readFile(w.T, "alarms.yaml"), -1), "up")
	rules, err := filepath.Abs("alarms.yaml")
	if err != nil {
		w.Fatal(err)
	}
	fmt.Fprintf(&b, "rule_files: [%q]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n", rules)
	for name, s := range w.series {
		metric, _, _ := strings.Cut(name, "{")
		if !slices.Contains(named, metric) {
			continue // no alarm looks at it, and promtool would take long to read it
		}
		fmt.Fprintf(&b, "  - series: '%s'\n    values: '%s'\n", name, strings.Join(s.words, " "))
	}

	// A range does not have the moment at its beginning.
	fmt.Fprintf(&b, "  promql_expr_test:\n  - eval_time: %dm\n    exp_samples: []\n    expr: "+
		"'group by (alertname) (last_over_time(ALERTS{alertstate=\"firing\"}[%dm]))'\n", quiet-1, quiet)
	fmt.Fprintf(&b, "  - eval_time: %dm\n    expr: 'group by (alertname) (ALERTS{alertstate=\"firing\"})'\n"+
		"    exp_samples:", w.minutes-1)
	slices.Sort(want)
	for _, name := range want {
		fmt.Fprintf(&b, "\n    - {labels: '{alertname=%q}', value: 1}", name)
	}
	if len(want) == 0 {
		b.WriteString(" []")
	}
	b.WriteString("\n")

	file := write(w.T, filepath.Join(w.TempDir(), "test.yaml"), b.String())
	out, err := exec.CommandContext(w.Context(), "promtool", "test", "rules", file).CombinedOutput()
	if err != nil {
		w.Errorf("promtool: %v\n%s", err, out)
	}
}

// TestAlarms gives each alarm by the fault that it is for, in a service that runs, and none before.
func TestAlarms(t *testing.T) {
	if _, err := program(); err != nil {
		t.Fatal(err)
	}
	run(t, ".", "promtool", "check", "rules", "alarms.yaml")
	rules := readFile(t, "alarms.yaml")

	// Its size is hardly used: what the services write there does not count beside it.
	disk := faulttest.NewDisk(t, "ext4", "100G")
	var mu sync.Mutex
	given := map[string]bool{}
	t.Run("Faults", func(t *testing.T) {
		for _, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(disk.Dir, f.name)
				if f.disk != "" {
					dir = faulttest.NewDisk(t, "ext4", f.disk).Dir
				}
				w := watch(t, dir, f.settings(t)...)
				w.ordinary(12)
				quiet := w.minutes
				f.cause(w)
				w.alarms(quiet, f.alarms...)
				w.process.kill()

				mu.Lock()
				defer mu.Unlock()
				for _, a := range f.alarms {
					given[a] = true
				}
			})
		}
	})
	for line := range strings.Lines(rules) {
		if _, name, ok := strings.Cut(line, "- alert: "); ok && !given[strings.TrimSpace(name)] {
			t.Errorf("%s was never given", strings.TrimSpace(name))
		}
	}
}

// fault is something that goes wrong, and the alarms that it gives.
type fault struct {
	name   string
	alarms []string
	disk   string // the size of a disk of its own; empty: it shares one
	with   func(*testing.T) []string
	cause  func(*watched)
}

func (f *fault) settings(t *testing.T) []string {
	if f.with == nil {
		return nil
	}
	return f.with(t)
}

var faults = []fault{
	{name: "Nothing", with: certificateFor(90 * 24 * time.Hour), cause: (*watched).nothing},
	{name: "Ended", alarms: []string{"RecordingsDown"}, cause: func(w *watched) {
		w.process.stop(w.T)
		for range 4 {
			w.scrape()
		}
	}},
	{name: "Crashes", alarms: []string{"RecordingsRestarts"}, cause: func(w *watched) {
		for range 3 {
			w.process.kill()
			w.start()
			w.ordinary(1)
		}
	}},
	{name: "DiskFails", alarms: []string{"RecordingsBroken", "RecordingsAuditUnavailable"},
		cause: (*watched).breakDisk},
	{name: "DiskFillsUp", alarms: []string{"RecordingsDiskFillsUp"}, disk: "2G", cause: func(w *watched) {
		for n := range 12 {
			w.fill(fmt.Sprintf("filler-%d", n), 50<<20)
			w.ordinary(1)
		}
		w.hold(70)
	}},
	{name: "DiskFull", alarms: []string{"RecordingsDiskFull", "RecordingsIndexLags"}, disk: "640M",
		cause: (*watched).fillDisk},
	{name: "SearchIndexLost", alarms: []string{"RecordingsDiskFull", "RecordingsNotReady", "RecordingsDamaged"},
		disk: "640M", cause: (*watched).loseSearchIndex},
	{name: "BitsRot", alarms: []string{"RecordingsDamaged"}, cause: func(w *watched) {
		w.restart()
		w.damage("records", "*.sst")
		call(w.T, w.client, "ops", "POST", "/api/v2/ops/verify", "", 200)
		w.above("recordings_verify_problems", 0)
		w.scrape()
	}},
	{name: "ReindexFails", alarms: []string{"RecordingsUpkeepFailed"}, cause: func(w *watched) {
		w.freeze("data/search")
		call(w.T, w.client, "ops", "POST", "/api/v2/ops/reindex", "", 200)
		w.above("recordings_reindex_failed", 0)
		w.scrape()
	}},
	{name: "BackupFails", alarms: []string{"RecordingsBackupFailed"}, cause: func(w *watched) {
		w.freeze("backups")
		call(w.T, w.client, "ops", "POST", "/api/v2/ops/backup", `{"name":"monday"}`, 200)
		w.above("recordings_backup_failed", 0)
		w.scrape()
	}},
	{name: "NobodyBacksUp", alarms: []string{"RecordingsBackupOld"}, cause: func(w *watched) {
		w.backUp()
		w.scrape()
		w.hold(36*60 + 20)
	}},
	{name: "StorageAway", alarms: []string{"RecordingsMediaErrors", "RecordingsServerErrors"}, cause: func(w *watched) {
		w.media.Close()
		for range 14 {
			a, err := w.client.Call(w.Context(), "admin", http.MethodGet, w.mediaPath(), nil)
			if err != nil || a.Status < 500 {
				w.Fatalf("playing what is away: %v %d %s", err, a.Status, a.Body)
			}
			w.scrape()
		}
	}},
	{name: "NoProcessor", alarms: []string{"RecordingsSlowSearches"}, cause: (*watched).starve,
		with: func(*testing.T) []string { return []string{"search_timeout: 10m"} }}, // slow is not given up
	{name: "Guessing", alarms: []string{"RecordingsLoginsRefused"}, cause: func(w *watched) {
		for range 10 {
			for range 20 {
				w.guess()
			}
			w.scrape()
		}
	}},
	{name: "FewFiles", alarms: []string{"RecordingsFilesRunOut"}, cause: func(w *watched) {
		open, err := strconv.ParseFloat(w.value("process_open_fds"), 64)
		if err != nil {
			w.Fatal(err)
		}
		pid := strconv.Itoa(w.process.cmd.Process.Pid)
		run(w.T, ".", "prlimit", "--pid", pid, fmt.Sprintf("--nofile=%d", int(open)+4))
		w.scrape()
		w.hold(12)
	}},
	{name: "OldCertificate", alarms: []string{"RecordingsCertificateExpires"},
		with: certificateFor(15 * 24 * time.Hour), cause: func(w *watched) { w.hold(26 * 60) }},
}

// nothing is what belongs to an ordinary day.
func (w *watched) nothing() {
	w.backUp()
	call(w.T, w.client, "ops", "POST", "/api/v2/ops/verify", "", 200)
	until(w.T, "it is verified", func() bool { return w.value("recordings_verify_running") == "0" })
	w.ordinary(2)
	w.guess()
	call(w.T, w.client, "admin", "GET", "/api/v2/recordings/none", "", 404)
	w.restart()
	w.ordinary(12)

	// What an alarm or the dashboard names is what a service really has.
	seen := map[string]bool{"up": true}
	for line := range strings.Lines(call(w.T, w.client, "ops", "GET", "/metrics", "", 200)) {
		name, _, _ := cutLast(strings.TrimSpace(line))
		name, _, _ = strings.Cut(name, "{")
		seen[name] = true
	}
	for _, file := range []string{"alarms.yaml", "dashboard.json"} {
		for _, name := range ownMetrics.FindAllString(readFile(w.T, file), -1) {
			// Storages have not failed yet, and nobody has made a mistake of theirs.
			if !seen[name] && name != "recordings_media_errors_total" {
				w.Errorf("%s names %s, which the service does not have", file, name)
			}
		}
	}
	w.hold(60)
}

// guess is a wrong password.
func (w *watched) guess() {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), http.MethodGet, w.client.URL+"/api/v2/me", nil)
	if err != nil {
		w.Fatal(err)
	}
	r.SetBasicAuth("admin", "guessed")
	resp, err := w.client.HTTP.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != 401 && resp.StatusCode != 429 {
		w.Errorf("guessing: %v %d", err, resp.StatusCode)
	}
}

// backUp makes a backup.
func (w *watched) backUp() {
	w.Helper()
	call(w.T, w.client, "ops", "POST", "/api/v2/ops/backup", `{"name":"monday"}`, 200)
	w.above("recordings_backup_ended_timestamp_seconds", 0)
	if w.value("recordings_backup_failed") != "0" {
		w.Errorf("the backup failed:\n%s", w.process.log)
	}
}

// certificateFor makes a certificate that is good for so long.
func certificateFor(life time.Duration) func(*testing.T) []string {
	return func(t *testing.T) []string {
		dir := t.TempDir()
		faulttest.WriteCertificateFor(t, dir, life)
		return []string{fmt.Sprintf("tls: {certificate: %[1]s/cert.pem, key: %[1]s/key.pem}", dir)}
	}
}

// fill writes a file onto the disk of the service.
func (w *watched) fill(name string, bytes int64) {
	w.Helper()
	run(w.T, w.dir, "fallocate", "-l", strconv.FormatInt(bytes, 10), filepath.Join(w.dir, name))
}

// fillUp leaves too little of the disk for recordings, and enough for the audit log.
func (w *watched) fillUp() {
	w.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(w.dir, &s); err != nil {
		w.Fatal(err)
	}
	w.fill("filler", int64(s.Bavail)*s.Bsize-64<<20)
}

// fillDisk fills the disk while recordings are posted, and goes on until one is refused: the search index
// cannot take the last ones then.
func (w *watched) fillDisk() {
	for lags := false; !lags; {
		w.fillUp()
		for status := http.StatusOK; status != http.StatusInsufficientStorage; w.posted++ {
			a, err := w.client.Post(w.Context(), faulttest.RecordingOf(fmt.Sprintf("call-%04d", w.posted), w.posted))
			if status = a.Status; err != nil || status != http.StatusOK && status != http.StatusInsufficientStorage {
				w.Fatalf("posting: %v %d %s", err, a.Status, a.Body)
			}
		}

		until(w.T, "the search index lags, or has all", func() bool {
			age, err := strconv.ParseFloat(w.value("recordings_pending_age_seconds"), 64)
			lags = err == nil && age > 60
			return lags || w.value("recordings_pending_changes") == "0"
		})
		if !lags { // it has just taken the very last one: once more
			if err := os.Remove(filepath.Join(w.dir, "filler")); err != nil {
				w.Fatal(err)
			}
			until(w.T, "there is space again", func() bool { return w.value("recordings_disk_full") == "0" })
		}
	}
	for range 8 {
		w.read()
		w.scrape()
	}
}

// postMany posts a batch.
func (w *watched) postMany() {
	w.Helper()
	var lines strings.Builder
	for n := range 3000 {
		fmt.Fprintf(&lines, "%s\n", encoded(w.T, w.posted+n))
	}
	if v := w.client.PostBatch(w.Context(), []byte(lines.String())); len(v) != 3000 {
		w.Fatalf("%d verdicts", len(v))
	}
}

// restart has everything written to files.
func (w *watched) restart() {
	w.Helper()
	w.process.stop(w.T)
	w.start()
}

// damage changes a byte in the middle of each file of the data directory whose path is like that, behind
// the back of the service that has it open.
func (w *watched) damage(like ...string) {
	w.Helper()
	var paths []string
	until(w.T, "there are such files", func() bool {
		paths, _ = filepath.Glob(filepath.Join(append([]string{w.dir, "data"}, like...)...))
		return len(paths) > 0
	})
	for _, path := range paths {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			w.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			w.Fatal(err)
		}
		b := []byte{0}
		_, err = f.ReadAt(b, info.Size()/2)
		b[0] ^= 0xff
		if err == nil {
			_, err = f.WriteAt(b, info.Size()/2)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			w.Fatal(err)
		}
	}
}

// loseSearchIndex has the service find out that its search index is damaged, and lets it have no room
// for a new one.
func (w *watched) loseSearchIndex() {
	w.postMany() // fewer would be in memory only
	w.restart()
	w.fillUp()
	w.above("recordings_disk_full", 0)

	// What is merged just then is read before it is damaged, and leaves nothing damaged behind: once more.
	for lost := false; !lost; {
		w.damage("search", "*", "store", "*.zap")
		call(w.T, w.client, "ops", "POST", "/api/v2/ops/verify?repair=true", "", 200)
		until(w.T, "it is verified", func() bool { return w.value("recordings_verify_running") == "0" })
		lost = w.value("recordings_index_ready") == "0"
	}
	w.scrape()
	w.hold(8)
}

// freeze makes a directory one in which nothing can be made any more, not even by root.
func (w *watched) freeze(name string) {
	w.Helper()
	path := filepath.Join(w.dir, name)
	run(w.T, ".", "chattr", "+i", path)
	w.Cleanup(func() { command(w.T, exec.Command("chattr", "-i", path)) }) // its context has ended by then
}

// breakDisk lets every sync of the service fail from now on. It gives no sign of life any more then.
func (w *watched) breakDisk() {
	w.process.await(w.T, w.told, "WATCHDOG=1", 3)
	// The file systems of others are none of its business: it looks at this process alone.
	strace := exec.Command("strace", "-f", "-qq", "-p", strconv.Itoa(w.process.cmd.Process.Pid), "-o", os.DevNull,
		"-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO")
	tracer := spawn(w.T, strace)
	until(w.T, "the disk fails", func() bool {
		w.posted++ // what is stored already is not written again
		a, err := w.client.Post(w.Context(), faulttest.RecordingOf("last", w.posted))
		return err == nil && a.Status == http.StatusServiceUnavailable
	})
	until(w.T, "the audit log cannot be written", func() bool {
		a, err := w.client.Call(w.Context(), "admin", http.MethodGet, w.mediaPath(), nil)
		return err == nil && a.Status == http.StatusServiceUnavailable
	})
	w.scrape()
	w.hold(3)
	tracer.kill()

	// The signs that were under way arrive first. No later one comes, for several times of the watchdog.
	w.told.forget()
	before := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for time.Since(before) < 3*time.Second {
		<-tick.C
		if n, _ := w.told.count("WATCHDOG=1"); n > 1 {
			w.Fatal("a service that cannot write gives signs of life")
		}
	}
	if !strings.Contains(w.process.log.String(), "no sign of life is given to the supervisor") {
		w.Errorf("the log does not say so:\n%s", w.process.log)
	}
}

// starve lets the service have hardly any time of a processor while it is searched.
func (w *watched) starve() {
	w.postMany() // a page of which takes about as long as what is left of the time
	for range 8 {
		var searches sync.WaitGroup
		for range 8 {
			searches.Go(func() {
				const agents = "/api/v2/recordings?userName=agent*&limit=100"
				a, err := w.client.Call(w.Context(), "admin", "GET", agents, nil)
				if err != nil || a.Status != 200 {
					w.Errorf("searching: %v %d", err, a.Status)
				}
			})
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			searches.Wait()
		}()
		for running := true; running; {
			_ = w.process.cmd.Process.Signal(syscall.SIGSTOP)
			time.Sleep(1200 * time.Millisecond)
			_ = w.process.cmd.Process.Signal(syscall.SIGCONT)
			select {
			case <-ended:
				running = false
			case <-time.After(8 * time.Millisecond):
			}
		}
		w.scrape()
	}
}
