package newest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recordings/index"
	"recordings/index/embedded/newest"
	"recordings/index/indextest"
	"recordings/mapping"
)

// world is what the values of a model are made of. It is small, so that values meet.
type world struct {
	*rand.Rand
	contactCenters []string
	regions        []string
	letters        []string
	firstDay, days int64
	times          int64 // how many different times of day there are
	ids            int
	backward       int // one of so many recordings stops before it starts; 0: none
}

func drawWorld(t *rapid.T) *world {
	alphabets := [][]string{
		strings.Split("0123456789", ""),
		strings.Split("ab", ""),
		strings.Split("aé字😀 *", ""),
	}

	return &world{
		Rand:           rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)),
		contactCenters: []string{"cc", "cc2", "c", ""}[:rapid.IntRange(1, 4).Draw(t, "contactCenters")],
		regions:        []string{"west", "west1", ""}[:rapid.IntRange(1, 3).Draw(t, "regions")],
		letters:        rapid.SampledFrom(alphabets).Draw(t, "letters"),
		firstDay:       rapid.SampledFrom([]int64{0, 1, 17000, 2932000}).Draw(t, "firstDay"),
		days:           rapid.SampledFrom([]int64{1, 2, 30, 800}).Draw(t, "days"),
		times:          rapid.SampledFrom([]int64{1, 5, 86_400_000}).Draw(t, "times"),
		ids:            rapid.SampledFrom([]int{50, 4000}).Draw(t, "ids"),
		backward:       rapid.SampledFrom([]int{0, 1, 3, 200}).Draw(t, "backward"),
	}
}

func pick[T any](w *world, of []T) T { return of[w.IntN(len(of))] }

func (w *world) text(shortest, longest int) string {
	var b strings.Builder
	for range shortest + w.IntN(longest-shortest+1) {
		b.WriteString(pick(w, w.letters))
	}
	return b.String()
}

func (w *world) texts(most int) []string {
	var texts []string
	for range w.IntN(most + 1) {
		texts = append(texts, mapping.Fold(w.text(1, 8)))
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// number is the values of one, mostly one alone, which may be empty.
func (w *world) number() []string {
	values := []string{w.text(0, 6)}
	for range pick(w, []int{0, 0, 0, 1, 2}) {
		if v := w.text(1, 5); !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}

func (w *world) identifiers(most int) []string {
	var ids []string
	for range w.IntN(most + 1) {
		ids = append(ids, w.text(1, 5))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

const msPerDay = 86_400_000

func (w *world) time() mapping.Time {
	t := (w.firstDay+w.Int64N(w.days))*msPerDay + w.Int64N(w.times)*(msPerDay/w.times)
	return min(mapping.Time(t), mapping.MaxTime)
}

func (w *world) doc() *doc {
	d := &doc{contactCenter: pick(w, w.contactCenters), region: pick(w, w.regions), id: fmt.Sprint(w.IntN(w.ids))}
	start := w.time()
	d.Searchable = mapping.Searchable{
		CallerNumbers:  w.number(),
		DialedNumbers:  w.number(),
		ContactNumbers: w.identifiers(3),
		StartTime:      start,
		StopTime:       w.stop(start),
		CallUUIDs:      w.identifiers(2),
		MediaIDs:       w.identifiers(3),
		AccessGroups:   w.identifiers(2),
		ChangedTime:    w.changed(start),
		Names:          w.texts(4),
		UserData:       w.texts(3),
		Comments:       w.texts(pick(w, []int{0, 0, 3})),
		CallTypes:      w.texts(pick(w, []int{0, 1, 1})),
	}

	for _, value := range d.UserData {
		for range 1 + w.IntN(2) {
			key := pick(w, []string{"k", "key", value, "*"})
			d.UserDataByKey = append(d.UserDataByKey, mapping.DataTerm(key, value), mapping.DataTerm(key, ""))
		}
	}
	slices.Sort(d.UserDataByKey)
	d.UserDataByKey = slices.Compact(d.UserDataByKey)
	return d
}

// stop is when what starts at a time stops: sometimes much later, and in some worlds before it starts.
func (w *world) stop(start mapping.Time) mapping.Time {
	span := w.Int64N(pick(w, []int64{1, 1000, msPerDay, 3 * msPerDay, 100 * msPerDay}))
	if w.backward > 0 && w.IntN(w.backward) == 0 {
		span = -span
	}
	return min(max(start+mapping.Time(span), 0), mapping.MaxTime)
}

// changed is often the time of several changes, soon after the call or at any time; some recordings
// have none.
func (w *world) changed(start mapping.Time) mapping.Time {
	switch w.IntN(4) {
	case 0:
		return 0
	case 1:
		return w.time()
	}
	return min(start+mapping.Time(1+w.Int64N(3)*1000), mapping.MaxTime)
}

// pattern is mostly made of a value, so that it has a chance to match.
func (w *world) pattern(values []string) string {
	runes := []rune(w.text(0, 3))
	if len(values) > 0 && w.IntN(4) > 0 {
		runes = []rune(pick(w, values))
	}

	for range w.IntN(4) {
		from := w.IntN(len(runes) + 1)
		to := min(len(runes), from+w.IntN(3))
		runes = slices.Concat(runes[:from], []rune{'*'}, runes[to:])
	}

	return string(runes)
}

func (w *world) expression(values []string) (e mapping.Expression) {
	for range 1 + w.IntN(3) {
		var c mapping.Conjunction
		for range 1 + w.IntN(3) {
			p := mapping.NewPattern(mapping.Fold(w.pattern(values)))
			if w.IntN(8) == 0 && len(values) > 0 {
				// Stars of a value, if it has any, are none.
				p = mapping.PatternOf(append(w.texts(1), pick(w, values))...)
			}
			c = append(c, p)
		}
		e = append(e, c)
	}
	return e
}

// byKey asks for values under a key that the recording may have, mostly for those it has there.
func (w *world) byKey(about *doc) (e mapping.Expression) {
	key := pick(w, []string{"k", "key", "none"})
	var values []string
	for _, term := range about.UserDataByKey {
		value, of, _ := mapping.CutData([]string{term})
		if of == key || w.IntN(4) == 0 {
			values = append(values, value[0])
		}
	}
	for _, c := range w.expression(values) {
		for i, p := range c {
			pieces := slices.Clone(p.Pieces())
			last := len(pieces) - 1
			pieces[last] = mapping.DataTerm(key, pieces[last])
			c[i] = mapping.PatternOf(pieces...)
		}
		e = append(e, c)
	}
	return e
}

// numbers asks for one number, or either of two, in which some of the stars are literal.
func (w *world) numbers(values []string) (e mapping.Expression) {
	for range 1 + w.IntN(2) {
		var pieces []string
		for i, piece := range mapping.NewPattern(w.pattern(values)).Pieces() {
			if i > 0 && w.IntN(6) == 0 {
				pieces[len(pieces)-1] += "*" + piece
			} else {
				pieces = append(pieces, piece)
			}
		}
		e = append(e, mapping.Conjunction{mapping.PatternOf(pieces...)})
	}
	return e
}

// query asks for something about a recording.
func (w *world) query(about *doc) search {
	q := search{contactCenter: about.contactCenter, region: about.region, Request: newest.Request{
		Offset: pick(w, []int{0, 0, w.IntN(20), w.IntN(3000)}),
		Limit:  pick(w, []int{1, 2, 100, 1 + w.IntN(100)}),
		Order:  pick(w, index.Orders),
	}}
	if w.IntN(3) == 0 { // a group of the recording, and perhaps one that few have
		q.groups = slices.Concat(about.AccessGroups, w.identifiers(1))
	}

	c := &q.criteria
	if w.IntN(4) == 0 {
		c.CallerPhoneNumber = w.numbers(about.CallerNumbers)
	}
	if w.IntN(6) == 0 {
		c.DialedPhoneNumber = w.numbers(about.DialedNumbers)
	}
	if w.IntN(6) == 0 {
		c.PhoneNumber = w.numbers(slices.Concat(about.CallerNumbers, about.DialedNumbers, about.ContactNumbers))
	}

	if w.IntN(4) == 0 {
		c.UserName = w.expression(about.Names)
	}
	if w.IntN(4) == 0 {
		c.UserData = w.expression(about.UserData)
	}
	for range pick(w, []int{0, 0, 1, 2}) {
		c.UserDataByKey = append(c.UserDataByKey, w.byKey(about))
	}
	if w.IntN(5) == 0 {
		t := pick(w, []mapping.Time{0, w.time(), about.StartTime, about.StartTime + 1})
		c.StartTime = &t
	}

	if w.IntN(5) == 0 {
		t := pick(w, []mapping.Time{w.time(), about.StopTime, about.StopTime - 1, mapping.MaxTime})
		c.EndTime = &t
	}

	c.CallUUID, c.MediaID = w.identifier(about.CallUUIDs), w.identifier(about.MediaIDs)
	w.bounds(c, about)
	return q
}

// identifier is seldom asked for: by a whole value, or a beginning.
func (w *world) identifier(values []string) *mapping.Pattern {
	if w.IntN(8) > 0 {
		return nil
	}

	id := w.text(1, 3)
	if len(values) > 0 {
		id = pick(w, values)
	}
	p := mapping.NewPattern(strings.ReplaceAll(id, "*", "x"))
	if w.IntN(2) == 0 {
		runes := []rune(p.String())
		p = mapping.NewPattern(string(runes[:w.IntN(len(runes)+1)]) + "*")
	}
	return &p
}

// bounds are the criteria that bound times from the other side, and durations.
func (w *world) bounds(c *mapping.Criteria, about *doc) {
	if w.IntN(6) == 0 {
		t := pick(w, []mapping.Time{0, w.time(), about.StartTime, about.StartTime + 1, mapping.MaxTime})
		c.StartedBefore = &t
	}
	if w.IntN(6) == 0 {
		t := pick(w, []mapping.Time{0, w.time(), about.StopTime, about.StopTime - 1, mapping.MaxTime})
		c.EndedAfter = &t
	}

	if w.IntN(6) == 0 {
		t := pick(w, []mapping.Time{0, 1, w.time(), about.ChangedTime, about.ChangedTime + 1, mapping.MaxTime})
		c.ChangedSince = &t
	}

	seconds := mapping.Seconds(about.StartTime, about.StopTime)
	if w.IntN(6) == 0 {
		n := pick(w, []int64{0, 1, seconds, seconds + 1, w.Int64N(100 * msPerDay / 1000)})
		c.MinDuration = &n
	}
	if w.IntN(6) == 0 {
		n := pick(w, []int64{0, 1, seconds, max(0, seconds-1), w.Int64N(100 * msPerDay / 1000)})
		c.MaxDuration = &n
	}
}

func (w *world) batch() (docs []*doc) {
	seen := make(map[string]bool)
	for range pick(w, []int{1, 10, indextest.Sized(300, 100), indextest.Sized(700, 200)}) {
		if d := w.doc(); !seen[d.key()] {
			seen[d.key()] = true
			docs = append(docs, d)
		}
	}
	return docs
}

func (x *searchIndex) someKeys(w *world, share int) (keys []string) {
	for _, key := range slices.Sorted(maps.Keys(x.docs)) {
		if w.IntN(share) == 0 {
			keys = append(keys, key)
		}
	}
	return keys
}

func describe(q *search) string {
	return fmt.Sprintf(
		"contact center %q, region %q, groups %q, criteria %+v, "+
			"order %q, offset %d, limit %d, %d hidden, %d pending",
		q.contactCenter, q.region, q.groups, describeCriteria(&q.criteria),
		q.Order, q.Offset, q.Limit, len(q.Hidden), len(q.Pending))
}

func describeCriteria(c *mapping.Criteria) (s string) {
	s += fmt.Sprintf("caller %q dialed %q phone %q ", c.CallerPhoneNumber, c.DialedPhoneNumber, c.PhoneNumber)
	if c.StartTime != nil {
		s += fmt.Sprintf("from %d ", *c.StartTime)
	}
	if c.EndTime != nil {
		s += fmt.Sprintf("to %d ", *c.EndTime)
	}

	if c.ChangedSince != nil {
		s += fmt.Sprintf("changed since %d ", *c.ChangedSince)
	}
	if c.CallUUID != nil {
		s += fmt.Sprintf("call %q ", c.CallUUID.String())
	}
	if c.MediaID != nil {
		s += fmt.Sprintf("media %q ", c.MediaID.String())
	}
	if c.StartedBefore != nil {
		s += fmt.Sprintf("started before %d ", *c.StartedBefore)
	}
	if c.EndedAfter != nil {
		s += fmt.Sprintf("ended after %d ", *c.EndedAfter)
	}
	if c.MinDuration != nil {
		s += fmt.Sprintf("at least %d s ", *c.MinDuration)
	}
	if c.MaxDuration != nil {
		s += fmt.Sprintf("at most %d s ", *c.MaxDuration)
	}

	return s + fmt.Sprintf("names %q data %q", c.UserName, c.UserData)
}

// TestSearchEqualsMatch searches indexes of any shape for anything, and compares with mapping.Match
// over a plain list.
func TestSearchEqualsMatch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		x := newSearchIndex(t, newest.Options{
			CacheBytes: rapid.SampledFrom([]int64{0, 1 << 10, 1 << 16}).Draw(rt, "CacheBytes"),
			KeepFrom:   rapid.SampledFrom([]int{0, 1}).Draw(rt, "KeepFrom"),
		})
		defer x.close()
		var asked []search // whose candidates may be kept, in segments that are still there
		for range rapid.IntRange(1, 5).Draw(rt, "batches") {
			docs := w.batch()
			x.apply(docs, x.someKeys(w, pick(w, []int{2, 50, 1000}))...)
			if w.IntN(4) == 0 {
				x.merge()
			}
			for range indextest.Sized(15, 2) {
				q := w.query(pick(w, docs))
				if len(asked) > 0 && w.IntN(3) == 0 {
					q = w.again(pick(w, asked), &q)
				}
				asked = append(asked, q)
				if err := x.check(q); err != nil {
					rt.Fatalf("%s: %v", describe(&q), err)
				}
				if err := x.checkPending(w, q); err != nil {
					rt.Fatalf("%s: with what is pending: %v", describe(&q), err)
				}
			}
		}
	})
}

// again asks again what was asked before, for another page, and mostly within other bounds of time or as
// somebody of other teams.
func (w *world) again(asked search, other *search) search {
	q := asked
	q.Order, q.Offset, q.Limit = other.Order, other.Offset, other.Limit
	if w.IntN(2) == 0 {
		q.criteria.StartTime, q.criteria.EndTime = other.criteria.StartTime, other.criteria.EndTime
		q.criteria.ChangedSince, q.criteria.MinDuration = other.criteria.ChangedSince, other.criteria.MinDuration
	}
	if w.IntN(3) == 0 {
		q.groups = other.groups
	}
	return q
}

// TestRandomSearchesFind: of the searches that the random tests make, many find something. The worlds
// are the same ones each time, so that this does not depend on chance.
func TestRandomSearchesFind(t *testing.T) {
	const worlds, each = 100, 15
	found := 0
	drawn := rapid.Custom(drawWorld)
	for seed := range worlds {
		w := drawn.Example(seed)
		docs := make(map[string]*doc)
		batch := w.batch()
		for _, d := range batch {
			docs[d.key()] = d
		}

		for range each {
			q := w.query(pick(w, batch))
			found += min(1, len(matches(docs, &q)))
		}
	}

	if found < worlds*each/4 {
		t.Errorf("only %d of %d searches found something", found, worlds*each)
	}
}

// checkPending searches while some recordings have changed since they were indexed.
func (x *searchIndex) checkPending(w *world, q search) error {
	now := maps.Clone(x.docs)
	q.Hidden = make(map[string]struct{})
	changed := make(map[string]*doc)
	change := func(key string) {
		q.Hidden[key] = struct{}{}
		delete(now, key)
	}

	for _, key := range x.someKeys(w, pick(w, []int{1, 3, 100})) {
		if w.IntN(3) > 0 && x.docs[key].contactCenter == q.contactCenter {
			change(key)
		}
	}

	for range w.IntN(200) {
		d := w.doc()
		if d.contactCenter == q.contactCenter {
			d.ChangedTime = max(d.ChangedTime, 1)
			change(d.key())
			now[d.key()], changed[d.key()] = d, d
		}
	}

	q.Pending = matches(changed, &q)
	rand.Shuffle(len(q.Pending), func(i, j int) { q.Pending[i], q.Pending[j] = q.Pending[j], q.Pending[i] })
	return x.checkAgainst(now, q)
}
