package api

import (
	"context"
	"errors"
	"slices"

	"recordings/index"
	"recordings/mapping"
)

// The parameters that ask a search for more than a page of its result.
const (
	paramTotal   = "total"   // how many match
	paramExplain = "explain" // how many each criterion would find alone
)

// explanation says how many recordings one criterion finds alone. Where a search finds nothing, it shows why.
type explanation struct {
	Parameter string `json:"parameter"`
	Value     string `json:"value"` // as sent
	Matches   int    `json:"matches"`
}

// countError says that a search was too costly that need not have counted.
type countError struct {
	param string // the parameter to leave out
	cause error
}

func (e *countError) Error() string { return "counting for " + e.param + ": " + e.cause.Error() }

func (e *countError) Unwrap() error { return e.cause }

func (e *countError) failure() failure {
	return failure{status: 503, code: codeInternal, message: "the search takes too long with " + e.param + "=true, as all matches have to be counted; leave out " +
		e.param + ", or narrow the search by startTime and endTime, or give longer pieces of text between the stars"}
}

// unlessCounted names the parameter that may have made a search too costly.
func unlessCounted(err error, counted bool, param string) error {
	if counted && (errors.Is(err, index.ErrTooCostly) || errors.Is(err, context.DeadlineExceeded)) {
		return &countError{param, err}
	}
	return err
}

// takeFlag removes the parameter of this name and tells whether it is true.
func takeFlag(params []param, name string) (rest []param, flag bool, problems mapping.Problems) {
	i := slices.IndexFunc(params, func(p param) bool { return p.name == name })
	if i < 0 {
		return params, false, nil
	}
	value := params[i].value
	if value != "true" && value != "false" {
		problems = mapping.Problems{{Path: name, Message: "is neither true nor false, which are accepted"}}
	}
	return slices.Delete(slices.Clone(params), i, i+1), value == "true", problems
}

// explain counts what each criterion of a search finds alone, in the order in which they were sent.
func (s *Server) explain(ctx context.Context, in searchRequest) ([]explanation, error) {
	all := make([]explanation, 0, len(in.pager.criteria))
	for _, p := range in.pager.criteria {
		criteria, problems := parseCriteria([]param{p})
		if len(problems) > 0 {
			return nil, problems
		}
		q := index.Query{ContactCenter: in.query.ContactCenter, Region: in.query.Region, Criteria: criteria}
		n, err := s.o.Index.Count(ctx, q)
		if err != nil {
			return nil, unlessCounted(err, true, paramExplain)
		}
		all = append(all, explanation{Parameter: p.name, Value: p.value, Matches: n})
	}
	return all, nil
}
