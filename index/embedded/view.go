package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/newest"
	"recordings/index/embedded/pending"
	"recordings/index/embedded/store"
	"recordings/index/embedded/verify"
	"recordings/index/query"
	"recordings/mapping"
)

// view is one consistent state of a contact center: what Bleve has, the changes that it lacks, and
// the store.
//
// Changes that are not durable yet are no part of it: nobody has been told of them, and nobody
// waits for the disk. But the store has them. So the recording of a key is that of the newest
// change that Bleve lacks, if there is one; else what was there before a change that is not
// durable, if there is one; else the one in the store.
type view struct {
	served
	state    *store.Snapshot
	changes  []*pending.Change          // that Bleve lacks, in the order of their sequence
	matching map[string]*pending.Change // by key, the newest of these that the query asks for
	before   map[string][]byte          // by key, what was stored before the changes that are not durable
	done     func(newest.Work)
	log      zerolog.Logger
	running  *atomic.Int64 // searches, this one included
}

// view returns the present state. It must be closed.
func (x *Index) view(contactCenter string) (*view, error) {
	x.searches.Add(1)
	for {
		v := &view{done: x.metrics.did, log: x.log, running: &x.running}
		if upToDate, err := v.open(x, contactCenter); upToDate || err != nil {
			return v, err
		}
		v.close()
	}
}

// open takes the store's state first, and not under the lock that the others need, as the store may
// be busy: nearly always all that is newer is pending still. It reports whether that is so.
func (v *view) open(x *Index, contactCenter string) (upToDate bool, err error) {
	// A change is pending before the store shows it, so what the store has and Bleve lacks is
	// pending.
	v.state = x.store.Latest()
	durable, others, err := x.pending.View(contactCenter, func() (err error) {
		v.served, err = x.serving.reader()
		return err
	})
	var indexed uint64
	if err == nil {
		indexed, err = v.reader.Sequence()
	}
	if err != nil {
		v.close()
		return false, trust(err)
	}

	// The indexer lets go of changes after Bleve has them, so some are in both: those are left out.
	n, _ := slices.BinarySearchFunc(durable, indexed+1, func(c *pending.Change, sequence uint64) int {
		return cmp.Compare(c.Sequence, sequence)
	})
	v.changes = durable[n:]
	v.before = make(map[string][]byte, len(others))
	for _, c := range others {
		if _, ok := v.before[c.Key]; !ok { // several may be of one step
			v.before[c.Key] = c.Before
		}
	}
	return indexed <= v.state.Sequence, nil
}

// trust adds to an error that the search index cannot be trusted, if that is so.
func trust(err error) error {
	if errors.Is(err, bleveindex.ErrPosition) {
		return fmt.Errorf("%w: %w", verify.ErrInconsistent, err)
	}
	return err
}

// close lets go of the state of Bleve, if there is one, and of the store.
func (v *view) close() {
	if v.reader != nil {
		_ = v.reader.Close() // neither has anything to report but being closed twice
	}
	_ = v.state.Close()
}

// searcher is that of the index: it keeps what it worked out about the segments.
func (v *view) searcher() *newest.Searcher { return v.index.Searcher() }

// request is a query as Bleve is to be asked, with what it lacks.
func (v *view) request(q index.Query) newest.Request {
	request := newest.Request{
		Query:  query.New(q.ContactCenter, q.Region, q.Groups, &q.Criteria),
		Order:  q.Order,
		Offset: q.Offset,
		Limit:  max(q.Limit, 1),
		Hidden: make(map[string]struct{}),
		Done:   v.done,
	}
	if e := v.log.Debug(); e.Enabled() { // with phone numbers and names, so never above debug
		e.Str("query", query.String(request.Query)).Msg("searching")
	}

	v.matching = make(map[string]*pending.Change)
	for _, c := range v.changes {
		if c.Before != nil { // of what is new, Bleve has nothing to hide
			request.Hidden[c.Key] = struct{}{}
		}
		if c.ReplacedBy(v.changes[len(v.changes)-1].Sequence) {
			continue
		}
		if c.Data != nil && c.Region == q.Region && c.Searchable.VisibleTo(q.Groups) && q.Criteria.Match(c.Searchable) {
			s := c.Searchable
			hit := newest.Hit{Key: c.Key, Start: s.StartTime, Changed: s.ChangedTime}
			request.Pending = append(request.Pending, hit)
			v.matching[c.Key] = c
		}
	}
	return request
}

// reading returns what is stored under a record key, or nil if there is nothing.
type reading func(key string) ([]byte, error)

// hit returns the recording of a hit. What is not pending is read by stored.
func (v *view) hit(h newest.Hit, region string, stored reading) (r *mapping.Stored, err error) {
	var data []byte
	if c := v.matching[h.Key]; c != nil {
		data = c.Data
	} else if before, ok := v.before[h.Key]; ok {
		data = before
	} else if data, err = stored(h.Key); err != nil {
		return nil, err
	}

	// A hit that is not stored as Bleve has it would be a lie, or worse, another region's
	// recording.
	if data == nil {
		return nil, fmt.Errorf("%w: a recording is not stored", verify.ErrInconsistent)
	}
	if r, err = mapping.ReadStored(data); err != nil {
		return nil, fmt.Errorf("decoding a stored recording: %w", err)
	}
	changed := h.Changed > 0 && r.ChangedTime() != h.Changed
	if r.Region() != region || r.StartTime() != h.Start || changed {
		return nil, fmt.Errorf("%w: a recording is stored in another version", verify.ErrInconsistent)
	}
	return r, nil
}
