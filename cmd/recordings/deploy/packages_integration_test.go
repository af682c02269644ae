//go:build integration

package deploy_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"recordings/cmd/recordings/internal/faulttest"
)

// versionBefore is the one before, whose search index is of an older schema.
const versionBefore = "1.0.0"

// TestReproducible makes everything again, in another checkout: each has the same bytes, and the sums
// that stand beside it.
func TestReproducible(t *testing.T) {
	first := filepath.Dir(released(t, "SHA256SUMS"))
	run(t, first, "sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS")

	again := filepath.Join(t.TempDir(), "elsewhere")
	run(t, checkout(t), "cp", "-a", ".", again)
	out := t.TempDir()
	if err := release(again, out, "-version", version); err != nil {
		t.Fatal(err)
	}
	run(t, out, "diff", "-r", first, out)

	sums := strings.Fields(readFile(t, filepath.Join(first, "SHA256SUMS")))
	for _, want := range []string{
		"recordings_1.1.0_amd64.deb", "recordings_1.1.0_arm64.deb", "recordings-1.1.0-1.x86_64.rpm",
		"recordings-1.1.0-1.aarch64.rpm", "recordings_1.1.0_image.tar", "recordings_1.1.0_amd64.cdx.json",
		"recordings_1.1.0_arm64.cdx.json",
	} {
		if !strings.Contains(strings.Join(sums, "\n")+"\n", want+"\n") {
			t.Errorf("%s was not made: %q", want, sums)
		}
	}
}

// madeRoot is a Debian that has nothing installed but what every Debian has, and curl. It takes root.
var madeRoot = sync.OnceValues(func() (string, error) {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", err
	}
	codename := regexp.MustCompile(`(?m)^VERSION_CODENAME=(.*)$`).FindSubmatch(release)
	if codename == nil {
		return "", fmt.Errorf("this is no Debian: %s", release)
	}
	root, err := os.MkdirTemp("", "recordings-debian-")
	if err != nil {
		return "", err
	}
	leftovers = append(leftovers, root)
	out, err := exec.Command("mmdebstrap", "--quiet", "--variant=essential", "--include=passwd,curl",
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-include=/usr/share/*/recordings*", string(codename[1]), root).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("mmdebstrap: %w\n%s", err, out)
	}
	return root, nil
})

// freshRoot is such a Debian for one test.
func freshRoot(t *testing.T) string {
	t.Helper()
	made, err := madeRoot()
	if err != nil {
		t.Fatal(err)
	}
	// Not below the directory of the test, whose name is too long for a socket in it.
	root, err := os.MkdirTemp("", "recordings-root-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	run(t, root, "cp", "-a", made+"/.", root)
	return root
}

// installed is a root in which the service is installed.
type installed struct {
	*testing.T
	root   string
	listen string
	client *faulttest.Caller
	told   *listener
}

// in runs a program in the root, as its superuser.
func (i *installed) in(name string, args ...string) string {
	i.Helper()
	return run(i.T, "/", "chroot", append([]string{i.root, name}, args...)...)
}

// install installs a package in the root, and returns what is said meanwhile.
func (i *installed) install(from string) string {
	i.Helper()
	name := "/" + filepath.Base(from)
	run(i.T, i.root, "cp", from, i.root+name)
	if strings.HasSuffix(name, ".rpm") {
		return run(i.T, i.root, "rpm", "--root", i.root, "--nodeps", "--ignorearch", "-U", "--force", from)
	}
	return i.in("dpkg", "-i", name)
}

// start starts the service as the unit says, as its user. Nothing but the unit says how.
func (i *installed) start() *process {
	i.Helper()
	unit := unitSettings(readFile(i.T, filepath.Join(i.root, "usr/lib/systemd/system/recordings.service")))
	words := strings.Fields(unit["ExecStart"][0])
	ids := strings.Fields(i.in("sh", "-c", "id -u "+unit["User"][0]+"; id -g "+unit["Group"][0]))
	uid, gid := parseID(i.T, ids[0]), parseID(i.T, ids[1])

	i.told.forget()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = unit["WorkingDirectory"][0]
	cmd.Env = []string{"NOTIFY_SOCKET=/run/notify", "WATCHDOG_USEC=1500000"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: i.root, Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	return spawn(i.T, cmd)
}

// serve starts the service, and waits until it is ready.
func (i *installed) serve() *process {
	i.Helper()
	p := i.start()
	p.await(i.T, i.told, "READY=1", 1)
	ready(i.T, i.client, p)
	return p
}

// end stops the service, which must say so.
func (i *installed) end(p *process) {
	i.Helper()
	if s := p.stop(i.T); s != 0 {
		i.Errorf("exit status %d\n%s", s, p.log)
	}
	if n, _ := i.told.count("STOPPING=1"); n != 1 {
		i.Errorf("it was told %d times that the service stops", n)
	}
}

// indexed reports whether a search index that was begun after a time has a segment on the disk, and says so
// in its root. What it has in memory alone is gone when the service ends.
func (i *installed) indexed(began time.Time) bool {
	i.Helper()
	var segment, root time.Time // the oldest segment, the newest root
	err := filepath.WalkDir(filepath.Join(i.root, "var/lib/recordings/search"),
		func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil // it may have been removed meanwhile
			}
			info, err := d.Info()
			if err != nil {
				return nil
			}
			at := info.ModTime()
			switch {
			case filepath.Ext(path) == ".zap" && at.After(began) && (segment.IsZero() || at.Before(segment)):
				segment = at
			case filepath.Base(path) == "root.bolt" && at.After(root):
				root = at
			}
			return nil
		})
	if err != nil {
		i.Fatal(err)
	}
	return !segment.IsZero() && root.After(segment)
}

// configure does what the package asks for when it is installed.
func (i *installed) configure() {
	i.Helper()
	path := filepath.Join(i.root, "etc/recordings/recordings.yaml")
	text := readFile(i.T, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		i.Errorf("others may read the configuration: %v, %v", info.Mode(), err)
	}
	hash := exec.CommandContext(i.Context(), "chroot", i.root, "/usr/bin/recordings", "hash-password")
	hash.Stdin = strings.NewReader("secret\n")
	out, err := hash.Output()
	if err != nil {
		i.Fatal(err)
	}

	i.listen = freePort(i.T)
	text = strings.ReplaceAll(text, "PUT THE HASH HERE", strings.TrimSpace(string(out)))
	text = strings.Replace(text, "name: recorder,", "name: ops,", 1)
	text = strings.Replace(text, "name: alice,", "name: admin,", 1)
	text = strings.Replace(text, "\n# listen: 127.0.0.1:8080\n", "\nlisten: "+i.listen+"\n", 1)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0) // which leaves its owner and its mode
	if err != nil {
		i.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		i.Fatal(err)
	}
	if err := f.Close(); err != nil {
		i.Fatal(err)
	}
	i.in("recordings", "check-config", "--config", "/etc/recordings/recordings.yaml")
	i.client = caller(i.T, "http://"+i.listen)
}

// before makes the package of the version before: from the same source, but for the version of the
// search index, which is then built anew by the upgrade.
func before(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	schema := filepath.Join(checkout(t), "index/embedded/schema/schema.go")
	text := readFile(t, schema)
	older := regexp.MustCompile(`\nconst Version = [0-9]+\n`).ReplaceAllString(text, "\nconst Version = 1\n")
	if older == text {
		t.Fatal("the version of the schema is not where it was")
	}
	overlay := fmt.Sprintf(`{"Replace": {%q: %q}}`, schema, write(t, filepath.Join(dir, "schema.go"), older))
	write(t, filepath.Join(dir, "overlay.json"), overlay)
	out := t.TempDir()
	if err := release(checkout(t), out, "-version", versionBefore, "-overlay", filepath.Join(dir, "overlay.json"),
		"-arch", runtime.GOARCH, "deb"); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(out, "recordings_"+versionBefore+"_"+runtime.GOARCH+".deb")
}

// TestDebian installs the version before on a fresh Debian, runs it as its user, upgrades it with data
// in place and a search index that must be built anew, goes back, removes it, and has all data at the end.
func TestDebian(t *testing.T) {
	old, current := before(t), released(t, "recordings_"+version+"_"+runtime.GOARCH+".deb")
	i := &installed{T: t, root: freshRoot(t)}
	i.told = listen(t, filepath.Join(i.root, "run/notify"))

	if out := i.install(old); !strings.Contains(out, "the service starts when its configuration is complete") {
		t.Errorf("installing does not say what to do next:\n%s", out)
	}
	i.configure()
	p := i.serve()
	post(t, i.client, 0, 20)
	if n := found(t, i.client); n != 20 {
		t.Errorf("found %d recordings", n)
	}
	p.await(t, i.told, "WATCHDOG=1", 3)
	i.in("recordings", "health", "--config", "/etc/recordings/recordings.yaml")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.await(t, i.told, "RELOADING=1", 1)
	p.await(t, i.told, "READY=1", 2)
	i.end(p)

	// The upgrade says before it begins that the search index is another one.
	said := i.install(current)
	if at := strings.Index(said, "this version has another search index"); at < 0 ||
		at > strings.Index(said, "Setting up recordings") {
		t.Errorf("the upgrade says\n%s", said)
	}
	if v := i.in("recordings", "version"); !strings.Contains(v, "recordings "+version+" ") {
		t.Errorf("after the upgrade: %s", v)
	}
	began := time.Now()
	p = i.serve()
	post(t, i.client, 20, 30)
	if n := found(t, i.client); n != 30 {
		t.Errorf("after the upgrade, %d recordings are found\n%s", n, p.log)
	}
	until(t, "the new search index is on the disk", func() bool { return i.indexed(began) })
	i.end(p)

	// The version before refuses the newer search index, leaves it alone, and does as the upgrade said.
	i.in("dpkg", "-i", "/"+filepath.Base(old))
	p = i.start()
	if s := p.status(t); s != 1 || !strings.Contains(p.log.String(), "schema that this program does not know") {
		t.Errorf("exit status %d\n%s", s, p.log)
	}
	i.in("rm", "-r", "/var/lib/recordings/search")
	p = i.serve()
	if n := found(t, i.client); n != 30 {
		t.Errorf("after going back, %d recordings are found\n%s", n, p.log)
	}
	i.end(p)

	// An upgrade from a version whose records are of an older format cannot be undone.
	write(t, filepath.Join(i.root, "usr/bin/recordings"), "#!/bin/sh\necho records=1 pebble=1 search=1 audit=1\n")
	i.in("chmod", "755", "/usr/bin/recordings")
	said = i.install(current)
	if at := strings.Index(said, "THIS UPGRADE CANNOT BE UNDONE"); at < 0 ||
		at > strings.Index(said, "Setting up recordings") || !strings.Contains(said, "writes  records=1 pebble=1 ") {
		t.Errorf("the upgrade says\n%s", said)
	}
	i.checkFiles()

	// Whoever removes the package, or purges it, has their recordings all the same.
	for _, remove := range []string{"--remove", "--purge"} {
		if out := i.in("dpkg", remove, "recordings"); !strings.Contains(out, "the recordings stay in") {
			t.Errorf("%s says\n%s", remove, out)
		}
	}
	if _, err := os.Stat(filepath.Join(i.root, "etc/recordings/recordings.yaml")); !os.IsNotExist(err) {
		t.Errorf("purging leaves the configuration: %v", err)
	}
	i.install(current)
	i.configure()
	p = i.serve()
	if n := found(t, i.client); n != 30 {
		t.Errorf("after removing and installing, %d recordings are found\n%s", n, p.log)
	}
	i.end(p)
}

// checkFiles looks at what is installed beside the program and its unit.
func (i *installed) checkFiles() {
	i.Helper()
	for _, name := range []string{
		"usr/share/bash-completion/completions/recordings", "usr/share/zsh/vendor-completions/_recordings",
		"usr/share/fish/vendor_completions.d/recordings.fish", "usr/share/man/man1/recordings.1.gz",
		"usr/share/man/man1/recordings-serve.1.gz", "usr/share/doc/recordings/copyright",
		"usr/share/doc/recordings/sbom.cdx.json", "usr/share/recordings/dashboard.json",
		"usr/share/recordings/alarms.yaml", "usr/share/recordings/prometheus.yaml",
	} {
		info, err := os.Stat(filepath.Join(i.root, name))
		if err != nil || info.Size() == 0 || info.Mode().Perm() != 0o644 {
			i.Errorf("%s: %v", name, err)
		}
	}
}

// TestRPM looks at the packages for Red Hat with rpm, and installs one in a fresh root, whose scripts run
// there; it upgrades it, removes it, and has all data at the end.
func TestRPM(t *testing.T) {
	for _, arch := range []string{"x86_64", "aarch64"} {
		path := released(t, "recordings-"+version+"-1."+arch+".rpm")
		run(t, ".", "rpm", "--checksig", "--nosignature", path)
		if got := run(t, ".", "rpm", "-qp", "--qf", "%{NAME} %{VERSION} %{ARCH} %{LICENSE} %{BUILDHOST}", path); got !=
			"recordings "+version+" "+arch+" Apache-2.0 localhost" {
			t.Errorf("it says %q", got)
		}
		files := run(t, ".", "rpm", "-qp", "--qf", "[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} "+
			"%{FILEFLAGS:fflags} %{FILENAMES}\n]", path)
		for _, want := range []string{
			"-rwxr-xr-x root root  /usr/bin/recordings\n",
			"-rw-r----- root recordings cn /etc/recordings/recordings.yaml\n",
			"drwxr-x--- root recordings  /etc/recordings\n", " /usr/share/man/man1/recordings-serve.1.gz\n",
			" /usr/lib/systemd/system/recordings.service\n", " /usr/share/zsh/site-functions/_recordings\n",
		} {
			if !strings.Contains(files, want) {
				t.Errorf("%q is not among its files:\n%s", want, files)
			}
		}
	}

	i := &installed{T: t, root: freshRoot(t)}
	i.told = listen(t, filepath.Join(i.root, "run/notify"))
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	path := released(t, "recordings-"+version+"-1."+arch+".rpm")
	i.install(path)
	i.configure()
	p := i.serve()
	post(t, i.client, 0, 10)
	i.end(p)

	i.install(path)
	run(t, "/", "rpm", "--root", i.root, "--nodeps", "-e", "recordings")
	if _, err := os.Stat(filepath.Join(i.root, "usr/bin/recordings")); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	i.install(path)
	i.configure()
	p = i.serve()
	if n := found(t, i.client); n != 10 {
		t.Errorf("found %d recordings\n%s", n, p.log)
	}
	i.end(p)
}
