// Package blob reads and deletes the media of recordings, in Amazon S3 and on WebDAV servers.
//
// A [mapping.MediaDescriptor] was posted by a client and is not to be trusted: it may name any
// host. [Store] decides which storage may be contacted, and holds everything that is the same for
// every storage; the drivers behind it (blob/s3, blob/webdav) only speak a protocol.
//
// The rules:
//   - Only the configured buckets and WebDAV origins are contacted, with their own credentials. What a descriptor says
//     in its auth is not used at all. No redirect is followed, no proxy is used, and an address is judged
//     once more when the connection is made.
//   - A [Reader] gives the bytes of one state of the object, or an error. A read that breaks or stalls goes on where it
//     was, if the object is still the same; it never ends early as if it were complete.
//   - Deleted is what the storage confirmed, and what is not found afterwards. What was gone before
//     counts as deleted, if the storage says clearly that it is not there.
package blob

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"recordings/blob/internal/driver"
	"recordings/blob/internal/wire"
	"recordings/blob/s3"
	"recordings/blob/storage"
	"recordings/blob/webdav"
	"recordings/mapping"
)

// Options are the storages that may be contacted. The zero value allows none.
type Options struct {
	S3       S3
	WebDAV   WebDAV
	Timeouts Timeouts

	// Resolver looks up host names; nil is the system's.
	Resolver *net.Resolver
	// Observe wraps what sends the requests, so that what really goes over the wire can be counted;
	// nil observes nothing.
	Observe func(http.RoundTripper) http.RoundTripper
}

// The settings of the storages.
type (
	S3           = storage.S3
	BucketRegion = storage.BucketRegion
	WebDAV       = storage.WebDAV
	Origin       = storage.Origin
)

// Timeouts bound how long a storage may be silent. Zero values take the defaults.
type Timeouts struct {
	Connect time.Duration // to connect; default 10 s, which survives three lost SYNs
	Answer  time.Duration // until the header of an answer is there; default 20 s
	Stall   time.Duration // between bytes of a body; default 10 s
	Delete  time.Duration // all that belongs to one delete; default 60 s
}

func (t Timeouts) withDefaults() Timeouts {
	set := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}

	set(&t.Connect, 10*time.Second)
	set(&t.Answer, 20*time.Second)
	set(&t.Stall, 10*time.Second)
	set(&t.Delete, 60*time.Second)
	return t
}

// Store reads and deletes media. Its methods may be called concurrently.
type Store struct {
	s3       *s3.Client // nil: no buckets
	buckets  []string
	origins  *webdav.Origins
	timeouts Timeouts
}

// New makes a store of options, or returns all that is wrong with them. It contacts nobody.
func New(ctx context.Context, o Options) (*Store, error) {
	if err := storage.Problems(o.S3, o.WebDAV).Err(); err != nil {
		return nil, err
	}

	s := &Store{buckets: slices.Clone(o.S3.Buckets), timeouts: o.Timeouts.withDefaults()}
	limits := wire.Timeouts{Connect: s.timeouts.Connect, Answer: s.timeouts.Answer, Stall: s.timeouts.Stall}
	var err error
	if len(s.buckets) > 0 {
		account := s3.Options{S3: o.S3, Timeouts: limits, Resolver: o.Resolver, Observe: o.Observe}
		if s.s3, err = s3.New(ctx, account); err != nil {
			return nil, err
		}
	}

	places := webdav.Options{WebDAV: o.WebDAV, Timeouts: limits, Resolver: o.Resolver, Observe: o.Observe}
	if s.origins, err = webdav.New(places); err != nil {
		return nil, err
	}
	return s, nil
}

// Close closes the connections that nothing uses. Readers that are open go on.
func (s *Store) Close() {
	if s.s3 != nil {
		s.s3.Close()
	}
	s.origins.Close()
}

// Check reports whether the media of a descriptor may be contacted, without contacting anybody: nil,
// [ErrNotConfigured], or [ErrInvalid] where no configuration could make it so.
func (s *Store) Check(d mapping.MediaDescriptor) error {
	_, err := s.locate(d)
	return err
}

// locate finds the object of a descriptor among what is configured.
func (s *Store) locate(d mapping.MediaDescriptor) (driver.Target, error) {
	switch d.Storage {
	case mapping.StorageWebDAV:
		return s.origins.Locate(d.Path)
	case mapping.StorageS3:
		return s.locateS3(d)
	}
	return driver.Target{}, driver.Newf(driver.ErrInvalid, "there is no storage %.40q", d.Storage)
}

func (s *Store) locateS3(d mapping.MediaDescriptor) (driver.Target, error) {
	bucket := d.Bucket()
	if bucket == "" || d.Path == "" {
		return driver.Target{}, driver.Newf(driver.ErrInvalid, "the bucket or the path is missing")
	}
	for segment := range strings.SplitSeq(d.Path, "/") {
		if segment == "." || segment == ".." { // where the bucket is in the path, these may lead to another one
			return driver.Target{}, driver.Newf(driver.ErrInvalid, "the path has a dot segment")
		}
	}

	if !slices.Contains(s.buckets, bucket) {
		return driver.Target{}, driver.Newf(driver.ErrNotConfigured, "%q is none of storage.awsS3.buckets", bucket)
	}
	return driver.Target{Place: s.s3.Bucket(bucket), Key: d.Path}, nil
}

// Delete deletes the media of a descriptor from its storage. It returns nil only if the storage
// confirmed that the object is gone, by this delete or before. After an error it is not known
// whether it is gone; trying again is always safe.
func (s *Store) Delete(ctx context.Context, d mapping.MediaDescriptor) error {
	target, err := s.locate(d)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithTimeout(ctx, s.timeouts.Delete)
	defer cancel()
	switch err := target.Place.Delete(ctx, target.Key); {
	case err == nil:
		return verify(ctx, target)
	case !errors.Is(err, ErrNotFound):
		return fmt.Errorf("deleting: %w", err)
	case target.Ambiguous:
		return fmt.Errorf("deleting: the path has a raw ?, # or %%, so this does not prove that the media is gone: %w",
			err)
	}

	return nil
}

// verify looks whether an object that the storage says it deleted is really not there. A storage
// that forbids the question is taken at its word: Amazon forbids it if the credentials may not list
// the bucket, and the object is missing.
func verify(ctx context.Context, target driver.Target) error {
	_, err := target.Place.Stat(ctx, target.Key)
	var e *Error
	switch {
	case err == nil:
		return fmt.Errorf("deleting: %w",
			driver.Newf(ErrRefused, "the storage says that it deleted the media, which is still there"))
	case errors.Is(err, ErrNotFound):
		return nil
	case errors.As(err, &e) && (e.Status == http.StatusForbidden || e.Status == http.StatusMethodNotAllowed):
		return nil
	}
	return fmt.Errorf("making sure that the media was deleted: %w", err)
}
