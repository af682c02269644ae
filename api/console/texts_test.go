package console_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// textsOf are the texts of a language by "section.name": each its forms by the categories of plurals, or
// one of the category "".
func textsOf(t *testing.T, file string) map[string]map[string]string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var sections map[string]map[string]any
	if err := json.Unmarshal(content, &sections); err != nil {
		t.Fatalf("%s: %v", file, err)
	}

	all := make(map[string]map[string]string)
	for section, entries := range sections {
		for name, entry := range entries {
			forms := make(map[string]string)
			switch entry := entry.(type) {
			case string:
				forms[""] = entry
			case map[string]any:
				for category, text := range entry {
					forms[category] = text.(string)
				}
			}
			all[section+"."+name] = forms
		}
	}
	return all
}

var place = regexp.MustCompile(`[{]\w+[}]`)

// placesOf are the places of a text, in all its forms.
func placesOf(forms map[string]string) []string {
	all := place.FindAllString(strings.Join(slices.Collect(maps.Values(forms)), ""), -1)
	slices.Sort(all)
	return slices.Compact(all)
}

// TestTexts: every language has the same texts with the same places. Those that depend on a number have a
// form for all that no other is for.
func TestTexts(t *testing.T) {
	t.Parallel()
	english := textsOf(t, "web/texts/en.json")
	files, err := filepath.Glob("web/texts/*.json")
	if err != nil || len(files) < 2 {
		t.Fatalf("the languages are %q, %v", files, err)
	}

	for _, file := range files {
		other := textsOf(t, file)
		for key := range other {
			if english[key] == nil {
				t.Errorf("%s has %s, which there is not in English", file, key)
			}
		}
		for key, forms := range english {
			if other[key] == nil {
				t.Errorf("%s lacks %s", file, key)
				continue
			}
			if got, want := placesOf(other[key]), placesOf(forms); !slices.Equal(got, want) {
				t.Errorf("%s: %s has the places %q, want %q", file, key, got, want)
			}
			for category, text := range other[key] {
				if text == "" || len(other[key]) > 1 && other[key]["other"] == "" ||
					!slices.Contains([]string{"", "zero", "one", "two", "few", "many", "other"}, category) {
					t.Errorf("%s: %s has the forms %q", file, key, other[key])
				}
			}
		}
	}
}

// literal is a piece of text in a module: a string, or what stands between the values of a template.
type literal struct {
	text  string
	whole bool // a string, or a template without values
	child bool // it stands behind the attributes of an element, as what it shows
}

// What a module has in front of a child of an element, and of a regular expression; and what it has where
// there is one of these, a string, or the next piece of a template.
var (
	childBefore  = regexp.MustCompile(`\bh\([^()]*[}],\s*(?:[^(),]*[?&:|]\s*)?$`)
	regexpBefore = regexp.MustCompile(`(?:^|[(,=:\[!&|?{};>]|return)\s*$`)
	regexpForm   = regexp.MustCompile(`^/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\[])+/\w*`)
	stringForm   = regexp.MustCompile(`^(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")`)
	pieceForm    = regexp.MustCompile("(?s)^.(?:\\\\.|[^`\\\\$]|[$][^{])*")
)

// literals are all pieces of text in a module; comments and regular expressions are none.
func literals(source string) (all []literal) {
	var code strings.Builder // what has been passed that is no literal
	open := []int{}          // the depth of braces at which a value of a template ends
	depth := 0
	for i := 0; i < len(source); {
		rest := source[i:]
		tail := code.String()[max(0, code.Len()-200):]
		switch c := source[i]; {
		case strings.HasPrefix(rest, "//"):
			i += strings.IndexByte(rest+"\n", '\n')
		case strings.HasPrefix(rest, "/*"):
			i += strings.Index(rest, "*/") + 2
		case c == '/' && regexpBefore.MatchString(tail):
			i += len(regexpForm.FindString(rest))
			code.WriteString("0")
		case c == '\'' || c == '"':
			s := stringForm.FindString(rest)
			all = append(all, literal{text: s[1 : len(s)-1], whole: true, child: childBefore.MatchString(tail)})
			code.WriteString("0")
			i += len(s)
		case c == '`' || c == '}' && len(open) > 0 && open[len(open)-1] == depth:
			if c == '}' {
				open = open[:len(open)-1]
			}
			s := pieceForm.FindString(rest)
			ends := strings.HasPrefix(rest[len(s):], "`")
			all = append(all, literal{text: s[1:], whole: c == '`' && ends, child: childBefore.MatchString(tail)})
			code.WriteString("0")
			i += len(s) + 1
			if !ends { // a value
				open = append(open, depth)
				code.WriteString("(")
				i++
			}
		default:
			if c == '{' {
				depth++
			} else if c == '}' {
				depth--
			}
			code.WriteByte(c)
			i++
		}
	}
	return all
}

// modules are the modules of the page, by their names.
func modules(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("web/*.js")
	if err != nil || len(files) < 50 {
		t.Fatalf("the modules are %q, %v", files, err)
	}
	all := make(map[string]string)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = string(content)
	}
	return all
}

// technical are the literals that look like words for people, and are none.
var technical = []string{
	// what browsers call keys, errors and the like
	"Enter", "Escape", "Home", "End", "Space", "AbortError", "Range", "Content-Type", "X-Requested-With", "Retry-After",
	"Date",
	// what the API calls things
	"Joined", "Left", "User", "the name of the path",
	// what is written into answers, attributes and styles
	"and", "AND", "OR", "admin", "ops", "iso",
	"nothing for ", "no text ",
	"(prefers-color-scheme: dark)", "input, textarea, select", "select, input:not([type=checkbox]), textarea",
	"input, select",
	"originalMediaDescriptor",
	// what the names of texts are made of
	"All", "Part", "Oldest", "Newest",
}

var (
	letters  = regexp.MustCompile(`\pL{2,}`)
	name     = regexp.MustCompile(`^[a-z/][\w./?-]*$`)
	sentence = regexp.MustCompile(`\pL{3,}.*[…’“”.!?]( |$)|[…’“”].*\pL{3,}`)
	word     = regexp.MustCompile(`^\p{Lu}\p{Ll}{2,}$`)
	words    = regexp.MustCompile(`^[(]?\pL{2,}[,:;]? \pL{2,}`)
)

// classes are the classes of all style sheets.
func classes(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("web/*.css")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]bool)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`[.]([a-z][a-z-]*)`).FindAllStringSubmatch(string(content), -1) {
			all[m[1]] = true
		}
	}
	return all
}

// isText reports whether a literal reads like words for people.
func isText(l literal, class map[string]bool) bool {
	text := strings.TrimSpace(l.text)
	if slices.Contains(technical, l.text) || slices.Contains(technical, text) {
		return false
	}
	if l.child && letters.MatchString(text) {
		return true
	}
	if name.MatchString(text) {
		return false
	}
	if sentence.MatchString(text) || word.MatchString(text) {
		return true
	}
	if !words.MatchString(text) {
		return false
	}
	// Names of classes are words, too.
	return !slices.ContainsFunc(strings.Fields(text), func(w string) bool { return class[w] })
}

// TestNoTextsInModules: what people read stands in web/texts alone.
func TestNoTextsInModules(t *testing.T) {
	t.Parallel()
	class := classes(t)
	for name, source := range modules(t) {
		for _, l := range literals(source) {
			if isText(l, class) {
				t.Errorf("%s has a text of its own: %q", name, l.text)
			}
		}
	}

	// The check finds what it is to find.
	for source, want := range map[string]int{
		`h('p', {}, 'Nothing')`: 1, `h('b', { class: 'quiet' }, 'left')`: 1, "x = `${n} calls found`": 1,
		"announce('Copied')": 1, `say("It is gone.")`: 1, `h('p', { title: 'Not at all' })`: 1, "f('… ago')": 1,
		`h('p', {}, on ? 'on' : x)`: 1, `h('p', { class: 'row end' }, t('a.b')) // No text`: 0,
		"/It is/.test(x) && `${a}px`": 0, "`a ${`Two words`} b`": 1,
	} {
		found := 0
		for _, l := range literals(source) {
			if isText(l, class) {
				found++
			}
		}
		if found != want {
			t.Errorf("in %s %d texts are found, want %d", source, found, want)
		}
	}
}

// TestTextsAreUsed: every text that a module names is there, and every text is named.
func TestTextsAreUsed(t *testing.T) {
	t.Parallel()
	english := textsOf(t, "web/texts/en.json")
	sections := make(map[string]bool)
	for key := range english {
		section, _, _ := strings.Cut(key, ".")
		sections[section] = true
	}

	form := regexp.MustCompile(`^([a-zA-Z]+)[.]([\w ]*)$`)
	used := make(map[string]bool)
	for name, source := range modules(t) {
		for _, l := range literals(source) {
			if sections[l.text] && strings.HasSuffix(l.text, "Phase") {
				useAll(used, english, l.text+".")
				continue
			}
			m := form.FindStringSubmatch(l.text)
			switch {
			case m == nil || !sections[m[1]]:
			case l.whole && english[l.text] == nil:
				t.Errorf("%s names the text %s, which there is not", name, l.text)
			case l.whole:
				used[l.text] = true
			case !useAll(used, english, l.text):
				t.Errorf("%s names texts that begin with %s, and there are none", name, l.text)
			}
		}
	}

	for _, name := range []string{
		"language.name", "page.opening", "page.noScript", "page.missing", "page.missingAbout", "page.toStart",
	} {
		used[name] = true // by the service
	}
	for key := range english {
		if !used[key] {
			t.Errorf("nothing names the text %s", key)
		}
	}
}

// useAll notes that the texts that begin with a prefix are used, and reports whether there are some.
func useAll(used map[string]bool, all map[string]map[string]string, prefix string) (some bool) {
	for key := range all {
		if strings.HasPrefix(key, prefix) {
			used[key], some = true, true
		}
	}
	return some
}

// TestLanguages: the page comes in the language that was chosen, or else in the one that the browser
// prefers, as a whole.
func TestLanguages(t *testing.T) {
	t.Parallel()
	h := handler(t)
	etags := make(map[string]bool)
	for _, c := range []struct{ cookie, accept, want string }{
		{"", "", "en"}, {"", "de-AT,de;q=0.9,en;q=0.8", "de"}, {"", "en-GB,de;q=0.5", "en"}, {"", "fr,de;q=0.7", "de"},
		{"", "fr", "en"}, {"", "*", "en"}, {"", ";;;", "en"}, {"de", "en", "de"}, {"en", "de", "en"},
		{"xx", "de", "de"}, {"../de", "en", "en"}, {"", "de;q=0", "en"},
	} {
		header := []string{"Accept-Language", c.accept}
		if c.cookie != "" {
			header = append(header, "Cookie", "recordings-language="+c.cookie)
		}
		r := get(t, h, "/", header...)
		page := body(t, r)
		title := map[string]string{"en": "Recordings", "de": "Aufzeichnungen"}[c.want]
		for _, part := range []string{
			fmt.Sprintf("<html lang=%q>", c.want), "<title>" + title + "</title>", `"language":"` + c.want + `"`,
			"<code>/api/v2/recordings</code>",
		} {
			if !strings.Contains(page, part) {
				t.Errorf("%+v: the page lacks %s", c, part)
			}
		}
		if got := r.Header.Get("Content-Language"); got != c.want {
			t.Errorf("%+v: Content-Language is %q", c, got)
		}
		if vary := strings.Join(r.Header.Values("Vary"), ", "); !strings.Contains(vary, "Accept-Language, Cookie") {
			t.Errorf("%+v: Vary is %q", c, vary)
		}
		if place.MatchString(page[:strings.Index(page, `id="texts"`)]) {
			t.Errorf("%+v: a place is left in %s", c, page[:300])
		}
		etags[r.Header.Get("ETag")] = true
		again := get(t, h, "/", append(header, "If-None-Match", r.Header.Get("ETag"))...)
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%+v: again: %d", c, again.StatusCode)
		}
	}
	if len(etags) != 2 {
		t.Errorf("two pages have the tags %v", etags)
	}
}
