package verify

import (
	"fmt"
	"math"
	"sync"
	"time"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/store"
)

// findings collects what verifying finds.
type findings struct {
	mu       sync.Mutex
	files    uint64    // whose checksums were compared
	done     uint64    // recordings that were compared
	since    time.Time // the first of them
	problems uint64
	derived  uint64 // those of the problems that are of the search index alone
	first    []index.Finding
}

// newFindings returns findings without any: an empty list rather than none, for the JSON.
func newFindings() *findings { return &findings{first: []index.Finding{}} }

// report is where the store reports what it finds.
type report struct {
	found *findings
	rest  func() error
}

// Damaged implements [store.Report].
func (r *report) Damaged(file string, err error) { r.found.file(index.DamagedFile, file, err) }

// Checked implements [store.Report].
func (r *report) Checked(files uint64) { r.found.checked(files, 0) }

// Rest implements [store.Report].
func (r *report) Rest() error { return r.rest() }

// add counts a problem, and keeps it if it is among the first.
func (f *findings) add(found index.Finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.problems++
	if found.Kind.Derived() {
		f.derived++
	}
	if len(f.first) < index.MaxFindings {
		f.first = append(f.first, found)
	}
}

// record adds a problem of one recording.
func (f *findings) record(kind index.Kind, key string, err error) {
	found := index.Finding{Kind: kind}
	if err != nil {
		found.Detail = fault.Line(err)
	}
	var malformed error
	if found.ContactCenter, found.ID, malformed = store.SplitRecordKey(key); malformed != nil {
		found.Detail = "a document that is of no recording"
	}
	f.add(found)
}

// file adds a problem of a file.
func (f *findings) file(kind index.Kind, name string, err error) {
	f.add(index.Finding{Kind: kind, File: name, Detail: fault.Line(err)})
}

// checked counts files and recordings that were compared.
func (f *findings) checked(files, recordings uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files += files
	f.done += recordings
	if f.since.IsZero() && recordings > 0 {
		f.since = time.Now()
	}
}

// measurable is how long something has to go on for the time left to be known.
const measurable = time.Second

// tell copies what was found so far, at a time or at the end of verifying.
func (f *findings) tell(v *index.Verification, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if took := at.Sub(f.since); !f.since.IsZero() && took > 0 {
		v.Rate = math.Round(float64(f.done)/took.Seconds()*10) / 10
		if took >= measurable && v.Total > f.done && v.Ended == 0 {
			v.SecondsLeft = int64(math.Ceil(float64(v.Total-f.done) / max(v.Rate, 0.1)))
		}
	}

	v.Files, v.Done, v.Problems = f.files, f.done, f.problems
	v.Findings = f.first[:len(f.first):len(f.first)]
}

// counts returns how many problems there are of what cannot be rebuilt, and of what can.
func (f *findings) counts() (records, derived uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.problems - f.derived, f.derived
}

// verdict says in one sentence what was found.
func (f *findings) verdict() (index.Phase, string) {
	records, derived := f.counts()
	var v index.Verification
	f.tell(&v, time.Now())

	damaged := fmt.Sprintf("failed: the recordings are damaged: %d problems; restore them from a backup", records)
	switch {
	case records == 0 && derived == 0:
		return index.Done, fmt.Sprintf("done: all is well: %d recordings, "+
			"each in the search index once and with the right terms; "+
			"the checksums of %d files are right", v.Done, v.Files)
	case records == 0:
		return index.Failed, fmt.Sprintf("failed: all %d recordings are whole, "+
			"but the search index has %d problems", v.Done, derived)
	case derived == 0:
		return index.Failed, damaged
	}
	return index.Failed, fmt.Sprintf("%s; and the search index has %d problems", damaged, derived)
}
