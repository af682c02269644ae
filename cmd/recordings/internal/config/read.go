package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reader takes values into a configuration, and remembers what is wrong and where each setting was
// given.
type reader struct {
	file     string
	problems Problems
	places   map[string]place // by path: where it was last given
	wrong    map[string]bool  // by path: a problem was told, more about the same would only confuse
	unread   bool             // the file could not be read at all: that something is missing says nothing
}

// newReader returns a reader of a configuration whose file has this name.
func newReader(file string) *reader {
	return &reader{file: file, places: map[string]place{}, wrong: map[string]bool{}}
}

// problem notes what is wrong with a setting.
func (r *reader) problem(at place, path, message string) {
	r.problems = append(r.problems, Problem{Source: at.source, Line: at.line, Path: path, Message: message})
	r.wrong[path] = true
}

// placeOf is where the setting, or failing that what it is a part of, was given.
func (r *reader) placeOf(path string) place {
	for p := path; p != ""; {
		if at, ok := r.places[p]; ok {
			return at
		}
		p = p[:max(strings.LastIndexAny(p, ".["), 0)]
	}
	return place{source: r.file}
}

// check tells the problem, unless something about the setting was told already.
func (r *reader) check(ok bool, path, message string) bool {
	if !ok && !r.wrong[path] {
		r.problem(r.placeOf(path), path, message)
	}
	return ok
}

// forget drops what is known of a list that is about to be given anew.
func (r *reader) forget(path string) {
	for p := range r.places {
		if strings.HasPrefix(p, path+"[") {
			delete(r.places, p)
		}
	}
}

// setting is one key: either a value that is taken into the configuration, or a group of further
// settings.
type setting struct {
	key   string
	take  func(r *reader, path string, n node)
	group []setting
}

// mapping takes the keys of a mapping into the settings.
func (r *reader) mapping(path string, n node, settings []setting) {
	switch n.kind {
	case mapping:
	case absent:
		return
	case refused:
		r.wrong[path] = true
		return
	default:
		r.problem(n.place, path, "must have keys: "+keys(settings))
		r.unread = r.unread || path == ""
		return
	}

	seen := map[string]int{}
	for _, e := range n.entries {
		at := join(path, printable(e.key))
		i := slices.IndexFunc(settings, func(s setting) bool { return s.key == e.key })
		if line, ok := seen[e.key]; ok {
			r.problem(e.place, at, fmt.Sprintf("is given twice%s; remove one", onLine(line)))
			continue
		}

		seen[e.key] = e.line
		if i < 0 {
			r.problem(e.place, at, "is not known; known here are "+keys(settings))
			continue
		}

		r.places[at] = e.place
		r.setting(at, e.value, settings[i])
	}
}

// setting takes one value. A setting without one keeps what it has.
func (r *reader) setting(path string, n node, s setting) {
	switch {
	case s.take == nil:
		r.mapping(path, n, s.group)
	case n.kind == refused:
		r.wrong[path] = true
	case n.kind != absent:
		s.take(r, path, n)
	}
}

// printable is a key as messages show it. What does not look like a key may be a part of a secret
// that lacks its quotes.
func printable(key string) string {
	const longest = 32
	odd := func(c rune) bool {
		return c != '_' && c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	}
	if key == "" || len(key) > longest || strings.ContainsFunc(key, odd) {
		return "(odd key)"
	}
	return key
}

// onLine is empty for what has no lines, such as variables.
func onLine(line int) string {
	if line == 0 {
		return ""
	}
	return fmt.Sprintf(", first on line %d", line)
}

// join is the path of a key within another.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keys are the keys that a message offers.
func keys(settings []setting) string {
	var names []string
	for _, s := range settings {
		names = append(names, s.key)
	}
	return strings.Join(names, ", ")
}

// toText takes a string.
func toText[T ~string](to *T) func(*reader, string, node) {
	return func(r *reader, path string, n node) {
		switch n.kind {
		case text, plain:
			*to = T(n.text)
		case number, boolean, other:
			r.problem(n.place, path, "must be a text: put it in quotes")
		default:
			r.problem(n.place, path, "must be a text")
		}
	}
}

// toBool takes true or false.
func toBool(to *bool) func(*reader, string, node) {
	return func(r *reader, path string, n node) {
		v, err := strconv.ParseBool(n.text)
		if err != nil || n.kind != boolean && n.kind != plain {
			r.problem(n.place, path, "must be true or false")
			return
		}
		*to = v
	}
}

// toInt takes a whole number between least and most, in decimal digits.
func toInt[T int | int64](to *T, least, most T) func(*reader, string, node) {
	return func(r *reader, path string, n node) {
		v, err := strconv.ParseInt(n.text, 10, 64)
		if err != nil || n.kind != number && n.kind != plain || v < int64(least) || v > int64(most) {
			r.problem(n.place, path, fmt.Sprintf("must be a whole number from %d to %d", least, most))
			return
		}
		*to = T(v)
	}
}

// toDuration takes a length of time with its unit.
func toDuration(to *time.Duration, least, most time.Duration) func(*reader, string, node) {
	return func(r *reader, path string, n node) {
		v, err := time.ParseDuration(n.text)
		if err != nil || n.kind != text && n.kind != plain || v < least || v > most {
			r.problem(n.place, path,
				fmt.Sprintf("must be a time from %s to %s, with its unit, such as 500ms or 10s", least, most))
			return
		}
		*to = v
	}
}

// toOne takes a string as a list that has no other item.
func toOne(to *[]string) func(*reader, string, node) {
	return func(r *reader, path string, n node) {
		var one string
		toText(&one)(r, path, n)
		if !r.wrong[path] {
			*to = []string{one}
		}
	}
}

// toDays takes a number of days, such as 400d; 0 is for ever.
func toDays(to *time.Duration) func(*reader, string, node) {
	const day, most = 24 * time.Hour, 36500
	return func(r *reader, path string, n node) {
		digits, hasUnit := strings.CutSuffix(n.text, "d")
		v, err := strconv.ParseUint(digits, 10, 31)
		scalar := n.kind == text || n.kind == plain || n.kind == number
		if err != nil || !scalar || v > most || !hasUnit && v != 0 {
			message := fmt.Sprintf("must be a number of days from 1d to %dd, such as 400d, or 0: for ever", most)
			r.problem(n.place, path, message)
			return
		}
		*to = time.Duration(v) * day
	}
}

// toTexts takes a list of strings; in a variable they are divided by commas.
func toTexts(to *[]string) func(*reader, string, node) {
	return func(r *reader, path string, n node) {
		if n.kind == plain {
			n = split(n)
		}

		if n.kind != list {
			r.problem(n.place, path, "must be a list")
			return
		}

		r.forget(path)
		*to = make([]string, len(n.items))
		for i, item := range n.items {
			at := fmt.Sprintf("%s[%d]", path, i)
			r.places[at] = item.place
			if r.check(item.kind != absent, at, "is empty") {
				r.setting(at, item, setting{take: toText(&(*to)[i])})
			}
		}
	}
}

// toTextMap takes a mapping whose keys are not known here. Its values may be numbers, and true or
// false: they are read by others.
func toTextMap(to *map[string]string) func(*reader, string, node) {
	return func(r *reader, path string, n node) {
		if n.kind != mapping {
			r.problem(n.place, path, "must have keys")
			return
		}

		*to = make(map[string]string, len(n.entries))
		lines := map[string]int{}
		for _, e := range n.entries {
			at := join(path, e.key)
			r.places[at] = e.place
			switch line, twice := lines[e.key]; {
			case twice:
				r.problem(e.place, at, fmt.Sprintf("is given twice%s; remove one", onLine(line)))
			case e.value.kind == refused:
				r.wrong[at] = true
			case !slices.Contains([]kind{text, plain, number, boolean}, e.value.kind):
				r.problem(e.place, at, "must be a text: put it in quotes")
			}
			lines[e.key] = e.line
			(*to)[e.key] = e.value.text
		}
	}
}

// split makes a list of a text with commas. There is no way to write a comma within an item: no name
// that these settings take has one.
func split(n node) node {
	items := node{place: n.place, kind: list}
	for part := range strings.SplitSeq(n.text, ",") {
		items.items = append(items.items, node{place: n.place, kind: plain, text: strings.TrimSpace(part)})
	}
	return items
}

// toList takes a list of mappings; in a variable it is written as YAML.
func toList[T any](to *[]T, settings func(*T) []setting) func(*reader, string, node) {
	return func(r *reader, path string, n node) {
		if n.kind == plain {
			n = parseYAML(r, []byte(n.text), n.place)
		}

		if n.kind == refused {
			r.wrong[path] = true
			return
		}

		if n.kind != list {
			r.problem(n.place, path, "must be a list")
			return
		}

		r.forget(path)
		*to = make([]T, len(n.items))
		for i, item := range n.items {
			at := fmt.Sprintf("%s[%d]", path, i)
			r.places[at] = item.place
			r.check(item.kind != absent, at, "is empty")
			r.mapping(at, item, settings(&(*to)[i]))
		}
	}
}
