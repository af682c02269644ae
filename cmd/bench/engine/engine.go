// Package engine puts the index of the product and its peers behind one interface, so that all of
// them get the same recordings and the same searches.
//
// Every peer is given what somebody who knows it well would give it: tables and indexes for these
// searches and no others, settings for the machine, and the translation of the criteria that it
// answers fastest. What a peer returns is the ids and the stored JSON of a page and whether there
// is more behind it, as the API needs them.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/cmd/bench/corpus"
	"recordings/index"
	"recordings/mapping"
)

// Query is a search, for engines that take the criteria as such and for those that take the
// parameters of the API.
type Query struct {
	index.Query
	Params map[string]string // what ParseCriteria made the Criteria of
}

// Answer is a page of recordings, newest first.
type Answer struct {
	IDs   []string
	More  bool // a further match exists behind this page
	Bytes int  // of JSON that were read for it; 0 where the engine does not tell

	body []byte                      // of an HTTP answer; see Parse
	read func(*Answer, []byte) error // what it says; nil: it is one of our API
}

// Parse reads what an answer that came as bytes says. It is apart from Search, as what a client
// does with an answer is not the service's time.
func (a *Answer) Parse() error {
	if a.body == nil {
		return nil
	}
	if a.read != nil {
		body := a.body
		a.body = nil
		return a.read(a, body)
	}

	var page struct {
		Recordings []struct {
			ID string `json:"id"`
		} `json:"recordings"`
		NextURI string `json:"nextUri"`
	}

	if err := json.Unmarshal(a.body, &page); err != nil {
		return fmt.Errorf("reading the answer of a search: %w", err)
	}

	a.body, a.More = nil, page.NextURI != ""
	for _, r := range page.Recordings {
		a.IDs = append(a.IDs, r.ID)
	}

	return nil
}

// Engine keeps and finds recordings. Search and Put may be called concurrently, once Load has
// returned.
type Engine interface {
	// Load puts all calls into the empty engine by the fastest way that it has. When it returns,
	// all of them are durable and found.
	Load(ctx context.Context, calls iter.Seq[corpus.Call]) error

	// Search returns a page of the newest matches. ErrTooSlow means that it took longer than
	// Options.Cap, ErrNotKept that the engine cannot answer it.
	Search(ctx context.Context, q Query) (Answer, error)

	// Put makes one new recording durable.
	Put(ctx context.Context, c corpus.Call) error

	// Facts tells what is known about the engine besides its speed.
	Facts(ctx context.Context) (Facts, error)

	// Close stops the engine. Its files stay.
	Close() error
}

// ErrTooSlow is the error of a search that was given up after Options.Cap.
var ErrTooSlow = errors.New("the search took longer than it may")

// Facts are what an engine tells about itself.
type Facts struct {
	Version   string
	DiskBytes int64 // of tables and indexes, without logs that are only there to recover from a crash
	Process   int   // id of the engine's server, which may have children; 0: the engine runs in this process
}

// ErrNotKept is the error of a search for what the engine does not keep.
var ErrNotKept = errors.New("the engine does not keep what is searched for")

// anyOf is the expression for one of some whole values. Access groups are no patterns.
func anyOf(values []string) (x mapping.Expression) {
	for _, v := range values {
		x = append(x, mapping.Conjunction{mapping.NewPattern(v)})
	}
	return x
}

// keptByTables reports an error for what the tables of SQL peers do not have: identifiers and the
// numbers of contacts would need tables of their own, and nobody has told them when a recording was
// changed.
func keptByTables(c *mapping.Criteria) error {
	if c.CallUUID != nil || c.MediaID != nil || c.ChangedSince != nil || c.PhoneNumber != nil {
		return ErrNotKept
	}
	return nil
}

// Options are the settings of an engine.
type Options struct {
	Dir            string        // of its own, existing, and empty unless Loaded
	Loaded         bool          // Dir has what Load made of the same calls; Load is not called again
	Cap            time.Duration // how long a search may take
	Region         string        // of the searches, for the engine that serves one region
	ContactCenters []string      // all there are, the largest first
}

// The names of the engines.
const (
	OursName       = "ours"
	HTTPName       = "http"
	BleveName      = "bleve"
	SQLiteName     = "sqlite"
	PostgresName   = "postgres"
	ClusterName    = "cluster"
	OpenSearchName = "opensearch"
)

// document is a call with what peers store of it.
type document struct {
	corpus.Call
	searchable *mapping.Searchable
	json       []byte
}

func newDocument(c corpus.Call) (document, error) {
	data, err := mapping.Encode(c.Recording)
	searchable := c.Recording.Searchable()
	searchable.ChangedTime = mapping.Time(time.Now().UnixMilli())
	return document{c, searchable, data}, err
}

// documents makes documents of calls ahead of who takes them, in a goroutine that ends with the
// iteration.
func documents(calls iter.Seq[corpus.Call]) iter.Seq2[document, error] {
	type made struct {
		documents []document
		err       error
	}

	const batch = 256
	return func(yield func(document, error) bool) {
		ahead := make(chan made, 4)
		stop := make(chan struct{})
		send := func(m made) bool {
			select {
			case ahead <- m:
				return m.err == nil
			case <-stop:
				return false
			}
		}

		go func() {
			defer close(ahead)
			var m made
			for c := range calls {
				d, err := newDocument(c)
				m.documents, m.err = append(m.documents, d), err
				if len(m.documents) == batch || err != nil {
					if !send(m) {
						return
					}
					m = made{}
				}
			}

			send(m)
		}()
		defer func() {
			close(stop)
			for range ahead { // until the goroutine has ended
			}
		}()

		for m := range ahead {
			for _, d := range m.documents {
				if !yield(d, m.err) {
					return
				}
			}
		}
	}
}

// capped runs a search with the time that it may take.
func capped(ctx context.Context, limit time.Duration, search func(context.Context) (Answer, error)) (Answer, error) {
	limited, cancel := context.WithTimeoutCause(ctx, limit, ErrTooSlow)
	defer cancel()
	a, err := search(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return Answer{}, ErrTooSlow
	}
	return a, err
}

// cut makes a page of the ids that an engine found, one more than wanted where there is one.
func (a *Answer) cut(limit int) {
	if a.More = len(a.IDs) > limit; a.More {
		a.IDs = a.IDs[:limit]
	}
}

// dirSize is the size of all files in a directory and those below.
func dirSize(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // engines remove files while they run
		}
		if err != nil || d.IsDir() {
			return err
		}

		info, err := d.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}

		bytes += info.Size()
		return nil
	})

	return bytes, err
}
