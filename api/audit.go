package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/api/auth"
	"recordings/api/share"
	"recordings/api/trail"
	"recordings/audit"
	"recordings/index"
	"recordings/mapping"
)

// trailOf begins the trail of a request that asks for an action, if it is one. Recorders leave none where they post:
// there are thousands of posts a second, and what was posted says so itself.
func (p *pipeline) trailOf(info *requestInfo, action audit.Action) *trail.Trail {
	u := info.user
	if action == "" || u != nil && u.Role == auth.RoleRecorder && action == audit.Post {
		return nil
	}
	e := audit.Entry{Action: action}
	if info.sender.Addr.IsValid() {
		e.Address = info.sender.Addr.String()
	}
	if u != nil {
		e.User, e.Role = u.Name, string(u.Role)
	}
	return trail.New(p.audit, e)
}

// endTrail ends the trail of a request, once. What somebody leaves who is not signed in is bounded.
func (p *pipeline) endTrail(info *requestInfo, o audit.Outcome) {
	if info.user == nil {
		p.strangers.Bound(info.trail, auth.NetworkOf(info.sender.Addr))
	}
	info.trail.End(o)
}

// outcomeOf is how a request went, as its status tells.
func outcomeOf(status int) audit.Outcome {
	switch {
	case status >= http.StatusInternalServerError:
		return audit.Failed
	case status == http.StatusNotFound:
		return audit.NotFound
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusConflict ||
		status == http.StatusTooManyRequests:
		return audit.Refused
	case status >= http.StatusBadRequest:
		return audit.Invalid
	}
	return audit.Done
}

// criteriaOf notes the criteria of a search or an export.
func criteriaOf(t *trail.Trail, params []param) {
	for _, p := range params {
		t.Detail(p.name, p.value)
	}
}

// maxAuditReads is how many requests go through the audit log at a time: each keeps a processor busy, and
// there may be a hundred million entries. What is about one recording is found at once, and not counted.
const (
	maxAuditReads     = 4
	maxAuditReadsEach = 2
	auditPatience     = 3 * time.Second
)

var errTooManyReads = errors.New("as many requests are reading the audit log as may at a time, or as one user may " +
	"have; try again later")

// audits are the handlers of the audit log.
type audits struct {
	*pipeline
	*scope
	index   index.Index
	running *share.Places
}

// The parameters of reading the audit log.
const (
	paramFrom          = "from"
	paramTo            = "to"
	paramUser          = "user"
	paramAction        = "action"
	paramRecording     = "recording"
	paramContactCenter = "contactCenter"
	paramNewest        = "newest"
	paramChain         = "chain"
)

// maxNewest is how many entries may be asked for from the end.
const maxNewest = 1000

// decode reads which entries are asked for.
func (h *audits) decode(r *http.Request) (q audit.Query, err error) {
	u := infoOf(r).user
	accepted := []string{
		paramFrom, paramTo, paramUser, paramAction, paramRecording, paramAfter, paramNewest, paramChain,
	}
	if u.Role == auth.RoleOps {
		accepted = append(accepted, paramContactCenter)
	}
	params, problems := parseQuery(r.URL.RawQuery, accepted)
	params, chain, wrongChain := takeFlag(params, paramChain)
	params, newest, wrongNewest := takeNumber(params, paramNewest, 1, maxNewest, 0)
	params, after := takeText(params, paramAfter, "0")
	problems = slices.Concat(problems, wrongChain, wrongNewest)

	q.Chain, q.Newest = chain, newest
	if chain && newest > 0 {
		params = append(params, param{name: paramNewest})
	}
	refuse := func(name, message string) {
		problems = append(problems, mapping.Problem{Path: name, Message: message})
	}
	if _, err := fmt.Sscanf(after+"\n", "%d\n", &q.After); err != nil {
		refuse(paramAfter, "is no sequence of an entry")
	}
	for _, p := range params {
		if chain && p.name != paramContactCenter {
			refuse(p.name, "cannot be asked for with "+paramChain+"=true, which shows every entry")
			continue
		}
		switch p.name {
		case paramFrom, paramTo:
			at, err := mapping.ParseQueryTime(p.value)
			if err != nil {
				refuse(p.name, err.Error())
			}
			if p.name == paramFrom {
				q.From = at
			} else {
				q.To = at
			}
		case paramUser:
			q.User = auth.Normal(p.value)
		case paramAction:
			q.Action = audit.Action(p.value)
			if !slices.Contains(audit.Actions, q.Action) {
				refuse(p.name, "is no action; accepted are "+fmt.Sprint(audit.Actions))
			}
		case paramRecording:
			q.Recording = p.value
		case paramContactCenter:
			q.ContactCenters = []string{p.value}
		}
	}
	if len(problems) > 0 {
		return q, problems
	}
	return q, h.restrict(r, &q)
}

// restrict leaves of a query what the caller may see.
func (h *audits) restrict(r *http.Request, q *audit.Query) error {
	u := infoOf(r).user
	switch {
	case u.Role != auth.RoleOps:
		q.ContactCenters = []string{infoOf(r).contactCenter}
	case len(q.ContactCenters) > 0 && !u.Reaches(q.ContactCenters[0]):
		return errNotTheirs
	case len(q.ContactCenters) == 0 && u.Bound():
		q.ContactCenters = u.ContactCenters
	}
	if len(u.AccessGroups) > 0 {
		q.Visible = h.visible(r.Context(), u)
	}
	return nil
}

// visible says which entries a user of some teams sees: those about recordings that they see, and
// their own. What is about no recording, such as the searches of others, may tell of any.
func (h *audits) visible(ctx context.Context, u *auth.User) func(*audit.Line) bool {
	const remembered = 10_000
	seen := map[key]bool{}
	return func(l *audit.Line) bool {
		if l.User == u.Name {
			return true
		}
		if l.Recording == "" {
			return false
		}
		k := key{l.ContactCenter, l.Recording}
		ok, known := seen[k]
		if !known {
			ok = h.sees(ctx, u, k)
			if len(seen) < remembered {
				seen[k] = ok
			}
		}
		return ok
	}
}

// sees reports whether a user of some teams sees a recording.
func (h *audits) sees(ctx context.Context, u *auth.User, k key) bool {
	_, err := h.index.Get(ctx, h.seenBy(u, k.contactCenter), k.id)
	return err == nil
}

// read sends the entries, the newest last. Its last line says that these were all.
func (h *audits) read(w http.ResponseWriter, r *http.Request) {
	q, err := h.decode(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if h.audit == nil {
		h.fail(w, r, audit.ErrUnavailable)
		return
	}

	out := &auditWriter{streamWriter: newStreamWriter(w)}
	if q.Chain {
		out.after = q.After
	}
	if r.Method == http.MethodHead {
		out.header()
		return
	}
	leave, err := h.enter(r, &q)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer leave()
	head, err := h.audit.Walk(r.Context(), q, out.line)
	if err == nil {
		err = out.end(head)
	}
	switch {
	case err == nil:
	case !out.begun:
		h.fail(w, r, err)
	default:
		infoOf(r).err = err
		panic(http.ErrAbortHandler)
	}
}

// enter waits for a place among those who go through the log.
func (h *audits) enter(r *http.Request, q *audit.Query) (leave func(), err error) {
	if q.Recording != "" {
		return func() {}, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), auditPatience)
	defer cancel()
	leave, err = h.running.Take(ctx, "user "+infoOf(r).user.Name)
	if err != nil && r.Context().Err() == nil {
		return nil, errTooManyReads
	}
	return leave, err
}

// auditBuffer is how many bytes of entries are gathered before they are sent.
const auditBuffer = 64 << 10

// auditWriter gathers lines, and sends them.
type auditWriter struct {
	*streamWriter
	buffer []byte
	count  uint64
	after  uint64 // of a chain: behind which entry it begins
	begun  bool
}

// header says what is sent.
func (a *auditWriter) header() { setHeader(a.w.Header(), batchType) }

// line takes a line.
func (a *auditWriter) line(text []byte) error {
	a.count++
	a.buffer = append(append(a.buffer, text...), '\n')
	if len(a.buffer) < auditBuffer {
		return nil
	}
	return a.flush()
}

// flush sends what was gathered.
func (a *auditWriter) flush() error {
	if !a.begun {
		a.begun = true
		a.header()
	}
	err := a.write(a.buffer)
	a.buffer = a.buffer[:0]
	return err
}

// end sends what is left, and the line that says that these were all.
func (a *auditWriter) end(head audit.Head) error {
	last, err := json.Marshal(&audit.Trailer{
		After: a.after, Count: a.count, Sequence: head.Sequence, Hash: head.Hash,
	})
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	a.buffer = append(append(a.buffer, last...), '\n')
	return a.flush()
}

// auditView is how the audit log is doing, as operations see it. The hash, kept elsewhere, proves later
// that nothing up to there was cut off or made anew.
type auditView struct {
	First    uint64       `json:"first"` // sequence of the oldest entry that is kept
	Sequence uint64       `json:"sequence"`
	Hash     string       `json:"hash"`
	Time     mapping.Time `json:"time,omitzero"` // of the newest entry
	Bytes    uint64       `json:"bytes"`         // on the disk
	Reason   string       `json:"reason,omitzero"`
}

// auditStatus shows how the log is doing; nil: there is none.
func (p *pipeline) auditStatus() *auditView {
	if p.audit == nil {
		return nil
	}
	s := p.audit.Status()
	v := &auditView{
		First: s.First, Sequence: s.Sequence, Hash: s.Hash, Time: mapping.Time(s.Time.UnixMilli()), Bytes: s.DiskBytes,
	}
	if s.Err != nil {
		v.Reason = classify(s.Err, "").message
	}
	return v
}
