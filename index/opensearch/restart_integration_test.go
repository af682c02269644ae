//go:build integration

package opensearch_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"recordings/index"
	"recordings/index/indextest"
	"recordings/index/opensearch"
	"recordings/mapping"
)

// oracle knows what was answered.
type oracle struct {
	mu    sync.Mutex
	acked map[string]bool
	doubt map[string]bool // had an error, and may be there or not
	n     atomic.Int64    // of the acknowledged ones
}

// write puts recordings of its own, each a new one, until the context ends.
func (o *oracle) write(ctx context.Context, x *opensearch.Index, writer int) {
	for i := 0; ctx.Err() == nil; i++ {
		id := fmt.Sprintf("%d-%d", writer, i)
		outcome, err := x.Put(ctx, center, indextest.New(id, region, mapping.Time(i)))
		o.mu.Lock()
		if err == nil && outcome == index.Created {
			o.acked[id] = true
			o.n.Add(1)
		} else {
			o.doubt[id] = true
		}
		o.mu.Unlock()
	}
}

// await waits until so many more writes were acknowledged.
func (o *oracle) await(t *testing.T, more int64, within time.Duration) {
	t.Helper()
	want := o.n.Load() + more
	deadline := time.Now().Add(within)
	for o.n.Load() < want {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d writes were acknowledged within %v", o.n.Load(), want, within)
		}
		time.Sleep(10 * time.Millisecond) // between two looks at a condition
	}
}

// check compares what is there with what was answered.
func (o *oracle) check(t *testing.T, x *opensearch.Index) {
	t.Helper()
	there := make(map[string]int)
	err := x.Scan(t.Context(), func(_ string, r *mapping.Recording) error { there[r.ID]++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	for id := range o.acked {
		if there[id] != 1 {
			lost++
			t.Errorf("%s was acknowledged, and is there %d times", id, there[id])
		}
	}
	for id := range there {
		if !o.acked[id] && !o.doubt[id] {
			t.Errorf("%s is there, and nobody has put it", id)
		}
	}
	t.Logf("%d acknowledged, %d lost, %d had an error", len(o.acked), lost, len(o.doubt))
}

// awaitStatus waits until an index says something of itself.
func awaitStatus(t *testing.T, x *opensearch.Index, what string, is func(index.Status) bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !is(x.Status()) {
		if time.Now().After(deadline) {
			t.Fatalf("the status does not say %s, but %+v", what, x.Status())
		}
		time.Sleep(10 * time.Millisecond) // between two looks at a condition
	}
}

// TestLostNode kills a node of the cluster under load. Writes go on while copies are missing, on the word of the
// cluster manager, and nothing that was acknowledged is lost when the node comes back.
func TestLostNode(t *testing.T) {
	if os.Getenv("RECORDINGS_OPENSEARCH") != "" {
		t.Skip("it kills a node of its own cluster, and RECORDINGS_OPENSEARCH names another")
	}
	o := place(t, 3)
	x := open(t, o)
	known := &oracle{acked: make(map[string]bool), doubt: make(map[string]bool)}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() { known.write(ctx, x, w) })
	}
	defer writers.Wait()
	defer stop()

	known.await(t, 50, time.Minute)
	awaitStatus(t, x, "that there are three nodes with all shards", func(s index.Status) bool {
		return s.Cluster != nil && s.Cluster.Health == "green" && s.Cluster.Nodes == 3 && s.Cluster.Shards > 0 &&
			s.Cluster.Unassigned == 0
	})
	node := running.Nodes[2]
	if err := node.Kill(); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, x, "that copies are missing", func(s index.Status) bool {
		return s.Ready && s.Reason != "" && s.Cluster.Health == "yellow" && s.Cluster.Nodes == 2 &&
			s.Cluster.Unassigned+s.Cluster.Starting > 0
	})
	known.await(t, 50, time.Minute)
	if err := node.Restart(); err != nil {
		t.Fatal(err)
	}
	patient, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := node.Await(patient); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, x, "that all is well", func(s index.Status) bool { return s.Ready && s.Reason == "" })
	known.await(t, 50, time.Minute)
	stop()
	writers.Wait()
	known.check(t, x)
}
