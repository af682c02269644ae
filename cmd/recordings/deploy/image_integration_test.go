//go:build integration

package deploy_test

import (
	"crypto/x509"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-json-experiment/json"
)

// maxImage is how much there may be to fetch of the image for one kind of machine, in bytes.
const maxImage = 40e6

// descriptor names something else in an image.
type descriptor struct {
	Digest   string `json:"digest"`
	Size     int64  `json:"size"`
	Platform struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
	} `json:"platform"`
}

// imageConfig says how an image is run.
type imageConfig struct {
	Config struct {
		User       string
		Env        []string
		Entrypoint []string
		Cmd        []string
		WorkingDir string

		Healthcheck struct{ Test []string }
	} `json:"config"`
}

// decodeFile reads a file of JSON.
func decodeFile(t *testing.T, path string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(readFile(t, path)), to, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// unpack unpacks the image for an architecture into a directory, as a runtime does.
func unpack(t *testing.T, arch, root string) (c imageConfig) {
	t.Helper()
	oci := t.TempDir()
	run(t, oci, "tar", "-xf", released(t, "recordings_"+version+"_image.tar"))
	blob := func(d descriptor) string {
		return filepath.Join(oci, "blobs", strings.Replace(d.Digest, ":", "/", 1))
	}
	var index struct{ Manifests []descriptor }
	decodeFile(t, filepath.Join(oci, "index.json"), &index)
	at := slices.IndexFunc(index.Manifests, func(d descriptor) bool {
		return d.Platform.OS == "linux" && d.Platform.Architecture == arch
	})
	if at < 0 || len(index.Manifests) != 2 {
		t.Fatalf("the image has %+v", index)
	}

	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	decodeFile(t, blob(index.Manifests[at]), &manifest)
	decodeFile(t, blob(manifest.Config), &c)
	packed := int64(0)
	for _, layer := range manifest.Layers {
		packed += layer.Size
		run(t, root, "tar", "-xpzf", blob(layer), "--same-owner")
	}

	unpacked := int64(0)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		unpacked += info.Size()
		return err
	})
	t.Logf("%s: %.1f MB to fetch, %.1f MB unpacked", arch, float64(packed)/1e6, float64(unpacked)/1e6)
	if err != nil || packed > maxImage {
		t.Errorf("there are %d bytes to fetch, %v", packed, err)
	}
	return c
}

// TestImage runs the entrypoint of the image in a root that has nothing but the image, as its user.
func TestImage(t *testing.T) {
	root := t.TempDir()
	c := unpack(t, runtime.GOARCH, root)
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	elsewhere := t.TempDir()
	unpack(t, other, elsewhere)
	if got := run(t, elsewhere, "file", "-b", "usr/bin/recordings"); !strings.Contains(got, "statically linked") ||
		!strings.Contains(got, map[string]string{"amd64": "x86-64", "arm64": "aarch64"}[other]) {
		t.Errorf("the program for %s is %s", other, got)
	}

	files := strings.Fields(run(t, root, "find", ".", "-type", "f"))
	slices.Sort(files)
	if want := []string{"./etc/group", "./etc/nsswitch.conf", "./etc/passwd", "./etc/ssl/certs/ca-certificates.crt",
		"./usr/bin/recordings", "./usr/share/doc/recordings/copyright",
		"./usr/share/doc/recordings/sbom.cdx.json"}; !slices.Equal(files, want) {
		t.Errorf("it has the files %q", files)
	}
	certificates := x509.NewCertPool()
	if !certificates.AppendCertsFromPEM([]byte(readFile(t, filepath.Join(root, "etc/ssl/certs/ca-certificates.crt")))) {
		t.Error("there are no certificates")
	}
	checkSBOM(t, filepath.Join(root, "usr/share/doc/recordings/sbom.cdx.json"))

	ids := strings.Split(c.Config.User, ":")
	uid, gid := parseID(t, ids[0]), parseID(t, ids[1])
	if uid == 0 || gid == 0 {
		t.Errorf("it runs as %s", c.Config.User)
	}
	in := func(env []string, words ...string) *exec.Cmd {
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir, cmd.Env = c.Config.WorkingDir, append(slices.Clone(c.Config.Env), env...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uid, Gid: gid}}
		return cmd
	}

	address := freePort(t)
	env := []string{
		"RECORDINGS_LISTEN=" + address, "RECORDINGS_REGION=us-west",
		`RECORDINGS_USERS=[{name: ops, role: ops, password_hash: "` + cheapHash + `"}, {name: admin, role: admin, ` +
			`contact_center: a5539ef5-7dd5-4150-818f-ee1bcd447cbe, password_hash: "` + cheapHash + `"}]`,
	}
	health := c.Config.Healthcheck.Test[1:]
	if out, err := in(env, health...).CombinedOutput(); err == nil {
		t.Errorf("what does not run is healthy: %s", out)
	}
	p := spawn(t, in(env, append(c.Config.Entrypoint, c.Config.Cmd...)...))
	client := caller(t, "http://"+address)
	ready(t, client, p)
	command(t, in(env, health...))
	post(t, client, 0, 10)
	if n := found(t, client); n != 10 {
		t.Errorf("found %d recordings", n)
	}

	// The zones are in the program.
	csv := call(t, client, "admin", "GET", "/api/v2/export?startTime=0&format=csv&zone=Asia/Kathmandu", "", 200)
	if !strings.Contains(csv, "2026-01-01 05:45:0") && !strings.Contains(csv, "2026-01-01T05:45:0") {
		t.Errorf("the times of Nepal are\n%.400s", csv)
	}
	if s := p.stop(t); s != 0 {
		t.Errorf("exit status %d\n%s", s, p.log)
	}
	if !strings.HasPrefix(p.log.String(), "{") {
		t.Errorf("the log is no JSON:\n%s", p.log)
	}

	// What it wrote stays in its volume.
	if _, err := os.Stat(filepath.Join(root, "var/lib/recordings/records")); err != nil {
		t.Error(err)
	}
}

// sbomComponent is a part of what an SBOM is about.
type sbomComponent struct{ Name, Version, Purl string }

// checkSBOM: every module that the product is made of is there, with its version.
func checkSBOM(t *testing.T, path string) {
	t.Helper()
	var bom struct {
		BOMFormat    string
		SpecVersion  string
		SerialNumber string
		Components   []sbomComponent
	}
	decodeFile(t, path, &bom)
	if bom.BOMFormat != "CycloneDX" || !strings.HasPrefix(bom.SerialNumber, "urn:uuid:") || len(bom.Components) < 50 {
		t.Errorf("it is %s %s with %d components", bom.BOMFormat, bom.SpecVersion, len(bom.Components))
	}
	mod := readFile(t, "../../../go.mod")
	for _, name := range []string{"github.com/cockroachdb/pebble/v2", "github.com/blevesearch/bleve/v2",
		"github.com/gorilla/mux"} {
		at := slices.IndexFunc(bom.Components, func(c sbomComponent) bool { return c.Name == name })
		if at < 0 {
			t.Errorf("%s is missing", name)
		} else if c := bom.Components[at]; !strings.Contains(mod, "\t"+name+" "+c.Version+"\n") ||
			c.Purl != "pkg:golang/"+name+"@"+c.Version {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
