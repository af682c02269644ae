//go:build integration

package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/audit"
	"recordings/blob/blobtest"
	"recordings/cmd/recordings/internal/faulttest"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/mapping"
)

// How the test of evidence goes.
const (
	evidenceRounds  = 10 // in each of which one deletion goes on while things are done and the service is killed
	evidenceClients = 5
	evidenceSteps   = 240 // of all clients together
	evidenceIDs     = 40
	evidenceHot     = 4 // the first ids, to which half of all is done, so that clients meet
	evidenceFiles   = 5 // media files that all recordings share
)

// spellings are how a descriptor may name a media file below an origin.
var spellings = []func(origin string, file int) string{
	func(_ string, file int) string { return fmt.Sprintf("m/%d.wav", file) },
	func(origin string, file int) string { return fmt.Sprintf("%s/m/%d.wav", origin, file) },
	func(_ string, file int) string { return fmt.Sprintf("m/%%3%d.wav", file) }, // the digit is escaped
}

// evidenceLabels are those that recordings bear.
var evidenceLabels = []string{"keep", "old", "vip"}

// state is what a recording may be like. Sets are bits.
type state struct {
	present, held bool
	caller        int
	media         uint32 // of file f in spelling s: bit f*len(spellings)+s
	labels        uint32
	comments      remarks
}

// names reports whether a recording names a media file.
func (s state) names(file int) bool {
	return s.present && s.media>>(file*len(spellings))&(1<<len(spellings)-1) != 0
}

// remarks are the comments of a recording. Each has a number of its own, which stays when it is written anew,
// and the number of what was written last: as "1:3 2:2 ", by the first of them.
type remarks string

// remark is what is written as a comment.
func remark(n, version int) string { return fmt.Sprintf("remark %d as of %d", n, version) }

// each gives the comments by their numbers.
func (r remarks) each() map[int]int {
	all := map[int]int{}
	for _, one := range strings.Fields(string(r)) {
		var n, version int
		if _, err := fmt.Sscanf(one, "%d:%d", &n, &version); err != nil {
			panic(err) // only with and remarksOf make them
		}
		all[n] = version
	}
	return all
}

// has reports whether a comment is there.
func (r remarks) has(n int) bool {
	_, ok := r.each()[n]
	return ok
}

// with returns the comments when one is written, for the first time or anew.
func (r remarks) with(n, version int) remarks {
	all := r.each()
	all[n] = version
	return remarksOf(all)
}

// without returns the comments when one is deleted.
func (r remarks) without(n int) remarks {
	all := r.each()
	delete(all, n)
	return remarksOf(all)
}

func remarksOf(all map[int]int) remarks {
	var b strings.Builder
	for _, n := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%d:%d ", n, all[n])
	}
	return remarks(b.String())
}

// evidenceTest is one service that is killed again and again, and what it must keep.
type evidenceTest struct {
	*testing.T
	random    *rand.Rand
	file      string // of the configuration
	data      string
	retention string // its line of the configuration
	storage   *blobtest.Server
	client    *faulttest.Caller
	process   *process

	is      map[string]state // by id: what it is like, between rounds
	history history          // what is done to each in a round
	meant   map[string]story // by id: what it may have been like in a round
	job     func(state) bool // which recordings the deletion that goes on may delete; nil: none goes on

	mu    sync.Mutex     // guards what follows
	sent  map[string]int // by id: DELETEs that were sent
	did   map[string]int // by id: those that were answered by 200
	tally map[string]int // what happened

	written int                       // how many comments were written, for the first time or anew
	known   map[string]map[int]string // by id of the recording: the ids of its comments, by their numbers
}

// evidenceClient is one of those who do things at the same time.
type evidenceClient struct {
	*evidenceTest
	random *rand.Rand
}

// TestEvidence has several clients do things at random, and at once, to recordings that share media (post,
// merge, hold, release, label, comment, write a comment anew, delete it, delete, with media and without,
// read), while bulk deletions and retention go on, and kills the service at random moments. After each round
// there must be an order of what was done to each recording that explains all answers and what is there (see
// tell): so no recording that was under a hold is gone, and none of its comments. Media that a recording has
// named all the time is there; of each deletion matched is the sum of deleted, held, changed and failed, with
// each id once; and the audit log, whose chain is proven, has each deletion once, and each comment.
func TestEvidence(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	e := &evidenceTest{
		T: t, random: rand.New(rand.NewPCG(seed, 1)), storage: blobtest.NewServer(t, blobtest.WebDAV),
		client: &faulttest.Caller{HTTP: newClient(t)}, retention: "[]",
		is: map[string]state{}, sent: map[string]int{}, did: map[string]int{}, tally: map[string]int{},
		known: map[string]map[int]string{},
	}
	e.file, e.data = setup(t)
	e.start()
	e.defineLabels()
	for round := range faulttest.Times(t, evidenceRounds) {
		e.round(round)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}

	t.Logf("%v", e.tally)
	for _, what := range []string{
		"killed", "deleted by a job", "kept as held", "POST 403", "DELETE 403", "DELETE 200", "DELETE 404", "no answer",
		"GET 200", "GET 404", "at once", "comment 200", "comment 404", "rewrite 200", "rewrite 403", "rewrite 404",
		"uncomment 200", "uncomment 403", "uncomment 404",
	} {
		if e.tally[what] == 0 {
			t.Errorf("there was no %q: that is too little to prove anything", what)
		}
	}
}

// start starts the service, and waits until it searches.
func (e *evidenceTest) start() {
	e.Helper()
	origin := e.storage.URL + "/"
	storage := fmt.Sprintf("storage: {webDAV: {default: %q, origins: [{url: %q}]}}", origin, origin)
	text := testConfig(e.data, storage, "deletion_rate: 30", "retention: "+e.retention)
	if err := os.WriteFile(e.file, []byte(text), 0o600); err != nil {
		e.Fatal(err)
	}
	e.process = serveFile(e.T, e.file)
	e.client.URL = e.process.url(e.T)
	awaitReady(e.T, e.client.HTTP, e.client.URL, e.process)
}

// restart starts the service again after it was killed, or kills it first.
func (e *evidenceTest) restart() {
	e.Helper()
	e.process.kill()
	e.client.HTTP.CloseIdleConnections()
	e.start()
}

func (e *evidenceTest) defineLabels() {
	e.Helper()
	path := strings.TrimSuffix(faulttest.OpsRecordings, "/recordings") + "/recording-label-definitions"
	for _, name := range evidenceLabels {
		a, err := e.client.Call(e.Context(), "ops", http.MethodPost, path, fmt.Appendf(nil, `{"name":%q}`, name))
		if err != nil || a.Status != http.StatusCreated {
			e.Fatalf("defining a label: %d %s, %v", a.Status, a.Body, err)
		}
	}
}

// round begins from a known state, lets a deletion go on while things are done, and checks everything.
func (e *evidenceTest) round(n int) {
	e.Helper()
	e.fill()
	e.history = history{of: map[string][]*operation{}}
	label := evidenceLabels[1+n%2]
	e.job = func(s state) bool { return s.labels&(1<<slices.Index(evidenceLabels, label)) != 0 }
	with := e.random.IntN(3) > 0
	number := 0
	if n%3 == 2 {
		e.beginRetention(n, label, with)
	} else {
		number = e.beginDeletion(label, with)
	}

	e.work()
	e.restart() // in any case

	d := e.await(number, fmt.Sprint("policy-", n))
	if e.retention != "[]" {
		e.retention = "[]"
		e.restart()
	}
	e.settle()
	e.job = nil
	if d != nil {
		e.checkDeletion(d)
	}
	e.checkMedia()
	e.checkSearch()
	e.checkAudit()
}

// work has the clients do things, until all is done. Now and then, after a random number of things, the
// service is killed; they wait for the next one.
func (e *evidenceTest) work() {
	e.Helper()
	var left atomic.Int64
	left.Store(evidenceSteps)
	for left.Load() > 0 {
		service := e.process
		killAt := left.Load() - 5 - e.random.Int64N(evidenceSteps*3/4)
		pause := time.Duration(e.random.IntN(3000)) * time.Microsecond
		killing := make(chan struct{})
		var clients sync.WaitGroup
		for range evidenceClients {
			c := &evidenceClient{e, rand.New(rand.NewPCG(e.random.Uint64(), 1))}
			clients.Go(func() {
				for n := left.Add(-1); n >= 0; n = left.Add(-1) {
					if n == killAt {
						close(killing)
						time.AfterFunc(pause, service.kill)
					}
					if !c.do() {
						return
					}
				}
			})
		}
		clients.Wait()
		select {
		case <-killing:
			service.kill() // which waits for its end
			e.history.killed()
			e.tally["killed"]++
			e.restart()
		default:
			if left.Load() > 0 {
				e.Fatalf("there was no answer, and the service was not killed:\n%s", service.log)
			}
		}
	}
}

// ids are all that things are done to.
func ids() []string {
	all := make([]string, evidenceIDs)
	for i := range all {
		all[i] = fmt.Sprintf("call %d/ü", i)
	}
	return all
}

// fill posts recordings that are gone, labels most, and puts the media there.
func (e *evidenceTest) fill() {
	e.Helper()
	for file := range evidenceFiles {
		e.storage.Put(fmt.Sprintf("/m/%d.wav", file), []byte("audio"))
	}
	e.history = history{of: map[string][]*operation{}}
	c := &evidenceClient{e, e.random}
	for _, id := range ids() {
		ok := e.is[id].present || c.post(id)
		if e.random.IntN(3) > 0 {
			ok = ok && c.mark(id, "addLabel", evidenceLabels[1+e.random.IntN(2)])
		}
		if e.random.IntN(6) == 0 {
			ok = ok && c.mark(id, "applyNonDelete", "")
		}
		if !ok {
			e.Fatalf("there was no answer:\n%s", e.process.log)
		}
	}
	e.settle()
}

// do does one thing at random, and reports whether there was an answer.
func (c *evidenceClient) do() bool {
	id := ids()[c.random.IntN(evidenceIDs)]
	if c.random.IntN(2) == 0 {
		id = ids()[c.random.IntN(evidenceHot)]
	}
	switch n := c.random.IntN(28); {
	case n < 7:
		return c.post(id)
	case n < 9:
		return c.mark(id, "applyNonDelete", "")
	case n < 12:
		return c.mark(id, "unapplyNonDelete", "")
	case n < 14:
		return c.mark(id, "addLabel", evidenceLabels[c.random.IntN(len(evidenceLabels))])
	case n < 16:
		return c.mark(id, "removeLabel", evidenceLabels[c.random.IntN(len(evidenceLabels))])
	case n < 18:
		return c.look(id)
	case n < 21:
		return c.comment(id)
	case n < 24:
		return c.changeComment(id)
	}
	return c.delete(id, c.random.IntN(2) == 0)
}

// request sends a request, of which the model says what it does, and notes it with its answer. It reports
// whether there was one.
func (c *evidenceClient) request(id, what, method, path string, body []byte, model func(state) answer) bool {
	a, ok := c.send(id, what, method, path, body, model)
	if ok {
		c.count(fmt.Sprint(method, " ", statusOf(a)))
	}
	return ok
}

// send is request for who wants the answer.
func (c *evidenceClient) send(
	id, what, method, path string, body []byte, model func(state) answer,
) (a faulttest.Answer, ok bool) {
	o := c.history.begin(id, what, model)
	a, err := c.client.Call(c.Context(), "ops", method, path, body)
	if err != nil {
		c.count("no answer")
		return a, false
	}
	c.history.answered(o, statusOf(a), model)
	return a, true
}

// count counts what happened.
func (e *evidenceTest) count(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tally[what]++
}

// statusOf is the status of an answer, or that of the only recording of many.
func statusOf(a faulttest.Answer) int {
	var many struct {
		Failed []struct {
			StatusCode int `json:"statusCode"`
		} `json:"failed"`
	}
	if a.Status == http.StatusOK && json.Unmarshal(a.Body, &many) == nil && len(many.Failed) == 1 &&
		many.Failed[0].StatusCode == 6 {
		return http.StatusNotFound
	}
	return a.Status
}

// post posts a recording with some media, or merges it.
func (c *evidenceClient) post(id string) bool {
	posted := state{present: true, caller: c.random.IntN(3)}
	r := faulttest.RecordingOf(id, posted.caller)
	r.EventHistory = faulttest.RecordingOf(id, 0).EventHistory
	first := r.MediaFiles[0]
	r.MediaFiles = nil
	for range 1 + c.random.IntN(3) {
		file, spelling := c.random.IntN(evidenceFiles), c.random.IntN(len(spellings))
		bit := uint32(1) << (file*len(spellings) + spelling)
		if posted.media&bit != 0 {
			continue
		}
		posted.media |= bit
		m := first
		m.Descriptor.Path, m.StartTime, m.StopTime, m.Size, m.CallUUID, m.Tenant =
			spellings[spelling](c.storage.URL, file), 1_767_225_600_000, 1_767_225_660_000, "5", "c", ""
		r.MediaFiles = append(r.MediaFiles, m)
	}
	body, err := mapping.Encode(r)
	if err != nil {
		c.Error(err)
		return false
	}

	what := fmt.Sprintf("post of caller %d with media %b", posted.caller, posted.media)
	return c.request(id, what, http.MethodPost, faulttest.OpsRecordings, body, func(s state) answer {
		if s.held && s.caller != posted.caller {
			return answer{http.StatusForbidden, s}
		}
		next := s
		next.present, next.caller, next.media = true, posted.caller, s.media|posted.media
		return answer{http.StatusOK, next}
	})
}

// mark holds, releases, labels a recording, or takes a label off.
func (c *evidenceClient) mark(id, operation, label string) bool {
	body := map[string]any{"operationName": operation, "recordings": []string{id}}
	bit := uint32(0)
	if label != "" {
		body["name"], bit = label, 1<<slices.Index(evidenceLabels, label)
	}
	text, err := json.Marshal(body)
	if err != nil {
		c.Error(err)
		return false
	}
	what := operation + " " + label
	return c.request(id, what, http.MethodPost, faulttest.OpsRecordings, text, func(s state) answer {
		if !s.present {
			return answer{http.StatusNotFound, s}
		}
		switch operation {
		case "applyNonDelete":
			s.held = true
		case "unapplyNonDelete":
			s.held = false
		case "addLabel":
			s.labels |= bit
		case "removeLabel":
			s.labels &^= bit
		}
		return answer{http.StatusOK, s}
	})
}

// comment writes a comment on a recording.
func (c *evidenceClient) comment(id string) bool {
	n := c.number()
	what, path := fmt.Sprint("comment ", n), recordingPath(id)+"/comments"
	a, ok := c.send(id, what, http.MethodPost, path, commentText(n, n), func(s state) answer {
		if !s.present {
			return answer{http.StatusNotFound, s}
		}
		s.comments = s.comments.with(n, n)
		return answer{http.StatusOK, s}
	})
	if !ok {
		return false
	}
	c.count(fmt.Sprint("comment ", a.Status))
	if a.Status != http.StatusOK {
		return true
	}

	var v struct {
		Comment mapping.Comment `json:"comment"`
	}
	if err := json.Unmarshal(a.Body, &v); err != nil {
		c.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v.Comment.ID == "" || v.Comment.Text != remark(n, n) || !c.know(id, n, v.Comment.ID) {
		c.Errorf("the comment %d that was written is %s", n, a.Body)
	}
	return true
}

// number is a new number of a comment, or of what is written in one.
func (c *evidenceClient) number() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written++
	return c.written
}

// commentText is the body by which a comment is written.
func commentText(n, version int) []byte {
	return fmt.Appendf(nil, `{"at":1.5,"text":%q}`, remark(n, version))
}

// changeComment writes a comment of a recording anew, or deletes it: one that was there, and need not be there
// any more.
func (c *evidenceClient) changeComment(id string) bool {
	n, comment := c.knownComment(id)
	if n == 0 {
		return c.comment(id)
	}
	kind, method, body, what := "uncomment", http.MethodDelete, []byte(nil), fmt.Sprint("delete comment ", n)
	become := func(r remarks) remarks { return r.without(n) }
	if c.random.IntN(2) == 0 {
		version := c.number()
		kind, method, body = "rewrite", http.MethodPut, commentText(n, version)
		what = fmt.Sprintf("write comment %d anew as %d", n, version)
		become = func(r remarks) remarks { return r.with(n, version) }
	}

	path := recordingPath(id) + "/comments/" + comment
	a, ok := c.send(id, what, method, path, body, func(s state) answer {
		switch {
		case !s.present || !s.comments.has(n):
			return answer{http.StatusNotFound, s}
		case s.held:
			return answer{http.StatusForbidden, s}
		}
		s.comments = become(s.comments)
		return answer{http.StatusOK, s}
	})
	if ok {
		c.count(fmt.Sprint(kind, " ", a.Status))
	}
	return ok
}

// knownComment is the number and the id of a comment that was seen at a recording, one of the last; 0: there
// was none.
func (c *evidenceClient) knownComment(id string) (n int, comment string) {
	const last = 2
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Sorted(maps.Keys(c.known[id]))
	if len(all) == 0 {
		return 0, ""
	}
	n = all[max(0, len(all)-1-c.random.IntN(last))]
	return n, c.known[id][n]
}

// delete deletes a recording, with its media or without.
func (c *evidenceClient) delete(id string, media bool) bool {
	what, path := deleteAlone, recordingPath(id)
	if media {
		what, path = deleteWithMedia, path+"?subresources=*"
	}
	c.mu.Lock()
	c.sent[id]++
	c.mu.Unlock()
	o := c.history.begin(id, what, deleteModel)
	a, err := c.client.Call(c.Context(), "ops", http.MethodDelete, path, nil)
	if err != nil {
		c.count("no answer")
		return false
	}
	c.history.answered(o, a.Status, deleteModel)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally[fmt.Sprint("DELETE ", a.Status)]++
	if a.Status == http.StatusOK {
		c.did[id]++
	}
	return true
}

// deleteModel is what a DELETE does.
func deleteModel(s state) answer {
	switch {
	case !s.present:
		return answer{http.StatusNotFound, s}
	case s.held:
		return answer{http.StatusForbidden, s}
	}
	return answer{http.StatusOK, state{}}
}

// look reads a recording, which must be like that at some moment meanwhile.
func (c *evidenceClient) look(id string) bool {
	o := c.history.begin(id, "read", func(s state) answer { return answer{0, s} })
	a, err := c.client.Call(c.Context(), "ops", http.MethodGet, recordingPath(id), nil)
	if err != nil {
		c.count("no answer")
		return false
	}
	found, err := c.parse(id, a)
	if err != nil {
		c.Errorf("reading %s: %d %s, %v", id, a.Status, a.Body, err)
	}
	c.history.answered(o, a.Status, func(s state) answer {
		if s != found {
			return answer{0, s}
		}
		return answer{a.Status, s}
	})
	c.count(fmt.Sprint("GET ", a.Status))
	return true
}

// recordingPath is the path of a recording.
func recordingPath(id string) string { return faulttest.OpsRecordings + "/" + url.PathEscape(id) }

// deletionsPath is the path of bulk deletions.
var deletionsPath = strings.TrimSuffix(faulttest.OpsRecordings, "/recordings") + "/deletions"

// ask asks for what must be answered, and decodes the answer.
func (e *evidenceTest) ask(method, path string, body string, to any) {
	e.Helper()
	a, err := e.client.Call(e.Context(), "ops", method, path, []byte(body))
	if err != nil || a.Status != http.StatusOK {
		e.Fatalf("%s %s: %d %s, %v", method, path, a.Status, a.Body, err)
	}
	if err := json.Unmarshal(a.Body, to); err != nil {
		e.Fatal(err)
	}
}

// beginDeletion begins a deletion of what bears a label, and returns its number. Some are let come to their
// list before anything changes; others, who find another number than was expected, do nothing.
func (e *evidenceTest) beginDeletion(label string, media bool) int {
	e.Helper()
	expected := 0
	for _, id := range ids() {
		if s := e.is[id]; s.present && e.job(s) {
			expected++
		}
	}
	var a struct {
		Deletion deletion.Deletion `json:"deletion"`
	}
	const request = `{"criteria":{"label":%q,"startTime":"0"},"subresources":%t,"expected":%d}`
	e.ask(http.MethodPost, deletionsPath, fmt.Sprintf(request, label, media, expected), &a)

	listed := func() bool { return a.Deletion.Phase == deletion.Deleting || a.Deletion.Phase.Ended() }
	deadline := time.Now().Add(patience)
	for waits := e.random.IntN(4) > 0; waits && !listed(); <-time.After(time.Millisecond) {
		e.ask(http.MethodGet, fmt.Sprint(deletionsPath, "/", a.Deletion.Number), "", &a)
		if time.Now().After(deadline) {
			e.Fatalf("it does not begin: %+v", a.Deletion)
		}
	}
	return a.Deletion.Number
}

// beginRetention puts a policy into the configuration that is due at once.
func (e *evidenceTest) beginRetention(n int, label string, media bool) {
	e.Helper()
	const policy = "[{name: policy-%d, after: 1h, criteria: {label: %s}, subresources: %t, max_share: 100, " +
		"contact_centers: [%s]}]"
	e.retention = fmt.Sprintf(policy, n, label, media, faulttest.ContactCenter)
	e.restart()
}

// await waits for the end of a deletion, or of that of a policy, if there is one or must be.
func (e *evidenceTest) await(number int, policy string) *deletion.Deletion {
	e.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		var a struct {
			Deletions []deletion.Deletion `json:"deletions"`
		}
		e.ask(http.MethodGet, deletionsPath, "", &a)
		running := false
		for _, d := range a.Deletions {
			running = running || d.Ended == 0
			mine := number > 0 && d.Number == number || number == 0 && d.Policy == policy
			if mine && d.Phase.Ended() && d.Ended > 0 {
				return &d
			}
		}
		if number == 0 && !running && !e.due() {
			return nil
		}
		if time.Now().After(deadline) {
			e.Fatalf("the deletion %d, or of %s, does not end: %+v", number, policy, a.Deletions)
		}
	}
}

// due reports whether a policy has something to delete that nothing keeps.
func (e *evidenceTest) due() bool {
	e.Helper()
	for _, id := range ids() {
		if s := e.read(id); s.present && !s.held && e.job(s) {
			return true
		}
	}
	return false
}

// read is what a recording is like now.
func (e *evidenceTest) read(id string) state {
	e.Helper()
	a, err := e.client.Call(e.Context(), "ops", http.MethodGet, recordingPath(id), nil)
	if err != nil {
		e.Fatal(err)
	}
	s, err := e.parse(id, a)
	if err != nil {
		e.Fatalf("reading %s: %d %s, %v", id, a.Status, a.Body, err)
	}
	return s
}

// parse reads what a recording is like.
func (e *evidenceTest) parse(id string, a faulttest.Answer) (s state, err error) {
	if a.Status == http.StatusNotFound {
		return state{}, nil
	}
	if a.Status != http.StatusOK {
		return state{}, errors.New("that is no answer")
	}
	var v struct {
		Recording struct {
			Caller   string            `json:"callerPhoneNumber"`
			Hold     *mapping.Hold     `json:"nonDelete"`
			Labels   []mapping.Label   `json:"labels"`
			Comments []mapping.Comment `json:"comments"`
			Media    []struct {
				Descriptor mapping.MediaDescriptor `json:"originalMediaDescriptor"`
			} `json:"mediaFiles"`
		} `json:"recording"`
	}
	if err := json.Unmarshal(a.Body, &v); err != nil {
		return state{}, err
	}

	s.present, s.held = true, v.Recording.Hold != nil
	for s.caller = range 3 {
		if faulttest.RecordingOf(id, s.caller).CallerPhoneNumber == v.Recording.Caller {
			break
		}
	}
	for _, l := range v.Recording.Labels {
		s.labels |= 1 << slices.Index(evidenceLabels, l.Name)
	}
	if s.comments, err = e.parseComments(id, v.Recording.Comments); err != nil {
		return state{}, err
	}
	for file := range evidenceFiles {
		for spelling, path := range spellings {
			for _, m := range v.Recording.Media {
				if m.Descriptor.Path == path(e.storage.URL, file) {
					s.media |= 1 << (file*len(spellings) + spelling)
				}
			}
		}
	}
	return s, nil
}

// parseComments reads which comments a recording has. It notes their ids, by which they can be changed; a
// comment has one id for ever, and a recording never has two of a number.
func (e *evidenceTest) parseComments(id string, comments []mapping.Comment) (remarks, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := map[int]int{}
	for _, x := range comments {
		var n, version int
		_, err := fmt.Sscanf(x.Text, "remark %d as of %d", &n, &version)
		if err != nil || x.Text != remark(n, version) || x.At == nil || *x.At != 1.5 {
			return "", fmt.Errorf("a comment is %+v: %w", x, err)
		}
		if _, twice := all[n]; twice || !e.know(id, n, x.ID) {
			return "", fmt.Errorf("comment %d has another id than before, or is there twice: %+v", n, comments)
		}
		all[n] = version
	}
	return remarksOf(all), nil
}

// know notes the id of a comment, and reports whether it has had no other.
func (e *evidenceTest) know(id string, n int, comment string) bool {
	if e.known[id] == nil {
		e.known[id] = map[int]string{}
	}
	if was := e.known[id][n]; was != "" && was != comment {
		return false
	}
	e.known[id][n] = comment
	return true
}

// settle reads what everything is like, for which there must be an explanation.
func (e *evidenceTest) settle() {
	e.Helper()
	e.meant = map[string]story{}
	e.tally["at once"] += e.history.overlapping()
	for _, id := range ids() {
		now, all := e.read(id), e.history.of[id]
		if len(all) > 64 {
			e.Fatalf("%d things were done to %s, which is too much for this test", len(all), id)
		}
		e.meant[id] = tell(e.is[id], all, e.job)
		if !e.meant[id].last[now] {
			e.Errorf("%s was %+v, and is %+v, which nothing explains; it may be %+v:%s", id, e.is[id], now,
				slices.Collect(maps.Keys(e.meant[id].last)), describe(all))
		}
		e.is[id] = now
	}
}

// checkDeletion looks whether the verdict of a deletion adds up, and whether each id is told of once.
func (e *evidenceTest) checkDeletion(d *deletion.Deletion) {
	e.Helper()
	if d.Phase == jobs.Failed && d.Policy == "" && d.Done == 0 && d.Deleted == 0 &&
		strings.Contains(d.Verdict, "were expected; nothing was deleted") {
		e.tally["not begun"]++
		return
	}
	if d.Matched != d.Deleted+d.Held+d.Changed+d.Failed || d.Failed > 0 || d.Done != d.Matched {
		e.Errorf("it does not add up: %+v", d)
	}
	path := fmt.Sprintf("%s/%d/results", deletionsPath, d.Number)
	a, err := e.client.Call(e.Context(), "ops", http.MethodGet, path, nil)
	if err != nil {
		e.Fatal(err)
	}
	counts, seen := map[string]uint64{}, map[string]bool{}
	for line := range bytes.Lines(a.Body) {
		var r deletion.Result
		if err := json.Unmarshal(line, &r); err != nil {
			e.Fatal(err)
		}
		if seen[r.ID] {
			e.Errorf("deletion %d tells twice of %s", d.Number, r.ID)
		}
		seen[r.ID] = true
		counts[r.Outcome]++
		switch {
		case r.Outcome == deletion.Held && !e.everHeld(r.ID):
			e.Errorf("%s was kept as held, and was not", r.ID)
		case r.Outcome == deletion.Changed && !e.meant[r.ID].changed:
			e.Errorf("%s was kept as changed, and was not", r.ID)
		}
		entries := 0
		e.audit("recording="+url.QueryEscape(r.ID)+"&action=delete", func(l *audit.Line) {
			if l.Outcome == audit.Begun && strings.Contains(string(l.Facts), fmt.Sprintf(`"deletion %d"`, d.Number)) {
				entries++
			}
		})
		if entries != 1 {
			e.Errorf("the audit log tells %d times that deletion %d deletes %s", entries, d.Number, r.ID)
		}
	}
	want := map[string]uint64{deletion.Deleted: d.Deleted, deletion.Held: d.Held, deletion.Changed: d.Changed}
	maps.DeleteFunc(want, func(_ string, n uint64) bool { return n == 0 })
	if !maps.Equal(counts, want) {
		e.Errorf("the results are %v, and counted are %v", counts, want)
	}
	e.tally["deleted by a job"] += int(d.Deleted)
	e.tally["kept as held"] += int(d.Held)
}

// everHeld reports whether a recording may have been under a hold in this round.
func (e *evidenceTest) everHeld(id string) bool {
	for s := range e.meant[id].states {
		if s.held {
			return true
		}
	}
	return false
}

// checkMedia: what a recording has named all the time is there.
func (e *evidenceTest) checkMedia() {
	e.Helper()
	for _, id := range ids() {
		for file := range evidenceFiles {
			named := true
			for s := range e.meant[id].states {
				named = named && s.names(file)
			}
			if named && !e.storage.Has(fmt.Sprintf("/m/%d.wav", file)) {
				e.Errorf("%s names file %d, which is gone:%s", id, file, describe(e.history.of[id]))
			}
		}
	}
	for file := range evidenceFiles {
		if !e.storage.Has(fmt.Sprintf("/m/%d.wav", file)) {
			e.tally["media deleted"]++
		}
	}
}

// checkSearch: the marks are found as they are.
func (e *evidenceTest) checkSearch() {
	e.Helper()
	for query, wanted := range map[string]func(state) bool{
		"nonDelete=true": func(s state) bool { return s.held },
		"label=old":      func(s state) bool { return s.labels&2 != 0 },
		"comment=remark": func(s state) bool { return s.comments != "" },
	} {
		name, value, _ := strings.Cut(query, "=")
		got, err := e.client.Search(e.Context(), map[string]string{"startTime": "0", name: value})
		if err != nil {
			e.Fatal(err)
		}
		var want []string
		for _, id := range ids() {
			if s := e.is[id]; s.present && wanted(s) {
				want = append(want, id)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			e.Errorf("%s finds %q, want %q", query, got, want)
		}
	}
}

// audit gives the entries of the audit log that a query asks for.
func (e *evidenceTest) audit(query string, fn func(*audit.Line)) {
	e.Helper()
	a, err := e.client.Call(e.Context(), "ops", http.MethodGet,
		"/api/v2/ops/audit?contactCenter="+faulttest.ContactCenter+"&"+query, nil)
	if err != nil || a.Status != http.StatusOK {
		e.Fatalf("reading the audit log: %d %s, %v", a.Status, a.Body, err)
	}
	for line := range bytes.Lines(a.Body) {
		var l audit.Line
		if json.Unmarshal(line, &l) == nil && l.Hash != "" && l.Action != "" {
			fn(&l)
		}
	}
}

// checkAudit proves the chain, and looks whether each deletion that was asked for is there.
func (e *evidenceTest) checkAudit() {
	e.Helper()
	a, err := e.client.Call(e.Context(), "ops", http.MethodGet, "/api/v2/ops/audit?chain=true", nil)
	if err != nil {
		e.Fatal(err)
	}
	if _, err := audit.VerifyExport(bytes.NewReader(a.Body), nil); err != nil {
		e.Error(err)
	}

	begun := map[string]int{}
	e.audit("action=delete", func(l *audit.Line) {
		if l.Outcome == audit.Begun && l.Facts == nil {
			begun[l.Recording]++
		}
	})
	commented := map[string]bool{}
	e.audit("action=comment", func(l *audit.Line) {
		var facts struct {
			Comment string `json:"comment"`
		}
		if l.Outcome == audit.Begun && json.Unmarshal(l.Facts, &facts) == nil {
			commented[l.Recording+" "+facts.Comment] = true
		}
	})
	for id, all := range e.known {
		for n, comment := range all {
			if !commented[id+" "+comment] {
				e.Errorf("%s: comment %d was there, and the audit log does not have it", id, n)
			}
		}
	}
	for id, sent := range e.sent {
		if n := begun[id]; n < e.did[id] || n > sent {
			e.Errorf("%s: %d DELETEs were sent, %d had an effect, and the audit log has %d", id, sent, e.did[id], n)
		}
	}
}
