package main

import (
	"context"
	"errors"
	"io"
	"net/http"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/importer"
)

// batchPost delivers lines by POSTs of many recordings.
type batchPost struct {
	center   *client.Center
	options  client.BatchOptions
	answered bool // at least once: what goes wrong then may pass
}

// The statusCode of rejected lines.
const (
	codeMissing  = client.CodeMissing
	codeInvalid  = client.CodeInvalid
	codeInternal = client.CodeInternal // the reason lies in the service, not in the line
)

// deliver is an [importer.Deliver]. The service answers while it reads, so verdicts are taken while
// lines are still being sent.
func (b *batchPost) deliver(ctx context.Context, lines io.Reader, taken func(importer.Verdict) error) error {
	for v, err := range b.center.PostLines(ctx, lines, b.options) {
		if err != nil {
			return b.passing(err)
		}

		b.answered = true
		err := taken(importer.Verdict{
			Line: v.Line, ID: v.ID, Outcome: v.Outcome,
			StatusCode: v.StatusCode, StatusMessage: v.StatusMessage, Doubtful: v.StatusCode == codeInternal,
		})
		if err != nil {
			return err
		}
	}

	b.answered = true
	return nil
}

// passing is an error that passes, or one that trying again cannot help. Before the first answer, a 500
// rather means the wrong server than one that will recover. Those above it say themselves that they pass.
func (b *batchPost) passing(err error) error {
	refused, isRefused := errors.AsType[*client.RefusedError](err)
	_, unreachable := errors.AsType[*client.UnreachableError](err)

	passes := true // it was interrupted, or given up
	switch {
	case isRefused:
		const internal = http.StatusInternalServerError
		passes = b.answered && refused.Status >= internal || refused.Status > internal
	case unreachable:
		passes = b.answered
	}
	if passes {
		return &importer.TransientError{Err: err}
	}
	return err
}
