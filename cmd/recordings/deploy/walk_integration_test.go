//go:build integration

package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"recordings/cmd/recordings/internal/faulttest"
	"recordings/mapping"
)

// walkFrame is what is around the commands of the README. A service is started where they start one, is
// waited for, and is stopped for as long as a command works on its data directory.
const walkFrame = `
set -euo pipefail
service() {
	command recordings serve --config recordings.yaml >>service.log 2>&1 &
	pid=$!
	until command recordings health --ready 2>/dev/null; do
		kill -0 "$pid"
		sleep 0.05
	done
}
recordings() {
	case " $* " in
	" serve "*) service ;;
	" hash-password "*) echo secret | command recordings "$@" ;;
	*" --data "*)
		kill "$pid"
		wait "$pid"
		command recordings "$@"
		service
		;;
	" export "*) RECORDINGS_USER=admin command recordings "$@" ;;
	*) command recordings "$@" ;;
	esac
}
pid=
trap 'status=$?; [ $status = 0 ] || tail -n 5 service.log; [ -z "$pid" ] || kill "$pid" || true' EXIT
`

// TestReadmeWalk runs the commands of the README that are marked, from its top to its bottom, in a fresh
// Debian in which the package is installed, as the user of the service and in a network of its own.
func TestReadmeWalk(t *testing.T) {
	blocks := walkBlocks(readFile(t, "../README.md"))
	if len(blocks) < 8 {
		t.Fatalf("the README has %d blocks that are marked by <!-- walk -->", len(blocks))
	}
	i := &installed{T: t, root: freshRoot(t)}
	i.install(released(t, "recordings_"+version+"_"+runtime.GOARCH+".deb"))
	i.configure()

	// The configuration of the package, but for the directories, and the address, which is that of the README.
	walk := filepath.Join(i.root, "walk")
	text := readFile(t, filepath.Join(i.root, "etc/recordings/recordings.yaml"))
	text = strings.NewReplacer("listen: "+i.listen, "listen: 127.0.0.1:8080", "\ndata: /var/lib/recordings\n",
		"\ndata: data\n").Replace(text)
	i.in("install", "-d", "-o", "recordings", "-g", "recordings", "/walk", "/walk/data", "/mnt/b")
	i.in("rmdir", "/var/lib/recordings")
	i.in("ln", "-s", "/walk/data", "/var/lib/recordings")
	write(t, filepath.Join(walk, "recordings.yaml"), text)
	var lines strings.Builder
	for n := range 20 {
		const may = 129 * 24 * 3600 // in seconds since the beginning of the year
		line, err := mapping.Encode(faulttest.RecordingOf("imported-"+string(rune('a'+n)), may+n))
		if err != nil {
			t.Fatal(err)
		}
		lines.WriteString(string(line) + "\n")
	}
	write(t, filepath.Join(walk, "calls.ndjson"), lines.String())

	placeholders := strings.NewReplacer("--contact-center ID", "--contact-center "+faulttest.ContactCenter,
		"ops:…", "ops:secret", " --known 81234:5f0c…", "")
	script := walkFrame
	for _, block := range blocks {
		script += "echo '== block'\n" + placeholders.Replace(block)
	}
	write(t, filepath.Join(walk, "walk.sh"), script)
	i.in("chown", "-R", "recordings:recordings", "/walk")

	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "sh", "-c", `ip link set lo up && exec chroot "$1" `+
		`setpriv --reuid recordings --regid recordings --clear-groups `+
		`env -i -C /walk PATH=/usr/bin:/bin HOME=/walk RECORDINGS_USER=ops RECORDINGS_PASSWORD=secret bash walk.sh`,
		"walk", i.root)
	t.Log(command(t, cmd))
	for name, least := range map[string]int{"may.csv": 21, "audit.ndjson": 5} {
		if n := strings.Count(readFile(t, filepath.Join(walk, name)), "\n"); n < least {
			t.Errorf("%s has %d lines, want at least %d", name, n, least)
		}
	}
	if _, err := os.Stat(filepath.Join(walk, "new", "records")); err != nil {
		t.Errorf("nothing was restored: %v", err)
	}
}

// walkBlocks are the blocks of commands, indented by four blanks, behind the marks.
func walkBlocks(readme string) (blocks []string) {
	for _, block := range regexp.MustCompile(`(?m)^<!-- walk -->\n+((?:    .*\n)+)`).FindAllStringSubmatch(readme, -1) {
		blocks = append(blocks, regexp.MustCompile(`(?m)^    `).ReplaceAllString(block[1], ""))
	}
	return blocks
}
