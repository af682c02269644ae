package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"recordings/api/auth"
	"recordings/cmd/bench/corpus"
	"recordings/mapping"
)

// Client uses the API as clients do. Searches are made by the administrator of the contact center, recordings
// posted by an OPS Admin, both with HTTP Basic, over connections that are kept.
type Client struct {
	base   string
	cap    time.Duration
	client *http.Client
}

const (
	password = "correct horse battery staple"
	recorder = "recorder"
)

// newClient returns a client of who serves at an address. No search takes longer than limit.
func newClient(address string, limit time.Duration) *Client {
	return &Client{
		base:   "http://" + address + "/api/v2",
		cap:    limit,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true}},
	}
}

// usersOf are those who a client says it is.
func usersOf(contactCenters []string) ([]auth.User, error) {
	hash, err := auth.HashPassword(password)
	if err != nil {
		return nil, err
	}

	users := []auth.User{{Name: recorder, PasswordHash: hash, Role: auth.RoleOps}}
	for _, contactCenter := range contactCenters {
		for _, groups := range append([][]string{nil}, corpus.Teams...) {
			users = append(users, auth.User{
				Name: userOf(contactCenter, groups), PasswordHash: hash, Role: auth.RoleAdmin,
				ContactCenters: []string{contactCenter}, AccessGroups: groups,
			})
		}
	}
	return users, nil
}

// userOf is the administrator of a contact center, or who sees some access groups there.
func userOf(contactCenter string, groups []string) string {
	return strings.Join(append([]string{contactCenter}, groups...), " ")
}

// Search implements [Engine].
func (c *Client) Search(ctx context.Context, q Query) (Answer, error) {
	values := url.Values{"offset": {strconv.Itoa(q.Offset)}, "limit": {strconv.Itoa(q.Limit)}}
	for name, value := range q.Params {
		values.Set(name, value)
	}
	return capped(ctx, c.cap, func(ctx context.Context) (Answer, error) {
		user := userOf(q.ContactCenter, q.Groups)
		body, err := c.exchange(ctx, http.MethodGet, "/recordings?"+values.Encode(), user, nil)
		if err != nil {
			return Answer{}, err
		}
		return Answer{Bytes: len(body), body: body}, nil
	})
}

// Put implements [Engine].
func (c *Client) Put(ctx context.Context, k corpus.Call) error {
	data, err := mapping.Encode(k.Recording)
	if err != nil {
		return err
	}
	_, err = c.exchange(ctx, http.MethodPost, "/ops/contact-centers/"+k.ContactCenter+"/recordings", recorder, data)
	return err
}

// exchange makes a request and returns the body of a successful answer.
func (c *Client) exchange(ctx context.Context, method, path, user string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}

	req.SetBasicAuth(user, password)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}

	resp, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}

	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}

	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", method, resp.Status, answer)
	}

	return answer, nil
}
