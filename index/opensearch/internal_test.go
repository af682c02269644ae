package opensearch

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"

	"recordings/index/opensearch/client"
	"recordings/index/query"
	"recordings/mapping"
)

// TestTranslate: the tree of package query in the cluster's own terms. What it finds is proven by the suite.
func TestTranslate(t *testing.T) {
	const (
		scope = `{"term":{"contactCenter":"cc"}},{"term":{"region":"west"}}`
		long  = `{"term":{"long":true}}`
	)
	texts := func(q string) string { return `,{"bool":{"minimum_should_match":1,"should":[` + q + `,` + long + `]}}` }
	for _, c := range []struct {
		params map[string]string
		apart  bool
		loose  bool
		want   string
	}{
		{nil, false, false, ""},
		{map[string]string{"startTime": "0"}, false, false, `,{"range":{"startTime":{"gte":0}}}`},
		{map[string]string{"endTime": "2013-05-17T19:45:32Z"}, false, false,
			`,{"range":{"stopTime":{"lte":1368819932000}}}`},
		{map[string]string{"startedBefore": "2013-05-17T19:45:32Z"}, false, false,
			`,{"range":{"startTime":{"lt":1368819932000}}}`},
		{map[string]string{"endedAfter": "2013-05-17T19:45:32Z"}, false, false,
			`,{"range":{"stopTime":{"gt":1368819932000}}}`},
		{map[string]string{"minDuration": "5"}, false, false, `,{"range":{"duration":{"gte":5}}}`},
		{map[string]string{"nonDelete": "true"}, false, false, `,{"term":{"nonDelete":"true"}}`},
		{map[string]string{"callUUID": "a*"}, false, false, `,{"prefix":{"callUUID":"a"}}`},
		{map[string]string{"callUUID": "*"}, false, false, `,{"exists":{"field":"callUUID"}}`},
		{map[string]string{"userName": "Alice"}, false, false, texts(`{"term":{"userName":"alice"}}`)},
		{map[string]string{"userName": "**"}, false, false, texts(`{"exists":{"field":"userName"}}`)},
		{map[string]string{"userData": `a**b\*`}, false, false,
			texts(`{"wildcard":{"userData.w":{"value":"a*b\\\\*"}}}`)},
		{map[string]string{"userData": `"\*.?"*x`}, false, false,
			texts(`{"wildcard":{"userData.w":{"value":"\\*.\\?*x"}}}`)},
		{map[string]string{"userData": "a*b*c"}, true, true, texts(`{"bool":{"filter":[` +
			`{"wildcard":{"userData.w":{"value":"a*"}}},{"wildcard":{"userData.w":{"value":"*b*"}}},` +
			`{"wildcard":{"userData.w":{"value":"*c"}}}]}}`)},
		{map[string]string{"userData": "a*c"}, true, false, texts(`{"wildcard":{"userData.w":{"value":"a*c"}}}`)},
		{map[string]string{"userDataKey.Queue": "Billing"}, false, false,
			texts(`{"term":{"userDataByKey":"billing\nqueue"}}`)},
		{map[string]string{"userDataKey.Queue": "*"}, false, false, texts(`{"term":{"userDataByKey":"\nqueue"}}`)},
		{map[string]string{"userDataKey.Queue": "b*g"}, true, false,
			texts(`{"wildcard":{"userDataByKey":{"value":"b*g\nqueue"}}}`)},
		{map[string]string{"userDataKey.Queue": "a*b*c"}, true, true, texts(`{"bool":{"filter":[` +
			`{"wildcard":{"userDataByKey":{"value":"a*"}}},{"wildcard":{"userDataByKey":{"value":"*b*"}}},` +
			`{"wildcard":{"userDataByKey":{"value":"*c\nqueue"}}}]}}`)},
		{map[string]string{"userData": "a\uffff"}, false, true, texts(`{"term":{"userData":"a` + "\uffff" + `"}}`)},
	} {
		criteria, err := mapping.ParseCriteria(c.params)
		if err != nil {
			t.Fatal(err)
		}
		got, err := translate(query.New("cc", "west", nil, &criteria), c.apart)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(got.object(), json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"bool":{"filter":[` + scope + c.want + `]}}`; string(text) != want || got.loose != c.loose {
			t.Errorf("%v:\n got %s, loose %t\nwant %s", c.params, text, got.loose, want)
		}
	}
}

// TestExisting: who means an index that there is gets no new one where its name is wrong, and nothing is written.
func TestExisting(t *testing.T) {
	var written atomic.Int32
	nodes := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet:
			written.Add(1)
			w.WriteHeader(http.StatusBadRequest)
		case r.URL.Path != "/_cluster/health":
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, `{}`)
	}))
	defer nodes.Close()

	o := Options{Cluster: client.Options{Addresses: []string{nodes.URL}}, Index: "calls", Existing: true}
	_, err := Open(t.Context(), o)
	foreign, ok := errors.AsType[*ForeignError](err)
	if !ok || !strings.Contains(foreign.Message, "has no index calls ") || written.Load() > 0 {
		t.Errorf("%v, and %d requests to write", err, written.Load())
	}

	o.Existing = false
	if _, err := Open(t.Context(), o); err == nil || written.Load() == 0 {
		t.Errorf("an index that may be made is not: %v", err)
	}
}

// TestMurmur3: the values are those of the engine's own tests.
func TestMurmur3(t *testing.T) {
	for text, want := range map[string]uint32{
		"hell": 0x5a0cb7c3, "hello": 0xd7c31989, "hello w": 0x22ab2984, "hello wo": 0xdf0ca123,
		"hello wor": 0xe7744d61, "The quick brown fox jumps over the lazy dog": 0xe07db09c,
		"The quick brown fox jumps over the lazy cog": 0x4e63d2ad,
	} {
		if got := uint32(murmur3(text)); got != want {
			t.Errorf("%q has %x, want %x", text, got, want)
		}
	}
}

// TestClock: times never go back, and few changes have the same one.
func TestClock(t *testing.T) {
	var c clock
	last, same := c.next(1<<50), 1
	for range 1000 {
		at := c.next(0)
		switch {
		case at < last:
			t.Fatalf("%d comes after %d", at, last)
		case at > last:
			last, same = at, 1
		default:
			same++
		}
		if same > maxSimultaneous {
			t.Fatalf("%d changes have the time %d", same, at)
		}
	}
}

// TestIdentifiers: what is cut off within a character is found by its beginning alone.
func TestIdentifiers(t *testing.T) {
	cut := valid([]string{"a", "ü\xc3", "日本\xe8\xaa"})
	if cut[0] != "a" || cut[1] != "ü\ufffd" || cut[2] != "日本\ufffd" {
		t.Errorf("%q", cut)
	}
}
