package api

import (
	_ "embed"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/api/auth"
	"recordings/api/front"
	"recordings/api/openapi"
	"recordings/api/static"
	"recordings/api/trail"
	"recordings/api/users"
	"recordings/audit"
	"recordings/erase/deletion"
	"recordings/erase/reconcile"
	"recordings/erase/retention"
	"recordings/index"
	"recordings/mapping"
)

// words are the texts of the description. Each name in them is one of the table of routes, of a type
// that is encoded, or of a parameter.
//
//go:embed words.yaml
var words []byte

// description answers with the description of the API: OpenAPI 3.1, made of the table of routes and of
// the types that are encoded and decoded. It holds nothing that is not the same for everybody, so
// nobody needs credentials for it.
type description struct {
	*pipeline
	made func() (*static.File, error) // once, when it is first asked for
}

// newDescription describes the lines of a table. Those are asked for later, as the description itself is one.
func newDescription(o *Options, p *pipeline, table func() []route) *description {
	server := "/"
	if o.PublicURL != nil {
		server = strings.TrimRight(o.PublicURL.Scheme+"://"+o.PublicURL.Host+o.PublicURL.EscapedPath(), "/")
	}
	version := o.Version
	return &description{p, sync.OnceValues(func() (*static.File, error) {
		text, err := describeAPI(table(), version, server)
		if err != nil {
			return nil, fmt.Errorf("describing the API: %w", err)
		}
		return static.New(jsonType, text)
	})}
}

// serve answers with the description.
func (d *description) serve(w http.ResponseWriter, r *http.Request) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		d.fail(w, r, err)
		return
	}
	f, err := d.made()
	if err != nil {
		d.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	f.Serve(w, r)
}

// describeAPI writes the description. server is what the paths are appended to.
func describeAPI(table []route, version, server string) ([]byte, error) {
	texts, err := openapi.ParseWords(words)
	if err != nil {
		return nil, err
	}
	info := openapi.Info{
		Title: "recordings", Version: version, Server: server, License: "Apache-2.0",
		Common: []openapi.Parameter{header(front.RequestIDHeader, "4K7RZX2QDPM3WAAS")},
		Tags:   subjects(table), Errors: describedErrors, Security: map[string]openapi.Security{
			"basic":   {Type: "http", Scheme: "basic"},
			"bearer":  {Type: "http", Scheme: "bearer"},
			"session": {Type: "apiKey", In: "cookie", Name: "recordings"},
		},
	}
	if info.Version == "" {
		info.Version = "dev"
	}
	return openapi.Build(info, operationsOf(table), newSchemas(), texts)
}

// subjects are what the lines are about, in their order.
func subjects(table []route) (all []string) {
	for i := range table {
		if s := table[i].subject; !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// operationsOf are the lines of the table as the description has them: that of an alias is one with
// the path that it is another name of.
func operationsOf(table []route) []openapi.Operation {
	aliases := make(map[string][]string)
	for i := range table {
		if x := &table[i]; x.alias != "" {
			key := x.method + " " + x.alias
			aliases[key] = append(aliases[key], x.path)
		}
	}

	var all []openapi.Operation
	for i := range table {
		x := &table[i]
		if x.alias != "" {
			continue
		}
		op := openapi.Operation{
			ID: x.name, Method: x.method, Path: x.path, Aliases: aliases[x.method+" "+x.path], Tag: x.subject,
			Summary: x.summary, Scope: scopeWords[x.reach], Public: x.asks,
			Parameters: slices.Concat(pathParams(x.path), x.ownParams(), x.parameters),
			Bodies:     x.bodies, Answers: x.answers, Errors: x.errors(),
		}
		for _, role := range x.roles {
			op.Roles = append(op.Roles, string(role))
		}
		all = append(all, op)
	}
	return all
}

// scopeWords say whose things a line is about.
var scopeWords = map[reach]string{
	nobodys: "about the caller alone",
	callers: "about one contact center of the caller: the only one, or the one that `ContactCenterId` chooses",
	named:   "about the contact center in the path, which has to be one of the caller's",
	several: "about all contact centers of the caller",
	service: "about the service as a whole; who is bound to some contact centers is refused",
}

// pathVariable is a variable of a path.
var pathVariable = regexp.MustCompile(`{([a-z]+)}`)

// pathExamples are the variables of paths.
var pathExamples = map[string]any{
	"ccid": exampleCenter, "id": "00PV5Q27MG8AB8VNE49362LAES000014",
	"media": "0ce11ff0-a6cf-53fa-aaa1-baad43ac98b4.mp3", "name": "complaint", "n": 1,
	"version": "0123456789abcdef", "file": "app.js",
}

// pathParams are the parameters of a path.
func pathParams(path string) (all []openapi.Parameter) {
	for _, m := range pathVariable.FindAllStringSubmatch(path, -1) {
		p := openapi.Parameter{Name: m[1], In: "path", Required: true, Schema: textForm, Example: pathExamples[m[1]]}
		if m[1] == "n" {
			p.Schema = number(1, 1<<31-1, 0)
		}
		all = append(all, p)
	}
	return all
}

// ownParams are the parameters that a line has because of whom it is about.
func (x *route) ownParams() []openapi.Parameter {
	if x.reach != callers {
		return nil
	}
	all := []openapi.Parameter{header(centerHeader, exampleCenter)}
	if x.method == http.MethodGet {
		all = append(all, query(paramCenter, textForm, exampleCenter))
	}
	return all
}

// errors are the HTTP statuses of errors that a line has.
func (x *route) errors() []int {
	all := slices.Concat(x.fails, []int{400, 500, 503})
	if len(x.roles) > 0 {
		all = append(all, 401, 403, 429)
	}
	if strings.Contains(x.path, "{") || x.reach == callers {
		all = append(all, 404)
	}
	if x.method != http.MethodGet {
		all = append(all, 403) // of another origin
	}
	if len(x.bodies) > 0 {
		all = append(all, 413, 415)
	}
	if x.action != "" && x.action.First() || x.method != http.MethodGet && len(x.roles) > 0 {
		all = append(all, 507)
	}
	if x.method == http.MethodPost && x.reach == service { // work that is running, or is not
		all = append(all, 409)
	}
	if strings.Contains(x.path, "/deletions/{n}/") || strings.Contains(x.path, "/reconciliations/{n}/") {
		all = append(all, 409)
	}
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

// describedErrors are the statuses of errors, with the statusCodes that come with each.
var describedErrors = describeErrors()

func describeErrors() (all []openapi.Error) {
	headers := map[int][]string{
		401: {"WWW-Authenticate"}, 405: {"Allow"}, 416: {"Content-Range"}, 429: {"Retry-After"},
		503: {"Retry-After"},
	}
	codes := map[int][]int{
		400: {codeMissing, codeInvalid}, 401: {codeUnauthenticated}, 403: {codeForbiddenNow, codeRole},
		404: {codeNotFound}, 405: {codeForbiddenNow}, 409: {codeForbiddenNow}, 412: {codeForbiddenNow},
		413: {codeInvalid}, 415: {codeInvalid}, 416: {codeInvalid}, 429: {codeUnauthenticated},
		500: {codeInternal}, 502: {codeInternal}, 503: {codeInternal}, 504: {codeInternal}, 507: {codeInternal},
	}
	for status, c := range codes {
		all = append(all, openapi.Error{
			Status: status, Codes: c, Type: reflect.TypeFor[errorAnswer](), Headers: headers[status],
		})
	}
	slices.SortFunc(all, func(a, b openapi.Error) int { return a.Status - b.Status })
	return all
}

// texts are the words of a type that is one.
func texts[T ~string](words ...T) openapi.Schema {
	s := openapi.Schema{Type: "string"}
	for _, w := range words {
		s.Enum = append(s.Enum, string(w))
	}
	return s
}

// newSchemas knows of the types that are encoded what they do not say themselves.
func newSchemas() *openapi.Schemas {
	object := openapi.Schema{Type: "object", Others: &openapi.Schema{}}
	answered := openapi.Schema{Type: "string", Pattern: mapping.AnswerTimePattern}
	posted := openapi.Schema{Type: "string", Pattern: mapping.TimePattern}
	return &openapi.Schemas{
		Names: map[reflect.Type]string{
			reflect.TypeFor[retention.Report]():        "RetentionPolicy",
			reflect.TypeFor[retention.CenterReport]():  "RetentionOfCenter",
			reflect.TypeFor[deletion.Preview]():        "DeletionPreview",
			reflect.TypeFor[deletion.Sample]():         "DeletionSample",
			reflect.TypeFor[deletion.Result]():         "DeletionResult",
			reflect.TypeFor[index.Finding]():           "VerificationFinding",
			reflect.TypeFor[mapping.Recording]():       "PostedRecording",
			reflect.TypeFor[mapping.MediaFile]():       "PostedMediaFile",
			reflect.TypeFor[errorAnswer]():             "Error",
			reflect.TypeFor[problemView]():             "Problem",
			reflect.TypeFor[doneAnswer]():              "Done",
			reflect.TypeFor[verdictView]():             "LineVerdict",
			reflect.TypeFor[batchAnswer]():             "BatchTotals",
			reflect.TypeFor[exportedAnswer]():          "ExportEnd",
			reflect.TypeFor[audit.Line]():              "AuditEntry",
			reflect.TypeFor[audit.Trailer]():           "AuditEnd",
			reflect.TypeFor[reconcile.Finding]():       "ReconciliationFinding",
			reflect.TypeFor[operationBody]():           "OperationOnRecordings",
			reflect.TypeFor[archiveBody]():             "NamedRecordings",
			reflect.TypeFor[holdBody]():                "OperationOnRecording",
			reflect.TypeFor[index.BackupStatus]():      "BackupProgress",
			reflect.TypeFor[verifyView]():              "VerificationProgress",
			reflect.TypeFor[mapping.LabelDefinition](): "LabelDefinition",
		},
		Posted: map[reflect.Type]string{
			reflect.TypeFor[mapping.MediaDescriptor](): "PostedMediaDescriptor",
			reflect.TypeFor[mapping.Event]():           "PostedEvent",
			reflect.TypeFor[mapping.Contact]():         "PostedContact",
			reflect.TypeFor[mapping.LabelDefinition](): "PostedLabelDefinition",
		},
		Known: map[reflect.Type]openapi.Schema{
			reflect.TypeFor[mapping.Time]():   answered,
			reflect.TypeFor[jsontext.Value](): object,
			reflect.TypeFor[auth.Role]():      texts(auth.Roles...),
			reflect.TypeFor[users.Kind]():     texts(users.Kinds...),
			reflect.TypeFor[audit.Action]():   texts(audit.Actions...),
			reflect.TypeFor[audit.Outcome](): texts(audit.Begun, audit.Done, audit.Partly, audit.Invalid, audit.Refused,
				audit.NotFound, audit.Failed),
			reflect.TypeFor[index.Outcome](): texts(index.Created, index.Merged, index.Unchanged),
			reflect.TypeFor[reconcile.Kind](): texts(reconcile.Missing, reconcile.OtherSize, reconcile.NotAsked,
				reconcile.Unnamed),
		},
		KnownPosted: map[reflect.Type]openapi.Schema{reflect.TypeFor[mapping.Time](): posted},
		Refine:      refinements,
	}
}

// refinements are what is accepted of attributes, and what their types do not say.
var refinements = map[string]func(*openapi.Schema){
	"PostedRecording": func(s *openapi.Schema) {
		for _, name := range []string{"id", "callerPhoneNumber", "dialedPhoneNumber", "region"} {
			s.Property(name).Schema = trimmedForm
		}
		s.Property("id").Not = &openapi.Schema{Enum: mapping.ReservedIDs}
		s.Property("mediaFiles").MinItems = 1
	},
	"PostedMediaFile": func(s *openapi.Schema) {
		s.Property("callUUID").Schema = trimmedForm
		s.Property("masks").Schema = masksForm
	},
	"MediaFile":             func(s *openapi.Schema) { s.Property("masks").Schema = masksForm },
	"PostedMediaDescriptor": func(s *openapi.Schema) { refineDescriptor(s) },
	"MediaDescriptor": func(s *openapi.Schema) {
		refineDescriptor(s)
		s.Properties = without(s.Properties, "auth") // it is shown to nobody
	},
	"ListAnswer": func(s *openapi.Schema) { // its list is encoded apart
		list := openapi.Schema{Type: "array", Items: &openapi.Schema{Ref: openapi.Ref("Recording")}}
		s.Properties = slices.Insert(s.Properties, 1, openapi.Property{Name: "recordings", Schema: list})
		s.Required = append(s.Required, "recordings")
	},
	"PostedEvent": func(s *openapi.Schema) { refineEvent(s) },
	"Event":       func(s *openapi.Schema) { refineEvent(s) },
	"Contact": func(s *openapi.Schema) {
		s.Property("type").Schema = texts(mapping.ContactUser, mapping.ContactExternal)
	},
	"PostedContact": func(s *openapi.Schema) {
		s.Property("type").Schema = texts(mapping.ContactUser, mapping.ContactExternal)
		s.Property("phoneNumber").Schema = trimmedForm
		s.Required = []string{"type", "phoneNumber"}
	},
	"PostedLabelDefinition": func(s *openapi.Schema) {
		s.Required = nil
		s.Property("name").Schema = labelNameForm
		s.Property("displayName").Schema = textOf(mapping.MaxLabelValue)
		s.Property("description").Schema = textOf(mapping.MaxLabelDescription)
	},
	"LabelBody": func(s *openapi.Schema) {
		s.Property("name").Schema = labelNameForm
		s.Property("value").Schema = textOf(mapping.MaxLabelValue)
	},
	"CommentBody": func(s *openapi.Schema) {
		s.Property("text").Schema = textOf(mapping.MaxComment)
		s.Property("text").MinLength = 1
		s.Property("at").Schema = momentForm
	},
	"SearchBody": func(s *openapi.Schema) {
		s.Property("period").Schema = texts(searchPeriods...)
		s.Property("sort").Schema = texts(index.Orders...)
		s.Property("lookedAt").Schema = openapi.Schema{Type: "string", Pattern: mapping.TimePattern}
		s.Property("zone").Schema = textForm
	},
	"SignIn": func(s *openapi.Schema) {
		s.Property("by").Schema = texts(trail.ByPage, trail.ByPassword, trail.ByToken, trail.ByBearer)
		s.Property("outcome").Schema = texts(audit.Done, audit.Refused)
	},
	"Comment": func(s *openapi.Schema) { s.Property("at").Schema = momentForm },
	"OperationOnRecording": func(s *openapi.Schema) {
		s.Property("operationName").Schema = texts(applyNonDelete, unapplyNonDelete, removeNonDelete)
		s.Property("reason").Schema = textOf(mapping.MaxReason)
	},
	"OperationOnRecordings": func(s *openapi.Schema) {
		operations := texts(applyNonDelete, unapplyNonDelete, removeNonDelete, addLabel, removeLabel)
		s.Property("operationName").Schema = operations
		s.Property("reason").Schema = textOf(mapping.MaxReason)
		s.Property("value").Schema = textOf(mapping.MaxLabelValue)
		ids := s.Property("recordings")
		ids.MinItems, ids.MaxItems, ids.Items.MinLength = 1, maxMarked, 1
	},
	"NamedRecordings": func(s *openapi.Schema) {
		ids := s.Property("recordings")
		ids.MinItems, ids.MaxItems, ids.Items.MinLength = 1, maxArchived, 1
	},
	"BackupBody": func(s *openapi.Schema) {
		s.Property("index").Default = true
	},
	"Credentials": func(s *openapi.Schema) {
		s.Property("user").MinLength, s.Property("password").MinLength = 1, 1
	},
}

// The forms of some attributes.
var (
	trimmedForm   = openapi.Schema{Type: "string", Pattern: `^\S([\s\S]*\S)?$`}
	labelNameForm = openapi.Schema{
		Type: "string", Pattern: `^(_?[!-^\x60-~][!-~]*|_)?$`, MaxLength: mapping.MaxLabelName,
	}
	masksForm = openapi.Schema{Type: "array", Items: &openapi.Schema{Type: "object", Others: &openapi.Schema{}}}
)

// momentForm is a moment of a call, in seconds.
var momentForm = func() openapi.Schema {
	from, to := int64(0), int64(mapping.MaxAt)
	return openapi.Schema{Type: "number", Minimum: &from, Maximum: &to}
}()

// textOf is text that people write, of so many characters at most.
func textOf(most int) openapi.Schema {
	return openapi.Schema{Type: "string", Pattern: `^[^\x00]*$`, MaxLength: most}
}

func refineDescriptor(s *openapi.Schema) {
	s.Property("storage").Schema = texts(mapping.StorageS3, mapping.StorageWebDAV)
	s.Property("path").MinLength = 1
}

func refineEvent(s *openapi.Schema) {
	s.Property("event").Schema = texts(mapping.EventJoined, mapping.EventLeft, mapping.EventData)
	s.Properties = without(s.Properties, "OccurredAt") // which is never shown
}

// without leaves a member out.
func without(all []openapi.Property, name string) []openapi.Property {
	return slices.DeleteFunc(all, func(p openapi.Property) bool { return p.Name == name })
}
