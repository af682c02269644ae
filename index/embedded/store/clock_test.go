package store

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestChangeClock: whatever the clock of the machine does, times never go back, few are equal, and
// they follow the clock where that goes on.
func TestChangeClock(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	now := time.UnixMilli(1_747_511_132_000)
	c := changeClock{now: func() time.Time { return now }}
	last, same := int64(0), 0
	for i := range 100_000 {
		at := c.next()
		if at < last || at < now.UnixMilli() {
			t.Fatalf("%d came behind %d, at %d", at, last, now.UnixMilli())
		}
		if at > last {
			last, same = at, 0
		}
		if same++; same > maxSimultaneous {
			t.Fatalf("more than %d changes have the time %d", maxSimultaneous, at)
		}

		switch {
		case i%1000 == 0:
			now = now.Add(-time.Duration(r.IntN(10_000)) * time.Millisecond)
		case i%20 == 0:
			now = now.Add(time.Duration(r.IntN(30)) * time.Millisecond)
		}
	}
}

// TestChangeTimes: the changes of one step have times as well, which are stored, and go on behind
// the last one after a restart at an earlier time, even if that was a deletion.
func TestChangeTimes(t *testing.T) {
	now := time.UnixMilli(1_747_511_132_000)
	stamped := func(b, data []byte, changed int64) []byte {
		return append(append(b, data...), time.UnixMilli(changed).UTC().Format(" 15:04:05.000")...)
	}
	o := Options{Dir: t.TempDir(), Stamp: stamped, Now: func() time.Time { return now }}
	s, closeStore := open(t, o)
	put(t, s, 0, 1)
	changes := make([]*Change, 2*maxSimultaneous)
	for i := range changes {
		changes[i] = &Change{ContactCenter: center, Key: keyOfNumber(1 + i), Data: []byte("{}"), Delta: 1}
	}
	if err := s.Commit(changes, func() {
		if data := string(changes[0].Data); data != "{} 19:45:32.000" {
			t.Errorf("submitted %q", data)
		}
	}); err != nil {
		t.Fatal(err)
	}
	first, last := changes[0].Changed, changes[len(changes)-1].Changed
	if first != now.UnixMilli() || last != first+2 {
		t.Errorf("the changes are from %d to %d, want 2 ms from %d on", first, last, now.UnixMilli())
	}
	if data, err := s.Get(keyOfNumber(1 + maxSimultaneous)); err != nil || string(data) != "{} 19:45:32.001" {
		t.Errorf("stored %q, %v", data, err)
	}

	now = now.Add(time.Hour)
	remove(t, s, 0)
	closeStore()
	now = now.Add(-2 * time.Hour)
	s, closeStore = open(t, o)
	defer closeStore()
	c := &Change{ContactCenter: center, Key: keyOfNumber(0), Data: []byte("{}"), Delta: 1}
	if err := s.Commit([]*Change{c}, func() {}); err != nil {
		t.Fatal(err)
	}
	if want := now.Add(2 * time.Hour).UnixMilli(); c.Changed <= want {
		t.Errorf("after a restart a change is of %d, the one before it of %d", c.Changed, want)
	}
}
