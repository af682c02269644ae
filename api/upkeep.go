package api

import (
	"context"
	"net/http"

	"recordings/api/auth"
	"recordings/index"
)

// paramRepair asks for what is derived to be rebuilt if it is damaged.
const paramRepair = "repair"

type (
	reindexAnswer struct {
		StatusCode int           `json:"statusCode"`
		Reindex    index.Reindex `json:"reindex"`
	}
	verifyAnswer struct {
		StatusCode int                `json:"statusCode"`
		Verify     index.Verification `json:"verify"`
	}
)

// reindex tells how building the search index anew is doing.
func (s *Server) reindex(context.Context, struct{}) (reindexAnswer, error) {
	return reindexAnswer{Reindex: s.o.Operations.Reindex()}, nil
}

// controlReindex starts, pauses, resumes or cancels it.
func (s *Server) controlReindex(a index.Action) http.HandlerFunc {
	return endpoint(s, s.decodeNothing, func(ctx context.Context, _ struct{}) (reindexAnswer, error) {
		state, err := s.o.Operations.ControlReindex(ctx, a)
		return reindexAnswer{Reindex: state}, err
	})
}

// verification tells how verifying is doing, or what was found.
func (s *Server) verification(context.Context, struct{}) (verifyAnswer, error) {
	return verifyAnswer{Verify: s.o.Operations.Verification()}, nil
}

func (s *Server) decodeVerify(r *http.Request) (repair bool, err error) {
	params, problems := parseQuery(r.URL.RawQuery, []string{paramRepair})
	_, repair, wrong := takeFlag(params, paramRepair)
	if problems = append(problems, wrong...); len(problems) > 0 {
		return false, problems
	}
	return repair, nil
}

func (s *Server) startVerify(ctx context.Context, repair bool) (verifyAnswer, error) {
	state, err := s.o.Operations.ControlVerify(ctx, index.Start, repair)
	return verifyAnswer{Verify: state}, err
}

func (s *Server) cancelVerify(ctx context.Context, _ struct{}) (verifyAnswer, error) {
	state, err := s.o.Operations.ControlVerify(ctx, index.Cancel, false)
	return verifyAnswer{Verify: state}, err
}

// upkeepResources are the paths of reindexing and verifying.
func (s *Server) upkeepResources() []resource {
	type methods = map[string]http.HandlerFunc
	ops := []auth.Role{auth.RoleOps}
	const reindex, verify = "/api/v2/ops/reindex", "/api/v2/ops/verify"
	return []resource{
		{reindex, ops, methods{"GET": endpoint(s, s.decodeNothing, s.reindex), "POST": s.controlReindex(index.Start)}},
		{reindex + "/pause", ops, methods{"POST": s.controlReindex(index.Pause)}},
		{reindex + "/resume", ops, methods{"POST": s.controlReindex(index.Resume)}},
		{reindex + "/cancel", ops, methods{"POST": s.controlReindex(index.Cancel)}},
		{verify, ops, methods{"GET": endpoint(s, s.decodeNothing, s.verification), "POST": endpoint(s, s.decodeVerify, s.startVerify)}},
		{verify + "/cancel", ops, methods{"POST": endpoint(s, s.decodeNothing, s.cancelVerify)}},
	}
}
