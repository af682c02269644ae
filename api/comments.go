package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"recordings/api/auth"
	"recordings/mapping"
)

// commentBody is a comment as it is written.
type commentBody struct {
	At   *float64 `json:"at,omitzero"`
	Text string   `json:"text"`
}

// commentsAnswer has the comments of a recording, in the order in which they were written.
type commentsAnswer struct {
	StatusCode int               `json:"statusCode"`
	Comments   []mapping.Comment `json:"comments"`
}

// commentAnswer has one of them.
type commentAnswer struct {
	StatusCode int             `json:"statusCode"`
	Comment    mapping.Comment `json:"comment"`
}

// commentRequest changes a comment of a recording.
type commentRequest struct {
	markRequest
	written *mapping.Comment // what is there when the change was made
}

// The errors of comments.
var (
	errNoComment       = errors.New("the recording has no such comment")
	errNotTheirComment = errors.New("the comment is somebody else's; only who wrote it may change it; operations, " +
		"and administrators without access groups, may also delete it")
)

func (h *marks) readComments(ctx context.Context, in labelRequest) (a commentsAnswer, err error) {
	if err := h.reserve(ctx, h.memory.read); err != nil {
		return a, err
	}
	r, err := h.find(ctx, h.index, in.key)
	if err != nil {
		return a, markError(in.id, err)
	}
	a.Comments = append([]mapping.Comment{}, r.Comments...)
	return a, nil
}

// decodeComment reads a comment that is added to a recording. The same again, by the same user, is one: a
// request may be sent again when nobody knows what became of it.
func (h *marks) decodeComment(r *http.Request) (in commentRequest, err error) {
	c, err := h.beginComment(r, &in)
	if err != nil {
		return in, err
	}
	c.ID, c.Time = rand.Text(), mapping.Time(time.Now().UnixMilli())
	infoOf(r).trail.Fact("comment", c.ID)
	in.change = func(r *mapping.Recording) error {
		same := func(x mapping.Comment) bool {
			x.ID, x.Time, x.ChangedTime = c.ID, c.Time, 0
			return x.Equal(&c)
		}
		if i := slices.IndexFunc(r.Comments, same); i >= 0 {
			*in.written = r.Comments[i]
			return nil
		}
		r.SetComment(c)
		*in.written = c
		return nil
	}
	return in, nil
}

// decodeRewrite reads what a comment of the caller's is to be.
func (h *marks) decodeRewrite(r *http.Request) (in commentRequest, err error) {
	c, err := h.beginComment(r, &in)
	if err != nil {
		return in, err
	}
	if c.ID, err = pathValue(r, "comment"); err != nil {
		return in, err
	}
	now := mapping.Time(time.Now().UnixMilli())
	infoOf(r).trail.Fact("comment", c.ID)
	in.change = func(r *mapping.Recording) error {
		was := r.Comment(c.ID)
		switch {
		case was == nil:
			return errNoComment
		case was.User != c.User:
			return errNotTheirComment
		}
		c.Time, c.ChangedTime = was.Time, was.ChangedTime
		if !c.Equal(was) {
			c.ChangedTime = now
			r.SetComment(c)
		}
		*in.written = c
		return nil
	}
	return in, nil
}

// decodeUncomment reads which comment is deleted: one of the caller's, or any for who may.
func (h *marks) decodeUncomment(r *http.Request) (in markRequest, err error) {
	if err := h.beginOne(r, &in); err != nil {
		return in, err
	}
	id, err := pathValue(r, "comment")
	if err != nil {
		return in, err
	}
	u := infoOf(r).user
	whoever := u.Role == auth.RoleOps || len(u.AccessGroups) == 0
	infoOf(r).trail.Fact("removed", id)
	in.change = func(r *mapping.Recording) error {
		switch was := r.Comment(id); {
		case was == nil:
			return errNoComment
		case was.User != u.Owner() && !whoever:
			return errNotTheirComment
		}
		r.RemoveComment(id)
		return nil
	}
	return in, nil
}

// beginOne reads which recording the path is about.
func (h *marks) beginOne(r *http.Request, in *markRequest) error {
	if err := h.begin(r, in); err != nil {
		return err
	}
	k, err := h.key(r)
	in.ids = []string{k.id}
	return err
}

// beginComment reads what is written about the recording of the path, and by whom.
func (h *marks) beginComment(r *http.Request, in *commentRequest) (c mapping.Comment, err error) {
	in.written = new(mapping.Comment)
	if err := h.beginOne(r, &in.markRequest); err != nil {
		return c, err
	}
	var body commentBody
	if err := h.decodeBody(r, &body, namesOf[commentBody]()); err != nil {
		return c, err
	}

	var problems mapping.Problems
	switch {
	case body.Text == "":
		problems = mapping.Problems{{Path: "text", Missing: true, Message: "is missing or empty"}}
	default:
		if err := mapping.CheckComment(body.Text); err != nil {
			problems = mapping.Problems{{Path: "text", Message: err.Error()}}
		}
	}
	if body.At != nil {
		if err := mapping.CheckAt(*body.At); err != nil {
			problems = append(problems, mapping.Problem{Path: "at", Message: err.Error()})
		}
		at := mapping.RoundAt(*body.At)
		c.At = &at
		infoOf(r).trail.Fact("at", at)
	}
	infoOf(r).trail.Detail("text", body.Text)
	c.Text, c.User = body.Text, infoOf(r).user.Owner()
	return c, orNil(problems)
}

// comment adds a comment, or changes it.
func (h *marks) comment(ctx context.Context, in commentRequest) (commentAnswer, error) {
	_, err := h.one(ctx, in.markRequest)
	if problems, ok := errors.AsType[mapping.Problems](err); ok && problems[0].Path == "name" { // of too many marks
		const tooMany = "cannot be added: a recording has at most %d comments, and at most so many bytes"
		err = mapping.Problems{{Path: "text", Message: fmt.Sprintf(tooMany, mapping.MaxComments)}}
	}
	if err != nil {
		return commentAnswer{}, err
	}
	return commentAnswer{Comment: *in.written}, nil
}
