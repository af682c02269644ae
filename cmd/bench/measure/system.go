package measure

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// memoryWatch samples how much memory a process and its children use.
type memoryWatch struct {
	pid     int
	mu      sync.Mutex
	highest int64
	done    chan struct{}
	ended   sync.WaitGroup
}

const memoryInterval = 100 * time.Millisecond

// watchMemory watches the process of a server, or this one where there is none.
func watchMemory(server int) *memoryWatch {
	if server == 0 {
		server = os.Getpid()
	}

	w := &memoryWatch{pid: server, done: make(chan struct{})}
	w.ended.Go(func() {
		tick := time.NewTicker(memoryInterval)
		defer tick.Stop()
		for {
			w.sample()
			select {
			case <-tick.C:
			case <-w.done:
				return
			}
		}
	})

	return w
}

// sample adds up what the processes have of their own, and counts once what they share.
func (w *memoryWatch) sample() {
	var own, shared int64
	for _, pid := range family(w.pid) {
		s := status(pid)
		own += s["RssAnon"]
		shared = max(shared, s["RssShmem"])
	}

	w.mu.Lock()
	w.highest = max(w.highest, own+shared)
	w.mu.Unlock()
}

// peak returns the most that was used since the last call.
func (w *memoryWatch) peak() int64 {
	w.sample()
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.highest
	w.highest = 0
	return p
}

func (w *memoryWatch) stop() {
	close(w.done)
	w.ended.Wait()
}

// family is a process and its children.
func family(pid int) []int {
	pids := []int{pid}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return pids
	}

	for _, child := range strings.Fields(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}

// status returns the sizes in /proc/PID/status, in bytes. A process that has ended has none.
func status(pid int) map[string]int64 {
	sizes := map[string]int64{}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return sizes
	}

	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if number, ok := strings.CutSuffix(strings.TrimSpace(value), " kB"); ok {
			n, err := strconv.ParseInt(number, 10, 64)
			if err == nil {
				sizes[name] = n << 10
			}
		}
	}

	return sizes
}

// mappedPeak is the most memory this process has had, files that it maps included.
func mappedPeak() int64 { return status(os.Getpid())["VmHWM"] }

// The engine is at rest when for restWindow its processes together use less than restShare of a
// processor.
const (
	restWindow = 2 * time.Second
	restShare  = 0.05
	restLimit  = 15 * time.Minute
)

// waitRest waits until this process and the server, if there is one, are at rest, and returns since
// when.
func waitRest(ctx context.Context, server int) (time.Time, error) {
	begin := time.Now()
	tick := time.NewTicker(restWindow)
	defer tick.Stop()
	for {
		since, used := time.Now(), cpuTime(server)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return since, ctx.Err()
		}

		if cpuTime(server)-used < time.Duration(restShare*float64(restWindow)) {
			return since, nil
		}
		if time.Since(begin) > restLimit {
			return since, fmt.Errorf("the engine is still busy %s after loading", restLimit)
		}
	}
}

const clockTicks = 100 // per second, in /proc, on every Linux

// cpuTime is the processor time of this process, and of the server with its children.
func cpuTime(server int) (total time.Duration) {
	total = timeOf([]int{os.Getpid()})
	if server != 0 {
		total += timeOf(family(server))
	}
	return total
}

// timeOf is the processor time of some processes.
func timeOf(pids []int) (total time.Duration) {
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}

		// The second field is the name in parentheses, which may hold anything; user and system
		// time are the 14th and 15th.
		fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
		for _, field := range fields[11:13] {
			n, err := strconv.ParseInt(string(field), 10, 64)
			if err == nil {
				total += time.Duration(n) * time.Second / clockTicks
			}
		}
	}

	return total
}
