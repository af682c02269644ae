// Package indextest is the conformance suite of [index.Index]: what every implementation promises,
// tested from the outside. It knows nothing of what keeps or finds the recordings. The meaning of a
// search is [mapping.Criteria.Match]; the generators of its property test are exported for other
// tests to use.
//
// An implementation passes the suite by a test that calls [Run] and [RunProperties] with an
// [Opener]. It may take its time to become ready, and to index what was put: the suite waits for
// both, by Search and by Status. It must be closed and opened again without losing anything, so the
// place that an Opener makes must outlive the index; each test has a place of its own, and several
// run at a time.
package indextest

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"recordings/index"
	"recordings/mapping"
)

// Index is what the suite tests: an index, with what it needs to be looked at and closed.
// Operations and backups are no part of it, as an implementation may have others.
type Index interface {
	index.Index
	index.Histograms
	index.ContactCenters
	index.Orphans
	index.Marks
	index.Labels
	index.SavedSearches
	index.MediaNames
	index.Health
	io.Closer
}

// Opener makes an empty place for an index and returns a function that opens the index in it. That
// function is called again, after the index was closed, to open the same one again. What it needs
// it cleans up by t.Cleanup.
type Opener func(t testing.TB) (open func(t testing.TB) Index)

// Run runs the conformance suite.
func Run(t *testing.T, fresh Opener) {
	tests := map[string]func(*testing.T, Opener){
		"Put":            testPut,
		"PutAll":         testPutAll,
		"PutAllLong":     testPutAllLong,
		"Delete":         testDelete,
		"DeleteSeen":     testDeleteSeen,
		"Orphaned":       testOrphaned,
		"Holds":          testHolds,
		"MarkAll":        testMarkAll,
		"Labels":         testLabels,
		"DropLabel":      testDropLabel,
		"PutMarks":       testPutMarks,
		"Comments":       testComments,
		"CommentBounds":  testCommentBounds,
		"SavedSearches":  testSavedSearches,
		"NamedBy":        testNamedBy,
		"Claims":         testClaims,
		"Tenancy":        testTenancy,
		"ContactCenters": testContactCenters,
		"Region":         testRegion,
		"OddKeys":        testOddKeys,
		"Order":          testOrder,
		"Pages":          testPages,
		"Sink":           testSink,
		"DeepPages":      testDeepPages,
		"Criteria":       testCriteria,
		"Changes":        testChanges,
		"Count":          testCount,
		"Stream":         testStream,
		"StreamState":    testStreamState,
		"ReadYourWrites": testReadYourWrites,
		"OldVersions":    testOldVersions,
		"ManyTerms":      testManyTerms,
		"Scan":           testScan,
		"ScanState":      testScanState,
		"Reopen":         testReopen,
		"Concurrent":     testConcurrent,
		"ConcurrentKeys": testConcurrentKeys,
		"ConcurrentAll":  testConcurrentAll,
		"Isolation":      testIsolation,
		"Context":        testContext,
		"Closed":         testClosed,
		"Status":         testStatus,
	}

	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits, for the disk most of all
			test(t, fresh)
		})
	}
}

// Sized is how much of a random world, or how often, a test needs: with -short a small part, enough
// for what goes wrong always; the full size finds what needs luck.
func Sized(full, short int) int {
	if testing.Short() {
		return short
	}
	return full
}

const (
	patience = time.Minute // for what must happen some time
	center   = "a5539ef5-7dd5-4150-818f-ee1bcd447cbe"
	region   = "us-west"
)

// here is where most tests look.
var here = index.Scope{ContactCenter: center, Region: region}

// start opens an empty index, which is ready and closed at the end of the test.
func start(t *testing.T, fresh Opener) Index {
	t.Helper()
	x := Ready(t, fresh(t)(t))
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Errorf("closing the index: %v", err)
		}
	})
	return x
}

// Ready waits until an index answers searches, and returns it. Until then it must say that it is
// not ready.
func Ready[X index.Index](t testing.TB, x X) X {
	t.Helper()
	waitFor(t, "the index to be ready", func() bool {
		_, err := index.Find(t.Context(), x, index.Query{Scope: here, Limit: 1})
		var notReady *index.NotReadyError
		if err != nil && !errors.As(err, &notReady) {
			t.Fatalf("searching: %v", err)
		}
		return err == nil
	})
	return x
}

// Settle waits until nothing is pending: all changes are in the search index.
func Settle(t testing.TB, x index.Health) {
	t.Helper()
	waitFor(t, "the search index to catch up", func() bool { return x.Status().Pending == 0 })
}

// waitFor waits until a condition holds, and fails the test if it never does.
func waitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// New returns a recording with one media file that starts at a time and ends a second later, and
// one event.
func New(id, region string, startTime mapping.Time) *mapping.Recording {
	return &mapping.Recording{
		ID:                id,
		CallerPhoneNumber: "+16504668888",
		DialedPhoneNumber: "+14155551234",
		Region:            region,
		MediaFiles:        []mapping.MediaFile{mediaFile("first.mp3", startTime, startTime+1000)},
		EventHistory:      []mapping.Event{joined(startTime, "+14103585834", "alice@example.com", "Alice", "Amber")},
	}
}

// mediaFile is a media file in a storage that nobody asks.
func mediaFile(path string, startTime, stopTime mapping.Time) mapping.MediaFile {
	return mapping.MediaFile{
		Descriptor: mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: "http://media.example.com/" + path},
		CallUUID:   "callUUID",
		StartTime:  startTime,
		StopTime:   min(max(stopTime, 0), mapping.MaxTime),
	}
}

// joined is the event of an agent who joins a call.
func joined(at mapping.Time, phoneNumber, userName, firstName, lastName string) mapping.Event {
	return mapping.Event{
		OccurredAt: at,
		Event:      mapping.EventJoined,
		Contact: &mapping.Contact{
			Type:        mapping.ContactUser,
			PhoneNumber: phoneNumber,
			UserName:    userName,
			FirstName:   firstName,
			LastName:    lastName,
		},
	}
}

// put stores a recording and checks the outcome.
func put(t testing.TB, x Index, contactCenter string, r *mapping.Recording, want index.Outcome) {
	t.Helper()
	got, err := x.Put(t.Context(), contactCenter, r)
	if err != nil || got != want {
		t.Fatalf("Put(%q, %q) = %v, %v, want %v", contactCenter, r.ID, got, err, want)
	}
}

// wantGet checks that there is exactly this recording.
func wantGet(t testing.TB, x Index, contactCenter, region string, want *mapping.Recording) {
	t.Helper()
	got, err := x.Get(t.Context(), index.Scope{ContactCenter: contactCenter, Region: region}, want.ID)
	if err != nil {
		t.Fatalf("Get(%q, %q, %q): %v", contactCenter, region, want.ID, err)
	}
	if g, w := encode(t, got), encode(t, want); g != w {
		t.Fatalf("Get(%q, %q, %q)\n got %s\nwant %s", contactCenter, region, want.ID, g, w)
	}
}

// wantMissing checks that there is no such recording.
func wantMissing(t testing.TB, x Index, contactCenter, region, id string) {
	t.Helper()
	of := index.Scope{ContactCenter: contactCenter, Region: region}
	if r, err := x.Get(t.Context(), of, id); !errors.Is(err, index.ErrNotFound) {
		t.Fatalf("Get(%q, %q, %q) = %v, %v, want ErrNotFound", contactCenter, region, id, r, err)
	}
}

// encode is how recordings are compared: byte by byte, as they are stored but for when they were
// changed, which only the index knows.
func encode(t testing.TB, r *mapping.Recording) string {
	t.Helper()
	b, err := mapping.Encode(unstamped(r))
	if err != nil {
		t.Fatalf("encoding a recording: %v", err)
	}
	return string(b)
}

// unstamped is a recording without when it was changed.
func unstamped(r *mapping.Recording) *mapping.Recording {
	without := *r
	without.ChangedTime = 0
	return &without
}

// criteria parses name=value pairs.
func criteria(t testing.TB, params ...string) mapping.Criteria {
	t.Helper()
	given := make(map[string]string)
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		given[name] = timeParam(name, value)
	}
	c, err := mapping.ParseCriteria(given)
	if err != nil {
		t.Fatalf("parsing %q: %v", params, err)
	}
	return c
}

// timeParam writes a time that the tests give in milliseconds as a client would. As a number, times
// of 1970 are refused.
func timeParam(name, value string) string {
	switch name {
	case mapping.ParamStartTime, mapping.ParamEndTime, mapping.ParamStartedBefore, mapping.ParamEndedAfter,
		mapping.ParamChangedSince:
		if ms, err := strconv.ParseInt(value, 10, 64); err == nil {
			return mapping.Time(ms).String()
		}
	}
	return value
}

// pageOf is a query for a page of what matches in the contact center.
func pageOf(t testing.TB, in string, offset, limit int, params ...string) index.Query {
	t.Helper()
	return index.Query{
		Scope:    index.Scope{ContactCenter: center, Region: in},
		Criteria: criteria(t, params...),
		Offset:   offset,
		Limit:    limit,
	}
}

// find returns the ids of the page, joined by spaces, with a + behind the last if there is more.
func find(t testing.TB, x Index, q index.Query) string {
	t.Helper()
	page, err := index.Find(t.Context(), x, q)
	if err != nil {
		t.Fatalf("Search(%+v): %v", q, err)
	}
	ids := make([]string, 0, len(page.Recordings)+1)
	for _, r := range page.Recordings {
		ids = append(ids, r.ID)
	}
	if page.More {
		ids = append(ids, "+")
	}
	return strings.Join(ids, " ")
}

// wantFound checks which recordings of the contact center and region are found, pending or not.
func wantFound(t testing.TB, x Index, contactCenter, region string, want string, params ...string) {
	t.Helper()
	of := index.Scope{ContactCenter: contactCenter, Region: region}
	q := index.Query{Scope: of, Criteria: criteria(t, params...), Limit: 100}
	if got := find(t, x, q); got != want {
		t.Errorf("searching %q in %q, %q found %q, want %q", params, contactCenter, region, got, want)
	}
}

// bothWays runs a check on what was just written, and again when the search index has it.
func bothWays(t *testing.T, x Index, check func()) {
	t.Helper()
	check()
	Settle(t, x)
	check()
}

// expect returns what a search must find among recordings of one contact center, and how many
// match: the reference that every implementation must equal.
func expect(recordings map[string]*mapping.Recording, q index.Query) (ids []string, more bool, total int) {
	matches := matching(recordings, q)
	slices.SortFunc(matches, func(a, b *mapping.Recording) int {
		switch q.Order {
		case index.OldestChangeFirst:
			return mapping.CompareOldestChange(a.ChangedTime, a.StartTime(), a.ID, b.ChangedTime, b.StartTime(), b.ID)
		case index.OldestFirst:
			return mapping.CompareOldestFirst(a.StartTime(), a.ID, b.StartTime(), b.ID)
		}
		return mapping.CompareNewestFirst(a.StartTime(), a.ID, b.StartTime(), b.ID)
	})
	total = len(matches)
	matches = matches[min(q.Offset, len(matches)):]
	for _, r := range matches[:min(q.Limit, len(matches))] {
		ids = append(ids, r.ID)
	}
	return ids, len(matches) > q.Limit, total
}

// matching returns the recordings that a query matches, in no order.
func matching(recordings map[string]*mapping.Recording, q index.Query) (matches []*mapping.Recording) {
	for _, r := range recordings {
		if q.Has(r) && mapping.Match(&q.Criteria, r) {
			matches = append(matches, r)
		}
	}
	return matches
}

// CheckPage compares a page with what it must be, given all recordings of the contact center by
// their ids.
func CheckPage(recordings map[string]*mapping.Recording, q index.Query, page index.Found) error {
	ids, more, total := expect(recordings, q)
	var got []string
	for _, r := range page.Recordings {
		got = append(got, r.ID)
	}
	if !slices.Equal(got, ids) || page.More != more {
		return fmt.Errorf("found %q, more %v; want %q, more %v", got, page.More, ids, more)
	}
	if !q.Total {
		total = 0
	}
	if page.Total != total {
		return fmt.Errorf("counted %d matches, want %d", page.Total, total)
	}
	for _, r := range page.Recordings {
		if err := checkVersion(r, recordings[r.ID]); err != nil {
			return err
		}
	}
	return nil
}

// checkVersion compares a recording that was found with what it must be. Where it is not known when
// it was changed, any time will do.
func checkVersion(r, want *mapping.Recording) error {
	known := *want
	if known.ChangedTime == 0 {
		known.ChangedTime = r.ChangedTime
	}
	if reflect.DeepEqual(r, &known) { // mostly, and in a fifth of the time
		return nil
	}

	got, err := mapping.Encode(r)
	if err != nil {
		return err
	}
	wanted, err := mapping.Encode(&known)
	if err != nil {
		return err
	}
	if string(got) != string(wanted) {
		return fmt.Errorf("found another version of %q\n got %s\nwant %s", r.ID, got, wanted)
	}
	return nil
}
