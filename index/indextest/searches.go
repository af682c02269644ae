package indextest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/index"
	"recordings/mapping"
)

// testOrder: the newest first, and those of one time by their ids; and the oldest first, which is the
// exact reverse.
func testOrder(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	times := map[string]mapping.Time{
		"first": 0, "last": mapping.MaxTime, "b": 1000, "a": 1000, "ab": 1000, "B": 1000, "c": 999, "d": 1001,
		"e": mapping.MaxTime - 1,
	}
	const newest, oldest = "last e d B a ab b c first", "first c b ab a B d e last"
	check := func() {
		wantFound(t, x, center, region, newest, "startTime=0")
		q := pageOf(t, region, 0, 100, "startTime=0")
		q.Order = index.OldestFirst
		if got := find(t, x, q); got != oldest {
			t.Errorf("the oldest first are %q, want %q", got, oldest)
		}
	}

	for id, at := range times {
		put(t, x, center, New(id, region, at), index.Created)
	}
	bothWays(t, x, check)

	// The order of pending and indexed recordings is one.
	for _, id := range []string{"a", "last", "first", "d"} {
		r := New(id, region, times[id])
		r.CallerPhoneNumber = "+changed"
		put(t, x, center, r, index.Merged)
	}

	bothWays(t, x, check)
}

// testPages: pages of any size from anywhere fit together without gaps.
func testPages(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	recordings := make(map[string]*mapping.Recording)
	add := func(from, to int) {
		for i := from; i < to; i++ {
			id := fmt.Sprintf("%03d", i)
			recordings[id] = New(id, region, mapping.Time(i%7*1000))
			put(t, x, center, recordings[id], index.Created)
		}
	}

	check := func() {
		noteChanges(t, x, recordings)
		for offset := range len(recordings) + 2 {
			for _, limit := range []int{1, 2, 5, len(recordings), 100} {
				for _, order := range index.Orders {
					q := pageOf(t, region, offset, limit, "startTime=1000")
					q.Order = order
					page, err := index.Find(t.Context(), x, q)
					if err == nil {
						err = CheckPage(recordings, q, page)
					}
					if err != nil {
						t.Fatalf("order %q, offset %d, limit %d of %d: %v", order, offset, limit, len(recordings), err)
					}
				}
			}
		}
	}

	check()
	add(0, 20)
	bothWays(t, x, check)
	add(20, 40)
	for i := range 10 {
		id := fmt.Sprintf("%03d", 2*i)
		if err := x.Delete(t.Context(), center, id); err != nil {
			t.Fatal(err)
		}
		delete(recordings, id)
	}

	bothWays(t, x, check)
}

// testDeepPages reads far behind the beginning, among more recordings than an implementation may
// hold at a time.
func testDeepPages(t *testing.T, fresh Opener) {
	n := Sized(12_000, 1_200)
	x := start(t, fresh)
	var all []*mapping.Recording
	for i := range n {
		all = append(all, New(fmt.Sprintf("%05d", i), region, mapping.Time(n-i)*10))
	}
	putAll(t, x, all)
	bothWays(t, x, func() {
		for _, offset := range []int{0, 1, 9_999, 10_000, 10_001, n - 2, n - 1, n, n + 1, 1 << 40} {
			q := pageOf(t, region, offset, 1, "startTime=0")
			place := map[index.Order]int{index.NewestFirst: offset, index.OldestFirst: n - 1 - offset}
			for _, q.Order = range []index.Order{index.NewestFirst, index.OldestFirst} {
				var want string
				if offset < n {
					want = fmt.Sprintf("%05d", place[q.Order])
				}
				if offset < n-1 {
					want += " +"
				}
				if got := find(t, x, q); got != want {
					t.Errorf("order %q, at offset %d: %q, want %q", q.Order, offset, got, want)
				}
			}
		}
	})
}

// testCriteria has cases for each criterion, about recordings that differ in what the criterion
// looks at.
func testCriteria(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	for i, number := range []string{
		"+16504668888", "16504668888", "+1650466888", "Anonymous", "a?c", "a.c", "abc", `a\c`, "a[b]c", "UNKNOWN",
		"+", "a c", "ü", " +1 (800) 555-0100", "*97", "+197",
	} {
		r := New(fmt.Sprintf("%c", 'a'+i), region, mapping.Time(1000))
		r.CallerPhoneNumber, r.DialedPhoneNumber = number, "x"+strings.TrimSpace(number)
		r.EventHistory = append(r.EventHistory, joined(1000, "4711", "", "", ""))
		if number == "+197" {
			r.EventHistory = append(r.EventHistory, joined(1000, "(415) 555-0199", "", "", ""))
		}
		put(t, x, "phones", r, index.Created)
	}

	for i, names := range [][3]string{
		{"alice@example.com", "Alice", "Amber"}, {"bob@example.com", "Bob", "van Dyk"},
		{"m.mueller", "Jürgen", "Müller"},
		{"d.mueller", "J\u00fcrgen", "Mu\u0308ller"}, {"kelvin", "\u212aelvin", "ma\u017ft"},
		{"and", "AND", "Anderson"}, {"star", "a*b", "a  b"},
	} {
		r := New(fmt.Sprintf("%c", 'a'+i), region, 1000)
		r.EventHistory = []mapping.Event{joined(1000, "+1", names[0], names[1], names[2])}
		put(t, x, "names", r, index.Created)
	}

	for i, data := range []string{
		`{"customer":"Tom","account":"12345"}`, `{"customer":"Tom Jerry","vip":true}`,
		`{"n":12345,"deep":{"a":["x","Y"]}}`,
		`{"added":{"color":"red"},"updated":{"color":"green"},"deleted":{"color":"blue"}}`, `{"empty":"","null":null}`,
		`{"long":"` + strings.Repeat("lorem ipsum ", 100) + `"}`,
	} {
		r := New(fmt.Sprintf("%c", 'a'+i), region, 1000)
		event := mapping.Event{OccurredAt: 1000, Event: mapping.EventData, Data: jsontext.Value(data)}
		r.EventHistory = append(r.EventHistory, event)
		put(t, x, "data", r, index.Created)
	}

	for i, times := range [][2]mapping.Time{
		{0, 0}, {1000, 2000}, {1001, 1999}, {999, 2001}, {mapping.MaxTime, mapping.MaxTime}, {1 << 40, 1<<40 + 1},
	} {
		r := New(fmt.Sprintf("%c", 'a'+i), region, 0)
		r.MediaFiles = []mapping.MediaFile{mediaFile("only.mp3", times[0], times[1])}
		r.MediaFiles[0].MediaID = []string{"", "call 1", "call 2", "CALL 1", "call 1*", "call 11"}[i]
		r.Extra = jsontext.Value([]string{
			`{"callType":"Inbound"}`, `{"callType":"INBOUND"}`, `{"callType":"Inbound call"}`, `{"callType":7}`, "",
			`{"other":{"callType":"inbound"},"callType":"Überlauf"}`,
		}[i])
		put(t, x, "times", r, index.Created)
	}

	bothWays(t, x, func() {
		for _, c := range criteriaCases {
			wantFound(t, x, c.contactCenter, region, c.want, c.params...)
		}
	})
}

var criteriaCases = []struct {
	contactCenter string
	want          string
	params        []string
}{
	{"phones", "a", []string{"callerPhoneNumber=+16504668888"}},
	{"phones", "a", []string{"callerPhoneNumber= 16504668888"}},
	{"phones", "a b", []string{"callerPhoneNumber=16504668888"}},
	{"phones", "a b", []string{"callerPhoneNumber=1 (650) 466-8888"}},
	{"phones", "a b c", []string{"callerPhoneNumber=1650*"}},
	{"phones", "a b", []string{"callerPhoneNumber=*(650) 466.8888"}},
	{"phones", "n", []string{"callerPhoneNumber=+18005550100"}},
	{"phones", "n", []string{"callerPhoneNumber=18005550100"}},
	{"phones", "n", []string{"callerPhoneNumber=*800-555*"}},
	{"phones", "n", []string{"callerPhoneNumber=+1 (800)*"}},
	{"phones", "n", []string{"dialedPhoneNumber=x+1 (800) 555-0100"}},
	{"phones", "", []string{"dialedPhoneNumber=x+18005550100"}},
	{"phones", "n", []string{"dialedPhoneNumber=*8005550100"}},
	{"phones", "o", []string{`callerPhoneNumber=\*97`}},
	{"phones", "o p", []string{"callerPhoneNumber=*97"}},
	{"phones", "o", []string{`callerPhoneNumber=\*9*`}},
	{"phones", "p", []string{"callerPhoneNumber=197"}},
	{"phones", "a", []string{"phoneNumber=+16504668888"}},
	{"phones", "b", []string{"phoneNumber=x16504668888"}},
	{"phones", "a b c d e f g h i j k l m n o p", []string{"phoneNumber=4711"}},
	{"phones", "p", []string{"phoneNumber=*11", "callerPhoneNumber=197"}},
	{"phones", "p", []string{"phoneNumber=415 555 0199"}},
	{"phones", "p", []string{"phoneNumber=*(415) 555*"}},
	{"phones", "", []string{"callerPhoneNumber=4711"}},
	{"phones", "", []string{"phoneNumber=471"}},
	{"phones", "a", []string{"dialedPhoneNumber=x+16504668888"}},
	{"phones", "", []string{"dialedPhoneNumber=+16504668888"}},
	{"phones", "a c", []string{"callerPhoneNumber=+1650*"}},
	{"phones", "a b c", []string{"callerPhoneNumber=*88"}},
	{"phones", "a b", []string{"callerPhoneNumber=*8888"}},
	{"phones", "a b c", []string{"callerPhoneNumber=*1650*"}},
	{"phones", "a b c d e f g h i j k l m n o p", []string{"callerPhoneNumber=*"}},
	{"phones", "e", []string{"callerPhoneNumber=a?c"}},
	{"phones", "f", []string{"callerPhoneNumber=a.c"}},
	{"phones", "h", []string{`callerPhoneNumber=a\c`}},
	{"phones", "i", []string{"callerPhoneNumber=a[b]c"}},
	{"phones", "e f g h i l", []string{"callerPhoneNumber=a*c"}},
	{"phones", "d", []string{"callerPhoneNumber=Anon*"}},
	{"phones", "", []string{"callerPhoneNumber=anon*"}},
	{"phones", "", []string{"callerPhoneNumber=+16504668888*8"}},
	{"phones", "a", []string{"callerPhoneNumber=+1650*", "dialedPhoneNumber=*8888"}},
	{"phones", "", []string{"callerPhoneNumber=+1650*", "dialedPhoneNumber=xa*"}},
	{"phones", "m", []string{"callerPhoneNumber=ü"}},
	{"phones", "a c k n p", []string{"callerPhoneNumber=+*"}},

	{"names", "a", []string{"userName=Alice"}},
	{"names", "a", []string{"userName=ALICE AND amber"}},
	{"names", "", []string{"userName=Alice AND Bob"}},
	{"names", "a b", []string{"userName=Alice Bob"}},
	{"names", "a b", []string{"userName=Alice AND Amber Bob"}},
	{"names", "b", []string{"userName=dyk"}},
	{"names", "b", []string{`userName="van dyk"`}},
	{"names", "b", []string{"userName=van*"}},
	{"names", "", []string{"userName=dyk*van"}},
	{"names", "c d", []string{"userName=MÜLLER"}},
	{"names", "c d", []string{"userName=Mu\u0308ller"}},
	{"names", "c d", []string{"userName=m*ller AND j*"}},
	{"names", "e", []string{"userName=MAST"}},
	{"names", "e", []string{"userName=Kelvin"}},
	{"names", "e", []string{"userName=\u212a*"}},
	{"names", "f", []string{`userName="AND"`}},
	{"names", "a b", []string{"userName=*@example.com"}},
	{"names", "a b c d e f g", []string{"userName=*"}},
	{"names", "", []string{"userName=ali"}},

	{"data", "a", []string{"userData=tom"}},
	{"data", "a b", []string{"userData=tom*"}},
	{"data", "b", []string{`userData="tom jerry"`}},
	{"data", "a b", []string{"userData=tom true"}},
	{"data", "a c", []string{"userData=12345"}},
	{"data", "a", []string{"userData=tom AND 12345"}},
	{"data", "c", []string{"userData=x AND y"}},
	{"data", "d", []string{"userData=red"}},
	{"data", "d", []string{"userData=green"}},
	{"data", "", []string{"userData=blue"}},
	{"data", "f", []string{"userData=lorem*ipsum*ipsum*"}},
	{"data", "", []string{"userData=lorem"}},
	{"data", "", []string{"userData=jerry"}},
	{"data", "a", []string{"userDataKey.customer=tom"}},
	{"data", "a b", []string{"userDataKey.CUSTOMER=Tom*"}},
	{"data", "a b", []string{`userDataKey.customer=tom OR "tom jerry"`}},
	{"data", "b", []string{"userDataKey.customer=t* AND *y"}},
	{"data", "", []string{"userDataKey.account=tom"}},
	{"data", "a", []string{"userDataKey.account=12345"}},
	{"data", "c", []string{"userDataKey.n=12345"}},
	{"data", "a", []string{"userDataKey.customer=tom", "userDataKey.account=1*"}},
	{"data", "", []string{"userDataKey.customer=tom", "userDataKey.n=*"}},
	{"data", "b", []string{"userDataKey.vip=*"}},
	{"data", "c", []string{"userDataKey.deep.a=y"}},
	{"data", "", []string{"userDataKey.deep=y"}},
	{"data", "d", []string{"userDataKey.color=*e*"}},
	{"data", "", []string{"userDataKey.color=blue"}},
	{"data", "", []string{"userDataKey.empty=*"}},
	{"data", "f", []string{"userDataKey.long=lorem*ipsum*ipsum*"}},
	{"data", "", []string{"userData=*customer"}},
	{"data", "a b", []string{"userData=*", "userDataKey.customer=**"}},

	{"times", "e f c b d a", []string{"startTime=0"}},
	{"times", "e f c b d a", []string{"endTime=253402300799999"}},
	{"times", "e f c b", []string{"startTime=1000"}},
	{"times", "e f c", []string{"startTime=1001"}},
	{"times", "e f", []string{"startTime=1002"}},
	{"times", "e", []string{"startTime=253402300799999"}},
	{"times", "c b a", []string{"endTime=2000"}},
	{"times", "c a", []string{"endTime=1999"}},
	{"times", "a", []string{"endTime=0"}},
	{"times", "c b", []string{"startTime=1000", "endTime=2000"}},
	{"times", "", []string{"startTime=1001", "endTime=1998"}},
	{"times", "f", []string{"startTime=1099511627776", "endTime=1099511627777"}},
	{"times", "", []string{"startTime=1099511627777", "endTime=1099511627777"}},
	{"times", "e f c b d a", []string{"callUUID=callUUID"}},
	{"times", "e f c b d a", []string{"callUUID=callU*"}},
	{"times", "", []string{"callUUID=calluuid"}},
	{"times", "e f b", []string{"mediaId=call 1*"}},
	{"times", "b", []string{"mediaId=call 1"}},
	{"times", "", []string{"mediaId=call"}},
	{"times", "e f c b d", []string{"mediaId=*"}},
	{"times", "b", []string{"mediaId=call 1*", "endTime=2000", "callUUID=*"}},
	{"times", "b a", []string{"callType=inbound"}},
	{"times", "f b a", []string{"callType=uberlauf OR Inbound"}},
	{"times", "c", []string{`callType="inbound call"`}},
	{"times", "c b a", []string{"callType=in*"}},
	{"times", "f c b a", []string{"callType=*"}},
	{"times", "b", []string{"callType=inbound AND in*", "startTime=1000"}},
	{"times", "", []string{"callType=7 call"}},
	{"times", "", []string{"startedBefore=0"}},
	{"times", "a", []string{"startedBefore=1", "endTime=0"}},
	{"times", "d a", []string{"startedBefore=1000"}},
	{"times", "c b d a", []string{"startedBefore=1002"}},
	{"times", "f", []string{"startTime=1099511627776", "startedBefore=1099511627777"}},
	{"times", "e f c b d", []string{"endedAfter=0"}},
	{"times", "e f b d", []string{"endedAfter=1999"}},
	{"times", "e f d", []string{"endedAfter=2000"}},
	{"times", "", []string{"endedAfter=253402300799999"}},
	{"times", "c b d", []string{"startedBefore=1500", "endedAfter=1500"}},
	{"times", "b d", []string{"minDuration=1", "maxDuration=1"}},
	{"times", "", []string{"minDuration=2"}},
	{"times", "e f c a", []string{"maxDuration=0"}},
	{"times", "e f c b d a", []string{"minDuration=0"}},
}

// testReadYourWrites: the very next search has what was answered, be it put, changed or deleted.
func testReadYourWrites(t *testing.T, fresh Opener) {
	rounds := Sized(100, 20)
	x := start(t, fresh)
	parallel(t, 8, func(worker int) error {
		contactCenter := fmt.Sprintf("center %d", worker%2)
		for i := range rounds {
			id := fmt.Sprintf("%d-%d", worker, i)
			r := New(id, region, mapping.Time(i))
			r.CallerPhoneNumber = id
			if _, err := x.Put(t.Context(), contactCenter, r); err != nil {
				return err
			}
			q := index.Query{Scope: index.Scope{ContactCenter: contactCenter, Region: region}, Limit: 2}
			q.Criteria.CallerPhoneNumber = mapping.Expression{{mapping.NewPattern(id)}}
			page, err := index.Find(t.Context(), x, q)
			if err != nil {
				return err
			}
			if err := CheckPage(map[string]*mapping.Recording{id: r}, q, page); err != nil {
				return fmt.Errorf("after a Put: %w", err)
			}
			if i%3 > 0 {
				continue
			}
			if err := x.Delete(t.Context(), contactCenter, id); err != nil {
				return err
			}
			if page, err = index.Find(t.Context(), x, q); err != nil {
				return err
			}
			if err := CheckPage(nil, q, page); err != nil {
				return fmt.Errorf("after a Delete: %w", err)
			}
		}
		return nil
	})
}

// testOldVersions changes what the search index has: the old version must not be found, the new one
// must.
func testOldVersions(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	for _, id := range []string{"a", "b", "c"} {
		put(t, x, center, New(id, region, 1000), index.Created)
	}
	Settle(t, x)
	renamed := New("a", region, 1000)
	renamed.EventHistory[0].Contact.FirstName = "Zoe" // the same event overwrites
	put(t, x, center, renamed, index.Merged)
	put(t, x, center, New("b", "elsewhere", 1000), index.Merged)
	earlier := New("c", region, 1000)
	earlier.MediaFiles[0].StartTime = 10
	put(t, x, center, earlier, index.Merged)
	bothWays(t, x, func() {
		wantFound(t, x, center, region, "c", "userName=alice")
		wantFound(t, x, center, region, "a", "userName=zoe")
		wantFound(t, x, center, region, "a c", "startTime=0")
		wantFound(t, x, center, region, "a", "startTime=1000")
		wantFound(t, x, center, "elsewhere", "b", "startTime=0")
	})
}

// testManyTerms searches by a pattern that very many values match.
func testManyTerms(t *testing.T, fresh Opener) {
	const n = 6_000
	x := start(t, fresh)
	var all []*mapping.Recording
	for i := range n {
		r := New(fmt.Sprintf("%05d", i), region, mapping.Time(n-i)*10)
		r.CallerPhoneNumber = fmt.Sprintf("+%05d", i)
		all = append(all, r)
	}

	putAll(t, x, all)
	bothWays(t, x, func() {
		for _, c := range []struct {
			pattern string
			offset  int
			want    string
		}{
			{"+*", 0, "00000 00001 +"},
			{"*", n - 2, "05998 05999"},
			{"+*9", 0, "00009 00019 +"},
			{"*5*5*5*5*", 0, "05555"},
			{"*5*", 1, "00015 00025 +"},
			{"*7", n/10 - 1, "05997"},
		} {
			q := pageOf(t, region, c.offset, 2, "callerPhoneNumber="+c.pattern)
			if got := find(t, x, q); got != c.want {
				t.Errorf("%q from %d found %q, want %q", c.pattern, c.offset, got, c.want)
			}
		}
	})
}

// testSink: a search gives its sink the page, small recordings and large ones, and bytes and counts
// that belong together.
func testSink(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	const n = 90
	var want []string // newest first
	for i := range n {
		r := New(fmt.Sprintf("%02d", n-i), region, mapping.Time(1000*(n-i)))
		if i%30 == 29 {
			r.MediaFiles[0].Parameters = jsontext.Value(`{"note":"` + strings.Repeat("5", 700_000) + `"}`)
		}
		put(t, x, center, r, index.Created)
		want = append(want, r.ID)
	}

	bothWays(t, x, func() {
		t.Helper()
		var ids []string
		q := index.Query{Scope: here, Offset: 1, Limit: n - 2}
		sink := index.Sink{
			Encode: func(b []byte, s *mapping.Stored) ([]byte, error) { return append(append(b, s.ID()...), ' '), nil },
			Write: func(b []byte, recordings int) error {
				some := strings.Fields(string(b))
				if len(some) != recordings {
					t.Errorf("%d recordings come with %q", recordings, b)
				}
				ids = append(ids, some...)
				return nil
			},
		}
		page, err := x.Search(t.Context(), q, sink)
		if err != nil || !page.More || !slices.Equal(ids, want[1:n-1]) {
			t.Errorf("got %q and %+v, %v", ids, page, err)
		}

		enough := errors.New("enough")
		sink.Write = func([]byte, int) error { return enough }
		if _, err := x.Search(t.Context(), q, sink); !errors.Is(err, enough) {
			t.Errorf("the error of Write came back as %v", err)
		}
		sink.Encode = func(b []byte, _ *mapping.Stored) ([]byte, error) { return b, enough }
		if _, err := x.Search(t.Context(), q, sink); !errors.Is(err, enough) {
			t.Errorf("the error of Encode came back as %v", err)
		}
	})
}

// noteChanges notes in recordings of the contact center when they were changed, which only the index
// knows.
func noteChanges(t testing.TB, x Index, recordings map[string]*mapping.Recording) {
	t.Helper()
	for id, r := range recordings {
		stored, err := x.Get(t.Context(), index.Scope{ContactCenter: center, Region: index.AnyRegion}, id)
		if err != nil {
			t.Fatal(err)
		}
		r.ChangedTime = stored.ChangedTime
	}
}
