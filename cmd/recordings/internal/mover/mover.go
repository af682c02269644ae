// Package mover copies everything that an index keeps to another one, of whatever kind: recordings with
// their holds, labels and comments, the definitions of labels, the searches that users have saved, and the media
// left behind.
//
// The one fact to know: both indexes give their recordings in the same order, so they are compared side
// by side, and only what differs is written. A move that was interrupted therefore goes on where it was
// when it is begun again, and the same walk, without writing anything, verifies the result: not by
// samples, but recording by recording.
package mover

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"

	"recordings/index"
	"recordings/mapping"
)

// Place is an index that is moved from or to.
type Place interface {
	index.Index
	index.ContactCenters
	index.Labels
	index.SavedSearches
	index.Orphans
}

// Phase is what is being done.
type Phase string

// The phases, in their order.
const (
	Labels    Phase = "labels"
	Searches  Phase = "saved searches"
	Copying   Phase = "copying"
	Orphans   Phase = "media left behind"
	Comparing Phase = "comparing"
	Counting  Phase = "counting"
)

// Options are the settings of a move.
type Options struct {
	Centers []string // contact centers that may have labels or media left behind, though no recordings
	Check   bool     // only compare

	// Tell is called often with how many recordings were looked at; nil: nobody is told.
	Tell func(phase Phase, done uint64)
}

// Report is what a move has done and found.
type Report struct {
	Recordings uint64 `json:"recordings"` // of the place that is moved from
	Written    uint64 `json:"written"`    // that the other place did not have, or not so
	Labels     int    `json:"labels"`     // definitions
	Searches   int    `json:"searches"`   // that users have saved
	Orphans    int    `json:"orphans"`    // media left behind

	Problems uint64    `json:"problems"`
	Findings []Problem `json:"findings"` // the first [MaxProblems]
}

// MaxProblems is how many problems a Report lists one by one.
const MaxProblems = 1000

// Problem is what the two places disagree about.
type Problem struct {
	Kind          Kind   `json:"kind"`
	ContactCenter string `json:"contactCenter"`
	ID            string `json:"id,omitzero"` // of the recording
	Detail        string `json:"detail,omitzero"`
}

// Kind is what is wrong with a recording, or with a contact center.
type Kind string

// The kinds of problems.
const (
	Refused    Kind = "refused"      // the other place does not take it
	Missing    Kind = "missing"      // the other place does not have it
	Different  Kind = "different"    // the other place has it otherwise
	Additional Kind = "additional"   // only the other place has it; nothing is deleted there
	Count      Kind = "found or not" // a search counts another number of recordings
)

// add counts a problem, and keeps it if it is among the first.
func (r *Report) add(p Problem) {
	if r.Problems++; len(r.Findings) < MaxProblems {
		r.Findings = append(r.Findings, p)
	}
}

// move is one run.
type move struct {
	Options
	from, to Place
	report   Report
	counts   map[scope]int // recordings of from
}

// scope is what a search looks at.
type scope struct{ contactCenter, region string }

// Run moves, and compares what there is then. Nobody may write to either place meanwhile. The report says
// how far it came also where there is an error; then it can be begun again.
func Run(ctx context.Context, from, to Place, o Options) (Report, error) {
	m := &move{Options: o, from: from, to: to, report: Report{Findings: []Problem{}}}
	if m.Tell == nil {
		m.Tell = func(Phase, uint64) {}
	}
	steps := []func(context.Context) error{m.labels, m.searches, m.copy, m.orphans, m.compare, m.count}
	if o.Check {
		steps = []func(context.Context) error{m.compare, m.count}
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return m.report, err
		}
	}
	return m.report, nil
}

// centers are all contact centers that may have something.
func (m *move) centers(ctx context.Context) ([]string, error) {
	all, err := m.from.ContactCenters(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the contact centers: %w", err)
	}
	all = append(slices.Clone(m.Centers), all...)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// labels moves the definitions of labels, without which no recording may bear any.
func (m *move) labels(ctx context.Context) error {
	m.Tell(Labels, 0)
	centers, err := m.centers(ctx)
	if err != nil {
		return err
	}
	for _, center := range centers {
		all, err := m.from.Labels(ctx, center)
		if err != nil {
			return fmt.Errorf("reading the labels of %q: %w", center, err)
		}
		for _, d := range all {
			err := m.to.DefineLabel(ctx, center, d, false)
			if errors.Is(err, index.ErrLabelExists) {
				err = m.to.DefineLabel(ctx, center, d, true)
			}
			if err != nil {
				return fmt.Errorf("defining the label %q of %q: %w", d.Name, center, err)
			}
			m.report.Labels++
		}
	}
	return nil
}

// searches moves the searches that users have saved. One of a name that the other place has takes its place
// there.
func (m *move) searches(ctx context.Context) error {
	m.Tell(Searches, 0)
	centers, err := m.centers(ctx)
	if err != nil {
		return err
	}
	for _, center := range centers {
		users, err := m.from.SavedSearchUsers(ctx, center)
		if err != nil {
			return fmt.Errorf("listing the saved searches of %q: %w", center, err)
		}
		for _, user := range users {
			saved, err := m.from.SavedSearches(ctx, center, user)
			if err != nil {
				return fmt.Errorf("reading the saved searches of %q: %w", center, err)
			}
			add := func(all []index.SavedSearch) (_ []index.SavedSearch, err error) {
				for _, s := range saved {
					if all, err = index.SaveSearch(s)(all); err != nil {
						return nil, err
					}
				}
				return all, nil
			}
			if err := m.to.ChangeSavedSearches(ctx, center, user, add); err != nil {
				return fmt.Errorf("keeping the saved searches of %q: %w", center, err)
			}
			m.report.Searches += len(saved)
		}
	}
	return nil
}

// orphans moves the list of media left behind.
func (m *move) orphans(ctx context.Context) error {
	const each = 200
	m.Tell(Orphans, 0)
	centers, err := m.centers(ctx)
	if err != nil {
		return err
	}
	for _, center := range centers {
		for after := ""; ; {
			some, err := m.from.Orphaned(ctx, center, after, each)
			if err != nil {
				return fmt.Errorf("reading the media left behind of %q: %w", center, err)
			}
			if len(some) == 0 {
				break
			}
			if err := m.to.SettleOrphaned(ctx, center, nil, some); err != nil {
				return fmt.Errorf("keeping the media left behind of %q: %w", center, err)
			}
			m.report.Orphans += len(some)
			after = some[len(some)-1].ID
		}
	}
	return nil
}

// The most that is written in one step.
const (
	groupSize  = 500
	groupBytes = 4 << 20
)

// group is what is about to be written, of one contact center.
type group struct {
	contactCenter string
	recordings    []*mapping.Recording
	bytes         int
}

// copy writes what the other place does not have as it should.
func (m *move) copy(ctx context.Context) error {
	var g group
	done := uint64(0)
	err := m.walk(ctx, func(p *pair) error {
		if done++; done%64 == 0 {
			m.Tell(Copying, done)
		}
		if p.from == nil || string(p.want) == string(p.have) {
			return nil
		}

		if g.contactCenter != p.contactCenter || len(g.recordings) >= groupSize || g.bytes >= groupBytes {
			if err := m.put(ctx, &g); err != nil {
				return err
			}
			g = group{contactCenter: p.contactCenter}
		}
		g.recordings, g.bytes = append(g.recordings, p.from), g.bytes+len(p.want)
		return nil
	})
	if err != nil {
		return err
	}
	return m.put(ctx, &g)
}

// put writes a group. What is refused is a finding: the others are moved all the same.
func (m *move) put(ctx context.Context, g *group) error {
	if len(g.recordings) == 0 {
		return nil
	}
	for i, r := range m.to.PutAll(ctx, g.contactCenter, g.recordings, index.PutOptions{Marks: true}) {
		switch {
		case r.Err == nil && r.Outcome == index.Unchanged: // a difference that stays: see differing
		case r.Err == nil:
			m.report.Written++
		case errors.Is(r.Err, index.ErrUnavailable), errors.Is(r.Err, index.ErrDiskFull), ctx.Err() != nil:
			return fmt.Errorf("writing recordings of %q: %w", g.contactCenter, r.Err)
		default:
			m.report.add(Problem{Refused, g.contactCenter, g.recordings[i].ID, r.Err.Error()})
		}
	}
	return nil
}

// compare compares all recordings. What was refused is missing, too, and is told once.
func (m *move) compare(ctx context.Context) error {
	refused := make(map[[2]string]bool)
	for _, p := range m.report.Findings {
		refused[[2]string{p.ContactCenter, p.ID}] = true
	}
	m.counts, m.report.Recordings = make(map[scope]int), 0
	return m.walk(ctx, func(p *pair) error {
		if p.from != nil {
			m.counts[scope{p.contactCenter, p.from.Region}]++
			if m.report.Recordings++; m.report.Recordings%64 == 0 {
				m.Tell(Comparing, m.report.Recordings)
			}
		}

		kind := Different
		switch {
		case string(p.want) == string(p.have) || refused[[2]string{p.contactCenter, p.id}]:
			return nil
		case p.to == nil:
			kind = Missing
		case p.from == nil:
			kind = Additional
		}
		problem := Problem{Kind: kind, ContactCenter: p.contactCenter, ID: p.id}
		if kind == Different {
			problem.Detail = differing(p.from, p.to)
		}
		m.report.add(problem)
		return nil
	})
}

// differing says what is not the same in two recordings of one id. What was copied was merged: that takes no
// hold, label, comment, media file or event away, since nobody can tell whether it was added there or removed here.
func differing(from, to *mapping.Recording) string {
	var parts []string
	if !reflect.DeepEqual(from.NonDelete, to.NonDelete) {
		parts = append(parts, "the hold")
	}
	if !reflect.DeepEqual(from.Labels, to.Labels) {
		parts = append(parts, "the labels")
	}
	if !reflect.DeepEqual(from.Comments, to.Comments) {
		parts = append(parts, "the comments")
	}
	a, b := *from, *to
	for _, r := range []*mapping.Recording{&a, &b} {
		r.ChangedTime, r.NonDelete, r.Labels, r.Comments = 0, nil, nil, nil
	}
	formA, errA := mapping.Encode(&a)
	formB, errB := mapping.Encode(&b)
	if errA != nil || errB != nil || string(formA) != string(formB) {
		parts = append(parts, "the metadata")
	}
	return strings.Join(parts, ", ")
}

// count compares how many recordings a search of the other place counts, for each contact center and region.
func (m *move) count(ctx context.Context) error {
	m.Tell(Counting, m.report.Recordings)
	if m.report.Problems > 0 {
		return nil // the numbers say nothing then
	}
	var everything mapping.Time
	for s, want := range m.counts {
		got, err := m.to.Count(ctx, index.Query{
			Scope:    index.Scope{ContactCenter: s.contactCenter, Region: s.region},
			Criteria: mapping.Criteria{StartTime: &everything}, Limit: 1,
		})
		if err != nil {
			return fmt.Errorf("counting the recordings of %q: %w", s.contactCenter, err)
		}
		if got != want {
			detail := fmt.Sprintf("a search of the region %q counts %d recordings, of %d", s.region, got, want)
			m.report.add(Problem{Kind: Count, ContactCenter: s.contactCenter, Detail: detail})
		}
	}
	return nil
}

// pair is what both places have under an id; nil: one has nothing.
type pair struct {
	contactCenter, id string
	from, to          *mapping.Recording
	want, have        []byte // their stored forms, but for the times of their changes, which each place gives
}

// walk calls fn for every id that one of the places has, in order.
func (m *move) walk(ctx context.Context, fn func(*pair) error) error {
	from, to := newSide(ctx, m.from), newSide(ctx, m.to)
	defer from.stop()
	defer to.stop()
	from.advance()
	to.advance()
	for from.one != nil || to.one != nil {
		order := from.one.compare(to.one)
		p := new(pair)
		if order <= 0 {
			one := from.one
			p.contactCenter, p.id, p.from, p.want = one.contactCenter, one.ID, one.Recording, one.form
			from.advance()
		}
		if order >= 0 {
			one := to.one
			p.contactCenter, p.id, p.to, p.have = one.contactCenter, one.ID, one.Recording, one.form
			to.advance()
		}
		if err := errors.Join(from.err, to.err); err != nil {
			return err
		}
		if err := fn(p); err != nil {
			return err
		}
	}
	return errors.Join(from.err, to.err)
}

// side is the recordings of a place, one after the other.
type side struct {
	next func() (*entry, bool)
	stop func()
	one  *entry // nil: at the end
	err  error
}

// entry is a recording of a contact center.
type entry struct {
	contactCenter string
	*mapping.Recording
	form []byte
}

// compare compares the order of two entries; none stands behind all others.
func (e *entry) compare(other *entry) int {
	switch {
	case e == nil:
		return 1
	case other == nil:
		return -1
	case e.contactCenter != other.contactCenter:
		return strings.Compare(e.contactCenter, other.contactCenter)
	}
	return strings.Compare(e.ID, other.ID)
}

var errStopped = errors.New("nobody wants more")

// newSide begins to read a place.
func newSide(ctx context.Context, x Place) *side {
	s := new(side)
	s.next, s.stop = iter.Pull(func(yield func(*entry) bool) {
		err := x.Scan(ctx, func(contactCenter string, r *mapping.Recording) error {
			form, err := formOf(r)
			if err != nil {
				return fmt.Errorf("encoding the recording %q of %q: %w", r.ID, contactCenter, err)
			}
			if !yield(&entry{contactCenter, r, form}) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			s.err = fmt.Errorf("reading all recordings: %w", err)
		}
	})
	return s
}

// advance goes to the next recording.
func (s *side) advance() { s.one, _ = s.next() }

// formOf is the stored form of a recording without the time of its last change.
func formOf(r *mapping.Recording) ([]byte, error) {
	same := *r
	same.ChangedTime = 0
	return mapping.Encode(&same)
}
