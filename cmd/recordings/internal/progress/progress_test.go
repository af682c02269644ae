package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// clock is a time that tests set.
type clock struct{ at time.Time }

func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

func newMeter(width int) (*Meter, *bytes.Buffer, *clock) {
	c := &clock{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	b := new(bytes.Buffer)
	m := New(b)
	m.now = func() time.Time { return c.at }
	if width > 0 {
		m.width = func() int { return width }
	}
	return m, b, c
}

func TestLines(t *testing.T) {
	m, b, c := newMeter(0)
	for i := range int64(101) {
		m.Show(State{Phase: "importing", Done: i << 20, Total: 200 << 20, Unit: Bytes, Note: "3 rejected"})
		c.pass(100 * time.Millisecond)
	}

	m.Printf("a word")
	m.End()
	want := `importing, 0%, 0 B of 200.0 MiB, 3 rejected
importing, 25%, 50.0 MiB of 200.0 MiB, 10.0 MiB/s, 15s left, 3 rejected
importing, 50%, 100.0 MiB of 200.0 MiB, 10.0 MiB/s, 10s left, 3 rejected
a word
`

	if b.String() != want {
		t.Errorf("it wrote\n%swant\n%s", b, want)
	}
}

func TestBar(t *testing.T) {
	m, b, c := newMeter(60)
	m.Show(State{Phase: "filling", Done: 0, Total: 2000, Unit: "recordings"})
	c.pass(time.Second)
	m.Show(State{Phase: "filling", Done: 1000, Total: 2000, Unit: "recordings"})
	m.Show(State{Phase: "filling", Done: 1001, Total: 2000, Unit: "recordings"}) // too soon
	m.Printf("a word")
	m.Show(State{Phase: "comparing", Done: 1})
	m.End()
	drawings := strings.Split(b.String(), "\r")
	want := []string{
		"",
		"[----------------------] filling, 0%, 0 of 2,000 recordings",
		"filling, 50%, 1,000 of 2,000 recordings, 1,000/s, 1s left  ",
		strings.Repeat(" ", 57),
		"a word\n",
		"[####----] filling, 50%, 1,001 of 2,000 recordings, 1,001/s",
		"comparing, 1" + strings.Repeat(" ", 47),
		"comparing, 1\n",
	}

	if len(drawings) != len(want) {
		t.Fatalf("it drew %q", drawings)
	}

	for i := range want {
		if drawings[i] != want[i] {
			t.Errorf("drawing %d is %q, want %q", i, drawings[i], want[i])
		}
	}
}

// TestNarrow: the bar shrinks first, and what matters stays.
func TestNarrow(t *testing.T) {
	m, _, _ := newMeter(80)
	m.state = State{Phase: "importing", Done: 119_998, Total: 240_000, Unit: "recordings", Rate: 9876,
		Left: 12 * time.Second, Note: "1,234 rejected"}
	for columns, want := range map[int]string{
		120: "[###########-------------] importing, 49%, 119,998 of 240,000 recordings, 9,876/s, 12s left, " +
			"1,234 rejected",
		96: "", 79: "",
		40: "importing, 49%, 12s left, 1,234 rejected",
		30: "49%, 12s left, 1,234 rejected",
		25: "12s left, 1,234 rejected",
		9:  "12s left,",
	} {
		got := m.line(columns)
		if len(got) > columns || want != "" && got != want || !strings.Contains(got, "12s left") {
			t.Errorf("in %d columns it is %q", columns, got)
		}
		if columns > 30 && !strings.Contains(got, "1,234 rejected") {
			t.Errorf("in %d columns the rejects are gone: %q", columns, got)
		}
	}
}

// TestGiven has the rate and the time left from elsewhere, and nothing to show at the end of
// nothing.
func TestGiven(t *testing.T) {
	m, b, _ := newMeter(0)
	m.End()
	m.Show(State{Phase: "catching up", Done: 12_345_678, Total: 20_000_000, Unit: "recordings", Rate: 9876.5,
		Left: 90 * time.Second})
	if want := "catching up, 61%, 12,345,678 of 20,000,000 recordings, 9,877/s, 1m30s left\n"; b.String() != want {
		t.Errorf("it wrote %q, want %q", b, want)
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 123456: "123,456",
		1234567: "1,234,567", -1: "-1", -999: "-999", -1000: "-1,000"} {
		if got := Number(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
