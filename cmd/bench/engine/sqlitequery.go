package engine

import (
	"strings"
	"unicode/utf8"

	"recordings/mapping"
)

// sqliteQuery collects what a search is translated into.
type sqliteQuery struct {
	match   []string // conditions on the trigram index; none: it is of no use
	conds   []string // conditions on the row
	args    []any    // of conds
	indexed bool     // a phone number finds the rows by an index of the table
}

// statement translates a search. The page is found first, and only its rows are read.
func (e *SQLite) statement(q *Query) (string, []any) {
	c := &q.Criteria
	s := &sqliteQuery{indexed: isLiteral(c.CallerPhoneNumber) || isLiteral(c.DialedPhoneNumber)}
	s.phone("caller", c.CallerPhoneNumber)
	s.phone("dialed", c.DialedPhoneNumber)
	s.expression("names", c.UserName)
	s.expression("user_data", c.UserData)
	s.expression("access_groups", anyOf(q.Groups))
	useGrams := len(s.match) > 0 && !s.indexed
	var args []any
	var b strings.Builder
	b.WriteString("SELECT r.id, r.source FROM (SELECT ")
	if useGrams {
		b.WriteString("g.rowid AS key FROM grams g")
		if len(s.conds) > 0 || c.EndTime != nil || c.EndedAfter != nil || c.MinDuration != nil || c.MaxDuration != nil {
			b.WriteString(" CROSS JOIN recordings r ON r.key = g.rowid")
		}
		b.WriteString(" WHERE grams MATCH ?")
		args = append(args, "scope:"+e.scope(q.ContactCenter, q.Region)+" AND "+strings.Join(s.match, " AND "))
	} else {
		b.WriteString("r.key AS key FROM recordings r WHERE r.contact_center = ? AND r.region = ?")
		args = append(args, q.ContactCenter, q.Region)
	}

	key := map[bool]string{true: "g.rowid", false: "r.key"}[useGrams]
	if c.StartTime != nil {
		b.WriteString(" AND " + key + " >= ?")
		args = append(args, int64(*c.StartTime)<<20)
	}

	if c.EndTime != nil { // what has stopped until then has also begun until then
		b.WriteString(" AND " + key + " < ? AND r.stop_time <= ?")
		args = append(args, int64(*c.EndTime+1)<<20, int64(*c.EndTime))
	}

	if c.StartedBefore != nil {
		b.WriteString(" AND " + key + " < ?")
		args = append(args, int64(*c.StartedBefore)<<20)
	}
	if c.EndedAfter != nil {
		b.WriteString(" AND r.stop_time > ?")
		args = append(args, int64(*c.EndedAfter))
	}
	if c.MinDuration != nil {
		b.WriteString(" AND r.stop_time - (r.key >> 20) >= ?")
		args = append(args, *c.MinDuration*1000)
	}
	if c.MaxDuration != nil {
		b.WriteString(" AND r.stop_time - (r.key >> 20) < ?")
		args = append(args, (*c.MaxDuration+1)*1000)
	}

	for _, cond := range s.conds {
		b.WriteString(" AND " + cond)
	}

	b.WriteString(" ORDER BY " + key +
		" DESC LIMIT ? OFFSET ?) p CROSS JOIN recordings r ON r.key = p.key ORDER BY p.key DESC")
	return b.String(), append(append(args, s.args...), q.Limit+1, q.Offset)
}

// isLiteral reports whether whole numbers are asked for.
func isLiteral(x mapping.Expression) bool {
	for _, c := range x {
		if _, ok := c[0].Literal(); !ok {
			return false
		}
	}
	return len(x) > 0
}

// phone adds a condition on a column with one number, which must match any of the patterns.
func (s *sqliteQuery) phone(column string, x mapping.Expression) {
	if x == nil {
		return
	}

	usable, exact := true, true // see expression
	var match, conds []string
	var args []any
	for _, c := range x {
		phrases, exactly := ftsPhrases(c[0])
		usable, exact = usable && len(phrases) > 0, exact && exactly
		for i := range phrases {
			phrases[i] = column + ":" + phrases[i]
		}
		match = append(match, "("+strings.Join(phrases, " AND ")+")")
		if literal, ok := c[0].Literal(); ok {
			conds, args = append(conds, "r."+column+" = ?"), append(args, literal)
		} else {
			conds, args = append(conds, "r."+column+" GLOB ?"), append(args, glob(c[0]))
		}
	}

	if usable && !isLiteral(x) {
		s.match = append(s.match, "("+strings.Join(match, " OR ")+")")
	}
	if isLiteral(x) || !usable || !exact || s.indexed {
		s.conds, s.args = append(s.conds, "("+strings.Join(conds, " OR ")+")"), append(s.args, args...)
	}
}

// expression adds a condition on a column with a JSON array of values.
func (s *sqliteQuery) expression(column string, x mapping.Expression) {
	if x == nil {
		return
	}

	usable, exact := true, true // the trigram index can restrict the rows, and can tell them alone
	var either []string
	for _, c := range x {
		var all []string
		for _, p := range c {
			phrases, exactly := ftsPhrases(p)
			exact = exact && exactly
			for _, phrase := range phrases {
				all = append(all, column+":"+phrase)
			}
		}

		usable = usable && len(all) > 0
		either = append(either, "("+strings.Join(all, " AND ")+")")
	}

	if usable {
		s.match = append(s.match, "("+strings.Join(either, " OR ")+")")
	}
	if !usable || !exact || s.indexed {
		s.values(column, x)
	}
}

// values adds the meaning of an expression in plain SQL.
func (s *sqliteQuery) values(column string, x mapping.Expression) {
	var either []string
	for _, c := range x {
		var all []string
		for _, p := range c {
			all = append(all, "EXISTS (SELECT 1 FROM json_each(r."+column+") WHERE value GLOB ?)")
			s.args = append(s.args, glob(p))
		}
		either = append(either, strings.Join(all, " AND "))
	}

	s.conds = append(s.conds, "("+strings.Join(either, " OR ")+")")
}

// ftsPhrases are the phrases of trigrams that every value has that matches a pattern. They are
// exact if there are no others that have them.
func ftsPhrases(p mapping.Pattern) (phrases []string, exact bool) {
	pieces := strings.Split(anchored(p.String()), "*")
	meaningful := 0
	for _, piece := range pieces {
		if piece == "" || piece == anchorBegin || piece == anchorEnd {
			continue
		}
		meaningful++
		if utf8.RuneCountInString(piece) >= 3 {
			phrases = append(phrases, `"`+strings.ReplaceAll(piece, `"`, `""`)+`"`)
		}
	}
	return phrases, meaningful == 1 && len(phrases) == 1
}

// glob is a pattern in the syntax of GLOB.
func glob(p mapping.Pattern) string {
	return strings.NewReplacer("?", "[?]", "[", "[[]").Replace(p.String())
}
