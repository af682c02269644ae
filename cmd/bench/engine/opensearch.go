package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"runtime"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"recordings/cmd/bench/corpus"
	"recordings/internal/opensearchtest"
	"recordings/mapping"
)

// OpenSearch is OpenSearch as one would use it without this product: a document a recording, fields of
// the type keyword for whole values and of the type wildcard for patterns, sorted by time on the disk. Its
// answers are those of one node. What was written is found within the second after it.
type OpenSearch struct {
	o      Options
	node   *opensearchtest.Cluster
	base   string // URL of the node
	client *http.Client
}

// osIndex is the index. Beside the recording nothing of a document is kept to be shown, so wildcard fields need
// doc values, by which they look at what may match.
const (
	osPath  = "/recordings"
	osIndex = `{
	"settings": {"index": {
		"number_of_shards": 1, "number_of_replicas": 0, "max_result_window": 1000000000,
		"sort.field": ["start", "id"], "sort.order": ["desc", "asc"]
	}},
	"mappings": {"dynamic": "strict", "_source": {"includes": ["recording"]}, "properties": {
		"contactCenter": {"type": "keyword"}, "region": {"type": "keyword"}, "id": {"type": "keyword"},
		"start": {"type": "long"}, "stop": {"type": "long"}, "changed": {"type": "long"}, "seconds": {"type": "long"},
		"caller": %[1]s, "dialed": %[1]s, "contacts": %[1]s, "names": %[1]s, "userData": %[1]s,
		"callUUIDs": {"type": "keyword"}, "mediaIDs": {"type": "keyword"}, "accessGroups": {"type": "keyword"},
		"recording": {"type": "object", "enabled": false}
	}}}`
	osValues = `{"type": "keyword", "fields": {"parts": {"type": "wildcard", "doc_values": true}}}`
)

// OpenOpenSearch starts a node, with what is loaded or an empty index.
func OpenOpenSearch(ctx context.Context, o Options) (*OpenSearch, error) {
	node, err := startNode(ctx, o.Dir)
	if err != nil {
		return nil, err
	}

	e := &OpenSearch{o: o, node: node, base: node.Addresses()[0]}
	e.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true}}
	if o.Loaded {
		_, err = e.ask(ctx, http.MethodGet, "/_cluster/health/recordings?wait_for_status=green&timeout=10m", nil)
	} else {
		_, err = e.ask(ctx, http.MethodPut, osPath, fmt.Appendf(nil, osIndex, osValues))
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// osDocument is a recording with what it is found by.
type osDocument struct {
	ContactCenter string         `json:"contactCenter"`
	Region        string         `json:"region"`
	ID            string         `json:"id"`
	Start         int64          `json:"start"` // milliseconds since 1970
	Stop          int64          `json:"stop"`
	Changed       int64          `json:"changed"`
	Seconds       int64          `json:"seconds"`
	Caller        []string       `json:"caller"`
	Dialed        []string       `json:"dialed"`
	Contacts      []string       `json:"contacts"`
	Names         []string       `json:"names"`
	UserData      []string       `json:"userData"`
	CallUUIDs     []string       `json:"callUUIDs"`
	MediaIDs      []string       `json:"mediaIDs"`
	AccessGroups  []string       `json:"accessGroups"`
	Recording     jsontext.Value `json:"recording"`
}

func newOSDocument(d *document) *osDocument {
	s := d.searchable
	return &osDocument{
		ContactCenter: d.ContactCenter, Region: d.Recording.Region, ID: d.Recording.ID,
		Start: int64(s.StartTime), Stop: int64(s.StopTime), Changed: int64(s.ChangedTime),
		Seconds: mapping.Seconds(s.StartTime, s.StopTime),
		Caller:  s.CallerNumbers, Dialed: s.DialedNumbers, Contacts: s.ContactNumbers,
		Names: s.Names, UserData: s.UserData, CallUUIDs: s.CallUUIDs, MediaIDs: s.MediaIDs,
		AccessGroups: s.AccessGroups, Recording: d.json,
	}
}

// osBatch is how many documents are sent at a time while loading.
const osBatch = 1000

// Load implements [Engine].
func (e *OpenSearch) Load(ctx context.Context, calls iter.Seq[corpus.Call]) error {
	const settings = osPath + "/_settings"
	if _, err := e.ask(ctx, http.MethodPut, settings, []byte(`{"index": {"refresh_interval": -1}}`)); err != nil {
		return err
	}
	if err := e.loadAll(ctx, calls); err != nil {
		return fmt.Errorf("loading OpenSearch: %w", err)
	}
	if _, err := e.ask(ctx, http.MethodPut, settings, []byte(`{"index": {"refresh_interval": "1s"}}`)); err != nil {
		return err
	}
	if _, err := e.ask(ctx, http.MethodPost, osPath+"/_flush", nil); err != nil {
		return err
	}
	if err := e.Refresh(ctx); err != nil {
		return err
	}
	return e.awaitMerges(ctx)
}

// loadAll sends all documents, as many batches at a time as there are processors.
func (e *OpenSearch) loadAll(ctx context.Context, calls iter.Seq[corpus.Call]) error {
	group, inGroup := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	n, lines := 0, new(bytes.Buffer)
	send := func() {
		body := lines.Bytes()
		n, lines = 0, bytes.NewBuffer(make([]byte, 0, len(body)+len(body)/8))
		group.Go(func() error { return e.bulk(inGroup, body) })
	}

	for d, err := range documents(calls) {
		if err == nil {
			err = appendOSDocument(lines, &d)
		}
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		if n++; n == osBatch {
			send()
		}
		if inGroup.Err() != nil {
			break
		}
	}

	if n > 0 {
		send()
	}
	return group.Wait()
}

// appendOSDocument appends the two lines by which a document is created.
func appendOSDocument(lines *bytes.Buffer, d *document) error {
	type create struct {
		ID string `json:"_id"`
	}
	action := struct {
		Create create `json:"create"`
	}{create{d.ContactCenter + "/" + d.Recording.ID}}
	for _, line := range []any{action, newOSDocument(d)} {
		if err := json.MarshalWrite(lines, line); err != nil {
			return err
		}
		lines.WriteByte('\n')
	}
	return nil
}

// bulk sends documents, all of which must be new.
func (e *OpenSearch) bulk(ctx context.Context, lines []byte) error {
	body, err := e.ask(ctx, http.MethodPost, osPath+"/_bulk?filter_path=errors,items.*.error", lines)
	if err != nil {
		return err
	}
	var answer struct {
		Errors bool `json:"errors"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Errors {
		return errors.Join(fmt.Errorf("not all was created: %.1000s", body), err)
	}
	return nil
}

// awaitMerges waits until what was loaded is merged as it will be.
func (e *OpenSearch) awaitMerges(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		body, err := e.ask(ctx, http.MethodGet, osPath+"/_stats/merge?filter_path=_all.primaries.merges.current", nil)
		if err != nil {
			return err
		}
		var stats struct {
			All struct {
				Primaries struct {
					Merges struct {
						Current int `json:"current"`
					} `json:"merges"`
				} `json:"primaries"`
			} `json:"_all"`
		}
		if err := json.Unmarshal(body, &stats); err != nil {
			return fmt.Errorf("reading what is merged: %w", err)
		}
		if stats.All.Primaries.Merges.Current == 0 {
			return nil
		}

		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Search implements [Engine].
func (e *OpenSearch) Search(ctx context.Context, q Query) (Answer, error) {
	if !keptByOpenSearch(&q.Criteria) {
		return Answer{}, ErrNotKept
	}
	request, err := json.Marshal(osSearch(&q))
	if err != nil {
		return Answer{}, err
	}

	return capped(ctx, e.o.Cap, func(ctx context.Context) (Answer, error) {
		const path = osPath + "/_search?filter_path=timed_out,_shards.failed,hits.hits._source,hits.hits.sort"
		body, err := e.ask(ctx, http.MethodPost, path, request)
		read := func(a *Answer, body []byte) error { return a.readHits(body, q.Limit) }
		return Answer{Bytes: len(body), body: body, read: read}, err
	})
}

// readHits reads the answer of a search for one hit more than there may be.
func (a *Answer) readHits(body []byte, limit int) error {
	var answer struct {
		TimedOut bool `json:"timed_out"`
		Shards   struct {
			Failed int `json:"failed"`
		} `json:"_shards"`
		Hits struct {
			Hits []struct {
				Sort []jsontext.Value `json:"sort"` // the start, and the id
			} `json:"hits"`
		} `json:"hits"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("reading the answer of a search: %w", err)
	}
	if answer.TimedOut || answer.Shards.Failed > 0 {
		return fmt.Errorf("that is not all that matches: %.1000s", body)
	}

	for _, hit := range answer.Hits.Hits {
		var id string
		if len(hit.Sort) != 2 || json.Unmarshal(hit.Sort[1], &id) != nil {
			return fmt.Errorf("a hit is sorted by %s", hit.Sort)
		}
		a.IDs = append(a.IDs, id)
	}
	a.cut(limit)
	return nil
}

// Put implements [Engine]. The recording is durable; it is found by searches within a second.
func (e *OpenSearch) Put(ctx context.Context, c corpus.Call) error {
	d, err := newDocument(c)
	if err != nil {
		return err
	}
	var lines bytes.Buffer
	if err := appendOSDocument(&lines, &d); err != nil {
		return err
	}
	return e.bulk(ctx, lines.Bytes())
}

// Refresh has everything that was put found by the next search.
func (e *OpenSearch) Refresh(ctx context.Context) error {
	_, err := e.ask(ctx, http.MethodPost, osPath+"/_refresh", nil)
	return err
}

// ask makes a request and returns the body of a successful answer.
func (e *OpenSearch) ask(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, e.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}

	resp, err := e.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking OpenSearch: %w", err)
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("asking OpenSearch: %w", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("OpenSearch: %s %s: %s: %.1000s", method, path, resp.Status, answer)
	}
	return answer, nil
}

// Facts implements [Engine].
func (e *OpenSearch) Facts(ctx context.Context) (Facts, error) { return nodeFacts(ctx, e.node) }

// Close implements [Engine].
func (e *OpenSearch) Close() error {
	e.client.CloseIdleConnections()
	return e.node.Close()
}
