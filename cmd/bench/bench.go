package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"recordings/cmd/bench/engine"
	"recordings/cmd/bench/measure"
	"recordings/cmd/bench/report"
)

// bench measures all engines at all sizes, writes the report, and returns an error if an answer
// differs from ours or an engine could not be measured.
func bench(ctx context.Context, o options, stdout, stderr io.Writer) error {
	r := report.Report{Machine: machine(), Command: "go run -tags sqlite_fts5 . " + strings.Join(o.args, " "),
		Cap: o.cap, Corpus: o.corpus}
	all, err := o.earlier()
	if err == nil {
		err = all.Add(&r)
	}
	if err != nil {
		return err
	}

	for _, n := range o.sizes {
		r.Sizes = append(r.Sizes, report.Size{Recordings: n})
		size := &r.Sizes[len(r.Sizes)-1]
		for _, name := range processes(o.engines) {
			size.Results = append(size.Results, o.measure(ctx, name, n, stderr)...)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}

		size.Results = slices.DeleteFunc(size.Results,
			func(m measure.Result) bool { return !slices.Contains(o.engines, m.Engine) })
		if err := errors.Join(all.Add(&r), o.write(all)); err != nil {
			return err
		}
	}

	if err := r.WriteText(stdout); err != nil {
		return err
	}

	if problems := r.Problems(); len(problems) > 0 {
		return errors.New(strings.Join(problems, "\n"))
	}

	return nil
}

// processes are the engines that get a process: ours is measured in that of HTTP, if there is one.
func processes(engines []string) []string {
	if !slices.Contains(engines, engine.HTTPName) {
		return engines
	}
	return slices.DeleteFunc(slices.Clone(engines), func(e string) bool { return e == engine.OursName })
}

// workerArgument is the only argument of the process of an engine.
const workerArgument = "worker"

// measure measures an engine in a process of its own. If it fails, the result says so, and the
// others go on.
func (o *options) measure(ctx context.Context, name string, n int, stderr io.Writer) []measure.Result {
	results, err := o.runWorker(ctx, name, n, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "%s %-9s %v\n", time.Now().Format(time.TimeOnly), name, err)
		return []measure.Result{{Engine: name, Recordings: n, Failure: err.Error()}}
	}
	return results
}

func (o *options) runWorker(ctx context.Context, name string, n int, stderr io.Writer) (results []measure.Result,
	err error) {
	dir, err := o.engineDir(name, n)
	if err != nil {
		return nil, err
	}

	files, kept := filepath.Join(dir, "files"), ""
	if o.keep == "" {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	} else if kept = filepath.Join(dir, "loaded.json"); !exists(kept) {
		err = os.RemoveAll(files)
	}

	// PostgreSQL runs as another user, who has to get through.
	if err := errors.Join(err, os.Chmod(dir, 0o711), os.MkdirAll(files, 0o700)); err != nil {
		return nil, err
	}

	c := o.corpus
	c.Recordings = n
	plan, err := json.Marshal(measure.Plan{Engine: name, Corpus: c, Dir: files, Loaded: kept, LoadOnly: o.loadOnly,
		Cap: o.cap, Only: o.only,
		PerShape: o.perShape, Mix: o.mix, Writes: o.writes})

	if err != nil {
		return nil, err
	}

	program, err := os.Executable()
	if err != nil {
		return nil, err
	}

	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, workerArgument)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(plan), &out, stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute // for stopping in good order
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("measuring %s: %w", name, err)
	}

	err = json.Unmarshal(out.Bytes(), &results)
	return results, err
}

// engineDir is the directory of an engine: a new one, or that where it is kept.
func (o *options) engineDir(name string, n int) (string, error) {
	if o.keep == "" {
		return os.MkdirTemp(o.dir, "bench-"+name+"-")
	}
	if name == engine.HTTPName {
		name = engine.OursName // the same files
	}

	dir := filepath.Join(o.keep, fmt.Sprintf("%s-%d-%d-%s", name, n, o.corpus.Centers, o.corpus.Order))
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o711)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// work is the process of an engine.
func work(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	var plan measure.Plan
	if err := json.NewDecoder(stdin).Decode(&plan); err != nil {
		return fmt.Errorf("reading the plan: %w", err)
	}

	results, err := measure.Run(ctx, plan, stderr)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(results)
}

// earlier returns the results in the -out directory, if there are any and they are to be added to.
func (o *options) earlier() (*report.Report, error) {
	r := &report.Report{Cap: o.cap, Corpus: o.corpus}
	if !o.add {
		return r, nil
	}

	data, err := os.ReadFile(filepath.Join(o.out, "bench.json"))
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(data, r)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the results to be added to: %w", err)
	}

	return r, nil
}

// write writes what there is so far to the directory for it.
func (o *options) write(r *report.Report) error {
	if o.out == "" {
		return nil
	}

	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}

	var text, markdown bytes.Buffer
	data, err := json.MarshalIndent(r, "", "\t")
	err = errors.Join(err, r.WriteText(&text), r.WriteMarkdown(&markdown))
	if err != nil {
		return err
	}

	for name, content := range map[string][]byte{"bench.json": data, "bench.txt": text.Bytes(),
		"bench.md": markdown.Bytes()} {
		if err := os.WriteFile(filepath.Join(o.out, name), content, 0o644); err != nil {
			return err
		}
	}

	return r.Plot(filepath.Join(o.out, "bench.svg"))
}
