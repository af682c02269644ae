package main

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"
)

// sbomName is the name of the SBOM of a binary, in the temporary directory.
func sbomName(arch string) string { return "sbom." + arch + ".cdx.json" }

// sbom writes down, in the form of CycloneDX, what a binary is made of, as the Go tool has noted it there.
func (r *release) sbom(arch string) error {
	info, err := buildinfo.ReadFile(r.binary[arch])
	if err != nil {
		return err
	}
	sum, err := sumOf(r.binary[arch])
	if err != nil {
		return err
	}

	product := &cyclonedx.Component{
		BOMRef: "recordings", Type: cyclonedx.ComponentTypeApplication, Name: "recordings", Version: r.version,
		Description: "keeps, finds and plays the call recordings of contact centers",
		Licenses:    &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
		Hashes:      &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sum)}},
	}
	parts := []cyclonedx.Component{component("std", strings.TrimPrefix(info.GoVersion, "go"))}
	for _, m := range info.Deps {
		if m = used(m); !strings.HasPrefix(m.Path, "./") { // a directory is the product's own
			parts = append(parts, component(m.Path, m.Version))
		}
	}
	slices.SortFunc(parts, func(a, b cyclonedx.Component) int { return strings.Compare(a.BOMRef, b.BOMRef) })

	refs := make([]string, len(parts))
	for i, p := range parts {
		refs[i] = p.BOMRef
	}
	bom := cyclonedx.NewBOM()
	bom.SerialNumber = "urn:uuid:" + uuid.NewSHA1(uuid.NameSpaceURL, sum).String() // the same for the same binary
	bom.Metadata = &cyclonedx.Metadata{Timestamp: r.made.Format("2006-01-02T15:04:05Z"), Component: product}
	bom.Components = &parts
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: product.BOMRef, Dependencies: &refs}}

	var b bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&b, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		return err
	}
	if err := r.write(sbomName(arch), b.Bytes()); err != nil || !r.makes("sbom") {
		return err
	}
	name := fmt.Sprintf("recordings_%s_%s.cdx.json", r.semver, arch)
	return os.WriteFile(filepath.Join(r.out, name), b.Bytes(), 0o644)
}

// used is the module that is in the binary: another one, where it is replaced.
func used(m *debug.Module) *debug.Module {
	if m.Replace != nil {
		return m.Replace
	}
	return m
}

// component is a Go module.
func component(path, version string) cyclonedx.Component {
	purl := "pkg:golang/" + path + "@" + version
	return cyclonedx.Component{
		BOMRef: purl, PackageURL: purl, Type: cyclonedx.ComponentTypeLibrary, Name: path, Version: version,
	}
}
