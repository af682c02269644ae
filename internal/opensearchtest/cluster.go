// Package opensearchtest starts clusters of real OpenSearch nodes on this machine: for tests, and for
// `make cluster`. It wants Java, and the first time Maven, which fetches OpenSearch.
//
// The nodes are processes of their own on 127.0.0.1, on ports that are free, as a user without rights
// (OpenSearch refuses root). They end when they are closed, and with the process that started them.
package opensearchtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Options say what is started.
type Options struct {
	Nodes    int      // 0: one
	Heap     string   // of each node, as Java has it; empty: 512m
	Settings []string // NAME=VALUE, further ones of every node

	// Dir is an existing directory, which user nobody can get through, where the nodes have their files: these
	// stay, and are found again the next time. Empty: a temporary one.
	Dir string

	// Java are the options of Java, beside the heap; nil: those by which many nodes start quickly on a machine
	// that has other things to do, which is not what makes one of them fast.
	Java []string
}

// Cluster is a number of nodes that run. Its methods must not be used concurrently.
type Cluster struct {
	Nodes []*Node

	options    Options
	dir        string
	home, java string
}

// Node is one node. Its address stays the same when it is started again.
type Node struct {
	Name string
	URL  string // of its HTTP

	cluster   *Cluster
	dir       string
	http      int // ports; 0 until it has run
	transport int
	cmd       *exec.Cmd
	ended     chan struct{}
}

const (
	// nobody is the user and group that nodes run as where the tests run as root.
	nobody = 65534

	// startPatience is how long a cluster may take until all nodes have met, on a machine that others use.
	startPatience = 3 * time.Minute
)

// ForTest starts a cluster that ends with a test, or fails the test.
func ForTest(t testing.TB, o Options) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), o)
	if err != nil {
		t.Fatalf("starting OpenSearch: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, n := range c.Nodes {
				t.Logf("the log of %s ends with\n%s", n.Name, n.tail())
			}
		}
		if err := c.Close(); err != nil {
			t.Errorf("ending OpenSearch: %v", err)
		}
	})
	return c
}

// Start starts a cluster, and returns when all of its nodes have met. It must be closed.
func Start(ctx context.Context, o Options) (_ *Cluster, err error) {
	o.Nodes = max(o.Nodes, 1)
	if o.Heap == "" {
		o.Heap = "512m"
	}
	c := &Cluster{options: o}
	if c.java, err = java(); err != nil {
		return nil, err
	}
	if c.home, err = install(ctx); err != nil {
		return nil, err
	}
	if c.dir = o.Dir; c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "recordings-opensearch-"); err != nil {
			return nil, fmt.Errorf("making a directory: %w", err)
		}
	}
	if err := errors.Join(os.Chmod(c.dir, 0o755), c.makeSnapshots()); err != nil {
		return nil, errors.Join(fmt.Errorf("making a directory: %w", err), c.Close())
	}

	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for i := range o.Nodes {
		n := &Node{Name: fmt.Sprintf("n%d", i+1), cluster: c}
		n.dir = filepath.Join(c.dir, n.Name)
		c.Nodes = append(c.Nodes, n)
		if err := errors.Join(n.prepare(), n.launch()); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	if err := c.meet(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Snapshots is the directory that all nodes may have snapshot repositories in, of the type fs, whose location may
// be relative to it.
func (c *Cluster) Snapshots() string { return filepath.Join(c.dir, "snapshots") }

// makeSnapshots makes that directory.
func (c *Cluster) makeSnapshots() error {
	if err := os.MkdirAll(c.Snapshots(), 0o755); err != nil || os.Getuid() != 0 {
		return err
	}
	return os.Chown(c.Snapshots(), nobody, nobody)
}

// Addresses are the URLs of all nodes.
func (c *Cluster) Addresses() []string {
	all := make([]string, len(c.Nodes))
	for i, n := range c.Nodes {
		all[i] = n.URL
	}
	return all
}

// Close kills all nodes, and removes what they have stored, unless [Options.Dir] says where.
func (c *Cluster) Close() error {
	var errs []error
	for _, n := range c.Nodes {
		errs = append(errs, n.Kill())
	}
	if c.options.Dir == "" {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}

// meet tells the nodes of each other, and waits until they are one cluster.
func (c *Cluster) meet(ctx context.Context) error {
	var seeds bytes.Buffer
	for _, n := range c.Nodes {
		if err := n.learnPorts(ctx); err != nil {
			return err
		}
		fmt.Fprintf(&seeds, "127.0.0.1:%d\n", n.transport)
	}
	for _, n := range c.Nodes {
		if err := os.WriteFile(filepath.Join(n.dir, "config", "unicast_hosts.txt"), seeds.Bytes(), 0o644); err != nil {
			return fmt.Errorf("telling %s of the others: %w", n.Name, err)
		}
	}
	for _, n := range c.Nodes {
		if err := n.Await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Await waits until a node is in a cluster with all others that run.
func (n *Node) Await(ctx context.Context) error {
	running := 0
	for _, other := range n.cluster.Nodes {
		if other.running() {
			running++
		}
	}
	return n.until(ctx, "be one of the cluster", func() bool {
		var health struct {
			Nodes int `json:"number_of_nodes"`
		}
		return n.get(ctx, "/_cluster/health", &health) == nil && health.Nodes >= running
	})
}

// once is a client that leaves no connection behind.
var once = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// get asks a node for JSON.
func (n *Node) get(ctx context.Context, path string, to any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+path, nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", n.Name, err)
	}
	resp, err := once.Do(req)
	if err != nil {
		return fmt.Errorf("asking %s: %w", n.Name, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("asking %s: %s", n.Name, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(to)
}

// until waits until a condition holds, as long as the node runs.
func (n *Node) until(ctx context.Context, what string, condition func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-n.ended:
			return fmt.Errorf("%s has ended before it could %s:\n%s", n.Name, what, n.tail())
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s to %s: %w\n%s", n.Name, what, context.Cause(ctx), n.tail())
		}
	}
	return nil
}

// prepare makes the directories of a node, with a configuration of its own.
func (n *Node) prepare() error {
	for _, dir := range []string{"", "data", "logs", "tmp"} {
		if err := os.MkdirAll(filepath.Join(n.dir, dir), 0o755); err != nil {
			return fmt.Errorf("preparing %s: %w", n.Name, err)
		}
	}
	config := filepath.Join(n.dir, "config")
	if err := os.RemoveAll(config); err != nil { // of the time before
		return fmt.Errorf("preparing %s: %w", n.Name, err)
	}
	if err := os.CopyFS(config, os.DirFS(filepath.Join(n.cluster.home, "config"))); err != nil {
		return fmt.Errorf("preparing %s: %w", n.Name, err)
	}

	// The options that come with it log to a directory of the installation, which is not the node's. The
	// simplest collector and compiler leave two processors to the tests.
	chosen := n.cluster.options.Java
	if chosen == nil {
		chosen = []string{"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}
	}
	options := strings.Join(append(slices.Clone(chosen),
		"-Djava.io.tmpdir="+filepath.Join(n.dir, "tmp"), "18-:-Djava.security.manager=allow",
		"-XX:ErrorFile="+filepath.Join(n.dir, "logs", "crash-%p.log"), ""), "\n")
	if err := os.WriteFile(filepath.Join(config, "jvm.options"), []byte(options), 0o644); err != nil {
		return fmt.Errorf("preparing %s: %w", n.Name, err)
	}
	if os.Getuid() != 0 {
		return nil
	}
	return filepath.WalkDir(n.dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, nobody, nobody))
	})
}

// launch starts the process of a node. Where it has run before, it gets the same ports.
func (n *Node) launch() error {
	names := n.cluster.options.names()
	arguments := []string{
		"cluster.name=recordings-test", "node.name=" + n.Name, "node.portsfile=true",
		"path.data=" + filepath.Join(n.dir, "data"), "path.logs=" + filepath.Join(n.dir, "logs"),
		"path.repo=" + n.cluster.Snapshots(),
		"network.host=127.0.0.1", fmt.Sprint("http.port=", n.http), fmt.Sprint("transport.port=", n.transport),
		"discovery.seed_providers=file", "cluster.initial_cluster_manager_nodes=" + strings.Join(names, ","),
		"cluster.routing.allocation.disk.threshold_enabled=false", "action.auto_create_index=false",
	}
	cmd := exec.Command(filepath.Join(n.cluster.home, "bin", "opensearch"))
	for _, a := range append(arguments, n.cluster.options.Settings...) {
		cmd.Args = append(cmd.Args, "-E"+a)
	}
	cmd.Dir = n.dir
	cmd.Env = append(os.Environ(),
		"OPENSEARCH_PATH_CONF="+filepath.Join(n.dir, "config"), "OPENSEARCH_TMPDIR="+filepath.Join(n.dir, "tmp"),
		"OPENSEARCH_JAVA_OPTS=-Xms"+n.cluster.options.Heap+" -Xmx"+n.cluster.options.Heap,
		"OPENSEARCH_JAVA_HOME="+n.cluster.java, "HOME="+n.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}

	said, err := os.OpenFile(filepath.Join(n.dir, "said"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("starting %s: %w", n.Name, err)
	}
	defer func() { _ = said.Close() }() // the process has its own
	cmd.Stdout, cmd.Stderr = said, said
	for _, file := range []string{"http.ports", "transport.ports"} {
		if err := os.Remove(filepath.Join(n.dir, "logs", file)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("starting %s: %w", n.Name, err)
		}
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", n.Name, err)
	}

	n.cmd, n.ended = cmd, make(chan struct{})
	go func(ended chan struct{}) {
		defer close(ended)
		_ = cmd.Wait() // it is killed
	}(n.ended)
	return nil
}

// names are those of the nodes.
func (o *Options) names() (names []string) {
	for i := range o.Nodes {
		names = append(names, fmt.Sprintf("n%d", i+1))
	}
	return names
}

// learnPorts waits until a node listens, and reads where.
func (n *Node) learnPorts(ctx context.Context) error {
	for _, p := range []struct {
		file string
		port *int
	}{{"http.ports", &n.http}, {"transport.ports", &n.transport}} {
		err := n.until(ctx, "listen", func() bool {
			text, err := os.ReadFile(filepath.Join(n.dir, "logs", p.file))
			if err != nil {
				return false
			}
			address, err := net.ResolveTCPAddr("tcp", strings.TrimSpace(string(text)))
			if err == nil {
				*p.port = address.Port
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	n.URL = fmt.Sprintf("http://127.0.0.1:%d", n.http)
	return nil
}

// running reports whether the process of a node has not ended.
func (n *Node) running() bool {
	if n.cmd == nil {
		return false
	}
	select {
	case <-n.ended:
		return false
	default:
		return true
	}
}

// Process is the id of the process of a node that runs.
func (n *Node) Process() int { return n.cmd.Process.Pid }

// Kill ends a node as a power cut would, and waits until it is gone. A node that does not run is left alone.
func (n *Node) Kill() error {
	if !n.running() {
		return nil
	}
	if err := n.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-n.ended
	return nil
}

// Signal sends a signal to a node: SIGSTOP freezes it, SIGCONT wakes it.
func (n *Node) Signal(s syscall.Signal) error {
	if err := n.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("sending %v to %s: %w", s, n.Name, err)
	}
	return nil
}

// Restart starts a node that was killed, at the address that it had.
func (n *Node) Restart() error { return n.launch() }

// tail is the end of what a node has said.
func (n *Node) tail() string {
	const most = 4 << 10
	f, err := os.Open(filepath.Join(n.dir, "said"))
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }() // it was read
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, size-most), io.SeekStart)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
