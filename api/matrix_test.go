package api_test

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"recordings/api"
	"recordings/api/auth"
	"recordings/api/front"
	"recordings/index/indextest"
	"recordings/mapping"
)

// matrixCaller is somebody in the matrix.
type matrixCaller struct {
	name    string // empty: without credentials
	role    auth.Role
	centers []string
	groups  []string
	chooses string // by the header; empty: nothing
}

// matrixCallers are everybody whom the service can tell apart.
var matrixCallers = []matrixCaller{
	{},
	{name: "ops", role: auth.RoleOps},
	{name: "ops-cc", role: auth.RoleOps, centers: []string{"cc"}},
	{name: "ops-dd", role: auth.RoleOps, centers: []string{"dd"}},
	{name: "admin-cc", role: auth.RoleAdmin, centers: []string{"cc"}},
	{name: "admin-dd", role: auth.RoleAdmin, centers: []string{"dd"}},
	{name: "admin-cc", role: auth.RoleAdmin, centers: []string{"cc"}, chooses: "dd"},
	{name: "both", role: auth.RoleAdmin, centers: []string{"cc", "dd"}},
	{name: "both", role: auth.RoleAdmin, centers: []string{"cc", "dd"}, chooses: "cc"},
	{name: "both", role: auth.RoleAdmin, centers: []string{"cc", "dd"}, chooses: "dd"},
	{name: "both", role: auth.RoleAdmin, centers: []string{"cc", "dd"}, chooses: "ee"},
	{name: "sales", role: auth.RoleAdmin, centers: []string{"cc"}, groups: []string{"/Sales"}},
	{name: "east", role: auth.RoleAdmin, centers: []string{"cc"}, groups: []string{"/SalesEast"}},
	{name: "recorder-cc", role: auth.RoleRecorder, centers: []string{"cc"}},
	{name: "recorder-dd", role: auth.RoleRecorder, centers: []string{"dd"}},
	{name: "auditor-cc", role: auth.RoleAuditor, centers: []string{"cc"}},
	{name: "auditor-dd", role: auth.RoleAuditor, centers: []string{"dd"}},
}

// matrixRecordings are what there is: id, contact center, region, access groups.
var matrixRecordings = []struct {
	id, center, region string
	groups             []any
}{
	{"plain", "cc", "test", nil}, {"team", "cc", "test", []any{"/Sales/Team1"}},
	{"abroad", "cc", "elsewhere", []any{"/Sales/Team1"}}, {"other", "dd", "test", nil},
}

const nowhere = "nowhere" // the id of no recording

// matrixIDs are what callers ask for.
var matrixIDs = []string{"plain", "team", "abroad", "other", nowhere}

// The origins of browser applications in the matrix.
const (
	itsOwn   = "" // no other origin
	friendly = "https://app.example.com"
	hostile  = "https://evil.example.com"
)

// way is how a request comes: from the browser application of an origin, and by a proxy that writes the
// forwarding headers, or from somebody who only pretends to be one.
type way struct {
	origin string
	from   string // the address of the peer
}

// The peers of the matrix. All but the direct one send forwarding headers, of which one is believed.
const (
	direct    = "127.0.0.1"
	trusted   = "127.0.0.2"
	pretender = "127.0.0.3"
)

// ways are all of them. The cells take them in turn, so that each path and method is asked for in all ways
// by some callers; nothing of it may make a difference to what a caller is let do or see.
var ways = func() (all []way) {
	for _, origin := range []string{itsOwn, friendly, hostile} {
		for _, from := range []string{direct, trusted, pretender} {
			all = append(all, way{origin, from})
		}
	}
	return all
}()

// throughTheProxy is what URIs begin with for who comes by the trusted proxy.
const throughTheProxy = "https://calls.example.com/proxy"

// header adds what a browser and a proxy send.
func (w *way) header(h map[string]string) {
	if w.origin != itsOwn {
		h["Origin"], h["Sec-Fetch-Site"] = w.origin, "cross-site"
	}
	if w.from != direct {
		h["X-Forwarded-For"], h["X-Forwarded-Proto"] = "198.51.100.7", "https"
		h["X-Forwarded-Host"], h["X-Forwarded-Prefix"] = "calls.example.com", "/proxy"
	}
}

// check compares what an answer tells the browser, and where it leads, with the way the request came.
func (w *way) check(t *testing.T, name, method string, a reply) {
	allowed, credentials := "", ""
	if w.origin == friendly && method != "PATCH" { // which there is nowhere
		allowed, credentials = friendly, "true"
	}
	const allow = "Access-Control-Allow-"
	if got := a.header.Get(allow + "Origin"); got != allowed || a.header.Get(allow+"Credentials") != credentials {
		t.Errorf("%s: the origin %q is told %q, %q", name, w.origin, got, a.header.Get(allow+"Credentials"))
	}
	if !slices.Contains(a.header.Values("Vary"), "Origin") {
		t.Errorf("%s: caches are not told that answers depend on the origin: %q", name, a.header.Values("Vary"))
	}

	if tls := a.header.Get("Strict-Transport-Security") != ""; tls != (w.from == trusted) {
		t.Errorf("%s: TLS is demanded from %s: %t", name, w.from, tls)
	}
	base := "http://" + direct
	if w.from == trusted {
		base = throughTheProxy + "/api/"
	}
	for _, uri := range strings.Split(a.body, `Uri":"`)[1:] {
		if !strings.HasPrefix(uri, base) {
			t.Errorf("%s: for %s an URI begins %.40s", name, w.from, uri)
		}
	}
}

// TestMatrix asks for everything in every way as everybody, and compares each answer with the table of
// who may what. What a caller may not see looks, to the byte, like what is not there.
func TestMatrix(t *testing.T) {
	t.Parallel()
	s := newMatrixServer(t)
	m := &matrix{
		media: exampleMedia(t), peers: make(map[string]*testServer), byPath: make(map[string][]api.Line),
	}
	for _, line := range api.Table() {
		m.byPath[line.Path] = append(m.byPath[line.Path], line)
	}
	for _, w := range ways {
		if m.peers[w.from] == nil {
			m.peers[w.from] = s.from(t, w.from)
		}
	}

	var wg sync.WaitGroup
	for i := range matrixCallers {
		wg.Go(func() {
			for path := range m.byPath {
				m.try(t, i, path)
			}
		})
	}
	wg.Go(func() { m.preflights(t) })
	wg.Wait()

	for path := range m.byPath {
		for _, method := range matrixMethods {
			if n := len(m.cameBy[path+method]); n < len(ways) {
				t.Errorf("%s %s was asked for in %d ways of %d", method, path, n, len(ways))
			}
		}
	}
	if n := m.cells.Load(); n < int64(indextest.Sized(10_000, 5_000)) {
		t.Errorf("the matrix has %d cells", n)
	}
	if n := m.seen.Load(); n < int64(indextest.Sized(20, 10)) {
		t.Errorf("only %d of what was read could be seen", n)
	}
}

// from is the same server for a client with another address.
func (s *testServer) from(t *testing.T, address string) *testServer {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	other := *s
	other.client = &http.Client{
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 32, DisableCompression: true, DialContext: dialer.DialContext,
		},
		CheckRedirect: s.client.CheckRedirect,
	}
	t.Cleanup(other.client.CloseIdleConnections)
	return &other
}

// preflights asks, as browsers do without credentials, for each path and method what an application of
// another origin may send.
func (m *matrix) preflights(t *testing.T) {
	there := make(map[string]bool)
	for _, lines := range m.byPath {
		for _, l := range lines {
			there[l.Method] = true
		}
	}
	there["HEAD"], there["OPTIONS"] = there["GET"], true

	n := 0
	for path := range m.byPath {
		target := strings.NewReplacer("{", "", "}", "").Replace(path)
		for _, method := range matrixMethods {
			for _, origin := range []string{friendly, hostile} {
				m.cells.Add(1)
				n++
				w := way{origin, ways[n%len(ways)].from}
				header := map[string]string{
					"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization",
				}
				w.header(header)
				a := m.peers[w.from].do(t, "OPTIONS", target, "", header, "")

				want := ""
				if origin == friendly && there[method] {
					want = method
				}
				got := a.header.Get("Access-Control-Allow-Methods")
				credentials := a.header.Get("Access-Control-Allow-Credentials") == "true"
				if a.status != 204 || a.body != "" || got != want || credentials != (want != "") {
					t.Errorf("a preflight of %s %s from %s: %d %q, credentials %t", method, path, origin, a.status, got,
						credentials)
				}
			}
		}
	}
}

// matrixMethods are asked for at each path.
var matrixMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// newMatrixServer has all callers and recordings.
func newMatrixServer(t *testing.T) *testServer {
	t.Helper()
	o := api.Options{
		ContactCenters: []string{"cc", "dd"}, Origins: []string{friendly},
		TrustedProxies: front.Proxies{netip.MustParsePrefix(trusted + "/32")},
	}
	seen := make(map[string]bool)
	for _, c := range matrixCallers {
		if c.name != "" && !seen[c.name] {
			seen[c.name] = true
			o.Users = append(o.Users, auth.User{
				Name: c.name, PasswordHash: cheapHash, Role: c.role, ContactCenters: c.centers, AccessGroups: c.groups,
			})
		}
	}
	s := newServer(t, o)
	for _, r := range matrixRecordings {
		body := setPath(t, setPath(t, exampleRecording(t), "id", r.id), "region", r.region)
		for i := range at(body, "mediaFiles").([]any) {
			body = setPath(t, body, fmt.Sprintf("mediaFiles[%d].accessgroups", i), append([]any{}, r.groups...))
			body = setPath(t, body, fmt.Sprintf("mediaFiles[%d].accessgroup", i), remove{})
		}
		a := s.do(t, "POST", "/api/v2/ops/contact-centers/"+r.center+"/recordings", "ops", nil, string(encode(t, body)))
		checkAnswer(t, a, 200, 0, "")
	}
	return s
}

type matrix struct {
	media  mapping.MediaDescriptor // of the recordings
	peers  map[string]*testServer  // the server, as somebody at an address reaches it
	byPath map[string][]api.Line
	cells  atomic.Int64
	seen   atomic.Int64 // reads of what is there

	mu     sync.Mutex
	cameBy map[string]map[way]bool // by path and method: the ways in which they were asked for
}

// in notes that a path and method is asked for in the next way.
func (m *matrix) in(path, method string, turn int) *way {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := &ways[turn%len(ways)]
	if m.cameBy == nil {
		m.cameBy = make(map[string]map[way]bool)
	}
	if m.cameBy[path+method] == nil {
		m.cameBy[path+method] = make(map[way]bool)
	}
	m.cameBy[path+method][*w] = true
	return w
}

// try asks for all that a path stands for, as the i-th caller.
func (m *matrix) try(t *testing.T, i int, path string) {
	c, turn := &matrixCallers[i], i
	centers, ids := []string{""}, []string{""}
	if strings.Contains(path, "{ccid}") {
		centers = []string{"cc", "dd", "ee"}
	}
	if strings.Contains(path, "{id}") {
		ids = matrixIDs
		if testing.Short() { // one that there is, each by other callers
			ids = []string{ids[i%len(matrixRecordings)], nowhere}
		}
	}
	for i, center := range centers {
		bodies := make(map[string]string) // by the method: of what is nowhere
		for j, id := range slices.Backward(ids) {
			turn++
			for _, method := range matrixMethods {
				// A method that there is not is refused whatever it is asked about.
				if testing.Short() && m.line(path, method) < 0 && (i > 0 || j < len(ids)-1) {
					continue
				}
				m.cell(t, c, m.in(path, method, turn), path, center, id, method, bodies)
			}
		}
	}
}

// line is where the lines of a path have a method, or -1.
func (m *matrix) line(path, method string) int {
	return slices.IndexFunc(m.byPath[path], func(l api.Line) bool {
		return l.Method == method || l.Method == "GET" && method == "HEAD"
	})
}

// cell asks once.
func (m *matrix) cell(
	t *testing.T, c *matrixCaller, w *way, path, center, id, method string, bodies map[string]string,
) {
	m.cells.Add(1)
	whose := center
	if whose == "" {
		whose = c.chosen()
	}
	media := (&mapping.MediaDescriptor{}).MediaName(whose, id, false)
	if id != "" {
		media = m.media.MediaName(whose, id, false)
	}
	target := strings.NewReplacer("{ccid}", center, "{id}", id, "{media}", media, "{name}", "n", "{comment}", "c",
		"{search}", "s",
		"{n}", "1", "{version}", "v", "{file}", "f").Replace(path)

	verdict, in := c.verdict(m.byPath[path], m.line(path, method), center, w)
	reads := in && (method == "GET" || method == "HEAD") && id != ""
	if in && !reads {
		target += "?unknown=1" // what changes something is only let in: it refuses the parameter
	}
	header := map[string]string{}
	if c.chooses != "" {
		header["ContactCenterId"] = c.chooses
	}
	w.header(header)
	a := m.peers[w.from].do(t, method, target, c.name, header, "")

	name := fmt.Sprintf("%s %s as %s%v", method, target, c.name, header)
	w.check(t, name, method, a)
	switch {
	case !in:
		if got := codeOf(t, method, a, verdict); got != verdict {
			t.Errorf("%s: %v %s, want %v", name, got, a.body, verdict)
		}
	case reads:
		m.read(t, name, a, c.sees(id, whose), method, id, bodies)
	case a.status == 401 || a.status == 405 || method != "HEAD" && strings.Contains(a.body, `"statusCode":5,`):
		t.Errorf("%s is refused: %d %s", name, a.status, a.body)
	}
}

// read compares what was read with what is not there.
func (m *matrix) read(
	t *testing.T, name string, a reply, sees bool, method, id string, bodies map[string]string,
) {
	shown := fmt.Sprint(a.status, strings.ReplaceAll(a.body, id, "ID"))
	if id == nowhere {
		bodies[method] = shown
	}
	if sees && a.status == 200 {
		m.seen.Add(1)
	}
	switch {
	case !sees && (shown != bodies[method] || a.status != 404):
		t.Errorf("%s: %s, and of what is nowhere: %s", name, shown, bodies[method])
	case sees && (a.status == 404 && !strings.Contains(name, "/labels/") || a.status == 403 || a.status == 401):
		t.Errorf("%s: %s", name, shown)
	}
}

// answerCode is an HTTP status with a statusCode.
type answerCode struct{ status, code int }

// verdict is what the table says: in, or how the caller is refused.
func (c *matrixCaller) verdict(lines []api.Line, i int, center string, w *way) (answerCode, bool) {
	has := func(l api.Line) bool { return len(l.Roles) == 0 || slices.Contains(l.Roles, c.role) }
	open := slices.ContainsFunc(lines, func(l api.Line) bool { return len(l.Roles) == 0 })
	switch {
	case c.name == "" && !open:
		return answerCode{401, 20}, false
	case !slices.ContainsFunc(lines, has):
		return answerCode{403, 5}, false
	case i < 0:
		return answerCode{405, 3}, false
	case !has(lines[i]):
		return answerCode{403, 5}, false
	case w.origin == hostile && lines[i].Method != "GET": // what another site has a browser change
		return answerCode{403, 3}, false
	}

	bound := c.role != auth.RoleOps || len(c.centers) > 0
	switch l := lines[i]; {
	case l.Service && bound, l.Named && bound && !slices.Contains(c.centers, center):
		return answerCode{403, 5}, false
	case l.Callers && c.chooses != "" && !slices.Contains(c.centers, c.chooses):
		return answerCode{403, 5}, false
	case l.Callers && c.chooses == "" && len(c.centers) != 1:
		return answerCode{400, 1}, false
	}
	return answerCode{}, true
}

// chosen is the contact center that the caller asks about.
func (c *matrixCaller) chosen() string {
	if c.chooses != "" {
		return c.chooses
	}
	if len(c.centers) == 1 {
		return c.centers[0]
	}
	return ""
}

// sees reports whether the caller sees a recording of a contact center.
func (c *matrixCaller) sees(id, center string) bool {
	for _, r := range matrixRecordings {
		if r.id != id || r.center != center || r.region != "test" {
			continue
		}
		// The groups are either none, or below /Sales.
		return len(c.groups) == 0 || len(r.groups) > 0 && slices.Contains(c.groups, "/Sales")
	}
	return false
}

// codeOf is the verdict of an answer. One to HEAD has no body to tell the statusCode.
func codeOf(t *testing.T, method string, a reply, want answerCode) answerCode {
	if method == http.MethodHead {
		return answerCode{a.status, want.code}
	}
	code, _ := at(decode(t, a.body), "statusCode").(float64)
	return answerCode{a.status, int(code)}
}

// exampleMedia is the first media file of the example.
func exampleMedia(t *testing.T) mapping.MediaDescriptor {
	t.Helper()
	r, err := mapping.Decode(encode(t, exampleRecording(t)), mapping.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r.MediaFiles[0].Descriptor
}
