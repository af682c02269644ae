//go:build integration

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"recordings/cmd/recordings/internal/faulttest"
	"recordings/mapping"
)

// TestSystemCalls lets a system call of the service fail, the Nth of its kind or all from then on,
// while it starts on a new data directory or on one with recordings, and while clients write.
// Whatever comes of it: what was acknowledged is there, what was not written for certain is
// answered so, reads go on as long as the process lives, and a start without faults mends
// everything.
func TestSystemCalls(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatalf("this test needs strace: %v", err)
	}

	if _, err := plainBinary(); err != nil {
		t.Fatal(err)
	}

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	filled := fillDirectory(t)
	counts := [2]map[string]int{countCalls(t, ""), countCalls(t, filled)}
	s := &faultTally{}
	t.Run("Points", func(t *testing.T) {
		for n := range faulttest.Times(t, 300) {
			kind := faultKinds[n%len(faultKinds)]
			old := random.IntN(2)
			calls := counts[old][kind.call]
			if calls == 0 {
				continue
			}

			f := &faultPoint{faultKind: kind, nth: 1 + random.IntN((3*calls+3)/4), forGood: n/len(faultKinds)%2 == 1,
				seed: random.Uint64(), tally: s}
			if old == 1 {
				f.from = filled
			}

			t.Run(fmt.Sprint(n, f), func(t *testing.T) {
				t.Parallel()
				f.T = t
				f.run()
			})
		}
	})

	t.Logf("%d faults hit: %d times the service did not start, %d times it ended, %d times it answered that it does "+
		"not know; %d writes were acknowledged, %d reads answered",
		s.hit.Load(), s.unstarted.Load(), s.died.Load(), s.unknown.Load(), s.acknowledged.Load(), s.reads.Load())
	if int(s.hit.Load()) < faulttest.Times(t, 200) || s.acknowledged.Load() < 2000 {
		t.Errorf("that is too little to prove anything; the calls counted before were %v", counts)
	}
}

// faultKind is a system call, and how it fails.
type faultKind struct{ call, error string }

var faultKinds = []faultKind{
	{"fsync", "EIO"}, {"fdatasync", "EIO"}, {"write", "EIO"}, {"pwrite64", "EIO"}, {"openat", "EMFILE"}, {"renameat",
		"EIO"}, {"unlinkat", "EIO"}, {"ftruncate", "EIO"},
	{"fsync", "ENOSPC"}, {"fdatasync", "ENOSPC"}, {"write", "ENOSPC"}, {"pwrite64", "ENOSPC"}, {"openat", "ENOSPC"},
	{"renameat", "ENOSPC"}, {"openat", "EIO"}, {"fdatasync", "EIO"},
}

// faultTally counts what happened.
type faultTally struct {
	hit, unstarted, died, unknown, acknowledged, reads atomic.Int64
}

// faultPoint is one fault, and the service that it happens to.
type faultPoint struct {
	*testing.T
	faultKind
	nth     int
	forGood bool
	from    string // the data directory to begin with is a copy of this; empty: there is none
	seed    uint64
	tally   *faultTally

	client  *faulttest.Caller
	history *faulttest.History
}

func (f *faultPoint) String() string {
	text := fmt.Sprintf("%s-%s-%d", f.call, f.error, f.nth)
	if f.forGood {
		text += "-on"
	}
	if f.from != "" {
		text += "-filled"
	}
	return text
}

// kept is a recording that the filled directory has.
const kept = "kept"

// fillDirectory makes a data directory with some recordings.
func fillDirectory(t *testing.T) string {
	t.Helper()
	file, data := setup(t)
	p := serveFile(t, file)
	c := &faulttest.Caller{HTTP: newClient(t), URL: p.url(t)}
	for i := range 50 {
		if a, err := c.Post(t.Context(), faulttest.RecordingOf(fmt.Sprint(kept, i), 100_000+i)); err != nil ||
			a.Status != http.StatusOK {
			t.Fatalf("%v %d %s", err, a.Status, a.Body)
		}
	}

	p.kill()
	return data
}

// countCalls runs the service without faults, and counts the system calls that it makes.
func countCalls(t *testing.T, from string) map[string]int {
	t.Helper()
	f := &faultPoint{T: t, from: from, tally: &faultTally{}}
	file := f.prepare()
	trace := filepath.Join(t.TempDir(), "trace")
	var calls []string
	for _, kind := range faultKinds {
		calls = append(calls, kind.call)
	}

	p := f.trace(file, "-o", trace, "-e", "trace="+strings.Join(calls, ","))
	if !f.answers(p) {
		t.Fatalf("the service does not start:\n%s", p.log)
	}

	f.load()
	p.kill()
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}

	counts := map[string]int{}
	for _, call := range calls {
		counts[call] = bytes.Count(text, []byte(" "+call+"("))
	}

	return counts
}

// prepare makes the data directory.
func (f *faultPoint) prepare() (file string) {
	f.Helper()
	file, data := setup(f.T)
	if f.from != "" {
		if err := os.CopyFS(data, os.DirFS(f.from)); err != nil {
			f.Fatal(err)
		}
	}

	f.client, f.history = &faulttest.Caller{HTTP: newClient(f.T)}, faulttest.NewHistory()
	f.client.HTTP.Timeout = 10 * time.Second
	return file
}

// trace starts the service under strace.
func (f *faultPoint) trace(file string, args ...string) *process {
	path, err := plainBinary()
	if err != nil {
		f.Fatal(err)
	}
	return spawnCommand(f.T, exec.Command("strace",
		append(append([]string{"-f", "-qq", "--seccomp-bpf"}, args...), path, "serve", "--config", file)...))
}

// answers reports whether the service begins to answer within some time.
func (f *faultPoint) answers(p *process) bool {
	deadline := time.After(15 * time.Second)
	for {
		line, ok, grown := p.log.find("answering")
		if ok {
			f.client.URL = line.URL
			return true
		}

		select {
		case <-grown:
		case <-p.ended:
			return false
		case <-deadline:
			return false
		}
	}
}

func (f *faultPoint) run() {
	file := f.prepare()
	trace := filepath.Join(f.TempDir(), "trace")
	when := fmt.Sprint(f.nth)
	if f.forGood {
		when += "+"
	}

	p := f.trace(file, "-o", trace, "-e", "trace="+f.call, "-e",
		fmt.Sprintf("inject=%s:error=%s:when=%s", f.call, f.error, when))
	if f.answers(p) {
		f.load()
		f.readAll(p)
	} else {
		f.tally.unstarted.Add(1)
	}

	select {
	case <-p.ended:
		f.tally.died.Add(1)
	default:
	}

	p.kill()
	f.history.Crashed()
	if text, err := os.ReadFile(trace); err != nil {
		f.Fatal(err)
	} else if bytes.Contains(text, []byte("(INJECTED)")) {
		f.tally.hit.Add(1)
	}

	f.checkMended(file)
	if f.Failed() {
		f.Logf("the log under faults:\n%s", p.log)
	}
}

// load writes from several clients.
func (f *faultPoint) load() {
	var running sync.WaitGroup
	for client := range 3 {
		random := rand.New(rand.NewPCG(f.seed, uint64(client)))
		running.Go(func() {
			for n := range 12 {
				f.write(random, fmt.Sprintf("own %d/%d", client, n))
				f.write(random, fmt.Sprint("shared ", random.IntN(4)))
			}
			f.batch(fmt.Sprint("batch ", client, "/"))
		})
	}

	running.Wait()
	if f.call == "" || f.call == "pwrite64" || f.call == "ftruncate" { // the search index is written only after a while
		wait(1500 * time.Millisecond)
	}
}

// write posts a recording, or deletes it.
func (f *faultPoint) write(random *rand.Rand, id string) {
	if random.IntN(6) == 0 {
		answered := f.history.BeginDelete(id)
		if a, err := f.client.Delete(context.Background(), id); err == nil && f.known(a) {
			answered(a.Status == http.StatusOK)
		}
		return
	}

	part := f.history.NewPart()
	acknowledge := f.history.BeginPost(id, part)
	if a, err := f.client.Post(context.Background(), faulttest.RecordingOf(id, part)); err == nil && f.known(a) {
		acknowledge()
	}
}

// known reports whether an answer says what happened. If not, it must say that trying again is
// safe.
func (f *faultPoint) known(a faulttest.Answer) bool {
	switch a.Status {
	case http.StatusOK, http.StatusNotFound:
		f.tally.acknowledged.Add(1)
		return true
	case http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		f.tally.unknown.Add(1)
		if !strings.Contains(string(a.Body), "safe") {
			f.Errorf("an unknown outcome is answered with %d %s", a.Status, a.Body)
		}
	case http.StatusInternalServerError:
		if f.call != "openat" { // a file that could not be opened to read the recording before
			f.Errorf("a write is answered with %d %s", a.Status, a.Body)
		}
	default:
		f.Errorf("a write is answered with %d %s", a.Status, a.Body)
	}

	return false
}

// batch posts many recordings at once.
func (f *faultPoint) batch(prefix string) {
	var body bytes.Buffer
	acknowledge := map[string]func(){}
	for n := range 60 { // enough in all that the store changes its log
		id, part := fmt.Sprint(prefix, n), f.history.NewPart()
		text, err := mapping.Encode(faulttest.RecordingOf(id, part))
		if err != nil {
			f.Error(err)
			return
		}
		acknowledge[id] = f.history.BeginPost(id, part)
		body.Write(append(text, '\n'))
	}

	for _, v := range f.client.PostBatch(context.Background(), body.Bytes()) {
		if v.Outcome != "" {
			acknowledge[v.ID]()
			f.tally.acknowledged.Add(1)
		} else if v.StatusCode == codeInternal && !strings.Contains(v.StatusMessage, "safe") && f.call != "openat" {
			f.Errorf("an unknown outcome is answered with %+v", v)
		}
	}
}

// readAll reads everything while the faults go on: what is answered must be right.
func (f *faultPoint) readAll(p *process) {
	answered := 0
	for id := range f.history.IDs() {
		r, err := f.client.Read(context.Background(), id)
		if err != nil {
			continue
		}
		answered++
		if err := f.history.Check(id, r); err != nil {
			f.Errorf("while there are faults: %v", err)
		}
	}

	f.tally.reads.Add(int64(answered))
	select {
	case <-p.ended:
		return
	default:
	}

	if f.from == "" || f.call == "write" || f.call == "openat" {
		return // it cannot answer any more, or not read what it does not have in memory
	}

	for i := range 50 {
		if r, err := f.client.Read(context.Background(), fmt.Sprint(kept, i)); err != nil || r == nil {
			f.Errorf("reading what was there before: %v, %v", r, err)
			return
		}
	}
}

// checkMended starts the service without faults: it must start, have everything that was
// acknowledged, and find it.
func (f *faultPoint) checkMended(file string) {
	path, err := plainBinary()
	if err != nil {
		f.Fatal(err)
	}

	p := spawnCommand(f.T, exec.Command(path, "serve", "--config", file))
	f.client.HTTP.CloseIdleConnections()
	f.client.URL = p.url(f.T)
	f.client.HTTP.Timeout = patience
	var want []string
	for id := range f.history.IDs() {
		r, err := f.client.Read(f.Context(), id)
		if err != nil {
			f.Fatal(err)
		}

		if err := f.history.Check(id, r); err != nil {
			f.Error(err)
		}

		if r != nil {
			want = append(want, id)
		}
	}

	if f.from != "" {
		for i := range 50 {
			want = append(want, fmt.Sprint(kept, i))
		}
	}

	awaitReady(f.T, f.client.HTTP, f.client.URL, p)
	got, err := f.client.Search(f.Context(), map[string]string{"startTime": "0"})
	if err != nil {
		f.Fatal(err)
	}

	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		f.Errorf("a search finds %d recordings, there are %d:\n%q\n%q", len(got), len(want), got, want)
	}

	if a, err := f.client.Post(f.Context(), faulttest.RecordingOf("afterwards", 1)); err != nil ||
		a.Status != http.StatusOK {
		f.Errorf("a POST afterwards: %v, %d %s", err, a.Status, a.Body)
	}

	p.kill()
}
