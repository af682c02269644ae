package indextest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"recordings/index"
	"recordings/mapping"
)

// RunProperties checks random sequences of Put, Delete, Get, Search, Scan and reopening against a
// plain map, of which mapping.Match is asked. It makes at least that many searches. After each,
// check is called with the index.
func RunProperties(t *testing.T, fresh Opener, searches int) {
	done := 0
	for done < searches && !t.Failed() {
		rapid.Check(t, func(rt *rapid.T) {
			m := &model{t: t, open: fresh(t), recordings: make(map[string]map[string]*mapping.Recording)}
			m.x = Ready(t, m.open(t))
			defer func() {
				if err := m.x.Close(); err != nil {
					rt.Errorf("closing the index: %v", err)
				}
				done += m.searches
			}()
			rt.Repeat(map[string]func(*rapid.T){
				"put":    m.put,
				"putAll": m.putAll,
				"delete": m.delete,
				"mark":   m.mark,
				"get":    m.get,
				"search": m.search,
				"scan":   m.scan,
				"settle": func(*rapid.T) { Settle(t, m.x) },
				"reopen": m.reopen,
			})
		})
	}

	t.Logf("%d searches", done)
}

// model is an index and what must be in it.
type model struct {
	t          *testing.T
	open       func(testing.TB) Index
	x          Index
	recordings map[string]map[string]*mapping.Recording // by contact center and id
	searches   int
	changed    mapping.Time // the newest time of a change so far
}

// put puts one recording, new or not, and compares the outcome.
func (m *model) put(t *rapid.T) {
	contactCenter := ContactCenters().Draw(t, "contactCenter")
	r := Recordings().Draw(t, "recording")
	merged, want := m.merge(t, m.of(contactCenter), r)
	got, err := m.x.Put(m.t.Context(), contactCenter, r)
	if want == refused {
		if !errors.Is(err, index.ErrHeld) {
			t.Fatalf("Put: %v, %v, want ErrHeld", got, err)
		}
		return
	}
	if err != nil || got != want {
		t.Fatalf("Put: %v, %v, want %v", got, err, want)
	}
	m.recordings[contactCenter][r.ID] = merged
	m.stamp(t, contactCenter, r.ID, want != index.Unchanged)
}

// stamp notes when a recording was changed, which only the index knows, and that it was if that has
// to be so. Times never go back.
func (m *model) stamp(t *rapid.T, contactCenter, id string, changed bool) {
	stored, err := m.x.Get(m.t.Context(), index.Scope{ContactCenter: contactCenter, Region: index.AnyRegion}, id)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}

	r, at := m.recordings[contactCenter][id], stored.ChangedTime
	switch {
	case !changed && at != r.ChangedTime:
		t.Fatalf("%q was not changed, but at %v, before at %v", id, at, r.ChangedTime)
	case changed && (at < m.changed || at <= 0):
		t.Fatalf("%q was changed at %v, another before it at %v", id, at, m.changed)
	case changed:
		stamped := *r
		stamped.ChangedTime = at
		m.recordings[contactCenter][id] = &stamped
	}
	m.changed = max(m.changed, at)
}

// of returns the recordings of a contact center.
func (m *model) of(contactCenter string) map[string]*mapping.Recording {
	if m.recordings[contactCenter] == nil {
		m.recordings[contactCenter] = make(map[string]*mapping.Recording)
	}
	return m.recordings[contactCenter]
}

// refused is the outcome of a Put that a hold does not permit.
const refused index.Outcome = ""

// merge returns what a Put must make of a recording, and its outcome.
func (m *model) merge(
	t *rapid.T, recordings map[string]*mapping.Recording, r *mapping.Recording,
) (*mapping.Recording, index.Outcome) {
	old := recordings[r.ID]
	merged := mapping.Merge(old, r)
	switch {
	case old == nil:
		return merged, index.Created
	case m.encode(t, old) == m.encode(t, merged):
		return merged, index.Unchanged
	}

	if only, err := mapping.OnlyAdds(old, merged); err != nil || old.NonDelete != nil && !only {
		return old, refused
	}
	return merged, index.Merged
}

// putAll puts several recordings, some perhaps with the same id; sometimes it only asks what would
// become of them.
func (m *model) putAll(t *rapid.T) {
	contactCenter := ContactCenters().Draw(t, "contactCenter")
	recordings := rapid.SliceOfN(Recordings(), 0, 8).Draw(t, "recordings")
	dryRun := rapid.IntRange(0, 3).Draw(t, "dryRun") == 0
	after := maps.Clone(m.of(contactCenter))
	want := []index.PutResult{}
	for _, r := range recordings {
		merged, outcome := m.merge(t, after, r)
		after[r.ID] = merged
		want = append(want, index.PutResult{Outcome: outcome})
	}

	var o index.PutOptions
	if dryRun {
		o.DryRun = new(index.DryRun)
	}
	got := m.x.PutAll(m.t.Context(), contactCenter, recordings, o)
	for i := range got {
		if errors.Is(got[i].Err, index.ErrHeld) {
			got[i].Err = nil // refused
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("PutAll: %v, want %v", got, want)
	}
	if dryRun {
		return
	}

	m.recordings[contactCenter] = after
	changed := make(map[string]bool)
	for i, r := range recordings {
		changed[r.ID] = changed[r.ID] || got[i].Outcome != index.Unchanged && got[i].Outcome != refused
	}
	before, newest := m.changed, m.changed
	for id, changed := range changed {
		m.changed = before // those of a group are looked at in any order
		m.stamp(t, contactCenter, id, changed)
		newest = max(newest, m.changed)
	}
	m.changed = newest
}

// encode is how recordings are compared: byte by byte, as they are stored.
func (m *model) encode(t *rapid.T, r *mapping.Recording) string {
	b, err := mapping.Encode(r)
	if err != nil {
		t.Fatalf("encoding a recording: %v", err)
	}
	return string(b)
}

// delete deletes what may be there or not.
func (m *model) delete(t *rapid.T) {
	contactCenter, id := ContactCenters().Draw(t, "contactCenter"), IDs().Draw(t, "id")
	var want error
	if r := m.recordings[contactCenter][id]; r == nil {
		want = index.ErrNotFound
	} else if r.NonDelete != nil {
		want = index.ErrHeld
	}
	if err := m.x.Delete(m.t.Context(), contactCenter, id); !errors.Is(err, want) {
		t.Fatalf("Delete: %v, want %v", err, want)
	}
	if want == nil {
		delete(m.recordings[contactCenter], id)
	}
}

// get reads what may be there, in the right region, another or any.
func (m *model) get(t *rapid.T) {
	contactCenter, id := ContactCenters().Draw(t, "contactCenter"), IDs().Draw(t, "id")
	region := rapid.OneOf(Regions(), rapid.Just(index.AnyRegion)).Draw(t, "region")
	of := index.Scope{ContactCenter: contactCenter, Region: region, Groups: Teams().Draw(t, "groups")}
	want := m.recordings[contactCenter][id]
	if want != nil && !of.Has(want) {
		want = nil
	}
	got, err := m.x.Get(m.t.Context(), of, id)
	switch {
	case want == nil && !errors.Is(err, index.ErrNotFound):
		t.Fatalf("Get: %v, %v, want ErrNotFound", got, err)
	case want != nil && err != nil:
		t.Fatalf("Get: %v", err)
	case want != nil && m.encode(t, got) != m.encode(t, want):
		t.Fatalf("Get\n got %s\nwant %s", m.encode(t, got), m.encode(t, want))
	}
}

// search makes a number of searches, as these are what the test is about.
func (m *model) search(t *rapid.T) {
	for range 30 {
		params := Params().Draw(t, "params")
		if rapid.IntRange(0, 5).Draw(t, "changedSince") == 0 {
			params[mapping.ParamChangedSince] = m.changes().Draw(t, "since")
		}
		criteria, err := mapping.ParseCriteria(params)
		if err != nil {
			t.Fatalf("parsing %q: %v", params, err)
		}
		q := index.Query{
			Scope: index.Scope{
				ContactCenter: ContactCenters().Draw(t, "contactCenter"),
				Region:        Regions().Draw(t, "region"),
				Groups:        Teams().Draw(t, "groups"),
			},
			Criteria: criteria,
			Order:    rapid.SampledFrom(index.Orders).Draw(t, "order"),
			Offset:   rapid.SampledFrom([]int{0, 0, 1, 2, 5}).Draw(t, "offset"),
			Limit:    rapid.SampledFrom([]int{1, 2, 3, 100}).Draw(t, "limit"),
			Total:    rapid.Bool().Draw(t, "total"),
		}
		page, err := index.Find(m.t.Context(), m.x, q)
		if err == nil {
			err = CheckPage(m.recordings[q.ContactCenter], q, page)
		}
		if err == nil {
			err = m.count(q)
		}
		if err == nil {
			interval := rapid.SampledFrom(index.Intervals).Draw(t, "interval")
			zone := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Asia/Kathmandu"}).Draw(t, "zone")
			err = CheckHistogram(m.t.Context(), m.x, m.recordings[q.ContactCenter], q, interval, zone)
		}
		if err == nil && m.searches%3 == 0 {
			what := Completions().Draw(t, "completion")
			most := rapid.SampledFrom([]int{1, 2, 100}).Draw(t, "most")
			err = CheckSuggest(m.t.Context(), m.x, m.recordings[q.ContactCenter], q, what[0], what[1], most)
		}
		if err == nil && m.searches%10 == 0 {
			err = checkStream(m.t.Context(), m.x, m.recordings[q.ContactCenter], q)
		}
		if err != nil {
			t.Fatalf("searching %q in %+v from %d, %d: %v", params, q.Scope, q.Offset, q.Limit, err)
		}
		m.searches++
	}
}

// changes are times around those of the changes.
func (m *model) changes() *rapid.Generator[string] {
	times := []mapping.Time{0, 1, mapping.MaxTime}
	for _, contactCenter := range slices.Sorted(maps.Keys(m.recordings)) {
		for _, id := range slices.Sorted(maps.Keys(m.recordings[contactCenter])) {
			at := m.recordings[contactCenter][id].ChangedTime
			times = append(times, at, at+1)
		}
	}
	return rapid.Map(rapid.SampledFrom(times), mapping.Time.String)
}

// count compares a count with the reference.
func (m *model) count(q index.Query) error {
	n, err := m.x.Count(m.t.Context(), q)
	if _, _, want := expect(m.recordings[q.ContactCenter], q); err == nil && n != want {
		err = fmt.Errorf("counted %d, want %d", n, want)
	}
	return err
}

// scan compares everything, and the order.
func (m *model) scan(t *rapid.T) {
	type key struct{ contactCenter, id string }
	var got, want []key
	err := m.x.Scan(m.t.Context(), func(contactCenter string, r *mapping.Recording) error {
		got = append(got, key{contactCenter, r.ID})
		if m.encode(t, r) != m.encode(t, m.recordings[contactCenter][r.ID]) {
			t.Fatalf("Scan has another version of %q", r.ID)
		}
		return nil
	})

	for _, contactCenter := range slices.Sorted(maps.Keys(m.recordings)) {
		for _, id := range slices.Sorted(maps.Keys(m.recordings[contactCenter])) {
			want = append(want, key{contactCenter, id})
		}
	}
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("Scan: %v\n got %q\nwant %q", err, got, want)
	}
}

// reopen closes the index and opens it again: nothing may have changed.
func (m *model) reopen(t *rapid.T) {
	if err := m.x.Close(); err != nil {
		t.Fatalf("closing the index: %v", err)
	}
	m.x = Ready(m.t, m.open(m.t))
}
