package retention_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"recordings/blob"
	"recordings/erase"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/erase/policy"
	"recordings/erase/retention"
	"recordings/index"
	"recordings/index/embedded"
	"recordings/index/indextest"
	"recordings/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 11, 26, 2, 0, 0, 0, time.Local)

// start returns retention with policies over an index in which the contact centers a and b have a
// recording of each of so many past days.
func start(t *testing.T, days int, policies ...policy.Policy) (*retention.Retention, *deletion.Deletions) {
	t.Helper()
	ctx := context.Background()
	x, err := embedded.Open(ctx, embedded.Options{Dir: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	media, err := blob.New(ctx, blob.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(media.Close)

	for _, center := range []string{"a", "b"} {
		var all []*mapping.Recording
		for day := range days {
			at := mapping.Time(now.AddDate(0, 0, -day).Add(-time.Hour).UnixMilli())
			all = append(all, indextest.New(fmt.Sprintf("d%d", day), "us", at))
		}
		for _, result := range x.PutAll(ctx, center, all, index.PutOptions{}) {
			if result.Err != nil {
				t.Fatal(result.Err)
			}
		}
	}

	d, err := deletion.Open(ctx, deletion.Options{
		Index: x, Orphans: x, Eraser: erase.New(x, media), Keeper: jobs.NewFiles(t.TempDir() + "/deletions"),
		Region: "us", Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	r := retention.New(retention.Options{Policies: policies, Deletions: d, Centers: x, Log: zerolog.Nop()})
	return r, d
}

// settle waits until no run goes on.
func settle(t *testing.T, d *deletion.Deletions) []deletion.Deletion {
	t.Helper()
	for range 6000 {
		all := allOf(t, d)
		running := false
		for _, one := range all {
			running = running || !one.Phase.Ended() && one.Phase != jobs.Unconfirmed
		}
		if !running {
			return all
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("a run does not end")
	return nil
}

func look(t *testing.T, r *retention.Retention, at time.Time) {
	t.Helper()
	if err := r.Look(t.Context(), at); err != nil {
		t.Fatal(err)
	}
}

// TestRetention: a policy runs in its window, once a day, in one contact center after the other, and
// the dry run has told what it does.
func TestRetention(t *testing.T) {
	r, d := start(t, 100, policy.Policy{
		Name: "old", After: "95d", Everything: true, Between: "01:00-05:00", MaxShare: 10,
	})

	reports, err := r.Report(t.Context(), true, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range reports[0].Centers {
		if *c.Today != (retention.Forecast{Matched: 5}) ||
			*c.In30Days != (retention.Forecast{Matched: 35, Unconfirmed: true}) || c.Last != nil {
			t.Errorf("%s: today %+v, in 30 days %+v", c.ContactCenter, *c.Today, *c.In30Days)
		}
	}

	look(t, r, now.Add(4*time.Hour))
	if all := settle(t, d); len(all) != 0 {
		t.Fatalf("it runs outside its window: %+v", all)
	}
	// The window of the runs themselves is that of the real clock, so they are begun without.
	for i := range r.Policies {
		r.Policies[i].Between = ""
	}
	for range 5 {
		look(t, r, now)
		settle(t, d)
	}
	all := settle(t, d)
	if len(all) != 2 {
		t.Fatalf("there are %d runs", len(all))
	}
	for _, run := range all {
		if run.Deleted != 5 || run.Matched != 5 || run.Policy != "old" || run.Cause != "policy old" {
			t.Errorf("the run: %+v", run)
		}
	}
	if n, err := d.Count(t.Context(), "a", policy.Filter{}); err != nil || n != 95 {
		t.Errorf("%d are left: %v", n, err)
	}
}

// TestRetentionStops: a policy that would delete more than its share begins once, and waits; another
// one runs meanwhile.
func TestRetentionStops(t *testing.T) {
	r, d := start(t, 10,
		policy.Policy{Name: "too much", After: "5d", Everything: true, MaxShare: 10, ContactCenters: []string{"a"}},
		policy.Policy{Name: "little", After: "9d", Everything: true, MaxShare: 10, ContactCenters: []string{"b"}})
	for range 5 {
		look(t, r, now)
		settle(t, d)
	}
	all := allOf(t, d)
	if len(all) != 2 {
		t.Fatalf("there are %d runs", len(all))
	}
	if little, much := all[0], all[1]; much.Phase != jobs.Unconfirmed || much.Deleted != 0 || little.Deleted != 1 {
		t.Errorf("the runs: %+v", all)
	}
}

// TestReplace: other policies are in force from the next look on.
func TestReplace(t *testing.T) {
	r, d := start(t, 20)
	look(t, r, now)
	if all := settle(t, d); len(all) != 0 {
		t.Fatalf("without policies, %+v", all)
	}

	r.Replace([]policy.Policy{{Name: "new", After: "19d", Everything: true, MaxShare: 10}}, nil)
	for range 3 {
		look(t, r, now)
		settle(t, d)
	}
	if all := settle(t, d); len(all) != 2 || all[0].Policy != "new" || all[0].Deleted != 1 {
		t.Errorf("%+v", all)
	}
	if reports, err := r.Report(t.Context(), false, now); err != nil || len(reports) != 1 {
		t.Errorf("%+v, %v", reports, err)
	}

	r.Replace(nil, nil)
	if reports, err := r.Report(t.Context(), false, now); err != nil || len(reports) != 0 {
		t.Errorf("%+v, %v", reports, err)
	}
}

// TestReplaceCenters: where a policy names no contact centers, it is run in those that there are now.
func TestReplaceCenters(t *testing.T) {
	r, d := start(t, 20, policy.Policy{Name: "old", After: "19d", Everything: true, MaxShare: 10})
	for _, known := range [][]string{{"other"}, {"other", "b"}} {
		r.Replace(r.Policies, known)
		for range 3 {
			look(t, r, now)
			settle(t, d)
		}
	}
	if all := settle(t, d); len(all) != 1 || all[0].ContactCenter != "b" {
		t.Errorf("%+v", all)
	}
}

// TestReplaceAgain: that a policy found nothing says nothing of another one of its name.
func TestReplaceAgain(t *testing.T) {
	r, d := start(t, 20)
	for _, after := range []string{"300d", "19d"} {
		r.Replace([]policy.Policy{{Name: "old", After: after, Everything: true, MaxShare: 10}}, []string{"a"})
		look(t, r, now)
	}
	if all := settle(t, d); len(all) != 1 || all[0].Deleted != 1 {
		t.Errorf("%+v", all)
	}
}

// TestLookGoesOn: a policy that cannot be run keeps no other from it.
func TestLookGoesOn(t *testing.T) {
	r, d := start(t, 20,
		policy.Policy{Name: "wrong", After: "never", Everything: true, MaxShare: 10},
		policy.Policy{Name: "old", After: "19d", Everything: true, MaxShare: 10, ContactCenters: []string{"a"}})
	if err := r.Look(t.Context(), now); err == nil || !strings.Contains(err.Error(), `"wrong"`) {
		t.Errorf("the policy that cannot be run: %v", err)
	}
	if all := settle(t, d); len(all) != 1 || all[0].Policy != "old" {
		t.Errorf("%+v", all)
	}
}

// allOf are all deletions.
func allOf(t *testing.T, d *deletion.Deletions) []deletion.Deletion {
	t.Helper()
	all, err := d.All(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return all
}
