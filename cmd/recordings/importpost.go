package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"

	"recordings/cmd/recordings/internal/client"
	"recordings/cmd/recordings/internal/importer"
)

// batchPost delivers lines by POSTs of many recordings.
type batchPost struct {
	client        *client.Client
	contactCenter string
	dryRun        bool
	answered      bool // at least once: what goes wrong then may pass
}

// batchLine is a line of the answer: a verdict, or the totals at its end.
type batchLine struct {
	Line          int    `json:"line"`
	ID            string `json:"id"`
	Outcome       string `json:"outcome"`
	StatusCode    int    `json:"statusCode"`
	StatusMessage string `json:"statusMessage"`
	Lines         *int   `json:"lines"` // of the totals
}

// The statusCode of rejected lines.
const (
	codeMissing  = 1
	codeInvalid  = 2
	codeInternal = 4 // the reason lies in the service, not in the line
)

// codePartly is the statusCode of totals where some lines were rejected, which is no failure of the
// service.
const codePartly = 7

// maxVerdict bounds a line of the answer, in bytes.
const maxVerdict = 1 << 20

// deliver is an [importer.Deliver]. The service answers while it reads, so verdicts are taken while
// lines are still being sent.
func (b *batchPost) deliver(ctx context.Context, lines io.Reader, taken func(importer.Verdict) error) error {
	path := "/api/v2/ops/contact-centers/" + url.PathEscape(b.contactCenter) + "/recordings"
	query := url.Values{}
	if b.dryRun {
		query.Set("dryRun", "true")
	}

	body, err := b.client.Stream(ctx, path, query, lines)
	// Before the first answer, a 500 rather means the wrong server than one that will recover. Those
	// above it say themselves that they pass.
	if refused, ok := errors.AsType[*client.RefusedError](err); ok {
		const internal = http.StatusInternalServerError
		return b.passing(err, b.answered && refused.Status >= internal || refused.Status > internal)
	}

	if err != nil {
		return b.passing(err, b.answered)
	}
	defer body.Close()

	b.answered = true
	return b.read(body, taken)
}

// read reads the verdicts up to the totals.
func (b *batchPost) read(body io.Reader, taken func(importer.Verdict) error) error {
	answers := bufio.NewScanner(body)
	answers.Buffer(nil, maxVerdict)
	for answers.Scan() {
		var l batchLine
		if err := json.Unmarshal(answers.Bytes(), &l); err != nil {
			return b.passing(errors.New("the answer of the service was cut off"), true)
		}

		if l.Lines != nil {
			if l.StatusCode == 0 || l.StatusCode == codePartly {
				return nil
			}
			return b.passing(errors.New("the service has given up: "+l.StatusMessage), true)
		}

		err := taken(importer.Verdict{
			Line: l.Line, ID: l.ID, Outcome: l.Outcome,
			StatusCode: l.StatusCode, StatusMessage: l.StatusMessage, Doubtful: l.StatusCode == codeInternal,
		})

		if err != nil {
			return err
		}
	}

	err := answers.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}

	return b.passing(fmt.Errorf("the connection to the service was lost: %w", err), true)
}

// passing is an error that passes, or one that trying again cannot help.
func (b *batchPost) passing(err error, passes bool) error {
	if passes {
		return &importer.TransientError{Err: err}
	}
	return err
}
