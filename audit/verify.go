package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
)

// Report is what a proven chain is.
type Report struct {
	First, Last uint64 // sequences
	Hash        string // of the last
	Hidden      uint64 // entries of which only the hashes are there
	Erased      uint64 // details that were erased
	Cut         bool   // the old end was cut off, and signed off

	// Of a part of a chain, that is, of an export with [Query.After]: the entry that it follows, and the
	// hash by which its first entry refers to that, which proves nothing unless it is known.
	After  uint64 // 0: it is no part
	Before string
	Joined bool // the hash is known

	Unused []uint64 // the sequences of known hashes that lie before all this, in order, and prove nothing
}

// Verifier proves a chain, line by line. An error is the end of it.
type Verifier struct {
	known map[uint64]string // hashes that somebody has kept elsewhere, by their sequences

	report   Report
	previous string // hash of the line before
	before   string // hash before the first line

	// What only a later entry can justify: that the first line is not the first entry, and the last
	// entry about a recording, or about none, whose detail is missing.
	cut     bool
	missing map[key]uint64

	after uint64 // behind which entry an export says that it begins
}

// key is a recording. Without an id it stands for all that is about none.
type key struct{ contactCenter, id string }

// NewVerifier returns a verifier. It also makes sure of hashes that are known from elsewhere, by their
// sequences: only these prove that the end was not cut off, and that not all was made anew.
func NewVerifier(known map[uint64]string) *Verifier {
	return &Verifier{known: known, missing: map[key]uint64{}}
}

// Line takes the next line, as [Log.Walk] gives it.
func (v *Verifier) Line(text []byte) error {
	l, err := parseLine(text)
	if err != nil {
		return fmt.Errorf("the entry after %d: %w", v.report.Last, err)
	}
	if err := v.Add(l); err != nil {
		return fmt.Errorf("entry %d: %w", l.Sequence, err)
	}
	return nil
}

// Add takes the next line, parsed.
func (v *Verifier) Add(l *Line) error {
	if err := v.link(l); err != nil {
		return err
	}
	hash, err := l.ChainHash()
	if err != nil {
		return err
	}
	if hash != l.Hash {
		return errors.New("its hash is not the one of what it says: it was changed")
	}
	if want, ok := v.known[l.Sequence]; ok && want != l.Hash {
		return fmt.Errorf("its hash is not %s, which is known of it: the chain was made anew", want)
	}
	if l.Hidden() {
		v.report.Hidden++
	} else if err := v.detail(l); err != nil {
		return err
	}

	v.report.Last, v.report.Hash, v.previous = l.Sequence, l.Hash, l.Hash
	return v.justify(l)
}

// link makes sure that an entry follows the one before.
func (v *Verifier) link(l *Line) error {
	if v.report.First == 0 {
		if l.Sequence == 0 {
			return errors.New("no entry has this sequence")
		}
		v.report.First, v.before = l.Sequence, l.Previous
		v.cut = l.Sequence > 1
		if !v.cut && l.Previous != Genesis {
			return errors.New("it is the first, and refers to one before it")
		}
		return nil
	}
	if l.Sequence != v.report.Last+1 {
		return fmt.Errorf("it follows entry %d: entries are missing, or out of order", v.report.Last)
	}
	if l.Previous != v.previous {
		return errors.New("it does not refer to the entry before it: one of the two was changed")
	}
	return nil
}

// detail makes sure that the detail is the one whose hash is in the chain.
func (v *Verifier) detail(l *Line) error {
	switch {
	case l.Detail != nil:
		if DetailHash(l.Detail, l.DetailSalt) != l.DetailHash {
			return errors.New("its detail was changed")
		}
	case l.DetailSalt != "":
		return errors.New("it has a salt without a detail")
	case l.DetailHash != "":
		v.report.Erased++
		v.missing[key{l.ContactCenter, l.Recording}] = l.Sequence
	}
	return nil
}

// justify looks whether an entry says why something before it is missing.
func (v *Verifier) justify(l *Line) error {
	switch {
	case l.JustifiesErasing():
		delete(v.missing, key{l.ContactCenter, l.Recording})
	case l.Action == Cut, l.Action == Erase:
		var f struct {
			Through uint64 `json:"through"`
			Hash    string `json:"hash"`
		}
		if err := json.Unmarshal(l.Facts, &f); err != nil {
			return errors.New("it does not say what was cut off")
		}
		if l.Action == Cut && f.Through+1 == v.report.First && f.Hash == v.before {
			v.cut, v.report.Cut = false, true
		}
		for k, sequence := range v.missing {
			if sequence <= f.Through {
				delete(v.missing, k)
			}
		}
	}
	return nil
}

// End returns what is proven, when there are no more lines.
func (v *Verifier) End() (Report, error) {
	if v.cut && v.after > 0 && v.report.First == v.after+1 {
		v.report.After, v.report.Before, v.cut = v.after, v.before, false
	}
	if v.cut {
		const message = "the chain begins with entry %d, and no entry says that those before it were cut off"
		return v.report, fmt.Errorf(message, v.report.First)
	}
	for k, sequence := range v.missing {
		return v.report, fmt.Errorf("entry %d: its detail is missing, and no entry after it says that recording %q "+
			"was deleted or is not there, or that old details were erased", sequence, k.id)
	}
	return v.report, v.compareKnown()
}

// compareKnown compares what is known from elsewhere of entries that are not among the lines.
func (v *Verifier) compareKnown() error {
	for _, sequence := range slices.Sorted(maps.Keys(v.known)) {
		hash := v.known[sequence]
		switch {
		case sequence > max(v.report.Last, v.after):
			const message = "the chain ends with entry %d, and there was an entry %d, whose hash %s is known"
			return fmt.Errorf(message, max(v.report.Last, v.after), sequence, hash)
		case sequence >= v.report.First && v.report.First > 0: // Add has compared it
		case sequence+1 == v.report.First && hash != v.before:
			const message = "entry %d refers to an entry %d with the hash %s, and not with %s, which is known of it"
			return fmt.Errorf(message, v.report.First, sequence, v.before, hash)
		case sequence+1 == v.report.First:
			v.report.Joined = true
		default:
			v.report.Unused = append(v.report.Unused, sequence)
		}
	}
	return nil
}

// Trailer is the last line of an export: that it is whole.
type Trailer struct {
	After      uint64 `json:"after,omitzero"` // of a chain: the entry behind which it was asked for
	Count      uint64 `json:"count"`
	Hash       string `json:"hash"`     // of the newest entry of the log
	Sequence   uint64 `json:"sequence"` // of that
	StatusCode int    `json:"statusCode"`
}

// maxLine bounds a line, in bytes.
const maxLine = 16 << 20

// VerifyExport proves the chain of an export with its trailer. Where the trailer says that it is a part,
// what is before that is not proven, and the report says so.
func VerifyExport(r io.Reader, known map[uint64]string) (Report, error) {
	v := NewVerifier(known)
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	lines.Split(splitLines)

	var last []byte
	count := uint64(0)
	for lines.Scan() {
		if last != nil {
			if err := v.Line(last); err != nil {
				return v.report, err
			}
			count++
		}
		last = append(last[:0], lines.Bytes()...)
	}
	if err := lines.Err(); err != nil {
		return v.report, fmt.Errorf("reading the export: %w", err)
	}
	if err := v.trailer(last, count); err != nil {
		return v.report, err
	}
	return v.End()
}

// trailer takes the last line of an export, which has to be about so many entries before it.
func (v *Verifier) trailer(text []byte, count uint64) error {
	var t Trailer
	err := json.Unmarshal(text, &t, json.RejectUnknownMembers(true))
	again, _ := json.Marshal(&t) // of numbers and a text, always possible
	if err != nil || !bytes.Equal(again, text) || t.StatusCode != 0 {
		const message = "the export was broken off after entry %d: its last line does not say that it is whole"
		return fmt.Errorf(message, v.report.Last)
	}

	wrongEnd := t.Sequence != v.report.Last || t.Hash != v.report.Hash
	if count == 0 {
		wrongEnd = t.Sequence > t.After
	}
	if t.Count != count || wrongEnd {
		const message = "the last line says that there are %d entries up to %d; there are %d up to %d"
		return fmt.Errorf(message, t.Count, t.Sequence, count, v.report.Last)
	}
	if count > 0 && v.report.First <= t.After {
		const message = "the last line says that this is what comes after entry %d, and it begins with entry %d"
		return fmt.Errorf(message, t.After, v.report.First)
	}
	v.after = t.After
	if count == 0 {
		v.report.After = t.After
	}
	return nil
}

// splitLines is a [bufio.SplitFunc] of lines that all end with a line feed, and nothing else.
func splitLines(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, errors.New("the last line does not end")
	}
	return 0, nil, nil
}
