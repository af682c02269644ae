package mapping

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// Comment is what somebody has written about a recording, or about a moment of it.
type Comment struct {
	ID   string   `json:"id"`          // the only one of the recording
	At   *float64 `json:"at,omitzero"` // seconds behind the recording's startTime, see [RoundAt]; nil: of all of it
	Text string   `json:"text"`        // may have line breaks
	Time Time     `json:"time"`        // when it was written
	User string   `json:"user"`        // who wrote it; a token as token:NAME
	// ChangedTime is when that user has last written it anew; 0: never.
	ChangedTime Time `json:"changedTime,omitzero"`
}

// The bounds of comments.
const (
	MaxComment  = 2000 // characters of one
	MaxComments = 100  // of a recording
	// MaxAt is the last moment, in seconds, that a comment may be about: no call lasts for a year.
	MaxAt = 366 * 24 * 60 * 60
)

// maxCommentID bounds the ids of comments that come from another installation. Those of this one are
// shorter.
const maxCommentID = 64

// CheckComment says what is wrong with the text of a comment, in words that complete a sentence which
// begins with the name of the attribute.
func CheckComment(text string) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("is empty; accepted is a text of 1 to %d characters", MaxComment)
	}
	return checkLine(text, MaxComment)
}

// CheckAt says likewise what is wrong with the moment of a comment.
func CheckAt(at float64) error {
	if !(at >= 0 && at <= MaxAt) {
		return fmt.Errorf("is not a moment of the call; accepted are seconds from 0 to %d, from its start on", MaxAt)
	}
	return nil
}

// RoundAt is a moment as it is kept: to the millisecond, and without a sign.
func RoundAt(at float64) float64 { return math.Abs(math.Round(at*1000) / 1000) }

// checkCommentID says what is wrong with the id of a comment.
func checkCommentID(id string) error {
	bad := func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }
	if id == "" || len(id) > maxCommentID || strings.ContainsFunc(id, bad) {
		const text = "is not an id; accepted are 1 to %d characters of ASCII without white space and /"
		return fmt.Errorf(text, maxCommentID)
	}
	return nil
}

// Equal reports whether two comments are the same in everything.
func (c *Comment) Equal(d *Comment) bool {
	sameAt := c.At == d.At || c.At != nil && d.At != nil && *c.At == *d.At
	return sameAt && c.ID == d.ID && c.Text == d.Text && c.Time == d.Time && c.User == d.User &&
		c.ChangedTime == d.ChangedTime
}

// Comment returns the comment of an id that the recording has, or nil. What it points to is not to be
// changed.
func (r *Recording) Comment(id string) *Comment {
	for i := range r.Comments {
		if r.Comments[i].ID == id {
			return &r.Comments[i]
		}
	}
	return nil
}

// SetComment adds a comment, or puts it in the place of that of its id. It never changes the slice that
// was there, which others may share.
func (r *Recording) SetComment(c Comment) {
	comments := slices.Clone(r.Comments)
	if i := slices.IndexFunc(comments, func(x Comment) bool { return x.ID == c.ID }); i >= 0 {
		comments[i] = c
	} else {
		comments = append(comments, c)
	}
	r.Comments = comments
}

// RemoveComment removes the comment of an id, and reports whether there was one.
func (r *Recording) RemoveComment(id string) bool {
	if r.Comment(id) == nil {
		return false
	}
	r.Comments = slices.DeleteFunc(slices.Clone(r.Comments), func(c Comment) bool { return c.ID == id })
	return true
}

// OnlyAddsComments reports whether all comments that there were before are there afterwards, as they
// were: what is permitted under a hold.
func OnlyAddsComments(before, after *Recording) bool {
	return !slices.ContainsFunc(before.Comments, func(c Comment) bool {
		now := after.Comment(c.ID)
		return now == nil || !now.Equal(&c)
	})
}

// commentTerms are what searches see of comments: of each the whole text, with one blank between words,
// every word of it, and the words without the punctuation around them. All of it is folded, and there
// without accents, too.
func commentTerms(comments []Comment) (terms []string) {
	for i := range comments {
		words := strings.Fields(Fold(comments[i].Text))
		if len(words) == 0 {
			continue
		}
		terms = append(terms, strings.Join(words, " "))
		for _, word := range words {
			terms = append(terms, word)
			if bare := strings.TrimFunc(word, isPunctuation); bare != word && bare != "" {
				terms = append(terms, bare)
			}
		}
	}
	if terms == nil {
		return nil
	}
	return sortedUnique(withPlain(sortedUnique(terms)))
}

// isPunctuation reports whether a rune at the end of a word is no part of it: "refund!" is found as
// refund.
func isPunctuation(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

// comment reads a stored comment.
func (s *storedScanner) comment(c *Comment) {
	var none jsontext.Value
	s.object(&none, func(name string) bool {
		switch name {
		case "id":
			s.string(&c.ID)
		case "at":
			c.At = new(float64)
			s.number(c.At)
		case "text":
			s.string(&c.Text)
		case "time":
			s.time(&c.Time)
		case "user":
			s.string(&c.User)
		case "changedTime":
			s.time(&c.ChangedTime)
		default:
			s.failed = true
		}
		return true
	})
}

// number reads a number.
func (s *storedScanner) number(n *float64) {
	from := s.at
	s.skip()
	var err error
	if *n, err = strconv.ParseFloat(s.text[from:s.at], 64); err != nil {
		s.failed = true
	}
}

// comments reads comments that are moved from another installation.
func (d *decoder) comments(comments *[]Comment) {
	if !d.Marks {
		d.skip()
		return
	}

	var r Recording
	n := d.array(anArray, func() {
		var c Comment
		var unknown jsontext.Value
		seen := d.object("a comment, a JSON object", &unknown, []attribute{
			{"id", "the id of a comment", func() { d.checked(&c.ID, checkCommentID) }},
			{"at", "", func() { c.At = d.at() }},
			{"text", aNonEmpty, func() { d.checked(&c.Text, CheckComment) }},
			{"time", timeForms, func() { d.time(&c.Time) }},
			{"user", "", func() { d.checked(&c.User, checkUser) }},
			{"changedTime", "", func() { d.time(&c.ChangedTime) }},
		})
		switch {
		case seen == nil:
		case r.Comment(c.ID) != nil:
			d.invalid("is the second comment of its id; accepted is one")
		default:
			r.Comments = append(r.Comments, c)
		}
	})
	if n > MaxComments {
		d.invalid("has more than %d comments", MaxComments)
	}
	*comments = r.Comments
}

// at reads the moment of a comment.
func (d *decoder) at() *float64 {
	if !d.is("a number of seconds", '0') {
		return nil
	}
	at, err := strconv.ParseFloat(d.next().String(), 64)
	if err != nil {
		err = errors.New("is not a number of seconds")
	} else {
		err = CheckAt(at)
	}
	if err != nil {
		d.invalid("%v", err)
		return nil
	}
	at = RoundAt(at)
	return &at
}
