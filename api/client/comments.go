package client

import (
	"context"
	"net/http"
	"net/url"

	"recordings/mapping"
)

// comments is where those of a recording are; with an id one of them.
func comments(recording, id string) string {
	path := "/recordings/" + EscapeSegment(recording) + "/comments"
	if id != "" {
		path += "/" + EscapeSegment(id)
	}
	return path
}

// Comments returns what was written about a recording, in the order in which it was.
func (c *Center) Comments(ctx context.Context, recording string) ([]mapping.Comment, error) {
	var answer struct {
		Comments []mapping.Comment `json:"comments"`
	}
	err := c.call(ctx, http.MethodGet, c.Path(comments(recording, "")), nil, &answer)
	return answer.Comments, err
}

// Comment writes a comment on a recording: about a moment of it, in seconds behind its startTime, or about
// all of it (nil). The same again is the same comment, so that it is safe to send it again.
func (c *Center) Comment(ctx context.Context, recording string, at *float64, text string) (*mapping.Comment, error) {
	return c.write(ctx, http.MethodPost, comments(recording, ""), at, text)
}

// ChangeComment takes the place of the moment and the text of a comment that the user has written.
func (c *Center) ChangeComment(
	ctx context.Context, recording, id string, at *float64, text string,
) (*mapping.Comment, error) {
	return c.write(ctx, http.MethodPut, comments(recording, id), at, text)
}

// write sends a comment, and returns what is there then.
func (c *Center) write(
	ctx context.Context, method, path string, at *float64, text string,
) (*mapping.Comment, error) {
	body := struct {
		At   *float64 `json:"at,omitzero"`
		Text string   `json:"text"`
	}{at, text}
	var answer struct {
		Comment *mapping.Comment `json:"comment"`
	}
	if err := c.Do(ctx, method, path, url.Values{}, body, &answer); err != nil {
		return nil, err
	}
	return answer.Comment, nil
}

// DeleteComment deletes a comment: one that the user has written, or any, for operations and administrators
// without access groups.
func (c *Center) DeleteComment(ctx context.Context, recording, id string) error {
	return c.call(ctx, http.MethodDelete, c.Path(comments(recording, id)), nil, new(struct{}))
}
