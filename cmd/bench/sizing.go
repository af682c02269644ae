package main

import (
	"context"
	"io"
	"os"

	"recordings/cmd/bench/measure"
	"recordings/cmd/bench/report"
)

// sizes tells what the program itself needs for so many recordings.
func sizes(ctx context.Context, o options, stdout, stderr io.Writer) error {
	if err := os.MkdirAll(o.keep, 0o700); err != nil {
		return err
	}
	needs, err := measure.Sizes(ctx, measure.SizingPlan{
		Program: o.program, Sizes: o.sizes, Corpus: o.corpus, Dir: o.keep, Cap: o.cap, Mix: o.mix, Writes: o.writes,
		Cold: o.cold,
	}, stderr)
	if err != nil {
		return err
	}
	return report.WriteNeeds(stdout, needs)
}
