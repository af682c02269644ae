package opensearch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/index/opensearch/client"
	"recordings/index/opensearch/job"
)

// Schema is the version of the fields of recordings and of what is in them. An index of an older version is
// made anew, while it is in use (see reindexer); one of a newer version is not opened.
//
//	1  the fields of the first searches
//	2  values of the user data under their keys
//	3  all fields have doc values, by which they can be compared with what is stored; the index is read and
//	   written by an alias of its own (see place); comments
//	4  types of calls
const Schema = 4

// StateSchema is the version of the index of what is noted beside recordings. One of another is not opened.
const StateSchema = 2

// followsSince is the version from which on a service knows that another index may take the place of its own.
const followsSince = 3

// The kinds of indexes that a service has in the cluster.
const (
	kindRecordings = "recordings"
	kindState      = "state" // labels, saved searches, orphaned media, leases and the fence
)

// meta is what this program writes into the mapping of its indexes, to know them again.
type meta struct {
	Program string `json:"program"`
	Kind    string `json:"kind"`
	Schema  int    `json:"schema"`
}

// program is in the meta of all indexes of this program.
const program = "recordings"

// ForeignError says that an index of the cluster cannot be used: it is somebody else's, of another version,
// read-only, or not there and not to be made. Nothing was written to it.
type ForeignError struct{ Message string }

// Error implements [error].
func (e *ForeignError) Error() string { return e.Message }

// text is a field of values that patterns are compared with: whole ones by the field itself, patterns by
// the field below it.
func text() object {
	return object{
		"type": "keyword", "doc_values": false, "norms": false, "ignore_above": maxValue,
		"fields": object{"w": object{"type": "wildcard", "doc_values": true, "ignore_above": maxValue}},
	}
}

// indexMapping are the fields of recordings.
func indexMapping() object {
	word := object{"type": "keyword"}
	number := object{"type": "long"}
	stored := object{"type": "keyword", "index": false, "doc_values": false}
	return object{
		"dynamic":  "strict",
		"_meta":    meta{program, kindRecordings, Schema},
		"_routing": object{"required": true},
		"_source":  object{"includes": []string{fieldRecord, schema.FieldContactCenter, fieldLong}},
		"properties": object{
			schema.FieldContactCenter: word,
			schema.FieldRegion:        word,
			fieldID:                   word,
			schema.FieldCaller:        text(),
			schema.FieldDialed:        text(),
			schema.FieldPhone:         text(),
			schema.FieldUserName:      text(),
			schema.FieldUserData:      text(),
			fieldByKey:                object{"type": "keyword", "ignore_above": maxValue},
			schema.FieldLabel:         text(),
			schema.FieldComment:       text(),
			schema.FieldCallType:      text(),
			schema.FieldStart:         number,
			schema.FieldStop:          number,
			schema.FieldChanged:       number,
			schema.FieldDuration:      number,
			schema.FieldCallUUID:      word,
			schema.FieldMediaID:       word,
			schema.FieldMedia:         word,
			schema.FieldAccessGroup:   word,
			schema.FieldNonDelete:     object{"type": "boolean"},
			fieldLong:                 object{"type": "boolean"},
			fieldRecord:               stored,
		},
	}
}

// stateMapping are the fields of what the service notes beside recordings.
func stateMapping() object {
	word := object{"type": "keyword"}
	return object{
		"dynamic": "strict",
		"_meta":   meta{program, kindState, StateSchema},
		"properties": object{
			"kind": word, "contactCenter": word, "name": word,
			"body": object{"type": "keyword", "index": false, "doc_values": false},
		},
	}
}

// indexSettings are those of the index of recordings. A page is read without sorting, as the documents lie
// in the order of searches; a search asks for a refresh itself, so that none is needed otherwise; and the
// cache of filters, which costs the first searches much, is off.
func (o *Options) indexSettings() object {
	settings := object{
		"number_of_shards": o.Shards, "number_of_replicas": o.Replicas,
		"refresh_interval": "30s", "translog.durability": "request", "queries.cache.enabled": false,
		"sort.field": []string{schema.FieldStart, fieldID}, "sort.order": []string{"desc", "asc"},
		"max_result_window": 2_000_000_000,
	}
	if n := o.partition(); n > 1 {
		settings["routing_partition_size"] = n
	}
	return settings
}

// partition is how many shards have the recordings of one contact center: several, so that a large one is
// not one shard, and not all where there are many, so that a search need not ask all.
func (o *Options) partition() int {
	const most = 8
	return max(1, min(o.Shards-1, most))
}

func (o *Options) stateSettings() object {
	return object{
		"number_of_shards": 1, "number_of_replicas": o.Replicas,
		"refresh_interval": "30s", "translog.durability": "request",
	}
}

// stateIndex is the name of the index of what is noted beside recordings.
func (o *Options) stateIndex() string { return o.Index + "-state" }

// described is what the cluster says of an index.
type described struct {
	Aliases  map[string]any `json:"aliases"`
	Mappings struct {
		Meta meta `json:"_meta"`
	} `json:"mappings"`
	Settings struct {
		Index struct {
			Blocks struct {
				ReadOnly string `json:"read_only"`
				Write    string `json:"write"`
			} `json:"blocks"`
		} `json:"index"`
	} `json:"settings"`
}

// wanted is an index that is there, or is to be created.
type wanted struct {
	alias, name, kind string
	schema            int
	settings, mapping object
	serving           bool // it has an alias of its own, too; see place

	there *described
}

// prepare finds the indexes, or creates those that are not there, if it may. It looks at all of them before
// it creates any.
func (x *engine) prepare(ctx context.Context) error {
	o := &x.o
	state := wanted{alias: o.stateIndex(), name: fmt.Sprintf("%s-%d", o.stateIndex(), StateSchema),
		kind: kindState, schema: StateSchema, settings: o.stateSettings(), mapping: stateMapping()}
	recordings := wanted{alias: o.Index, name: fmt.Sprintf("%s-%d", o.Index, Schema), kind: kindRecordings,
		schema: Schema, settings: o.indexSettings(), mapping: indexMapping(), serving: true}

	for _, w := range []*wanted{&state, &recordings} {
		if err := x.lookFor(ctx, w); err != nil {
			return err
		}
	}
	x.state = state.name
	if d := recordings.there; d != nil {
		if message := x.locked(ctx, &recordings, state.there != nil); message != "" {
			return &ForeignError{Message: "the index " + recordings.name + " " + message}
		}
	}
	for _, w := range []*wanted{&recordings, &state} {
		if err := x.create(ctx, w); err != nil {
			return err
		}
	}

	at, err := x.resolve(ctx)
	if err != nil {
		return err
	}
	if at == nil {
		return fmt.Errorf("%w: the index %s is gone", index.ErrUnavailable, o.Index)
	}
	x.place.Store(at)
	return x.awaitShards(ctx)
}

// lookFor looks for an index, and refuses one that cannot be used.
func (x *engine) lookFor(ctx context.Context, w *wanted) error {
	d, name, err := x.inspect(ctx, w.alias)
	if err != nil || d == nil {
		return err
	}
	w.there, w.name = d, name
	if message := d.foreign(w.kind, w.schema); message != "" {
		return &ForeignError{Message: "the index " + name + " " + message}
	}
	return nil
}

// locked says that an index takes no writes, unless that is so only while another takes its place.
func (x *engine) locked(ctx context.Context, w *wanted, state bool) string {
	message := w.there.readOnly()
	if message == "" || !state {
		return message
	}
	var j renewal
	_, err := job.Read(ctx, &jobStore{x, renewalDoc}, &j)
	if err == nil && j.Phase == index.Switching && (j.From == w.name || j.To == w.name) {
		return ""
	}
	return message
}

// create creates an index that is not there.
func (x *engine) create(ctx context.Context, w *wanted) error {
	if w.there != nil {
		return nil
	}
	if x.o.Existing {
		return &ForeignError{Message: fmt.Sprintf("the cluster has no index %s of this program; the setting "+
			"opensearch.index is the name of one that a service has used", w.alias)}
	}
	aliases := object{w.alias: object{"is_write_index": true}}
	if w.serving {
		aliases[w.name+servingSuffix] = object{}
	}
	if err := x.createIndex(ctx, w.name, w.settings, w.mapping, aliases); err != nil {
		return err
	}
	if err := x.lookFor(ctx, w); err != nil {
		return err
	}
	if w.there == nil {
		return &ForeignError{Message: fmt.Sprintf("there is an index %s, but it is not the one that the name %s "+
			"stands for", w.name, w.alias)}
	}
	return nil
}

// createIndex creates an index. It is no error if it is there.
func (x *engine) createIndex(ctx context.Context, name string, settings, mapping, aliases object) error {
	body, err := json.Marshal(object{
		"settings": object{"index": settings}, "mappings": mapping, "aliases": aliases,
	}, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encoding for the cluster: %w", err)
	}
	_, err = x.client.Do(ctx, client.Request{Method: client.Put, Path: "/" + name, Body: body, Safe: true})
	var status *client.StatusError
	if errors.As(err, &status) && status.Type == "resource_already_exists_exception" {
		return nil // another node of the service was faster, or an answer was lost
	}
	return x.failed("creating the index "+name, err)
}

// awaitShards waits for the copies of new indexes, for a while: a cluster with fewer nodes has not all.
func (x *engine) awaitShards(ctx context.Context) error {
	const patience = 15 * time.Second
	path := fmt.Sprintf("/_cluster/health/%s,%s?wait_for_status=green&timeout=%s", x.at().index, x.state, patience)
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	_, err := x.client.Do(ctx, client.Request{Method: client.Get, Path: path, Safe: true})
	var status *client.StatusError
	if errors.As(err, &status) && status.Status == client.StatusRequestTimeout {
		return nil
	}
	return x.failed("waiting for the copies of the index", err)
}

// oldestSchema is the oldest version of an index of recordings that is upgraded.
const oldestSchema = 1

// foreign says why an index cannot be used as one of a kind; empty: it can, or can when it is upgraded.
func (d *described) foreign(kind string, version int) string {
	const text = "is of version %d; this program has version %d, and leaves it alone"
	m := &d.Mappings.Meta
	switch {
	case m.Program != program || m.Kind != kind:
		return "was not made by this program, and is left alone; set opensearch.index to another name"
	case m.Schema == version, kind == kindRecordings && m.Schema < version && m.Schema >= oldestSchema:
		return ""
	}
	return fmt.Sprintf(text, m.Schema, version)
}

// readOnly says that an index takes no writes; empty: it does.
func (d *described) readOnly() string {
	switch blocks := &d.Settings.Index.Blocks; {
	case strings.EqualFold(blocks.ReadOnly, "true"):
		return "is read-only: its setting index.blocks.read_only is true"
	case strings.EqualFold(blocks.Write, "true"):
		return "is read-only: its setting index.blocks.write is true"
	}
	return ""
}
