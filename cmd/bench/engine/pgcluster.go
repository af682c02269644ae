package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cluster is a PostgreSQL server of our own: in a directory of its own, reached by a Unix socket
// only, run as an unprivileged user. It has nothing to do with a cluster that the system may run.
type cluster struct {
	bin    string // directory of the programs
	dir    string
	socket string // directory of the socket; its path must be short
	as     *syscall.Credential
	server *exec.Cmd
	log    *os.File
	ended  chan error
}

// postgresAccount runs the server when we are root, which PostgreSQL refuses to be.
const postgresAccount = "postgres"

func startCluster(ctx context.Context, dir string) (_ *cluster, err error) {
	c := &cluster{dir: filepath.Join(dir, "data")}
	if c.bin, err = postgresPrograms(ctx); err != nil {
		return nil, err
	}

	if err := c.prepare(dir); err != nil {
		return nil, errors.Join(err, c.stop())
	}

	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

// prepare makes the directories, and an empty cluster unless there is one.
func (c *cluster) prepare(dir string) (err error) {
	if c.socket, err = os.MkdirTemp("/tmp", "bench-pg-"); err != nil {
		return err
	}

	if os.Geteuid() == 0 {
		if c.as, err = credential(postgresAccount); err != nil {
			return err
		}
		for _, d := range []string{dir, c.socket} {
			if err := os.Chown(d, int(c.as.Uid), int(c.as.Gid)); err != nil {
				return err
			}
		}
	}

	if _, err := os.Stat(filepath.Join(c.dir, "PG_VERSION")); err == nil {
		return nil
	}

	// Values are compared byte by byte, as in Go, and letters are those of Unicode.
	out, err := c.command("initdb", "--pgdata="+c.dir, "--username=bench", "--auth=trust", "--encoding=UTF8",
		"--locale=C.UTF-8", "--lc-collate=C").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}

	return nil
}

func credential(account string) (*syscall.Credential, error) {
	u, err := user.Lookup(account)
	if err != nil {
		return nil, err
	}

	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}

	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// command prepares one of PostgreSQL's programs. It is in a process group of its own, so that an
// interrupt at the terminal is ours to handle, and is told to stop should we be killed.
func (c *cluster) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, program), args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Setpgid: true, Pdeathsig: syscall.SIGINT}
	return cmd
}

// settings make the most of the machine for this work, and keep what is written as durable as it is
// by default.
func settings() (args []string) {
	memory := totalMemory() >> 20 // MiB
	for _, s := range []string{
		"listen_addresses=",
		"max_connections=100",
		fmt.Sprintf("shared_buffers=%dMB", memory/4),
		fmt.Sprintf("effective_cache_size=%dMB", memory*3/4),
		fmt.Sprintf("maintenance_work_mem=%dMB", min(memory/16, 2048)),
		"work_mem=256MB",
		"max_worker_processes=8",
		fmt.Sprintf("max_parallel_workers=%d", runtime.NumCPU()),
		fmt.Sprintf("max_parallel_workers_per_gather=%d", runtime.NumCPU()/2),
		fmt.Sprintf("max_parallel_maintenance_workers=%d", runtime.NumCPU()),
		"random_page_cost=1.1", // what is not in memory is on an SSD
		"effective_io_concurrency=200",
		"jit=off", // compiling costs more than these searches take
		"default_statistics_target=500",
		"default_toast_compression=lz4",
		"wal_compression=lz4",
		"max_wal_size=16GB",
		"checkpoint_timeout=30min",
		"plan_cache_mode=force_custom_plan", // a plan that suits every pattern suits none
		"fsync=on", "synchronous_commit=on", "full_page_writes=on",
	} {
		args = append(args, "-c", s)
	}

	return args
}

func (c *cluster) start(ctx context.Context) (err error) {
	if c.log, err = os.Create(filepath.Join(filepath.Dir(c.dir), "server.log")); err != nil {
		return err
	}

	c.server = c.command("postgres", append([]string{"-D", c.dir, "-k", c.socket}, settings()...)...)
	c.server.Stdout, c.server.Stderr = c.log, c.log
	if err := c.server.Start(); err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}

	c.ended = make(chan error, 1)
	go func() { c.ended <- c.server.Wait() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if c.command("pg_isready", "--host="+c.socket, "--quiet").Run() == nil {
			return nil
		}

		select {
		case <-tick.C:
		case err := <-c.ended:
			c.ended <- err
			log, _ := os.ReadFile(c.log.Name())
			return fmt.Errorf("PostgreSQL ended at once: %w: %s", err, log)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stop ends the server, and removes its socket. The data stays.
func (c *cluster) stop() error {
	var errs []error
	if c.ended != nil {
		errs = append(errs, c.server.Process.Signal(syscall.SIGINT)) // "fast": sessions are ended
		if err := <-c.ended; err != nil {
			errs = append(errs, fmt.Errorf("stopping PostgreSQL: %w", err))
		}
	}
	if c.log != nil {
		errs = append(errs, c.log.Close())
	}
	if c.socket != "" {
		errs = append(errs, os.RemoveAll(c.socket))
	}

	return errors.Join(errs...)
}

// postgresPrograms is the directory of the newest PostgreSQL, which is installed where there is
// none.
func postgresPrograms(ctx context.Context) (string, error) {
	if dir, ok := findPostgres(); ok {
		return dir, nil
	}

	if err := installPostgres(ctx); err != nil {
		return "", fmt.Errorf("there is no PostgreSQL server here, and installing it failed: %w", err)
	}

	if dir, ok := findPostgres(); ok {
		return dir, nil
	}
	return "", errors.New("PostgreSQL was installed, but no /usr/lib/postgresql/*/bin/postgres is there")
}

func findPostgres() (dir string, ok bool) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // the pattern is right
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4])
		return n
	}

	if len(found) > 0 {
		newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
		return filepath.Dir(newest), true
	}

	path, err := exec.LookPath("postgres") // elsewhere than on Debian
	if err != nil {
		return "", false
	}

	path, err = filepath.EvalSymlinks(path)
	return filepath.Dir(path), err == nil
}

// installPostgres installs PostgreSQL from the packages of Debian and its like, without the cluster
// that these would otherwise make and start.
func installPostgres(ctx context.Context) error {
	const noCluster = `mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' ` +
		`>/etc/postgresql-common/createcluster.conf`
	for _, command := range [][]string{
		{"sh", "-c", noCluster},
		{"apt-get", "update", "-q"},
		{"apt-get", "install", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold",
			"postgresql", "postgresql-contrib"},
	} {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr // standard output is for results
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(command, " "), err)
		}
	}

	return nil
}

// totalMemory is the memory of the machine in bytes.
func totalMemory() uint64 {
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) != nil {
		return 4 << 30
	}
	return uint64(info.Totalram) * uint64(info.Unit)
}
