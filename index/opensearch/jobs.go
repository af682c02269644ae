package opensearch

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"recordings/index"
	"recordings/index/opensearch/job"
	"recordings/mapping"
)

// jobStore keeps the document of a job in the state index.
type jobStore struct {
	x   *engine
	doc string // its id: "job-", and the name of the job
}

// Read implements [job.Store].
func (s *jobStore) Read(ctx context.Context) (job.Doc, error) {
	k, err := s.x.readNote(ctx, s.doc)
	if err != nil {
		return job.Doc{}, err
	}
	return job.Doc{Found: k.Found, Seq: k.Seq, Term: k.Term, Body: k.Source.Body}, nil
}

// Write implements [job.Store].
func (s *jobStore) Write(ctx context.Context, body string, on job.Doc) (bool, error) {
	n := &note{Kind: "job", Name: strings.TrimPrefix(s.doc, "job-"), Body: body}
	return s.x.writeNote(ctx, s.doc, n, &kept[note]{Found: on.Found, Seq: on.Seq, Term: on.Term})
}

// Temporary implements [job.Store].
func (s *jobStore) Temporary(err error) bool { return isPassing(err) }

// isPassing reports whether an error says that the cluster cannot do something at present.
func isPassing(err error) bool {
	return errors.Is(err, index.ErrUnavailable) || errors.Is(err, index.ErrDiskFull)
}

// pace returns how much is done in a second, and how many seconds what is left takes then, after so much was
// done since a time.
func pace(began time.Time, done, left uint64) (rate float64, seconds int64) {
	took := time.Since(began).Seconds()
	if took <= 0 || done == 0 {
		return 0, 0
	}
	rate = math.Round(float64(done)/took*10) / 10
	return rate, int64(math.Ceil(float64(left) / max(rate, 0.1)))
}

// oneLine is the text of an error, for a verdict.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// now is the time, as it is shown.
func now() mapping.Time { return mapping.Time(time.Now().UnixMilli()) }
