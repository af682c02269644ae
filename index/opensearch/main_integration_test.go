//go:build integration

package opensearch_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"recordings/index/indextest"
	"recordings/index/opensearch"
	"recordings/index/opensearch/client"
	"recordings/internal/opensearchtest"
)

// TestMain ends the cluster that the tests of this package share.
func TestMain(m *testing.M) {
	if os.Getenv("RECORDINGS_JOB") != "" {
		if err := jobAlone(); err != nil {
			panic(err)
		}
	}
	// The tests wait for the cluster most of the time.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code := m.Run()
	if running != nil {
		if err := running.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "ending OpenSearch:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// running is the cluster of the tests; nil until one of them wants it.
var (
	running *opensearchtest.Cluster
	start   = sync.OnceValue(func() (err error) {
		running, err = opensearchtest.Start(context.Background(), opensearchtest.Options{Nodes: 3})
		return err
	})
)

// addresses are those of a cluster of three nodes, or of the one that RECORDINGS_OPENSEARCH names: a developer
// may have one running.
func addresses(t testing.TB) []string {
	t.Helper()
	if given := os.Getenv("RECORDINGS_OPENSEARCH"); given != "" {
		return strings.Split(given, ",")
	}
	if err := start(); err != nil {
		t.Fatalf("starting OpenSearch: %v", err)
	}
	return running.Addresses()
}

// places counts the indexes of the tests of this process.
var places atomic.Int32

// place is where a test has its indexes, under a name of their own; they are deleted in the end.
func place(t testing.TB, shards int) opensearch.Options {
	t.Helper()
	at := addresses(t)
	o := opensearch.Options{
		Cluster: client.Options{Addresses: at, Log: zerolog.Nop()},
		Index:   fmt.Sprintf("test%d-%d", os.Getpid(), places.Add(1)),
		Shards:  shards, Replicas: 1,
		Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel),
	}
	if len(at) == 1 {
		o.Replicas = -1
	}
	t.Cleanup(func() { remove(t, o) })
	return o
}

// remove deletes the indexes of a place, if they are there.
func remove(t testing.TB, o opensearch.Options) {
	t.Helper()
	path := fmt.Sprintf("/%s-*?ignore_unavailable=true", o.Index)
	ask(t, o.Cluster.Addresses, http.MethodDelete, path, nil, nil)
}

// open opens the index of a place.
func open(t testing.TB, o opensearch.Options) *opensearch.Index {
	t.Helper()
	x, err := opensearch.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("opening the index: %v", err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Errorf("closing the index: %v", err)
		}
	})
	return x
}

// opener makes places for the suite.
func opener(shards int) indextest.Opener {
	return func(t testing.TB) func(testing.TB) indextest.Index { return opening(place(t, shards)) }
}

// inTurn makes places of which there is one at a time: each is deleted when the next one is wanted.
func inTurn(shards int) indextest.Opener {
	var last *opensearch.Options
	return func(t testing.TB) func(testing.TB) indextest.Index {
		if last != nil {
			remove(t, *last)
		}
		o := place(t, shards)
		last = &o
		return opening(o)
	}
}

// opening opens the index of a place, which the suite closes.
func opening(o opensearch.Options) func(testing.TB) indextest.Index {
	return func(t testing.TB) indextest.Index {
		t.Helper()
		x, err := opensearch.Open(t.Context(), o)
		if err != nil {
			t.Fatalf("opening the index: %v", err)
		}
		return x
	}
}

// ask asks the cluster itself.
func ask(t testing.TB, at []string, method, path string, body, to any) {
	t.Helper()
	c, err := client.New(client.Options{Addresses: at, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := client.Request{Method: method, Path: path, Safe: true}
	if body != nil {
		if r.Body, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := c.Do(context.Background(), r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if to != nil {
		if err := json.Unmarshal(answer.Body, to); err != nil {
			t.Fatal(err)
		}
	}
}
