package console

import (
	"bytes"
	"fmt"
	"html"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/language"

	"recordings/api/static"
)

const (
	textsExt = ".json" // of the files in web/texts, each named after its language

	// languageCookie is the name of the cookie in which the page keeps the language that somebody chose.
	languageCookie = "recordings-language"

	// fallback is the language of those who prefer none that there is.
	fallback = "en"
)

// texts are those of a language: by section and name, each a text or, where it depends on a number, the
// texts by the categories of plurals.
type texts map[string]map[string]jsontext.Value

// pages are the page in all languages.
type pages struct {
	matcher language.Matcher
	tags    []string // the languages, in the order of the matcher: the first is the fallback
	files   map[string]*static.File
	missing map[string][]byte // the page where there is nothing, with {root} for the way to the page
}

// newPages makes the page, and the one where there is nothing, in each language that has a file of texts
// among the contents.
func newPages(page, missing []byte, contents map[string][]byte) (*pages, error) {
	all := make(map[string]texts)
	names := make(map[string]string) // of the languages, each in its own words
	for file, content := range contents {
		tag, isTexts := strings.CutSuffix(file, textsExt)
		if !isTexts {
			continue
		}

		var t texts
		if err := json.Unmarshal(content, &t); err != nil {
			return nil, fmt.Errorf("reading the texts %s: %w", file, err)
		}
		name, err := t.text("language", "name")
		if err != nil {
			return nil, fmt.Errorf("reading the texts %s: %w", file, err)
		}
		all[tag], names[tag] = t, name
	}

	p := &pages{files: make(map[string]*static.File, len(all)), missing: make(map[string][]byte, len(all))}
	p.tags = append([]string{fallback}, slices.DeleteFunc(slices.Sorted(maps.Keys(all)),
		func(tag string) bool { return tag == fallback })...)
	var parsed []language.Tag
	for _, tag := range p.tags {
		t, err := language.Parse(tag)
		if err != nil {
			return nil, fmt.Errorf("the texts %s%s: %w", tag, textsExt, err)
		}
		parsed = append(parsed, t)

		content, err := translated(page, tag, names, all[tag])
		if err != nil {
			return nil, fmt.Errorf("translating the page into %s: %w", tag, err)
		}
		if p.missing[tag], err = worded(missing, tag, all[tag]); err != nil {
			return nil, fmt.Errorf("translating the page where there is nothing into %s: %w", tag, err)
		}
		if p.files[tag], err = static.New(types[path.Ext(pageName)], content); err != nil {
			return nil, err
		}
	}
	p.matcher = language.NewMatcher(parsed)
	return p, nil
}

// translated is the page in a language: its own few texts, and those for its modules as data that no
// browser runs.
func translated(page []byte, tag string, names map[string]string, t texts) ([]byte, error) {
	data, err := json.Marshal(map[string]any{"language": tag, "languages": names, "texts": t},
		json.Deterministic(true), jsontext.EscapeForHTML(true))
	if err != nil {
		return nil, err
	}

	page, err = worded(page, tag, t)
	return bytes.ReplaceAll(page, []byte("{texts}"), data), err
}

// worded is a page with its own few texts in a language.
func worded(page []byte, tag string, t texts) ([]byte, error) {
	for _, name := range []string{"title", "opening", "noScript", "missing", "missingAbout", "toStart"} {
		text, err := t.text("page", name)
		if err != nil {
			return nil, err
		}
		text = strings.ReplaceAll(html.EscapeString(text), "{path}", "<code>/api/v2/recordings</code>")
		page = bytes.ReplaceAll(page, []byte("{page."+name+"}"), []byte(text))
	}
	return bytes.ReplaceAll(page, []byte("{language}"), []byte(tag)), nil
}

// text is one that depends on no number.
func (t texts) text(section, name string) (text string, err error) {
	if err := json.Unmarshal(t[section][name], &text); err != nil {
		return "", fmt.Errorf("%s.%s: %w", section, name, err)
	}
	return text, nil
}

// serve answers with the page.
func (p *pages) serve(w http.ResponseWriter, r *http.Request) {
	p.files[p.choose(w.Header(), r)].Serve(w, r)
}

// serveMissing answers with the page where there is nothing. The way from there to the page is told by steps
// up, as nobody here knows below which path a proxy has put the service.
func (p *pages) serveMissing(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	content := p.missing[p.choose(h, r)]
	root := "./" + strings.Repeat("../", strings.Count(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/"))
	content = bytes.ReplaceAll(content, []byte("{root}"), []byte(root))

	static.SetHeader(h, types[path.Ext(missingName)])
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusNotFound)
	if r.Method != http.MethodHead {
		_, _ = w.Write(content) // an error means that the client has gone
	}
}

// choose is the language that somebody chose, or else the one that the browser prefers most of those that
// there are; the header of the answer is told.
func (p *pages) choose(h http.Header, r *http.Request) string {
	tag := p.tags[0]
	if chosen, err := r.Cookie(languageCookie); err == nil && p.files[chosen.Value] != nil {
		tag = chosen.Value
	} else if wanted, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")); err == nil {
		_, i, confidence := p.matcher.Match(wanted...)
		if confidence > language.No {
			tag = p.tags[i]
		}
	}

	h.Set("Content-Language", tag)
	h.Add("Vary", "Accept-Language, Cookie")
	return tag
}
