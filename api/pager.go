package api

import (
	"fmt"
	"net/url"
	"strings"
)

// pager makes the URIs of the pages around one page of a search's result.
type pager struct {
	path          string  // as requested, with scheme and host
	criteria      []param // in the order in which they were sent
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

func (p pager) uri(offset int) string {
	var b strings.Builder
	b.WriteString(p.path)
	b.WriteByte('?')
	for _, c := range p.criteria {
		b.WriteString(c.name + "=" + strings.ReplaceAll(url.QueryEscape(c.value), "+", "%20") + "&")
	}
	fmt.Fprintf(&b, "offset=%d&limit=%d", offset, p.limit)
	if p.total {
		b.WriteString("&" + paramTotal + "=true")
	}
	return b.String()
}
