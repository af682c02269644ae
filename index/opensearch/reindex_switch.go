package opensearch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"recordings/index"
	"recordings/index/opensearch/client"
	"recordings/index/opensearch/job"
	"recordings/mapping"
)

// build does the job.
func (w *reindexing) build(ctx context.Context) error {
	at, err := w.x.resolve(ctx)
	if err != nil {
		return err
	}
	if at.index == w.State.To {
		return w.finish(ctx) // the node before was killed when all was done but this
	}
	if at.index != w.State.From {
		return fmt.Errorf("the index %s is not in use any more", w.State.From)
	}
	if w.State.Phase == index.Switching {
		return w.install(ctx)
	}

	if err := w.create(ctx); err != nil {
		return err
	}
	if err := w.enter(ctx, index.Filling); err != nil {
		return err
	}
	if _, err := w.fill(ctx); err != nil {
		return err
	}
	if err := w.catchUp(ctx); err != nil {
		return err
	}
	if err := w.compare(ctx); err != nil {
		return err
	}
	if err := w.enter(ctx, index.Switching); err != nil {
		return err
	}
	return w.install(ctx)
}

// create creates the new index.
func (w *reindexing) create(ctx context.Context) error {
	settings := w.x.o.indexSettings()
	settings["gc_deletes"] = "1d" // no older version of what is deleted comes back
	aliases := object{w.State.To + fillingSuffix: object{}}
	if err := w.x.createIndex(ctx, w.State.To, settings, indexMapping(), aliases); err != nil {
		return err
	}
	total := 0
	all, err := w.x.centers(ctx, w.State.From)
	for _, n := range all {
		total += n
	}
	w.State.Total = max(w.State.Total, uint64(total))
	return err
}

// catchUp brings the new index nearly up to date: until a round finds little, or no less than the one before.
func (w *reindexing) catchUp(ctx context.Context) error {
	const little = 100
	if err := w.enter(ctx, index.CatchingUp); err != nil {
		return err
	}
	before := -1
	for {
		if _, err := w.prune(ctx); err != nil {
			return err
		}
		n, err := w.fill(ctx)
		if err != nil || n <= little || before >= 0 && n > before/2 {
			return err
		}
		before = n
	}
}

// compare compares every recording of the old index with the new one, and lets the new one find some of them.
func (w *reindexing) compare(ctx context.Context) error {
	if err := w.enter(ctx, index.Comparing); err != nil {
		return err
	}
	to, err := w.x.tips(ctx, w.State.From)
	if err != nil {
		return err
	}
	for shard, t := range to {
		t.safe = w.State.Next[shard] - 1 // what has come since is compared when it is added
		to[shard] = t
	}
	if err := w.x.refreshIndex(ctx, w.State.From); err != nil {
		return err
	}
	if err := w.x.refreshIndex(ctx, w.State.To); err != nil {
		return err
	}

	sampled, searches := 0, 0
	err = w.changed(ctx, make(map[string]int64), to, false, func(shard string, _ int64, some []numbered) error {
		if err := w.agree(ctx, some); err != nil {
			return err
		}
		if len(some) > 0 && sampled < sampleSize {
			at := some[len(some)/2].Number
			one, err := w.x.window(ctx, span{w.State.From, shard, to[shard].node, at, at + 1, nil})
			if err != nil || len(one) == 0 {
				return err // else it was changed meanwhile
			}
			n, err := w.searched(ctx, &one[0])
			if err != nil {
				return err
			}
			sampled++
			searches += n
		}
		return w.keep(ctx)
	})
	if err != nil {
		return err
	}
	return w.Save(ctx, func(j *renewal) { j.Searches = searches })
}

// sampleSize is how many recordings are searched for in a new index.
const sampleSize = 20

// agree compares documents of the old index with those of the new one.
func (w *reindexing) agree(ctx context.Context, some []numbered) error {
	byRouting := make(map[string][]string)
	want := make(map[string]int64, len(some))
	for i := range some {
		routing := routingOf(some[i].Source.ContactCenter)
		byRouting[routing] = append(byRouting[routing], some[i].ID)
		want[some[i].ID] = some[i].version()
	}
	for routing, ids := range byRouting {
		for ids := range slices.Chunk(ids, maxRead) {
			there, err := w.x.versionsOf(ctx, w.State.To, routing, ids)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if there[id].Version < want[id] {
					return errors.New("the new search index lacks recordings, or changes, that the old one has")
				}
			}
		}
	}
	return nil
}

// searched lets the new index find a recording by several of its values, and returns how many searches that
// were.
func (w *reindexing) searched(ctx context.Context, n *numbered) (searches int, err error) {
	r, err := mapping.DecodeStored([]byte(n.Source.Record))
	if err != nil {
		return 0, fmt.Errorf("%w: decoding a stored recording: %w", index.ErrDamaged, err)
	}
	x := w.x.in(&place{w.State.To, w.State.To + fillingSuffix, Schema})
	searches, found, err := x.findable(ctx, n.Source.ContactCenter, n.ID, r)
	if err == nil && !found {
		err = errors.New("the new search index does not find a recording by what is stored of it")
	}
	return searches, err
}

// findable looks for a recording, whose document has an id, by several of its values, until it is not found,
// and returns how many searches that were.
func (x *records) findable(
	ctx context.Context, contactCenter, doc string, r *mapping.Recording,
) (searches int, found bool, err error) {
	for _, criteria := range criteriaFor(r) {
		q := index.Query{
			Scope:    index.Scope{ContactCenter: contactCenter, Region: r.Region},
			Criteria: criteria, Limit: 1000,
		}
		f, err := x.finder(q, nil, false)
		if err != nil {
			return searches, false, err
		}

		found, all := false, 0
		err = f.x.withState(ctx, routingOf(contactCenter), func(p *pit) error {
			return f.walk(ctx, p, func(h *hit) error {
				if all++; h.ID == doc || all >= q.Limit {
					found = true // or it is one of too many
					return errEnough
				}
				return nil
			})
		})
		if err != nil && !errors.Is(err, errEnough) && !isTooComplex(err) {
			return searches, false, err
		}
		if searches++; err == nil && !found {
			return searches, false, nil
		}
	}
	return searches, true, nil
}

// criteriaFor are searches of several kinds that find a recording.
func criteriaFor(r *mapping.Recording) (all []mapping.Criteria) {
	s := r.Searchable()
	at := map[string]string{
		mapping.ParamStartTime: s.StartTime.String(), mapping.ParamEndTime: s.StopTime.String(),
	}
	params := []map[string]string{
		{mapping.ParamCallerPhoneNumber: s.CallerNumbers[0]},
		{mapping.ParamDialedPhoneNumber: "*" + tail(s.DialedNumbers[0])},
	}
	if len(s.Names) > 0 {
		params = append(params, map[string]string{mapping.ParamUserName: `"` + s.Names[len(s.Names)/2] + `"`},
			map[string]string{mapping.ParamUserName: `"*` + tail(s.Names[0]) + `"`})
	}
	if len(s.UserData) > 0 {
		params = append(params, map[string]string{mapping.ParamUserData: `"` + s.UserData[len(s.UserData)/2] + `"`})
	}
	for _, p := range params {
		for k, v := range at {
			p[k] = v
		}
		if c, err := mapping.ParseCriteria(p); err == nil && mapping.Match(&c, r) {
			all = append(all, c) // else no search can give the value: with quotes, or a star too many
		}
	}
	return all
}

// tail is the end of a value, without what has a meaning in a search.
func tail(value string) string {
	const size = 5
	value = value[max(0, len(value)-size):]
	for len(value) > 0 && !utf8.RuneStart(value[0]) {
		value = value[1:]
	}
	return strings.NewReplacer("*", "", `"`, "", `\`, "").Replace(value)
}

// in are the recordings in another place.
func (x *records) in(p *place) *records {
	e := &engine{o: x.o, log: x.log, client: x.client, metrics: x.metrics, closing: x.closing, state: x.state}
	e.place.Store(p)
	return &records{engine: e}
}

// install lets the new index take the place of the old one.
func (w *reindexing) install(ctx context.Context) error {
	from, to := w.State.From, w.State.To
	if err := w.block(ctx, from, "write"); err != nil {
		return err
	}
	if err := w.enter(ctx, index.Switching); err != nil {
		return errors.Join(err, w.undo(ctx))
	}
	total, err := w.rest(ctx)
	if err != nil {
		return err
	}
	if err := w.Save(ctx, func(j *renewal) { j.Done, j.Total = uint64(total), uint64(total) }); err != nil {
		return err
	}

	// The new index takes no writes before all nodes of the cluster know that it is in use.
	if err := w.block(ctx, to, "write"); err != nil {
		return err
	}
	remove := func(index, alias string) object { return object{"remove": object{"index": index, "alias": alias}} }
	actions := []object{
		remove(from, w.x.o.Index), remove(from, from+servingSuffix), remove(to, to+fillingSuffix),
		{"add": object{"index": to, "alias": w.x.o.Index, "is_write_index": true}},
		{"add": object{"index": to, "alias": to + servingSuffix}},
	}
	err = w.x.ask(ctx, client.Post, "/_aliases", object{"actions": actions}, nil)
	if err != nil { // perhaps an answer was lost
		if at, again := w.x.resolve(ctx); again != nil || at == nil || at.index != to {
			return errors.Join(w.x.failed("taking the new index into use", err), again)
		}
	}
	return w.finish(ctx)
}

// rest adds what is missing in the new index, when the old one takes no writes any more, and returns how many
// recordings both have.
func (w *reindexing) rest(ctx context.Context) (total int, err error) {
	for {
		to, err := w.x.tips(ctx, w.State.From)
		if err != nil {
			return 0, err
		}
		if _, err := w.fill(ctx); err != nil {
			return 0, err
		}
		all := true
		for shard, t := range to {
			all = all && w.State.Next[shard] > t.newest
		}
		if all {
			break
		}
		if err := w.keep(ctx); err != nil {
			return 0, err
		}
		if !w.x.again(ctx, errPartial) {
			return 0, context.Cause(ctx)
		}
	}

	if _, err := w.prune(ctx); err != nil {
		return 0, err
	}
	if err := w.x.refreshIndex(ctx, w.State.To); err != nil {
		return 0, err
	}
	was, err := w.x.centers(ctx, w.State.From)
	if err != nil {
		return 0, err
	}
	is, err := w.x.centers(ctx, w.State.To)
	if err != nil {
		return 0, err
	}
	different := 0
	for center, n := range was {
		if total += n; is[center] != n {
			different++
		}
	}
	if different > 0 || len(was) != len(is) {
		return 0, fmt.Errorf("the counts of %d contact centers differ", max(different, 1))
	}
	return total, nil
}

// finish lets the new index, which is in use, take writes, and ends the job.
func (w *reindexing) finish(ctx context.Context) error {
	from, to := w.State.From, w.State.To
	old, _, err := w.x.inspect(ctx, from)
	if err != nil {
		return err
	}
	if old != nil && old.Mappings.Meta.Schema < followsSince {
		// Services of the version that made it would go on to search it.
		if err := w.block(ctx, from, "read"); err != nil {
			return err
		}
	}

	// What is acknowledged, all nodes know, and everything that came before.
	if err := w.acknowledged(ctx, "/"+to+"/_settings", object{"index.gc_deletes": "60s"}); err != nil {
		return err
	}
	take := object{"index.blocks.write": nil, "index.gc_deletes": nil}
	if err := w.acknowledged(ctx, "/"+to+"/_settings", take); err != nil {
		return err
	}

	const verdict = "done: old and new agree in all recordings, and in %d searches: " +
		"the new search index with %d recordings is in use"
	err = w.Save(ctx, func(j *renewal) {
		j.end(index.Done, fmt.Sprintf(verdict, j.Searches, j.Done))
		j.Old, j.OldUntil = from, now()+mapping.Time(w.x.o.KeepOld.Milliseconds())
	})
	if err != nil {
		return err
	}
	w.log.Info().Str("verdict", w.State.Verdict).Msg("the search index is rebuilt")
	return w.x.follow(ctx, w.x.at())
}

// block keeps an index from being written to, or read. When it returns, nothing is under way any more.
func (w *reindexing) block(ctx context.Context, name, what string) error {
	return w.acknowledged(ctx, "/"+name+"/_block/"+what, nil)
}

// acknowledged changes what all nodes of the cluster must know, until all do.
func (w *reindexing) acknowledged(ctx context.Context, path string, body object) error {
	for {
		var answer struct {
			Acknowledged bool  `json:"acknowledged"`
			Shards       *bool `json:"shards_acknowledged"`
		}
		var text any
		if body != nil {
			text = body
		}
		err := w.x.ask(ctx, client.Put, path+"?timeout=5s&cluster_manager_timeout=5s", text, &answer)
		if err == nil && answer.Acknowledged && (answer.Shards == nil || *answer.Shards) {
			return nil
		}
		if err == nil {
			err = errPartial
		}
		if keep := w.keep(ctx); keep != nil {
			return keep
		}
		if !w.x.again(ctx, err) {
			return w.x.failed("taking the new index into use", err)
		}
	}
}

// undo lets the index in use take writes again, if this node, which was frozen perhaps, has kept it from that
// when nobody wanted it any more.
func (w *reindexing) undo(ctx context.Context) error {
	var j renewal
	_, err := job.Read(ctx, &jobStore{w.x.engine, renewalDoc}, &j)
	if err != nil || j.Phase == index.Switching && j.From == w.State.From {
		return err
	}
	at, err := w.x.resolve(ctx)
	if err != nil || at == nil || at.index != w.State.From {
		return err
	}
	return w.goOn(ctx)
}

// goOn lets the old index take writes again, after the new one could not take its place.
func (w *reindexing) goOn(ctx context.Context) error {
	if w.State.Phase != index.Switching {
		return nil
	}
	return w.acknowledged(ctx, "/"+w.State.From+"/_settings", object{"index.blocks.write": nil})
}
