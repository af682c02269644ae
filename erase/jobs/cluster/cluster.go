// Package cluster keeps jobs in documents that all nodes of a service share: a [jobs.Keeper] that is a
// [jobs.Nodes], too.
//
// The facts that a reader lacks: the state of a job is one document, which is written on the condition that
// nobody has changed it meanwhile. A text is a row of pages of one size, so that each is found by its number;
// appending writes the last one anew. A page bears the turn of the job that it was written in, as its version,
// and the cluster refuses one of an earlier turn. Pages are only read as far as the state, or the shortness of a
// page, says, so what a node that was cut off has written behind that is nobody's.
//
// Whose turn it is to work is a document, too: see package job.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"recordings/erase/jobs"
	"recordings/index/opensearch/job"
)

// Documents are documents by their names.
type Documents interface {
	// Read returns documents as they are now, in the order of their names.
	Read(ctx context.Context, names []string) ([]job.Doc, error)

	// Write writes a document, if it still is as it was read, and returns it as it was written. It reports
	// whether that is certain: where it is not, who reads the document again sees.
	Write(ctx context.Context, name, body string, on job.Doc) (at job.Doc, certain bool, err error)

	// Put writes pages, whatever is there, but for those of a later turn: then it reports false.
	Put(ctx context.Context, turn int64, pages []job.Page) (bool, error)

	// List returns the names that begin with a text, in order.
	List(ctx context.Context, prefix string) ([]string, error)

	// Remove removes documents, if they are there.
	Remove(ctx context.Context, names []string) error

	// Temporary reports whether an error of these may be gone when it is tried again.
	Temporary(err error) bool
}

const (
	// pageSize is how many bytes of a text are in a page.
	pageSize = 256 << 10
	// atOnce is how many documents are read in a request, and pagesAtOnce how many pages are written.
	atOnce      = 500
	pagesAtOnce = 8

	// patience is how long writing a state is tried, and retryPause the pause in between.
	patience   = 10 * time.Second
	retryPause = 50 * time.Millisecond
)

// Jobs are the jobs of one kind. Its methods may be called concurrently.
type Jobs struct {
	docs Documents
	kind string // what the names of the documents begin with
	turn *Turns
}

var (
	_ jobs.Keeper = (*Jobs)(nil)
	_ jobs.Nodes  = (*Jobs)(nil)
)

// New returns what keeps jobs of a kind, which has neither a slash nor a dash in its name.
func New(docs Documents, kind string) *Jobs {
	return &Jobs{docs, kind, NewTurns(docs, kind)}
}

// prefix is what the names of all documents of a job begin with, and of no other.
func (j *Jobs) prefix(place int) string { return fmt.Sprintf("%s/%08d/", j.kind, place) }

// stateName is the document of the state of a job.
func (j *Jobs) stateName(place int) string { return j.prefix(place) + "state" }

// pageName is the document of a page of a text, from 0.
func (j *Jobs) pageName(place int, text string, page int64) string {
	return fmt.Sprintf("%stext/%s/%d", j.prefix(place), text, page)
}

// States implements [jobs.Keeper].
func (j *Jobs) States(ctx context.Context) (map[int]jobs.Kept, error) {
	names, err := j.docs.List(ctx, j.kind+"/")
	if err != nil {
		return nil, err
	}
	var places []int
	for _, name := range names {
		number, is := strings.CutSuffix(strings.TrimPrefix(name, j.kind+"/"), "/state")
		if !is {
			continue
		}
		place, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("reading the jobs: there is a document %s", name)
		}
		places = append(places, place)
	}
	return j.Look(ctx, places)
}

// Look implements [jobs.Nodes].
func (j *Jobs) Look(ctx context.Context, places []int) (map[int]jobs.Kept, error) {
	all := make(map[int]jobs.Kept, len(places))
	for some := range slices.Chunk(places, atOnce) {
		names := make([]string, len(some))
		for i, place := range some {
			names[i] = j.stateName(place)
		}
		docs, err := j.docs.Read(ctx, names)
		if err != nil {
			return nil, err
		}
		for i, d := range docs {
			if d.Found {
				all[some[i]] = jobs.Kept{State: []byte(d.Body), Version: versionOf(&d)}
			}
		}
	}
	return all, nil
}

func versionOf(d *job.Doc) jobs.Version { return jobs.Version{Seq: d.Seq, Term: d.Term} }

// Save implements [jobs.Keeper]. Where it is not known whether a write took effect, reading tells.
func (j *Jobs) Save(ctx context.Context, place int, state []byte, on jobs.Version) (jobs.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	name, body := j.stateName(place), string(state)
	before := job.Doc{Found: on != jobs.Version{}, Seq: on.Seq, Term: on.Term}
	for {
		at, certain, err := j.docs.Write(ctx, name, body, before)
		if certain {
			return versionOf(&at), nil
		}
		var docs []job.Doc
		if err == nil {
			docs, err = j.docs.Read(ctx, []string{name})
		}
		switch {
		case err != nil && !j.docs.Temporary(err):
			return on, err
		case err != nil:
		case docs[0].Found && docs[0].Body == body:
			return versionOf(&docs[0]), nil // it did
		case docs[0].Found != before.Found, docs[0].Found && versionOf(&docs[0]) != on:
			return on, jobs.ErrTaken
		}

		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return on, errors.Join(err, fmt.Errorf("writing the state of a job: %w", context.Cause(ctx)))
		}
	}
}

// Append implements [jobs.Keeper].
func (j *Jobs) Append(ctx context.Context, place int, turn int64, text string, offset int64, add []byte) error {
	number := offset / pageSize
	if begun := offset % pageSize; begun > 0 {
		docs, err := j.docs.Read(ctx, []string{j.pageName(place, text, number)})
		if err != nil {
			return err
		}
		before := bytesOf(docs[0].Body)
		if lack := begun - int64(len(before)); lack > 0 {
			return fmt.Errorf("appending to a text of a job: %d bytes of it are gone", lack)
		}
		add = append(before[:begun:begun], add...)
	}

	// The last page is shorter than the others, and empty where nothing is left for it: there the text ends.
	var pages []job.Page
	for last := false; !last; number++ {
		n := min(len(add), pageSize)
		last = n < pageSize
		pages = append(pages, job.Page{Name: j.pageName(place, text, number), Body: bodyOf(add[:n])})
		add = add[n:]
		if len(pages) < pagesAtOnce && !last {
			continue
		}
		if ok, err := j.docs.Put(ctx, turn, pages); err != nil {
			return err
		} else if !ok {
			return jobs.ErrTaken
		}
		pages = pages[:0]
	}
	return nil
}

// ReadAt implements [jobs.Keeper].
func (j *Jobs) ReadAt(ctx context.Context, place int, text string, p []byte, offset int64) (n int, err error) {
	for n < len(p) {
		docs, err := j.docs.Read(ctx, []string{j.pageName(place, text, offset/pageSize)})
		if err != nil {
			return n, err
		}
		body := bytesOf(docs[0].Body)
		some := copy(p[n:], body[min(offset%pageSize, int64(len(body))):])
		n, offset = n+some, offset+int64(some)
		if n < len(p) && len(body) < pageSize {
			return n, io.EOF
		}
	}
	return n, nil
}

// bodyOf is how bytes stand in a document, which has characters: each is one of the first 256. A page may begin
// or end within a character of the text.
func bodyOf(text []byte) string {
	var b strings.Builder
	b.Grow(len(text))
	for _, c := range text {
		b.WriteRune(rune(c))
	}
	return b.String()
}

// bytesOf is the reverse of bodyOf.
func bytesOf(body string) []byte {
	text := make([]byte, 0, len(body))
	for _, c := range body {
		text = append(text, byte(c))
	}
	return text
}

// Keep implements [jobs.Keeper].
func (j *Jobs) Keep(ctx context.Context, place int, texts ...string) error {
	return j.removeAll(ctx, j.prefix(place)+"text/", func(name string) bool {
		return slices.ContainsFunc(texts, func(text string) bool {
			return strings.HasPrefix(name, j.prefix(place)+"text/"+text+"/")
		})
	})
}

// Remove implements [jobs.Keeper].
func (j *Jobs) Remove(ctx context.Context, place int) error {
	if err := j.docs.Remove(ctx, []string{j.stateName(place)}); err != nil {
		return err
	}
	return j.removeAll(ctx, j.prefix(place), func(string) bool { return false })
}

// removeAll removes the documents whose names begin with a text, but for those that are kept.
func (j *Jobs) removeAll(ctx context.Context, prefix string, kept func(name string) bool) error {
	names, err := j.docs.List(ctx, prefix)
	if err != nil {
		return err
	}
	if names = slices.DeleteFunc(names, kept); len(names) == 0 {
		return nil
	}
	return j.docs.Remove(ctx, names)
}

// Take implements [jobs.Nodes].
func (j *Jobs) Take(ctx context.Context) (jobs.Turn, error) { return j.turn.Take(ctx) }

// Shown implements [jobs.Nodes].
func (j *Jobs) Shown(ctx context.Context) ([]byte, error) {
	var s turn
	_, err := job.Read(ctx, j.turn.store, &s)
	if s.Owner == "" {
		return nil, err
	}
	return []byte(s.Shown), err
}

// Turns is whose turn it is to do something, of which one node at a time may do it.
type Turns struct {
	store job.Store
	job   *job.Job[turn, *turn]
}

// NewTurns returns whose turn it is to do what has a name.
func NewTurns(docs Documents, name string) *Turns {
	s := &store{docs, "turn-" + name}
	return &Turns{s, job.New[turn, *turn](s, func() turn { return turn{} })}
}

// turn is the document that says whose turn it is.
type turn struct {
	Owner string `json:"owner,omitempty"` // the node; empty: nobody's
	Beats uint64 `json:"beats"`           // how often it has said that it is alive
	Shown string `json:"shown,omitempty"`
}

// Node implements [job.State].
func (t *turn) Node() *string { return &t.Owner }

// Take gets the turn, or nil if another node has it. To learn that that node is gone it must be called again and
// again: for [job.TakeOver] the node must have been silent.
func (t *Turns) Take(ctx context.Context) (jobs.Turn, error) {
	if err := t.job.Look(ctx); err != nil {
		return nil, err
	}
	state, doc, left := t.job.Known()
	if !left {
		return nil, nil
	}
	held, err := t.job.Take(ctx, state, doc, func(t *turn) { t.Beats, t.Shown = t.Beats+1, "" })
	if errors.Is(err, job.ErrTaken) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &mine{held}, nil
}

// mine is the turn of this node.
type mine struct{ held *job.Held[turn, *turn] }

// Keep implements [jobs.Turn].
func (m *mine) Keep(ctx context.Context, shown []byte) error {
	return m.save(ctx, func(t *turn) { t.Beats, t.Shown = t.Beats+1, string(shown) })
}

// Release implements [jobs.Turn].
func (m *mine) Release(ctx context.Context) error {
	return m.save(ctx, func(t *turn) { t.Beats, t.Owner, t.Shown = t.Beats+1, "", "" })
}

func (m *mine) save(ctx context.Context, change func(*turn)) error {
	err := m.held.Save(ctx, change)
	if errors.Is(err, job.ErrTaken) {
		return fmt.Errorf("%w: %w", jobs.ErrTaken, err)
	}
	return err
}

// store keeps the document of a turn.
type store struct {
	docs Documents
	name string
}

// Read implements [job.Store].
func (s *store) Read(ctx context.Context) (job.Doc, error) {
	docs, err := s.docs.Read(ctx, []string{s.name})
	if err != nil {
		return job.Doc{}, err
	}
	return docs[0], nil
}

// Write implements [job.Store].
func (s *store) Write(ctx context.Context, body string, on job.Doc) (bool, error) {
	_, certain, err := s.docs.Write(ctx, s.name, body, on)
	return certain, err
}

// Temporary implements [job.Store].
func (s *store) Temporary(err error) bool { return s.docs.Temporary(err) }
