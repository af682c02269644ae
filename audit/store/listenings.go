package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"recordings/audit"
)

// listenings gather what players ask for. They fetch media in pieces: whoever listens to a call makes
// dozens of requests for it. The first of them has an entry with the outcome begun, durable before the
// first byte. When nobody has asked for more for [listeningIdle], or the service stops, a second entry
// says which bytes were sent. Where a process is killed in between, there is none: what was heard may
// be all of it.
type listenings struct {
	log  *Log
	idle time.Duration
	now  func() time.Time

	mu   sync.Mutex
	open map[listener]*Listening

	stop chan struct{}
	done sync.WaitGroup
}

// listeningIdle is how long a listening goes on without a request.
const listeningIdle = time.Minute

// maxListenings bounds those that are open; one more ends the one that was idle longest.
const maxListenings = 10_000

// maxRanges bounds what is remembered of one listening. Of more ranges, those closest together are
// taken for one.
const maxRanges = 16

// listener is who listens to what, or draws it.
type listener struct {
	action                                               audit.Action
	user, role, address, contactCenter, recording, media string
}

// Listening is one request of a listening that is going on.
type Listening struct {
	of    *listenings
	entry audit.Entry
	media string

	begun chan struct{} // closed when the first entry is durable, or was refused
	err   error         // why it was refused; read after begun

	// Guarded by the mutex of the listenings.
	sequence uint64
	running  int
	last     time.Time
	bytes    int64
	ranges   []span
}

// span is a range of bytes, the last of which does not belong to it.
type span struct{ from, to int64 }

// newListenings returns the listenings of a log, which closes them.
func newListenings(log *Log, idle time.Duration) *listenings {
	l := &listenings{log: log, idle: idle, now: time.Now, open: map[listener]*Listening{}, stop: make(chan struct{})}
	l.done.Go(func() {
		tick := time.NewTicker(max(idle/6, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				l.end(func(one *Listening) bool { return one.running == 0 && l.now().Sub(one.last) >= idle })
			case <-l.stop:
				return
			}
		}
	})
	return l
}

// close ends all listenings. No request may be running any more.
func (l *listenings) close() {
	close(l.stop)
	l.done.Wait()
	l.end(func(*Listening) bool { return true })
}

// Listen implements [audit.Log].
func (l *Log) Listen(ctx context.Context, e audit.Entry, media string) (audit.Listening, error) {
	one, err := l.listenings.begin(ctx, e, media)
	if err != nil {
		return nil, err
	}
	return one, nil
}

// begin does what [Log.Listen] says.
func (l *listenings) begin(ctx context.Context, e audit.Entry, media string) (audit.Listening, error) {
	if e.Action != audit.Preview {
		e.Action = audit.Play
	}
	who := listener{e.Action, e.User, e.Role, e.Address, e.ContactCenter, e.Recording, media}
	l.mu.Lock()
	one, ok := l.open[who]
	if !ok {
		e.Outcome, e.Facts = audit.Begun, map[string]any{"media": media}
		one = &Listening{of: l, entry: e, media: media, begun: make(chan struct{})}
		l.open[who] = one
	}
	one.running++
	one.last = l.now()
	l.mu.Unlock()

	if !ok {
		sequence, err := l.log.Record(ctx, e)
		l.mu.Lock()
		one.sequence, one.err = sequence, err
		if err != nil {
			delete(l.open, who)
		}
		l.mu.Unlock()
		close(one.begun)
		l.bound()
	}
	<-one.begun
	err := one.err
	if err == nil {
		err = l.log.Err() // a log that cannot say what was heard refuses what goes on, too
	}
	if err != nil {
		one.Done()
		return nil, err
	}
	return one, nil
}

// Heard notes that bytes were sent, from an offset on.
func (o *Listening) Heard(from, bytes int64) {
	if bytes <= 0 {
		return
	}
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	o.bytes += bytes
	o.ranges = joined(o.ranges, span{from, from + bytes})
	o.last = o.of.now()
}

// Done notes that a request has ended.
func (o *Listening) Done() {
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	o.running--
	o.last = o.of.now()
}

// end ends listenings, and writes what was heard.
func (l *listenings) end(due func(*Listening) bool) {
	var entries []audit.Entry
	l.mu.Lock()
	for who, one := range l.open {
		if !isClosed(one.begun) || !due(one) {
			continue
		}
		delete(l.open, who)
		e := one.entry
		e.Outcome = audit.Done
		e.Facts = map[string]any{
			"begun": one.sequence, "bytes": one.bytes, "media": one.media, "ranges": text(one.ranges),
		}
		entries = append(entries, e)
	}
	l.mu.Unlock()

	if len(entries) > 0 {
		_, _ = l.log.Note(entries...) // a broken log has said so; that it was begun is durable
	}
}

// bound ends the listening that was idle longest, if there are too many.
func (l *listenings) bound() {
	l.mu.Lock()
	var oldest *Listening
	if len(l.open) > maxListenings {
		for _, one := range l.open {
			if one.running == 0 && (oldest == nil || one.last.Before(oldest.last)) {
				oldest = one
			}
		}
	}
	l.mu.Unlock()
	if oldest != nil {
		l.end(func(one *Listening) bool { return one == oldest && one.running == 0 })
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// joined adds a range to others, which are in order and apart.
func joined(all []span, one span) []span {
	i, _ := slices.BinarySearchFunc(all, one.from, func(s span, from int64) int { return cmp.Compare(s.to, from) })
	j := i
	for j < len(all) && all[j].from <= one.to {
		one.from, one.to = min(one.from, all[j].from), max(one.to, all[j].to)
		j++
	}
	all = slices.Replace(all, i, j, one)
	if len(all) <= maxRanges {
		return all
	}

	closest := 1
	for i := 2; i < len(all); i++ {
		if all[i].from-all[i-1].to < all[closest].from-all[closest-1].to {
			closest = i
		}
	}
	all[closest-1].to = all[closest].to
	return slices.Delete(all, closest, closest+1)
}

// text writes ranges as HTTP does: the last byte of each belongs to it.
func text(ranges []span) string {
	var b strings.Builder
	for i, s := range ranges {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d-%d", s.from, s.to-1)
	}
	return b.String()
}
