package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
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
