package engine_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/goleak"

	"recordings/cmd/bench/corpus"
	"recordings/cmd/bench/engine"
	"recordings/cmd/bench/shapes"
	"recordings/index"
	"recordings/mapping"
)

// Bleve keeps its analysis workers from when the program starts until it ends.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"))
}

func TestBleveAnswersRight(t *testing.T) {
	e, err := engine.OpenBleve(options(t))
	if err != nil {
		t.Fatal(err)
	}
	testEngine(t, e)
}

func TestSQLiteAnswersRight(t *testing.T) {
	e, err := engine.OpenSQLite(options(t))
	if err != nil {
		t.Fatal(err)
	}
	testEngine(t, e)
}

func TestOursAnswersRight(t *testing.T) {
	ours, err := engine.OpenOurs(t.Context(), options(t))
	if err != nil {
		t.Fatal(err)
	}
	testEngine(t, ours)
}

func TestHTTPAnswersRight(t *testing.T) {
	ours, err := engine.OpenOurs(t.Context(), options(t))
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()

	if err := ours.Load(t.Context(), calls()); err != nil {
		t.Fatal(err)
	}

	e, err := engine.OpenHTTP(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}

	testEngine(t, e)
}

const recordings = 2000

func newCorpus() *corpus.Corpus {
	return corpus.New(corpus.Options{Recordings: recordings, Centers: 13, Order: corpus.Shuffled})
}

func options(t *testing.T) engine.Options {
	t.Helper()
	c := newCorpus()
	return engine.Options{Dir: t.TempDir(), Cap: time.Minute, Region: c.RegionOf(0), ContactCenters: c.CenterIDs()}
}

// calls are those of the corpus, and some whose values hold what means something in a language of
// queries.
func calls() iter.Seq[corpus.Call] {
	odd := []string{"100%", "a_b", "axb", "what?", "whatx", "[abc]", "a", `back\slash`, `say "x"`, "it's", "a|b",
		"O'CONNOR", "ΣΑΣ", "naïve café", "(x)", "a.b", "a+b", "{}", "^$"}
	return func(yield func(corpus.Call) bool) {
		c := newCorpus()
		for k := range c.All() {
			if !yield(k) {
				return
			}
		}

		m := c.Maker()
		for i, value := range odd {
			k := m.Make(recordings + i)
			k.ContactCenter, k.Recording.Region = c.CenterOf(0), c.RegionOf(0)
			text, _ := jsontext.AppendQuote(nil, value)
			for j := range k.Recording.EventHistory {
				e := &k.Recording.EventHistory[j]
				if e.Contact != nil && e.Contact.Type == mapping.ContactUser {
					e.Contact.LastName = value
					e.Data = jsontext.Value(fmt.Sprintf(`{"odd":%s,"next":"b_%d"}`, text, i))
				}
			}

			if !yield(k) {
				return
			}
		}
	}
}

// testEngine compares every answer with what the search means.
func testEngine(t *testing.T, e engine.Engine) {
	t.Helper()
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()

	want := new(engine.Match)
	for _, x := range []engine.Engine{want, e} {
		if err := x.Load(t.Context(), calls()); err != nil {
			t.Fatal(err)
		}
	}

	compareAll(t, want, e)
	m := newCorpus().Maker()
	for i := range 20 {
		for _, x := range []engine.Engine{want, e} {
			if err := x.Put(t.Context(), m.Make(2*recordings+i)); err != nil {
				t.Fatal(err)
			}
		}
	}

	if late, ok := e.(interface{ Refresh(context.Context) error }); ok { // what was put is found a moment later
		if err := late.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	compareAll(t, want, e)
	facts, err := e.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if facts.Version == "" || facts.DiskBytes < recordings*100 {
		t.Errorf("facts %+v, want a version and the bytes of %d recordings", facts, recordings)
	}
}

func compareAll(t *testing.T, want, e engine.Engine) {
	t.Helper()
	all, err := shapes.All(newCorpus())
	if err != nil {
		t.Fatal(err)
	}

	hits := 0
	for _, s := range slices.Concat(all, random(t, want.(*engine.Match), 400)) {
		hits += compare(t, s, want, e)
	}

	if hits < 1000 {
		t.Errorf("all searches together found %d recordings, too few to prove anything", hits)
	}
}

func compare(t *testing.T, s shapes.Shape, want, e engine.Engine) int {
	t.Helper()
	a, err := want.Search(t.Context(), s.Query)
	if err != nil {
		t.Fatal(err)
	}

	b, err := e.Search(t.Context(), s.Query)
	if errors.Is(err, engine.ErrNotKept) {
		return 0
	}
	if err == nil {
		err = b.Parse()
	}

	if err != nil {
		t.Errorf("%s %q: %v", s.Name, s.Params, err)
		return 0
	}

	if !slices.Equal(a.IDs, b.IDs) || a.More != b.More {
		t.Errorf("%s %q offset %d: %d recordings (more: %t), want %d (more: %t)\n%s\n%s", s.Name, s.Params, s.Offset,
			len(b.IDs), b.More, len(a.IDs), a.More, head(b.IDs), head(a.IDs))
	}

	return len(a.IDs)
}

func head(ids []string) string { return strings.Join(ids[:min(3, len(ids))], " ") }

// random makes searches of parts of values that there are.
func random(t *testing.T, m *engine.Match, n int) []shapes.Shape {
	t.Helper()
	c := newCorpus()
	r := rand.New(rand.NewPCG(7, 7))
	var all []*mapping.Searchable
	for k := range calls() {
		if k.ContactCenter == c.CenterOf(0) {
			all = append(all, k.Recording.Searchable())
		}
	}

	odd := all[len(all)-19:]
	var made []shapes.Shape
	for len(made) < n {
		s := all[r.IntN(len(all))]
		if r.IntN(3) == 0 {
			s = odd[r.IntN(len(odd))]
		}

		params := map[string]string{}
		if r.IntN(3) == 0 {
			params[mapping.ParamCallerPhoneNumber] = randomPattern(r, s.CallerNumbers[0])
		}
		if r.IntN(3) == 0 {
			params[mapping.ParamDialedPhoneNumber] = randomPattern(r, s.DialedNumbers[0])
		}
		if r.IntN(3) == 0 {
			params[mapping.ParamUserName] = randomExpression(r, s.Names)
		}
		if r.IntN(2) == 0 {
			params[mapping.ParamUserData] = randomExpression(r, s.UserData)
		}
		if r.IntN(4) == 0 {
			params[mapping.ParamStartTime] = fmt.Sprint(int64(s.StartTime) - r.Int64N(100))
		}
		if r.IntN(4) == 0 {
			params[mapping.ParamEndTime] = fmt.Sprint(int64(s.StopTime) + r.Int64N(100))
		}

		if criteria, err := mapping.ParseCriteria(params); err == nil && len(params) > 0 {
			of := index.Scope{ContactCenter: c.CenterOf(0), Region: c.RegionOf(0)}
			if r.IntN(3) == 0 {
				of.Groups = corpus.Teams[r.IntN(len(corpus.Teams))]
			}
			made = append(made,
				shapes.Shape{Name: fmt.Sprint("random ", len(made)),
					Query: engine.Query{Params: params, Query: index.Query{
						Scope: of, Criteria: criteria, Offset: r.IntN(3), Limit: 1 + r.IntN(100)}}})
		}
	}

	return made
}

// randomPattern makes a pattern that mostly matches a value.
func randomPattern(r *rand.Rand, value string) string {
	runes := []rune(value)
	var b strings.Builder
	for i := 0; i < len(runes); {
		n := 1 + r.IntN(6)
		if r.IntN(2) == 0 {
			b.WriteByte('*')
			i += r.IntN(4)
		}
		b.WriteString(string(runes[min(i, len(runes)):min(i+n, len(runes))]))
		i += n
	}

	if r.IntN(2) == 0 {
		b.WriteByte('*')
	}

	return strings.Replace(b.String(), "**", "*", 1)
}

func randomExpression(r *rand.Rand, values []string) string {
	var words []string
	for range 1 + r.IntN(3) {
		p := randomPattern(r, values[r.IntN(len(values))])
		if r.IntN(2) == 0 {
			p = values[r.IntN(len(values))]
		}
		if len(words) > 0 && r.IntN(2) == 0 {
			words = append(words, "AND")
		}
		words = append(words, `"`+strings.ReplaceAll(p, `"`, "*")+`"`)
	}
	return strings.Join(words, " ")
}

// A search that takes too long is given up.
func TestGivesUp(t *testing.T) {
	o := options(t)
	o.Cap = time.Nanosecond
	e, err := engine.OpenSQLite(o)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()

	if err := e.Load(t.Context(), calls()); err != nil {
		t.Fatal(err)
	}

	all, err := shapes.All(newCorpus())
	if err != nil {
		t.Fatal(err)
	}

	if _, err := e.Search(t.Context(), all[0].Query); err != engine.ErrTooSlow {
		t.Errorf("error %v, want %v", err, engine.ErrTooSlow)
	}

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Search(canceled, all[0].Query); err == nil || err == engine.ErrTooSlow {
		t.Errorf("error %v of a search that the caller gave up, want that of the context", err)
	}
}
