// Package audit is the log of who did what: who signed in, searched, listened, deleted.
//
// Its entries form a chain: each holds the SHA-256 of the one before it and of itself, over canonical
// JSON (RFC 8785), so that nothing can be changed, dropped, swapped or put in between without breaking
// it. What a person has typed (criteria, reasons, values of labels) stands beside the chain, which has
// only its salted hash: it can be erased, and the chain still proves everything else.
//
// The one fact to know: an entry says what is about to be done, and is durable before it is done, where
// that matters ([Log.Record]); where it does not, entries are written without waiting for the disk
// ([Log.Note]). A log that cannot be written refuses both, and with it what was to be done.
//
// What a line of the log looks like, and what is hashed, is in chain.go. Where entries are kept is the
// business of package store.
package audit

import (
	"context"
	"errors"
	"time"
)

// Action is what somebody did.
type Action string

// The actions of people and machines, as the API and the command line name them.
const (
	SignIn    Action = "signIn"
	SignOut   Action = "signOut"
	Search    Action = "search"
	Count     Action = "count"    // of what a search would find, over time: who asks narrowly enough searches so, too
	Suggest   Action = "suggest"  // of values of recordings that complete what somebody types
	View      Action = "view"     // of what is stored about a recording
	Play      Action = "play"     // of media; see [Log.Listen]
	Preview   Action = "preview"  // likewise, of who says that it is to be drawn, and not to be heard
	Download  Action = "download" // of media, to keep it
	Export    Action = "export"   // of many recordings
	Post      Action = "post"     // creating and merging, by others than recorders
	Delete    Action = "delete"   // of one recording
	Forget    Action = "forget"   // taking media off the list of what is left behind
	Retry     Action = "retry"    // deleting media that was left behind
	Hold      Action = "hold"
	Release   Action = "release"
	Label     Action = "label"
	Comment   Action = "comment"  // writing, changing or deleting one
	Save      Action = "save"     // a search under a name, or removing such a one
	Deletion  Action = "deletion" // of many recordings: beginning, pausing, cancelling
	Retention Action = "retention"
	Reconcile Action = "reconcile"
	Reindex   Action = "reindex"
	Verify    Action = "verify"
	Backup    Action = "backup"
	Restore   Action = "restore"
	Reload    Action = "reload" // of the configuration
	Start     Action = "start"  // of the service

	// These are the log's own: entries before one were cut off, details were erased, entries that
	// nobody waits for could not be written.
	Cut    Action = "cut"
	Erase  Action = "erase"
	Missed Action = "missed"
)

// Actions are all of them.
var Actions = []Action{
	SignIn, SignOut, Search, Count, Suggest, View, Play, Preview, Download, Export, Post, Delete, Forget, Retry, Hold,
	Release, Label, Comment, Save, Deletion, Retention, Reconcile, Reindex, Verify, Backup, Restore, Reload, Start, Cut,
	Erase, Missed,
}

// First reports whether the entry of an action must be durable before the action has an effect.
func (a Action) First() bool {
	switch a {
	case SignIn, SignOut, Search, Count, Suggest, View, Post, Save, Verify:
		return false
	}
	return true
}

// Outcome is how it went.
type Outcome string

// The outcomes. What is begun has a second entry when it has ended, whose fact "begun" is the sequence
// of the first. Where there is none, the process ended before: it may have been done or not.
const (
	Begun    Outcome = "begun"
	Done     Outcome = "done"
	Partly   Outcome = "partly"   // some of it could not be done
	Invalid  Outcome = "invalid"  // it was not understood
	Refused  Outcome = "refused"  // it may not be done, now or by this user
	NotFound Outcome = "notFound" // there is no such thing
	Failed   Outcome = "failed"
)

// Entry is what the log is told. What is empty is left out.
type Entry struct {
	User          string // who; the command line has no user
	Role          string
	Address       string // of the network
	ContactCenter string
	Action        Action
	Recording     string // its id
	Outcome       Outcome

	// Facts say more, and are never erased: file, bytes, how many. Their values are texts, numbers,
	// whether something is so, and lists of these.
	Facts map[string]any

	// Detail is what is personal, such as criteria and reasons. It is erased with the recording that
	// the entry is about, or when it is old enough.
	Detail map[string]any
}

// What a log that refuses an entry says.
var (
	// ErrUnavailable: nothing can be written until a restart.
	ErrUnavailable = errors.New("the audit log cannot be written")
	// ErrDiskFull: there is no space on the disk.
	ErrDiskFull = errors.New("the disk is full, and the audit log cannot be written")
)

// Head is the end of a chain.
type Head struct {
	Sequence uint64 // of the newest entry; 0: there is none
	Hash     string // of that, in hexadecimal
}

// Status is how a log is doing.
type Status struct {
	Head
	First     uint64    // sequence of the oldest entry that is kept
	Time      time.Time // of the newest entry
	DiskBytes uint64
	Err       error // why nothing can be written; nil: it can
}

// Log is an audit log. All methods may be called concurrently.
type Log interface {
	// Record writes entries, and returns when they are durable. It returns the sequence of the last.
	Record(ctx context.Context, entries ...Entry) (uint64, error)

	// Note writes entries without waiting for the disk. How many it could not write, the next entry
	// says that can be written.
	Note(entries ...Entry) (uint64, error)

	// Listen notes that somebody is about to get bytes of a media file, to hear them (Play) or to draw
	// them (Preview). It returns when that is durable. Done must be called on what it returns, unless
	// there is an error. What a player asks for in pieces is one listening: its first entry has the
	// outcome begun; a minute after the last piece, or when the log is closed, a second one says which
	// bytes were sent.
	Listen(ctx context.Context, e Entry, media string) (Listening, error)

	// EraseDetails erases the details of all entries about recordings that were deleted, durably; their
	// hashes stay. Of one without an entry of the deletion it erases nothing.
	EraseDetails(ctx context.Context, contactCenter string, recordings ...string) error

	// Walk calls yield for each line that is wanted, the newest last, in canonical JSON and without a
	// line feed. What is written meanwhile is not shown. It returns the end of the chain at that moment.
	Walk(ctx context.Context, q Query, yield func(line []byte) error) (Head, error)

	// SignIns calls yield for the sign-ins of a user that were done, or those that were refused, the newest
	// first, until it returns false. Of the lines only what an [Entry] has is there, without the detail. They
	// are found at once, however long the log is.
	SignIns(ctx context.Context, user string, outcome Outcome, yield func(*Line) bool) error

	// Err returns why no entry can be written now: [ErrUnavailable], [ErrDiskFull], or nil.
	Err() error
	Status() Status
}

// Listening is one request of a listening that is going on.
type Listening interface {
	Heard(from, bytes int64) // bytes were sent, from an offset on
	Done()                   // the request has ended
}
