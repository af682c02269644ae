package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"recordings/audit"
	"recordings/audit/store"
)

const center = "a5539ef5-7dd5-4150-818f-ee1bcd447cbe"

// clock is one that a test sets.
type clock struct{ at atomic.Int64 }

// newClock returns one that shows a time in milliseconds since 1970.
func newClock(at int64) *clock {
	c := &clock{}
	c.at.Store(at)
	return c
}

func (c *clock) now() time.Time { return time.UnixMilli(c.at.Load()) }

func (c *clock) advance(d time.Duration) { c.at.Add(d.Milliseconds()) }

// openLog opens a log in memory, unless the options say where.
func openLog(t *testing.T, o store.Options) *store.Log {
	t.Helper()
	if o.FS == nil {
		o.FS = vfs.NewMem()
	}
	if o.Dir == "" {
		o.Dir = "data/audit"
	}
	o.Log = zerolog.Nop()
	l, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // most tests have closed it
	return l
}

// record writes entries that must be accepted, and returns the sequence of the last.
func record(t *testing.T, l *store.Log, entries ...audit.Entry) uint64 {
	t.Helper()
	last, err := l.Record(t.Context(), entries...)
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// sample is the n-th of entries of all kinds.
func sample(n int) audit.Entry {
	e := audit.Entry{
		User: fmt.Sprintf("user %d", n%7), Role: "admin", Address: "192.0.2.7", ContactCenter: center,
		Recording: fmt.Sprintf("recording-%d", n%10), Action: audit.View,
	}
	switch n % 4 {
	case 1:
		e.Action, e.Recording = audit.Search, ""
		e.Facts = map[string]any{"found": n}
		e.Detail = map[string]any{"callerPhoneNumber": fmt.Sprintf("+1650555%04d", n), "userName": "Müller <&>"}
	case 2:
		e.Action, e.Outcome = audit.Play, audit.Begun
		e.Facts = map[string]any{"media": "a.mp3"}
	case 3:
		e.Action, e.Detail = audit.Hold, map[string]any{"reason": fmt.Sprintf("court %d", n)}
	}
	return e
}

// fill writes n entries of all kinds.
func fill(t *testing.T, l *store.Log, n int) {
	t.Helper()
	for i := range n {
		if i%3 == 0 {
			record(t, l, sample(i))
		} else if _, err := l.Note(sample(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// export is what proves a chain, with its trailer.
func export(t *testing.T, l *store.Log, q audit.Query) []byte {
	t.Helper()
	q.Chain = true
	var b bytes.Buffer
	trailer := audit.Trailer{After: q.After}
	head, err := l.Walk(t.Context(), q, func(line []byte) error {
		trailer.Count++
		b.Write(line)
		return b.WriteByte('\n')
	})
	if err != nil {
		t.Fatal(err)
	}
	trailer.Sequence, trailer.Hash = head.Sequence, head.Hash
	end, err := json.Marshal(&trailer)
	if err != nil {
		t.Fatal(err)
	}
	b.Write(append(end, '\n'))
	return b.Bytes()
}

// verify proves an export.
func verify(t *testing.T, text []byte) audit.Report {
	t.Helper()
	report, err := audit.VerifyExport(bytes.NewReader(text), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return report
}

// lines returns what a query finds.
func lines(t *testing.T, l *store.Log, q audit.Query) (all []audit.Line) {
	t.Helper()
	_, err := l.Walk(t.Context(), q, func(text []byte) error {
		var line audit.Line
		if err := json.Unmarshal(text, &line); err != nil {
			return err
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestChain(t *testing.T) {
	l := openLog(t, store.Options{})
	if r := verify(t, export(t, l, audit.Query{})); r.Last != 0 {
		t.Errorf("an empty log: %+v", r)
	}
	fill(t, l, 40)
	r := verify(t, export(t, l, audit.Query{}))
	if head := l.Head(); r.First != 1 || r.Last != 40 || r.Hash != head.Hash || head.Sequence != 40 {
		t.Errorf("proven: %+v; the head is %+v", r, head)
	}

	// Who may not see all of it gets hashes, and can prove it all the same.
	hidden := export(t, l, audit.Query{Visible: func(l *audit.Line) bool { return l.User == "user 3" }})
	if r := verify(t, hidden); r.Hidden == 0 || r.Last != 40 {
		t.Errorf("with hidden lines: %+v", r)
	}
	if strings.Contains(string(hidden), "user 4") {
		t.Error("a hidden line tells of its user")
	}
}

func TestQueries(t *testing.T) {
	c := newClock(1_000_000)
	l := openLog(t, store.Options{Now: c.now})
	for i := range 40 {
		record(t, l, sample(i))
		c.advance(time.Second)
	}

	for _, x := range []struct {
		name string
		q    audit.Query
		want string
	}{
		{"recording", audit.Query{Recording: "recording-2"}, "[3 13 23 33]"},
		{"recording of another", audit.Query{Recording: "recording-2", ContactCenters: []string{"other"}}, "[]"},
		{"recording after", audit.Query{Recording: "recording-2", After: 3}, "[13 23 33]"},
		{"user", audit.Query{User: "user 6"}, "[7 14 21 28 35]"},
		{"action", audit.Query{Action: audit.Hold, After: 30}, "[32 36 40]"},
		{"from and to", audit.Query{From: 1_010_000, To: 1_012_000}, "[11 12]"},
		{"from the future", audit.Query{From: 9_000_000}, "[]"},
		{"newest", audit.Query{Newest: 3}, "[38 39 40]"},
		{"newest of a recording", audit.Query{Newest: 1, Recording: "recording-2"}, "[33]"},
		{"newest of a user", audit.Query{Newest: 2, User: "user 6"}, "[28 35]"},
		{"visible", audit.Query{After: 37, Visible: func(l *audit.Line) bool { return l.Sequence%2 == 0 }}, "[38 40]"},
	} {
		var got []uint64
		for _, line := range lines(t, l, x.q) {
			got = append(got, line.Sequence)
			if line.Previous == "" || line.Hash == "" {
				t.Errorf("%s: entry %d has no hashes", x.name, line.Sequence)
			}
		}
		if fmt.Sprint(got) != x.want {
			t.Errorf("%s: %v, want %s", x.name, got, x.want)
		}
	}
}

// TestErasingIsFinished: where the process ended between a deletion and the erasure of what is personal,
// that is done when the log is opened again. What was not deleted after all keeps it.
func TestErasingIsFinished(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, store.Options{FS: fs})
	fill(t, l, 40)
	for _, id := range []string{"recording-3", "recording-7"} {
		record(t, l, audit.Entry{ContactCenter: center, Action: audit.Delete, Recording: id, Outcome: audit.Begun})
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	asked := make(chan string, 100)
	gone := func(_ context.Context, contactCenter, id string) (bool, error) {
		if contactCenter != center {
			t.Errorf("asked for %s of %s", id, contactCenter)
		}
		asked <- id
		return id == "recording-3", nil
	}
	// Each hold has a detail, and is looked at once, but for the second of what is erased with the first.
	want := "[3 7 1 5 9 7 1 5 9 7]"
	l = openLog(t, store.Options{FS: fs, Gone: gone})
	var got []string
	for range strings.Count(want, " ") + 1 {
		got = append(got, strings.TrimPrefix(<-asked, "recording-"))
	}
	if fmt.Sprint(got) != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
	later := audit.Entry{ContactCenter: center, Action: audit.Delete, Recording: "recording-1", Outcome: audit.Begun}
	record(t, l, later)
	if err := l.Close(); err != nil { // which waits for what it is at
		t.Fatal(err)
	}

	l = openLog(t, store.Options{FS: fs, Gone: gone})
	if id := <-asked; id != "recording-1" {
		t.Errorf("opened again, asked for %s", id)
	}
	text := export(t, l, audit.Query{})
	if r := verify(t, text); r.Erased != 2 || strings.Contains(string(text), `court 3\"`) ||
		!strings.Contains(string(text), "court 7") {
		t.Errorf("after it was finished: %+v", r)
	}
}

// TestErasingWhatIsLate: what is personal in an entry that was written while the recording was being deleted is
// erased, too, once the log says how that ended.
func TestErasingWhatIsLate(t *testing.T) {
	fs := vfs.NewMem()
	gone := func(context.Context, string, string) (bool, error) { return true, nil }
	l := openLog(t, store.Options{FS: fs, Gone: gone})
	of := func(a audit.Action, o audit.Outcome, reason string) audit.Entry {
		e := audit.Entry{ContactCenter: center, Recording: "r", Action: a, Outcome: o}
		if reason != "" {
			e.Detail = map[string]any{"reason": reason}
		}
		return e
	}
	record(t, l, of(audit.Hold, audit.Begun, "early"), of(audit.Delete, audit.Begun, ""))
	record(t, l, of(audit.Hold, audit.Begun, "late"))
	if err := l.EraseDetails(t.Context(), center, "r"); err != nil {
		t.Fatal(err)
	}
	record(t, l, of(audit.Delete, audit.Done, ""), of(audit.Hold, audit.NotFound, ""))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	l = openLog(t, store.Options{FS: fs, Gone: gone}) // which looks for what is to be erased
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		text := export(t, l, audit.Query{})
		if r := verify(t, text); r.Erased == 2 && !strings.Contains(string(text), "late") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it still has %s", text)
		}
	}
}

// TestErasingOfWhatIsNotThere: what is personal in an entry about a recording that never was there, or was
// deleted by a process that ended then, is erased, and the chain proves why it may be missing.
func TestErasingOfWhatIsNotThere(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, store.Options{FS: fs})
	of := func(center, id string, a audit.Action, o audit.Outcome) audit.Entry {
		e := audit.Entry{ContactCenter: center, Recording: id, Action: a, Outcome: o}
		if a == audit.Hold && o != audit.NotFound {
			e.Detail = map[string]any{"reason": "of " + id + " in " + center}
		}
		return e
	}
	record(t, l, of(center, "never", audit.Hold, audit.Begun), of(center, "never", audit.Hold, audit.NotFound))
	record(t, l, of(center, "wrong", audit.Hold, audit.Invalid))
	record(t, l, of(center, "late", audit.Delete, audit.Begun), of(center, "late", audit.Hold, audit.Begun))
	record(t, l, of(center, "there", audit.Hold, audit.Begun), of("other", "never", audit.Hold, audit.Begun))
	record(t, l, of(center, "unsure", audit.Hold, audit.Begun))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	// look opens the log, waits until it has looked at the last entry that is to be looked at, and closes it.
	look := func(last string, unsure error) (asked []string) {
		looked := make(chan string, 100)
		l := openLog(t, store.Options{FS: fs, Gone: func(_ context.Context, in, id string) (bool, error) {
			looked <- id
			if id == "unsure" {
				return false, unsure
			}
			return id != "there" && in == center, nil
		}})
		for len(asked) == 0 || asked[len(asked)-1] != last {
			select {
			case id := <-looked:
				asked = append(asked, id)
			case <-time.After(time.Minute):
				t.Fatalf("it was only looked for %s", asked)
			}
		}
		if err := l.Close(); err != nil { // which waits for what it is at
			t.Fatal(err)
		}
		return asked
	}
	chain := func(q audit.Query) (audit.Report, string) {
		l := openLog(t, store.Options{FS: fs})
		text := export(t, l, q)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return verify(t, text), string(text)
	}

	const all = "[never wrong late there never unsure]"
	if got := look("unsure", errors.New("it is not ready")); fmt.Sprint(got) != all {
		t.Errorf("it was looked for %s", got)
	}
	r, text := chain(audit.Query{})
	for reason, erased := range map[string]bool{
		"of never in " + center: true, "of wrong in": true, "of late in": true,
		"of there in": false, "of never in other": false, "of unsure in": false,
	} {
		if strings.Contains(text, reason) == erased {
			t.Errorf("%s: it should be erased: %t\n%s", reason, erased, text)
		}
	}
	if r.Erased != 3 || r.Last != 8+3 {
		t.Errorf("it is %+v", r)
	}
	if strings.Count(text, `"action":"erase"`) != 3 {
		t.Errorf("of three recordings it is said that they are not there: %s", text)
	}

	// Each contact center proves its own, and is told of no recording of another.
	if _, own := chain(audit.Query{ContactCenters: []string{center}}); !strings.Contains(own, `"action":"erase"`) {
		t.Errorf("it is not told why details are missing: %s", own)
	}
	if _, own := chain(audit.Query{ContactCenters: []string{"other"}}); strings.Contains(own, "erase") {
		t.Errorf("another contact center is told of it: %s", own)
	}
	const there = 6 // the entry about a recording that is there
	if _, err := audit.VerifyExport(bytes.NewReader(dropDetail(t, []byte(text), there)), nil); err == nil {
		t.Error("a detail was taken away of what is there, and nobody noticed")
	}

	// What was looked at is not looked at again.
	if got := look("unsure", nil); fmt.Sprint(got) != "[unsure]" {
		t.Errorf("it was looked again for %s", got)
	}
	if again, _ := chain(audit.Query{}); again.Last != r.Last || again.Erased != 3 {
		t.Errorf("looking again wrote entries: %+v", again)
	}
}

func TestErasing(t *testing.T) {
	c := newClock(100 * 86_400_000)
	l := openLog(t, store.Options{Now: c.now})
	fill(t, l, 40)
	const gone = "recording-3"
	if err := l.EraseDetails(t.Context(), center, gone); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, export(t, l, audit.Query{})); r.Erased != 0 {
		t.Errorf("without a deletion: %+v", r)
	}

	record(t, l, audit.Entry{ContactCenter: center, Action: audit.Delete, Recording: gone, Outcome: audit.Begun})
	if err := l.EraseDetails(t.Context(), center, gone); err != nil {
		t.Fatal(err)
	}
	text := export(t, l, audit.Query{})
	if r := verify(t, text); r.Erased != 2 { // of holds
		t.Errorf("after the deletion: %+v", r)
	}
	for _, reason := range []string{"court 3\"", "court 23\""} {
		if strings.Contains(string(text), reason) {
			t.Errorf("it still tells of %s", reason)
		}
	}
	if !strings.Contains(string(text), "court 7") || !strings.Contains(string(text), gone) {
		t.Error("it lacks more than was erased")
	}

	// A detail that is taken away is no erasure.
	forged := dropDetail(t, text, 8)
	if _, err := audit.VerifyExport(bytes.NewReader(forged), nil); err == nil {
		t.Error("a detail was taken away, and nobody noticed")
	}

	c.advance(100 * 24 * time.Hour)
	record(t, l, sample(3))
	if err := l.EraseOldDetails(c.now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, export(t, l, audit.Query{})); r.Erased != 20 {
		t.Errorf("after erasing the old ones: %+v", r)
	}
}

// dropDetail removes the detail of an entry from an export.
func dropDetail(t *testing.T, text []byte, sequence uint64) []byte {
	t.Helper()
	var out bytes.Buffer
	for line := range strings.Lines(string(text)) {
		var l audit.Line
		if json.Unmarshal([]byte(line), &l) == nil && l.Sequence == sequence && l.Detail != nil {
			l.Detail, l.DetailSalt = nil, ""
			b, err := json.Marshal(&l)
			if err != nil {
				t.Fatal(err)
			}
			line = string(b) + "\n"
		}
		out.WriteString(line)
	}
	if out.Len() == len(text) {
		t.Fatalf("entry %d has no detail", sequence)
	}
	return out.Bytes()
}

func TestCuttingOff(t *testing.T) {
	c := newClock(100 * 86_400_000)
	fs := vfs.NewMem()
	l := openLog(t, store.Options{Now: c.now, FS: fs})
	fill(t, l, 30)
	c.advance(100 * 24 * time.Hour)
	record(t, l, sample(2), sample(3))
	whole := export(t, l, audit.Query{})
	if err := l.CutOff(t.Context(), c.now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}

	text := export(t, l, audit.Query{})
	if r := verify(t, text); r.First != 31 || r.Last != 33 || !r.Cut {
		t.Errorf("proven: %+v", r)
	}
	if found := lines(t, l, audit.Query{Recording: "recording-2"}); len(found) != 1 {
		t.Errorf("of a recording, %d entries are found, want 1", len(found))
	}
	if s := l.Status(); s.First != 31 || s.Sequence != 33 {
		t.Errorf("the status is %+v", s)
	}

	// Without the entry that signs it off, it is a forgery.
	_, after, _ := strings.Cut(string(whole), "\n")
	after = strings.Replace(after, `"count":32`, `"count":31`, 1)
	if _, err := audit.VerifyExport(strings.NewReader(after), nil); err == nil {
		t.Error("the beginning was cut off, and nobody noticed")
	}

	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, store.Options{Now: c.now, FS: fs})
	fill(t, l, 5)
	if r := verify(t, export(t, l, audit.Query{})); r.First != 31 || r.Last != 38 {
		t.Errorf("after opening it again: %+v", r)
	}
}

func TestKnownHash(t *testing.T) {
	l := openLog(t, store.Options{})
	fill(t, l, 10)
	known := map[uint64]string{10: l.Head().Hash}
	text := export(t, l, audit.Query{})
	if _, err := audit.VerifyExport(bytes.NewReader(text), known); err != nil {
		t.Error(err)
	}

	other := openLog(t, store.Options{})
	fill(t, other, 9)
	if _, err := audit.VerifyExport(bytes.NewReader(export(t, other, audit.Query{})), known); err == nil {
		t.Error("the end was cut off, and nobody noticed")
	}
	fill(t, other, 9)
	if _, err := audit.VerifyExport(bytes.NewReader(export(t, other, audit.Query{})), known); err == nil {
		t.Error("all was made anew, and nobody noticed")
	}
}

// TestPart proves what was exported of a chain behind an entry, and no more than that.
func TestPart(t *testing.T) {
	c := newClock(100 * 86_400_000)
	l := openLog(t, store.Options{Now: c.now})
	fill(t, l, 40)
	record(t, l, audit.Entry{ContactCenter: center, Action: audit.Delete, Recording: "recording-3"})
	if err := l.EraseDetails(t.Context(), center, "recording-3"); err != nil {
		t.Fatal(err)
	}
	all := lines(t, l, audit.Query{})
	part := export(t, l, audit.Query{After: 20})

	report := func(text []byte, known ...uint64) (audit.Report, error) {
		hashes := map[uint64]string{}
		for _, sequence := range known {
			hashes[sequence] = all[sequence-1].Hash
		}
		return audit.VerifyExport(bytes.NewReader(text), hashes)
	}
	r, err := report(part)
	if err != nil || r.First != 21 || r.Last != 41 || r.After != 20 || r.Before != all[19].Hash || r.Joined || r.Cut {
		t.Errorf("by itself: %+v, %v", r, err)
	}
	if r, err = report(part, 20, 30); err != nil || !r.Joined || r.Unused != nil {
		t.Errorf("joined: %+v, %v", r, err)
	}
	if r, err = report(part, 7, 9); err != nil || r.Joined || fmt.Sprint(r.Unused) != "[7 9]" {
		t.Errorf("with hashes of what is not there: %+v, %v", r, err)
	}
	if _, err := audit.VerifyExport(bytes.NewReader(part), map[uint64]string{20: all[18].Hash}); err == nil {
		t.Error("it follows another entry than the one that is known")
	}
	if r, err = report(export(t, l, audit.Query{After: 41}), 41); err != nil || r.Last != 0 || r.After != 41 {
		t.Errorf("behind the end: %+v, %v", r, err)
	}

	// It is a part only if it says so, and only the one that it says.
	whole := strings.SplitAfter(string(export(t, l, audit.Query{})), "\n")
	for name, forged := range map[string]string{
		"it does not say so": strings.Replace(string(part), `"after":20,`, "", 1),
		"it is another":      strings.Replace(string(part), `"after":20,`, `"after":19,`, 1),
		"it is a later one":  strings.Replace(string(part), `"after":20,`, `"after":21,`, 1),
		"it is empty":        strings.Replace(whole[len(whole)-2], `"count":41`, `"count":0`, 1),
	} {
		if r, err := report([]byte(forged)); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}

	// Where the log was cut off, what is behind an entry before that is all of it.
	c.advance(100 * 24 * time.Hour)
	record(t, l, sample(2))
	if err := l.CutOff(t.Context(), c.now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	r, err = report(export(t, l, audit.Query{After: 20}), 41, 3)
	if err != nil || r.After != 0 || !r.Cut || !r.Joined || fmt.Sprint(r.Unused) != "[3]" {
		t.Errorf("of a log that was cut off: %+v, %v", r, err)
	}
	if r = verify(t, export(t, l, audit.Query{After: 42})); r.After != 42 || r.Cut {
		t.Errorf("a part of a log that was cut off: %+v", r)
	}
}

// full is a file system whose disk has so many bytes free.
type full struct {
	vfs.FS
	free *atomic.Uint64
}

func (f full) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: f.free.Load()}, nil
}

// TestFullDisk refuses entries while there is no space, uses what is held back for it, and afterwards
// says how many are missing.
func TestFullDisk(t *testing.T) {
	c, free := newClock(1_000_000), &atomic.Uint64{}
	ballast := uint64(4 << 20)
	l := openLog(t, store.Options{
		FS: full{vfs.NewMem(), free}, MinFree: 2 << 20, Now: c.now, Release: func() { free.Add(ballast); ballast = 0 },
	})
	record(t, l, sample(1))
	free.Store(1 << 20)
	c.advance(time.Minute)
	if _, err := l.Record(t.Context(), sample(1)); !errors.Is(err, audit.ErrDiskFull) {
		t.Errorf("Record: %v", err)
	}
	for range 3 {
		if _, err := l.Note(sample(1)); !errors.Is(err, audit.ErrDiskFull) {
			t.Errorf("Note: %v", err)
		}
	}

	free.Store(1 << 40)
	c.advance(time.Minute)
	record(t, l, sample(2))
	found := lines(t, l, audit.Query{After: 1})
	if len(found) != 2 || found[0].Action != audit.Missed || string(found[0].Facts) != `{"entries":3}` {
		t.Errorf("afterwards there are %+v", found)
	}
	verify(t, export(t, l, audit.Query{}))
}
