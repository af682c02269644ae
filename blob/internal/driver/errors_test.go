package driver_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"

	"recordings/blob/internal/driver"
)

// TestClassify: every error of a storage is of one of the kinds, and the words of the network do
// not carry the path of an object, where recorders put phone numbers.
func TestClassify(t *testing.T) {
	const secret = "+14155551234"
	ended, end := context.WithCancel(t.Context())
	end()

	inURL := func(err error) error { return &url.Error{Op: "Get", URL: "http://dav.example/" + secret, Err: err} }
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		kind error
	}{
		{"refused connection", t.Context(), inURL(refused), driver.ErrUnreachable},
		{"timeout", t.Context(), inURL(os.ErrDeadlineExceeded), driver.ErrTimeout},
		{"deadline of a try", t.Context(), inURL(context.DeadlineExceeded), driver.ErrTimeout},
		{"who asked has left", ended, inURL(context.Canceled), context.Canceled},
		{"classified", t.Context(), fmt.Errorf("asking: %w", driver.Newf(driver.ErrRefused, "no")), driver.ErrRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := driver.Classify(c.ctx, c.err)
			if !errors.Is(err, c.kind) {
				t.Errorf("got %v, want %v", err, c.kind)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error carries the path: %v", err)
			}
		})
	}
}

// TestErrorText: an error says where, what kind, the status, and why, as far as these are known.
func TestErrorText(t *testing.T) {
	for want, err := range map[string]*driver.Error{
		"the media is not in its storage": {Kind: driver.ErrNotFound},
		"bucket calls: the media is not in its storage: status 404: gone": {
			Kind: driver.ErrNotFound, Place: "bucket calls", Status: 404, Err: errors.New("gone")},
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err.Error(), want)
		}
		if !errors.Is(err, err.Kind) {
			t.Errorf("%v is not its own kind", err)
		}
	}
}

// TestStrongETag: only a strong tag is fit for If-Match, and only what has the form of a tag is
// one.
func TestStrongETag(t *testing.T) {
	for tag, want := range map[string]string{`"a"`: `"a"`, `W/"a"`: "", "": ""} {
		if got := (driver.Info{ETag: tag}).StrongETag(); got != want {
			t.Errorf("%q: %q, want %q", tag, got, want)
		}
	}

	for tag, want := range map[string]string{
		`"a"`: `"a"`, `W/"a"`: `W/"a"`, "a": "", `"`: "", "": "", `"a"b"`: "", "\"a\r\nX: y\"": "", `"a b"`: "",
	} {
		if got := driver.ValidETag(tag); got != want {
			t.Errorf("%q: %q, want %q", tag, got, want)
		}
	}
}
