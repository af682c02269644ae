package api_test

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// check compares an answer with what a step expects, and with what is true of every answer.
func (r *runner) check(t *testing.T, st step, method, target string, a reply) {
	t.Helper()
	if st.Status == 0 {
		st.Status = 200
	}
	if a.status != st.Status {
		t.Fatalf("%s %s: status %d, want %d\n%s", method, target, a.status, st.Status, a.body)
	}
	for name, want := range st.Has {
		if got := a.header.Get(name); got != r.fill(want) {
			t.Errorf("%s %s: %s: %q, want %q", method, target, name, got, r.fill(want))
		}
	}
	checkEnvelope(t, method, a)
	if method == "HEAD" {
		return
	}
	got := decode(t, a.body)
	for name, path := range st.Save {
		value, ok := at(got, path).(string)
		if !ok {
			t.Fatalf("%s is not a string in %s", path, a.body)
		}
		r.vars[name] = value
	}
	r.checkCode(t, st, got)
	r.checkJSON(t, st, a, got)
	if t.Failed() {
		t.Logf("%s %s\n%s", method, target, a.body)
	}
}

// checkEnvelope checks what is true of every answer: one line of JSON that says so, is not sniffed
// and not cached.
func checkEnvelope(t testing.TB, method string, a reply) {
	t.Helper()
	want := map[string]string{
		"Content-Type":           "application/json",
		"X-Content-Type-Options": "nosniff",
		"Cache-Control":          "no-store",
	}
	for name, value := range want {
		if got := a.header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if len(a.header.Get("X-Request-Id")) < 16 {
		t.Errorf("X-Request-Id is %q", a.header.Get("X-Request-Id"))
	}
	if method == "HEAD" {
		if a.body != "" {
			t.Errorf("the answer to HEAD has a body: %s", a.body)
		}
		return
	}
	if strings.Count(a.body, "\n") != 1 || !strings.HasSuffix(a.body, "\n") {
		t.Errorf("the answer is not one line: %q", a.body)
	}
	object, ok := decode(t, a.body).(map[string]any)
	if !ok {
		t.Fatalf("the answer is not a JSON object: %s", a.body)
	}
	code, ok := object["statusCode"].(float64)
	if done := a.status == 200 || a.status == 201; !ok || (code == 0 || code == 7) != done { // 7: partly done
		t.Errorf("statusCode %v with status %d", object["statusCode"], a.status)
	}
	if a.status >= 400 {
		checkErrorAnswer(t, a, object)
	}
}

// checkErrorAnswer: an error has a statusCode, a statusMessage, the id of the request, and where something was
// wrong with what was sent, each of these problems, all of which the message tells.
func checkErrorAnswer(t testing.TB, a reply, object map[string]any) {
	t.Helper()
	members := 3
	message, _ := object["statusMessage"].(string)
	if problems, ok := object["problems"].([]any); ok {
		members++
		for _, p := range problems {
			path, _ := at(p, "path").(string)
			text, _ := at(p, "message").(string)
			told := strings.Contains(message, strings.TrimSpace(path+" "+text))
			if text == "" || !told || strings.Contains(path, " ") {
				t.Errorf("the message does not tell the problem %v: %s", p, a.body)
			}
		}
		if a.status != 400 || len(problems) == 0 {
			t.Errorf("an answer with the status %d has %d problems: %s", a.status, len(problems), a.body)
		}
	}
	if len(object) != members || message == "" || object["requestId"] != a.header.Get("X-Request-Id") {
		t.Errorf("an error is more or less than a statusCode, a statusMessage, the id of the request and problems: %s",
			a.body)
	}
}

func (r *runner) checkCode(t *testing.T, st step, got any) {
	t.Helper()
	if st.Code == nil && st.Status != 200 {
		t.Fatal("the case does not say which statusCode it expects")
	}
	want := 0
	if st.Code != nil {
		want = *st.Code
	}
	if code := at(got, "statusCode"); code != float64(want) {
		t.Errorf("statusCode is %v, want %d", code, want)
	}
	message, _ := at(got, "statusMessage").(string)
	for _, part := range st.Message {
		if !strings.Contains(message, r.fill(part)) {
			t.Errorf("the message %q does not hold %q", message, r.fill(part))
		}
	}
}

var changedTime = regexp.MustCompile(`"changedTime":"([^"]*)",`)

// withoutChangedTimes is an answer without when its recordings were changed, which no case can know:
// just now.
func withoutChangedTimes(t *testing.T, body string) string {
	t.Helper()
	for _, m := range changedTime.FindAllStringSubmatch(body, -1) {
		at, err := time.Parse("2006-01-02T15:04:05.000-0700", m[1])
		if ago := time.Since(at); err != nil || ago < -time.Minute || ago > time.Hour {
			t.Errorf("changedTime is %q", m[1])
		}
	}
	return changedTime.ReplaceAllString(body, "")
}

func (r *runner) checkJSON(t *testing.T, st step, a reply, got any) {
	t.Helper()
	body := withoutChangedTimes(t, a.body)
	if want := r.fill(st.Text); want != "" && body != want+"\n" {
		t.Errorf("the answer is %s\nwant %s", a.body, want)
	}
	if st.Answer != nil {
		want := decode(t, string(encode(t, r.fillAll(st.Answer))))
		if !reflect.DeepEqual(decode(t, body), want) {
			t.Errorf("the answer is %s\nwant %s", a.body, encode(t, want))
		}
	}
	if st.Part != nil {
		if diff := lacking("", decode(t, string(encode(t, r.fillAll(st.Part)))), got); diff != "" {
			t.Errorf("the answer differs at %s", diff)
		}
	}
	for _, path := range st.Lacks {
		if at(got, path) != nil || strings.Contains(a.body, path) {
			t.Errorf("%s is in the answer", path)
		}
	}
	for path, pattern := range st.Like {
		if text, _ := at(got, path).(string); !regexp.MustCompile("^(?:" + r.fill(pattern) + ")$").MatchString(text) {
			t.Errorf("%s is %q, want %s", path, text, r.fill(pattern))
		}
	}
	if st.IDs != nil {
		if ids := idsOf(t, got); !slices.Equal(ids, st.IDs) {
			t.Errorf("found %q, want %q", ids, st.IDs)
		}
	}
}

func idsOf(t testing.TB, answer any) []string {
	t.Helper()
	list, ok := at(answer, "recordings").([]any)
	if !ok {
		t.Fatal("the answer has no array of recordings")
	}
	ids := []string{}
	for _, x := range list {
		ids = append(ids, at(x, "id").(string))
	}
	return ids
}

// lacking tells where got lacks something of want; arrays must have the same length.
func lacking(path string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: %v is not an object", path, got)
		}
		for _, name := range slices.Sorted(maps.Keys(w)) {
			if diff := lacking(path+"."+name, w[name], g[name]); diff != "" {
				return diff
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s: %v, want %v", path, got, want)
		}
		for i := range w {
			if diff := lacking(fmt.Sprintf("%s[%d]", path, i), w[i], g[i]); diff != "" {
				return diff
			}
		}
		return ""
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Sprintf("%s: %v, want %v", path, got, want)
	}
	return ""
}

func decode(t testing.TB, s string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%v in %.300s", err, s)
	}
	return v
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// remove as a value of setPath takes the member away.
type remove struct{}

// splitPath cuts mediaFiles[0].startTime into mediaFiles, 0 and startTime.
func splitPath(path string) []string {
	return strings.FieldsFunc(path, func(c rune) bool { return c == '.' || c == '[' || c == ']' })
}

// at is the value at a path; nil if there is none.
func at(v any, path string) any {
	for _, part := range splitPath(path) {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// setPath changes v at a path, and returns it. An index one behind the end of an array appends.
func setPath(t testing.TB, v any, path string, value any) any {
	t.Helper()
	return setParts(t, v, splitPath(path), value)
}

func setParts(t testing.TB, v any, parts []string, value any) any {
	t.Helper()
	if len(parts) == 0 {
		return value
	}
	switch x := v.(type) {
	case map[string]any:
		if _, ok := value.(remove); ok && len(parts) == 1 {
			delete(x, parts[0])
			return x
		}
		if x[parts[0]] == nil && len(parts) > 1 {
			x[parts[0]] = map[string]any{}
		}
		x[parts[0]] = setParts(t, x[parts[0]], parts[1:], value)
		return x
	case []any:
		i, err := strconv.Atoi(parts[0])
		if err != nil || i > len(x) {
			t.Fatalf("%q is no index of an array of %d", parts[0], len(x))
		}
		if i == len(x) {
			x = append(x, map[string]any{})
		}
		x[i] = setParts(t, x[i], parts[1:], value)
		return x
	}
	t.Fatalf("there is nothing to set %q in", parts[0])
	return nil
}
