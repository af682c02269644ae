package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"recordings/api"
)

// contract is the description of the API, by which answers are judged. An answer must not have a member
// that is not described.
type contract struct {
	doc    *openapi3.T
	router routers.Router

	mu       sync.Mutex
	judged   map[string]int // how many answers, by operations and statuses
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by their places in the description
}

// schema is the one at a place of the description. It is compiled once, which takes many times as long
// as judging by it.
func (c *contract) schema(place ...string) (*jsonschema.Schema, error) {
	pointer := contractURL + "#"
	for _, step := range place {
		pointer += "/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(step))
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.schemas[pointer]; s != nil {
		return s, nil
	}
	s, err := c.compiler.Compile(pointer)
	if err != nil {
		return nil, err
	}
	c.schemas[pointer] = s
	return s, nil
}

// contractURL is what the description is called while its schemas are compiled.
const contractURL = "http://localhost/openapi.json"

// enough is how many answers of one operation and status are judged where there are thousands of them.
const enough = 30

// has reports whether enough answers were judged of an operation and status.
func (c *contract) has(operation, status string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := operation + " " + status
	c.judged[name]++
	return c.judged[name] > enough
}

// described is the contract. All servers have the same one, but for their addresses.
var described = sync.OnceValues(func() (*contract, error) {
	text, err := api.Describe()
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	components := doc["components"].(map[string]any)
	schemas := components["schemas"].(map[string]any)
	for _, s := range schemas {
		if s := s.(map[string]any); s["properties"] != nil && s["additionalProperties"] == nil {
			s["additionalProperties"] = false
		}
	}
	delete(doc, "servers") // whatever they are called
	expand(doc["paths"].(map[string]any), schemas)
	if text, err = json.Marshal(doc); err != nil {
		return nil, err
	}

	loaded, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(loaded)
	if err != nil {
		return nil, err
	}

	plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(contractURL, plain); err != nil {
		return nil, err
	}
	return &contract{
		doc: loaded, router: router, judged: make(map[string]int),
		compiler: compiler, schemas: make(map[string]*jsonschema.Schema),
	}, nil
})

// expand writes out what the description says in short: operations under each of their paths, and what
// each line of a body is, as a schema named by its place.
func expand(paths, schemas map[string]any) {
	aliases := make(map[string]map[string]any)
	for _, item := range paths {
		for method, op := range item.(map[string]any) {
			op := op.(map[string]any)
			for status, answer := range op["responses"].(map[string]any) {
				contents, _ := answer.(map[string]any)["content"].(map[string]any)
				for _, c := range contents {
					if lines := c.(map[string]any)["x-item-schema"]; lines != nil {
						schemas[linesName(op["operationId"].(string), status)] = lines
					}
				}
			}
			also, _ := op["x-also-at"].([]any)
			for _, path := range also {
				if aliases[path.(string)] == nil {
					aliases[path.(string)] = make(map[string]any)
				}
				aliases[path.(string)][method] = op
			}
		}
	}
	for path, item := range aliases {
		paths[path] = item
	}
}

func linesName(operation, status string) string { return "lines-" + operation + "-" + status }

// check judges an answer: each one, or none of those of which there were enough.
func (c *contract) check(method, target string, a reply, each bool) error {
	path, query, _ := strings.Cut(target, "?")
	asked := method
	if method == http.MethodHead {
		asked = http.MethodGet
	}
	u := &url.URL{Scheme: "http", Host: "localhost", RawQuery: query}
	var err error
	if u.Path, err = url.PathUnescape(path); err != nil {
		return nil // no path of the API
	}
	u.RawPath = path
	r := &http.Request{Method: asked, URL: u, Host: u.Host, Header: http.Header{}}
	route, _, err := c.router.FindRoute(r)
	if err != nil {
		return c.checkNothing(a)
	}

	status := fmt.Sprint(a.status)
	answer := route.Operation.Responses.Value(status)
	if answer == nil {
		return fmt.Errorf("%s: the status %s is not described", route.Operation.OperationID, status)
	}
	if id := a.header.Get("X-Request-Id"); id == "" {
		return fmt.Errorf("%s: there is no X-Request-Id", route.Operation.OperationID)
	}
	if !each && c.has(route.Operation.OperationID, status) {
		return nil
	}
	if method == http.MethodHead || a.status == http.StatusNotModified || a.header.Get("Content-Encoding") != "" {
		return nil
	}

	mediaType, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if len(answer.Value.Content) > 0 && answer.Value.Content.Get(a.header.Get("Content-Type")) == nil {
		return fmt.Errorf("%s: %s: the media type %q is not described", route.Operation.OperationID, status, mediaType)
	}
	switch mediaType {
	case "application/json":
		place := []string{"paths", route.Path, strings.ToLower(asked), "responses", status}
		if shared, ok := strings.CutPrefix(answer.Ref, "#/components/responses/"); ok {
			place = []string{"components", "responses", shared}
		}
		if err := c.checkJSON(a.body, append(place, "content", mediaType, "schema")...); err != nil {
			return fmt.Errorf("%s: %s: %w", route.Operation.OperationID, status, err)
		}
		return c.checkCode(answer.Value, a)
	case "application/x-ndjson":
		return c.checkLines(linesName(route.Operation.OperationID, status), a.body)
	}
	return nil
}

// checkNothing judges the answer where there is nothing, or not by this method.
func (c *contract) checkNothing(a reply) error {
	if !slices.Contains([]int{400, 401, 403, 404, 405, 429, 503}, a.status) && a.status >= 300 {
		return fmt.Errorf("%d, where nothing is described", a.status)
	}
	return nil
}

// checkCode makes sure that the statusCode of an error is one of those that come with its status.
func (c *contract) checkCode(answer *openapi3.Response, a reply) error {
	codes, ok := answer.Extensions["x-status-codes"].([]any)
	if !ok {
		return nil
	}
	var body struct {
		StatusCode float64 `json:"statusCode"`
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		return err
	}
	if !slices.Contains(codes, any(body.StatusCode)) {
		return fmt.Errorf("%d has the statusCode %v; described are %v", a.status, body.StatusCode, codes)
	}
	return nil
}

// checkLines judges each line of a body.
func (c *contract) checkLines(name, text string) error {
	for line := range strings.Lines(text) {
		if err := c.checkJSON(line, "components", "schemas", name); err != nil {
			return fmt.Errorf("%s: %s: %w", name, line, err)
		}
	}
	return nil
}

// checkJSON judges a text by the schema at a place of the description.
func (c *contract) checkJSON(text string, place ...string) error {
	schema, err := c.schema(place...)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

// TestContract: an answer with a member that is not described, or without one that must be there, is told.
func TestContract(t *testing.T) {
	t.Parallel()
	c := theContract(t)
	for body, right := range map[string]bool{
		`{"statusCode":6,"statusMessage":"no","requestId":"r"}`:                  true,
		`{"statusCode":6,"statusMessage":"no","requestId":"r","unknown":1}`:      false,
		`{"statusCode":"6","statusMessage":"no","requestId":"r"}`:                false,
		`{"statusCode":6,"statusMessage":"no"}`:                                  false,
		`{"statusCode":6,"statusMessage":"no","requestId":"r"} {"statusCode":6}`: false,
		`{"statusCode":99,"statusMessage":"not one of a 404's","requestId":"r"}`: false,
	} {
		header := http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {"r"}}
		a := reply{status: 404, body: body, header: header}
		err := c.check("GET", "/api/v2/recordings/gone", a, true)
		if (err == nil) != right {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestDescription: the description is one of OpenAPI 3.1, its examples are what they are examples of,
// and it is sent to everybody, once.
func TestDescription(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{Version: "1.2.3"})
	a := s.do(t, "GET", "/api/v2/openapi.json", "", nil, "")
	if a.status != 200 || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s\n%.500s", a.status, a.header, a.body)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") || doc.Info.Version != "1.2.3" {
		t.Errorf("OpenAPI %s of version %s", doc.OpenAPI, doc.Info.Version)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Error(err)
	}

	zipped := s.do(t, "GET", "/api/v2/openapi.json", "", map[string]string{"Accept-Encoding": "gzip"}, "")
	if zipped.header.Get("Content-Encoding") != "gzip" || len(zipped.body) > 40<<10 {
		t.Errorf("compressed, it has %d bytes: %v", len(zipped.body), zipped.header)
	}
	again := map[string]string{"Accept-Encoding": "gzip", "If-None-Match": zipped.header.Get("ETag")}
	if b := s.do(t, "GET", "/api/v2/openapi.json", "", again, ""); b.status != 304 {
		t.Errorf("asked for again: %d", b.status)
	}
}

// TestDescribedRoutes: what is described is what is routed, under each of its paths.
func TestDescribedRoutes(t *testing.T) {
	t.Parallel()
	c := theContract(t)
	var want, got []string
	for _, line := range api.Table() {
		want = append(want, line.Method+" "+line.Path)
	}
	for path, item := range c.doc.Paths.Map() {
		for method := range item.Operations() {
			got = append(got, method+" "+path)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("described:\n%s\nrouted:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func theContract(t testing.TB) *contract {
	t.Helper()
	c, err := described()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// looseParameters are operations that do not say which parameters they take, as they look at none, or
// leave them to an identity provider.
var looseParameters = []string{
	"finishSignOn", "isAlive", "isReady", "readDocs", "readDocsFile", "readPage", "readPageFile", "readVersion",
	"signIn", "signOut", "whoAmI",
}

// TestDescribedParameters: an operation accepts the parameters that are described, and no others.
func TestDescribedParameters(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	eachOperation(t, func(method, path string, op *openapi3.Operation) {
		var want []string
		for _, p := range op.Parameters {
			if p.Value.In == "query" && p.Value.Name != "contactCenterId" {
				want = append(want, p.Value.Name)
			}
		}
		var got []string
		for _, header := range requestTypes(op) {
			a := s.do(t, method, fillPath(path)+"?%3Funknown=1", callerOf(op), header, "")
			_, list, refused := strings.Cut(messageOf(t, a), "is not a parameter of this request; accepted: ")
			if !refused && !slices.Contains(looseParameters, op.OperationID) {
				t.Errorf("%s: an unknown parameter is not refused: %d %.200s", op.OperationID, a.status, a.body)
			}
			list, _, _ = strings.Cut(list, "; ") // and what else is wrong
			for name := range strings.SplitSeq(list, ", ") {
				if name != "none" && name != "" && !slices.Contains(got, name) {
					got = append(got, name)
				}
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) && !slices.Contains(looseParameters, op.OperationID) {
			t.Errorf("%s: described are %v, accepted %v", op.OperationID, want, got)
		}
	})
}

// TestDescribedBodies: a body in JSON may have the members that are described, and no others.
func TestDescribedBodies(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	loose := []string{"signIn", "postRecordings", "postRecordingsLater"}
	bodies := 0
	eachOperation(t, func(method, path string, op *openapi3.Operation) {
		if op.RequestBody == nil || slices.Contains(loose, op.OperationID) {
			return // what is posted may have any members, and signing in tells nothing
		}
		bodies++
		schema := op.RequestBody.Value.Content["application/json"].Schema.Value
		var want []string
		for name := range schema.Properties {
			want = append(want, name)
		}
		a := s.do(t, method, fillPath(path), callerOf(op), nil, `{"unknown":1}`)
		_, list, refused := strings.Cut(messageOf(t, a), "is not known here; accepted: ")
		got := strings.Split(list, ", ")
		slices.Sort(want)
		slices.Sort(got)
		if !refused || !slices.Equal(got, want) {
			t.Errorf("%s: described are %v, accepted %v: %s", op.OperationID, want, got, a.body)
		}
	})
	if bodies < 10 {
		t.Errorf("only %d bodies", bodies)
	}
}

// TestDescribedAttributes: all attributes of a posted recording that are described are known: in another
// letter case they are refused.
func TestDescribedAttributes(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	c := theContract(t)
	for schema, at := range map[string]string{
		"PostedRecording": "", "PostedMediaFile": "mediaFiles[0].",
		"PostedMediaDescriptor": "mediaFiles[0].mediaDescriptor.",
		"PostedEvent":           "eventHistory[0].", "PostedContact": "eventHistory[0].contact.",
	} {
		for name := range c.doc.Components.Schemas[schema].Value.Properties {
			odd := strings.ToUpper(name)
			if odd == name {
				t.Fatalf("%s has no letter case", name)
			}
			body := setPath(t, exampleRecording(t), at+odd, "x")
			a := s.do(t, "POST", "/api/v2/ops/contact-centers/cc/recordings", "ops", nil, string(encode(t, body)))
			if a.status != 400 || !strings.Contains(a.body, "differs in letter case only from "+name) {
				t.Errorf("%s%s is not known: %d %s", at, name, a.status, a.body)
			}
		}
	}
}

// TestDescribedCredentials: what needs credentials, and which roles, is as it is described.
func TestDescribedCredentials(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	eachOperation(t, func(method, path string, op *openapi3.Operation) {
		a := s.do(t, method, fillPath(path), "", nil, "")
		roles, _ := op.Extensions["x-roles"].([]any)
		open := len(roles) == 0
		if open == (a.status == 401) && op.OperationID != "signIn" {
			t.Errorf("%s: %d without credentials, for the roles %v", op.OperationID, a.status, roles)
		}
		if open != (op.Responses.Value("401") == nil) && op.OperationID != "signIn" && op.OperationID != "readSession" {
			t.Errorf("%s: 401 is described, or not, for the roles %v", op.OperationID, roles)
		}
	})
}

// eachOperation calls fn with all that is described, but for further names.
func eachOperation(t *testing.T, fn func(method, path string, op *openapi3.Operation)) {
	t.Helper()
	c := theContract(t)
	n := 0
	for path, item := range c.doc.Paths.Map() {
		for method, op := range item.Operations() {
			if also, _ := op.Extensions["x-also-at"].([]any); !slices.Contains(also, any(path)) {
				n++
				fn(method, path, op)
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d operations", n)
	}
}

// fillPath puts something in the place of the variables of a path.
func fillPath(path string) string {
	return strings.NewReplacer("{ccid}", "cc", "{id}", "nowhere", "{media}", "x.mp3", "{name}", "n", "{n}", "1",
		"{version}", "v", "{file}", "f").Replace(path)
}

// callerOf is somebody who may call.
func callerOf(op *openapi3.Operation) string {
	roles, _ := op.Extensions["x-roles"].([]any)
	if slices.Contains(roles, any("ops")) {
		return "ops"
	}
	return "alice"
}

// requestTypes are the headers of requests with each kind of body that is described.
func requestTypes(op *openapi3.Operation) []map[string]string {
	if op.RequestBody == nil {
		return []map[string]string{nil}
	}
	var all []map[string]string
	for mediaType := range op.RequestBody.Value.Content {
		all = append(all, map[string]string{"Content-Type": mediaType})
	}
	return all
}

// messageOf is the statusMessage of an answer, if it has one.
func messageOf(t *testing.T, a reply) string {
	t.Helper()
	if !bytes.HasPrefix([]byte(a.body), []byte(`{"statusCode"`)) {
		return ""
	}
	text, _ := at(decode(t, a.body), "statusMessage").(string)
	return text
}
