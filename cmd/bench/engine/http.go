package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"recordings/api"
	"recordings/api/auth"
	"recordings/blob"
	"recordings/cmd/bench/corpus"
	"recordings/mapping"
)

// HTTP is the API of the product on the loopback interface, over the index of an [Ours] in the same
// process. Searches are made by the administrator of the contact center, recordings posted by an
// OPS Admin, both with HTTP Basic, over connections that are kept.
type HTTP struct {
	ours   *Ours
	media  *blob.Store
	base   string
	server *http.Server
	served chan error
	client *http.Client
}

const (
	password = "correct horse battery staple"
	recorder = "recorder"
)

// OpenHTTP serves the API. It does not close ours.
func OpenHTTP(ctx context.Context, ours *Ours) (*HTTP, error) {
	hash, err := auth.HashPassword(password)
	if err != nil {
		return nil, err
	}

	users := []auth.User{{Name: recorder, PasswordHash: hash, Role: auth.RoleOps}}
	for _, contactCenter := range ours.o.ContactCenters {
		users = append(users, auth.User{Name: contactCenter, PasswordHash: hash, Role: auth.RoleAdmin,
			ContactCenter: contactCenter})
	}

	media, err := blob.New(ctx, blob.Options{}) // no media is played here
	if err != nil {
		return nil, fmt.Errorf("making the store of media: %w", err)
	}

	handler, err := api.New(api.Options{Index: ours.index, Centers: ours.index, Orphans: ours.index, Health: ours.index,
		Operations: ours.index, Backups: ours.index, Media: media, Users: users, Region: ours.o.Region,
		SearchTimeout: ours.o.Cap, Log: zerolog.Nop()})

	if err != nil {
		return nil, fmt.Errorf("making the API server: %w", err)
	}

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}

	e := &HTTP{
		ours:   ours,
		media:  media,
		base:   "http://" + listener.Addr().String() + "/api/v2",
		server: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute},
		served: make(chan error, 1),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true}},
	}

	go func() { e.served <- e.server.Serve(listener) }()
	return e, nil
}

// Load implements [Engine]: there is one index for both.
func (e *HTTP) Load(context.Context, iter.Seq[corpus.Call]) error { return nil }

// Search implements [Engine].
func (e *HTTP) Search(ctx context.Context, q Query) (Answer, error) {
	values := url.Values{"offset": {strconv.Itoa(q.Offset)}, "limit": {strconv.Itoa(q.Limit)}}
	for name, value := range q.Params {
		values.Set(name, value)
	}
	return capped(ctx, e.ours.o.Cap, func(ctx context.Context) (Answer, error) {
		body, err := e.exchange(ctx, http.MethodGet, "/recordings?"+values.Encode(), q.ContactCenter, nil)
		if err != nil {
			return Answer{}, err
		}
		return Answer{Bytes: len(body), body: body}, nil
	})
}

// Put implements [Engine].
func (e *HTTP) Put(ctx context.Context, c corpus.Call) error {
	data, err := mapping.Encode(c.Recording)
	if err != nil {
		return err
	}
	_, err = e.exchange(ctx, http.MethodPost, "/ops/contact-centers/"+c.ContactCenter+"/recordings", recorder, data)
	return err
}

// exchange makes a request and returns the body of a successful answer.
func (e *HTTP) exchange(ctx context.Context, method, path, user string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, e.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}

	req.SetBasicAuth(user, password)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}

	resp, err := e.client.Do(req)
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

// Facts implements [Engine].
func (e *HTTP) Facts(ctx context.Context) (Facts, error) { return e.ours.Facts(ctx) }

// Close stops the server.
func (e *HTTP) Close() error {
	e.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := e.server.Shutdown(ctx)
	if served := <-e.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	e.media.Close()
	return err
}
