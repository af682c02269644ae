package blobtest

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Who may use the real servers.
const (
	User     = "svc"
	Password = "pa:ss wörd"
)

// Apache is a real WebDAV server: Debian's apache2 with mod_dav, which needs a user and a password.
type Apache struct {
	URL string // of the collection that holds everything, with a slash at its end
	dir string
}

// StartApache starts an Apache of its own, which has nothing to do with one that the system runs.
// It ends with the test.
func StartApache(t testing.TB) *Apache {
	temp := t.TempDir()
	worldDir(t, filepath.Dir(temp)) // Apache's processes are not those of the user who runs the test
	root := worldDir(t, temp, "apache")
	a := &Apache{dir: worldDir(t, root, "www", "rec")}
	addr := freeAddr(t)
	sum := sha1.Sum([]byte(Password))
	writeFile(t, filepath.Join(root, "users"), User+":{SHA}"+base64.StdEncoding.EncodeToString(sum[:])+"\n")
	writeFile(t, filepath.Join(root, "httpd.conf"), fmt.Sprintf(apacheConfig, root, addr))
	a.URL = "http://" + addr + "/rec/"
	start(t, "http://"+addr, filepath.Join(root, "error.log"), "/usr/sbin/apache2", "-f",
		filepath.Join(root, "httpd.conf"), "-DFOREGROUND")
	return a
}

const apacheConfig = `
ServerRoot %[1]s
Listen %[2]s
ServerName localhost
PidFile %[1]s/pid
ErrorLog %[1]s/error.log
DocumentRoot %[1]s/www
DAVLockDB %[1]s/locks
<IfModule !mpm_event_module>
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
</IfModule>
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authn_file_module /usr/lib/apache2/modules/mod_authn_file.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule auth_basic_module /usr/lib/apache2/modules/mod_auth_basic.so
LoadModule dav_module /usr/lib/apache2/modules/mod_dav.so
LoadModule dav_fs_module /usr/lib/apache2/modules/mod_dav_fs.so
User www-data
Group www-data
<Directory %[1]s/www>
	Dav On
	AuthType Basic
	AuthName recordings
	AuthUserFile %[1]s/users
	Require valid-user
</Directory>
`

// Put stores a file.
func (a *Apache) Put(t testing.TB, name string, data []byte) {
	t.Helper()
	path := filepath.Join(a.dir, filepath.FromSlash(name))
	dir := a.dir
	for folders := strings.Split(name, "/"); len(folders) > 1; folders = folders[1:] {
		dir = worldDir(t, dir, folders[0])
	}

	// A new file in place of the old one, as an uploader would make it.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}

	writeFile(t, path, string(data))
}

// Has reports whether there is a file.
func (a *Apache) Has(t testing.TB, name string) bool {
	t.Helper()
	_, err := os.Lstat(filepath.Join(a.dir, filepath.FromSlash(name)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// start runs a server until the test ends, and waits until it answers. A server that does not start
// fails the test.
func start(t testing.TB, url, log, program string, args ...string) {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()

	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = out, out
	// A test that is killed cleans nothing up: then the kernel ends the server.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}

	exited := make(chan struct{})
	go func() {
		defer close(exited)
		cmd.Wait()
	}()
	t.Cleanup(func() { stop(cmd, exited) })

	if err := answers(t.Context(), url, exited); err != nil {
		text, _ := os.ReadFile(log)
		t.Fatalf("%s does not answer: %v\n%s", program, err, text)
	}
}

// stop asks the server to end, and after a while makes it.
func stop(cmd *exec.Cmd, exited <-chan struct{}) {
	cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-exited:
	case <-time.After(10 * time.Second):
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-exited
	}
}

// answers waits until the server answers anything.
func answers(ctx context.Context, url string, exited <-chan struct{}) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}

		resp, err := client.Do(req)
		if err == nil {
			return resp.Body.Close()
		}

		select {
		case <-tick.C:
		case <-exited:
			return errors.New("it has ended")
		case <-deadline:
			return err
		}
	}
}

// freeAddr is an address on which nobody listens.
func freeAddr(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// worldDir makes a directory that a server of another user may write.
func worldDir(t testing.TB, parts ...string) string {
	dir := filepath.Join(parts...)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
