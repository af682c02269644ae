package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"recordings/api/auth"
)

// terminal is a pseudo terminal: what a program has, and what sits before it.
func terminal(t *testing.T) (program, keyboard *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })

	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}

	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}

	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })

	return program, keyboard
}

// TestLogOnATerminal is for people: no JSON.
func TestLogOnATerminal(t *testing.T) {
	screen, keyboard := terminal(t)
	l := newLog(screen, "info")
	l.Info().Str("key", "value").Msg("hello")
	line, err := bufio.NewReader(keyboard).ReadString('\n')
	if err != nil || !strings.Contains(line, "hello") || !strings.Contains(line, "key=") ||
		strings.Contains(line, "{") {
		t.Errorf("got %q, %v", line, err)
	}
}

// typist is standard error of a program that asks: it types the next line at each prompt.
type typist struct {
	keyboard *os.File
	lines    []string
	seen     bytes.Buffer
}

func (y *typist) Write(p []byte) (int, error) {
	y.seen.Write(p)
	if strings.HasSuffix(string(p), ": ") && len(y.lines) > 0 {
		if _, err := y.keyboard.WriteString(y.lines[0] + "\n"); err != nil {
			return 0, err
		}
		y.lines = y.lines[1:]
	}
	return len(p), nil
}

func TestHashPasswordOnATerminal(t *testing.T) {
	for _, c := range []struct {
		lines  []string
		status status
		stderr string
	}{
		{[]string{"s3cret", "s3cret"}, done, "Password: \nThe same again: \n"},
		{[]string{"s3cret", "other"}, misused, "the two are not the same"},
		{[]string{"", ""}, misused, "the password is empty"},
	} {
		screen, keyboard := terminal(t)
		y := &typist{keyboard: keyboard, lines: c.lines}
		var out bytes.Buffer
		p := program{stdin: screen, stdout: &out, stderr: y}
		if s := p.run(t.Context(), []string{"hash-password"}); s != c.status ||
			!strings.Contains(y.seen.String(), c.stderr) {
			t.Errorf("%q: status %d, %q", c.lines, s, &y.seen)
		}

		if c.status == done {
			if err := auth.CheckPasswordHash(strings.TrimSpace(out.String())); err != nil {
				t.Error(err)
			}
		}
		if strings.Contains(y.seen.String(), "s3cret") {
			t.Errorf("the password is shown: %q", &y.seen)
		}
	}
}

// TestHashPasswordInterrupted: the terminal shows what is typed again.
func TestHashPasswordInterrupted(t *testing.T) {
	screen, keyboard := terminal(t)
	ctx, interrupt := context.WithCancel(t.Context())
	p := program{stdin: screen, stdout: io.Discard, stderr: newLogBuffer()}
	ended := make(chan status)
	go func() { ended <- p.run(ctx, []string{"hash-password"}) }()
	awaitEcho(t, screen, false)
	interrupt()
	if s := <-ended; s != failed {
		t.Errorf("status %d", s)
	}

	awaitEcho(t, screen, true)
	if _, err := keyboard.WriteString("\n\n"); err != nil { // lets the read that was left behind end
		t.Fatal(err)
	}
}

// awaitEcho waits until the terminal shows what is typed, or does not.
func awaitEcho(t *testing.T, screen *os.File, want bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		state, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		if (state.Lflag&unix.ECHO != 0) == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("echo is %v", !want)
		}
	}
}

// TestSearchByOnATerminal draws a bar for each hour, of which one exists twice as clocks go back.
func TestSearchByOnATerminal(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if want := "interval=hour&startTime=0&zone=Europe%2FBerlin"; r.URL.RawQuery != want {
			t.Errorf("asked for %s, want %s", r.URL.RawQuery, want)
		}
		_, _ = io.WriteString(w, `{"statusCode":0,"histogram":{"interval":"hour","zone":"Europe/Berlin","total":1231,`+
			`"until":"2026-10-25T03:00:00.000+0000","buckets":[{"from":"2026-10-25T00:00:00.000+0000","count":1200},`+
			`{"from":"2026-10-25T01:00:00.000+0000","count":30},{"from":"2026-10-25T02:00:00.000+0000","count":0},`+
			`{"from":"2026-10-25T03:00:00.000+0000","count":1}]}}`+"\n")
	}))
	defer service.Close()

	screen, keyboard := terminal(t)
	var errs bytes.Buffer
	p := program{stdin: strings.NewReader(""), stdout: screen, stderr: &errs, environ: []string{
		"RECORDINGS_SERVER=" + service.URL, "RECORDINGS_USER=admin", "RECORDINGS_PASSWORD=x", "HOME=" + t.TempDir(),
		"NO_COLOR=1",
	}}
	if s := p.run(t.Context(), []string{"search", "--by", "hour", "--zone", "Europe/Berlin"}); s != done {
		t.Fatalf("status %d: %s", s, &errs)
	}

	lines := bufio.NewReader(keyboard)
	for _, want := range []string{
		"HOUR                     RECORDINGS",
		"2026-10-25 02:00 +02:00       1,200  " + strings.Repeat("█", 43),
		"2026-10-25 02:00 +01:00          30  █",
		"2026-10-25 03:00 +01:00           0",
		"2026-10-25 04:00 +01:00           1  ▏",
	} {
		if line, err := lines.ReadString('\n'); err != nil || strings.TrimRight(line, "\r\n") != want {
			t.Errorf("got  %q, %v\nwant %q", line, err, want)
		}
	}
	if want := "1,231 recordings in all; zone: Europe/Berlin"; !strings.Contains(errs.String(), want) {
		t.Errorf("got %q, want %q", &errs, want)
	}
}
