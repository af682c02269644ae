//go:build integration

package opensearch_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"recordings/index"
	"recordings/index/indextest"
	"recordings/index/opensearch"
	"recordings/mapping"
)

// verified verifies an index, and returns what was found.
func verified(t testing.TB, by, seenBy *opensearch.Index, repair bool) index.Verification {
	t.Helper()
	before := seenBy.Verification()
	if _, err := by.ControlVerify(t.Context(), index.Start, repair); err != nil {
		t.Fatal(err)
	}
	await(t, "verifying has ended", func() bool {
		v := seenBy.Verification()
		return v.Started != before.Started && v.Phase.Ended()
	})
	return seenBy.Verification()
}

// TestVerify verifies an index in which all is well, and one that somebody has written to behind the service's back:
// each damage is found and named, and what is derived is mended by a repair.
func TestVerify(t *testing.T) {
	t.Parallel()
	o := place(t, 3)
	one, two := open(t, o), open(t, o)
	old := fillWith(t, one, 700)
	odd := []*mapping.Recording{ // what is odd to the cluster
		recording("long", 1, "\uffff?*\\", strings.Repeat("long ", 3000)+"x"),
		recording("characters", 253_402_300_799_000-1000, "+1650", "\x01 \u00e9\U0001f600 \"\t\n\\ İß"),
		recording("empty", 0, "+1650", ""),
	}
	for _, r := range one.PutAll(t.Context(), "another", odd, index.PutOptions{}) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	err := one.Mark(t.Context(), center, "old-1", func(r *mapping.Recording) error {
		r.NonDelete = &mapping.Hold{Reason: "because"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.ControlVerify(t.Context(), index.Cancel, false); err == nil {
		t.Error("cancelling what does not run is not refused")
	}
	if _, err := one.ControlVerify(t.Context(), index.Pause, false); err == nil {
		t.Error("verifying is paused")
	}

	v := verified(t, one, two, false)
	if v.Phase != index.Done || v.Problems != 0 || v.Done != uint64(len(old)+len(odd)) || v.Total != v.Done {
		t.Fatalf("all is well, and it says %+v", v)
	}

	damages := []struct {
		id     string
		change func(doc map[string]any)
		want   index.Finding
	}{
		{"old-10", func(doc map[string]any) { doc["callerPhoneNumber"] = []string{"+1", "+2"} },
			index.Finding{Kind: index.Different, Detail: "callerPhoneNumber"}},
		{"old-11", func(doc map[string]any) { doc["userName"] = []string{}; doc["startTime"] = 5 },
			index.Finding{Kind: index.Different, Detail: "userName, startTime"}},
		{"old-12", func(doc map[string]any) { doc["nonDelete"] = true; delete(doc, "userDataByKey") },
			index.Finding{Kind: index.Different, Detail: "userDataByKey, nonDelete"}},
		{"old-13", func(doc map[string]any) { doc["record"] = "{" },
			index.Finding{Kind: index.DamagedRecording}},
	}
	for i := range damages {
		d := &damages[i]
		d.want.ContactCenter, d.want.ID = center, d.id
		write(t, &o, center, d.id, d.id, d.change)
	}
	write(t, &o, center, "old-14", "no such id", func(map[string]any) {})

	v = verified(t, two, one, false)
	if v.Phase != index.Failed || v.Problems != 5 ||
		!strings.Contains(v.Verdict, "the recordings are damaged: 2 problems") ||
		!strings.Contains(v.Verdict, "the search index has 3 problems; it can be rebuilt") {
		t.Errorf("the damage is told so: %+v", v)
	}
	got := make(map[string]index.Finding)
	for _, f := range v.Findings {
		if f.Kind == index.DamagedRecording && f.ID != "old-14" {
			f.Detail = "" // of the decoder
		}
		got[f.ID] = f
	}
	for i := range damages {
		if want := damages[i].want; got[want.ID] != want {
			t.Errorf("%s: %+v, want %+v", want.ID, got[want.ID], want)
		}
	}
	if f := got["old-14"]; f.Kind != index.DamagedRecording || f.Detail != "it is stored under the key of another" {
		t.Errorf("what has the key of another is %+v", f)
	}

	// What cannot be made anew goes by hand; then a repair mends the rest.
	for _, id := range []string{"old-13", "no such id"} {
		doc, routing := opensearch.KeyOf(center, id)
		path := fmt.Sprintf("/%s/_doc/%s?routing=%s", o.Index, doc, url.QueryEscape(routing))
		ask(t, o.Cluster.Addresses, http.MethodDelete, path, nil, nil)
	}
	before := one.Reindex().Started
	v = verified(t, one, two, true)
	if v.Phase != index.Failed || v.Problems != 3 || !strings.HasSuffix(v.Verdict, "; it is rebuilt") {
		t.Errorf("the repair is told so: %+v", v)
	}
	await(t, "the repair begins", func() bool { return two.Reindex().Started != before })
	awaitEnd(t, two, index.Done)
	if v = verified(t, two, one, false); v.Phase != index.Done {
		t.Errorf("after the repair it says %+v", v)
	}
}

// write writes a document of a recording, changed, behind the service's back, under the key of an id.
func write(t testing.TB, o *opensearch.Options, contactCenter, of, under string, change func(map[string]any)) {
	t.Helper()
	x := open(t, *o)
	r, err := x.Get(t.Context(), index.Scope{ContactCenter: contactCenter, Region: index.AnyRegion}, of)
	if err != nil {
		t.Fatal(err)
	}
	fields := opensearch.DocumentOf(contactCenter, r)
	change(fields)
	doc, routing := opensearch.KeyOf(contactCenter, under)
	path := fmt.Sprintf("/%s/_doc/%s?refresh=true&routing=%s", o.Index, doc, url.QueryEscape(routing))
	ask(t, o.Cluster.Addresses, http.MethodPut, path, fields, nil)
}

// TestVerifyInUse verifies again and again while several nodes post, merge, mark and delete: what is changed
// meanwhile is no finding.
func TestVerifyInUse(t *testing.T) {
	t.Parallel()
	o := place(t, 3)
	one, two := open(t, o), open(t, o)
	old := fillWith(t, one, 500)
	c := newCrowd(t, one, two)
	defer c.writers.Wait()
	defer c.stop()
	for range 3 {
		c.await(50)
		if v := verified(t, one, two, false); v.Phase != index.Done || v.Problems != 0 {
			t.Errorf("nothing is wrong, and it says %+v", v)
		}
	}
	c.check(old)
}

// TestVerifyTakenOver kills the process that verifies: another goes on from where it was.
func TestVerifyTakenOver(t *testing.T) {
	t.Parallel()
	o := place(t, 2)
	x := open(t, o)
	var some []*mapping.Recording
	for i := range 3000 {
		some = append(some, indextest.New(fmt.Sprint(i), region, mapping.Time(i)))
	}
	for _, r := range x.PutAll(t.Context(), center, some, index.PutOptions{}) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	kill(t, &o, "verify")
	await(t, "verifying has ended", func() bool { return x.Verification().Phase == index.Done })
	if v := x.Verification(); v.Done != 3000 || v.Problems != 0 {
		t.Errorf("after it was taken over it says %+v", v)
	}
}
