package audit

import (
	"slices"

	"recordings/mapping"
)

// Query says which entries are wanted. What is empty is not asked for.
type Query struct {
	ContactCenters []string // of one of these; empty: of any
	User           string
	Action         Action
	Recording      string
	From, To       mapping.Time // at or after From, before To; 0: not asked for
	After          uint64       // with a greater sequence
	Newest         int          // only so many, the newest; 0: all

	// Visible, if it is not nil, says whether an entry may be shown.
	Visible func(*Line) bool

	// Chain asks for every entry behind After, so that the chain can be proven: those of other contact
	// centers, or that are not visible, are shown as hidden lines. Nothing else can be asked for then.
	Chain bool
}

// Matches reports whether an entry is wanted.
func (q *Query) Matches(l *Line) bool {
	return (len(q.ContactCenters) == 0 || slices.Contains(q.ContactCenters, l.ContactCenter)) &&
		(q.User == "" || q.User == l.User) &&
		(q.Action == "" || q.Action == l.Action) &&
		(q.Recording == "" || q.Recording == l.Recording) &&
		(q.From == 0 || l.Time >= q.From) &&
		(q.To == 0 || l.Time < q.To) &&
		l.Sequence > q.After &&
		(q.Visible == nil || q.Visible(l))
}

// Shows reports whether an entry is shown in a chain: the log's own about no recording always are, as
// without them a chain that was cut cannot be proven.
func (q *Query) Shows(l *Line) bool {
	if l.Action == Cut || l.Action == Erase && l.Recording == "" {
		return true
	}
	only := Query{ContactCenters: q.ContactCenters, Visible: q.Visible}
	return only.Matches(l)
}
