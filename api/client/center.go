package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// Center is a contact center as a user sees it. Its methods may be called concurrently.
type Center struct {
	client *Client
	root   string      // what its paths begin with
	header http.Header // chooses one of several contact centers of an administrator
}

// Own is the only contact center of an administrator.
func (c *Client) Own() *Center { return &Center{client: c, root: "/api/v2"} }

// Chosen is one of several contact centers of an administrator, by its id.
func (c *Client) Chosen(id string) *Center {
	return &Center{client: c, root: "/api/v2", header: http.Header{"Contactcenterid": {id}}}
}

// Center is a contact center by its id, as operations and recorders see it.
func (c *Client) Center(id string) *Center {
	return &Center{client: c, root: "/api/v2/ops/contact-centers/" + EscapeSegment(id)}
}

// CenterOf is a contact center by its id, for whoever calls: the service is asked for their role. With
// an empty id it is their own.
func (c *Client) CenterOf(ctx context.Context, id string) (*Center, error) {
	if id == "" {
		return c.Own(), nil
	}

	me, err := c.Me(ctx)
	if err != nil {
		return nil, err
	}
	if me.Role == "admin" || me.Role == "auditor" {
		return c.Chosen(id), nil
	}
	return c.Center(id), nil
}

// EscapeSegment writes any text as one segment of a path, such as an id. Dots alone are escaped, too,
// since they would be steps in the tree.
func EscapeSegment(s string) string {
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return url.PathEscape(s)
}

// Path is that of a resource of the contact center, such as "/deletions", for [Client.Open].
func (c *Center) Path(resource string) string { return c.root + resource }

// recording is the path of a recording.
func (c *Center) recording(id string) string { return c.Path("/recordings/" + EscapeSegment(id)) }

// call is [Client.Call] in this contact center.
func (c *Center) call(ctx context.Context, method, path string, query url.Values, answer any) error {
	return c.client.exchange(ctx, &request{method: method, path: path, query: query, header: c.header}, answer)
}

// Do sends a request for what has no method here to a resource of the contact center, such as
// "/recording-label-definitions", with a JSON body or without (nil), and decodes the answer.
func (c *Center) Do(ctx context.Context, method, resource string, query url.Values, body, answer any) error {
	if body == nil {
		return c.call(ctx, method, c.Path(resource), query, answer)
	}

	r, err := posting(c.Path(resource), body)
	if err != nil {
		return err
	}
	r.method, r.query = method, query
	for name, values := range c.header {
		r.header[name] = values
	}
	return c.client.exchange(ctx, r, answer)
}

// Get reads a recording by its id. One that is not there is a [*RefusedError] with [CodeNotFound].
func (c *Center) Get(ctx context.Context, id string) (*Recording, error) {
	var answer struct {
		Recording *Recording `json:"recording"`
	}
	if err := c.call(ctx, http.MethodGet, c.recording(id), nil, &answer); err != nil {
		return nil, err
	}
	return answer.Recording, nil
}

// Deleted is what became of the media of a recording that was deleted.
type Deleted struct {
	Failed []FailedMedia `json:"failed"` // what its storage did not delete, and operations can try again
	Notice []string      `json:"notice"` // such as that other recordings name the same media
}

// FailedMedia is a media file that its storage did not delete.
type FailedMedia struct {
	ID            string `json:"id"`
	StatusCode    int    `json:"statusCode"`
	StatusMessage string `json:"statusMessage"`
}

// Delete deletes a recording, and with media its media files, too. Only operations may.
func (c *Center) Delete(ctx context.Context, id string, media bool) (*Deleted, error) {
	query := url.Values{}
	if media {
		query.Set("subresources", "*")
	}

	deleted := new(Deleted)
	if err := c.call(ctx, http.MethodDelete, c.recording(id), query, deleted); err != nil {
		return nil, err
	}
	return deleted, nil
}

// Post creates a recording, or merges it into the one that has its id. Doing it again is safe. Only
// operations and recorders may. The notice has sentences about what was probably meant otherwise; what is
// wrong is a [*RefusedError] with each [Problem].
func (c *Center) Post(ctx context.Context, r *Recording) (notice []string, err error) {
	var answer struct {
		Notice []string `json:"notice"`
	}
	if err := c.Do(ctx, http.MethodPost, "/recordings", nil, r, &answer); err != nil {
		return nil, err
	}
	return answer.Notice, nil
}
