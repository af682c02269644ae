//go:build integration

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"recordings/cmd/recordings/internal/faulttest"
	"recordings/index"
	"recordings/index/embedded"
	"recordings/index/embedded/backup"
	"recordings/mapping"
)

// killedBackups is how often the service is killed while it makes a backup.
const killedBackups = 12

// TestKilledBackup kills the service while it backs itself up onto another file system, under load.
// No backup is taken for whole that is not, one that was done stays, and the next one works.
func TestKilledBackup(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c := newBackupTest(t, filepath.Join(t.TempDir(), "data"),
		filepath.Join(faulttest.NewDisk(t, "ext4", "512M").Dir, "backups"),
		seed)

	var total tally
	for round := range faulttest.Times(t, killedBackups) {
		p := c.start()
		c.check(p)
		c.keepBackup(fmt.Sprintf("kept-%d", round))
		stop := c.backUp()
		posts, deletes := c.load(p, 20+c.random.IntN(300))
		total.add(tally{posts: posts, deletes: deletes})
		stop()
		c.checkBackups()
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}

	c.checkAll(c.start())
	t.Logf("%d acknowledged POSTs and %d DELETEs, %d backups were whole, %d were cut off", total.posts, total.deletes,
		c.backups, c.cutOff)
	if c.cutOff == 0 {
		t.Errorf("no backup was cut off: that proves nothing")
	}
}

// backupTest is a crash test of a service that makes backups.
type backupTest struct {
	*crashTest
	backupDir string
	kept      string // the newest backup that was done
	backups   int    // that were whole when looked at
	cutOff    int    // that were not done when the service ended
}

func newBackupTest(t *testing.T, data, backupDir string, seed uint64) *backupTest {
	t.Helper()
	file := writeFile(t, t.TempDir(), "recordings.yaml", testConfig(data, "backup_directory: "+backupDir))
	return &backupTest{backupDir: backupDir, crashTest: &crashTest{
		T: t, random: rand.New(rand.NewPCG(seed, 0)), file: file, data: data,
		client:  &faulttest.Caller{HTTP: newClient(t)},
		history: faulttest.NewHistory(), known: map[string]*mapping.Searchable{}, touched: map[string]bool{},
	}}
}

// keepBackup makes a backup, and returns when the service says that it is done. From then on it
// must be there.
func (c *backupTest) keepBackup(name string) {
	c.Helper()
	a, err := c.client.Call(c.Context(), "ops", http.MethodPost, backupPath, []byte(`{"name":"`+name+`"}`))
	if err != nil || a.Status != http.StatusOK {
		c.Fatalf("starting a backup: %d %s, %v", a.Status, a.Body, err)
	}

	for began := time.Now(); !strings.Contains(string(a.Body), `"phase":"done"`); wait(5 * time.Millisecond) {
		a, err = c.client.Call(c.Context(), "ops", http.MethodGet, backupPath, nil)
		if err != nil || strings.Contains(string(a.Body), `"phase":"failed"`) || time.Since(began) > patience {
			c.Fatalf("the backup %s: %s, %v", name, a.Body, err)
		}
	}

	c.kept = name
}

// backUp makes one backup after the other until stop is called, or the service is gone.
func (c *backupTest) backUp() (stop func()) {
	return c.again(backupPath, func() []byte { return fmt.Appendf(nil, `{"name":"b%d"}`, c.history.NewPart()) })
}

// checkBackups: what has the name of a backup is one, and the newest can be restored. The others
// are then removed.
func (c *backupTest) checkBackups() {
	c.Helper()
	all, err := backup.List(c.backupDir)
	if err != nil {
		c.Fatal(err)
	}

	if complete := c.completeNames(); len(complete) != len(all) {
		c.Fatalf("of %q only %d are backups", complete, len(all))
	}

	if c.kept != "" && !slices.ContainsFunc(all, func(b index.Backup) bool { return b.Name == c.kept }) {
		c.Errorf("the backup %s was done, and is gone", c.kept)
	}

	for i, b := range all {
		dir := filepath.Join(c.backupDir, b.Name)
		if _, err := backup.Check(c.Context(), dir, backup.Options{}, nil); err != nil {
			c.Errorf("the backup %s: %v", b.Name, err)
		}

		if i > 0 {
			if err := os.RemoveAll(dir); err != nil {
				c.Fatal(err)
			}
			continue
		}

		restored := filepath.Join(c.TempDir(), "restored")
		if _, err := embedded.Restore(c.Context(), dir, restored, zerolog.Nop(), nil); err != nil {
			c.Errorf("restoring the newest backup: %v", err)
		}

		if err := os.RemoveAll(restored); err != nil {
			c.Fatal(err)
		}

		c.kept = b.Name
	}

	c.backups += len(all)
}

// completeNames are the directories that have the name of a whole backup.
func (c *backupTest) completeNames() (names []string) {
	c.Helper()
	entries, err := os.ReadDir(c.backupDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.Fatal(err)
	}

	for _, e := range entries {
		switch {
		case !e.IsDir():
		case strings.HasSuffix(e.Name(), index.IncompleteBackup):
			c.cutOff++
		default:
			names = append(names, e.Name())
		}
	}

	return names
}
