// Bench measures the product and its peers side by side: the same recordings, the same searches, on
// the same machine, one after the other. It compares every answer, and exits with status 1 if one
// differs.
//
//	cd cmd/bench && go run -tags sqlite_fts5 . -n 1M
//
// Every engine runs in a process of its own, so that its memory can be told from that of the
// others, in a directory of its own that is removed afterwards. PostgreSQL is installed by apt where it
// is missing, and OpenSearch is fetched by Maven.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"recordings/cmd/bench/corpus"
	"recordings/cmd/bench/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("wrong usage") // already told

func run(ctx context.Context, args []string) error {
	if len(args) == 1 && args[0] == workerArgument {
		return work(ctx, os.Stdin, os.Stdout, os.Stderr)
	}
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	if o.program != "" {
		return sizes(ctx, o, os.Stdout, os.Stderr)
	}
	return bench(ctx, o, os.Stdout, os.Stderr)
}

// options are what the command line says.
type options struct {
	args     []string
	sizes    []int
	engines  []string
	corpus   corpus.Options // without the number of recordings
	only     string
	cap      time.Duration
	perShape time.Duration
	mix      time.Duration
	writes   time.Duration
	dir      string
	keep     string
	loadOnly bool
	out      string
	add      bool
	program  string
	cold     bool
}

func parseOptions(args []string) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	var n, sizes, engines, order string
	flags.StringVar(&n, "n", "100k", "`recordings` in the corpus; 100000, 100k and 0.1M are the same")
	flags.StringVar(&sizes, "sizes", "", "several sizes of the corpus instead, such as `1M,3M,10M`; draws a plot")
	flags.StringVar(&engines, "engines", strings.Join(report.Engines, ","), "the engines to measure")
	flags.StringVar(&o.only, "only", "", "measure only shapes with this `text` in their name")
	flags.DurationVar(&o.cap, "cap", 5*time.Second, "how long one search may take")
	flags.DurationVar(&o.perShape, "per-shape", time.Second, "how long a shape is repeated")
	flags.DurationVar(&o.mix, "mix", 20*time.Second, "how long the mix of all shapes is repeated")
	flags.DurationVar(&o.writes, "writes", 5*time.Second,
		"how long is written with 1, 16 and 64 writers; 0: not at all")
	flags.IntVar(&o.corpus.Centers, "centers", 60, "contact centers")
	flags.StringVar(&order, "order", string(corpus.Chronological),
		"the order in which recordings arrive: chronological, halves (last year's after this year's) or shuffled")
	flags.StringVar(&o.dir, "dir", "", "`directory` for the engines' files; empty: the one for temporary files")
	flags.StringVar(&o.keep, "keep", "",
		"`directory` to keep loaded engines in, and to find them in the next time; one that is written to (see "+
			"-writes) is loaded anew")
	flags.BoolVar(&o.loadOnly, "load-only", false, "measure nothing but loading")
	flags.StringVar(&o.out, "out", "",
		"`directory` to write bench.txt, bench.md, bench.json and the plot bench.svg to; empty: only print the text")
	flags.BoolVar(&o.add, "add", false, "add to the results that are in the -out directory")
	flags.StringVar(&o.program, "program", "",
		"`file` of the program: tell what it needs itself at each of the sizes, in one data directory that grows in "+
			"-keep")
	flags.BoolVar(&o.cold, "cold", false,
		"with -program: have the system forget what it holds of files before each start")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, errUsage
	}

	o.args = args
	o.corpus.Order = corpus.Order(order)
	o.engines = strings.Split(engines, ",")
	if sizes == "" {
		sizes = n
	}

	err = o.parseSizes(sizes)
	if err == nil {
		err = o.validate(flags.Args())
	}

	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return o, errUsage
	}

	return o, nil
}

func (o *options) parseSizes(list string) error {
	for s := range strings.SplitSeq(list, ",") {
		number, unit := s, 1.0
		switch {
		case strings.HasSuffix(s, "k"):
			number, unit = strings.TrimSuffix(s, "k"), 1e3
		case strings.HasSuffix(s, "M"):
			number, unit = strings.TrimSuffix(s, "M"), 1e6
		}

		n, err := strconv.ParseFloat(number, 64)
		if err != nil || n*unit < 1 || n*unit > 1e9 {
			return fmt.Errorf("size %q: accepted are 1 to 1000M recordings", s)
		}

		o.sizes = append(o.sizes, int(n*unit))
	}

	return nil
}

func (o *options) validate(rest []string) error {
	for _, e := range o.engines {
		if !slices.Contains(report.Engines, e) {
			return fmt.Errorf("engine %q: accepted are %s", e, strings.Join(report.Engines, ", "))
		}
	}

	switch {
	case len(rest) > 0:
		return fmt.Errorf("argument %q: only flags are accepted", rest[0])
	case !slices.Contains([]corpus.Order{corpus.Chronological, corpus.Halves, corpus.Shuffled}, o.corpus.Order):
		return fmt.Errorf("order %q: accepted are %s, %s and %s", o.corpus.Order, corpus.Chronological, corpus.Halves,
			corpus.Shuffled)
	case o.program != "" && o.keep == "":
		return errors.New("-program goes with -keep")
	case !slices.IsSorted(o.sizes) && o.program != "":
		return errors.New("a directory grows: -sizes must ascend")
	case o.add && o.out == "":
		return errors.New("-add goes with -out")
	case o.cap <= 0 || o.perShape <= 0 || o.mix <= 0 || o.writes < 0:
		return errors.New("times must be positive")
	}

	return nil
}
