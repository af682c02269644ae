// Package load knows how much a service was asked in the last hour, minute by minute, so that whoever looks
// sees what has become of it, also where nothing else keeps its metrics.
//
// A reader lacks one fact: how long 99 % of the searches of a minute took at most is told by counts of
// durations, each up to a quarter longer than the one before. So a minute takes the same memory however many
// searches it has, and what is told is up to a quarter too long.
package load

import (
	"math"
	"sync"
	"time"
)

// Kind is what a request asks for.
type Kind int

// The kinds.
const (
	Other Kind = iota
	Search
	Post
)

const (
	span = 60 // minutes that are kept, the one that goes on included

	shortest = 100 * time.Microsecond // the longest duration of the first count
	growth   = 1.25
	counts   = 62 // the last one begins at about 80 s
)

// minute is what is known of one.
type minute struct {
	number                  int64 // since 1970
	searches, posts, errors int
	took                    [counts]int // how many searches took so long
}

// Hour counts requests. The zero value has none.
type Hour struct {
	mu      sync.Mutex
	minutes [span]minute
}

// Minutes are the numbers of the last hour: of each minute one, the oldest first, and last of the one that goes
// on.
type Minutes struct {
	Searches []int     `json:"searches"`
	SearchMs []float64 `json:"searchMs"` // 99 % of the searches took at most that; 0: there was none
	Posts    []int     `json:"posts"`    // requests, of one recording or of many
	Errors   []int     `json:"errors"`   // answers with a status of 500 or more
}

// Add counts a request that was answered.
func (h *Hour) Add(now time.Time, kind Kind, failed bool, took time.Duration) {
	number := now.Unix() / 60
	h.mu.Lock()
	defer h.mu.Unlock()
	m := &h.minutes[number%span]
	if m.number != number {
		*m = minute{number: number}
	}

	switch kind {
	case Search:
		m.searches++
		m.took[countOf(took)]++
	case Post:
		m.posts++
	}
	if failed {
		m.errors++
	}
}

// Last returns the numbers of the hour that ends now.
func (h *Hour) Last(now time.Time) Minutes {
	all := Minutes{
		Searches: make([]int, span), SearchMs: make([]float64, span), Posts: make([]int, span),
		Errors: make([]int, span),
	}
	number := now.Unix() / 60
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range all.Searches {
		n := number - span + 1 + int64(i)
		m := &h.minutes[(n%span+span)%span]
		if m.number != n {
			continue
		}
		all.Searches[i], all.Posts[i], all.Errors[i] = m.searches, m.posts, m.errors
		all.SearchMs[i] = m.longest()
	}
	return all
}

// longest is how many milliseconds 99 % of the searches took at most; 0: there was none.
func (m *minute) longest() float64 {
	if m.searches == 0 {
		return 0
	}
	beyond := m.searches / 100 // those that may have taken longer
	i := counts - 1
	for ; m.took[i] <= beyond; i-- {
		beyond -= m.took[i]
	}
	ms := float64(shortest) / float64(time.Millisecond) * math.Pow(growth, float64(i))
	return math.Round(ms*10) / 10
}

// countOf is the count that a duration belongs to: the first whose longest it does not exceed.
func countOf(took time.Duration) int {
	if took <= shortest {
		return 0
	}
	i := int(math.Ceil(math.Log(float64(took)/float64(shortest)) / math.Log(growth)))
	return min(i, counts-1)
}
