package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"recordings/api/trail"
	"recordings/audit"
	"recordings/erase"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/erase/policy"
	"recordings/erase/reconcile"
	"recordings/erase/retention"
	"recordings/index"
	"recordings/mapping"
)

// deletions are the handlers of deleting many recordings in the background.
type deletions struct {
	*pipeline
	*scope
	bodies    *bodies
	jobs      *deletion.Deletions
	retention *retention.Retention
	timeout   time.Duration // of counting what matches, for one answer
}

// deletionRequest asks for a deletion, or what it would delete.
type deletionRequest struct {
	contactCenter, user string
	dryRun              bool
	filter              policy.Filter
	request             deletion.Request
}

// deletionBody says what is to be deleted.
type deletionBody struct {
	Criteria     map[string]string `json:"criteria"`
	Subresources bool              `json:"subresources,omitzero"`
	DryRun       bool              `json:"dryRun,omitzero"`
	Expected     *uint64           `json:"expected,omitzero"`
}

// deletionAnswer has a deletion, or what it would delete.
type deletionAnswer struct {
	StatusCode int                `json:"statusCode"`
	DryRun     *deletion.Preview  `json:"dryRun,omitzero"`
	Deletion   *deletion.Deletion `json:"deletion,omitzero"`
}

// decodeBegin reads what is to be deleted. Without criteria nothing is: whoever wants all recordings
// to go has to say so.
func (h *deletions) decodeBegin(r *http.Request) (in deletionRequest, err error) {
	if in.contactCenter, err = h.contactCenter(r); err != nil {
		return in, err
	}
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return in, err
	}
	text, err := h.bodies.read(r)
	if err != nil {
		return in, err
	}

	var body deletionBody
	if err := decodeObject(text, &body, namesOf[deletionBody]()); err != nil {
		return in, err
	}
	if in.filter, err = policy.ParseFilter(body.Criteria, false); err != nil {
		return in, err
	}
	if len(body.Criteria) == 0 {
		return in, mapping.Problems{{Path: "criteria", Missing: true, Message: "is missing or empty: at least one is " +
			"required of " + strings.Join(mapping.CriteriaParams, ", ") + "; startTime=0 matches every recording"}}
	}
	if !body.DryRun && body.Expected == nil {
		return in, mapping.Problems{{Path: "expected", Missing: true, Message: "is missing: give the number of " +
			"recordings that a dry run has told, or dryRun"}}
	}

	in.user, in.dryRun = infoOf(r).user.Name, body.DryRun
	in.request = deletion.Request{Criteria: body.Criteria, Subresources: body.Subresources}
	t := infoOf(r).trail
	t.Fact("criteria", deletion.Impersonal(body.Criteria))
	if body.DryRun {
		t.Fact("dryRun", true)
		return in, nil
	}
	in.request.Expected = *body.Expected
	t.Fact("expected", in.request.Expected)
	if body.Subresources {
		t.Fact("subresources", true)
	}
	return in, nil
}

// begin begins a deletion, which goes on when this has returned; or it says what would be deleted.
func (h *deletions) begin(ctx context.Context, in deletionRequest) (a deletionAnswer, err error) {
	t := infoFrom(ctx).trail
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	if in.dryRun {
		preview, err := h.jobs.Preview(ctx, in.contactCenter, in.filter)
		return deletionAnswer{DryRun: &preview}, err
	}
	d, err := h.jobs.Begin(ctx, in.contactCenter, in.user, in.request)
	noteJob(t, d.Number)
	return deletionAnswer{Deletion: &d}, err
}

// noteJob notes the number of a job that was begun; 0: none was.
func noteJob(t *trail.Trail, number int) {
	if number > 0 {
		t.Fact("number", strconv.Itoa(number)) // as paths have it
	}
}

// jobKey is the address of a job in the background.
type jobKey struct {
	contactCenter string
	number        int
}

// job reads which job a request is about.
func (s *scope) job(r *http.Request) (k jobKey, err error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return k, err
	}
	if k.contactCenter, err = s.contactCenter(r); err != nil {
		return k, err
	}
	text, err := pathValue(r, "n")
	if err != nil {
		return k, err
	}
	if k.number, err = strconv.Atoi(text); err != nil {
		return k, jobs.ErrNoJob
	}
	return k, nil
}

// decodeAll reads whose jobs are asked for.
func (s *scope) decodeAll(r *http.Request) (string, error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return "", err
	}
	return s.contactCenter(r)
}

// deletionsAnswer has all deletions of a contact center that are kept, the newest first.
type deletionsAnswer struct {
	StatusCode int                 `json:"statusCode"`
	Deletions  []deletion.Deletion `json:"deletions"`
}

func (h *deletions) all(ctx context.Context, contactCenter string) (deletionsAnswer, error) {
	all, err := h.jobs.All(ctx, contactCenter)
	return deletionsAnswer{Deletions: all}, err
}

func (h *deletions) read(ctx context.Context, k jobKey) (deletionAnswer, error) {
	d, err := h.jobs.Get(ctx, k.contactCenter, k.number)
	return deletionAnswer{Deletion: &d}, err
}

// control returns what pauses, resumes or cancels a deletion.
func (h *deletions) control(a jobs.Action) handling {
	return endpoint(h.pipeline, h.job, func(ctx context.Context, k jobKey) (deletionAnswer, error) {
		d, err := h.jobs.Control(ctx, k.contactCenter, k.number, a)
		return deletionAnswer{Deletion: &d}, err
	})
}

// results sends the results of a deletion.
func (h *deletions) results(w http.ResponseWriter, r *http.Request) {
	h.sendResults(w, r, h.scope, h.jobs.Results)
}

// sendResults sends the results of a job, one line each, as far as there are any.
func (p *pipeline) sendResults(w http.ResponseWriter, r *http.Request, s *scope,
	open func(ctx context.Context, contactCenter string, number int) (io.Reader, int64, error)) {

	k, err := s.job(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	lines, size, err := open(r.Context(), k.contactCenter, k.number)
	if err != nil {
		p.fail(w, r, err)
		return
	}

	setHeader(w.Header(), "application/x-ndjson")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	if r.Method == http.MethodHead {
		return
	}
	// Hidden, so that each piece is waited for: a client that has stopped reading is given up.
	if _, err := io.Copy(struct{ io.Writer }{newStreamWriter(w)}, lines); err != nil {
		infoOf(r).err = err
		panic(http.ErrAbortHandler)
	}
}

// reconciliations are the handlers of comparing recordings with what the storages have.
type reconciliations struct {
	*pipeline
	*scope
	bodies *bodies
	jobs   *reconcile.Reconciliations
}

// reconciliationRequest asks for a reconciliation.
type reconciliationRequest struct {
	contactCenter, user string
	request             reconcile.Request
}

// reconciliationBody says what a reconciliation is to do.
type reconciliationBody struct {
	DeleteUnnamed bool    `json:"deleteUnnamed,omitzero"`
	Expected      *uint64 `json:"expected,omitzero"`
}

// reconciliationAnswer has a reconciliation.
type reconciliationAnswer struct {
	StatusCode     int                       `json:"statusCode"`
	Reconciliation *reconcile.Reconciliation `json:"reconciliation"`
}

// reconciliationsAnswer has all of a contact center that are kept, the newest first.
type reconciliationsAnswer struct {
	StatusCode      int                        `json:"statusCode"`
	Reconciliations []reconcile.Reconciliation `json:"reconciliations"`
}

// decodeBegin reads what a reconciliation is to do. A body that is empty asks for nothing but to look.
func (h *reconciliations) decodeBegin(r *http.Request) (in reconciliationRequest, err error) {
	if in.contactCenter, err = h.contactCenter(r); err != nil {
		return in, err
	}
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return in, err
	}
	text, err := h.bodies.read(r)
	if err != nil {
		return in, err
	}

	var body reconciliationBody
	if len(text) > 0 {
		if err := decodeObject(text, &body, namesOf[reconciliationBody]()); err != nil {
			return in, err
		}
	}
	if body.DeleteUnnamed && body.Expected == nil {
		return in, mapping.Problems{{Path: "expected", Missing: true, Message: "is missing: give the number of " +
			"unnamed objects that a reconciliation has told"}}
	}
	u := infoOf(r).user
	in.user, in.request.DeleteUnnamed, in.request.Own = u.Name, body.DeleteUnnamed, u.Bound()
	if body.DeleteUnnamed && u.Bound() {
		return in, errBound
	}
	if body.DeleteUnnamed {
		in.request.Expected = *body.Expected
		infoOf(r).trail.Fact("expected", in.request.Expected)
		infoOf(r).trail.Fact("deleteUnnamed", true)
	}
	return in, nil
}

func (h *reconciliations) begin(ctx context.Context, in reconciliationRequest) (reconciliationAnswer, error) {
	one, err := h.jobs.Begin(ctx, in.contactCenter, in.user, in.request)
	noteJob(infoFrom(ctx).trail, one.Number)
	return reconciliationAnswer{Reconciliation: &one}, err
}

// all answers with those that the caller may see: what is told of objects that no recording names is for who is
// bound to no contact center.
func (h *reconciliations) all(ctx context.Context, contactCenter string) (reconciliationsAnswer, error) {
	a := reconciliationsAnswer{Reconciliations: []reconcile.Reconciliation{}}
	all, err := h.jobs.All(ctx, contactCenter)
	for _, one := range all {
		if h.seen(ctx, &one) {
			a.Reconciliations = append(a.Reconciliations, one)
		}
	}
	return a, err
}

// seen reports whether the caller may see a reconciliation.
func (h *reconciliations) seen(ctx context.Context, one *reconcile.Reconciliation) bool {
	return one.Own || !infoFrom(ctx).user.Bound()
}

// get returns one that the caller may see.
func (h *reconciliations) get(ctx context.Context, k jobKey) (reconcile.Reconciliation, error) {
	one, err := h.jobs.Get(ctx, k.contactCenter, k.number)
	if err == nil && !h.seen(ctx, &one) {
		return reconcile.Reconciliation{}, jobs.ErrNoJob
	}
	return one, err
}

func (h *reconciliations) read(ctx context.Context, k jobKey) (reconciliationAnswer, error) {
	one, err := h.get(ctx, k)
	return reconciliationAnswer{Reconciliation: &one}, err
}

// control returns what pauses, resumes or cancels a reconciliation.
func (h *reconciliations) control(a jobs.Action) handling {
	return endpoint(h.pipeline, h.job, func(ctx context.Context, k jobKey) (reconciliationAnswer, error) {
		if _, err := h.get(ctx, k); err != nil {
			return reconciliationAnswer{}, err
		}
		one, err := h.jobs.Control(ctx, k.contactCenter, k.number, a)
		return reconciliationAnswer{Reconciliation: &one}, err
	})
}

// results sends what a reconciliation has found.
func (h *reconciliations) results(w http.ResponseWriter, r *http.Request) {
	h.sendResults(w, r, h.scope, func(ctx context.Context, contactCenter string, number int) (io.Reader, int64, error) {
		if _, err := h.get(ctx, jobKey{contactCenter, number}); err != nil {
			return nil, 0, err
		}
		return h.jobs.Results(ctx, contactCenter, number)
	})
}

// retentionAnswer has the policies of retention, in the order of the configuration.
type retentionAnswer struct {
	StatusCode int                `json:"statusCode"`
	Policies   []retention.Report `json:"policies"`
}

// decodeRetention reads whether it is asked for what policies would delete.
func (h *deletions) decodeRetention(r *http.Request) (dryRun bool, err error) {
	params, problems := parseQuery(r.URL.RawQuery, []string{paramDryRun})
	_, dryRun, wrong := takeFlag(params, paramDryRun)
	if problems = append(problems, wrong...); len(problems) > 0 {
		return false, problems
	}
	return dryRun, nil
}

// policies answers with what policies do. A forecast counts much, and takes as long as its client waits.
func (h *deletions) policies(ctx context.Context, dryRun bool) (retentionAnswer, error) {
	all, err := h.retention.Report(ctx, dryRun, time.Now())
	return retentionAnswer{Policies: all}, err
}

// deletionRoutes are those of deleting many recordings.
func (h *handlers) deletionRoutes() []route {
	const all = centerRoot + "/deletions"
	const one = all + "/{n}"
	d := h.deletions
	var (
		list     = endpoint(h.pipeline, d.decodeAll, d.all)
		begin    = endpoint(h.pipeline, d.decodeBegin, d.begin).reading(body[deletionBody]()).failing(409)
		read     = endpoint(h.pipeline, d.job, d.read)
		policies = endpoint(h.pipeline, d.decodeRetention, d.policies).taking(forecastParam)
		results  = handle(d.results).answering(http.StatusOK, lines[deletion.Result]())
	)
	var table []route
	put := func(name, method, path string, action audit.Action, summary string, does handling) {
		table = append(table, line(name, method, path, ops, named, action, summary, does))
	}
	const do = audit.Deletion
	put("listDeletions", "GET", all, "", "bulk deletions, the newest first", list)
	put("beginDeletion", "POST", all, do, "delete all recordings that match, or say which would go", begin)
	put("readDeletion", "GET", one, "", "how a bulk deletion is doing", read)
	put("readDeletionResults", "GET", one+"/results", "", "what became of each recording", results)
	put("pauseDeletion", "POST", one+"/pause", do, "pause a bulk deletion", d.control(jobs.Pause))
	put("resumeDeletion", "POST", one+"/resume", do, "go on with it, or confirm it", d.control(jobs.Resume))
	put("cancelDeletion", "POST", one+"/cancel", do, "give it up", d.control(jobs.Cancel))

	retention := line("readRetention", "GET", opsRoot+"/retention", ops, service, "",
		"the policies of retention, and what they do", policies)
	return append([]route{retention}, table...)
}

// reconciliationRoutes are those of comparing recordings with what the storages have.
func (h *handlers) reconciliationRoutes() []route {
	const all = centerRoot + "/reconciliations"
	const one = all + "/{n}"
	c := h.reconciliations
	var (
		list    = endpoint(h.pipeline, c.decodeAll, c.all)
		begin   = endpoint(h.pipeline, c.decodeBegin, c.begin).reading(body[reconciliationBody]().optional())
		read    = endpoint(h.pipeline, c.job, c.read)
		results = handle(c.results).answering(http.StatusOK, lines[reconcile.Finding]())
	)
	var table []route
	put := func(name, method, path string, action audit.Action, summary string, does handling) {
		table = append(table, line(name, method, path, ops, named, action, summary, does))
	}
	const do = audit.Reconcile
	put("listReconciliations", "GET", all, "", "reconciliations, the newest first", list)
	put("beginReconciliation", "POST", all, do, "compare recordings with what the storages have", begin)
	put("readReconciliation", "GET", one, "", "how a reconciliation is doing", read)
	put("readReconciliationResults", "GET", one+"/results", "", "what it has found", results)
	put("pauseReconciliation", "POST", one+"/pause", do, "pause a reconciliation", c.control(jobs.Pause))
	put("resumeReconciliation", "POST", one+"/resume", do, "go on with it", c.control(jobs.Resume))
	put("cancelReconciliation", "POST", one+"/cancel", do, "give it up", c.control(jobs.Cancel))
	return table
}

// paramAfter is where a page of orphaned media begins: behind the media file with this id.
const paramAfter = "after"

// orphans are the handlers of orphaned media: files whose recording was deleted and which could not
// be deleted themselves. Paths and JSON call them media left behind.
type orphans struct {
	*scope
	list   index.Orphans
	eraser *erase.Eraser
}

// orphansRequest asks for a page of the orphaned media of a contact center.
type orphansRequest struct {
	contactCenter string
	after         string
	limit         int
	path          string // as requested, with scheme and host
}

// orphanView is an orphaned media file, as operations see it.
type orphanView struct {
	index.OrphanedMedia
	StatusCode int `json:"statusCode"`
}

type (
	orphansAnswer struct {
		StatusCode int          `json:"statusCode"`
		Media      []orphanView `json:"media"`
		NextURI    string       `json:"nextUri,omitzero"`
	}
	// retriedAnswer says what became of each media file of the page.
	retriedAnswer struct {
		StatusCode int          `json:"statusCode"`
		Deleted    []string     `json:"deleted"` // ids of what is gone now
		Kept       []string     `json:"kept"`    // ids of what belongs to a recording again, and is taken off the list
		Failed     []orphanView `json:"failed"`  // what stays on the list
		NextURI    string       `json:"nextUri,omitzero"`
	}
)

// decodePage reads which page of the list is asked for.
func (h *orphans) decodePage(r *http.Request) (in orphansRequest, err error) {
	if in.contactCenter, err = h.contactCenter(r); err != nil {
		return in, err
	}

	params, problems := parseQuery(r.URL.RawQuery, []string{paramAfter, paramLimit})
	params, limit, wrongLimit := takeNumber(params, paramLimit, 1, maxLimit, maxLimit)
	if problems = slices.Concat(problems, wrongLimit); len(problems) > 0 {
		return in, problems
	}
	if len(params) > 0 {
		in.after = params[0].value
	}

	in.limit, in.path = limit, h.base(r)+r.URL.EscapedPath()
	return in, nil
}

// page returns the media files of a page, and the URI of the next one, if there is one.
func (h *orphans) page(ctx context.Context, in orphansRequest) (page []index.OrphanedMedia, next string, err error) {
	page, err = h.list.Orphaned(ctx, in.contactCenter, in.after, in.limit+1)
	if err == nil && len(page) > in.limit {
		page = page[:in.limit]
		after, limit := url.QueryEscape(page[in.limit-1].ID), strconv.Itoa(in.limit)
		next = in.path + "?" + paramAfter + "=" + after + "&" + paramLimit + "=" + limit
	}
	return page, next, err
}

// read answers with a page of the list.
func (h *orphans) read(ctx context.Context, in orphansRequest) (orphansAnswer, error) {
	page, next, err := h.page(ctx, in)
	return orphansAnswer{Media: orphanViews(page), NextURI: next}, err
}

// orphanViews are never null in JSON.
func orphanViews(all []index.OrphanedMedia) []orphanView {
	views := make([]orphanView, 0, len(all))
	for _, o := range all {
		views = append(views, orphanView{OrphanedMedia: o, StatusCode: codeInternal})
	}
	return views
}

// retry tries once more to delete the media files of a page. What any recording names, be it its own
// that was posted again in the meantime, belongs to that recording: it is taken off the list and not
// touched.
func (h *orphans) retry(ctx context.Context, in orphansRequest) (retriedAnswer, error) {
	page, next, err := h.page(ctx, in)
	if err != nil {
		return retriedAnswer{}, err
	}
	again, err := h.eraser.Retry(ctx, in.contactCenter, page)
	if err != nil {
		return retriedAnswer{}, err
	}

	out := retriedAnswer{
		Deleted: append([]string{}, again.Deleted...), Kept: append([]string{}, again.Kept...),
		Failed: orphanViews(again.Failed), NextURI: next,
	}
	t := infoFrom(ctx).trail
	t.Fact("deleted", out.Deleted)
	if len(again.Failed) > 0 {
		out.StatusCode = codePartly
		t.Outcome(audit.Partly)
	}
	return out, nil
}

// decodeForget reads which media file is to be taken off the list.
func (h *orphans) decodeForget(r *http.Request) (key, error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return key{}, err
	}
	return h.key(r)
}

// forget takes a media file off the list without deleting it: operations have seen to it, or it
// names nothing that could be deleted.
func (h *orphans) forget(ctx context.Context, k key) (doneAnswer, error) {
	listed, err := h.list.IsOrphaned(ctx, k.contactCenter, k.id)
	if err == nil && !listed {
		err = errNoOrphan
	}
	if err != nil {
		return doneAnswer{}, err
	}
	return doneAnswer{}, h.list.SettleOrphaned(ctx, k.contactCenter, []string{k.id}, nil)
}
