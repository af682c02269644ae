package newest_test

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"recordings/index"
	"recordings/index/embedded/newest"
	"recordings/mapping"
)

// The benchmarks search this many recordings; RECORDINGS_BENCH_SIZE is another number.
const benchSize = 100_000

func corpusSize(t testing.TB) int {
	s := os.Getenv("RECORDINGS_BENCH_SIZE")
	if s == "" {
		return benchSize
	}

	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// load indexes a corpus in the given order, and waits until Bleve has merged its segments.
func (x *searchIndex) load(c *corpus, order func(i int) int) {
	const batch = 4000
	for from := 0; from < c.size; from += batch {
		b := bleveindex.NewBatch()
		for i := from; i < min(from+batch, c.size); i++ {
			b.Update(c.doc(order(i)).document())
		}
		if err := x.scorch.Batch(b); err != nil {
			x.Fatal(err)
		}
	}
}

// settle waits until nothing is going on in the background.
func (x *searchIndex) settle() {
	for quiet := 0; quiet < 3; time.Sleep(100 * time.Millisecond) {
		if active, _ := x.scorch.StatsMap()["index_bgthreads_active"].(bool); active {
			quiet = 0
		} else {
			quiet++
		}
	}
}

// shape is a search of the benchmarks.
type shape struct {
	name   string
	params map[string]string
	offset int
}

func shapes(c *corpus) (center string, region string, all []shape) {
	about := c.doc(0)
	suits := func() bool {
		return about.contactCenter == c.centers[0].id && about.region == corpusRegions[0] &&
			strings.HasPrefix(about.DialedNumbers[0], "+1800")
	}

	for i := c.size / 3; !suits(); i++ {
		about = c.doc(i)
	}

	rare, often := c.centers[0].agents[len(c.centers[0].agents)-1].userName, c.centers[0].agents[0].userName
	end := corpusStart + corpusDays*msPerDay
	at := func(daysAgo int) string { return (end - mapping.Time(daysAgo)*msPerDay).String() }
	uuid := ""
	for _, v := range about.UserData {
		if len(v) == 36 {
			uuid = v
		}
	}

	one := func(name, value string) map[string]string { return map[string]string{name: value} }
	caller := func(v string) map[string]string { return one(mapping.ParamCallerPhoneNumber, v) }
	name := func(v string) map[string]string { return one(mapping.ParamUserName, v) }
	data := func(v string) map[string]string { return one(mapping.ParamUserData, v) }
	return about.contactCenter, about.region, []shape{
		{"all", one("startTime", "0"), 0},
		{"all, offset 10k", one("startTime", "0"), 10_000},
		{"all, offset 100k", one("startTime", "0"), 100_000},
		{"caller exact", caller(about.CallerNumbers[0]), 0},
		{"dialed exact", one(mapping.ParamDialedPhoneNumber, about.DialedNumbers[0]), 0},
		{"caller +1650*", caller("+1650*"), 0},
		{"caller *1234", caller("*1234"), 0},
		{"caller *555*", caller("*555*"), 0},
		{"caller *555*, offset 1k", caller("*555*"), 1000},
		{"caller *45678*", caller("*45678*"), 0},
		{"caller *5*", caller("*5*"), 0},
		{"caller *5*, offset 10k", caller("*5*"), 10_000},
		{"caller +1*5*9", caller("+1*5*9"), 0},
		{"caller *zz*", caller("*zz*"), 0},
		{"name exact, often", name(often), 0},
		{"name exact, rare", name(rare), 0},
		{"name alice", name("alice"), 0},
		{"name al*", name("al*"), 0},
		{"name *son", name("*son"), 0},
		{"name *ar*", name("*ar*"), 0},
		{"name *", name("*"), 0},
		{"name *q*x*", name("*q*x*"), 0},
		{"name *a*n*, offset 5k", name("*a*n*"), 5000},
		{"name Alice AND Amber*", name("Alice AND Amber*"), 0},
		{"name Alice Amber", name("Alice Amber"), 0},
		{"data unique", data(uuid), 0},
		{"data sales", data("sales"), 0},
		{"data sales, offset 10k", data("sales"), 10_000},
		{"data case-12345*", data("case-12345*"), 0},
		{"data *12345*", data("*12345*"), 0},
		{"data tail of uuid", data("*" + uuid[28:]), 0},
		{"data *a1*b2*", data("*a1*b2*"), 0},
		{"type inbound", one(mapping.ParamCallType, "inbound"), 0},
		{"type out*, offset 10k", one(mapping.ParamCallType, "out*"), 10_000},
		{"type outbound, *555*", map[string]string{
			mapping.ParamCallType: "outbound", mapping.ParamCallerPhoneNumber: "*555*",
		}, 0},
		{"one day", map[string]string{"startTime": at(200), "endTime": at(199)}, 0},
		{"one month", map[string]string{"startTime": at(230), "endTime": at(200)}, 0},
		{"a year, offset 10k", map[string]string{"startTime": at(430), "endTime": at(65)}, 10_000},
		{
			"month, *555*, al*",
			map[string]string{
				"startTime":                    at(230),
				"endTime":                      at(200),
				mapping.ParamCallerPhoneNumber: "*555*",
				mapping.ParamUserName:          "al*",
			},
			0,
		},
		{
			"+1650*, *son, spanish",
			map[string]string{
				mapping.ParamCallerPhoneNumber: "+1650*",
				mapping.ParamUserName:          "*son",
				mapping.ParamUserData:          "spanish",
			},
			0,
		},
		{"hostile caller 6 nines", caller("*9*9*9*9*9*9*"), 0},
		{"hostile caller 11 nines", caller("*9*9*9*9*9*9*9*9*9*9*9*"), 0},
		{"hostile data 0 to 7", data("*0*1*2*3*4*5*6*7*"), 0},
		{"hostile data 15 pieces", data("*9*8*7*6*5*4*3*2*1*0*f*e*d*c*b*"), 0},
		{"hostile names", name("*a*e*i*o*u*a*e*i*o*"), 0},
	}
}

func (s *shape) query(t testing.TB, contactCenter, region string) search {
	c, err := mapping.ParseCriteria(s.params)
	if err != nil {
		t.Fatal(err)
	}
	return search{contactCenter, region, nil, c, newest.Request{Offset: s.offset, Limit: 100}}
}

// BenchmarkSearch measures searches by their shape, loaded in order of time and shuffled, as old
// calls imported after new ones are.
func BenchmarkSearch(b *testing.B) {
	c := newCorpus(corpusSize(b))
	shuffled := rand.New(rand.NewPCG(5, 6)).Perm(c.size)
	b.Run("ordered", func(b *testing.B) { benchmarkSearch(b, c, "ordered", func(i int) int { return i }) })
	b.Run("shuffled", func(b *testing.B) { benchmarkSearch(b, c, "shuffled", func(i int) int { return shuffled[i] }) })
}

// corpusIndex makes an index of a corpus. If RECORDINGS_BENCH_DIR is set, it is kept there for the
// next time.
func corpusIndex(b *testing.B, c *corpus, name string, order func(int) int) *searchIndex {
	kept := os.Getenv("RECORDINGS_BENCH_DIR")
	if kept == "" {
		kept = b.TempDir()
	}

	dir := filepath.Join(kept, name+"-"+strconv.Itoa(c.size))
	if _, err := os.Stat(dir); err == nil {
		return openSearchIndex(b, dir, newest.Options{})
	}

	x := newSearchIndexIn(b, dir+".new", newest.Options{})
	x.load(c, order)
	x.settle()
	x.close()
	if err := os.Rename(dir+".new", dir); err != nil {
		b.Fatal(err)
	}
	return openSearchIndex(b, dir, newest.Options{})
}

// BenchmarkCount measures what counting all matches costs, by the shape of the search.
func BenchmarkCount(b *testing.B) {
	c := newCorpus(corpusSize(b))
	x := corpusIndex(b, c, "ordered", func(i int) int { return i })
	defer x.close()
	contactCenter, region, all := shapes(c)
	snapshot := x.snapshot()
	defer snapshot.Close()
	for _, s := range all {
		if s.offset > 0 {
			continue
		}
		q := s.query(b, contactCenter, region)
		b.Run(s.name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				var err error
				if n, err = x.searcher.Count(b.Context(), snapshot, q.request()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n), "matches")
		})
	}
}

func benchmarkSearch(b *testing.B, c *corpus, name string, order func(int) int) {
	x := corpusIndex(b, c, name, order)
	defer x.close()
	contactCenter, region, all := shapes(c)
	snapshot := x.snapshot()
	defer snapshot.Close()
	b.Logf("%d segments", len(snapshot.Segments()))
	for _, s := range all {
		q := s.query(b, contactCenter, region)
		b.Run(s.name, func(b *testing.B) { x.measure(b, snapshot, q.request()) })
		q.Order = index.OldestFirst
		b.Run(s.name+", oldest first", func(b *testing.B) { x.measure(b, snapshot, q.request()) })
	}
}

// measure measures a search.
func (x *searchIndex) measure(b *testing.B, snapshot *scorch.IndexSnapshot, r newest.Request) {
	var took []time.Duration
	hits, cpu := 0, cpuTime(b)
	for b.Loop() {
		start := time.Now()
		found, _, err := x.searcher.Search(b.Context(), snapshot, r)
		if err != nil {
			b.Fatal(err)
		}
		hits = len(found)
		took = append(took, time.Since(start))
	}
	b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/1e6/float64(len(took)), "cpu-ms/op")
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e6, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e6, "p99-ms")
	b.ReportMetric(float64(hits), "hits")
}

// BenchmarkHistogram measures what counting all matches by day and by hour costs, in zones whose days
// begin at another hour, or within one.
func BenchmarkHistogram(b *testing.B) {
	c := newCorpus(corpusSize(b))
	x := corpusIndex(b, c, "ordered", func(i int) int { return i })
	defer x.close()
	contactCenter, region, all := shapes(c)
	snapshot := x.snapshot()
	defer snapshot.Close()

	for _, s := range all {
		if s.offset > 0 {
			continue
		}
		for _, zone := range []string{"UTC", "America/New_York", "Asia/Kolkata"} {
			location, err := time.LoadLocation(zone)
			if err != nil {
				b.Fatal(err)
			}
			by := index.Calendar{Interval: index.Day, Zone: location}
			b.Run(s.name+"/"+zone, func(b *testing.B) {
				q := s.query(b, contactCenter, region)
				n := 0
				for b.Loop() {
					counts, err := x.searcher.Histogram(b.Context(), snapshot, q.request(), by.Bucket)
					if err != nil {
						b.Skip(err)
					}
					n = len(counts)
				}
				b.ReportMetric(float64(n), "buckets")
			})
		}
	}
}

// BenchmarkTeam measures what it costs a search that the caller sees the recordings of some teams
// only: of all of them, of a fifth, or of one in 35. It reports the least times as ratios of that of the
// search without teams, each taken in turn: what else the machine does only ever adds to a time.
func BenchmarkTeam(b *testing.B) {
	c := newCorpus(corpusSize(b))
	x := corpusIndex(b, c, "teams", func(i int) int { return i })
	defer x.close()
	contactCenter, region, all := shapes(c)
	snapshot := x.snapshot()
	defer snapshot.Close()

	teams := []struct {
		name   string
		groups []string
	}{{"none", nil}, {"all", []string{"/"}}, {"fifth", []string{"/Sales"}}, {"team", []string{"/Sales/Team1"}},
		{"two", []string{"/Sales/Team1", "/Support"}}}
	for _, s := range all {
		q := s.query(b, contactCenter, region)
		b.Run(s.name, func(b *testing.B) {
			took := make([][]time.Duration, len(teams))
			for b.Loop() {
				for i, team := range teams {
					q.groups = team.groups
					start := time.Now()
					if _, _, err := x.searcher.Search(b.Context(), snapshot, q.request()); err != nil {
						b.Fatal(err)
					}
					took[i] = append(took[i], time.Since(start))
				}
			}

			least := func(i int) float64 { return float64(slices.Min(took[i])) }
			b.ReportMetric(least(0)/1e6, "least-ms")
			for i := range teams[1:] {
				b.ReportMetric(least(i+1)/least(0), teams[i+1].name+"-ratio")
			}
		})
	}
}

// BenchmarkBuild measures what it costs to index a corpus, merges included.
func BenchmarkBuild(b *testing.B) {
	c := newCorpus(corpusSize(b))
	for b.Loop() {
		dir := filepath.Join(b.TempDir(), strconv.Itoa(rand.Int()))
		x := newSearchIndexIn(b, dir, newest.Options{})
		start, cpu := time.Now(), cpuTime(b)
		x.load(c, func(i int) int { return i })
		loaded := time.Since(start)
		x.settle()
		settled, used := time.Since(start), cpuTime(b)-cpu
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		x.close()
		n := float64(c.size)
		b.ReportMetric(n/loaded.Seconds(), "loaded/s")
		b.ReportMetric(n/settled.Seconds(), "settled/s")
		b.ReportMetric(float64(used.Nanoseconds())/1e3/n, "cpu-µs/doc")
		b.ReportMetric(float64(diskUsage(b, dir))/n, "disk-B/doc")
		b.ReportMetric(float64(m.HeapAlloc)/n, "heap-B/doc")
	}
}

func cpuTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func diskUsage(t testing.TB, dir string) (bytes int64) {
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		bytes += info.Size()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}
