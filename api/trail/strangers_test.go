package trail_test

import (
	"fmt"
	"net/netip"
	"testing"

	"recordings/api/trail"
	"recordings/audit"
)

// notes is a log that keeps what is noted.
type notes struct {
	audit.Log
	all []audit.Entry
}

// Note implements [audit.Log].
func (n *notes) Note(entries ...audit.Entry) (uint64, error) {
	n.all = append(n.all, entries...)
	return uint64(len(n.all)), nil
}

// TestStrangers: who is refused again and again leaves a bounded number of entries, and the next one says how
// many are missing. Others leave theirs.
func TestStrangers(t *testing.T) {
	t.Parallel()
	log, s := &notes{}, trail.NewStrangers()
	refuse := func(network, name string) {
		x := trail.New(log, audit.Entry{Action: audit.SignIn})
		x.Caller(name, "")
		s.Bound(x, netip.MustParsePrefix(network))
		x.End(audit.Refused)
	}

	const many = 5000
	for range many {
		refuse("192.0.2.1/32", "")
	}
	if n := len(log.all); n < 20 || n > 30 { // one more every ten seconds
		t.Errorf("%d refusals of one left %d entries", many, n)
	}
	written := len(log.all)
	refuse("192.0.2.1/32", "alice")
	refuse("2001:db8::/64", "")
	if len(log.all) != written+2 {
		t.Fatalf("others left %d entries", len(log.all)-written)
	}
	if got := fmt.Sprint(log.all[written].Facts["leftOut"]); got != fmt.Sprint(many-written) {
		t.Errorf("%s entries are said to be left out, want %d", got, many-written)
	}
	if _, told := log.all[written+1].Facts["leftOut"]; told {
		t.Error("what was left out is told twice")
	}

	for i := range 3 * many {
		refuse(fmt.Sprintf("10.%d.%d.1/32", i>>8, i&255), "")
	}
	if n := len(log.all); n > 1500 {
		t.Errorf("refusals from %d addresses left %d entries", 3*many, n)
	}
	s.Bound(nil, netip.Prefix{}) // a request that leaves nothing
}
