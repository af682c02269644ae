package opensearch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
	"unicode/utf16"

	"github.com/go-json-experiment/json"

	"recordings/index"
	"recordings/index/opensearch/client"
)

// shards is on how many shards a request has worked.
type shards struct {
	Total      int `json:"total"`
	Successful int `json:"successful"`
	Failed     int `json:"failed"`
}

// retryPause is how long to wait before something is tried again.
const retryPause = 50 * time.Millisecond

// errPartial says that only part of an answer has come.
var errPartial = errors.New("some shards did not answer")

// ask makes a request that is safe to be made again, and reads the answer.
func (x *engine) ask(ctx context.Context, method, path string, body, to any) error {
	return x.askBounded(ctx, method, path, body, to, 0)
}

// askBounded is ask with a bound for the answer, in bytes; 0: there is none.
func (x *engine) askBounded(ctx context.Context, method, path string, body, to any, most int64) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body, json.Deterministic(true)); err != nil {
			return fmt.Errorf("encoding for the cluster: %w", err)
		}
	}
	answer, err := x.client.Do(ctx, client.Request{Method: method, Path: path, Body: text, Safe: true, Most: most})
	if err != nil {
		return err
	}
	if to == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Body, to); err != nil {
		return fmt.Errorf("reading an answer of the cluster: %w", err)
	}
	return nil
}

// again waits a little if what went wrong may go well later, and reports whether to try again.
func (x *engine) again(ctx context.Context, err error) bool {
	var status *client.StatusError
	if !errors.Is(err, errPartial) && !(errors.As(err, &status) && status.Temporary()) {
		return false
	}
	select {
	case <-time.After(retryPause):
		return true
	case <-ctx.Done():
		return false
	}
}

// write is one document that is written or deleted.
type write struct {
	index   string
	alias   bool // it is written only if the name is that of an alias
	doc     string
	routing string // empty: none
	body    any    // nil: it is deleted

	// on is what the document must be for the write to take effect; nil: there must be none.
	on *version
	// always says that the write takes effect whatever is there.
	always bool
	// external is the version that the document gets, if it has an older one or is not there; 0: none.
	external int64
	// turn is the version that the document gets, if it has an older one or the same, or is not there; 0: none.
	turn int64
}

// version is the number of a version of a document.
type version struct{ seq, term int64 }

// verdict is what became of a write.
type verdict int

const (
	written   verdict = iota // it is durable on all copies that there should be
	conflict                 // the document was not as it must be
	busy                     // it took no effect, and may do so later
	lost                     // nobody knows
	elsewhere                // it took no effect, as the index is not in use any more, or is just being left
	full                     // the disks are full
	failed                   // it is wrong
)

// result is a verdict, with the version that was written, or with an error.
type result struct {
	verdict verdict
	version version
	err     error
}

// wroteItem is what the cluster says of a write.
type wroteItem struct {
	Status int          `json:"status"`
	Result string       `json:"result"`
	Seq    int64        `json:"_seq_no"`
	Term   int64        `json:"_primary_term"`
	Shards shards       `json:"_shards"`
	Error  client.Cause `json:"error"`
}

// writeTimeout bounds one try of a group of writes.
const writeTimeout = 10 * time.Second

// bulk makes writes in one request, and says what became of each. except is a node that should not be
// asked; it returns the node that was asked, if it has answered.
func (x *engine) bulk(ctx context.Context, writes []write, except string) (results []result, node string, err error) {
	var body bytes.Buffer
	for i := range writes {
		if err := writes[i].append(&body); err != nil {
			return nil, "", err
		}
	}
	results = make([]result, len(writes))
	ctx, cancel := context.WithTimeoutCause(ctx, writeTimeout, client.ErrPatience)
	defer cancel()
	answer, err := x.client.Do(ctx, client.Request{
		Method: client.Post, Path: "/_bulk?timeout=5s", Body: body.Bytes(), Lines: true, Except: except,
	})
	if err != nil {
		return x.wholly(results, err), "", nil
	}

	var said struct {
		Items []map[string]wroteItem `json:"items"`
	}
	if err := json.Unmarshal(answer.Body, &said); err != nil || len(said.Items) != len(writes) {
		err = errors.Join(fmt.Errorf("the cluster has answered %d of %d writes", len(said.Items), len(writes)), err)
		return nil, "", err
	}
	alone := false
	for i, of := range said.Items {
		for _, item := range of {
			results[i] = judge(&item)
			alone = alone || results[i].verdict == written && item.Shards.Successful < item.Shards.Total
		}
	}
	if alone {
		x.confirm(ctx, writes, said.Items, results)
	}
	return results, answer.Node, nil
}

// wholly gives all writes the verdict of a request that failed as a whole.
func (x *engine) wholly(results []result, err error) []result {
	all := result{verdict: failed, err: x.failed("writing", err)}
	var status *client.StatusError
	var lostAnswer *client.LostError
	var unreachable *client.UnreachableError
	switch {
	case errors.As(err, &status) && status.DiskFull():
		all.verdict = full
	case errors.As(err, &status) && status.Refused():
		all.verdict = busy
	case errors.As(err, &unreachable) && !unreachable.Lost && !errors.As(err, &lostAnswer):
		all.verdict = busy
	case errors.As(err, &status) && !status.Temporary():
	default:
		all.verdict = lost
	}
	for i := range results {
		results[i] = all
	}
	return results
}

// append appends a write as the lines of a bulk.
func (w *write) append(b *bytes.Buffer) error {
	of := object{"_index": w.index, "_id": w.doc}
	if w.routing != "" {
		of["routing"] = w.routing
	}
	kind := "create"
	switch {
	case w.body == nil:
		kind = "delete"
	case w.always, w.on != nil, w.external > 0, w.turn > 0:
		kind = "index"
	}
	if w.alias && w.body != nil {
		of["require_alias"] = true
	}
	if w.external > 0 {
		of["version"], of["version_type"] = w.external, "external"
	}
	if w.turn > 0 {
		of["version"], of["version_type"] = w.turn, "external_gte"
	}
	if w.on != nil {
		of["if_seq_no"], of["if_primary_term"] = w.on.seq, w.on.term
	}
	if err := appendLine(b, object{kind: of}); err != nil {
		return err
	}
	if w.body == nil {
		return nil
	}
	return appendLine(b, w.body)
}

// judge says what became of a write, but for whether enough copies have it.
func judge(item *wroteItem) result {
	r := result{version: version{item.Seq, item.Term}}
	root := item.Error.Root()
	switch {
	case item.Status < client.StatusMultipleChoices:
		r.verdict = written
	case item.Status == client.StatusNotFound && item.Result == "not_found":
		r.verdict = conflict // there was nothing to delete
	case item.Status == client.StatusConflict:
		r.verdict = conflict
	case client.IsDiskFull(item.Status, root.Type):
		r.verdict = full
	case item.Status == client.StatusNotFound && root.Type == moved,
		item.Status == client.StatusForbidden && root.Type == "cluster_block_exception":
		r.verdict, r.err = elsewhere, fmt.Errorf("%w: the index takes no writes", index.ErrUnavailable)
	case item.Status == client.StatusTooManyRequests:
		r.verdict = busy
	case item.Status >= client.StatusInternalServerError:
		r.verdict = lost
	default:
		r.verdict, r.err = failed, fmt.Errorf("the cluster refuses a document: %d %s", item.Status, root.Type)
	}
	return r
}

// indexState is what the cluster manager knows of an index.
type indexState struct {
	RoutingShards int              `json:"routing_num_shards"`
	Terms         map[string]int64 `json:"primary_terms"`
	Settings      struct {
		Index struct {
			Shards    string `json:"number_of_shards"`
			Partition string `json:"routing_partition_size"`
		} `json:"index"`
	} `json:"settings"`
}

// confirm looks at writes that fewer copies have than there should be. Such an answer is none yet: a node
// that was cut off, or frozen, may take itself for the primary one still, and what it alone has is lost
// when it hears that it is not. The cluster manager knows: while the term of the shard is the one of the
// answer, nobody has taken its place.
func (x *engine) confirm(ctx context.Context, writes []write, items []map[string]wroteItem, results []result) {
	var state struct {
		Metadata struct {
			Indices map[string]indexState `json:"indices"`
		} `json:"metadata"`
	}
	path := "/_cluster/state/metadata?filter_path=metadata.indices.*.routing_num_shards," +
		"metadata.indices.*.primary_terms,metadata.indices.*.settings.index.number_of_shards," +
		"metadata.indices.*.settings.index.routing_partition_size"
	err := x.ask(ctx, client.Get, path, nil, &state)
	for i, of := range items {
		for _, item := range of {
			if results[i].verdict != written || item.Shards.Successful >= item.Shards.Total {
				continue
			}
			s, ok := state.Metadata.Indices[concrete(writes[i].index)]
			if err == nil && ok && s.Terms[strconv.Itoa(s.shardOf(writes[i].routing, writes[i].doc))] == item.Term {
				continue
			}
			results[i].verdict = lost
		}
	}
}

// shardOf is the number of the shard of a document, as the cluster computes it.
func (s *indexState) shardOf(routing, doc string) int {
	count, _ := strconv.Atoi(s.Settings.Index.Shards)
	partition, _ := strconv.Atoi(s.Settings.Index.Partition)
	if count <= 0 || s.RoutingShards < count {
		return -1
	}
	if routing == "" {
		routing = doc
	}
	hash := murmur3(routing)
	if partition > 1 {
		hash += floorMod(murmur3(doc), int32(partition))
	}
	return int(floorMod(hash, int32(s.RoutingShards))) / (s.RoutingShards / count)
}

func floorMod(a, n int32) int32 { return (a%n + n) % n }

// murmur3 is the hash of 32 bits of that name, of a string in UTF-16, little endian.
func murmur3(s string) int32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = append(b, byte(unit), byte(unit>>8))
	}

	var h uint32
	mix := func(k uint32) uint32 {
		k *= c1
		return (k<<15 | k>>17) * c2
	}
	n := len(b)
	for ; len(b) >= 4; b = b[4:] {
		h ^= mix(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
		h = (h<<13|h>>19)*5 + 0xe6546b64
	}
	if len(b) > 0 { // two bytes, as all units have two
		h ^= mix(uint32(b[0]) | uint32(b[1])<<8)
	}
	h ^= uint32(n)
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	h ^= h >> 16
	return int32(h)
}

// clock gives changes their times, which never go back. Few have the same one, so that whoever goes on
// from the last of a page gets on.
type clock struct {
	mu   sync.Mutex
	last int64 // milliseconds since 1970
	same int   // how many changes got that one
}

// maxSimultaneous is how many changes of a node get the same time. A page of a search has more, even where
// some nodes write at a time.
const maxSimultaneous = 16

// next is the time of the next change, which is not before a given one.
func (c *clock) next(atLeast int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := max(time.Now().UnixMilli(), atLeast)
	switch {
	case now > c.last:
		c.last, c.same = now, 1
	case c.same < maxSimultaneous:
		c.same++
	default:
		c.last, c.same = c.last+1, 1
	}
	return c.last
}
