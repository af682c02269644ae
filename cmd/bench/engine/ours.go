package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"recordings/cmd/bench/corpus"
	"recordings/index"
	"recordings/index/embedded"
	"recordings/mapping"
)

// Ours is the embedded index of the product, in this process.
type Ours struct {
	product
	index *embedded.Index
}

// product is an index of the product, of whatever kind. It loads and searches all of them alike.
type product struct {
	o     Options
	index interface {
		index.Index
		Status() index.Status
	}
	resends bool // what was not stored in time is put again, and may then be there already
}

// The recordings are put as an import does it: so many at a time, and as many goroutines, of which
// those that wait share the synchronisations of the disk.
const (
	ahead   = 4096
	loaders = 16
)

// OpenOurs opens an embedded index.
func OpenOurs(ctx context.Context, o Options) (*Ours, error) {
	// No ballast: it is the same for any number of recordings, and not what bytes per recording are
	// about.
	x, err := embedded.Open(ctx, embedded.Options{Dir: o.Dir, Log: zerolog.Nop(), Ballast: -1})
	if err != nil {
		return nil, fmt.Errorf("opening the embedded index: %w", err)
	}

	e := &Ours{product{o: o, index: x}, x}
	if o.Loaded {
		err = e.waitIndexed(ctx)
	}
	return e, err
}

// Load implements [Engine].
func (e *product) Load(ctx context.Context, calls iter.Seq[corpus.Call]) error {
	group, inGroup := errgroup.WithContext(ctx)
	group.SetLimit(loaders)
	byCenter := make(map[string][]*mapping.Recording)
	putAll := func() {
		for contactCenter, recordings := range byCenter {
			group.Go(func() error { return e.putAll(inGroup, contactCenter, recordings) })
		}
		clear(byCenter)
	}

	n := 0
	for c := range calls {
		byCenter[c.ContactCenter] = append(byCenter[c.ContactCenter], c.Recording)
		if n++; n%ahead == 0 {
			putAll()
		}
		if inGroup.Err() != nil {
			break
		}
	}

	putAll()
	if err := group.Wait(); err != nil {
		return err
	}

	return e.waitIndexed(ctx)
}

// putAll puts recordings of a contact center. What an import would send again is put again.
func (e *product) putAll(ctx context.Context, contactCenter string, recordings []*mapping.Recording) error {
	for len(recordings) > 0 {
		var again []*mapping.Recording
		for i, r := range e.index.PutAll(ctx, contactCenter, recordings, index.PutOptions{}) {
			if e.later(ctx, r.Err) {
				again = append(again, recordings[i])
				continue
			}
			if err := e.created(recordings[i], r.Outcome, r.Err); err != nil {
				return err
			}
		}
		recordings = again
	}
	return nil
}

// later reports whether what was refused has to be put again.
func (e *product) later(ctx context.Context, err error) bool {
	return e.resends && errors.Is(err, index.ErrUnavailable) && ctx.Err() == nil
}

// created makes sure that a recording was new.
func (e *product) created(r *mapping.Recording, outcome index.Outcome, err error) error {
	again := e.resends && outcome == index.Unchanged
	if err == nil && outcome != index.Created && !again {
		return fmt.Errorf("putting recording %s: %s", r.ID, outcome)
	}
	return err
}

// waitIndexed waits until the search index has caught up.
func (e *product) waitIndexed(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		s := e.index.Status()
		if s.Ready && s.Pending == 0 {
			return nil
		}

		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the search index (ready: %t, pending: %d): %w", s.Ready, s.Pending,
				ctx.Err())
		}
	}
}

// Search implements [Engine]. As from the others, the recordings come as text.
func (e *product) Search(ctx context.Context, q Query) (Answer, error) {
	return capped(ctx, e.o.Cap, func(ctx context.Context) (Answer, error) {
		var a Answer
		page, err := e.index.Search(ctx, q.Query, index.Sink{
			Encode: func(b []byte, s *mapping.Stored) ([]byte, error) {
				return append(append(b, s.ID()...), '\n'), nil
			},
			Write: func(ids []byte, _ int) error {
				a.IDs = append(a.IDs, strings.Fields(string(ids))...)
				return nil
			},
		})

		if err != nil {
			return Answer{}, fmt.Errorf("searching our index: %w", err)
		}

		a.More = page.More
		return a, nil
	})
}

// Put implements [Engine].
func (e *product) Put(ctx context.Context, c corpus.Call) error {
	for {
		outcome, err := e.index.Put(ctx, c.ContactCenter, c.Recording)
		if !e.later(ctx, err) {
			return e.created(c.Recording, outcome, err)
		}
	}
}

// Facts implements [Engine].
func (e *Ours) Facts(context.Context) (Facts, error) {
	size, err := dirSize(e.o.Dir)
	return Facts{Version: moduleVersions("github.com/cockroachdb/pebble/v2", "github.com/blevesearch/bleve/v2"),
		DiskBytes: size}, err
}

// Close implements [Engine].
func (e *Ours) Close() error { return e.index.Close() }

// moduleVersions tells which versions of modules this program is built with.
func moduleVersions(modules ...string) string {
	var versions []string
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown version"
	}

	for _, m := range modules {
		version := "of unknown version" // test programs do not tell
		for _, d := range info.Deps {
			if d.Path == m {
				version = d.Version
			}
		}
		versions = append(versions, m+" "+version)
	}

	return strings.Join(versions, ", ")
}
