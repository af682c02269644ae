package opensearch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/index/embedded/schema"
	"recordings/index/opensearch/client"
)

// Schema is the version of the fields and of what is in them. An index of another version is not opened.
//
//	1  the fields of the first searches
//	2  values of the user data under their keys
const Schema = 2

// The kinds of indexes that a service has in the cluster.
const (
	kindRecordings = "recordings"
	kindState      = "state" // labels, orphaned media, leases and the fence
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
	found := object{"type": "keyword", "doc_values": false} // by whole values and beginnings
	number := object{"type": "long"}
	stored := object{"type": "keyword", "index": false, "doc_values": false}
	return object{
		"dynamic":  "strict",
		"_meta":    meta{program, kindRecordings, Schema},
		"_routing": object{"required": true},
		"_source":  object{"includes": []string{fieldRecord, schema.FieldContactCenter, fieldLong}},
		"properties": object{
			schema.FieldContactCenter: word,
			schema.FieldRegion:        found,
			fieldID:                   word,
			schema.FieldCaller:        text(),
			schema.FieldDialed:        text(),
			schema.FieldPhone:         text(),
			schema.FieldUserName:      text(),
			schema.FieldUserData:      text(),
			fieldByKey:                object{"type": "keyword", "doc_values": false, "ignore_above": maxValue},
			schema.FieldLabel:         text(),
			schema.FieldStart:         number,
			schema.FieldStop:          number,
			schema.FieldChanged:       number,
			schema.FieldDuration:      number,
			schema.FieldCallUUID:      found,
			schema.FieldMediaID:       found,
			schema.FieldMedia:         found,
			schema.FieldAccessGroup:   found,
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
		"_meta":   meta{program, kindState, Schema},
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

// prepare finds the indexes, or creates those that are not there, if it may. It looks at all of them before
// it creates any.
func (x *engine) prepare(ctx context.Context) error {
	o := &x.o
	wanted := []struct {
		alias, name, kind string
		settings          object
		mapping           object
	}{
		{o.Index, fmt.Sprintf("%s-%d", o.Index, Schema), kindRecordings, o.indexSettings(), indexMapping()},
		{o.stateIndex(), fmt.Sprintf("%s-%d", o.stateIndex(), Schema), kindState, o.stateSettings(), stateMapping()},
	}

	there := make([]string, len(wanted))
	for i, w := range wanted {
		var err error
		if there[i], err = x.inspect(ctx, w.alias, w.kind); err != nil {
			return err
		}
	}
	for i, w := range wanted {
		if there[i] != "" {
			continue
		}
		if o.Existing {
			return &ForeignError{Message: fmt.Sprintf("the cluster has no index %s of this program; the setting "+
				"opensearch.index is the name of one that a service has used", w.alias)}
		}
		body, err := json.Marshal(object{
			"settings": object{"index": w.settings}, "mappings": w.mapping,
			"aliases": object{w.alias: object{"is_write_index": true}},
		}, json.Deterministic(true))
		if err != nil {
			return fmt.Errorf("encoding for the cluster: %w", err)
		}
		_, err = x.client.Do(ctx, client.Request{Method: client.Put, Path: "/" + w.name, Body: body, Safe: true})
		var status *client.StatusError
		if errors.As(err, &status) && status.Type == "resource_already_exists_exception" {
			err = nil // another node of the service was faster, or an answer was lost
		}
		if err != nil {
			return x.failed("creating the index "+w.name, err)
		}
		if there[i], err = x.inspect(ctx, w.alias, w.kind); err != nil {
			return err
		}
		if there[i] == "" {
			return &ForeignError{Message: fmt.Sprintf("there is an index %s, but it is not the one that the name %s "+
				"stands for", w.name, w.alias)}
		}
	}

	x.recordings, x.state = there[0], there[1]
	return x.awaitShards(ctx)
}

// awaitShards waits for the copies of new indexes, for a while: a cluster with fewer nodes has not all.
func (x *engine) awaitShards(ctx context.Context) error {
	const patience = 15 * time.Second
	path := fmt.Sprintf("/_cluster/health/%s,%s?wait_for_status=green&timeout=%s", x.recordings, x.state, patience)
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	_, err := x.client.Do(ctx, client.Request{Method: client.Get, Path: path, Safe: true})
	var status *client.StatusError
	if errors.As(err, &status) && status.Status == client.StatusRequestTimeout {
		return nil
	}
	return x.failed("waiting for the copies of the index", err)
}

// inspect returns the name of the index that an alias stands for, empty if there is none, and refuses one
// that is not of this program, of another version or read-only.
func (x *engine) inspect(ctx context.Context, alias, kind string) (name string, err error) {
	answer, err := x.client.Do(ctx, client.Request{Method: client.Get, Path: "/" + alias, Safe: true})
	var status *client.StatusError
	if errors.As(err, &status) && status.Status == client.StatusNotFound {
		return "", nil
	}
	if err != nil {
		return "", x.failed("looking for the index "+alias, err)
	}
	var all map[string]described
	if err := json.Unmarshal(answer.Body, &all); err != nil {
		return "", fmt.Errorf("looking for the index %s: %w", alias, err)
	}

	if len(all) != 1 {
		return "", &ForeignError{Message: fmt.Sprintf("%s stands for %d indexes of the cluster; wanted is one", alias,
			len(all))}
	}
	for name, d := range all {
		if message := d.foreign(kind); message != "" {
			return "", &ForeignError{Message: "the index " + name + " " + message}
		}
		return name, nil
	}
	return "", nil
}

// foreign says why an index cannot be used as one of a kind; empty: it can.
func (d *described) foreign(kind string) string {
	m, blocks := &d.Mappings.Meta, &d.Settings.Index.Blocks
	switch {
	case m.Program != program || m.Kind != kind:
		return "was not made by this program, and is left alone; set opensearch.index to another name"
	case m.Schema != Schema:
		const text = "is of version %d; this program has version %d, and leaves it alone"
		return fmt.Sprintf(text, m.Schema, Schema)
	case strings.EqualFold(blocks.ReadOnly, "true"):
		return "is read-only: its setting index.blocks.read_only is true"
	case strings.EqualFold(blocks.Write, "true"):
		return "is read-only: its setting index.blocks.write is true"
	}
	return ""
}
