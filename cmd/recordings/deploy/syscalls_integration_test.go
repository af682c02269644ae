//go:build integration

package deploy_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestUnitAllows looks at each system call of a service that starts, works, makes a backup and stops: the
// filter of the unit has none that it needs.
func TestUnitAllows(t *testing.T) {
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	w := watch(t, t.TempDir())
	w.process.stop(t)

	trace := filepath.Join(t.TempDir(), "trace")
	// With -D it is the service that is started, and ended, and strace looks on.
	w.process = spawn(t, exec.Command("strace", "-D", "-f", "-o", trace, path, "serve", "--config", w.config))
	ready(t, w.client, w.process)
	w.postMany()
	w.read()
	w.backUp()
	call(t, w.client, "ops", "POST", "/api/v2/ops/reindex", "", 200)
	until(t, "it is reindexed", func() bool { return w.value("recordings_reindex_running") == "0" })
	if s := w.process.stop(t); s != 0 {
		t.Fatalf("exit status %d\n%s", s, w.process.log)
	}

	// Numbers of less than five digits are filled up with blanks.
	end := regexp.MustCompile(fmt.Sprintf(`(?m)^%d +\+\+\+ exited with 0 \+\+\+$`, w.process.cmd.Process.Pid))
	until(t, "strace has written all", func() bool { return end.MatchString(readFile(t, trace)) })

	allowed, used := allowedCalls(t), map[string]bool{}
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	name := regexp.MustCompile(`^[0-9]+ +([a-z0-9_]+)\(`)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if m := name.FindSubmatch(lines.Bytes()); m != nil {
			used[string(m[1])] = true
		}
	}
	if err := lines.Err(); err != nil || len(used) < 30 {
		t.Fatalf("%d system calls were seen, %v", len(used), err)
	}
	for call := range used {
		if !allowed[call] {
			t.Errorf("the service calls %s, which the unit does not allow", call)
		}
	}
}

// allowedCalls are the system calls that the unit allows, as systemd knows its sets of them.
func allowedCalls(t *testing.T) map[string]bool {
	t.Helper()
	sets, current := map[string][]string{}, ""
	for line := range strings.Lines(run(t, ".", "systemd-analyze", "syscall-filter", "--no-pager")) {
		word := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "@"):
			current = word
		case strings.HasPrefix(line, " ") && word != "" && !strings.HasPrefix(word, "#"):
			sets[current] = append(sets[current], word)
		}
	}

	allowed := map[string]bool{}
	var set func(name string, to bool)
	set = func(name string, to bool) {
		if !strings.HasPrefix(name, "@") {
			allowed[name] = to
			return
		}
		for _, member := range sets[name] {
			set(member, to)
		}
	}
	for _, filter := range unitSettings(readFile(t, "recordings.service"))["SystemCallFilter"] {
		list, denied := strings.CutPrefix(filter, "~")
		for _, name := range strings.Fields(list) {
			set(name, !denied)
		}
	}
	return allowed
}
