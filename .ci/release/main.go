// Release makes what of this project is installed: packages for Debian and for Red Hat, an image for containers, for
// two kinds of machines each, what is in them (SBOM), and the sums of all that. Made again from the same commit by the
// same Go, each has the same bytes.
//
//	release [-out DIR] [-version VERSION] [-overlay FILE] [deb rpm image sbom]…
//
// Without a list it makes everything. It runs in the directory of this module.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
		os.Exit(1)
	}
}

// kinds are what can be made.
var kinds = []string{"deb", "rpm", "image", "sbom"}

// arches are the processors that it is made for.
var arches = []string{"amd64", "arm64"}

// release is one run.
type release struct {
	root    string    // of the checkout
	out     string    // where it all goes
	version string    // as the binary tells it
	semver  string    // as packages need it
	made    time.Time // of the commit: what is made is no older and no newer
	overlay string    // of the Go tool, for tests; empty: none
	kinds   []string
	work    string // a temporary directory

	formats string            // what the binary writes, each with its version
	binary  map[string]string // by arch
}

func run(args []string) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	r := &release{binary: map[string]string{}}
	flags.StringVar(&r.out, "out", "../../dist", "the directory of what is made")
	flags.StringVar(&r.version, "version", "", "the version; as git describes it if left out")
	flags.StringVar(&r.overlay, "overlay", "", "an overlay of the Go tool, by which tests build another version")
	only := flags.String("arch", "", "only for this kind of machine, for tests")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *only != "" {
		arches = []string{*only}
	}

	r.kinds = flags.Args()
	if len(r.kinds) == 0 {
		r.kinds = kinds
	}
	for _, k := range r.kinds {
		if !slices.Contains(kinds, k) {
			return fmt.Errorf("%q is nothing that can be made; these are: %s", k, strings.Join(kinds, ", "))
		}
	}
	return r.run()
}

// run makes everything.
func (r *release) run() (err error) {
	if r.root, err = filepath.Abs("../.."); err != nil {
		return err
	}
	if r.out, err = filepath.Abs(r.out); err != nil {
		return err
	}
	if err := r.identify(); err != nil {
		return err
	}

	if r.work, err = os.MkdirTemp("", "recordings-release-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.work)) }()
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}

	for _, arch := range arches {
		if err := r.build(arch); err != nil {
			return err
		}
	}
	if err := r.prepare(); err != nil {
		return err
	}
	if err := r.packages(); err != nil {
		return err
	}
	if r.makes("image") {
		if err := r.image(); err != nil {
			return fmt.Errorf("making the image: %w", err)
		}
	}
	return r.sums()
}

func (r *release) makes(kind string) bool { return slices.Contains(r.kinds, kind) }

// released is the form of a version that packages can have as it is.
var released = regexp.MustCompile(`^v?([0-9]+\.[0-9]+\.[0-9]+)$`)

// identify finds out which version this is, and when it was made. Between two releases, versions of packages lie
// before the next one, in the order of their commits.
func (r *release) identify() error {
	if r.version == "" {
		out, err := r.output("git", "describe", "--tags", "--always", "--dirty")
		if err != nil {
			return err
		}
		r.version = out
	}

	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		out, err := r.output("git", "log", "-1", "--format=%ct")
		if err != nil {
			return err
		}
		text = out
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("the time of the commit: %w", err)
	}
	r.made = time.Unix(seconds, 0).UTC()

	r.semver = "0.0.0-" + r.made.Format("20060102150405") + "." + regexp.MustCompile(`[^0-9A-Za-z.]+`).
		ReplaceAllString(r.version, ".")
	if m := released.FindStringSubmatch(r.version); m != nil {
		r.semver = m[1]
	}
	return nil
}

// output runs a program in the checkout, and returns what it prints.
func (r *release) output(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stderr = r.root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// build builds the binary: static, and the same wherever the checkout lies.
func (r *release) build(arch string) error {
	path := filepath.Join(r.work, arch, "recordings")
	args := []string{"build", "-trimpath", "-o", path, "-ldflags", "-s -w -X main.version=" + r.version}
	if r.overlay != "" {
		args = append(args, "-overlay", r.overlay)
	}
	cmd := exec.Command("go", append(args, "./cmd/recordings")...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.root, os.Stderr, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off")
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building for %s: %w", arch, err)
	}
	r.binary[arch] = path
	return nil
}
