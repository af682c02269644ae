package api

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"recordings/audit"
)

var update = flag.Bool("update", false, "write the table of routes into README.md")

// allRoutes is the table of routes as a server has it.
func allRoutes() []route {
	p := &pipeline{}
	return (&handlers{
		pipeline: p, recordings: &recordings{pipeline: p}, batches: &batches{pipeline: p}, exports: &exports{},
		playback: &playback{}, contactCenters: &contactCenters{}, orphans: &orphans{},
		reconciliations: &reconciliations{pipeline: &pipeline{}, scope: &scope{}},
		deletions:       &deletions{pipeline: p, scope: &scope{}}, operations: &operations{},
		system: &system{}, sessions: &sessions{},
	}).routes()
}

// TestRoutesInReadme: the document shows the table of routes, as it is.
func TestRoutesInReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}

	const begin, end = "-update -->\n", "<!-- its end -->"
	head, rest, ok := bytes.Cut(text, []byte(begin))
	shown, tail, ends := bytes.Cut(rest, []byte(end))
	if !ok || !ends {
		t.Fatal("README.md has no place for the table")
	}

	want := describe(allRoutes())
	if string(shown) == want {
		return
	}
	if !*update {
		t.Fatal("the table of routes in README.md is another; go test ./api -run TestRoutesInReadme -update")
	}
	if err := os.WriteFile("README.md", slices.Concat(head, []byte(begin+want+end), tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

// describe is the table as Markdown, without the further names of collections.
func describe(table []route) string {
	var b strings.Builder
	b.WriteString("| method and path | who | what |\n|---|---|---|\n")
	for _, r := range table {
		if r.alias != "" {
			continue
		}

		var roles []string
		for _, role := range r.roles {
			roles = append(roles, string(role))
		}
		who := strings.Join(roles, ", ")
		switch {
		case len(roles) == 0:
			who = "anybody"
		case r.reach == service:
			who += " bound to nothing"
		}
		fmt.Fprintf(&b, "| `%s %s` | %s | %s |\n", r.method, r.path, who, r.summary)
	}
	return b.String()
}

// TestRoutes: each line says all that is made of it, and no two are of one path and method.
func TestRoutes(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range allRoutes() {
		name := r.method + " " + r.path
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
		if r.summary == "" || r.do == nil {
			t.Errorf("%s says too little", name)
		}
		if (r.reach == named) != strings.Contains(r.path, "{ccid}") {
			t.Errorf("%s is not about the contact center in its path, or names none", name)
		}
		if len(r.roles) == 0 && r.reach != nobodys {
			t.Errorf("%s is about somebody's, and everybody may call it", name)
		}
		if r.method != "GET" && len(r.roles) > 0 && r.action == "" {
			t.Errorf("%s changes something, and the audit log has no name for that", name)
		}
	}
}

// notAudited are the paths that the audit log is not told of, and why.
var notAudited = map[string]string{
	"/":                                          "a file of the page, the same for everybody",
	"/assets/{version}/{file}":                   "a file of the page, the same for everybody",
	"/api/v2/openapi.json":                       "a description, the same for everybody",
	"/api/v2/docs":                               "a description, the same for everybody",
	"/api/v2/docs/{version}/{file}":              "a description, the same for everybody",
	"/healthz":                                   "it tells nothing of anybody",
	"/readyz":                                    "it tells nothing of anybody",
	"/metrics":                                   "numbers of the service as a whole",
	"/api/v2/diagnostics/version":                "it tells nothing of anybody",
	"/api/v2/me":                                 "the caller's own name",
	"/api/v2/session":                            "the caller's own name",
	"/api/v2/sessions":                           "the caller's own",
	"/api/v2/audit":                              "the log itself: reading it changes nothing that it tells of",
	"/api/v2/ops/audit":                          "the log itself: reading it changes nothing that it tells of",
	"/api/v2/ops/status":                         "numbers of the service as a whole",
	"/api/v2/ops/users":                          "what the configuration and the audit log tell operations anyway",
	"/api/v2/ops/contact-centers":                "their ids and numbers of recordings",
	"/api/v2/ops/reindex":                        "the progress of work",
	"/api/v2/ops/verify":                         "the progress of work",
	"/api/v2/ops/backup":                         "the progress of work",
	"/api/v2/recording-label-definitions":        "which labels there are",
	"/api/v2/recording-label-definitions/":       "which labels there are",
	"/api/v2/recording-label-definitions/{name}": "which labels there are",
	"/api/v2/ops/contact-centers/{ccid}/recording-label-definitions":        "which labels there are",
	"/api/v2/ops/contact-centers/{ccid}/recording-label-definitions/":       "which labels there are",
	"/api/v2/ops/contact-centers/{ccid}/recording-label-definitions/{name}": "which labels there are",
	"/api/v2/ops/contact-centers/{ccid}/reconciliations":                    "the progress of work",
	"/api/v2/ops/contact-centers/{ccid}/reconciliations/{n}":                "the progress of work",
	"/api/v2/ops/contact-centers/{ccid}/reconciliations/{n}/results":        "ids of recordings, and paths of media",
	"/api/v2/ops/retention":                                      "what the configuration says, and numbers",
	"/api/v2/session/sign-on":                                    "nobody has signed in yet; the callback is told of",
	"/api/v2/ops/contact-centers/{ccid}/media-left-behind":       "paths of media without a recording",
	"/api/v2/ops/contact-centers/{ccid}/deletions":               "the progress of work",
	"/api/v2/ops/contact-centers/{ccid}/deletions/{n}":           "the progress of work",
	"/api/v2/ops/contact-centers/{ccid}/deletions/{n}/results":   "ids of recordings that are gone",
	"/api/v2/saved-searches":                                     "the caller's own",
	"/api/v2/saved-searches/{search}":                            "the caller's own",
	"/api/v2/ops/contact-centers/{ccid}/saved-searches":          "the caller's own",
	"/api/v2/ops/contact-centers/{ccid}/saved-searches/{search}": "the caller's own",
}

// TestRoutesAreAudited: each line has an action that the log knows, or a reason to have none, which is
// for looking only.
func TestRoutesAreAudited(t *testing.T) {
	for _, r := range allRoutes() {
		name := r.method + " " + r.path
		why := notAudited[r.path]
		switch {
		case r.action == "" && (r.method != "GET" || why == ""):
			t.Errorf("%s has no action, and no reason for that", name)
		case r.action != "" && !slices.Contains(audit.Actions, r.action):
			t.Errorf("%s: the audit log does not know the action %s", name, r.action)
		}
	}
}
