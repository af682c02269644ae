package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/api/auth"
	"recordings/audit"
	"recordings/index"
	"recordings/mapping"
)

// marks are the handlers of what the service itself notes of recordings: holds, labels and comments.
type marks struct {
	*pipeline
	*scope
	bodies *bodies
	index  index.Index
	marks  index.Marks
	labels index.Labels
}

// The names of the operations on recordings, as later services have them.
const (
	applyNonDelete   = "applyNonDelete"
	unapplyNonDelete = "unapplyNonDelete"
	removeNonDelete  = "removeNonDelete" // the same
	addLabel         = "addLabel"
	removeLabel      = "removeLabel"
)

// maxMarked is how many recordings one request marks.
const maxMarked = 1000

// operationBody says what is to be done, and with which recordings.
type operationBody struct {
	Operation  string   `json:"operationName"`
	Recordings []string `json:"recordings"`
	Reason     string   `json:"reason,omitzero"`
	Name       string   `json:"name,omitzero"`
	Value      string   `json:"value,omitzero"`
}

// holdBody is what is accepted of it for one recording.
type holdBody struct {
	Operation string `json:"operationName"`
	Reason    string `json:"reason,omitzero"`
}

// markRequest changes the marks of recordings.
type markRequest struct {
	contactCenter string
	of            index.Scope // what the caller may mark
	ids           []string
	change        func(*mapping.Recording) error
	borne         string // the label that must be there
}

// operationError is an operation that there is not, in the words of the page that has it.
type operationError struct{}

// Error implements error.
func (operationError) Error() string {
	return "Parameter 'operationName' is invalid: The specified value is not within valid range"
}

func (e operationError) failure() failure {
	return failure{status: http.StatusBadRequest, code: codeInvalid, message: e.Error()}
}

// missingError is a recording to be marked that there is not, likewise.
type missingError struct{ id string }

// Error implements error.
func (e missingError) Error() string { return "Requested recording [" + e.id + "] cannot be found." }

func (e missingError) failure() failure {
	return failure{status: http.StatusNotFound, code: codeNotFound, message: e.Error()}
}

// or lets POSTs of operations on many recordings go to do, and others on to post.
func (h *marks) or(do, post handling) handling {
	either := post.or(do)
	either.do = func(w http.ResponseWriter, r *http.Request) {
		_, wrong := h.postedContactCenter(r)
		if wrong != nil || checkMediaType(r.Header, jsonType) != nil || infoOf(r).user.Role != auth.RoleOps {
			post.do(w, r) // which refuses it, or takes it
			return
		}

		// Whatever is wrong with the body is told by who takes it.
		text, err := io.ReadAll(io.LimitReader(r.Body, h.bodies.limit+1))
		again := *r // shallow: only the body differs
		again.Body = readAgain{io.MultiReader(bytes.NewReader(text), failing{err, r.Body}), r.Body}
		var named struct {
			Operation *string `json:"operationName"`
		}
		if err == nil && bytes.Contains(text, []byte(`"operationName"`)) &&
			json.Unmarshal(text, &named) == nil && named.Operation != nil {
			do.do(w, &again)
			return
		}
		post.do(w, &again)
	}
	return either
}

// readAgain is a body of which a part was read before.
type readAgain struct {
	io.Reader
	io.Closer
}

// failing fails as a body has failed, or goes on with it.
type failing struct {
	err  error
	body io.Reader
}

// Read implements [io.Reader].
func (f failing) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.body.Read(p)
}

// decodeOne reads an operation on the recording of the path.
func (h *marks) decodeOne(r *http.Request) (in markRequest, err error) {
	if err := h.begin(r, &in); err != nil {
		return in, err
	}
	var body operationBody
	if err := h.decodeBody(r, &body, namesOf[holdBody]()); err != nil {
		return in, err
	}
	if len(body.Recordings) > 0 || body.Name != "" || body.Value != "" {
		message := "is not accepted here; accepted: " + namesOf[holdBody]()
		return in, mapping.Problems{{Path: "recordings, name or value", Message: message}}
	}
	if body.Operation == addLabel || body.Operation == removeLabel {
		return in, operationError{}
	}
	k, err := h.key(r)
	if err != nil {
		return in, err
	}
	in.ids = []string{k.id}
	return in, h.operation(r, &in, &body)
}

// decodeMany reads an operation on the recordings that it names.
func (h *marks) decodeMany(r *http.Request) (in markRequest, err error) {
	if err := h.begin(r, &in); err != nil {
		return in, err
	}
	var body operationBody
	if err := h.decodeBody(r, &body, namesOf[operationBody]()); err != nil {
		return in, err
	}
	if err := h.operation(r, &in, &body); err != nil {
		return in, err
	}

	p := mapping.Problem{Path: "recordings"}
	switch n := len(body.Recordings); {
	case n == 0:
		p.Missing, p.Message = true, "is missing or empty: it is a list of the ids of recordings"
	case n > maxMarked:
		p.Message = fmt.Sprintf("has %d ids; accepted are at most %d", n, maxMarked)
	case slices.Contains(body.Recordings, ""):
		p.Message = "has an id that is empty"
	default:
		in.ids = body.Recordings
		infoOf(r).trail.Each(in.ids)
		return in, nil
	}
	return in, mapping.Problems{p}
}

// begin reads whose recordings are marked.
func (h *marks) begin(r *http.Request, in *markRequest) (err error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return err
	}
	if in.contactCenter, err = h.contactCenter(r); err != nil {
		return err
	}
	in.of = h.of(r.Context(), in.contactCenter)
	if infoOf(r).user.Role == auth.RoleOps { // as for a DELETE
		in.of.Region = index.AnyRegion
	}
	return nil
}

func (h *marks) decodeBody(r *http.Request, to any, names string) error {
	text, err := h.bodies.read(r)
	if err != nil {
		return err
	}
	return decodeObject(text, to, names)
}

// operation makes the change of an operation.
func (h *marks) operation(r *http.Request, in *markRequest, body *operationBody) error {
	by, now, t := infoOf(r).user.Name, mapping.Time(time.Now().UnixMilli()), infoOf(r).trail
	if body.Reason != "" { // also of a release, of which the recording keeps none
		t.Detail("reason", body.Reason)
	}
	switch body.Operation {
	case applyNonDelete:
		t.Action(audit.Hold)
		in.change = func(r *mapping.Recording) error {
			if r.NonDelete == nil {
				r.NonDelete = &mapping.Hold{Time: now, User: by, Reason: body.Reason}
			}
			return nil
		}
	case unapplyNonDelete, removeNonDelete:
		t.Action(audit.Release)
		in.change = func(r *mapping.Recording) error { r.NonDelete = nil; return nil }
	case addLabel:
		t.Action(audit.Label)
		in.change = h.label(r, body.Name, body.Value)
	case removeLabel:
		t.Action(audit.Label)
		t.Fact("removed", body.Name)
		in.change = func(r *mapping.Recording) error { r.RemoveLabel(body.Name); return nil }
	case "":
		return mapping.Problems{{Path: "operationName", Missing: true, Message: "is missing"}}
	default:
		return operationError{}
	}

	var problems mapping.Problems
	check := func(path string, err error) {
		if err != nil {
			problems = append(problems, mapping.Problem{Path: path, Message: err.Error()})
		}
	}
	check("reason", mapping.CheckReason(body.Reason))
	if body.Operation == addLabel || body.Operation == removeLabel {
		check("name", mapping.CheckLabelName(body.Name))
		check("value", mapping.CheckLabelValue(body.Value))
	}
	return orNil(problems)
}

// orNil makes no error of no problems.
func orNil(problems mapping.Problems) error {
	if len(problems) == 0 {
		return nil
	}
	return problems
}

// label returns the change that puts a label on a recording. The same again changes nothing.
func (h *marks) label(r *http.Request, name, value string) func(*mapping.Recording) error {
	t := infoOf(r).trail
	t.Fact("label", name)
	if value != "" {
		t.Detail("value", value)
	}
	l := mapping.Label{Name: name, Value: value, Time: mapping.Time(time.Now().UnixMilli()), User: infoOf(r).user.Name}
	return func(r *mapping.Recording) error {
		if was := r.Label(name); was == nil || was.Value != value {
			r.SetLabel(l)
		}
		return nil
	}
}

// guarded is the change of a request, for what the caller sees.
func (in *markRequest) guarded() func(*mapping.Recording) error {
	return func(r *mapping.Recording) error {
		switch {
		case !in.of.Has(r):
			return index.ErrNotFound
		case in.borne != "" && r.Label(in.borne) == nil:
			return errNoLabel
		}
		return in.change(r)
	}
}

// one marks one recording.
func (h *marks) one(ctx context.Context, in markRequest) (doneAnswer, error) {
	id := in.ids[0]
	if in.of.Groups != nil { // then what is not seen takes as long as what is not there
		if _, err := h.find(ctx, h.index, key{in.contactCenter, id}); err != nil {
			return doneAnswer{}, markError(id, err)
		}
	}
	return doneAnswer{}, markError(id, h.marks.Mark(ctx, in.contactCenter, id, in.guarded()))
}

// markError is how a client sees what went wrong with a recording.
func markError(id string, err error) error {
	switch {
	case errors.Is(err, index.ErrNotFound):
		return missingError{id}
	case errors.Is(err, index.ErrNoLabel):
		return mapping.Problems{{Path: "name", Message: "is of no label that is defined; accepted are the names of " +
			"recording-label-definitions"}}
	case errors.Is(err, index.ErrTooLarge):
		const tooMany = "is one label too many: a recording bears at most %d, and has at most so many bytes"
		return mapping.Problems{{Path: "name", Message: fmt.Sprintf(tooMany, mapping.MaxLabels)}}
	}
	return err
}

// markedAnswer says how marking many recordings went.
type markedAnswer struct {
	StatusCode int            `json:"statusCode"`
	Failed     []failedMarked `json:"failed,omitzero"`
}

// failedMarked is a recording that was not marked.
type failedMarked struct {
	ID            string `json:"id"`
	StatusCode    int    `json:"statusCode"`
	StatusMessage string `json:"statusMessage"`
}

// many marks many recordings, each by itself.
func (h *marks) many(ctx context.Context, in markRequest) (a markedAnswer, err error) {
	info, began := infoFrom(ctx), time.Now()
	for i, err := range h.marks.MarkAll(ctx, in.contactCenter, in.ids, in.guarded()) {
		if err == nil {
			continue
		}
		f := classify(markError(in.ids[i], err), info.id)
		if f.status >= http.StatusInternalServerError && info.err == nil {
			info.err = err
		}
		a.StatusCode = codePartly
		a.Failed = append(a.Failed, failedMarked{in.ids[i], f.code, f.message})
		info.trail.OutcomeOf(i, outcomeOf(f.status))
	}
	if len(a.Failed) > 0 && in.of.Groups != nil { // what is another team's takes as long as what is not there
		waitFrom(ctx, began, notFoundAfter+time.Duration(len(in.ids))*notFoundEach)
	}
	return a, nil
}

// errNoLabel says that a recording does not bear a label.
var errNoLabel = errors.New("the recording does not bear this label")

// labelBody is a label as it is put on a recording.
type labelBody struct {
	Name  string `json:"name,omitzero"`
	Value string `json:"value,omitzero"`
}

// labelsAnswer has the labels of a recording.
type labelsAnswer struct {
	StatusCode int             `json:"statusCode"`
	Labels     []mapping.Label `json:"labels"`
}

// labelAnswer has one of them.
type labelAnswer struct {
	StatusCode int           `json:"statusCode"`
	Label      mapping.Label `json:"label"`
}

// labelRequest asks for the labels of a recording, or for one of them.
type labelRequest struct {
	key
	name string
}

// decodeLabel reads which label of which recording is asked for.
func (h *marks) decodeLabel(r *http.Request) (in labelRequest, err error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return in, err
	}
	if in.key, err = h.key(r); err != nil {
		return in, err
	}
	in.name, err = pathValue(r, "name")
	return in, err
}

func (h *marks) readAll(ctx context.Context, in labelRequest) (a labelsAnswer, err error) {
	if err := h.reserve(ctx, h.memory.read); err != nil {
		return a, err
	}
	r, err := h.find(ctx, h.index, in.key)
	if err != nil {
		return a, markError(in.id, err)
	}
	a.Labels = append([]mapping.Label{}, r.Labels...)
	return a, nil
}

func (h *marks) readOne(ctx context.Context, in labelRequest) (a labelAnswer, err error) {
	all, err := h.readAll(ctx, in)
	if err != nil {
		return a, err
	}
	for _, l := range all.Labels {
		if mapping.SameLabel(l.Name, in.name) {
			return labelAnswer{Label: l}, nil
		}
	}
	return a, errNoLabel
}

// decodeAdd reads a label that is put on a recording.
func (h *marks) decodeAdd(r *http.Request) (in markRequest, err error) {
	if err := h.begin(r, &in); err != nil {
		return in, err
	}
	var body labelBody
	if err := h.decodeBody(r, &body, namesOf[labelBody]()); err != nil {
		return in, err
	}
	return in, h.putOn(r, &in, body)
}

// decodeChange reads the value of a label that a recording bears.
func (h *marks) decodeChange(r *http.Request) (in markRequest, err error) {
	if err := h.begin(r, &in); err != nil {
		return in, err
	}
	var body labelBody
	if err := h.decodeBody(r, &body, namesOf[labelBody]()); err != nil {
		return in, err
	}
	name, err := pathValue(r, "name")
	if err != nil {
		return in, err
	}
	if body.Name != "" && !mapping.SameLabel(body.Name, name) {
		return in, mapping.Problems{{Path: "name", Message: "is not that of the path; leave it out"}}
	}
	in.borne, body.Name = name, name
	return in, h.putOn(r, &in, body)
}

// putOn makes the change that puts a label on the recording of the path.
func (h *marks) putOn(r *http.Request, in *markRequest, body labelBody) error {
	op := operationBody{Operation: addLabel, Name: body.Name, Value: body.Value}
	if body.Name == "" {
		return mapping.Problems{{Path: "name", Missing: true, Message: "is missing"}}
	}
	k, err := h.key(r)
	if err != nil {
		return err
	}
	in.ids = []string{k.id}
	return h.operation(r, in, &op)
}

// decodeRemove reads which label is taken off which recording.
func (h *marks) decodeRemove(r *http.Request) (in markRequest, err error) {
	if err := h.begin(r, &in); err != nil {
		return in, err
	}
	k, err := h.key(r)
	if err != nil {
		return in, err
	}
	name, err := pathValue(r, "name")
	if err != nil {
		return in, err
	}
	in.ids, in.borne = []string{k.id}, name
	infoOf(r).trail.Fact("removed", name)
	in.change = func(r *mapping.Recording) error { r.RemoveLabel(name); return nil }
	return in, nil
}

// definitionsAnswer has the labels that recordings of a contact center may bear.
type definitionsAnswer struct {
	StatusCode  int                       `json:"statusCode"`
	Definitions []mapping.LabelDefinition `json:"definitions"`
}

// definitionAnswer has one of them.
type definitionAnswer struct {
	StatusCode int                     `json:"statusCode"`
	Definition mapping.LabelDefinition `json:"definition"`
	created    bool
}

// httpStatus is that of the answer.
func (a definitionAnswer) httpStatus() int {
	if a.created {
		return http.StatusCreated
	}
	return http.StatusOK
}

// definitionRequest is about the definition of a label.
type definitionRequest struct {
	contactCenter string
	name          string // of the path
	definition    mapping.LabelDefinition
	force         bool
}

// decodeDefinitions reads whose labels are asked for, and which.
func (h *marks) decodeDefinitions(r *http.Request) (in definitionRequest, err error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return in, err
	}
	if in.contactCenter, err = h.contactCenter(r); err != nil {
		return in, err
	}
	in.name, err = pathValue(r, "name")
	return in, err
}

// decodeDefinition reads the definition of a label.
func (h *marks) decodeDefinition(r *http.Request) (in definitionRequest, err error) {
	if in, err = h.decodeDefinitions(r); err != nil {
		return in, err
	}
	d := &in.definition
	if err := h.decodeBody(r, d, namesOf[mapping.LabelDefinition]()); err != nil {
		return in, err
	}

	var problems mapping.Problems
	check := func(path string, err error) {
		if err != nil {
			problems = append(problems, mapping.Problem{Path: path, Message: err.Error()})
		}
	}
	switch {
	case in.name == "" && d.Name == "":
		problems = mapping.Problems{{Path: "name", Missing: true, Message: "is missing"}}
	case in.name != "" && d.Name == "":
		d.Name = in.name
	case in.name != "" && !mapping.SameLabel(d.Name, in.name):
		check("name", errors.New("is not that of the path; a label cannot be given another name"))
	}
	if d.Name != "" {
		check("name", mapping.CheckLabelName(d.Name))
	}
	if d.DisplayName == "" {
		d.DisplayName = d.Name
	}
	check("displayName", mapping.CheckLabelValue(d.DisplayName))
	check("description", mapping.CheckLabelDescription(d.Description))
	infoOf(r).trail.Fact("label", d.Name)
	return in, orNil(problems)
}

func (h *marks) definitions(ctx context.Context, in definitionRequest) (a definitionsAnswer, err error) {
	all, err := h.labels.Labels(ctx, in.contactCenter)
	a.Definitions = append([]mapping.LabelDefinition{}, all...)
	return a, err
}

func (h *marks) definition(ctx context.Context, in definitionRequest) (a definitionAnswer, err error) {
	all, err := h.labels.Labels(ctx, in.contactCenter)
	if err != nil {
		return a, err
	}
	for _, d := range all {
		if mapping.SameLabel(d.Name, in.name) {
			return definitionAnswer{Definition: d}, nil
		}
	}
	return a, index.ErrNoLabel
}

func (h *marks) define(ctx context.Context, in definitionRequest) (definitionAnswer, error) {
	err := h.labels.DefineLabel(ctx, in.contactCenter, in.definition, false)
	return definitionAnswer{Definition: in.definition, created: true}, err
}

func (h *marks) redefine(ctx context.Context, in definitionRequest) (definitionAnswer, error) {
	err := h.labels.DefineLabel(ctx, in.contactCenter, in.definition, true)
	return definitionAnswer{Definition: in.definition}, err
}

// paramForce of a DELETE takes a label off the recordings that bear it, too.
const paramForce = "force"

// decodeDrop reads which definition is removed. It is taken off recordings of all teams, and their number
// is told, so nobody of a team may do it.
func (h *marks) decodeDrop(r *http.Request) (in definitionRequest, err error) {
	params, problems := parseQuery(r.URL.RawQuery, []string{paramForce})
	_, force, wrong := takeFlag(params, paramForce)
	if problems = append(problems, wrong...); len(problems) > 0 {
		return in, problems
	}
	if in.force = force; len(infoOf(r).user.AccessGroups) > 0 {
		return in, errRole
	}
	if in.contactCenter, err = h.contactCenter(r); err != nil {
		return in, err
	}
	in.name, err = pathValue(r, "name")
	t := infoOf(r).trail
	t.Fact("dropped", in.name)
	t.Fact("force", in.force)
	return in, err
}

func (h *marks) drop(ctx context.Context, in definitionRequest) (doneAnswer, error) {
	return doneAnswer{}, h.labels.DropLabel(ctx, in.contactCenter, in.name, in.force)
}
