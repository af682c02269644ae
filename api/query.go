package api

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"recordings/index"
	"recordings/mapping"
)

// The parameters of paging, and of the order.
const (
	paramOffset = "offset"
	paramLimit  = "limit"
	paramSort   = "sort"

	maxLimit  = 100
	maxOffset = 1<<31 - 1 // far behind the last recording of any contact center
)

// param is one parameter of a query, decoded.
type param struct{ name, value string }

// shown is the name of a parameter that is accepted, as an answer may show it: a key in it is the
// client's.
func (p *param) shown() string {
	if len(p.name) > maxNameShown || !utf8.ValidString(p.name) || strings.ContainsRune(p.name, 0) {
		return shortName(p.name)
	}
	return p.name
}

// maxNameShown bounds, in bytes, how much of an unknown parameter's name an answer repeats.
const maxNameShown = 64

// parseQuery reads the parameters of a query in the order in which they were sent. Unlike
// [url.ParseQuery] it leaves nothing out: a parameter that is unknown, repeated, empty or malformed
// is a problem, since a typo must not silently widen a search.
func parseQuery(raw string, accepted []string) (params []param, problems mapping.Problems) {
	refuse := func(name, message string) {
		problems = append(problems, mapping.Problem{Path: name, Message: message})
	}

	seen := make(map[string]bool)
	for piece := range strings.SplitSeq(raw, "&") {
		if piece == "" {
			continue
		}
		p, err := parseParam(piece)
		switch {
		case err != nil:
			refuse("", err.Error())
		case !isAccepted(accepted, p.name):
			refuse(
				shortName(p.name),
				"is not a parameter of this request; accepted: "+cmp.Or(strings.Join(accepted, ", "), "none"),
			)
		case seen[p.name]:
			refuse(p.shown(), "is given more than once; accepted is one value")
		case p.value == "":
			refuse(p.shown(), "is empty; accepted is a value, or leave it out")
		case !utf8.ValidString(p.value) || strings.ContainsRune(p.value, 0):
			refuse(p.shown(), "is not text in UTF-8 without NUL characters")
		default:
			params = append(params, p)
		}
		seen[p.name] = true
	}
	return params, problems
}

// takeAll takes the parameters of one name, which may be repeated, out of a query, and returns their values.
func takeAll(raw, name string) (values []string, rest string, problems mapping.Problems) {
	var kept []string
	for piece := range strings.SplitSeq(raw, "&") {
		p, err := parseParam(piece)
		if err != nil || p.name != name {
			kept = append(kept, piece)
			continue
		}
		if !utf8.ValidString(p.value) || strings.ContainsRune(p.value, 0) {
			message := "is not text in UTF-8 without NUL characters"
			problems = mapping.Problems{{Path: name, Message: message}}
		}
		values = append(values, p.value)
	}
	return values, strings.Join(kept, "&"), problems
}

// isAccepted reports whether a parameter is among those that are accepted, of which one may stand for
// all that have a key in its place.
func isAccepted(accepted []string, name string) bool {
	return slices.ContainsFunc(accepted, func(a string) bool {
		before, keyed := strings.CutSuffix(a, mapping.AnyKey)
		return a == name || keyed && strings.HasPrefix(name, before)
	})
}

// withoutParam takes a parameter out of a query, and returns its value, and whether it was there. One
// that is given twice is left, so that it is refused.
func withoutParam(raw, name string) (value, rest string, given bool) {
	var kept []string
	found := 0
	for piece := range strings.SplitSeq(raw, "&") {
		if p, err := parseParam(piece); err == nil && p.name == name {
			value = p.value
			found++
			continue
		}
		kept = append(kept, piece)
	}
	if found != 1 {
		return "", raw, false
	}
	return value, strings.Join(kept, "&"), true
}

// withoutIgnored leaves the parameters out of a query that later services ignore: fields=*, which asks
// for all there is, and _, by which clients get around caches.
func withoutIgnored(raw string) string {
	var kept []string
	for piece := range strings.SplitSeq(raw, "&") {
		p, err := parseParam(piece)
		if err != nil || p != (param{"fields", "*"}) && p.name != "_" {
			kept = append(kept, piece)
		}
	}
	return strings.Join(kept, "&")
}

// parseParam decodes one parameter. Old clients divide parameters by semicolons, which is refused
// rather than guessed.
func parseParam(piece string) (param, error) {
	if strings.Contains(piece, ";") {
		return param{}, errors.New(
			"the query holds a semicolon; parameters are divided by &, and a semicolon within a value is written %3B",
		)
	}

	name, value, _ := strings.Cut(piece, "=")
	name, err := url.QueryUnescape(name)
	if err != nil {
		return param{}, errors.New("the query is not percent-encoded as it should be; a percent sign is written %25")
	}

	value, err = url.QueryUnescape(value)
	if err != nil {
		return param{}, fmt.Errorf(
			"%s is not percent-encoded as it should be; a percent sign is written %%25",
			shortName(name),
		)
	}
	return param{name, value}, nil
}

// shortName is the name of a parameter as an answer shows it: a client's name may be long, or no
// text.
func shortName(name string) string {
	if len(name) > maxNameShown {
		name = name[:maxNameShown] + "…"
	}
	return strconv.Quote(name)
}

// takeNumber removes the parameter of this name and returns its number, or the default where it is
// not there.
func takeNumber(
	params []param,
	name string,
	least, most, byDefault int,
) (rest []param, n int, problems mapping.Problems) {
	i := slices.IndexFunc(params, func(p param) bool { return p.name == name })
	if i < 0 {
		return params, byDefault, nil
	}

	u, err := strconv.ParseUint(params[i].value, 10, 31)
	if err != nil || int(u) < least || int(u) > most {
		problems = mapping.Problems{
			{Path: name, Message: fmt.Sprintf("is not a number that is accepted: %d to %d", least, most)},
		}
	}
	return slices.Delete(slices.Clone(params), i, i+1), int(u), problems
}

// takeFlag removes the parameter of this name and reports whether it is true.
func takeFlag(params []param, name string) (rest []param, flag bool, problems mapping.Problems) {
	i := slices.IndexFunc(params, func(p param) bool { return p.name == name })
	if i < 0 {
		return params, false, nil
	}

	value := params[i].value
	if value != "true" && value != "false" {
		problems = mapping.Problems{{Path: name, Message: "is neither true nor false, which are accepted"}}
	}
	return slices.Delete(slices.Clone(params), i, i+1), value == "true", problems
}

// takeOrder removes the parameter of the order and returns what it asks for.
func takeOrder(params []param) (rest []param, order index.Order, problems mapping.Problems) {
	params, value := takeText(params, paramSort, string(index.NewestFirst))
	if order = index.Order(value); slices.Contains(index.Orders, order) {
		return params, order, nil
	}
	message := "is not an order that is accepted: " + string(index.OldestFirst) + ", the oldest recordings first, or " +
		string(index.OldestChangeFirst) + ", the oldest changes first; without " + paramSort +
		" the newest recordings are first"
	return params, "", mapping.Problems{{Path: paramSort, Message: message}}
}

// takeText removes the parameter of this name and returns its value, or the default where it is not
// there.
func takeText(params []param, name, byDefault string) (rest []param, value string) {
	i := slices.IndexFunc(params, func(p param) bool { return p.name == name })
	if i < 0 {
		return params, byDefault
	}
	return slices.Delete(slices.Clone(params), i, i+1), params[i].value
}

// refuseParams is for requests that take no parameters.
func refuseParams(rawQuery string) error {
	if _, problems := parseQuery(rawQuery, nil); len(problems) > 0 {
		return problems
	}
	return nil
}

// pager makes the URIs of the pages around one page of a search's result.
type pager struct {
	path          string  // as requested, with scheme and host
	criteria      []param // in the order in which they were sent
	order         index.Order
	offset, limit int
	total         bool
}

// next is the URI of the page behind this one.
func (p pager) next() string { return p.uri(p.offset + p.limit) }

// prev is the URI of the page before this one; empty for the first.
func (p pager) prev() string {
	if p.offset == 0 {
		return ""
	}
	return p.uri(max(0, p.offset-p.limit))
}

// uri is the URI of the page at an offset. Blanks are %20, which every client understands.
func (p pager) uri(offset int) string {
	var b strings.Builder
	b.WriteString(p.path)
	b.WriteByte('?')
	for _, c := range p.criteria {
		b.WriteString(c.name + "=" + strings.ReplaceAll(url.QueryEscape(c.value), "+", "%20") + "&")
	}

	if p.order != index.NewestFirst {
		b.WriteString(paramSort + "=" + string(p.order) + "&")
	}
	fmt.Fprintf(&b, "offset=%d&limit=%d", offset, p.limit)
	if p.total {
		b.WriteString("&" + paramTotal + "=true")
	}
	return b.String()
}
