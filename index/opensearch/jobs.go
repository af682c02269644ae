package opensearch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"recordings/index"
	"recordings/index/opensearch/client"
	"recordings/index/opensearch/job"
	"recordings/mapping"
)

// Documents are what jobs keep in the state index, each under a name, so that all nodes of the service see it. A
// backup that is restored has none of them. Their methods may be called concurrently; their errors are those of
// package index.
type Documents struct{ x *Index }

// Documents returns the documents of jobs.
func (x *Index) Documents() *Documents { return &Documents{x} }

const (
	kindJob = "job"
	// jobDocs is what the ids of their documents begin with.
	jobDocs = "job-"
	// maxDocuments is how many of them are listed, or removed, in a request.
	maxDocuments = 1000
)

// Read returns documents as they are now, in the order of their names.
func (d *Documents) Read(ctx context.Context, names []string) ([]job.Doc, error) {
	ctx, leave, err := d.x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	ids := make([]string, len(names))
	for i, name := range names {
		ids[i] = jobDocs + name
	}
	var answer struct {
		Docs []struct {
			kept[note]
			Error client.Cause `json:"error"`
		} `json:"docs"`
	}
	path := "/" + d.x.state + "/_mget?preference=_primary"
	if err := d.x.ask(ctx, client.Post, path, object{"ids": ids}, &answer); err != nil {
		return nil, d.x.failed("reading jobs", err)
	}
	if len(answer.Docs) != len(names) {
		return nil, fmt.Errorf("the cluster has answered %d of %d reads", len(answer.Docs), len(names))
	}

	all := make([]job.Doc, len(names))
	for i, k := range answer.Docs {
		if k.Error.Type != "" { // a shard that is about to move, most likely
			return nil, fmt.Errorf("%w: reading jobs: %s", index.ErrUnavailable, k.Error.Type)
		}
		all[i] = job.Doc{Found: k.Found, Seq: k.Seq, Term: k.Term, Body: k.Source.Body}
	}
	return all, nil
}

// Write writes a document, if it still is as it was read, and returns it as it was written. It reports whether
// that is certain: where it is not, who reads the document again sees.
func (d *Documents) Write(ctx context.Context, name, body string, on job.Doc) (at job.Doc, certain bool, err error) {
	ctx, leave, err := d.x.gate.Enter(ctx)
	if err != nil {
		return at, false, err
	}
	defer leave()
	w := write{index: d.x.state, doc: jobDocs + name, body: &note{Kind: kindJob, Name: name, Body: body}}
	if on.Found {
		w.on = &version{on.Seq, on.Term}
	}
	results, _, err := d.x.bulk(ctx, []write{w}, "")
	if err != nil {
		return at, false, err
	}
	switch r := results[0]; r.verdict {
	case written:
		return job.Doc{Found: true, Seq: r.version.seq, Term: r.version.term, Body: body}, true, nil
	case conflict, busy, lost:
		return at, false, nil
	case full:
		return at, false, index.ErrDiskFull
	default:
		return at, false, r.err
	}
}

// Put writes pages, all of which belong to a turn. It reports false where one that belongs to a later turn is
// there already: then some may be written, and others not.
func (d *Documents) Put(ctx context.Context, turn int64, pages []job.Page) (bool, error) {
	ctx, leave, err := d.x.gate.Enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	writes := make([]write, len(pages))
	for i, p := range pages {
		writes[i] = write{
			index: d.x.state, doc: jobDocs + p.Name, turn: turn,
			body: &note{Kind: kindJob, Name: p.Name, Body: p.Body},
		}
	}
	for len(writes) > 0 {
		results, _, err := d.x.bulk(ctx, writes, "")
		if err != nil {
			return false, err
		}
		var left []write
		for i, r := range results {
			switch r.verdict {
			case written:
			case conflict:
				return false, nil
			case full:
				return false, index.ErrDiskFull
			case failed, elsewhere:
				return false, r.err
			default:
				left = append(left, writes[i])
			}
		}
		if writes = left; len(writes) > 0 && !d.x.again(ctx, errPartial) {
			return false, d.x.failed("writing a job", context.Cause(ctx))
		}
	}
	return true, nil
}

// List returns the names that begin with a text, in order.
func (d *Documents) List(ctx context.Context, prefix string) (names []string, err error) {
	ctx, leave, err := d.x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := d.x.refreshIndex(ctx, d.x.state); err != nil {
		return nil, err
	}
	for after := ""; ; after = names[len(names)-1] {
		some, err := d.x.searchNames(ctx, []object{
			{"term": object{"kind": kindJob}}, {"prefix": object{"name": prefix}},
			{"range": object{"name": object{"gt": after}}},
		}, maxDocuments)
		if err != nil {
			return nil, fmt.Errorf("listing jobs: %w", err)
		}
		names = append(names, some...)
		if len(some) < maxDocuments {
			return names, nil
		}
	}
}

// Remove removes documents, if they are there.
func (d *Documents) Remove(ctx context.Context, names []string) error {
	ctx, leave, err := d.x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for some := range slices.Chunk(names, maxDocuments) {
		writes := make([]write, len(some))
		for i, name := range some {
			writes[i] = write{index: d.x.state, doc: jobDocs + name}
		}
		if err := d.x.writeAll(ctx, writes); err != nil {
			return err
		}
	}
	return nil
}

// Temporary reports whether an error of these may be gone when it is tried again.
func (d *Documents) Temporary(err error) bool { return isPassing(err) }

// jobStore keeps the document of a job in the state index.
type jobStore struct {
	x   *engine
	doc string // its id: "job-", and the name of the job
}

// Read implements [job.Store].
func (s *jobStore) Read(ctx context.Context) (job.Doc, error) {
	k, err := s.x.readNote(ctx, s.doc)
	if err != nil {
		return job.Doc{}, err
	}
	return job.Doc{Found: k.Found, Seq: k.Seq, Term: k.Term, Body: k.Source.Body}, nil
}

// Write implements [job.Store].
func (s *jobStore) Write(ctx context.Context, body string, on job.Doc) (bool, error) {
	n := &note{Kind: kindJob, Name: strings.TrimPrefix(s.doc, jobDocs), Body: body}
	return s.x.writeNote(ctx, s.doc, n, &kept[note]{Found: on.Found, Seq: on.Seq, Term: on.Term})
}

// Temporary implements [job.Store].
func (s *jobStore) Temporary(err error) bool { return isPassing(err) }

// isPassing reports whether an error says that the cluster cannot do something at present.
func isPassing(err error) bool {
	return errors.Is(err, index.ErrUnavailable) || errors.Is(err, index.ErrDiskFull)
}

// pace returns how much is done in a second, and how many seconds what is left takes then, after so much was
// done since a time.
func pace(began time.Time, done, left uint64) (rate float64, seconds int64) {
	took := time.Since(began).Seconds()
	if took <= 0 || done == 0 {
		return 0, 0
	}
	rate = math.Round(float64(done)/took*10) / 10
	return rate, int64(math.Ceil(float64(left) / max(rate, 0.1)))
}

// oneLine is the text of an error, for a verdict.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// now is the time, as it is shown.
func now() mapping.Time { return mapping.Time(time.Now().UnixMilli()) }
