package opensearch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/index/opensearch/client"
	"recordings/index/opensearch/job"
	"recordings/mapping"
)

// tip is how far a shard has come.
type tip struct {
	node   string // of its primary copy, as the cluster manager has it
	safe   int64  // all copies have the changes up to this number, which are never taken back
	newest int64  // the number of the newest change; -1: there is none
}

// tips returns how far the shards of an index have come, by their numbers. Only the copies count that the
// cluster manager takes for the primary ones: a node that was cut off may take itself for one still.
func (x *engine) tips(ctx context.Context, name string) (map[string]tip, error) {
	for {
		all, err := x.tipsOnce(ctx, name)
		if err == nil {
			return all, nil
		}
		if !x.again(ctx, err) {
			return nil, x.failed("looking at the shards of the index", err)
		}
	}
}

func (x *engine) tipsOnce(ctx context.Context, name string) (map[string]tip, error) {
	type routing struct {
		Primary bool   `json:"primary"`
		Node    string `json:"node"`
	}
	var table struct {
		Table struct {
			Indices map[string]struct {
				Shards map[string][]routing `json:"shards"`
			} `json:"indices"`
		} `json:"routing_table"`
	}
	var stats struct {
		Indices map[string]struct {
			Shards map[string][]struct {
				Routing routing `json:"routing"`
				Numbers struct {
					Newest int64 `json:"max_seq_no"`
					Safe   int64 `json:"global_checkpoint"`
				} `json:"seq_no"`
			} `json:"shards"`
		} `json:"indices"`
	}
	if err := x.ask(ctx, client.Get, "/_cluster/state/routing_table/"+name, nil, &table); err != nil {
		return nil, err
	}
	if err := x.ask(ctx, client.Get, "/"+name+"/_stats?level=shards", nil, &stats); err != nil {
		return nil, err
	}

	all := make(map[string]tip)
	for shard, copies := range table.Table.Indices[name].Shards {
		for _, c := range copies {
			if !c.Primary {
				continue
			}
			for _, s := range stats.Indices[name].Shards[shard] {
				if s.Routing.Primary && s.Routing.Node == c.Node {
					all[shard] = tip{c.Node, s.Numbers.Safe, s.Numbers.Newest}
				}
			}
		}
	}
	if n := len(table.Table.Indices[name].Shards); n == 0 || len(all) != n {
		return nil, errPartial
	}
	return all, nil
}

// numbered is a document with the number of its last change.
type numbered struct {
	ID      string           `json:"_id"`
	Routing string           `json:"_routing"`
	Number  int64            `json:"_seq_no"`
	Source  source           `json:"_source"`
	Fields  map[string][]any `json:"fields"` // where they are asked for
}

// version is the one that a document has in the new index.
func (n *numbered) version() int64 { return n.Number + 1 } // which is above 0

// The bounds of how many numbers are looked at together.
const (
	minWindow = 1
	maxWindow = 1000
)

// byNumbers calls fn with ranges of numbers, from..until-1, that follow each other, of each shard up to what is
// safe there. An answer that is too long makes the ranges shorter.
func byNumbers(from map[string]int64, to map[string]tip, fn func(shard string, from, until int64) error) error {
	for _, shard := range slices.Sorted(maps.Keys(to)) {
		size := int64(maxWindow)
		for next := from[shard]; next <= to[shard].safe; {
			until := min(next+size, to[shard].safe+1)
			err := fn(shard, next, until)
			if client.IsTooLong(err) && size > minWindow {
				size = max(minWindow, size/8) // the recordings are large
				continue
			}
			if err != nil {
				return err
			}
			next, size = until, min(2*size, maxWindow)
		}
	}
	return nil
}

// changed calls fn with the documents of the old index whose last change has a number from a range of each
// shard, some at a time.
func (w *reindexing) changed(
	ctx context.Context, from map[string]int64, to map[string]tip, sources bool,
	fn func(shard string, next int64, some []numbered) error,
) error {
	return byNumbers(from, to, func(shard string, next, until int64) error {
		s := span{index: w.State.From, shard: shard, node: to[shard].node, from: next, until: until}
		if !sources {
			s.want = object{"_source": []string{schema.FieldContactCenter}}
		}
		some, err := w.x.window(ctx, s)
		if err != nil {
			return err
		}
		return fn(shard, until, some)
	})
}

// span is a range of the numbers of the changes of a shard, as a copy of it has them.
type span struct {
	index, shard, node string
	from, until        int64  // the first, and the one behind the last
	want               object // of each document; nil: its source
}

// window returns the documents whose last change has a number from a range.
func (x *engine) window(ctx context.Context, s span) ([]numbered, error) {
	path := fmt.Sprintf("/%s/_search?allow_partial_search_results=false&preference=_shards:%s%%7C_only_nodes:%s",
		s.index, s.shard, s.node)
	body := object{
		"size": s.until - s.from, "track_total_hits": false, "seq_no_primary_term": true, "sort": []string{"_doc"},
		"query": object{"range": object{"_seq_no": object{"gte": s.from, "lt": s.until}}},
	}
	maps.Copy(body, s.want)
	most := int64(mostPage)
	if s.until-s.from == minWindow {
		most = 0
	}
	for {
		var answer struct {
			TimedOut bool   `json:"timed_out"`
			Shards   shards `json:"_shards"`
			Hits     struct {
				Hits []numbered `json:"hits"`
			} `json:"hits"`
		}
		err := x.askBounded(ctx, client.Post, path, body, &answer, most)
		if err == nil && (answer.TimedOut || answer.Shards.Failed > 0 || answer.Shards.Total != 1) {
			err = errPartial
		}
		switch {
		case err == nil:
			return answer.Hits.Hits, nil
		case client.IsTooLong(err):
			return nil, err
		case ctx.Err() == nil && noSuchNode(err):
			return nil, fmt.Errorf("%w: a shard has moved to another node: %w", index.ErrUnavailable, err)
		case !x.again(ctx, err):
			return nil, x.failed("reading a shard", err)
		}
	}
}

// noSuchNode reports whether a search was refused as the node that is to make it has no copy any more.
func noSuchNode(err error) bool {
	var status *client.StatusError
	return errors.As(err, &status) && status.Type == "illegal_argument_exception"
}

// fill brings the new index up to what the old one has now, and returns how many recordings were written.
func (w *reindexing) fill(ctx context.Context) (written int, err error) {
	to, err := w.x.tips(ctx, w.State.From)
	if err != nil {
		return 0, err
	}
	if err := w.x.refreshIndex(ctx, w.State.From); err != nil {
		return 0, err
	}
	err = w.changed(ctx, w.State.Next, to, true, func(shard string, next int64, some []numbered) error {
		if err := w.add(ctx, some); err != nil {
			return err
		}
		written += len(some)
		w.State.Next[shard] = next
		if w.State.Phase == index.Filling {
			w.State.Done += uint64(len(some))
			w.State.Total = max(w.State.Total, w.State.Done)
		}
		return w.keep(ctx)
	})
	return written, err
}

// add writes documents into the new index that it has not, or has in an older version.
func (w *reindexing) add(ctx context.Context, some []numbered) error {
	var writes []write
	size := 0
	for i := range some {
		n := &some[i]
		r, err := mapping.DecodeStored([]byte(n.Source.Record))
		if err != nil {
			return fmt.Errorf("%w: decoding a stored recording: %w", index.ErrDamaged, err)
		}
		k := keyOf(n.Source.ContactCenter, r.ID)
		if k.doc != n.ID {
			return fmt.Errorf("%w: a recording is stored under the key of another", index.ErrDamaged)
		}
		writes = append(writes, write{
			index: w.State.To + fillingSuffix, alias: true, doc: k.doc, routing: k.routing, external: n.version(),
			body: newDocument(n.Source.ContactCenter, r, []byte(n.Source.Record)),
		})
		if size += 2 * len(n.Source.Record); size > maxGroupBytes || i == len(some)-1 {
			if err := w.put(ctx, writes); err != nil {
				return err
			}
			writes, size = nil, 0
		}
	}
	return nil
}

// put makes writes to the new index, until all have been made.
func (w *reindexing) put(ctx context.Context, writes []write) error {
	for len(writes) > 0 {
		results, _, err := w.x.bulk(ctx, writes, "")
		if err != nil {
			return err
		}
		var left []write
		for i, r := range results {
			switch r.verdict {
			case written, conflict: // it is there, or a newer one is
			case elsewhere:
				return fmt.Errorf("%w: the index that was being filled is not there any more", job.ErrTaken)
			case failed:
				return r.err
			default:
				left = append(left, writes[i])
			}
		}
		if writes = left; len(writes) == 0 {
			return nil
		}
		select {
		case <-time.After(10 * retryPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := w.keep(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prune removes from the new index what the old one has no more, and returns how many recordings both have
// then, were it not for changes that go on.
func (w *reindexing) prune(ctx context.Context) (total int, err error) {
	for _, name := range []string{w.State.From, w.State.To} {
		if err := w.x.refreshIndex(ctx, name); err != nil {
			return 0, err
		}
	}
	was, err := w.x.centers(ctx, w.State.From)
	if err != nil {
		return 0, err
	}
	is, err := w.x.centers(ctx, w.State.To)
	if err != nil {
		return 0, err
	}
	for center, n := range is {
		if n == was[center] {
			continue
		}
		if err := w.pruneCenter(ctx, center); err != nil {
			return 0, err
		}
	}
	for _, n := range was {
		total += n
	}
	return total, nil
}

// pruneCenter is prune of one contact center.
func (w *reindexing) pruneCenter(ctx context.Context, center string) error {
	was, err := w.x.days(ctx, w.State.From, center)
	if err != nil {
		return err
	}
	is, err := w.x.days(ctx, w.State.To, center)
	if err != nil {
		return err
	}
	for day, n := range is {
		if n == was[day] {
			continue
		}
		if err := w.pruneDay(ctx, center, day); err != nil {
			return err
		}
	}
	return w.keep(ctx)
}

// pruneDay is prune of what starts on a day.
func (w *reindexing) pruneDay(ctx context.Context, center string, day int64) error {
	was, err := w.x.idsOf(ctx, w.State.From, center, day)
	if err != nil {
		return err
	}
	is, err := w.x.idsOf(ctx, w.State.To, center, day)
	if err != nil {
		return err
	}
	var gone []string
	for id := range is {
		if !was[id] {
			gone = append(gone, id)
		}
	}
	for some := range slices.Chunk(gone, maxRead) {
		if err := w.pruneSome(ctx, routingOf(center), some); err != nil {
			return err
		}
	}
	return nil
}

// pruneSome removes documents from the new index that the old one does not have, as it is now.
func (w *reindexing) pruneSome(ctx context.Context, routing string, ids []string) error {
	there, err := w.x.versionsOf(ctx, w.State.To, routing, ids)
	if err != nil {
		return err
	}
	stay, err := w.x.versionsOf(ctx, w.State.From, routing, ids)
	if err != nil {
		return err
	}
	var writes []write
	for id, v := range there {
		if _, ok := stay[id]; ok {
			continue
		}
		on := version{v.Seq, v.Term}
		name := w.State.To + fillingSuffix
		writes = append(writes, write{index: name, alias: true, doc: id, routing: routing, on: &on})
	}
	return w.put(ctx, writes)
}

// versioned is the version of a document.
type versioned struct {
	ID      string       `json:"_id"`
	Found   bool         `json:"found"`
	Version int64        `json:"_version"`
	Seq     int64        `json:"_seq_no"`
	Term    int64        `json:"_primary_term"`
	Error   client.Cause `json:"error"`
}

// versionsOf returns the versions of those documents of an index that are there, as they are now.
func (x *engine) versionsOf(ctx context.Context, name, routing string, ids []string) (map[string]versioned, error) {
	docs := make([]object, len(ids))
	for i, id := range ids {
		docs[i] = object{"_id": id, "routing": routing, "_source": false}
	}
	var answer struct {
		Docs []versioned `json:"docs"`
	}
	err := x.ask(ctx, client.Post, "/"+name+"/_mget?preference=_primary", object{"docs": docs}, &answer)
	if err != nil {
		return nil, x.failed("comparing the indexes", err)
	}
	if len(answer.Docs) != len(ids) {
		return nil, fmt.Errorf("the cluster has answered %d of %d reads", len(answer.Docs), len(ids))
	}
	all := make(map[string]versioned)
	for _, d := range answer.Docs {
		if d.Error.Type != "" {
			return nil, fmt.Errorf("%w: comparing the indexes: %s", index.ErrUnavailable, d.Error.Type)
		}
		if d.Found {
			all[d.ID] = d
		}
	}
	return all, nil
}

// centers counts the recordings of an index by their contact centers.
func (x *records) centers(ctx context.Context, name string) (map[string]int, error) {
	return centersOf(ctx, func(ctx context.Context, body object, to *searchAnswer) error {
		return x.search(ctx, "/"+name+"/_search?allow_partial_search_results=false", body, to)
	})
}

// centersOf counts the recordings that are searched by their contact centers.
func centersOf(
	ctx context.Context, search func(context.Context, object, *searchAnswer) error,
) (map[string]int, error) {
	const each = 1000
	all := make(map[string]int)
	var after object
	for {
		composite := object{"size": each, "sources": []object{
			{"center": object{"terms": object{"field": schema.FieldContactCenter}}},
		}}
		if after != nil {
			composite["after"] = after
		}
		body := object{"size": 0, "track_total_hits": false, "aggs": object{"centers": object{"composite": composite}}}
		var answer searchAnswer
		if err := search(ctx, body, &answer); err != nil {
			return nil, err
		}
		buckets := answer.Aggregations.Centers.Buckets
		for _, b := range buckets {
			all[b.Key.Center] = b.Count
		}
		if len(buckets) < each {
			return all, nil
		}
		after = answer.Aggregations.Centers.After
	}
}

// days counts the recordings of a contact center by the days on which they start, in milliseconds since 1970.
func (x *records) days(ctx context.Context, name, center string) (map[int64]int, error) {
	body := object{
		"size": 0, "track_total_hits": false, "query": object{"term": object{schema.FieldContactCenter: center}},
		"aggs": object{"days": object{"histogram": object{
			"field": schema.FieldStart, "interval": dayMillis, "min_doc_count": 1,
		}}},
	}
	var answer searchAnswer
	if err := x.search(ctx, "/"+name+searchPath(center), body, &answer); err != nil {
		return nil, err
	}
	all := make(map[int64]int)
	for _, b := range answer.Aggregations.Days.Buckets {
		all[int64(b.Key)] = b.Count
	}
	return all, nil
}

// dayMillis is a day, in milliseconds.
const dayMillis = 86_400_000

// idsOf returns the documents of the recordings of a contact center that start on a day.
func (x *records) idsOf(ctx context.Context, name, center string, day int64) (map[string]bool, error) {
	all := make(map[string]bool)
	var after []any
	for {
		body := object{
			"size": walkSize, "track_total_hits": false, "_source": false,
			"query": object{"bool": object{"filter": []object{
				{"term": object{schema.FieldContactCenter: center}},
				{"range": object{schema.FieldStart: object{"gte": day, "lt": day + dayMillis}}},
			}}},
			"sort": []object{{schema.FieldStart: "desc"}, {fieldID: "asc"}},
		}
		if after != nil {
			body["search_after"] = after
		}
		var answer searchAnswer
		if err := x.search(ctx, "/"+name+searchPath(center), body, &answer); err != nil {
			return nil, err
		}
		hits := answer.Hits.Hits
		for i := range hits {
			all[hits[i].ID] = true
		}
		if len(hits) < walkSize {
			return all, nil
		}
		after = hits[len(hits)-1].Sort
	}
}
