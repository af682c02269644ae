//go:build integration

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"recordings/cmd/recordings/internal/faulttest"
	"recordings/mapping"
)

// powerCuts is how often the power is cut off, for each kind of file system.
const powerCuts = 24

// TestPowerCut cuts off the power of the disk under the service: just after it was created, under
// load, while it starts, while its search index is built, also anew beside the old one, and while
// it is backed up. Whatever was acknowledged must be there when it is back, as the crash test has
// it, and a backup is whole or none.
func TestPowerCut(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			c := newPowerCutTest(t, kind)
			var total tally
			rounds := faulttest.Times(t, powerCuts)
			for round := range rounds {
				total.add(c.round(round))
				if t.Failed() {
					t.Fatalf("in round %d", round)
				}
			}

			c.checkAll(c.start())
			t.Logf("the power was cut off %d times, while starting %d, building the index %d; %d acknowledged POSTs "+
				"and %d DELETEs, %d backups",
				c.cuts, total.starts, total.rebuilds, total.posts, total.deletes, c.backups)
			if c.cuts < rounds || total.posts < rounds*5 || total.deletes < rounds/2 || total.starts == 0 ||
				total.rebuilds == 0 || c.backups == 0 {
				t.Errorf("that is too little to prove anything")
			}
		})
	}
}

// powerCutTest is a crash test on a disk of its own.
type powerCutTest struct {
	*backupTest
	disk *faulttest.Disk
	cuts int
}

func newPowerCutTest(t *testing.T, kind string) *powerCutTest {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	d := faulttest.NewDisk(t, kind, "1G")
	c := &powerCutTest{disk: d,
		backupTest: newBackupTest(t, filepath.Join(d.Dir, "data"), filepath.Join(d.Dir, "backups"), seed)}
	c.cut = c.cutPower
	return c
}

// forget begins anew with an empty disk.
func (c *powerCutTest) forget() {
	c.history, c.known = faulttest.NewHistory(), map[string]*mapping.Searchable{}
	c.touched, c.kept = map[string]bool{}, ""
	for _, dir := range []string{c.data, c.backupDir} {
		if err := os.RemoveAll(dir); err != nil {
			c.Fatal(err)
		}
	}
	c.disk.Unmount() // or it would all be back after the next cut
	c.disk.Mount()
}

// cutPower cuts off the power of the disk, and turns it on again.
func (c *powerCutTest) cutPower(p *process) {
	c.Helper()
	c.disk.CutPower()
	p.kill()
	c.disk.Unmount()
	c.disk.Mount()
	c.cuts++
}

// round cuts off the power once, or twice where it does so while the service starts.
func (c *powerCutTest) round(n int) (done tally) {
	milliseconds := 30 + c.random.IntN(300)
	switch n % 6 {
	case 0: // just after the creation
		c.forget()
		milliseconds = c.random.IntN(60)
		if n%12 == 6 { // or while it is being created
			c.killWhileStarting()
			done.starts++
		}
	case 1, 4:
		c.killWhileStarting()
		done.starts++
	case 2:
		c.damageSearchIndex(n / 6 % 3)
		done.rebuilds++
	}

	p := c.start()
	if n%2 == 1 {
		c.check(p)
	}

	var stop func()
	if n%6 == 3 || n%6 == 5 {
		c.keepBackup(fmt.Sprintf("kept-%d", n))
		stop = c.backUp()
	} else if n%6 == 1 || n%6 == 4 {
		awaitReady(c.T, c.client.HTTP, c.client.URL, p)
		milliseconds += c.random.IntN(700)
		stop = c.again("/api/v2/ops/reindex", func() []byte { return nil })
	}

	done.posts, done.deletes = c.load(p, milliseconds)
	if stop != nil {
		stop()
	}

	c.checkBackups()
	return done
}

// TestPowerCutLoses: cutting off the power does lose what was not synced, so that the test above
// can find something.
func TestPowerCutLoses(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			d := faulttest.NewDisk(t, kind, "512M")
			synced, written := filepath.Join(d.Dir, "synced"), filepath.Join(d.Dir, "written")
			for _, path := range []string{synced, written} {
				f, err := os.Create(path)
				if err != nil {
					t.Fatal(err)
				}

				_, err = f.WriteString("content")
				if path == synced {
					err = errors.Join(err, f.Sync())
				}

				if err := errors.Join(err, f.Close()); err != nil {
					t.Fatal(err)
				}
			}

			d.CutPower()
			d.Unmount()
			d.Mount()
			if data, err := os.ReadFile(synced); err != nil || string(data) != "content" {
				t.Errorf("what was synced is %q, %v", data, err)
			}

			if data, err := os.ReadFile(written); err == nil && string(data) == "content" {
				t.Errorf("what was not synced is there")
			}
		})
	}
}
