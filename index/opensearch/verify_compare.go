package opensearch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/index/opensearch/client"
	"recordings/mapping"
)

// shardCopy is a copy of a shard.
type shardCopy struct {
	node, name string // of the node: its id, and what people call it
	primary    bool
}

// copies returns the copies of the shards of an index that answer searches, by the numbers of the shards; the
// primary ones come first.
func (x *engine) copies(ctx context.Context, name string) (map[string][]shardCopy, error) {
	var state struct {
		Nodes map[string]struct {
			Name string `json:"name"`
		} `json:"nodes"`
		Table struct {
			Indices map[string]struct {
				Shards map[string][]struct {
					Primary bool   `json:"primary"`
					Node    string `json:"node"`
					State   string `json:"state"`
				} `json:"shards"`
			} `json:"indices"`
		} `json:"routing_table"`
	}
	if err := x.ask(ctx, client.Get, "/_cluster/state/routing_table,nodes/"+name, nil, &state); err != nil {
		return nil, x.failed("looking at the copies of the index", err)
	}

	all := make(map[string][]shardCopy)
	for shard, copies := range state.Table.Indices[name].Shards {
		for _, c := range copies {
			if c.State == "STARTED" || c.State == "RELOCATING" {
				all[shard] = append(all[shard], shardCopy{c.Node, state.Nodes[c.Node].Name, c.Primary})
			}
		}
		slices.SortFunc(all[shard], func(a, b shardCopy) int {
			if a.primary != b.primary {
				return map[bool]int{true: -1, false: 1}[a.primary]
			}
			return strings.Compare(a.node, b.node)
		})
		if len(all[shard]) == 0 || !all[shard][0].primary {
			return nil, fmt.Errorf("%w: the shard %s has no primary copy", index.ErrUnavailable, shard)
		}
	}
	return all, nil
}

// verified is what is wanted of each document that is verified.
func verified() object {
	return object{
		"_source": true, "stored_fields": []string{"_routing"}, "docvalue_fields": columns,
	}
}

// columns are the fields whose values are compared. Of those that patterns are compared with, the engine has no
// others in columns; whole values are searched for in a sample.
var columns = []string{
	schema.FieldContactCenter, schema.FieldRegion, fieldID, schema.FieldCaller + below, schema.FieldDialed + below,
	schema.FieldPhone + below, schema.FieldUserName + below, schema.FieldUserData + below, fieldByKey,
	schema.FieldLabel + below, schema.FieldComment + below, schema.FieldCallType + below, schema.FieldStart,
	schema.FieldStop, schema.FieldChanged, schema.FieldDuration, schema.FieldCallUUID, schema.FieldMediaID,
	schema.FieldMedia, schema.FieldAccessGroup, schema.FieldNonDelete, fieldLong,
}

// below is what the name of the field for patterns ends with; see text.
const below = ".w"

// values are the values of a document in [columns], as text, each once and in order.
func (d *document) values() map[string][]string {
	number := func(n int64) []string { return []string{strconv.FormatInt(n, 10)} }
	all := map[string][]string{
		schema.FieldContactCenter: {d.ContactCenter}, schema.FieldRegion: {d.Region}, fieldID: {d.ID},
		schema.FieldCaller + below: d.Caller, schema.FieldDialed + below: d.Dialed, schema.FieldPhone + below: d.Phone,
		schema.FieldUserName + below: d.UserName, schema.FieldUserData + below: d.UserData, fieldByKey: d.UserDataByKey,
		schema.FieldLabel + below: d.Label, schema.FieldComment + below: d.Comment,
		schema.FieldCallType + below: d.CallType, schema.FieldStart: number(d.Start), schema.FieldStop: number(d.Stop),
		schema.FieldChanged: number(d.Changed), schema.FieldDuration: number(d.Duration),
		schema.FieldCallUUID: d.CallUUID, schema.FieldMediaID: d.MediaID, schema.FieldMedia: d.Media,
		schema.FieldAccessGroup: d.AccessGroup,
		schema.FieldNonDelete:   {strconv.FormatBool(d.NonDelete)},
	}
	if d.Long {
		all[fieldLong] = []string{"true"}
	}
	for field, values := range all {
		all[field] = distinct(values)
	}
	return all
}

// distinct are values in order, each once.
func distinct(values []string) []string { return slices.Compact(slices.Sorted(slices.Values(values))) }

// column are the values of a field that the engine has of a document, as text.
func (n *numbered) column(field string) []string {
	var all []string
	for _, v := range n.Fields[field] {
		switch v := v.(type) {
		case string:
			all = append(all, v)
		case float64: // whole numbers, of fewer digits than it has
			all = append(all, strconv.FormatInt(int64(v), 10))
		default:
			all = append(all, fmt.Sprint(v))
		}
	}
	return distinct(all)
}

// judge compares what is stored of a recording with what can be searched of it. It returns the recording, nil
// if that cannot be read, and what is wrong, nil if nothing is.
func (n *numbered) judge() (*mapping.Recording, *index.Finding) {
	center := n.Source.ContactCenter
	r, err := mapping.DecodeStored([]byte(n.Source.Record))
	if err != nil {
		id := strings.Join(n.column(fieldID), " ")
		return nil, &index.Finding{
			Kind: index.DamagedRecording, ContactCenter: center, ID: id, Detail: "it cannot be read: " + oneLine(err),
		}
	}
	found := &index.Finding{ContactCenter: center, ID: r.ID}
	if k := keyOf(center, r.ID); k.doc != n.ID || k.routing != n.Routing {
		found.Kind, found.Detail = index.DamagedRecording, "it is stored under the key of another"
		return r, found
	}

	want := newDocument(center, r, nil).values()
	var wrong []string
	for _, field := range columns {
		if !slices.Equal(want[field], n.column(field)) {
			wrong = append(wrong, strings.TrimSuffix(field, below))
		}
	}
	if wrong == nil {
		return r, nil
	}
	found.Kind, found.Detail = index.Different, strings.Join(wrong, ", ")
	return r, found
}

// compare compares the documents of a range of numbers in all copies of a shard. What is wrong with a document
// in several copies is one problem.
func (w *verifying) compare(ctx context.Context, s span, copies []shardCopy) error {
	told := make(map[string]bool) // by the ids of documents
	var primary []numbered
	for _, c := range copies {
		s.node, s.want = c.node, verified()
		some, err := w.x.window(ctx, s)
		if err != nil {
			return err
		}
		if err := w.judge(ctx, some, c, told); err != nil {
			return err
		}
		if c.primary {
			primary = some
			w.State.Done += uint64(len(some))
			continue
		}
		if slices.EqualFunc(inOrder(primary), inOrder(some), sameDocument) {
			continue
		}
		if err := w.disagree(ctx, s, copies[0], c, told); err != nil {
			return err
		}
	}
	return nil
}

// judge judges the documents of a copy, and searches for some of those that are well.
func (w *verifying) judge(ctx context.Context, some []numbered, c shardCopy, told map[string]bool) error {
	sample := len(some) / 2 // of which one is searched for
	for i := range some {
		n := &some[i]
		r, found := n.judge()
		if found == nil && i == sample && c.primary && w.State.Sampled < sampleSize {
			var err error
			if found, err = w.search(ctx, n, r); err != nil {
				return err
			}
		}
		if found == nil || told[n.ID] {
			continue
		}
		told[n.ID] = true
		if !c.primary {
			found.Detail += fmt.Sprintf(" (in the copy on %s)", c.name)
		}
		w.State.found(*found)
	}
	return nil
}

// search searches for a recording by several of its values, and returns what is wrong, nil if it is found. One
// that was changed meanwhile is well.
func (w *verifying) search(ctx context.Context, n *numbered, r *mapping.Recording) (*index.Finding, error) {
	center := n.Source.ContactCenter
	searches, ok, err := w.x.in(serving(w.State.Index, Schema)).findable(ctx, center, n.ID, r)
	if err != nil {
		return nil, err
	}
	w.State.Sampled++
	w.State.Searches += searches
	if ok {
		return nil, nil
	}
	there, err := w.x.versionsOf(ctx, w.State.Index, routingOf(center), []string{n.ID})
	if err != nil || there[n.ID].Seq != n.Number || !there[n.ID].Found {
		return nil, err
	}
	return &index.Finding{
		Kind: index.Different, ContactCenter: center, ID: r.ID, Detail: "a search for its values does not find it",
	}, nil
}

// inOrder are documents in the order of their numbers.
func inOrder(some []numbered) []numbered {
	return slices.SortedFunc(slices.Values(some), func(a, b numbered) int { return int(a.Number - b.Number) })
}

// sameDocument reports whether two are one document with the same last change.
func sameDocument(a, b numbered) bool { return a.Number == b.Number && a.ID == b.ID }

// disagree looks again at a range of numbers of which two copies do not have the same documents, when both have
// all changes of before: a document that was changed has another number then.
func (w *verifying) disagree(ctx context.Context, s span, primary, replica shardCopy, told map[string]bool) error {
	if err := w.settle(ctx, s.index); err != nil {
		return err
	}
	sides := make([]map[string]numbered, 2)
	for i, c := range []shardCopy{replica, primary} {
		s.node, s.want = c.node, object{"_source": true, "stored_fields": []string{"_routing"}}
		some, err := w.x.window(ctx, s)
		if err != nil {
			return err
		}
		sides[i] = make(map[string]numbered)
		for _, n := range some {
			sides[i][n.ID] = n
		}
	}

	// What has gone from the primary copy since the replica was read was changed by somebody. What it still has,
	// and had before the copies were made alike, the replica must have; and what it did not have then, neither.
	for i, kind := range []index.Kind{index.NoRecording, index.Missing} {
		here, other := sides[i], sides[1-i]
		for _, id := range slices.Sorted(maps.Keys(here)) {
			n := here[id]
			if o, ok := other[id]; ok && o.Number == n.Number || told[id] {
				continue
			}
			changed, err := w.changed(ctx, &n, kind)
			if err != nil {
				return err
			}
			if changed {
				continue
			}
			told[id] = true
			found := index.Finding{Kind: kind, ContactCenter: n.Source.ContactCenter,
				Detail: fmt.Sprintf("in the copy of shard %s on %s", s.shard, replica.name)}
			if _, both := other[id]; both {
				found.Kind, found.Detail = index.Different, "another version is "+found.Detail
			}
			if r, err := mapping.DecodeStored([]byte(n.Source.Record)); err == nil {
				found.ID = r.ID
			}
			w.State.found(found)
		}
	}
	return nil
}

// changed reports whether that one copy alone has a document is as it was changed meanwhile.
func (w *verifying) changed(ctx context.Context, n *numbered, kind index.Kind) (bool, error) {
	there, err := w.x.versionsOf(ctx, w.State.Index, n.Routing, []string{n.ID})
	if err != nil {
		return false, err
	}
	v, ok := there[n.ID]
	if kind == index.Missing {
		return !ok || v.Seq != n.Number, nil
	}
	return ok && v.Seq == n.Number, nil // the primary copy has it
}

// settle waits until all copies have all changes that there are now, and show them.
func (w *verifying) settle(ctx context.Context, name string) error {
	want, err := w.x.tips(ctx, name)
	if err != nil {
		return err
	}
	for {
		is, err := w.x.tips(ctx, name)
		if err != nil {
			return err
		}
		all := true
		for shard, t := range want {
			all = all && is[shard].safe >= t.newest
		}
		if all {
			return w.x.refreshIndex(ctx, name)
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := w.keep(ctx); err != nil {
			return err
		}
	}
}
