package api

import (
	"sync"
	"time"
)

// troubles counts what went wrong lately, minute by minute.
type troubles struct {
	mu      sync.Mutex
	minutes [troubledMinutes]struct {
		minute int64 // since 1970
		count  int
	}
}

// troubledMinutes is how long "lately" is.
const troubledMinutes = 15

func (t *troubles) add(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	minute := now.Unix() / 60
	m := &t.minutes[minute%troubledMinutes]
	if m.minute != minute {
		m.minute, m.count = minute, 0
	}
	m.count++
}

func (t *troubles) count(now time.Time) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.minutes {
		if m.minute > now.Unix()/60-troubledMinutes {
			n += m.count
		}
	}
	return n
}
