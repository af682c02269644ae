package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"recordings/api"
	"recordings/blob"
	"recordings/cmd/bench/corpus"
	"recordings/erase"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/erase/reconcile"
	"recordings/erase/retention"
)

// HTTP is the API of the product on the loopback interface, over the index of an [Ours] in the same
// process.
type HTTP struct {
	*Client
	ours   *Ours
	media  *blob.Store
	erases []interface{ Close() } // what deletes recordings, which nobody asks for here
	server *http.Server
	served chan error
}

// OpenHTTP serves the API. It does not close ours.
func OpenHTTP(ctx context.Context, ours *Ours) (*HTTP, error) {
	users, err := usersOf(ours.o.ContactCenters)
	if err != nil {
		return nil, err
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
		Client: newClient(listener.Addr().String(), ours.o.Cap),
		ours:   ours,
		media:  media,
		erases: []interface{ Close() }{policies, deletions, reconciliations},
		server: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute},
		served: make(chan error, 1),
	}

	go func() { e.served <- e.server.Serve(listener) }()
	return e, nil
}

// Load implements [Engine]: there is one index for both.
func (e *HTTP) Load(context.Context, iter.Seq[corpus.Call]) error { return nil }

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
