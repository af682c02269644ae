package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// deploy is where the unit, the scripts, the dashboard and the alarms are, in the checkout.
const deploy = "cmd/recordings/deploy"

// prepare asks the binary of this machine for what is the same for all: the formats that it writes, completions,
// manual pages; and makes the configuration and the scripts of the packages.
func (r *release) prepare() error {
	binary, ok := r.binary[runtime.GOARCH]
	if !ok {
		return fmt.Errorf("the binary must run here to describe itself, and is not made for %s", runtime.GOARCH)
	}
	describe := func(args ...string) ([]byte, error) {
		cmd := exec.Command(binary, args...)
		cmd.Stderr = os.Stderr
		return cmd.Output()
	}

	formats, err := describe("version", "--formats")
	if err != nil {
		return fmt.Errorf("asking for the formats: %w", err)
	}
	r.formats = strings.TrimSpace(string(formats))

	for _, shell := range []string{"bash", "zsh", "fish"} {
		text, err := describe("completion", shell)
		if err != nil {
			return fmt.Errorf("making the completion: %w", err)
		}
		if err := r.write("completion."+shell, text); err != nil {
			return err
		}
	}

	man := filepath.Join(r.work, "man")
	if _, err := describe("man", man); err != nil {
		return fmt.Errorf("making the manual pages: %w", err)
	}
	if err := compressAll(man); err != nil {
		return err
	}
	if err := r.configuration(); err != nil {
		return err
	}
	return r.scripts()
}

// write writes a file of the temporary directory.
func (r *release) write(name string, text []byte) error {
	return os.WriteFile(filepath.Join(r.work, name), text, 0o644)
}

// compressAll has each file of a directory take the place of itself compressed, as manual pages are installed.
func compressAll(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name())
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}

		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestCompression) // without a name and a time
		if err != nil {
			return err
		}
		if _, err := z.Write(text); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		if err := os.WriteFile(path+".gz", b.Bytes(), 0o644); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// configuration makes the configuration of the packages of the example: with directories that the service may write.
func (r *release) configuration() error {
	example, err := os.ReadFile(filepath.Join(r.root, "cmd/recordings/recordings.yaml"))
	if err != nil {
		return err
	}
	text := string(example)
	for before, after := range map[string]string{
		"\n# data: ./data\n":           "\ndata: /var/lib/recordings\n",
		"\n# backup_directory: \"\"\n": "\nbackup_directory: /var/backups/recordings\n",
	} {
		if strings.Count(text, before) != 1 {
			return fmt.Errorf("the example of a configuration has not one line %q", strings.TrimSpace(before))
		}
		text = strings.Replace(text, before, after, 1)
	}
	return r.write("recordings.yaml", []byte(text))
}

// scripts are what packages run. They know which formats this version writes.
func (r *release) scripts() error {
	for _, name := range []string{"preinstall", "postinstall", "preremove", "postremove"} {
		text, err := os.ReadFile(filepath.Join(r.root, deploy, name+".sh"))
		if err != nil {
			return err
		}
		text = bytes.ReplaceAll(text, []byte("@FORMATS@"), []byte(r.formats))
		if err := r.write(name, text); err != nil {
			return err
		}
	}
	return nil
}
