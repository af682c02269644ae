package console

import (
	"bytes"
	"fmt"
	"html"
	"maps"
	"net/http"
	"path"
	"slices"
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
}

// newPages makes the page in each language that has a file of texts among the contents.
func newPages(page []byte, contents map[string][]byte) (*pages, error) {
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

	p := &pages{files: make(map[string]*static.File, len(all))}
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

	for _, name := range []string{"title", "opening", "noScript"} {
		text, err := t.text("page", name)
		if err != nil {
			return nil, err
		}
		text = strings.ReplaceAll(html.EscapeString(text), "{path}", "<code>/api/v2/recordings</code>")
		page = bytes.ReplaceAll(page, []byte("{page."+name+"}"), []byte(text))
	}
	page = bytes.ReplaceAll(page, []byte("{language}"), []byte(tag))
	return bytes.ReplaceAll(page, []byte("{texts}"), data), nil
}

// text is one that depends on no number.
func (t texts) text(section, name string) (text string, err error) {
	if err := json.Unmarshal(t[section][name], &text); err != nil {
		return "", fmt.Errorf("%s.%s: %w", section, name, err)
	}
	return text, nil
}

// serve answers with the page in the language that somebody chose, or else in the one that the browser
// prefers most of those that there are.
func (p *pages) serve(w http.ResponseWriter, r *http.Request) {
	tag := p.tags[0]
	if chosen, err := r.Cookie(languageCookie); err == nil && p.files[chosen.Value] != nil {
		tag = chosen.Value
	} else if wanted, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")); err == nil {
		_, i, confidence := p.matcher.Match(wanted...)
		if confidence > language.No {
			tag = p.tags[i]
		}
	}

	h := w.Header()
	h.Set("Content-Language", tag)
	h.Add("Vary", "Accept-Language, Cookie")
	p.files[tag].Serve(w, r)
}
