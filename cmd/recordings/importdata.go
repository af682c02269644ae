package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"recordings/audit"
	"recordings/cmd/recordings/internal/config"
	"recordings/cmd/recordings/internal/importer"
	"recordings/cmd/recordings/internal/service"
	"recordings/index"
	"recordings/index/batch"
	"recordings/index/embedded"
	"recordings/mapping"
)

// dataBatch delivers lines to a data directory.
type dataBatch struct {
	index         *embedded.Index
	contactCenter string
	decode        mapping.DecodeOptions
	maxLine       int
	put           index.PutOptions
}

// openData opens the data directory of a stopped service.
func (c *importRun) openData(ctx context.Context) (end func() error, err error) {
	settings := config.Defaults()
	if c.config != "" {
		if settings, _, err = config.Load(c.sources(c.config)); err != nil {
			return nil, err
		}
	}

	if all := settings.ContactCenters; len(all) > 0 && !slices.Contains(all, c.contactCenter) {
		return nil, usage("there is no contact center %q", c.contactCenter)
	}

	settings.Data = c.data
	ix, err := service.OpenIndex(ctx, settings, version, newLog(c.stderr, "warn"))
	if err != nil {
		return nil, err
	}

	e := audit.Entry{Action: audit.Post, Outcome: audit.Begun, ContactCenter: c.contactCenter}
	if !c.dryRun {
		if err := service.Audited(ctx, c.data, newLog(c.stderr, "error"), e); err != nil {
			return nil, errors.Join(err, ix.Close())
		}
	}

	b := &dataBatch{
		index: ix, contactCenter: c.contactCenter, maxLine: int(settings.MaxBody),
		decode: mapping.DecodeOptions{AcceptEmptyHistory: settings.TakesEmptyHistory(), Marks: c.marks},
	}

	b.put.Marks = c.marks
	if c.dryRun {
		b.put.DryRun = new(index.DryRun)
	}

	c.place, c.deliver = c.data, b.deliver
	return func() (err error) {
		// Where a search index is still being built, the service goes on with it.
		if ctx.Err() == nil && ix.Status().Ready {
			err = ix.Flush(ctx)
		}
		return errors.Join(err, ix.Close())
	}, nil
}

// deliver is an [importer.Deliver].
func (b *dataBatch) deliver(ctx context.Context, lines io.Reader, taken func(importer.Verdict) error) error {
	o := batch.Options{
		MaxLine: b.maxLine,
		Decode: func(_ context.Context, text []byte) (*mapping.Recording, error) {
			return mapping.Decode(text, b.decode)
		},
		Put: func(ctx context.Context, recordings []*mapping.Recording) []index.PutResult {
			return b.index.PutAll(ctx, b.contactCenter, recordings, b.put)
		},
		Abort: func() { _ = lines.(io.Closer).Close() }, // it never fails
	}

	return batch.Run(ctx, lines, o, func(verdicts []batch.Verdict) error {
		for _, v := range verdicts {
			// These say nothing about the line, and will be the same for all others.
			if errors.Is(v.Err, index.ErrDiskFull) || errors.Is(v.Err, index.ErrUnavailable) {
				return fmt.Errorf("line by line: %w", v.Err)
			}
			if err := taken(verdictOf(v)); err != nil {
				return err
			}
		}
		return nil
	})
}

// verdictOf is the verdict that the service would give.
func verdictOf(v batch.Verdict) importer.Verdict {
	verdict := importer.Verdict{Line: v.Line, ID: v.ID, Outcome: string(v.Outcome)}
	if v.Err == nil {
		return verdict
	}

	verdict.StatusCode, verdict.StatusMessage = codeInternal, v.Err.Error()
	if problems, ok := errors.AsType[mapping.Problems](v.Err); ok {
		verdict.StatusCode = codeInvalid
		if problems.Missing() {
			verdict.StatusCode = codeMissing
		}
	} else if errors.Is(v.Err, index.ErrTooLarge) {
		verdict.StatusCode = codeInvalid
	}

	return verdict
}
