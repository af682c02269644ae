package embedded

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/newest"
	"recordings/mapping"
)

// readHits reads the recordings of hits that a list of the same length lacks. It does so in the
// order of their keys, as those that lie together cost less then.
func (v *view) readHits(hits []newest.Hit, region string, stored reading, into []*mapping.Stored) (err error) {
	byKey := make([]int, 0, len(hits))
	for i, s := range into {
		if s == nil {
			byKey = append(byKey, i)
		}
	}
	slices.SortFunc(byKey, func(a, b int) int { return strings.Compare(hits[a].Key, hits[b].Key) })

	for _, i := range byKey {
		if into[i], err = v.hit(hits[i], region, stored); err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	return nil
}

const (
	maxAhead  = 1 << 20 // bytes of recordings that a search reads ahead
	perReader = 32      // hits that are worth another goroutine
)

// errEnough says that no more is read ahead.
var errEnough = errors.New("enough is read ahead")

// part is a number of hits in a row that a goroutine reads ahead.
type part struct {
	hits   []newest.Hit
	n      int     // of the hits that are read ahead, the first ones
	data   []byte  // of these, encoded
	buffer *[]byte // whose memory data has, if it suffices
}

// buffers are for what is read ahead: a page is much to be allocated for each search.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// release lets others use the memory of what was encoded, unless it is unusually much.
func (p *part) release() {
	if p.buffer != nil && cap(p.data) <= 2*maxAhead {
		*p.buffer = p.data[:0]
		buffers.Put(p.buffer)
	}
	p.data, p.buffer = nil, nil
}

// readAhead reads and encodes the recordings of hits, which is most of what a page costs, with the
// processors that no other search uses. Recordings may be large: it leaves out those behind the
// first maxAhead bytes.
func (v *view) readAhead(hits []newest.Hit, region string, to index.Sink) ([]part, error) {
	readers := max(1, runtime.GOMAXPROCS(0)/max(1, int(v.running.Load())))
	each := max(perReader, (len(hits)+readers-1)/readers)
	var parts []part
	for some := range slices.Chunk(hits, each) {
		parts = append(parts, part{hits: some})
	}

	// The bytes are counted together, as they are in memory together.
	var read atomic.Int64
	fill := func(p *part) error {
		return fault.Guard(func() error { return v.fill(p, region, to, &read) })
	}
	g := new(errgroup.Group)
	for i := range parts {
		if i == len(parts)-1 { // this goroutine has nothing else to do
			return parts, errors.Join(fill(&parts[i]), g.Wait())
		}
		g.Go(func() error { return fill(&parts[i]) })
	}
	return parts, nil
}

// fill reads and encodes the recordings of a part, as far as they are read ahead.
func (v *view) fill(p *part, region string, to index.Sink, read *atomic.Int64) error {
	recordings := make([]*mapping.Stored, len(p.hits))
	if known := v.records.find(p.hits, recordings); known < len(p.hits) {
		if err := v.readPart(p, region, read, recordings); err != nil {
			return err
		}
		v.records.add(p.hits, recordings)
	}

	// What is not there is behind the bytes that are read ahead: it is read when it is its turn.
	p.buffer = buffers.Get().(*[]byte)
	p.data = *p.buffer
	for p.n < len(p.hits) && recordings[p.n] != nil && len(p.data) <= maxAhead {
		var err error
		if p.data, err = to.Encode(p.data, recordings[p.n]); err != nil {
			return err
		}
		p.n++
	}
	return nil
}

// readPart reads the recordings of a part that a list of the same length lacks, as far as they are
// read ahead.
func (v *view) readPart(p *part, region string, read *atomic.Int64, into []*mapping.Stored) (err error) {
	records, err := v.state.Records()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()

	return v.readHits(p.hits, region, func(key string) ([]byte, error) {
		if read.Load() > maxAhead {
			return nil, errEnough
		}
		data, err := records.Get(key)
		read.Add(int64(len(data)))
		return data, err
	}, into)
}
