package calls

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/mapping"
)

// TestWithoutEnd: whatever pieces an export comes in, its last line is left out.
func TestWithoutEnd(t *testing.T) {
	const body, end = "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n", `{"statusCode":0,"count":3}` + "\n"
	for size := 1; size <= len(body+end); size++ {
		var out bytes.Buffer
		w := &withoutEnd{w: &out}
		for piece := range slices.Chunk([]byte(body+end), size) {
			if n, err := w.Write(piece); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
		}
		if out.String() != body {
			t.Errorf("in pieces of %d bytes it is %q", size, &out)
		}
	}
}

// TestBarOf: the greatest count takes all columns, and any count has something.
func TestBarOf(t *testing.T) {
	for _, c := range []struct {
		count, most int64
		columns     int
		want        string
	}{
		{100, 100, 4, "████"}, {50, 100, 4, "██"}, {0, 100, 4, ""}, {1, 1_000_000, 4, "▏"}, {100, 100, 0, ""},
		{15, 100, 10, "█▌"}, {1 << 62, 1 << 62, 3, "███"},
	} {
		if got := barOf(c.count, c.most, c.columns); got != c.want {
			t.Errorf("%d of %d in %d columns is %q, want %q", c.count, c.most, c.columns, got, c.want)
		}
	}
	for n := range int64(101) {
		if got := cli.Columns(barOf(n, 100, 7)); got > 7 || n > 0 && got == 0 {
			t.Errorf("the bar of %d takes %d columns", n, got)
		}
	}
}

// TestData is what an event attached, as text.
func TestData(t *testing.T) {
	for value, want := range map[string]string{
		`{"b":1,"a":"x"}`:     "[[a x] [b 1]]",
		`{"added":{"a":"x"}}`: "[[a x]]",
		`{"deleted":{"a":"x"},"added":{"c":true},"updated":{"b":2}}`: "[[c true] [b 2] [deleted a x]]",
		`{"added":"x"}`: "[[added x]]",
		`{"added":{}}`:  "[[added {}]]",
		`"text"`:        "[]",
		``:              "[]",
	} {
		if got := fmt.Sprint(data(jsontext.Value(value))); got != want {
			t.Errorf("%s is %s, want %s", value, got, want)
		}
	}
}

// TestPlayer is the one that is named, or that there is.
func TestPlayer(t *testing.T) {
	y := &play{Program: &cli.Program{Environ: []string{"PATH=/bin:/usr/bin", envPlayer + "=cat -u"}}}
	if got, err := y.command(); err != nil || !slices.Equal(got, []string{"cat", "-u"}) {
		t.Errorf("%q, %v", got, err)
	}
	y.player = "sh -c true"
	if got, err := y.command(); err != nil || !slices.Equal(got, []string{"sh", "-c", "true"}) {
		t.Errorf("%q, %v", got, err)
	}
	y.player = "no-such-player -"
	if _, err := y.command(); err == nil || !strings.Contains(err.Error(), "there is no player no-such-player here") {
		t.Errorf("%v", err)
	}
	y.player, y.Environ = "", []string{"PATH=" + t.TempDir()}
	if _, err := y.command(); err == nil || !strings.Contains(err.Error(), "--player") ||
		!strings.Contains(err.Error(), "-o call.wav") {
		t.Errorf("%v", err)
	}
}

// called is a recording with an agent of a long name.
func called(agent string) *client.Recording {
	r := &client.Recording{ID: "01F5V2K3", CallerPhoneNumber: "+441632960001", DialedPhoneNumber: "+18005550100"}
	r.EventHistory = []mapping.Event{
		{Contact: &mapping.Contact{Type: mapping.ContactExternal, PhoneNumber: "+441632960001"}},
		{Contact: &mapping.Contact{Type: mapping.ContactUser, FirstName: agent}},
		{Contact: &mapping.Contact{Type: mapping.ContactUser, FirstName: agent}},
		{Contact: &mapping.Contact{Type: mapping.ContactUser, UserName: "ben"}},
	}
	return r
}

// TestTable: text that is not for a terminal is not cut, and every line begins its columns where the head
// does.
func TestTable(t *testing.T) {
	var out bytes.Buffer
	p := &cli.Program{Stdout: &out, Zone: time.UTC}
	long := strings.Repeat("Zoë ", 30)
	w := newTable(p, &out, []string{"agents", "id"})
	if err := w.page([]*client.Recording{called("Ann"), called(long)}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "AGENTS ") || !strings.HasPrefix(lines[1], "Ann, ben ") ||
		!strings.HasPrefix(lines[2], strings.TrimSpace(long)+", ben") {
		t.Fatalf("it is\n%s", &out)
	}
	for _, line := range lines[1:] {
		before, _, _ := strings.Cut(line, "01F5V2K3")
		head, _, _ := strings.Cut(lines[0], "ID")
		if cli.Columns(before) != cli.Columns(head) {
			t.Errorf("the id is at %d, its head at %d", cli.Columns(before), cli.Columns(head))
		}
	}
}

// TestNarrow: columns that may be cut are, the widest first, and never below what makes sense.
func TestNarrow(t *testing.T) {
	p := &cli.Program{Stdout: io.Discard, Zone: time.UTC}
	for width := 1; width < 200; width++ {
		w := newTable(p, io.Discard, nil)
		for range w.columns {
			w.widths = append(w.widths, 40)
		}
		w.narrow(width)
		total := len(gap) * (len(w.columns) - 1)
		for i, c := range w.columns {
			total += w.widths[i]
			if c.least == 0 && w.widths[i] != 40 || w.widths[i] < c.least {
				t.Fatalf("in %d columns %s has %d", width, c.name, w.widths[i])
			}
		}
		if total > width && total != w.shortest() {
			t.Errorf("in %d columns it takes %d, and could take %d", width, total, w.shortest())
		}
	}
}
