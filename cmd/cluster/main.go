// Cluster runs the demonstration on a cluster: three OpenSearch nodes, and two services in front of them, each
// a process of its own.
//
//	cluster PROGRAM
//
// PROGRAM is the program of the service. Everything ends with Ctrl-C, or when one of the services ends.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"recordings/internal/opensearchtest"
)

// services is where the services listen. The first stores the recordings, and the others find them there.
var services = []string{"127.0.0.1:8080", "127.0.0.1:8081"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	if len(os.Args) != 2 {
		return errors.New("usage: cluster PROGRAM")
	}
	fmt.Println("starting three OpenSearch nodes; the first time, OpenSearch is fetched from Maven Central")
	nodes, err := opensearchtest.Start(ctx, opensearchtest.Options{Nodes: 3})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, nodes.Close()) }()
	addresses := strings.Join(nodes.Addresses(), ",")
	fmt.Println("the nodes are", addresses)

	ctx, end := context.WithCancel(ctx)
	ended := make(chan error, len(services))
	started := 0
	defer func() {
		end()
		for range started {
			err = errors.Join(err, <-ended)
		}
	}()
	for _, listen := range services {
		cmd := exec.CommandContext(ctx, os.Args[1], "serve", "--demo", "--opensearch", addresses, "--listen", listen)
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = 30 * time.Second
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			return err
		}
		started++
		go func() {
			err := cmd.Wait()
			if ctx.Err() != nil {
				err = nil // it was asked to
			}
			end()
			ended <- err
		}()
		if err := ready(ctx, "http://"+listen+"/readyz"); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// ready waits until a service is ready, or has ended, which is no error of this.
func ready(ctx context.Context, url string) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close() // nothing of it is wanted
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
