// Recordings keeps, finds and deletes the call recordings of contact centers. Run `recordings help`
// for what it can do.
//
// The command is a value that is run with arguments, streams and an environment of its own, so that
// tests run it in their own process; only main knows the process and ends it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // the zones of exports, wherever the binary runs

	"recordings/cmd/recordings/internal/supervisor"
)

// version is what the Makefile stamps into the binary.
var version = "dev"

func main() {
	os.Exit(int(mainStatus()))
}

// hangups has each SIGHUP sent to a channel.
func hangups(to chan<- os.Signal) (forget func()) {
	signal.Notify(to, syscall.SIGHUP)
	return func() { signal.Stop(to) }
}

// mainStatus runs the program. The first SIGINT or SIGTERM asks it to stop; the second one ends it
// at once.
func mainStatus() status {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	above, err := supervisor.FromEnvironment()
	if err != nil {
		fmt.Fprintf(os.Stderr, "recordings: what systemd has set is not understood: %v\n", err)
		return misused
	}

	p := program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(), listen: hangups,
		supervisor: above}
	done := make(chan status, 1)
	go func() { done <- p.run(ctx, os.Args[1:]) }()

	select {
	case s := <-done:
		return s
	case <-signals:
		stop()
	}

	select {
	case s := <-done:
		return s
	case <-signals:
		return failed
	}
}
