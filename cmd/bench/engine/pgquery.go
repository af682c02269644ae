package engine

import (
	"fmt"
	"strings"
	"unicode"

	"recordings/mapping"
)

// pgQuery collects what a search is translated into.
type pgQuery struct {
	conds []string
	args  []any
}

// arg adds an argument and returns its placeholder.
func (s *pgQuery) arg(v any) string {
	s.args = append(s.args, v)
	return fmt.Sprintf("$%d", len(s.args))
}

func (s *pgQuery) add(format string, a ...any) { s.conds = append(s.conds, fmt.Sprintf(format, a...)) }

// pgStatement translates a search. With an offset, the page is found first, which an index may do
// alone, and only its rows are read.
func pgStatement(q *Query) (string, []any) {
	s, c := new(pgQuery), &q.Criteria
	center := s.arg(q.ContactCenter)
	s.add("contact_center = %s", center)
	s.add("region = %s", s.arg(q.Region))
	s.phone("caller", c.CallerPhoneNumber)
	s.phone("dialed", c.DialedPhoneNumber)
	if c.StartTime != nil {
		s.add("start_time >= %s", s.arg(int64(*c.StartTime)))
	}

	if c.EndTime != nil { // what has stopped until then has also begun until then
		p := s.arg(int64(*c.EndTime))
		s.add("start_time <= %s AND stop_time <= %s", p, p)
	}

	if c.StartedBefore != nil {
		s.add("start_time < %s", s.arg(int64(*c.StartedBefore)))
	}
	if c.EndedAfter != nil {
		s.add("stop_time > %s", s.arg(int64(*c.EndedAfter)))
	}
	if c.MinDuration != nil {
		s.add("stop_time - start_time >= %s", s.arg(*c.MinDuration*1000))
	}
	if c.MaxDuration != nil {
		s.add("stop_time - start_time < %s", s.arg((*c.MaxDuration+1)*1000))
	}

	s.expression("names", c.UserName)
	s.expression("user_data", c.UserData)
	if q.Groups != nil {
		s.add("access_groups && %s", s.arg(q.Groups))
	}
	find := fmt.Sprintf("FROM recordings WHERE %s ORDER BY start_time DESC, id LIMIT %s OFFSET %s",
		strings.Join(s.conds, " AND "), s.arg(q.Limit+1), s.arg(q.Offset))
	if q.Offset == 0 {
		return "SELECT id, source " + find, s.args
	}

	return fmt.Sprintf("WITH page AS MATERIALIZED (SELECT id, start_time %s) SELECT r.id, r.source FROM page JOIN "+
		"recordings r "+
		"ON r.contact_center = %s AND r.id = page.id ORDER BY page.start_time DESC, page.id", find, center), s.args
}

// phone adds a condition on a column with one number, which must match any of the patterns.
func (s *pgQuery) phone(column string, x mapping.Expression) {
	if x == nil {
		return
	}

	var either []string
	for _, c := range x {
		p := c[0]
		if literal, ok := p.Literal(); ok {
			either = append(either, fmt.Sprintf("%s = %s", column, s.arg(literal)))
		} else {
			either = append(either, fmt.Sprintf("%s LIKE %s", searched(column, p), s.arg(like(p))))
		}
	}
	s.add("(%s)", strings.Join(either, " OR "))
}

// searched is the expression to put a pattern to: the column, or what hides it from its trigram
// index. Where a pattern holds no trigram, that index would return all rows, which the planner does
// not see coming.
func searched(column string, p mapping.Pattern) string {
	if hasTrigram(p) {
		return column
	}
	return "(" + column + " || '')"
}

// hasTrigram reports whether pg_trgm finds a trigram in a pattern: three letters or digits in a row,
// or two at the beginning or end of a word.
func hasTrigram(p mapping.Pattern) bool {
	for piece := range strings.SplitSeq(separator+p.String()+separator, "*") {
		runes := []rune(piece)
		for i := 0; i < len(runes); i++ {
			begin := i
			for i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i])) {
				i++
			}

			if i == begin {
				continue
			}

			n := i - begin
			if begin > 0 {
				n++
			}
			if i < len(runes) {
				n++
			}
			if n >= 3 && i-begin >= 2 {
				return true
			}
		}
	}

	return false
}

func (s *pgQuery) expression(column string, x mapping.Expression) {
	if x == nil {
		return
	}

	var either []string
	for _, c := range x {
		var all []string
		for _, p := range c {
			all = append(all, s.term(column, p))
		}
		either = append(either, strings.Join(all, " AND "))
	}

	s.add("(%s)", strings.Join(either, " OR "))
}

// term is a condition on any of the values of an array. A whole value is looked up in the array;
// other patterns are put to the text of all values. Where text between stars could come from
// different values, the values are also looked at one by one.
func (s *pgQuery) term(column string, p mapping.Pattern) string {
	if literal, ok := p.Literal(); ok {
		return fmt.Sprintf("%s @> ARRAY[%s]", column, s.arg(literal))
	}

	pieces := strings.Split(separator+p.String()+separator, "*")
	meaningful := 0
	for _, piece := range pieces {
		if piece != "" && piece != separator {
			meaningful++
		}
	}

	if meaningful == 0 {
		return fmt.Sprintf("%s <> '{}'", column)
	}

	anywhere := "*" + separator + p.String() + separator + "*"
	anywhere = strings.ReplaceAll(strings.ReplaceAll(anywhere, "*"+separator+"*", "*"), "**", "*")
	found := fmt.Sprintf("%s LIKE %s", searched(column+"_text", p), s.arg(like(mapping.NewPattern(anywhere))))
	if meaningful == 1 {
		return found
	}

	return fmt.Sprintf("(%s AND EXISTS (SELECT FROM unnest(%s) value WHERE value LIKE %s))", found, column,
		s.arg(like(p)))
}

// like is a pattern in the syntax of LIKE.
func like(p mapping.Pattern) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`, "*", "%").Replace(p.String())
}
