// Recordings keeps, finds and deletes the call recordings of contact centers. Run `recordings help`
// for what it can do.
//
// The command is a value that is run with arguments, streams and an environment of its own, so that
// tests run it in their own process; only main knows the process and ends it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // the zones of exports, wherever the binary runs
)

// version is what the Makefile stamps into the binary.
var version = "dev"

func main() {
	os.Exit(int(mainStatus()))
}

// mainStatus runs the program. The first SIGINT or SIGTERM asks it to stop; the second one ends it
// at once.
func mainStatus() status {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	p := program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ()}
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
