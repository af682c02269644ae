package opensearch

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/opensearch/client"
	"recordings/index/opensearch/job"
	"recordings/mapping"
)

// madeUp are the two copies of the one shard of a cluster that is made up: the ids of the recordings that each shows,
// with the numbers of their last changes.
type madeUp struct {
	primary, replica map[string]int64
	now              map[string]int64 // what the primary copy has, whether it shows that or not
}

// madeUpDocument is a document of the cluster that is made up.
func madeUpDocument(t *testing.T, id string, number int64) numbered {
	t.Helper()
	text := fmt.Sprintf(`{"id":%q,"callerPhoneNumber":"+1","dialedPhoneNumber":"+2","region":"west","mediaFiles":[{`+
		`"mediaDescriptor":{"storage":"webDAV","path":"http://a/b"},"callUUID":"u","startTime":"2013-05-17T19:45:32Z",`+
		`"stopTime":"2013-05-17T19:45:33Z"}],"eventHistory":[]}`, id)
	r, err := mapping.DecodeStored([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	k := keyOf("cc", id)
	n := numbered{ID: k.doc, Routing: k.routing, Number: number, Source: source{ContactCenter: "cc", Record: text}}
	n.Fields = make(map[string][]any)
	for field, values := range newDocument("cc", r, nil).values() {
		for _, v := range values {
			n.Fields[field] = append(n.Fields[field], v)
		}
	}
	return n
}

// serve answers as such a cluster would, and returns a client of it.
func (m *madeUp) serve(t *testing.T) *client.Client {
	documents := func(of map[string]int64) (all []numbered) {
		for id, number := range of {
			all = append(all, madeUpDocument(t, id, number))
		}
		return all
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any
		switch {
		case strings.HasPrefix(r.URL.Path, "/_cluster/state/"):
			shards := object{"0": []object{{"primary": true, "node": "p"}, {"primary": false, "node": "r"}}}
			answer = object{"routing_table": object{"indices": object{"x": object{"shards": shards}}}}
		case strings.HasSuffix(r.URL.Path, "/_stats"):
			one := object{"routing": object{"primary": true, "node": "p"},
				"seq_no": object{"max_seq_no": 99, "global_checkpoint": 99}}
			answer = object{"indices": object{"x": object{"shards": object{"0": []object{one}}}}}
		case strings.HasSuffix(r.URL.Path, "/_refresh"):
			answer = object{"_shards": shards{Total: 2, Successful: 2}}
		case strings.HasSuffix(r.URL.Path, "/_search"):
			of := m.primary
			if strings.HasSuffix(r.URL.Query().Get("preference"), "_only_nodes:r") {
				of = m.replica
			}
			answer = object{"_shards": shards{Total: 1, Successful: 1}, "hits": object{"hits": documents(of)}}
		case strings.HasSuffix(r.URL.Path, "/_mget"):
			var asked struct {
				Docs []struct {
					ID string `json:"_id"`
				} `json:"docs"`
			}
			if err := json.UnmarshalRead(r.Body, &asked); err != nil {
				t.Error(err)
			}
			var docs []versioned
			for _, d := range asked.Docs {
				v := versioned{ID: d.ID}
				for id, number := range m.now {
					if keyOf("cc", id).doc == d.ID {
						v.Found, v.Seq = true, number
					}
				}
				docs = append(docs, v)
			}
			answer = object{"docs": docs}
		default:
			t.Errorf("nobody expects %s", r.URL.Path)
		}
		if err := json.MarshalWrite(w, answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.Options{Addresses: []string{server.URL}, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestCopiesDisagree: what one copy of a shard alone has is a finding, unless it was changed meanwhile. No way is known
// to have a real cluster do that.
func TestCopiesDisagree(t *testing.T) {
	type numbers = map[string]int64
	both, a := numbers{"a": 1, "b": 2}, numbers{"a": 1}
	const missing, extra = "missing in the index ", "in the index without a recording "
	for name, c := range map[string]struct {
		madeUp
		want string
	}{
		"alike":               {madeUp{both, both, both}, ""},
		"lacking":             {madeUp{both, a, both}, missing + "b"},
		"changed":             {madeUp{both, a, numbers{"a": 1, "b": 7}}, ""},
		"deleted":             {madeUp{both, numbers{"b": 2}, numbers{"b": 2}}, ""},
		"too many":            {madeUp{a, both, a}, extra + "b"},
		"here since":          {madeUp{a, both, both}, ""},
		"an older one":        {madeUp{both, numbers{"a": 1, "b": 0}, both}, "different in the index b"},
		"one of each":         {madeUp{a, numbers{"b": 2}, a}, extra + "b, " + missing + "a"},
		"only in the replica": {madeUp{nil, both, nil}, extra + "a, " + extra + "b"},
	} {
		t.Run(name, func(t *testing.T) {
			e := &engine{log: zerolog.Nop(), client: c.serve(t), closing: t.Context()}
			w := &verifying{x: &records{engine: e}, Held: &job.Held[verification, *verification]{}}
			w.State.Index, w.State.Sampled = "x", sampleSize
			copies := []shardCopy{{"p", "one", true}, {"r", "two", false}}
			if err := w.compare(t.Context(), span{index: "x", shard: "0", from: 0, until: 100}, copies); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range w.State.Findings {
				if f.ContactCenter != "cc" || !strings.HasSuffix(f.Detail, "in the copy of shard 0 on two") {
					t.Errorf("a finding says %+v", f)
				}
				got = append(got, string(f.Kind)+" "+f.ID)
			}
			slices.Sort(got)
			if text := strings.Join(got, ", "); text != c.want || w.State.Problems != uint64(len(got)) {
				t.Errorf("found is %q, want %q", text, c.want)
			}
		})
	}
}

// TestMiscounted: contact centers of which a search finds another number than have it as a value.
func TestMiscounted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Aggs map[string]any `json:"aggs"`
		}
		if r.URL.Path == "/_search" {
			if err := json.UnmarshalRead(r.Body, &asked); err != nil {
				t.Error(err)
			}
		}
		switch {
		case asked.Aggs["centers"] != nil:
			fmt.Fprint(w, `{"aggregations": {"centers": {"buckets": [{"key": {"center": "b"}, "doc_count": 2},
				{"key": {"center": "a"}, "doc_count": 1}, {"key": {"center": "c"}, "doc_count": 3}]}}}`)
		case asked.Aggs["each"] != nil: // in the order of their names
			fmt.Fprint(w, `{"aggregations": {"each": {"buckets": [
				{"doc_count": 1}, {"doc_count": 5}, {"doc_count": 3}]}}}`)
		default:
			fmt.Fprint(w, `{"pit_id": "p"}`)
		}
	}))
	defer server.Close()
	c, err := client.New(client.Options{Addresses: []string{server.URL}, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	x := &records{engine: &engine{log: zerolog.Nop(), client: c, closing: t.Context()}}
	w := &verifying{x: x, Held: &job.Held[verification, *verification]{}}
	if err := w.count(t.Context(), serving("x", Schema)); err != nil {
		t.Fatal(err)
	}
	want := index.Finding{Kind: index.Different, ContactCenter: "b",
		Detail: "2 recordings are of the contact center, and a search for it finds 5"}
	if got := w.State.Findings; len(got) != 1 || got[0] != want {
		t.Errorf("found is %+v", got)
	}
}
