package api_test

import (
	"context"
	"testing"
	"time"

	"recordings/api"
	"recordings/index"
)

// countless is an index whose searches are quick, and whose counts end with their time.
type countless struct{ index.Index }

func (x *countless) Search(ctx context.Context, q index.Query, _ index.Sink) (index.Page, error) {
	if !q.Total {
		return index.Page{}, nil
	}
	<-ctx.Done()
	return index.Page{}, ctx.Err()
}

func (x *countless) Count(ctx context.Context, _ index.Query) (int, error) {
	<-ctx.Done()
	return 0, index.ErrTooCostly
}

// TestCountsThatAreTooCostly: who asked for a total gets it or an error that tells how to do
// without.
func TestCountsThatAreTooCostly(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{Index: &countless{}, SearchTimeout: time.Millisecond})
	const search = "/api/v2/recordings?startTime=0"
	checkAnswer(t, s.do(t, "GET", search+"&total=true", "alice", nil, ""), 503, 4, "leave out total")
	checkAnswer(t, s.do(t, "GET", search+"&explain=true", "alice", nil, ""), 503, 4, "leave out explain")
	if a := s.do(t, "GET", search, "alice", nil, ""); a.status != 200 {
		t.Errorf("without either: %d %s", a.status, a.body)
	}
}
