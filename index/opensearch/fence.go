package opensearch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/index/opensearch/client"
)

// fence is a time that is kept in the cluster. It is how whoever asks again and again for what has changed
// since the last time misses nothing, although many nodes write at a time, whose clocks differ.
//
// Such a search raises the fence to the newest time of a change that it can see, refreshes, and then shows
// what is not behind the fence. A change that was under way meanwhile may have a time before the fence, and
// not have been shown. So who writes looks at the fence after the write: if it is behind the time of the
// change, the change gets another time, before it is acknowledged.
type fence struct {
	x     *records
	known atomic.Int64 // what it was when it was looked at last; it never goes back
}

// fenceDoc is the id of the document of the fence.
const fenceDoc = "fence"

// note is a document of the state index.
type note struct {
	Kind          string `json:"kind"`
	ContactCenter string `json:"contactCenter"`
	Name          string `json:"name,omitzero"`
	Body          string `json:"body,omitzero"`
}

// kept is a document as it was read.
type kept[T any] struct {
	ID     string `json:"_id"`
	Found  bool   `json:"found"`
	Seq    int64  `json:"_seq_no"`
	Term   int64  `json:"_primary_term"`
	Source T      `json:"_source"`
}

func (k *kept[T]) version() *version { return &version{k.Seq, k.Term} }

// readNote reads a document of the state index as it is now.
func (x *engine) readNote(ctx context.Context, doc string) (*kept[note], error) {
	k := new(kept[note])
	path := "/" + x.state + "/_doc/" + url.PathEscape(doc) + "?preference=_primary"
	if err := x.ask(ctx, client.Get, path, nil, k); err != nil && !isMissing(err) {
		return nil, x.failed("reading the state", err)
	}
	return k, nil
}

// isMissing reports whether an error says that there is no such document, but an index.
func isMissing(err error) bool {
	var status *client.StatusError
	return errors.As(err, &status) && status.Status == client.StatusNotFound && status.Type == ""
}

// writeNote writes a document of the state index, or deletes it, if it still is as it was read, and reports
// whether that was so. If that is not known, it reports that it was not so: who reads the document again may
// then find what they wrote.
func (x *engine) writeNote(ctx context.Context, doc string, n *note, on *kept[note]) (bool, error) {
	w := write{index: x.state, doc: doc}
	if n != nil {
		w.body = n
	}
	if on.Found {
		w.on = on.version()
	}
	results, _, err := x.bulk(ctx, []write{w}, "")
	if err != nil {
		return false, err
	}
	switch r := results[0]; r.verdict {
	case written:
		return true, nil
	case conflict:
		return false, nil
	case full:
		return false, index.ErrDiskFull
	case busy, lost:
		select {
		case <-time.After(retryPause):
			return false, nil // reading it again tells
		case <-ctx.Done():
			return false, x.failed("writing the state", context.Cause(ctx))
		}
	default:
		return false, r.err
	}
}

// read returns the fence as it is now.
func (f *fence) read(ctx context.Context) (at int64, doc *kept[note], err error) {
	if doc, err = f.x.readNote(ctx, fenceDoc); err != nil {
		return 0, nil, err
	}
	if doc.Found {
		if at, err = strconv.ParseInt(doc.Source.Body, 10, 64); err != nil {
			return 0, nil, fmt.Errorf("reading the fence: %w", err)
		}
	}
	for {
		known := f.known.Load()
		if known >= at || f.known.CompareAndSwap(known, at) {
			return at, doc, nil
		}
	}
}

// raise raises the fence to the newest change of a contact center that can be seen, and returns it when all
// that is not behind it can be found. Where the fence is far enough already, one refresh suffices: what was
// answered before the fence came there was written before the refresh.
func (f *fence) raise(ctx context.Context, contactCenter string) (int64, error) {
	before, _, err := f.read(ctx)
	if err != nil {
		return 0, err
	}
	if err := f.x.refreshed(ctx); err != nil {
		return 0, err
	}
	var answer searchAnswer
	err = f.x.searchNow(ctx, searchPath(contactCenter), object{
		"size": 0, "track_total_hits": false, "query": object{"term": object{schema.FieldContactCenter: contactCenter}},
		"aggs": object{"newest": object{"max": object{"field": schema.FieldChanged}}},
	}, &answer)
	if err != nil {
		return 0, err
	}

	var newest int64
	if v := answer.Aggregations.Newest.Value; v != nil {
		newest = int64(*v)
	}
	if before >= newest {
		return before, nil
	}
	at, err := f.raiseTo(ctx, newest)
	if err != nil {
		return 0, err
	}
	return at, f.x.refreshed(ctx)
}

// raiseTo raises the fence to a time, if it is not there already, and returns it.
func (f *fence) raiseTo(ctx context.Context, newest int64) (int64, error) {
	for {
		at, doc, err := f.read(ctx)
		if err != nil || at >= newest {
			return at, err
		}
		n := &note{Kind: fenceDoc, Body: strconv.FormatInt(newest, 10)}
		if ok, err := f.x.writeNote(ctx, fenceDoc, n, doc); ok || err != nil {
			return newest, err
		}
	}
}
