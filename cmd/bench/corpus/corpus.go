// Package corpus makes recordings for measurements: as many as wanted, believable, and always the
// same.
//
// Every recording is a function of its number alone, so that any part of a corpus can be made by
// itself, by several goroutines, and again at any time. What makes searches expensive or cheap in
// real life is kept: a few large contact centers and many small ones, agents who take most of the
// calls, callers who call again, few queues and languages, unique case numbers, quiet nights and
// weekends.
package corpus

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"sort"
	"strings"
	"time"

	"recordings/mapping"
)

// The corpus spans two years of calls.
var (
	begin = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) // a Monday
	end   = begin.AddDate(0, 0, 7*weeks)
)

const weeks = 104

// Regions are the regions that recordings are in. A contact center has one, and some calls in the
// others.
var Regions = []string{"us-west", "us-east", "eu-central"}

// Order is the order in which the recordings of a corpus arrive.
type Order string

// The orders of arrival.
const (
	Chronological Order = "chronological" // as recorders post them
	Halves        Order = "halves"        // the second half first: last year's calls are imported after this year's
	Shuffled      Order = "shuffled"      // at random
)

// Options say which corpus is wanted.
type Options struct {
	Recordings int
	Part       int // only the first of the recordings are there so far; 0: all are
	Centers    int // contact centers; their sizes follow Zipf's law
	Order      Order
}

// The seeds of what is drawn once. Recordings are drawn from recordSeed and their number.
const (
	centerSeed = 1
	agentSeed  = 2
	recordSeed = 3
	phoneSeed  = 4
)

const (
	agents       = 20_000
	centerSlope  = 1.1 // exponent of the Zipf law of the sizes of contact centers
	repeatShare  = 0.3 // of calls are with somebody who calls again and again
	frequent     = 50_000
	customers    = 5_000_000
	foreignShare = 0.08 // of the recordings of a contact center are in another region than most
)

// teams is how many teams a department has.
const teams = 5

// Teams are the access groups of some who see a part of a contact center only: of who leads a large
// department, or two, of who leads a team, and of a small team.
var Teams = [][]string{{"/sales"}, {"/sales/team1"}, {"/support", "/billing/team2"}, {"/returns/team5"}}

// Corpus makes the recordings of one Options.
type Corpus struct {
	o       Options
	centers []center
	sizes   []float64 // cumulative shares of the contact centers
	hours   []float64 // cumulative shares of the hours of a week
	areas   []float64 // cumulative shares of areaCodes
}

type center struct {
	id     string
	region int // in Regions
	code   int // of its dialed numbers
	agents []agent
}

type agent struct {
	userName, firstName, lastName string
	extension                     string
}

// Call is a recording and where it belongs.
type Call struct {
	ContactCenter string
	Recording     *mapping.Recording
}

// New returns a corpus. It holds the contact centers and their agents; recordings are made when
// they are asked for.
func New(o Options) *Corpus {
	c := &Corpus{o: o}
	c.sizes = cumulative(o.Centers, func(i int) float64 { return math.Pow(float64(i+1), -centerSlope) })
	c.hours = cumulative(7*24, func(i int) float64 { return callsPerHour(i/24, i%24) })
	c.areas = cumulative(len(areaCodes), func(i int) float64 { return 1 / float64(i+4) })
	ids := rand.New(rand.NewPCG(centerSeed, 0))
	names := rand.New(rand.NewPCG(agentSeed, 0))
	before := 0.0
	for i := range o.Centers {
		n := 1 + int(agents*(c.sizes[i]-before))
		before = c.sizes[i]
		c.centers = append(c.centers, newCenter(i, n, ids, names))
	}
	return c
}

func newCenter(i, agents int, ids, names *rand.Rand) center {
	c := center{id: string(appendUUID(nil, ids)), region: i % len(Regions), code: 200 + i%800}
	for range agents {
		first := firstNames[int(math.Pow(names.Float64(), 1.6)*float64(len(firstNames)))]
		last := lastNames[int(math.Pow(names.Float64(), 1.4)*float64(len(lastNames)))]
		c.agents = append(c.agents, agent{
			userName:  fmt.Sprintf("%s.%s%d@center%02d.example.com", handle(first), handle(last), names.IntN(1000), i),
			firstName: first,
			lastName:  last,
			extension: fmt.Sprint(2000 + names.IntN(7000)),
		})
	}
	return c
}

// handle is the form that a name has in a user name.
func handle(name string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\'' {
			return -1
		}
		return r
	}, strings.ToLower(ascii.Replace(name)))
}

// Len is the number of recordings that are there.
func (c *Corpus) Len() int {
	if c.o.Part > 0 {
		return c.o.Part
	}
	return c.o.Recordings
}

// After is the number of the first recording that comes after the corpus.
func (c *Corpus) After() int { return c.o.Recordings }

// Begin and End are the times between which all calls of the corpus began.
func (c *Corpus) Begin() mapping.Time { return mapping.Time(begin.UnixMilli()) }

// End is the time before which all calls that are there began.
func (c *Corpus) End() mapping.Time {
	share := float64(c.Len()) / float64(c.o.Recordings)
	return c.Begin() + mapping.Time(math.Ceil(share*float64(end.Sub(begin).Milliseconds())))
}

// CenterOf returns the id of the i-th largest contact center.
func (c *Corpus) CenterOf(i int) string { return c.centers[i].id }

// Smallest returns the rank of the smallest contact center whose rank is a multiple of n.
func (c *Corpus) Smallest(n int) int { return (len(c.centers) - 1) / n * n }

// CenterIDs are the ids of all contact centers, the largest first.
func (c *Corpus) CenterIDs() []string {
	ids := make([]string, len(c.centers))
	for i := range c.centers {
		ids[i] = c.centers[i].id
	}
	return ids
}

// RegionOf returns the region where most recordings of the i-th largest contact center are.
func (c *Corpus) RegionOf(i int) string { return Regions[c.centers[i].region] }

// All yields the recordings that are there, in the order of arrival.
func (c *Corpus) All() iter.Seq[Call] { return c.From(0) }

// From yields the recordings that are there without the first ones.
func (c *Corpus) From(first int) iter.Seq[Call] {
	return func(yield func(Call) bool) {
		m := c.Maker()
		for i := first; i < c.Len(); i++ {
			if !yield(m.Make(c.arrival(i))) {
				return
			}
		}
	}
}

// arrival is the number of the recording that arrives as the i-th.
func (c *Corpus) arrival(i int) int {
	n := c.o.Recordings
	switch c.o.Order {
	case Halves:
		return (i + n/2) % n
	case Shuffled:
		return shuffled(i, n)
	}
	return i
}

// shuffled is a permutation of the numbers below n: a Feistel network over the next power of four,
// walked until it comes out below n.
func shuffled(i, n int) int {
	half := 1
	for 1<<(2*half) < n {
		half++
	}

	mask := uint64(1)<<half - 1
	x := uint64(i)
	for {
		left, right := x>>half, x&mask
		for round := range uint64(4) {
			mixed := (right + round + 1) * 0x9E3779B97F4A7C15
			left, right = right, left^(mixed>>40)&mask
		}
		if x = left<<half | right; x < uint64(n) {
			return int(x)
		}
	}
}

// startTime is when call i began: calls are numbered by time, but for a little disorder as calls
// overlap. Numbers behind the corpus are calls after its end, at the same rate.
func (c *Corpus) startTime(i int, r *rand.Rand) mapping.Time {
	week := (float64(i) + r.Float64()) / float64(c.o.Recordings) * weeks
	whole := math.Floor(week)
	hour, inHour := draw(c.hours, week-whole)
	at := begin.Add(time.Duration(whole)*7*24*time.Hour + time.Duration(hour)*time.Hour +
		time.Duration(inHour*float64(time.Hour)))
	return mapping.Time(at.UnixMilli())
}

// callsPerHour is how busy an hour of a week is.
func callsPerHour(day, hour int) float64 {
	busy := 0.05 // at night
	switch {
	case hour >= 9 && hour < 17:
		busy = 1
	case hour >= 7 && hour < 21:
		busy = 0.4
	}

	if day >= 5 {
		busy *= 0.25
	}
	return busy
}

// cumulative returns the cumulative shares of n weights; the last is 1.
func cumulative(n int, weight func(i int) float64) []float64 {
	shares := make([]float64, n)
	total := 0.0
	for i := range shares {
		total += weight(i)
		shares[i] = total
	}

	for i := range shares {
		shares[i] /= total
	}

	shares[n-1] = 1
	return shares
}

// draw returns which of the shares f, in [0, 1), falls into, and where within it, in [0, 1).
func draw(shares []float64, f float64) (int, float64) {
	i := min(sort.Search(len(shares), func(i int) bool { return shares[i] > f }), len(shares)-1)
	from := 0.0
	if i > 0 {
		from = shares[i-1]
	}
	return i, (f - from) / (shares[i] - from)
}
