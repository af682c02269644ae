package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// packages makes the packages, and the SBOM that is in each.
func (r *release) packages() error {
	for _, arch := range arches {
		if err := r.sbom(arch); err != nil {
			return fmt.Errorf("making the SBOM: %w", err)
		}
		for _, format := range []string{"deb", "rpm"} {
			if !r.makes(format) {
				continue
			}
			if err := r.pack(format, arch); err != nil {
				return fmt.Errorf("making the %s for %s: %w", format, arch, err)
			}
		}
	}
	return nil
}

// pack makes one package.
func (r *release) pack(format, arch string) (err error) {
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	info := nfpm.WithDefaults(r.info(format, arch))
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return err
	}

	f, err := os.Create(filepath.Join(r.out, packager.ConventionalFileName(info)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return packager.Package(info, f)
}

// info is what a package says of itself.
func (r *release) info(format, arch string) *nfpm.Info {
	info := &nfpm.Info{
		Name: "recordings", Arch: arch, Platform: "linux", Version: r.semver, VersionSchema: "semver",
		Release: "1", Section: "net", Priority: "optional", Maintainer: "The recordings project <recordings@localhost>",
		License: "Apache-2.0", MTime: r.made,
		Description: "keeps, finds and plays the call recordings of contact centers\n" +
			"A service that keeps the metadata of call recordings, searches it, plays the audio that lies in\n" +
			"Amazon S3 or on WebDAV servers, and deletes it. It speaks the HTTP API of the 2013 \"Recording\n" +
			"Access\" page of Genesys Web Services, and has a page for people.",
	}
	info.Contents = r.contents(format, arch)
	info.Scripts = nfpm.Scripts{
		PreInstall: filepath.Join(r.work, "preinstall"), PostInstall: filepath.Join(r.work, "postinstall"),
		PreRemove: filepath.Join(r.work, "preremove"), PostRemove: filepath.Join(r.work, "postremove"),
	}

	switch format {
	case "deb":
		info.Release = "" // the version is that of upstream alone
		info.Deb.Predepends = []string{"passwd"}
		info.Recommends = []string{"ca-certificates"}
	case "rpm":
		info.Depends = []string{"/usr/sbin/useradd"}
		info.Recommends = []string{"ca-certificates"}
		info.RPM.Group = "Applications/Internet"
		info.RPM.Summary = "keeps, finds and plays the call recordings of contact centers"
		info.RPM.BuildHost = "localhost"
		info.RPM.Compression = "gzip"
	}
	return info
}

// contents are the files of a package.
func (r *release) contents(format, arch string) (all files.Contents) {
	add := func(from, to string, mode os.FileMode) *files.Content {
		c := &files.Content{Source: from, Destination: to, FileInfo: &files.ContentFileInfo{
			Mode: mode, MTime: r.made, Owner: "root", Group: "root",
		}}
		all = append(all, c)
		return c
	}
	made := func(name string) string { return filepath.Join(r.work, name) }
	kept := func(name string) string { return filepath.Join(r.root, name) }

	add(r.binary[arch], "/usr/bin/recordings", 0o755)
	add(kept(deploy+"/recordings.service"), "/usr/lib/systemd/system/recordings.service", 0o644)

	dir := &files.Content{Destination: "/etc/recordings", Type: files.TypeDir, FileInfo: &files.ContentFileInfo{
		Mode: 0o750, MTime: r.made, Owner: "root", Group: "recordings",
	}}
	all = append(all, dir)
	configuration := add(made("recordings.yaml"), "/etc/recordings/recordings.yaml", 0o640)
	configuration.Type, configuration.FileInfo.Group = files.TypeConfigNoReplace, "recordings"

	zsh := "/usr/share/zsh/vendor-completions/_recordings"
	if format == "rpm" {
		zsh = "/usr/share/zsh/site-functions/_recordings"
	}
	add(made("completion.bash"), "/usr/share/bash-completion/completions/recordings", 0o644)
	add(made("completion.zsh"), zsh, 0o644)
	add(made("completion.fish"), "/usr/share/fish/vendor_completions.d/recordings.fish", 0o644)

	pages, _ := filepath.Glob(made("man/*.gz")) // an error is of the pattern
	slices.Sort(pages)
	for _, page := range pages {
		add(page, "/usr/share/man/man1/"+filepath.Base(page), 0o644)
	}

	const doc, share = "/usr/share/doc/recordings/", "/usr/share/recordings/"
	add(kept("LICENSE"), doc+"copyright", 0o644)
	add(kept("CHANGELOG.md"), doc+"CHANGELOG.md", 0o644)
	add(kept("cmd/recordings/README.md"), doc+"README.md", 0o644)
	add(kept("api/README.md"), doc+"api.md", 0o644)
	add(made(sbomName(arch)), doc+"sbom.cdx.json", 0o644)
	for _, name := range []string{"dashboard.json", "alarms.yaml", "prometheus.yaml"} {
		add(kept(deploy+"/"+name), share+name, 0o644)
	}
	return all
}

// sums writes the SHA-256 of everything that was made, as sha256sum -c checks them.
func (r *release) sums() error {
	made, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}

	const name = "SHA256SUMS"
	var b strings.Builder
	for _, f := range made {
		if f.Name() == name || !f.Type().IsRegular() {
			continue
		}
		sum, err := sumOf(filepath.Join(r.out, f.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sum, f.Name())
	}
	return os.WriteFile(filepath.Join(r.out, name), []byte(b.String()), 0o644)
}

// sumOf is the SHA-256 of a file.
func sumOf(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}
