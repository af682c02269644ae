package engine

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/index/scorch"
	blevemapping "github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/searcher"

	"recordings/cmd/bench/corpus"
	"recordings/index/embedded/schema"
	"recordings/index/query"
)

// Bleve is Bleve as one would use it without knowing how it works inside: the queries are those of
// the product (see package query), hits are sorted by time, and the JSON is a stored field.
//
// Two settings are those of somebody who has read the documentation: hits get no score, which
// nobody asked for, and a wildcard is worked off some thousand terms at a time, without which one
// search can take all memory.
type Bleve struct {
	o     Options
	path  string
	index bleve.Index
}

// fieldSource is the field of the JSON, beside those that the product has.
const fieldSource = "source"

const loadBatch = 1000

// OpenBleve opens an index that is loaded, or an empty one for loading.
func OpenBleve(o Options) (*Bleve, error) {
	searcher.DisjunctionMaxClauseCount = 4096
	e := &Bleve{o: o, path: filepath.Join(o.Dir, "index")}
	if o.Loaded {
		return e, e.openLoaded()
	}

	var err error
	e.index, err = bleve.NewUsing(e.path, bleveMapping(), scorch.Name, scorch.Name,
		map[string]any{"unsafe_batch": true})
	if err != nil {
		return nil, fmt.Errorf("creating the Bleve index: %w", err)
	}
	return e, nil
}

func bleveMapping() blevemapping.IndexMapping {
	value, stored := bleve.NewKeywordFieldMapping(), bleve.NewTextFieldMapping()
	value.Store, value.IncludeInAll = false, false
	stored.Index, stored.DocValues, stored.IncludeInAll, stored.IncludeTermVectors = false, false, false, false
	d := bleve.NewDocumentStaticMapping()
	for _, field := range []string{
		schema.FieldContactCenter, schema.FieldRegion, schema.FieldCaller, schema.FieldDialed, schema.FieldPhone,
		schema.FieldStart, schema.FieldStop, schema.FieldUserName, schema.FieldUserData,
		schema.FieldDuration, schema.FieldCallUUID, schema.FieldMediaID, schema.FieldChanged,
		schema.FieldAccessGroup,
	} {
		d.AddFieldMappingsAt(field, value)
	}

	d.AddFieldMappingsAt(fieldSource, stored)

	m := bleve.NewIndexMapping()
	m.DefaultMapping, m.DefaultAnalyzer = d, keyword.Name
	return m
}

func bleveKey(contactCenter, id string) string { return contactCenter + "/" + id }

func bleveDocument(d *document) map[string]any {
	return map[string]any{
		schema.FieldContactCenter: d.ContactCenter,
		schema.FieldRegion:        d.Recording.Region,
		schema.FieldCaller:        d.searchable.CallerNumbers,
		schema.FieldDialed:        d.searchable.DialedNumbers,
		schema.FieldPhone:         d.searchable.ContactNumbers,
		schema.FieldStart:         schema.TimeTerm(d.searchable.StartTime),
		schema.FieldStop:          schema.TimeTerm(d.searchable.StopTime),
		schema.FieldUserName:      d.searchable.Names,
		schema.FieldUserData:      d.searchable.UserData,
		schema.FieldDuration:      schema.DurationTerm(d.searchable.StartTime, d.searchable.StopTime),
		schema.FieldChanged:       schema.TimeTerm(d.searchable.ChangedTime),
		schema.FieldCallUUID:      d.searchable.CallUUIDs,
		schema.FieldMediaID:       d.searchable.MediaIDs,
		schema.FieldAccessGroup:   d.searchable.AccessGroups,
		fieldSource:               string(d.json),
	}
}

// Load implements [Engine]. It opens the index anew afterwards, so that what follows is durable.
func (e *Bleve) Load(ctx context.Context, calls iter.Seq[corpus.Call]) error {
	batch := e.index.NewBatch()
	for d, err := range documents(calls) {
		if err == nil {
			err = batch.Index(bleveKey(d.ContactCenter, d.Recording.ID), bleveDocument(&d))
		}

		if err == nil && batch.Size() == loadBatch {
			err = e.index.Batch(batch)
			batch.Reset()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("loading Bleve: %w", err)
		}
	}

	persisted := make(chan error, 1)
	batch.SetPersistedCallback(func(err error) { persisted <- err })
	err := e.index.Batch(batch)
	if err == nil {
		select {
		case err = <-persisted:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		return fmt.Errorf("loading Bleve: %w", err)
	}

	if err := e.index.Close(); err != nil {
		return fmt.Errorf("closing Bleve after loading: %w", err)
	}

	return e.openLoaded()
}

func (e *Bleve) openLoaded() (err error) {
	if e.index, err = bleve.OpenUsing(e.path, map[string]any{"unsafe_batch": false}); err != nil {
		return fmt.Errorf("opening Bleve after loading: %w", err)
	}
	return nil
}

// Search implements [Engine].
func (e *Bleve) Search(ctx context.Context, q Query) (Answer, error) {
	tree := query.New(q.ContactCenter, q.Region, q.Groups, &q.Criteria)
	req := bleve.NewSearchRequestOptions(tree, q.Limit+1, q.Offset, false)
	req.SortByCustom(search.SortOrder{
		&search.SortField{Field: schema.FieldStart, Type: search.SortFieldAsString, Desc: true},
		&search.SortDocID{},
	})

	req.Fields = []string{fieldSource}
	req.Score = "none"
	return capped(ctx, e.o.Cap, func(ctx context.Context) (a Answer, err error) {
		result, err := e.index.SearchInContext(ctx, req)
		if err != nil {
			return a, fmt.Errorf("searching Bleve: %w", err)
		}

		for _, hit := range result.Hits {
			a.IDs = append(a.IDs, strings.TrimPrefix(hit.ID, bleveKey(q.ContactCenter, "")))
			source, _ := hit.Fields[fieldSource].(string)
			a.Bytes += len(source)
		}

		a.cut(q.Limit)
		return a, nil
	})
}

// Put implements [Engine].
func (e *Bleve) Put(_ context.Context, c corpus.Call) error {
	d, err := newDocument(c)
	if err != nil {
		return err
	}
	return e.index.Index(bleveKey(c.ContactCenter, c.Recording.ID), bleveDocument(&d))
}

// Facts implements [Engine].
func (e *Bleve) Facts(context.Context) (Facts, error) {
	size, err := dirSize(e.o.Dir)
	return Facts{Version: moduleVersions("github.com/blevesearch/bleve/v2"), DiskBytes: size}, err
}

// Close implements [Engine].
func (e *Bleve) Close() error { return e.index.Close() }
