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
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"recordings/api"
	"recordings/api/auth"
	"recordings/blob"
	"recordings/cmd/bench/corpus"
	"recordings/erase"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/erase/reconcile"
	"recordings/erase/retention"
	"recordings/mapping"
)

// HTTP is the API of the product on the loopback interface, over the index of an [Ours] in the same
// process. Searches are made by the administrator of the contact center, recordings posted by an
// OPS Admin, both with HTTP Basic, over connections that are kept.
type HTTP struct {
	ours   *Ours
	media  *blob.Store
	erases []interface{ Close() } // what deletes recordings, which nobody asks for here
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
			ContactCenters: []string{contactCenter}})
		for _, groups := range corpus.Teams {
			users = append(users, auth.User{
				Name: userOf(contactCenter, groups), PasswordHash: hash, Role: auth.RoleAdmin,
				ContactCenters: []string{contactCenter}, AccessGroups: groups,
			})
		}
	}

	media, err := blob.New(ctx, blob.Options{}) // no media is played here
	if err != nil {
		return nil, fmt.Errorf("making the store of media: %w", err)
	}

	x, eraser := ours.index, erase.New(ours.index, media)
	deletions, err := deletion.Open(ctx, deletion.Options{
		Index: x, Orphans: x, Eraser: eraser, Keeper: jobs.NewFiles(filepath.Join(os.TempDir(), "no-deletions")),
		Region: ours.o.Region, Log: zerolog.Nop(),
	})
	if err != nil {
		return nil, fmt.Errorf("opening deletions: %w", err)
	}

	reconciliations, err := reconcile.Open(ctx, reconcile.Options{
		Index: x, Eraser: eraser, Media: media,
		Keeper: jobs.NewFiles(filepath.Join(os.TempDir(), "no-reconciliations")), Log: zerolog.Nop(),
	})
	if err != nil {
		return nil, fmt.Errorf("opening reconciliations: %w", err)
	}
	policies := retention.Start(retention.Options{Deletions: deletions, Centers: x, Log: zerolog.Nop()})
	handler, err := api.New(api.Options{
		Index: x, Histograms: x, Centers: x, Orphans: x, Marks: x, Labels: x, Searches: x, Health: x,
		Operations: x, Backups: x,
		Eraser: eraser, Deletions: deletions, Retention: policies, Reconciliations: reconciliations,
		Media: media, Users: users, Region: ours.o.Region, SearchTimeout: ours.o.Cap, Log: zerolog.Nop(),
	})
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
		erases: []interface{ Close() }{policies, deletions, reconciliations},
		base:   "http://" + listener.Addr().String() + "/api/v2",
		server: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute},
		served: make(chan error, 1),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true}},
	}

	go func() { e.served <- e.server.Serve(listener) }()
	return e, nil
}

// userOf is the administrator of a contact center, or who sees some access groups there.
func userOf(contactCenter string, groups []string) string {
	return strings.Join(append([]string{contactCenter}, groups...), " ")
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
		user := userOf(q.ContactCenter, q.Groups)
		body, err := e.exchange(ctx, http.MethodGet, "/recordings?"+values.Encode(), user, nil)
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
	for _, x := range e.erases {
		x.Close()
	}
	e.media.Close()
	return err
}
