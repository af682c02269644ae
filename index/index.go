// Package index is the contract between the API and whatever keeps and finds recordings: [Index],
// its errors, and what every implementation promises. index/embedded implements it on one machine;
// index/indextest is the conformance suite that every implementation passes.
//
// Whose recordings are looked at is an argument of every read, as a [Scope], so that a handler cannot
// forget it: nothing of another contact center, region or team can come back.
//
// What is not about recordings is an interface of its own, since not every implementation has it:
// [ContactCenters], [Marks] (holds and labels), [MediaNames], [Orphans] (media files whose recording
// is gone), [Health], [Operations] and [Backups].
package index

import (
	"context"
	"errors"
	"fmt"

	"recordings/mapping"
)

// Index keeps recordings, and finds them.
//
// It notes when it made the last change of a recording durable (changedTime), which no client can
// set. These times never go back: a recording that a Search has not shown, as it was not durable yet,
// never has an earlier one than any that was shown. A Put that changes nothing does not change it.
//
// A Put or Delete that returned nil is durable (it survives kill -9 and a power cut) and is seen by
// every Get and Search that begins afterwards. A Put or Delete that returned an error has either
// happened or not; doing it again is always safe. All methods may be called concurrently.
type Index interface {
	// Put stores r in the contact center, or merges it into the stored recording with the same id
	// (see [mapping.Merge]). Concurrent Puts of one id are serialized; none is lost. Putting what
	// changes nothing writes nothing. [ErrHeld] means that the recording is under a hold, and would
	// have changed otherwise than by further media files and events. The marks of r are not looked at;
	// see [PutOptions].
	Put(ctx context.Context, contactCenter string, r *mapping.Recording) (Outcome, error)

	// PutAll does what a Put of each recording in turn would do, and returns what became of each,
	// in the same order. They become durable in groups, which takes a fraction of the time. An
	// error is of one recording; the others are put all the same. A recording with an error may
	// nevertheless have been stored, as with Put.
	PutAll(ctx context.Context, contactCenter string, recordings []*mapping.Recording, o PutOptions) []PutResult

	// Get returns one recording. [ErrNotFound] means that there is none with this id in this scope;
	// [AnyRegion] looks in all regions.
	Get(ctx context.Context, of Scope, id string) (*mapping.Recording, error)

	// Delete removes the metadata of one recording of any region, or returns [ErrNotFound], or
	// [ErrHeld] of one under a hold.
	Delete(ctx context.Context, contactCenter, id string) error

	// Search gives a page of the recordings that match to a sink, in the order that q asks for, from
	// one consistent state. Its errors are those of the sink, [ErrTooCostly], and a [*NotReadyError]
	// while the index is being rebuilt. [Find] collects a page.
	Search(ctx context.Context, q Query, to Sink) (Page, error)

	// Count returns how many recordings match, whichever part of them q wants. It has the errors of
	// Search.
	Count(ctx context.Context, q Query) (int, error)

	// Stream gives all recordings that match to a sink, as Search does, from one consistent state,
	// which it holds on to until it is done. It takes as long as its context and the sink let it,
	// and memory that does not depend on how many they are. It has the errors of Search, but for
	// ErrTooCostly. Offset and Limit of q are not looked at.
	Stream(ctx context.Context, q Query, to Sink) error

	// Scan calls fn for every recording of all contact centers, in the order of (contact center,
	// id), from one consistent state, until fn returns an error, which Scan returns.
	Scan(ctx context.Context, fn func(contactCenter string, r *mapping.Recording) error) error
}

// ContactCenters knows which contact centers there are.
type ContactCenters interface {
	// ContactCenters returns the ids of the contact centers that have recordings, of any region, in
	// order.
	ContactCenters(ctx context.Context) ([]string, error)
}

// AnyRegion as the region of a Get looks in all regions. No recording has it as its region.
const AnyRegion = ""

// Outcome is what a Put did.
type Outcome string

// The outcomes of a Put.
const (
	Created   Outcome = "created"
	Merged    Outcome = "merged"
	Unchanged Outcome = "unchanged"
)

// PutOptions are the settings of a PutAll.
type PutOptions struct {
	DryRun *DryRun // not nil: write nothing, and report what would become of each recording

	// Marks puts the marks of each recording on the stored one, too: see [mapping.Recording.AddMarks].
	// Labels that are not defined are an error, [ErrNoLabel].
	Marks bool
}

// PutResult is what became of one recording of a PutAll: an outcome, or an error.
type PutResult struct {
	Outcome Outcome
	Err     error
}

// Scope is whose recordings a read looks at: those of one contact center and one region, and of
// these what the caller's teams may see.
type Scope struct {
	ContactCenter string
	Region        string

	// Groups are the access groups of the caller; nil: they see all recordings. See
	// [mapping.Searchable.VisibleTo].
	Groups []string
}

// Has reports whether a recording of the contact center is in the scope.
func (s *Scope) Has(r *mapping.Recording) bool {
	return (s.Region == AnyRegion || r.Region == s.Region) && r.VisibleTo(s.Groups)
}

// Query is a search within a scope, whose region is one, and which part of its result is wanted.
type Query struct {
	Scope
	Criteria mapping.Criteria
	Order    Order
	Offset   int // how many of the first matches to leave out, >= 0
	Limit    int // how many to return at most, >= 1

	// Total asks to count all matches, too, in the same state. It may cost much more than the page.
	Total bool
}

// Order is the order of the recordings that a search or a stream gives.
type Order string

// The orders.
const (
	NewestFirst       Order = ""            // see mapping.CompareNewestFirst
	OldestFirst       Order = "startTime"   // see mapping.CompareOldestFirst
	OldestChangeFirst Order = "changedTime" // see mapping.CompareOldestChange
)

// Orders are all orders. The first one is that of who asks for none.
var Orders = []Order{NewestFirst, OldestFirst, OldestChangeFirst}

// Page says what there is beside the recordings that a Search gave to its sink.
type Page struct {
	More  bool // a further match exists behind this page
	Total int  // of all matches, if the query asked for it
}

// Sink takes recordings one after the other, in a form of its own: a page of large recordings then
// takes the memory of a few of them.
type Sink struct {
	// Encode appends the form of a recording to b. It is called by several goroutines at a time.
	Encode func(b []byte, r *mapping.Stored) ([]byte, error)
	// Write takes what Encode made of some recordings, which are in order, as are the calls. The
	// bytes are only valid during the call.
	Write func(b []byte, recordings int) error
}

// The errors of an Index, to be tested with errors.Is. What else comes back is an internal error.
var (
	ErrNotFound    = errors.New("no such recording")
	ErrChanged     = errors.New("the recording is not as it was seen")
	ErrTooLarge    = errors.New("the merged recording would be too large")
	ErrDiskFull    = errors.New("the disk is full")
	ErrUnavailable = errors.New("the index is not available; trying again is safe")
	ErrTooCostly   = errors.New("the search costs too much")
	ErrDamaged     = errors.New("what is stored of a recording is damaged")
	ErrHeld        = errors.New("the recording is protected from deletion")
)

// NotReadyError says that searches are not answered because the search index is being opened or rebuilt.
type NotReadyError struct {
	Done, Total uint64 // recordings that it has, and will have, while it is rebuilt; 0: it is being opened
	Waits       string // what it waits for; empty: for nothing
}

// Error implements [error].
func (e *NotReadyError) Error() string {
	text := "the search index is being opened"
	if e.Done+e.Total > 0 {
		text = fmt.Sprintf("the search index is being rebuilt: %d of %d recordings done", e.Done, e.Total)
	}
	if e.Waits != "" {
		text += "; it waits for space: " + e.Waits
	}
	return text
}
