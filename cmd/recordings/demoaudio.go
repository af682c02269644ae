package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"recordings/cmd/recordings/internal/demo"
	"recordings/cmd/recordings/internal/demoaudio"
	"recordings/cmd/recordings/internal/service"
	"recordings/index"
	"recordings/mapping"
)

// audio is the WebDAV server with the media of the demonstration. The service reaches it as it
// would any other.
type audio struct {
	url    string
	files  *demoaudio.Server
	server *http.Server
	served chan error
}

// startAudio starts a server on any free port of this machine. The caller must close it.
func startAudio() (*audio, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the WebDAV server of the demonstration: %w", err)
	}

	url := "http://" + listener.Addr().String() + "/"
	a := &audio{url: url, files: demoaudio.New(), served: make(chan error, 1)}
	a.server = &http.Server{Handler: a.files, ReadHeaderTimeout: service.HeaderTimeout}
	go func() { a.served <- a.server.Serve(listener) }()
	return a, nil
}

// load gives the server the media of all recordings that are stored.
func (a *audio) load(ctx context.Context, ix index.Index) error {
	return ix.Scan(ctx, func(contactCenter string, r *mapping.Recording) error {
		if contactCenter != demo.ContactCenter {
			return nil
		}
		there := *r
		missing := func(m mapping.MediaFile) bool { return demo.Missing(&m) }
		there.MediaFiles = slices.DeleteFunc(slices.Clone(r.MediaFiles), missing)
		a.files.Add(&there)
		return nil
	})
}

// close stops the server, and waits until it has ended. Whoever is still listening is cut off soon.
func (a *audio) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()

	err := a.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = a.server.Close()
	}

	if served := <-a.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
