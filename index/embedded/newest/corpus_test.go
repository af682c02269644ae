package newest_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"recordings/mapping"
)

// corpus makes believable recordings, always the same: two years of calls of contact centers of
// very different sizes, in which few customers call often and most call once.
type corpus struct {
	size        int
	centers     []center
	cumulative  []float64 // share of the calls of the contact centers up to this one
	areas       []int
	first, last []string
}

type center struct {
	id     string
	number int
	agents []agent
}

type agent struct{ userName, firstName, lastName string }

const (
	corpusDays    = 730
	corpusCenters = 50
	corpusAgents  = 20_000
)

var (
	corpusStart   = mapping.Time(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	corpusRegions = []string{"us-west", "us-east", "eu-central"}
	departments   = strings.Fields(
		"sales support billing retention technical collections onboarding fraud loyalty claims shipping " +
			"returns",
	)
	corpusTeams = strings.Fields("/Sales /Support /Billing /Claims /Returns")
	languages   = strings.Fields("english spanish french german italian portuguese japanese mandarin")
	syllables   = strings.Fields(
		"al am an ar ba bel ben bri ca car chi da dan del den do ed el em er fa fer fi ga gar han har hen " +
			"hol in is ja jo ka kel ken la lan leo li lo lu ma mar mel mi mo na nel ni no ol os pa pe ra ri " +
			"ro ru sa san sel si so ste ta te ter to tri ul va ven vi wal wes ya zo",
	)
	endings = strings.Fields(
		"a an ce ck da der dez e ford ia ie in is ley ll man n ne ner nes ng o on ra rd rez ry s sky son " +
			"ston t ta th ton ty us well y",
	)
)

func newCorpus(size int) *corpus {
	c := &corpus{size: size}
	r := rand.New(rand.NewPCG(1, 2))
	name := func(parts int) string {
		s := ""
		for range parts {
			s += syllables[r.IntN(len(syllables))]
		}
		s += endings[r.IntN(len(endings))]
		return strings.ToUpper(s[:1]) + s[1:]
	}

	for range 300 {
		c.first = append(c.first, name(1))
		c.areas = append(c.areas, 201+r.IntN(790))
	}

	c.first = append(c.first, "Alice", "Amber")
	for range 800 {
		c.last = append(c.last, name(2))
	}

	total := 0.0
	for i := range corpusCenters {
		total += math.Pow(float64(i+1), -1.2)
		c.cumulative = append(c.cumulative, total)
	}

	for i := range corpusCenters {
		c.cumulative[i] /= total
		c.centers = append(c.centers, c.newCenter(r, i))
	}

	return c
}

func (c *corpus) newCenter(r *rand.Rand, i int) center {
	x := center{id: uuidOf(r), number: i}
	share := c.cumulative[i]
	if i > 0 {
		share -= c.cumulative[i-1]
	}

	for range 1 + int(corpusAgents*share) {
		first, last := skewed(r, c.first, 1.3), skewed(r, c.last, 1.3)
		name := strings.ToLower(first) + "." + strings.ToLower(last)
		userName := fmt.Sprintf("%s%d@cc%02d.example.com", name, r.IntN(1000), i)
		x.agents = append(x.agents, agent{userName, first, last})
	}

	return x
}

// skewed picks the first ones more often.
func skewed[T any](r *rand.Rand, of []T, exponent float64) T {
	return of[int(math.Pow(r.Float64(), exponent)*float64(len(of)))]
}

func uuidOf(r *rand.Rand) string {
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-9%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52, b&0xffffffffffff)
}

// number is that of a customer.
func (c *corpus) number(customer uint64) string {
	r := rand.New(rand.NewPCG(customer, 3))
	return fmt.Sprintf("+1%03d%07d", skewed(r, c.areas, 2), 2_000_000+r.IntN(8_000_000))
}

// doc is the recording at a place in the order of time; the first of all is 0.
func (c *corpus) doc(place int) *doc {
	r := rand.New(rand.NewPCG(uint64(place), 4))
	at, _ := slices.BinarySearch(c.cumulative, r.Float64())
	x := &c.centers[at]
	region := corpusRegions[x.number%3]
	if r.IntN(10) == 0 {
		region = corpusRegions[r.IntN(3)]
	}

	customer := uint64(20_000 + r.IntN(4_000_000))
	if r.IntN(4) == 0 {
		customer = uint64(math.Pow(r.Float64(), 2) * 20_000) // one who calls often
	}

	caller := c.number(customer)
	dialed := fmt.Sprintf("+1800%03d%04d", 200+x.number, 1000+7*int(math.Pow(r.Float64(), 2)*200))
	callType := "inbound"
	if r.IntN(5) == 0 {
		caller, dialed, callType = dialed, caller, "outbound"
	}

	start := corpusStart + mapping.Time(int64(float64(place)/float64(c.size)*corpusDays*msPerDay)+r.Int64N(3_600_000))
	s := mapping.Searchable{
		CallerNumbers: []string{caller},
		DialedNumbers: []string{dialed},
		StartTime:     start,
		StopTime:      start + mapping.Time(20_000+r.IntN(900_000)),
		CallTypes:     []string{callType},
	}
	s.UserData, s.UserDataByKey = c.userData(r, customer)

	for range 1 + r.IntN(10)/7 {
		a := skewed(r, x.agents, 1.5)
		s.Names = append(s.Names, a.userName, mapping.Fold(a.firstName), mapping.Fold(a.lastName))
	}

	slices.Sort(s.Names)
	s.Names = slices.Compact(s.Names)
	team := fmt.Sprintf("%s/Team%d", corpusTeams[customer%uint64(len(corpusTeams))], customer%7)
	s.AccessGroups = []string{"/", team[:strings.LastIndexByte(team, '/')], team}
	return &doc{x.id, region, fmt.Sprintf("%016X%08X", r.Uint64(), place), s}
}

// userData is what an agent's desktop knows of a call: values that are unique, that few calls share, and
// that many share.
func (c *corpus) userData(r *rand.Rand, customer uint64) (values, byKey []string) {
	department := skewed(r, departments, 2)
	for _, of := range [][2]string{
		{"caseid", fmt.Sprintf("case-%010d", r.Int64N(1e10))},
		{"customerid", fmt.Sprintf("c%08x", uint32(customer*2654435761))},
		{"department", department},
		{"language", skewed(r, languages, 3)},
		{"queue", fmt.Sprintf("vq_%s_%02d", department, r.IntN(20))},
		{"disposition", fmt.Sprintf("disp%02d", int(math.Pow(r.Float64(), 2)*20))},
		{"gsip_call", uuidOf(r)},
	} {
		values = append(values, of[1])
		byKey = append(byKey, mapping.DataTerm(of[0], of[1]), mapping.DataTerm(of[0], ""))
	}

	slices.Sort(values)
	slices.Sort(byKey)
	return slices.Compact(values), slices.Compact(byKey)
}
