//go:build integration

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/net/webdav"
	"golang.org/x/sys/unix"

	"recordings/cmd/recordings/internal/faulttest"
	"recordings/mapping"
)

// diskFullTest is a service whose disk somebody else fills.
type diskFullTest struct {
	*crashTest
	disk    *faulttest.Disk
	process *process
	audio   []byte // of the recording that is played
}

// TestDiskFull fills the disk of a service: first so far that it is too little for it, then
// altogether and at once, while it is being written to. It must refuse writes with 507, do all else
// as before and without effort, and take writes within five seconds of there being space again.
func TestDiskFull(t *testing.T) {
	c := newDiskFullTest(t)
	filler := filepath.Join(c.disk.Dir, "filler")
	before := c.write(40, http.StatusOK)
	if before != 40 {
		t.Fatalf("%d of 40 POSTs were acknowledged on an empty disk", before)
	}

	for name, leave := range map[string]int64{"little is left": 128 << 20, "nothing is left": 0} {
		stop := c.writeOn()
		c.fill(filler, leave)
		c.await(http.StatusInsufficientStorage, 10*time.Second)
		stop()
		t.Log(name)
		c.checkFull(leave)
		c.checkIdle()
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}

		took := c.await(http.StatusOK, 5*time.Second)
		t.Logf("%s: writes were accepted %v after there was space again", name, took)
		c.write(20, http.StatusOK)
		c.checkAll(c.process)
		c.checkPlays(http.StatusOK)
	}

	c.process.kill()
	c.history.Crashed()
	c.checkAll(c.start())
}

func newDiskFullTest(t *testing.T) *diskFullTest {
	t.Helper()
	media := t.TempDir()
	c := &diskFullTest{disk: faulttest.NewDisk(t, "ext4", "640M"), audio: bytes.Repeat([]byte("RIFF"), 10_000)}
	if err := os.Mkdir(filepath.Join(media, "calls"), 0o700); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(media, "calls", "1.wav"), c.audio, 0o600); err != nil {
		t.Fatal(err)
	}

	storage := httptest.NewServer(&webdav.Handler{FileSystem: webdav.Dir(media), LockSystem: webdav.NewMemLS()})
	t.Cleanup(storage.Close)
	data := filepath.Join(c.disk.Dir, "data")
	file := writeFile(t, t.TempDir(), "recordings.yaml",
		testConfig(data, fmt.Sprintf("storage: {webDAV: {default: %q, origins: [{url: %q}]}}", storage.URL+"/",
			storage.URL+"/")))

	c.crashTest = &crashTest{
		T: t, random: rand.New(rand.NewPCG(1, 2)), file: file, data: data,
		client:  &faulttest.Caller{HTTP: newClient(t)},
		history: faulttest.NewHistory(), known: map[string]*mapping.Searchable{}, touched: map[string]bool{},
	}

	c.process = c.start()
	return c
}

// post posts a recording of its own, and returns the status of the answer.
func (c *diskFullTest) post(ctx context.Context) int {
	part := c.history.NewPart()
	id := fmt.Sprintf("call %d", part)
	c.mu.Lock()
	c.touched[id] = true
	c.mu.Unlock()
	acknowledge := c.history.BeginPost(id, part)
	a, err := c.client.Post(ctx, faulttest.RecordingOf(id, part))
	if err != nil {
		return 0
	}
	if a.Status == http.StatusOK {
		acknowledge()
	}

	return a.Status
}

// write posts n times, and returns how many answers were as they should be.
func (c *diskFullTest) write(n, want int) (right int) {
	c.Helper()
	for range n {
		status := c.post(c.Context())
		if status != want {
			c.Errorf("POST: %d, want %d", status, want)
			continue
		}
		right++
	}
	return right
}

// writeOn posts from several clients until stop is called. A POST is stored, or refused for want of
// space.
func (c *diskFullTest) writeOn() (stop func()) {
	var ended atomic.Bool
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for !ended.Load() {
				switch status := c.post(c.Context()); status {
				case http.StatusOK:
				case http.StatusInsufficientStorage:
					wait(100 * time.Millisecond) // as a client would
				default:
					c.Errorf("POST while the disk becomes full: %d", status)
					return
				}
			}
		})
	}

	return func() {
		ended.Store(true)
		clients.Wait()
	}
}

// fill takes the space of the disk, but for what it is to leave.
func (c *diskFullTest) fill(path string, leave int64) {
	c.Helper()
	f, err := os.Create(path)
	if err != nil {
		c.Fatal(err)
	}
	defer f.Close()

	var size int64
	for step := int64(64 << 20); step >= 4096; {
		var s unix.Statfs_t
		if err := unix.Statfs(c.disk.Dir, &s); err != nil {
			c.Fatal(err)
		}

		free := int64(s.Bavail) * s.Bsize
		if free-step >= leave && unix.Fallocate(int(f.Fd()), 0, size, step) == nil {
			size += step
		} else {
			step /= 2
		}
	}
}

// await posts until the answer has a status, and returns how long that took.
func (c *diskFullTest) await(want int, limit time.Duration) time.Duration {
	c.Helper()
	began := time.Now()
	for {
		status := c.post(c.Context())
		took := time.Since(began)
		if status == want {
			return took
		}
		if took > limit {
			c.Fatalf("%v have passed, and a POST is still answered %d\n%s", took, status, c.process.log)
		}

		wait(20 * time.Millisecond)
	}
}

// checkFull: writes are refused, with a reason, and all else is as always. What has to be in the audit log
// before it happens is refused as well where that cannot be written.
func (c *diskFullTest) checkFull(left int64) {
	c.Helper()
	c.write(5, http.StatusInsufficientStorage)
	a, err := c.client.Delete(c.Context(), "call 1")
	if err != nil || a.Status != http.StatusInsufficientStorage ||
		!strings.Contains(string(a.Body), "disk of the service is full") {
		c.Errorf("DELETE: %d %s, %v", a.Status, a.Body, err)
	}

	c.checkAll(c.process)
	playing := []int{http.StatusOK}
	if left == 0 { // then it is up to chance whether the audit log has some left in its file
		playing = append(playing, http.StatusInsufficientStorage)
	}
	c.checkPlays(playing...)
	if status, body := get(c.T, c.client.HTTP, "", "", c.client.URL+"/healthz"); status != http.StatusOK {
		c.Errorf("/healthz: %d %s", status, body)
	}
}

// checkPlays plays the first recording, whose answer has one of some statuses: what is refused has no sound.
func (c *diskFullTest) checkPlays(accepted ...int) {
	c.Helper()
	a, err := c.client.Call(c.Context(), "ops", http.MethodGet, faulttest.OpsRecordings+"/call%201", nil)
	if err != nil {
		c.Fatal(err)
	}

	var v struct {
		Recording struct {
			MediaFiles []struct {
				URI string `json:"mediaUri"`
			} `json:"mediaFiles"`
		} `json:"recording"`
	}

	if err := json.Unmarshal(a.Body, &v); err != nil || len(v.Recording.MediaFiles) != 1 {
		c.Fatalf("%s: %v", a.Body, err)
	}

	a, err = c.client.Call(c.Context(), "ops", http.MethodGet,
		strings.TrimPrefix(v.Recording.MediaFiles[0].URI, c.client.URL), nil)
	whole := bytes.Equal(a.Body, c.audio)
	if err != nil || !slices.Contains(accepted, a.Status) || whole != (a.Status == http.StatusOK) {
		c.Errorf("playing: %d, %d bytes, %v, want one of %d", a.Status, len(a.Body), err, accepted)
	}
}

// checkIdle: a full disk does not keep the processor busy.
func (c *diskFullTest) checkIdle() {
	c.Helper()
	const watched = 3 * time.Second
	before := c.cpuTime()
	wait(watched)
	if used := c.cpuTime() - before; used > watched/5 {
		c.Errorf("it used %v of the processor in %v", used, watched)
	}
}

// cpuTime is how long the service has kept a processor busy.
func (c *diskFullTest) cpuTime() time.Duration {
	c.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.process.cmd.Process.Pid))
	if err != nil {
		c.Fatal(err)
	}

	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			c.Fatal(err)
		}
		ticks += n
	}

	return time.Duration(ticks) * 10 * time.Millisecond
}

// TestStartOnLittleDisk starts a service where less than the reserve is free: one with recordings
// answers all but writes; one without, and without a search index, says that the disk is the reason.
func TestStartOnLittleDisk(t *testing.T) {
	c := newDiskFullTest(t)
	c.write(20, http.StatusOK)
	c.process.signal(t, syscall.SIGTERM)
	if status := c.process.status(t); status != 0 {
		t.Fatalf("it ended with %d", status)
	}
	const little = 48 << 20
	filler := filepath.Join(c.disk.Dir, "filler")
	c.fill(filler, little)

	c.process = c.start()
	awaitReady(t, c.client.HTTP, c.client.URL, c.process)
	c.checkFull(little)
	c.process.kill()

	if err := os.RemoveAll(c.data); err != nil {
		t.Fatal(err)
	}
	c.fill(filler+"2", little)
	c.process = c.start()
	const words = "the disk is full: "
	if status, body := get(t, c.client.HTTP, "", "", c.client.URL+"/readyz"); status != http.StatusServiceUnavailable ||
		!strings.Contains(body, words) {
		t.Errorf("/readyz: %d %s", status, body)
	}
	a, err := c.client.Call(t.Context(), "ops", http.MethodGet, "/api/v2/ops/status", nil)
	if err != nil || a.Status != http.StatusOK || !strings.Contains(string(a.Body), words) {
		t.Errorf("status: %d %s, %v", a.Status, a.Body, err)
	}
	a, err = c.client.Call(t.Context(), "ops", http.MethodGet, faulttest.OpsRecordings+"?startTime=0", nil)
	if err != nil || a.Status != http.StatusServiceUnavailable || !strings.Contains(string(a.Body), words) {
		t.Errorf("a search: %d %s, %v", a.Status, a.Body, err)
	}
	c.write(1, http.StatusInsufficientStorage)

	for _, name := range []string{filler, filler + "2"} {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	awaitReady(t, c.client.HTTP, c.client.URL, c.process)
	c.await(http.StatusOK, 5*time.Second)
}
