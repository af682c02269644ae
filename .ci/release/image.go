package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nobody is the user and the group of the image: a number that no machine gives to anybody.
const nobody = 65532

// image makes one image for all kinds of machines, as an archive in the layout of OCI: `podman load -i`, `docker load
// -i` and `skopeo copy oci-archive:…` take it. It has the binary, the certificates of Mozilla, and no shell. The zones
// are in the binary.
func (r *release) image() error {
	var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range arches {
		img, err := r.imageOf(arch)
		if err != nil {
			return err
		}
		platform := &v1.Platform{OS: "linux", Architecture: arch}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{
			Platform: platform, Annotations: map[string]string{"org.opencontainers.image.ref.name": r.semver},
		}})
	}

	dir := filepath.Join(r.work, "oci")
	if _, err := layout.Write(dir, index); err != nil {
		return err
	}
	return r.archive(dir, filepath.Join(r.out, fmt.Sprintf("recordings_%s_image.tar", r.semver)))
}

// maxImage is how many bytes an image may have where it is unpacked. One that has more links something anew that keeps
// the linker from leaving out what is never called: see internal/jsoniter, and cmd/recordings for templates.
const maxImage = 40_000_000

// imageOf is the image for one kind of machine.
func (r *release) imageOf(arch string) (v1.Image, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	size := 0
	for _, files := range []func(*tar.Writer) error{
		r.base, func(w *tar.Writer) error { return r.program(w, arch) },
	} {
		layer, bytes, err := r.layer(files)
		if err != nil {
			return nil, err
		}
		if size += bytes; size > maxImage {
			return nil, fmt.Errorf("the image for %s has %d bytes unpacked, more than %d", arch, size, maxImage)
		}
		if img, err = mutate.Append(img, mutate.Addendum{Layer: layer, History: v1.History{
			Created: v1.Time{Time: r.made}, CreatedBy: "recordings/release",
		}}); err != nil {
			return nil, err
		}
	}

	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = "linux", arch, v1.Time{Time: r.made}
	file.Config = v1.Config{
		User:       fmt.Sprintf("%d:%d", nobody, nobody),
		Entrypoint: []string{"/usr/bin/recordings"},
		Cmd:        []string{"serve"}, // which reads recordings.yaml in its directory, if there is one
		WorkingDir: "/etc/recordings",
		Env: []string{
			"PATH=/usr/bin",
			"RECORDINGS_LISTEN=:8080", "RECORDINGS_DATA=/var/lib/recordings", "RECORDINGS_LOG_FORMAT=json",
		},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		Volumes:      map[string]struct{}{"/var/lib/recordings": {}},
		Healthcheck: &v1.HealthConfig{
			Test:     []string{"CMD", "/usr/bin/recordings", "health"},
			Interval: 30 * time.Second, Timeout: 15 * time.Second, StartPeriod: 15 * time.Minute, Retries: 3,
		},
		StopSignal: "SIGTERM",
		Labels: map[string]string{
			"org.opencontainers.image.title":       "recordings",
			"org.opencontainers.image.description": "keeps, finds and plays the call recordings of contact centers",
			"org.opencontainers.image.version":     r.version,
			"org.opencontainers.image.licenses":    "Apache-2.0",
			"org.opencontainers.image.created":     r.made.Format(time.RFC3339),
		},
	}
	return mutate.ConfigFile(img, file)
}

// layer is a layer with the files that somebody writes, and its bytes before it is compressed.
func (r *release) layer(files func(*tar.Writer) error) (layer v1.Layer, size int, err error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := files(w); err != nil {
		return nil, 0, err
	}
	if err := w.Close(); err != nil {
		return nil, 0, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }
	layer, err = tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer),
		tarball.WithCompressionLevel(gzip.BestCompression))
	return layer, b.Len(), err
}

// base writes what hardly ever changes: directories, users and certificates.
func (r *release) base(w *tar.Writer) error {
	certificates, err := rootCertificates()
	if err != nil {
		return err
	}
	for _, d := range []struct {
		name  string
		mode  int64
		owner int
	}{
		{"etc/", 0o755, 0}, {"etc/recordings/", 0o755, 0}, {"etc/ssl/", 0o755, 0}, {"etc/ssl/certs/", 0o755, 0},
		{"tmp/", 0o1777, 0}, {"usr/", 0o755, 0}, {"usr/bin/", 0o755, 0}, {"usr/share/", 0o755, 0},
		{"usr/share/doc/", 0o755, 0}, {"usr/share/doc/recordings/", 0o755, 0},
		{"var/", 0o755, 0}, {"var/lib/", 0o755, 0}, {"var/lib/recordings/", 0o750, nobody},
	} {
		h := &tar.Header{Typeflag: tar.TypeDir, Name: d.name, Mode: d.mode, Uid: d.owner, Gid: d.owner, ModTime: r.made}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
	}

	passwd := "root:x:0:0:root:/:/sbin/nologin\n" +
		fmt.Sprintf("recordings:x:%[1]d:%[1]d::/var/lib/recordings:/sbin/nologin\n", nobody)
	group := fmt.Sprintf("root:x:0:\nrecordings:x:%d:\n", nobody)
	return errors.Join(
		r.file(w, "etc/passwd", 0o644, []byte(passwd)),
		r.file(w, "etc/group", 0o644, []byte(group)),
		r.file(w, "etc/nsswitch.conf", 0o644, []byte("hosts: files dns\n")),
		r.file(w, "etc/ssl/certs/ca-certificates.crt", 0o644, certificates),
	)
}

// program writes the binary, and what is in it.
func (r *release) program(w *tar.Writer, arch string) error {
	for _, f := range []struct {
		from, to string
		mode     int64
	}{
		{r.binary[arch], "usr/bin/recordings", 0o755},
		{filepath.Join(r.root, "LICENSE"), "usr/share/doc/recordings/copyright", 0o644},
		{filepath.Join(r.work, sbomName(arch)), "usr/share/doc/recordings/sbom.cdx.json", 0o644},
	} {
		text, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		if err := r.file(w, f.to, f.mode, text); err != nil {
			return err
		}
	}
	return nil
}

// file writes one file of a layer.
func (r *release) file(w *tar.Writer, name string, mode int64, text []byte) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(text)), ModTime: r.made}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(text)
	return err
}

// rootCertificates are those of Mozilla, as the Go project keeps them: go.sum says which.
func rootCertificates() ([]byte, error) {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue // a file cannot say it
		}
		if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, err
		}
	}
	if b.Len() == 0 {
		return nil, errors.New("there are no root certificates")
	}
	return b.Bytes(), nil
}

// archive writes a directory as a tar file, in the order of its names.
func (r *release) archive(dir, path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()

	w := tar.NewWriter(f)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: r.made})
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return r.file(w, name, 0o644, text)
	})
	return errors.Join(err, w.Close())
}
