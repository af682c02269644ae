package indextest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"recordings/index"
	"recordings/mapping"
)

// parallel calls fn in n goroutines and fails the test with their errors.
func parallel(t testing.TB, n int, fn func(worker int) error) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = fn(i) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// testConcurrent merges into one recording from many sides: no media file may be lost.
func testConcurrent(t *testing.T, fresh Opener) {
	const workers = 16
	rounds := Sized(20, 4)
	x := start(t, fresh)
	var created atomic.Int32
	parallel(t, workers, func(worker int) error {
		for i := range rounds {
			r := New("a", region, 1000)
			r.MediaFiles = []mapping.MediaFile{mediaFile(fmt.Sprintf("%d-%d.mp3", worker, i), 1000, 2000)}
			outcome, err := x.Put(t.Context(), center, r)
			if err != nil {
				return err
			}
			if outcome == index.Created {
				created.Add(1)
			}
			if again, err := x.Put(t.Context(), center, r); err != nil || again == index.Created {
				return fmt.Errorf("putting it again: %v, %w", again, err)
			}
		}
		return nil
	})

	if n := created.Load(); n != 1 {
		t.Errorf("it was created %d times", n)
	}
	r, err := x.Get(t.Context(), here, "a")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.MediaFiles); n != workers*rounds {
		t.Errorf("it has %d media files, want %d", n, workers*rounds)
	}
	bothWays(t, x, func() { wantFound(t, x, center, region, "a", "startTime=1000") })
}

// testConcurrentKeys puts, merges and deletes many recordings from many sides, each side its own,
// and compares the end.
func testConcurrentKeys(t *testing.T, fresh Opener) {
	const workers = 8
	rounds := Sized(150, 30)
	x := start(t, fresh)
	ends := make([]map[string]*mapping.Recording, workers)
	parallel(t, workers, func(worker int) error {
		mine := make(map[string]*mapping.Recording)
		ends[worker] = mine
		for i := range rounds {
			id := fmt.Sprintf("%d-%d", worker, i*7%30)
			if i%5 == 4 && mine[id] != nil {
				delete(mine, id)
				if err := x.Delete(t.Context(), center, id); err != nil {
					return err
				}
				continue
			}
			r := New(id, region, mapping.Time(i*100))
			mine[id] = mapping.Merge(mine[id], r)
			if _, err := x.Put(t.Context(), center, r); err != nil {
				return err
			}
			got, err := x.Get(t.Context(), here, id)
			if err != nil || len(got.MediaFiles) != len(mine[id].MediaFiles) {
				return fmt.Errorf("reading %q after writing it: %w", id, err)
			}
		}
		return nil
	})

	all := make(map[string]*mapping.Recording)
	for _, mine := range ends {
		for id, r := range mine {
			all[id] = r
		}
	}

	bothWays(t, x, func() {
		for offset := 0; offset < len(all)+100; offset += 100 {
			q := index.Query{Scope: here, Offset: offset, Limit: 100}
			page, err := index.Find(t.Context(), x, q)
			if err == nil {
				err = CheckPage(all, q, page)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// testIsolation moves a recording between two regions while searches look at both: each finds it at
// most once, and whole.
func testIsolation(t *testing.T, fresh Opener) {
	rounds := Sized(200, 30)
	x := start(t, fresh)
	put(t, x, center, New("a", "west", 1000), index.Created)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	parallel(t, 3, func(worker int) error {
		if worker == 0 {
			defer stop()
			for i := range rounds {
				r := New("a", []string{"west", "east"}[i%2], 1000)
				r.CallerPhoneNumber = r.Region
				if _, err := x.Put(t.Context(), center, r); err != nil {
					return err
				}
			}
			return nil
		}
		for ctx.Err() == nil {
			for _, region := range []string{"west", "east"} {
				page, err := index.Find(t.Context(), x, index.Query{Scope: here, Limit: 10})
				if err != nil {
					return err
				}
				if n := len(page.Recordings); n > 1 || page.More {
					return fmt.Errorf("%d recordings of one id were found, more %v", n, page.More)
				}
				for _, r := range page.Recordings {
					if r.Region != region || r.CallerPhoneNumber != region && r.CallerPhoneNumber != "+16504668888" {
						return fmt.Errorf("a search in %q found %q of %q", region, r.CallerPhoneNumber, r.Region)
					}
				}
			}
		}
		return nil
	})
}

// testContext: a context that has ended ends what is read. A Put may happen all the same, or not.
func testContext(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	put(t, x, center, New("a", region, 1000), index.Created)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, getErr := x.Get(ctx, here, "a")
	_, searchErr := index.Find(ctx, x, index.Query{Scope: here, Limit: 1})
	scanErr := x.Scan(ctx, func(string, *mapping.Recording) error { return nil })
	for name, err := range map[string]error{"Get": getErr, "Search": searchErr, "Scan": scanErr} {
		if err == nil || errors.Is(err, index.ErrNotFound) {
			t.Errorf("%s with a context that has ended: %v", name, err)
		}
	}

	// It may have happened: that is no error, either.
	if _, err := x.Put(ctx, center, New("b", region, 1000)); err == nil {
		wantFound(t, x, center, region, "a b", "startTime=0")
	}
	wantGet(t, x, center, region, New("a", region, 1000))
}

// testClosed: a closed index refuses everything as not available, and can be closed twice.
func testClosed(t *testing.T, fresh Opener) {
	x := Ready(t, fresh(t)(t))
	put(t, x, center, New("a", region, 1000), index.Created)
	if err := x.Close(); err != nil {
		t.Fatalf("closing it: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Errorf("closing it again: %v", err)
	}
	_, putErr := x.Put(t.Context(), center, New("b", region, 1000))
	_, getErr := x.Get(t.Context(), here, "a")
	_, searchErr := index.Find(t.Context(), x, index.Query{Scope: here, Limit: 1})
	for name, err := range map[string]error{
		"Put": putErr, "Get": getErr, "Search": searchErr,
		"Delete": x.Delete(t.Context(), center, "a"),
		"Scan":   x.Scan(t.Context(), func(string, *mapping.Recording) error { return nil }),
	} {
		if !errors.Is(err, index.ErrUnavailable) {
			t.Errorf("%s of a closed index: %v, want ErrUnavailable", name, err)
		}
	}
}

// testStatus: where all is well, an index says so, and once it has settled nothing is pending.
func testStatus(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	for i := range 10 {
		put(t, x, center, New(fmt.Sprint(i), region, 1000), index.Created)
	}
	Settle(t, x)
	if s := x.Status(); !s.Ready || s.Reason != "" || s.DiskFull || s.Pending != 0 {
		t.Errorf("the status of an index where all is well: %+v", s)
	}
}

// RunChanges runs the part of the suite that polls for changes, for an index whose clock is odd.
func RunChanges(t *testing.T, fresh Opener) { testChanges(t, fresh) }

// testChanges polls for changes while several write, one by one and in groups: whoever goes on from
// the time of the last change that they saw misses none.
func testChanges(t *testing.T, fresh Opener) {
	const writers = 6
	rounds := Sized(120, 15)
	x := start(t, fresh)
	written := make(chan struct{})
	var polled map[string]string
	var pollErr error
	var poller sync.WaitGroup
	poller.Go(func() { polled, pollErr = poll(t, x, written) })

	want := make([]map[string]string, writers)
	defer poller.Wait()
	parallel(t, writers, func(writer int) error {
		want[writer] = make(map[string]string)
		for i := range rounds {
			var all []*mapping.Recording
			for n := range 1 + writer*i%7 {
				r := New(fmt.Sprintf("%d-%d", writer, (i+n)%20), region, mapping.Time(1000*n))
				r.CallerPhoneNumber = fmt.Sprintf("%d.%d", i, n)
				all, want[writer][r.ID] = append(all, r), r.CallerPhoneNumber
			}
			for _, result := range x.PutAll(t.Context(), center, all, index.PutOptions{}) {
				if result.Err != nil {
					return result.Err
				}
			}
		}
		return nil
	})
	close(written)
	poller.Wait()

	if pollErr != nil {
		t.Fatal(pollErr)
	}
	for _, recordings := range want {
		for id, caller := range recordings {
			if polled[id] != caller {
				t.Errorf("the last change of %q that was seen is %q, want %q", id, polled[id], caller)
			}
		}
	}
}

// poll asks for what has changed since the last change that it saw, until it has seen all that was
// there when done was closed. It returns the caller of each recording as it was seen last.
func poll(t *testing.T, x Index, done <-chan struct{}) (seen map[string]string, err error) {
	seen = make(map[string]string)
	since := mapping.Time(0)
	for ended := false; ; {
		select {
		case <-done:
			ended = true
		default:
		}

		q := index.Query{Scope: here, Order: index.OldestChangeFirst, Limit: 100}
		q.Criteria.ChangedSince = &since
		page, err := index.Find(t.Context(), x, q)
		if err != nil {
			return nil, err
		}
		last := since
		for _, r := range page.Recordings {
			if r.ChangedTime < last {
				return nil, fmt.Errorf("%q of %v comes behind a change of %v", r.ID, r.ChangedTime, last)
			}
			last, seen[r.ID] = r.ChangedTime, r.CallerPhoneNumber
		}
		if page.More && last == since {
			return nil, fmt.Errorf("a page of 100 does not get beyond %v", since)
		}
		if ended && !page.More {
			return seen, nil
		}
		since = last
	}
}
