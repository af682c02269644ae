package engine

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/index/scorch"
	blevemapping "github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	"github.com/blevesearch/bleve/v2/search/searcher"

	"recordings/cmd/bench/corpus"
	"recordings/mapping"
)

// Bleve is Bleve as one would use it without knowing how it works inside: each criterion is the query type that is
// made for it, hits are sorted by time, and the JSON is a stored field.
//
// Two settings are those of somebody who has read the documentation: hits get no score, which nobody asked for, and
// a wildcard is worked off some thousand terms at a time, without which one search can take all memory.
type Bleve struct {
	o     Options
	path  string
	index bleve.Index
}

// The fields of a document.
const (
	fieldContactCenter = "contactCenter"
	fieldRegion        = "region"
	fieldCaller        = "callerPhoneNumber"
	fieldDialed        = "dialedPhoneNumber"
	fieldStart         = "startTime"
	fieldStop          = "stopTime"
	fieldNames         = "names"
	fieldUserData      = "userData"
	fieldSource        = "source"
)

const loadBatch = 1000

// OpenBleve opens an index that is loaded, or an empty one for loading.
func OpenBleve(o Options) (*Bleve, error) {
	searcher.DisjunctionMaxClauseCount = 4096
	e := &Bleve{o: o, path: filepath.Join(o.Dir, "index")}
	if o.Loaded {
		return e, e.openLoaded()
	}
	var err error
	e.index, err = bleve.NewUsing(e.path, bleveMapping(), scorch.Name, scorch.Name, map[string]any{"unsafe_batch": true})
	if err != nil {
		return nil, fmt.Errorf("creating the Bleve index: %w", err)
	}
	return e, nil
}

func bleveMapping() blevemapping.IndexMapping {
	text, number, stored := bleve.NewKeywordFieldMapping(), bleve.NewNumericFieldMapping(), bleve.NewTextFieldMapping()
	text.Store, text.IncludeInAll = false, false
	number.Store, number.IncludeInAll = false, false
	stored.Index, stored.DocValues, stored.IncludeInAll, stored.IncludeTermVectors = false, false, false, false
	d := bleve.NewDocumentStaticMapping()
	for _, field := range []string{fieldContactCenter, fieldRegion, fieldCaller, fieldDialed, fieldNames, fieldUserData} {
		d.AddFieldMappingsAt(field, text)
	}
	d.AddFieldMappingsAt(fieldStart, number)
	d.AddFieldMappingsAt(fieldStop, number)
	d.AddFieldMappingsAt(fieldSource, stored)
	m := bleve.NewIndexMapping()
	m.DefaultMapping, m.DefaultAnalyzer = d, keyword.Name
	return m
}

func bleveKey(contactCenter, id string) string { return contactCenter + "/" + id }

func bleveDocument(d *document) map[string]any {
	return map[string]any{
		fieldContactCenter: d.ContactCenter,
		fieldRegion:        d.Recording.Region,
		fieldCaller:        d.searchable.CallerPhoneNumber,
		fieldDialed:        d.searchable.DialedPhoneNumber,
		fieldStart:         float64(d.searchable.StartTime),
		fieldStop:          float64(d.searchable.StopTime),
		fieldNames:         d.searchable.Names,
		fieldUserData:      d.searchable.UserData,
		fieldSource:        string(d.json),
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
	req := bleve.NewSearchRequestOptions(bleveQuery(&q), q.Limit+1, q.Offset, false)
	req.SortByCustom(search.SortOrder{&search.SortField{Field: fieldStart, Type: search.SortFieldAsNumber, Desc: true}, &search.SortDocID{}})
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

func bleveQuery(q *Query) query.Query {
	all := []query.Query{term(fieldContactCenter, q.ContactCenter), term(fieldRegion, q.Region)}
	if p := q.Criteria.CallerPhoneNumber; p != nil {
		all = append(all, pattern(fieldCaller, *p))
	}
	if p := q.Criteria.DialedPhoneNumber; p != nil {
		all = append(all, pattern(fieldDialed, *p))
	}
	if t := q.Criteria.StartTime; t != nil {
		all = append(all, numberRange(fieldStart, t, nil))
	}
	if t := q.Criteria.EndTime; t != nil {
		all = append(all, numberRange(fieldStop, nil, t))
	}
	if x := q.Criteria.UserName; x != nil {
		all = append(all, expression(fieldNames, x))
	}
	if x := q.Criteria.UserData; x != nil {
		all = append(all, expression(fieldUserData, x))
	}
	return bleve.NewConjunctionQuery(all...)
}

func expression(field string, x mapping.Expression) query.Query {
	var either []query.Query
	for _, c := range x {
		var all []query.Query
		for _, p := range c {
			all = append(all, pattern(field, p))
		}
		either = append(either, bleve.NewConjunctionQuery(all...))
	}
	return bleve.NewDisjunctionQuery(either...)
}

// pattern takes the cheapest query type for a pattern. A prefix query would be refused where it finds more than
// DisjunctionMaxClauseCount terms; as a wildcard it costs the same. In a wildcard query ? cannot be a literal.
func pattern(field string, p mapping.Pattern) query.Query {
	if literal, ok := p.Literal(); ok {
		return term(field, literal)
	}
	if !strings.Contains(p.String(), "?") {
		q := bleve.NewWildcardQuery(p.String())
		q.SetField(field)
		return q
	}
	var quoted []string
	for _, piece := range p.Pieces() {
		quoted = append(quoted, regexp.QuoteMeta(piece))
	}
	q := bleve.NewRegexpQuery(strings.Join(quoted, ".*"))
	q.SetField(field)
	return q
}

func term(field, value string) query.Query {
	q := bleve.NewTermQuery(value)
	q.SetField(field)
	return q
}

func numberRange(field string, from, to *mapping.Time) query.Query {
	number := func(t *mapping.Time) *float64 {
		if t == nil {
			return nil
		}
		f := float64(*t)
		return &f
	}
	inclusive := true
	q := bleve.NewNumericRangeInclusiveQuery(number(from), number(to), &inclusive, &inclusive)
	q.SetField(field)
	return q
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
