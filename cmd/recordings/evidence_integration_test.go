//go:build integration

package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/audit"
	"recordings/blob/blobtest"
	"recordings/cmd/recordings/internal/faulttest"
	"recordings/erase/deletion"
	"recordings/mapping"
)

// How the test of evidence goes.
const (
	evidenceRounds = 12 // in each of which one deletion goes on while things are done and the service is killed
	evidenceSteps  = 90
	evidenceIDs    = 40
	evidenceFiles  = 5 // media files that all recordings share
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
}

// names reports whether a recording names a media file.
func (s state) names(file int) bool {
	return s.present && s.media>>(file*len(spellings))&(1<<len(spellings)-1) != 0
}

// evidenceTest is one service that is killed again and again, and what it may keep.
type evidenceTest struct {
	*testing.T
	random    *rand.Rand
	file      string // of the configuration
	data      string
	retention string // its line of the configuration
	storage   *blobtest.Server
	client    *faulttest.Caller
	process   *process

	may   map[string][]state  // by id: what it may be like; more than one where there was no answer
	since map[string][]int    // by id and media file: from which step on it is named without a break
	whole []int               // by media file: at which step it was surely there
	step  int                 // is counted up
	job   func(s state) bool  // which recordings the deletion that goes on may delete; nil: none goes on
	sent  map[string]int      // by id: DELETEs that were sent
	did   map[string]int      // by id: those that were answered by 200
	tally map[string]int      // what happened
	over  map[string][]string // by id: what it was known to be during the deletion that goes on: held, changed
}

// TestEvidence does things at random to recordings that share media (post, merge, hold, release, label,
// delete, with media and without), while bulk deletions and retention go on, and kills the service at
// random moments. After each round everything must be as a model says: no recording, nor media of it,
// that was under a hold is gone; media that a recording names is there; of each deletion matched is
// the sum of deleted, held, changed and failed, with each id once; and the audit log, whose chain is
// proven, has each deletion once.
func TestEvidence(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	e := &evidenceTest{
		T: t, random: rand.New(rand.NewPCG(seed, 1)), storage: blobtest.NewServer(t, blobtest.WebDAV),
		client: &faulttest.Caller{HTTP: newClient(t)}, retention: "[]",
		may: map[string][]state{}, since: map[string][]int{}, whole: make([]int, evidenceFiles),
		sent: map[string]int{}, did: map[string]int{}, tally: map[string]int{}, over: map[string][]string{},
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
	e.over = map[string][]string{}
	for _, id := range ids() {
		if e.one(id).held {
			e.over[id] = []string{"held"}
		}
	}
	label := evidenceLabels[1+n%2]
	wanted := func(s state) bool { return s.labels&(1<<slices.Index(evidenceLabels, label)) != 0 }
	with := e.random.IntN(3) > 0
	number := 0
	if n%3 == 2 {
		number = e.beginRetention(n, label, with)
	} else {
		number = e.beginDeletion(label, with, wanted)
	}

	e.job = wanted
	kill := time.AfterFunc(time.Duration(e.random.IntN(150))*time.Millisecond, e.process.kill)
	for range evidenceSteps {
		if e.do() {
			continue
		}
		e.tally["killed"]++
		kill.Stop()
		e.restart()
		kill = time.AfterFunc(time.Duration(e.random.IntN(700))*time.Millisecond, e.process.kill)
	}
	kill.Stop()
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
		e.whole[file] = e.step
	}
	for _, id := range ids() {
		if !e.one(id).present {
			e.post(id)
		}
		if e.random.IntN(3) > 0 {
			e.mark(id, "addLabel", evidenceLabels[1+e.random.IntN(2)])
		}
		if e.random.IntN(6) == 0 {
			e.mark(id, "applyNonDelete", "")
		}
	}
}

// one is what a recording is like, where that is known.
func (e *evidenceTest) one(id string) state {
	e.Helper()
	all := e.states(id)
	if len(all) != 1 {
		e.Fatalf("%s may be %v", id, all)
	}
	return all[0]
}

func (e *evidenceTest) states(id string) []state {
	if e.may[id] == nil {
		e.may[id] = []state{{}}
		e.since[id] = make([]int, evidenceFiles)
	}
	return e.may[id]
}

// do does one thing at random, and reports whether there was an answer.
func (e *evidenceTest) do() bool {
	e.Helper()
	id := ids()[e.random.IntN(evidenceIDs)]
	switch n := e.random.IntN(20); {
	case n < 7:
		return e.post(id)
	case n < 10:
		return e.mark(id, "applyNonDelete", "")
	case n < 12:
		return e.mark(id, "unapplyNonDelete", "")
	case n < 14:
		return e.mark(id, "addLabel", evidenceLabels[e.random.IntN(len(evidenceLabels))])
	case n < 16:
		return e.mark(id, "removeLabel", evidenceLabels[e.random.IntN(len(evidenceLabels))])
	}
	return e.delete(id, e.random.IntN(2) == 0)
}

// answer is what a state becomes of a request, and the status of the answer.
type answer struct {
	status int
	next   state
}

// request sends a request, of which the model says what it does, and takes the answer into the model.
// It reports whether there was one.
func (e *evidenceTest) request(id, method, path string, body []byte, model func(state) answer) bool {
	e.Helper()
	e.step++
	before := e.deletable(e.states(id))
	a, err := e.client.Call(e.Context(), "ops", method, path, body)
	var next []state
	for _, s := range before {
		switch expected := model(s); {
		case err != nil:
			next = append(next, s, expected.next)
		case expected.status == statusOf(a):
			next = append(next, expected.next)
		}
	}
	if err == nil && len(next) == 0 {
		e.Fatalf("%s %s: %d %s, and it may have been %v", method, path, a.Status, a.Body, before)
	}
	e.know(id, e.deletable(next))
	if err != nil {
		e.tally["no answer"]++
		return false
	}
	e.tally[fmt.Sprint(method, " ", statusOf(a))]++
	return true
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

// deletable adds to what a recording may be like that the deletion that goes on has deleted it.
func (e *evidenceTest) deletable(all []state) []state {
	for _, s := range all {
		if e.job != nil && s.present && !s.held && e.job(s) {
			return append(slices.Clone(all), state{})
		}
	}
	return all
}

// know notes what a recording may be like.
func (e *evidenceTest) know(id string, all []state) {
	slices.SortFunc(all, func(a, b state) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	all = slices.Compact(all)
	if !slices.Equal(all, e.may[id]) {
		e.over[id] = append(e.over[id], "changed")
	}
	e.may[id] = all
	if slices.ContainsFunc(all, func(s state) bool { return s.held }) {
		e.over[id] = append(e.over[id], "held")
	}
	for file := range evidenceFiles {
		if slices.ContainsFunc(all, func(s state) bool { return !s.names(file) }) {
			e.since[id][file] = e.step + 1
		}
	}
}

// post posts a recording with some media, or merges it.
func (e *evidenceTest) post(id string) bool {
	e.Helper()
	posted := state{present: true, caller: e.random.IntN(3)}
	r := faulttest.RecordingOf(id, posted.caller)
	r.EventHistory = faulttest.RecordingOf(id, 0).EventHistory
	first := r.MediaFiles[0]
	r.MediaFiles = nil
	for range 1 + e.random.IntN(3) {
		file, spelling := e.random.IntN(evidenceFiles), e.random.IntN(len(spellings))
		bit := uint32(1) << (file*len(spellings) + spelling)
		if posted.media&bit != 0 {
			continue
		}
		posted.media |= bit
		m := first
		m.Descriptor.Path, m.StartTime, m.StopTime, m.Size, m.CallUUID, m.Tenant =
			spellings[spelling](e.storage.URL, file), 1_767_225_600_000, 1_767_225_660_000, "5", "c", ""
		r.MediaFiles = append(r.MediaFiles, m)
	}
	body, err := mapping.Encode(r)
	if err != nil {
		e.Fatal(err)
	}

	return e.request(id, http.MethodPost, faulttest.OpsRecordings, body, func(s state) answer {
		if s.held && s.caller != posted.caller {
			return answer{http.StatusForbidden, s}
		}
		next := s
		next.present, next.caller, next.media = true, posted.caller, s.media|posted.media
		return answer{http.StatusOK, next}
	})
}

// mark holds, releases, labels a recording, or takes a label off.
func (e *evidenceTest) mark(id, operation, label string) bool {
	e.Helper()
	body := map[string]any{"operationName": operation, "recordings": []string{id}}
	bit := uint32(0)
	if label != "" {
		body["name"], bit = label, 1<<slices.Index(evidenceLabels, label)
	}
	text, err := json.Marshal(body)
	if err != nil {
		e.Fatal(err)
	}
	return e.request(id, http.MethodPost, faulttest.OpsRecordings, text, func(s state) answer {
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

// delete deletes a recording, with its media or without.
func (e *evidenceTest) delete(id string, media bool) bool {
	e.Helper()
	path := faulttest.OpsRecordings + "/" + url.PathEscape(id)
	if media {
		path += "?subresources=*"
	}
	e.sent[id]++
	before := e.tally["DELETE 200"]
	answered := e.request(id, http.MethodDelete, path, nil, func(s state) answer {
		switch {
		case !s.present:
			return answer{http.StatusNotFound, s}
		case s.held:
			return answer{http.StatusForbidden, s}
		}
		return answer{http.StatusOK, state{}}
	})
	e.did[id] += e.tally["DELETE 200"] - before
	return answered
}

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

// beginDeletion begins a deletion of what bears a label, and returns its number.
func (e *evidenceTest) beginDeletion(label string, media bool, wanted func(state) bool) int {
	e.Helper()
	expected := 0
	for _, id := range ids() {
		if s := e.one(id); s.present && wanted(s) {
			expected++
		}
	}
	var a struct {
		Deletion deletion.Deletion `json:"deletion"`
	}
	const request = `{"criteria":{"label":%q,"startTime":"0"},"subresources":%t,"expected":%d}`
	e.ask(http.MethodPost, deletionsPath, fmt.Sprintf(request, label, media, expected), &a)
	return a.Deletion.Number
}

// beginRetention puts a policy into the configuration that is due at once.
func (e *evidenceTest) beginRetention(n int, label string, media bool) int {
	e.Helper()
	const policy = "[{name: policy-%d, after: 1h, criteria: {label: %s}, subresources: %t, max_share: 100, " +
		"contact_centers: [%s]}]"
	e.retention = fmt.Sprintf(policy, n, label, media, faulttest.ContactCenter)
	e.job = func(s state) bool { return s.labels&(1<<slices.Index(evidenceLabels, label)) != 0 }
	e.restart()
	return 0
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
func (e *evidenceTest) read(id string) (s state) {
	e.Helper()
	a, err := e.client.Call(e.Context(), "ops", http.MethodGet, faulttest.OpsRecordings+"/"+url.PathEscape(id), nil)
	if err != nil {
		e.Fatal(err)
	}
	if a.Status == http.StatusNotFound {
		return state{}
	}
	var v struct {
		Recording struct {
			Caller string          `json:"callerPhoneNumber"`
			Hold   *mapping.Hold   `json:"nonDelete"`
			Labels []mapping.Label `json:"labels"`
			Media  []struct {
				Descriptor mapping.MediaDescriptor `json:"originalMediaDescriptor"`
			} `json:"mediaFiles"`
		} `json:"recording"`
	}
	if err := json.Unmarshal(a.Body, &v); err != nil || a.Status != http.StatusOK {
		e.Fatalf("reading %s: %d %s, %v", id, a.Status, a.Body, err)
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
	for file := range evidenceFiles {
		for spelling, path := range spellings {
			for _, m := range v.Recording.Media {
				if m.Descriptor.Path == path(e.storage.URL, file) {
					s.media |= 1 << (file*len(spellings) + spelling)
				}
			}
		}
	}
	return s
}

// settle reads what everything is like, which has to be something that it may be.
func (e *evidenceTest) settle() {
	e.Helper()
	for _, id := range ids() {
		now := e.read(id)
		if may := e.deletable(e.states(id)); !slices.Contains(may, now) {
			e.Errorf("%s is %+v, and may be %+v", id, now, may)
		}
		e.know(id, []state{now})
	}
}

// checkDeletion looks whether the verdict of a deletion adds up, and whether each id is told of once.
func (e *evidenceTest) checkDeletion(d *deletion.Deletion) {
	e.Helper()
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
		case r.Outcome == deletion.Held && !slices.Contains(e.over[r.ID], "held"):
			e.Errorf("%s was kept as held, and was not", r.ID)
		case r.Outcome == deletion.Changed && !slices.Contains(e.over[r.ID], "changed"):
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

// checkMedia: what a recording has named since it was surely there is there.
func (e *evidenceTest) checkMedia() {
	e.Helper()
	for _, id := range ids() {
		for file := range evidenceFiles {
			named := e.one(id).names(file) && e.since[id][file] <= e.whole[file]
			if named && !e.storage.Has(fmt.Sprintf("/m/%d.wav", file)) {
				e.Errorf("%s names file %d, which is gone", id, file)
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
	} {
		name, value, _ := strings.Cut(query, "=")
		got, err := e.client.Search(e.Context(), map[string]string{"startTime": "0", name: value})
		if err != nil {
			e.Fatal(err)
		}
		var want []string
		for _, id := range ids() {
			if s := e.one(id); s.present && wanted(s) {
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
	for id, sent := range e.sent {
		if n := begun[id]; n < e.did[id] || n > sent {
			e.Errorf("%s: %d DELETEs were sent, %d had an effect, and the audit log has %d", id, sent, e.did[id], n)
		}
	}
}
