package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"recordings/index"
	"recordings/mapping"
)

// The parameters that ask a search for more than a page of its result.
const (
	paramTotal   = "total"   // how many match
	paramExplain = "explain" // how many each criterion would find alone
)

// searchRequest asks for a page of the recordings that match.
type searchRequest struct {
	query   index.Query
	explain bool
	notices notices
	pager   pager
	viewer  viewer
}

// decodeSearch reads the criteria, and which page of what matches is asked for.
func (h *recordings) decodeSearch(r *http.Request) (in searchRequest, err error) {
	cc, err := h.contactCenter(r)
	if err != nil {
		return in, err
	}

	accepted := slices.Concat(mapping.CriteriaParams, []string{
		paramSort, paramOffset, paramLimit, paramTotal, paramExplain,
	})
	params, problems := parseQuery(r.URL.RawQuery, accepted)
	params, order, wrongOrder := takeOrder(params)
	params, offset, wrongOffset := takeNumber(params, paramOffset, 0, maxOffset, 0)
	params, limit, wrongLimit := takeNumber(params, paramLimit, 1, maxLimit, maxLimit)
	params, total, wrongTotal := takeFlag(params, paramTotal)
	params, explain, wrongExplain := takeFlag(params, paramExplain)
	criteria, wrongCriteria := parseCriteria(params)
	problems = slices.Concat(problems, wrongCriteria, wrongOrder, wrongOffset, wrongLimit, wrongTotal, wrongExplain)
	if len(problems) == 0 && len(params) == 0 {
		problems = noCriteria()
	}
	if len(problems) > 0 {
		return in, problems
	}

	in.query = index.Query{
		Scope: h.of(r.Context(), cc), Criteria: criteria, Order: order,
		Offset: offset, Limit: limit, Total: total,
	}
	in.explain = explain
	in.notices = mapping.Notices(valuesOf(params))
	in.viewer = h.viewer(r, cc)
	path := in.viewer.base + r.URL.EscapedPath()
	in.pager = pager{path: path, criteria: params, order: order, offset: offset, limit: limit, total: total}
	return in, nil
}

// parseCriteria reads criteria from parameters that are known to be such.
func parseCriteria(params []param) (mapping.Criteria, mapping.Problems) {
	c, err := mapping.ParseCriteria(valuesOf(params))
	var problems mapping.Problems
	if err != nil && !errors.As(err, &problems) {
		problems = mapping.Problems{{Message: err.Error()}}
	}
	return c, problems
}

// valuesOf are the parameters by their names.
func valuesOf(params []param) map[string]string {
	values := make(map[string]string, len(params))
	for _, p := range params {
		values[p.name] = p.value
	}
	return values
}

// noCriteria refuses a search that says nothing of what it wants.
func noCriteria() mapping.Problems {
	message := "at least one search criterion is required: " + strings.Join(mapping.CriteriaParams, ", ") +
		"; startTime=0 matches every recording"
	return mapping.Problems{{Message: message, Missing: true}}
}

// search answers with a page. A small one is sent as a whole; a large one while it is made, so that
// no page holds more than a few recordings. What goes wrong before that is an error as of any other
// request; behind it, the connection breaks, so that a part never looks like the whole.
func (h *recordings) search(w http.ResponseWriter, r *http.Request) {
	in, err := h.decodeSearch(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}

	trail := infoOf(r).trail
	criteriaOf(trail, in.pager.criteria)
	list := pageLists.Get().(*jsonList)
	page := &pageWriter{streamWriter: newStreamWriter(w), list: (*list)[:0]}
	defer func() {
		*list = page.list
		pageLists.Put(list)
	}()
	answer, err := h.findPage(r.Context(), in, page)
	trail.Fact("found", page.count)
	if in.pager.offset > 0 {
		trail.Fact("offset", in.pager.offset)
	}
	if err == nil && page.begun {
		err = page.end(answer)
	}
	switch {
	case err == nil && !page.begun:
		answer.Recordings = page.list
		h.send(w, r, http.StatusOK, answer)
	case err == nil:
	case !page.begun:
		h.fail(w, r, err)
	default:
		infoOf(r).err = err
		panic(http.ErrAbortHandler)
	}
}

// findPage gives the recordings of a page to out, and returns what else the answer has.
func (h *recordings) findPage(ctx context.Context, in searchRequest, out *pageWriter) (listAnswer, error) {
	if err := h.reserve(ctx, h.memory.page); err != nil {
		return listAnswer{}, err
	}

	limit := time.Now().Add(h.timeout)
	searching, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	sink := index.Sink{Encode: in.viewer.appendElement, Write: out.add}
	page, err := h.index.Search(searching, in.query, sink)
	if err != nil {
		return listAnswer{}, unlessCounted(err, in.query.Total, paramTotal)
	}

	answer := listAnswer{PrevURI: in.pager.prev(), Notice: in.notices}
	if len(out.list) == 0 && !out.begun && h.unknown(searching, in.query.ContactCenter) {
		notice := fmt.Sprintf("the contact center %q is unknown: the configuration does not name it, and it has no "+
			"recordings; GET /api/v2/ops/contact-centers lists those that there are", in.query.ContactCenter)
		answer.Notice = append(answer.Notice, notice)
	}
	if in.query.Total {
		answer.Total = &page.Total
	}
	if page.More {
		answer.NextURI = in.pager.next()
	}
	if in.explain {
		counting, cancel := context.WithDeadline(ctx, limit.Add(out.waited)) // the client's time is not the search's
		defer cancel()
		if answer.Explain, err = h.explain(counting, in); err != nil {
			return listAnswer{}, err
		}
	}
	return answer, nil
}

// unknown reports whether a contact center is neither named by the configuration nor has recordings
// in the region of this server, of which alone anything is told. Where that cannot be found out,
// nothing is said.
func (h *recordings) unknown(ctx context.Context, contactCenter string) bool {
	if slices.Contains(infoFrom(ctx).access.Named(), contactCenter) {
		return false
	}
	n, err := h.index.Count(ctx, index.Query{Scope: h.of(ctx, contactCenter)})
	return err == nil && n == 0
}

// pageLists are for pages that are sent as a whole, of at most pageBuffer bytes: each is much to be allocated for
// a search.
var pageLists = sync.Pool{New: func() any { return new(jsonList) }}

// pageWriter writes the recordings of a page: into memory as long as they are few bytes, and then
// to the client.
type pageWriter struct {
	*streamWriter
	list  jsonList // what was not sent
	begun bool
	count int // recordings
}

// add is the Write of an [index.Sink].
func (p *pageWriter) add(elements []byte, count int) error {
	p.count += count
	if len(p.list)+len(elements) <= pageBuffer {
		p.list = append(p.list, elements...)
		return nil
	}

	if !p.begun {
		p.begun = true
		head, _, err := listAnswer{}.around()
		if err != nil {
			return err
		}
		setHeader(p.w.Header(), jsonType)
		if err := p.write(head); err != nil {
			return err
		}
		if len(p.list) == 0 {
			return p.write(jsonList(elements).inside())
		}
		p.list = p.list.inside()
	}

	if len(p.list) > 0 {
		if err := p.write(p.list); err != nil {
			return err
		}
		p.list = p.list[:0]
	}
	return p.write(elements)
}

// end sends what stands behind the recordings.
func (p *pageWriter) end(answer listAnswer) error {
	_, tail, err := answer.around()
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	return p.write(append(append(p.list, tail...), '\n'))
}

// explanation says how many recordings one criterion finds alone. Where a search finds nothing, it
// shows why.
type explanation struct {
	Parameter string `json:"parameter"`
	Value     string `json:"value"` // as sent
	Matches   int    `json:"matches"`
}

// explain counts what each criterion of a search finds alone, in the order in which they were sent.
func (h *recordings) explain(ctx context.Context, in searchRequest) ([]explanation, error) {
	all := make([]explanation, 0, len(in.pager.criteria))
	for _, p := range in.pager.criteria {
		criteria, problems := parseCriteria([]param{p})
		if len(problems) > 0 {
			return nil, problems
		}

		n, err := h.index.Count(ctx, index.Query{Scope: in.query.Scope, Criteria: criteria})
		if err != nil {
			return nil, unlessCounted(err, true, paramExplain)
		}
		all = append(all, explanation{Parameter: p.name, Value: p.value, Matches: n})
	}
	return all, nil
}

// countError says that a search was too costly that need not have counted.
type countError struct {
	param string // the parameter to leave out
	cause error
}

// Error implements error.
func (e *countError) Error() string { return "counting for " + e.param + ": " + e.cause.Error() }

// Unwrap returns why the search was too costly.
func (e *countError) Unwrap() error { return e.cause }

func (e *countError) failure() failure {
	message := "the search takes too long with " + e.param + "=true, as all matches have to be counted; leave out " +
		e.param + ", or narrow the search by startTime and endTime, or give longer pieces of text between the stars"
	return failure{status: http.StatusServiceUnavailable, code: codeInternal, message: message}
}

// unlessCounted names the parameter that may have made a search too costly.
func unlessCounted(err error, counted bool, param string) error {
	if counted && (errors.Is(err, index.ErrTooCostly) || errors.Is(err, context.DeadlineExceeded)) {
		return &countError{param, err}
	}
	return err
}

// paramInterval is how long the buckets of a histogram are.
const paramInterval = "interval"

// histogramRequest asks how many recordings that match start when.
type histogramRequest struct {
	query    index.Query
	calendar index.Calendar
}

// histogramAnswer has the buckets from the first to the last in which a recording starts.
type histogramAnswer struct {
	StatusCode int       `json:"statusCode"`
	Histogram  histogram `json:"histogram"`
}

type histogram struct {
	Interval index.Interval    `json:"interval"`
	Zone     string            `json:"zone"`
	Total    int               `json:"total"`
	Until    *mapping.Time     `json:"until,omitzero"` // where the last bucket ends
	Buckets  []histogramBucket `json:"buckets"`
}

type histogramBucket struct {
	From  mapping.Time `json:"from"`
	Count int          `json:"count"`
}

// decodeHistogram reads the criteria, and into which buckets what matches is to be counted.
func (h *recordings) decodeHistogram(r *http.Request) (in histogramRequest, err error) {
	cc, err := h.contactCenter(r)
	if err != nil {
		return in, err
	}

	accepted := slices.Concat(mapping.CriteriaParams, []string{paramInterval, paramZone})
	params, problems := parseQuery(r.URL.RawQuery, accepted)
	params, interval := takeText(params, paramInterval, "")
	params, zone := takeText(params, paramZone, time.UTC.String())
	in.calendar.Interval = index.Interval(interval)
	if !slices.Contains(index.Intervals, in.calendar.Interval) {
		message := "is none of hour, day, week and month, which are accepted"
		problem := mapping.Problem{Path: paramInterval, Message: message}
		if interval == "" {
			problem.Missing, problem.Message = true, "is missing: hour, day, week or month"
		}
		problems = append(problems, problem)
	}
	if in.calendar.Zone, err = time.LoadLocation(zone); err != nil || zone == time.Local.String() {
		problems = append(problems, mapping.Problem{Path: paramZone, Message: noZone})
	}
	criteria, wrongCriteria := parseCriteria(params)
	problems = append(problems, wrongCriteria...)
	if len(problems) == 0 && len(params) == 0 {
		problems = noCriteria()
	}
	if len(problems) > 0 {
		return in, problems
	}

	criteriaOf(infoOf(r).trail, params)
	infoOf(r).trail.Fact(paramInterval, interval)
	in.query = index.Query{Scope: h.of(r.Context(), cc), Criteria: criteria}
	return in, nil
}

// noZone refuses what is not the name of a time zone.
const noZone = "is not the name of a time zone that is accepted, such as UTC or America/Los_Angeles"

// histogram counts what matches by the time at which it starts.
func (h *recordings) histogram(ctx context.Context, in histogramRequest) (a histogramAnswer, err error) {
	searching, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	all, err := h.histograms.Histogram(searching, in.query, in.calendar)
	if tooMany, ok := errors.AsType[*index.BucketsError](err); ok {
		message := fmt.Sprintf("is too short: %s; accepted is a longer one, or narrow the search by startTime and "+
			"startedBefore", tooMany)
		return a, mapping.Problems{{Path: paramInterval, Message: message}}
	}
	if err != nil {
		return a, err
	}

	a.Histogram = histogram{
		Interval: in.calendar.Interval, Zone: in.calendar.Zone.String(), Buckets: make([]histogramBucket, len(all)),
	}
	for i, b := range all {
		a.Histogram.Buckets[i] = histogramBucket(b)
		a.Histogram.Total += b.Count
	}
	if len(all) > 0 {
		_, until := in.calendar.Bucket(all[len(all)-1].From)
		until = min(until, mapping.MaxTime)
		a.Histogram.Until = &until
	}
	infoFrom(ctx).trail.Fact("found", a.Histogram.Total)
	return a, nil
}

// The parameters of suggestions, beside the criteria.
const (
	paramField = mapping.ParamField
	paramText  = mapping.ParamText
)

// Suggestions come from so many of the newest recordings: enough for what is frequent to come first, and
// few enough to be read between two keystrokes.
const (
	suggestedFrom   = 200 // recordings
	suggestedBytes  = 4 << 20
	maxSuggestions  = 50
	manySuggestions = 10 // where nobody says how many
)

// suggestRequest asks which values complete what somebody types.
type suggestRequest struct {
	query      index.Query
	completion *mapping.Completion
	limit      int
}

// suggestAnswer has the values that complete a text, the most frequent one first.
type suggestAnswer struct {
	StatusCode  int          `json:"statusCode"`
	Suggestions []suggestion `json:"suggestions"`
	LookedAt    int          `json:"lookedAt"`
	More        bool         `json:"more"`
}

type suggestion struct {
	Value      string `json:"value"`
	Recordings int    `json:"recordings"`
}

// decodeSuggest reads what is typed, and the criteria of the recordings from whose values it is completed.
func (h *recordings) decodeSuggest(r *http.Request) (in suggestRequest, err error) {
	cc, err := h.contactCenter(r)
	if err != nil {
		return in, err
	}

	accepted := slices.Concat(mapping.CriteriaParams, []string{paramField, paramText, paramLimit})
	all, problems := parseQuery(r.URL.RawQuery, accepted)
	params, field := takeText(all, paramField, "")
	params, text := takeText(params, paramText, "")
	params, limit, wrongLimit := takeNumber(params, paramLimit, 1, maxSuggestions, manySuggestions)
	criteria, wrongCriteria := parseCriteria(params)
	problems = slices.Concat(problems, wrongLimit, wrongCriteria)
	in.completion, err = mapping.ParseCompletion(field, text)
	if wrong, ok := errors.AsType[mapping.Problems](err); ok {
		problems = append(problems, wrong...)
	} else if err == nil {
		wrong, _ := errors.AsType[mapping.Problems](in.completion.AddTo(new(criteria)))
		problems = append(problems, wrong...)
	}
	if len(problems) > 0 {
		return in, problems
	}

	criteriaOf(infoOf(r).trail, slices.DeleteFunc(all, func(p param) bool { return p.name == paramLimit }))
	in.query = index.Query{Scope: h.of(r.Context(), cc), Criteria: criteria, Limit: suggestedFrom}
	in.limit = limit
	return in, nil
}

// suggest answers with the values that complete a text. Nothing comes from what the caller does not see.
func (h *recordings) suggest(ctx context.Context, in suggestRequest) (a suggestAnswer, err error) {
	if err := h.reserve(ctx, h.memory.page+h.memory.read+suggestedBytes); err != nil {
		return a, err
	}

	searching, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	found, err := index.Suggest(searching, h.index, in.query, in.completion, in.limit)
	if err != nil {
		return a, err
	}

	a = suggestAnswer{
		Suggestions: make([]suggestion, len(found.Suggestions)), LookedAt: found.LookedAt, More: found.More,
	}
	for i, s := range found.Suggestions {
		a.Suggestions[i] = suggestion(s)
	}
	infoFrom(ctx).trail.Fact("found", len(a.Suggestions))
	return a, nil
}
