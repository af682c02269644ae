package corpus_test

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"recordings/cmd/bench/corpus"
	"recordings/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newCorpus(n int) *corpus.Corpus {
	return corpus.New(corpus.Options{Recordings: n, Centers: 50, Order: corpus.Chronological})
}

func encode(t *testing.T, r *mapping.Recording) []byte {
	t.Helper()
	data, err := mapping.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Figures of different days are comparable only if the corpus is the same. Access groups had no teams at first, and
// nothing else has changed with them.
func TestIsAlwaysTheSame(t *testing.T) {
	sum, withoutTeams := sha256.New(), sha256.New()
	for c := range newCorpus(200).All() {
		sum.Write([]byte(c.ContactCenter))
		sum.Write(encode(t, c.Recording))

		for i := range c.Recording.MediaFiles {
			f := &c.Recording.MediaFiles[i]
			f.AccessGroups = []string{path.Dir(f.AccessGroups[0])}
		}
		withoutTeams.Write([]byte(c.ContactCenter))
		withoutTeams.Write(encode(t, c.Recording))
	}

	const want, before = "cab7b8eef45199c2", "4ac67f0a1e1b5d58"
	if got := hex.EncodeToString(sum.Sum(nil)[:8]); got != want {
		t.Errorf("the first 200 recordings have the hash %s, want %s: earlier figures are not comparable any more", got,
			want)
	}
	if got := hex.EncodeToString(withoutTeams.Sum(nil)[:8]); got != before {
		t.Errorf("without teams the first 200 recordings have the hash %s, want %s", got, before)
	}
}

func TestMakesTheSameInAnyOrder(t *testing.T) {
	c := newCorpus(100)
	forward := c.Maker()
	backward := c.Maker()
	var all [100]string
	for i := range all {
		all[i] = string(encode(t, forward.Make(i).Recording))
	}

	for i := len(all) - 1; i >= 0; i-- {
		if got := string(encode(t, backward.Make(i).Recording)); got != all[i] {
			t.Fatalf("recording %d made after %d differs:\n%s\n%s", i, i+1, got, all[i])
		}
	}
}

func TestOrdersArePermutations(t *testing.T) {
	for _, order := range []corpus.Order{corpus.Chronological, corpus.Halves, corpus.Shuffled} {
		var ids []string
		for c := range corpus.New(corpus.Options{Recordings: 1001, Centers: 7, Order: order}).All() {
			ids = append(ids, c.Recording.ID)
		}
		slices.Sort(ids)
		if n := len(slices.Compact(ids)); n != 1001 {
			t.Errorf("%s: %d different recordings, want 1001", order, n)
		}
	}
}

// What is made is what a recorder could post.
func TestIsAcceptedByTheService(t *testing.T) {
	c := newCorpus(2000)
	size := 0
	for k := range c.All() {
		body := encode(t, k.Recording)
		size += len(body)
		posted, err := mapping.Decode(body, mapping.DecodeOptions{})
		if err != nil {
			t.Fatalf("%v\n%s", err, body)
		}

		if got := encode(t, posted); string(got) != string(body) {
			t.Fatalf("a recording changes when it is posted:\n%s\n%s", body, got)
		}

		if start := posted.StartTime(); start < c.Begin() || start >= c.End() {
			t.Errorf("recording starts at %s, want %s to %s", start, c.Begin(), c.End())
		}
	}

	if mean := size / c.Len(); mean < 1300 || mean > 1700 {
		t.Errorf("recordings have %d bytes on average, want about 1,500", mean)
	}
}

// What makes searches easy or hard is as in real life.
func TestIsBelievable(t *testing.T) {
	c := newCorpus(30_000)
	centers, regions, callers, unique := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	seen := make([]int, len(corpus.Teams)) // of the recordings, by each of the teams
	for k := range c.All() {
		centers[k.ContactCenter]++
		regions[k.Recording.Region]++
		callers[k.Recording.CallerPhoneNumber]++
		for _, v := range k.Recording.Searchable().UserData {
			unique[v]++
		}
		for i, groups := range corpus.Teams {
			if k.Recording.VisibleTo(groups) {
				seen[i]++
			}
		}
	}

	if len(centers) != 50 {
		t.Errorf("%d contact centers, want 50", len(centers))
	}

	if share := float64(centers[c.CenterOf(0)]) / 30_000; share < 0.15 || share > 0.35 {
		t.Errorf("the largest contact center has %.2f of the recordings, want 0.15 to 0.35", share)
	}

	if len(regions) != len(corpus.Regions) {
		t.Errorf("recordings are in %d regions, want %d", len(regions), len(corpus.Regions))
	}
	if len(callers) < 15_000 {
		t.Errorf("%d different callers, want most of them to be different", len(callers))
	}
	if unique["sales"] < 6_000 || unique["mandarin"] < 300 {
		t.Errorf("sales: %d, mandarin: %d; want one common and one rarer value", unique["sales"], unique["mandarin"])
	}
	if seen[0] < 6_000 || seen[1] < 1_200 || seen[3] < 100 || seen[1] > seen[0] || seen[3] > seen[1] {
		t.Errorf("the teams see %d; want a large department, a team of it, and a small team", seen)
	}
}

func TestNumbersBehindTheEndAreLaterCalls(t *testing.T) {
	c := newCorpus(1000)
	m := c.Maker()
	for i := c.Len(); i < c.Len()+100; i++ {
		if start := m.Make(i).Recording.StartTime(); start < c.End() {
			t.Fatalf("recording %d of %d starts at %s, before the end of the corpus at %s", i, c.Len(), start, c.End())
		}
	}
}

func BenchmarkMake(b *testing.B) {
	m := newCorpus(1_000_000).Maker()
	for i := 0; b.Loop(); i++ {
		m.Make(i)
	}
}
