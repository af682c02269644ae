package progress

import "time"

// The speed is that of the last so many seconds: long enough that the time left does not jump,
// short enough to notice a change.
const (
	samples        = 15
	sampleInterval = time.Second
)

// speed works out how fast the work is.
type speed struct {
	taken []sample // the oldest first
	last  sample
}

// sample is how much was done at a moment.
type sample struct {
	at   time.Time
	done int64
}

// add is told whenever there is progress, and keeps a sample of each interval.
func (s *speed) add(now time.Time, done int64) {
	s.last = sample{now, done}
	if n := len(s.taken); n == 0 || now.Sub(s.taken[n-1].at) >= sampleInterval {
		s.taken = append(s.taken[max(0, n-samples+1):], s.last)
	}
}

// perSecond is 0 while it is not known.
func (s *speed) perSecond() float64 {
	if len(s.taken) == 0 {
		return 0
	}
	// Over less than half an interval, the quotient would be chance.
	first := s.taken[0]
	if took := s.last.at.Sub(first.at); took >= sampleInterval/2 && s.last.done > first.done {
		return float64(s.last.done-first.done) / took.Seconds()
	}
	return 0
}
