package api_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"recordings/api"
	"recordings/api/auth"
	"recordings/index"
)

// minCases is how many cases there are at least: fewer means that files have gone.
const minCases = 800

// group is a file of testdata/api: cases about one subject, for one configuration of the server.
type group struct {
	About  string `yaml:"about"`
	Server struct {
		Region             string   `yaml:"region"`
		PublicURL          string   `yaml:"public_url"`
		ContactCenters     []string `yaml:"contact_centers"` // those of the cases are added
		AcceptEmptyHistory bool     `yaml:"accept_empty_history"`
		Later              bool     `yaml:"later"`
		Origins            []string `yaml:"origins"`
		MaxBody            int64    `yaml:"max_body"`
	} `yaml:"server"`
	// recordings that all cases share; without, each case has a contact center of its own
	Given []change   `yaml:"given"`
	Cases []testCase `yaml:"cases"`
}

// testCase is one step, or several.
type testCase struct {
	Name  string `yaml:"name"`
	Step  *step  `yaml:"step"`
	Steps []step `yaml:"steps"`
}

// step is a request, and what the answer must be. One of request, post, search and find says what
// is sent.
type step struct {
	Request string              `yaml:"request"` // method and target
	Post    change              `yaml:"post"`    // the recording of testdata/api/recording.json, with these changes
	Search  string              `yaml:"search"`  // the query of a search by the administrator
	Find    map[string][]string `yaml:"find"`    // queries of searches, and the ids that they find

	Without    []string `yaml:"without"`     // what is left out of the posted recording
	Body       string   `yaml:"body"`        // instead of a recording
	BodyBase64 string   `yaml:"body_base64"` // likewise, of any bytes
	// ops, admin, other (of another contact center) or none; by default who may
	As      string            `yaml:"as"`
	Headers map[string]string `yaml:"headers"`

	Status  int      `yaml:"status"`  // by default 200
	Code    *int     `yaml:"code"`    // the statusCode; by default 0 of a success
	Message []string `yaml:"message"` // what the statusMessage holds
	IDs     []string `yaml:"ids"`     // of the recordings, in their order
	Answer  any      `yaml:"answer"`  // the whole JSON
	Part    any      `yaml:"part"`    // some members of objects of the JSON
	// paths of the JSON, and regular expressions for all of what is there; {uuid} is one
	Like  map[string]string `yaml:"like"`
	Lacks []string          `yaml:"lacks"` // paths that are not in the JSON, or texts that are nowhere in the answer
	Text  string            `yaml:"text"`  // the whole answer, but for the line feed
	Has   map[string]string `yaml:"has"`   // header fields
	Save  map[string]string `yaml:"save"`  // names for what is at paths of the JSON, as {name} in later steps
}

// change is what differs from the example recording: paths and values.
type change map[string]any

func TestCases(t *testing.T) {
	t.Parallel()
	total := 0
	for _, file := range caseFiles(t) {
		g := readGroup(t, file)
		total += len(g.Cases)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) { g.run(t, nil) })
	}
	if total < minCases {
		t.Errorf("%d cases; want at least %d", total, minCases)
	}
}

func caseFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../testdata/api/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func readGroup(t testing.TB, file string) *group {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g := new(group)
	if err := yaml.UnmarshalWithOptions(data, g, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(g.Cases) == 0 || g.About == "" {
		t.Fatalf("%s has no cases, or does not say what about", file)
	}
	names := make(map[string]bool)
	for _, c := range g.Cases {
		if c.Name == "" || names[c.Name] {
			t.Errorf("%s: the name %q is empty or there twice", file, c.Name)
		}
		names[c.Name] = true
	}
	return g
}

// run runs the cases of a group on an index; nil: on one of this machine.
func (g *group) run(t *testing.T, x index.Index) {
	t.Parallel()
	s := g.start(t, x)
	if len(g.Given) > 0 {
		r := newRunner(s, 0)
		for _, c := range g.Given {
			r.step(t, step{Post: c})
		}
	}
	for i, c := range g.Cases {
		n := i + 1
		if len(g.Given) > 0 {
			n = 0
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			newRunner(s, n).run(t, c)
		})
	}
}

// start runs the server of a group, with two contact centers and their administrators for each
// case.
func (g *group) start(t *testing.T, x index.Index) *testServer {
	t.Helper()
	o := api.Options{
		Index:  x,
		Region: g.Server.Region, AcceptEmptyHistory: g.Server.AcceptEmptyHistory, Later: g.Server.Later,
		Origins: g.Server.Origins,
		MaxBody: g.Server.MaxBody,
		Version: "1.2.3", ContactCenters: g.Server.ContactCenters, Users: []auth.User{opsUser},
	}
	if g.Server.PublicURL != "" {
		u, err := url.Parse(g.Server.PublicURL)
		if err != nil {
			t.Fatal(err)
		}
		o.PublicURL = u
	}
	for n := range len(g.Cases) + 1 {
		for _, kind := range []string{"admin", "other"} {
			u := auth.User{
				Name:           userName(kind, n),
				PasswordHash:   cheapHash,
				Role:           auth.RoleAdmin,
				ContactCenters: []string{contactCenter(kind, n)},
			}
			o.Users = append(o.Users, u)
			if len(g.Server.ContactCenters) > 0 {
				o.ContactCenters = append(o.ContactCenters, u.ContactCenters...)
			}
		}
	}
	s := newServer(t, o)
	s.each = true
	return s
}

func userName(kind string, n int) string      { return fmt.Sprintf("%s-%d", kind, n) }
func contactCenter(kind string, n int) string { return fmt.Sprintf("cc-%s-%d", kind, n) }

// runner runs the steps of one case.
type runner struct {
	s    *testServer
	n    int               // of the case
	vars map[string]string // what {names} stand for
}

func newRunner(s *testServer, n int) *runner {
	ops := "/api/v2/ops/contact-centers/" + contactCenter("admin", n)
	return &runner{s: s, n: n, vars: map[string]string{
		"cc":    contactCenter("admin", n),
		"other": contactCenter("other", n),
		"user":  userName("admin", n),
		"ops":   ops + "/recordings",
		"admin": "/api/v2/recordings",
		"base":  s.URL,

		"request": requestID,
		"uuid":    "[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
	}}
}

func (r *runner) run(t *testing.T, c testCase) {
	steps := c.Steps
	if c.Step != nil {
		steps = append(steps, *c.Step)
	}
	if len(steps) == 0 {
		t.Fatal("the case has no steps")
	}
	for i, st := range steps {
		r.step(t, st)
		if t.Failed() {
			t.Fatalf("at step %d", i+1)
		}
	}
}

func (r *runner) step(t *testing.T, st step) {
	t.Helper()
	if st.Find == nil {
		method, target := r.target(t, st)
		a := r.s.do(t, method, target, r.user(t, st.As, target), r.headers(st), r.body(t, st))
		r.check(t, st, method, target, a)
		if st.Post != nil {
			awaitTick()
		}
		return
	}
	for query, ids := range st.Find {
		r.step(t, step{Search: query, As: st.As, IDs: append([]string{}, ids...)}) // nothing is also an expectation
	}
}

// awaitTick waits until the time is another one, in milliseconds: what is posted next is changed later
// than what was posted before.
func awaitTick() {
	for now := time.Now().UnixMilli(); time.Now().UnixMilli() == now; {
		runtime.Gosched()
	}
}

func (r *runner) target(t *testing.T, st step) (method, target string) {
	t.Helper()
	switch {
	case st.Request != "":
		var ok bool
		if method, target, ok = strings.Cut(r.fill(st.Request), " "); !ok {
			t.Fatalf("the request %q has no target", st.Request)
		}
		return method, strings.TrimPrefix(target, r.s.URL)
	case st.Search != "":
		return "GET", r.fill("{admin}?" + st.Search)
	case st.Post != nil || st.Without != nil || st.Body != "" || st.BodyBase64 != "":
		return "POST", r.fill("{ops}")
	}
	t.Fatal("a step sends nothing")
	return "", ""
}

// user is who sends the request: by default who may.
func (r *runner) user(t *testing.T, as, target string) string {
	t.Helper()
	switch as {
	case "ops":
		return opsUser.Name
	case "admin", "other":
		return userName(as, r.n)
	case "none":
		return ""
	case "":
		if strings.HasPrefix(target, "/api/v2/ops/") || strings.HasPrefix(target, "/internal-api/") {
			return opsUser.Name
		}
		return userName("admin", r.n)
	}
	t.Fatalf("nobody is called %q", as)
	return ""
}

func (r *runner) headers(st step) map[string]string {
	filled := make(map[string]string)
	for name, value := range st.Headers {
		filled[name] = r.fill(value)
	}
	return filled
}

func (r *runner) body(t *testing.T, st step) string {
	t.Helper()
	switch {
	case st.Body != "":
		return r.fill(st.Body)
	case st.BodyBase64 != "":
		b, err := base64.StdEncoding.DecodeString(st.BodyBase64)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	case st.Post == nil && st.Without == nil:
		return ""
	}
	recording := exampleRecording(t)
	for _, path := range slices.Sorted(maps.Keys(st.Post)) { // so that [1] comes before [2]
		recording = setPath(t, recording, path, r.fillAll(st.Post[path]))
	}
	for _, path := range st.Without {
		recording = setPath(t, recording, path, remove{})
	}
	return string(encode(t, recording))
}

// fill puts values in the place of {names}.
func (r *runner) fill(s string) string {
	for name, value := range r.vars {
		s = strings.ReplaceAll(s, "{"+name+"}", value)
	}
	return s
}

// fillAll does so in every text of a value.
func (r *runner) fillAll(v any) any {
	switch v := v.(type) {
	case string:
		return r.fill(v)
	case []any:
		filled := make([]any, len(v))
		for i := range v {
			filled[i] = r.fillAll(v[i])
		}
		return filled
	case map[string]any:
		filled := make(map[string]any, len(v))
		for name := range v {
			filled[name] = r.fillAll(v[name])
		}
		return filled
	}
	return v
}

func exampleRecording(t testing.TB) any {
	t.Helper()
	data, err := os.ReadFile("../testdata/api/recording.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatal("the example recording is not there")
	}
	return decode(t, string(data))
}
