package blob

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/blob/internal/driver"
	"recordings/mapping"
)

// ObjectID names one object of the storages: two descriptors that mean the same have the same one.
type ObjectID struct {
	Place string `json:"place"` // a bucket or an origin, as [Store.Places] has it
	Key   string `json:"key"`   // within it
}

// Object is an object as a storage lists it.
type Object struct {
	ObjectID
	Size    int64     // bytes; -1: not known
	ModTime time.Time // zero: not known
}

// Places are the names of all places that may be contacted.
func (s *Store) Places() []string {
	var all []string
	for _, bucket := range s.buckets {
		all = append(all, bucketName(bucket))
	}
	return append(all, s.origins.Names()...)
}

// bucketName is what a bucket is called among the places.
func bucketName(bucket string) string { return "s3://" + bucket }

// Identify returns which object a descriptor names. It contacts nobody, and has the errors of Check.
func (s *Store) Identify(d mapping.MediaDescriptor) (ObjectID, error) {
	target, err := s.locate(d)
	if err != nil {
		return ObjectID{}, err
	}
	if d.Storage == mapping.StorageS3 {
		return ObjectID{bucketName(d.Bucket()), target.Key}, nil
	}
	return ObjectID{s.origins.NameOf(target.Place), target.Key}, nil
}

// Hashes are those of all descriptors that may name an object (see [mapping.MediaDescriptor.Hash]).
// Whether one of them does, Identify tells.
func (s *Store) Hashes(id ObjectID) []string {
	if bucket, ok := strings.CutPrefix(id.Place, bucketName("")); ok {
		data, err := json.Marshal(map[string]string{"bucket": bucket})
		if err != nil {
			return nil // a text can always be encoded
		}
		d := mapping.MediaDescriptor{Storage: mapping.StorageS3, Path: id.Key, Data: data}
		return []string{d.Hash()}
	}

	var all []string
	for _, path := range s.origins.Paths(id.Place, id.Key) {
		d := mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: path}
		all = append(all, d.Hash())
	}
	return all
}

// place is one of the Places.
func (s *Store) place(name string) (driver.Place, error) {
	for _, bucket := range s.buckets {
		if bucketName(bucket) == name {
			return s.s3.Bucket(bucket), nil
		}
	}
	if p := s.origins.Named(name); p != nil {
		return p, nil
	}
	return nil, driver.Newf(ErrNotConfigured, "there is no place %.60q", name)
}

// List calls fn with all objects of a place, some at a time, in no order. What lies below two origins
// belongs to the one that names more of its path, and is listed there alone.
func (s *Store) List(ctx context.Context, place string, fn func([]Object) error) error {
	p, err := s.place(place)
	if err != nil {
		return err
	}
	lister, ok := p.(driver.Lister)
	if !ok {
		return driver.Newf(ErrRefused, "the objects of %s cannot be listed", place)
	}

	return lister.List(ctx, func(listed []driver.Object) error {
		objects := make([]Object, 0, len(listed))
		for _, o := range listed {
			if s.origins.Owns(p, o.Key) {
				objects = append(objects, Object{ObjectID{place, o.Key}, o.Size, o.ModTime})
			}
		}
		return fn(objects)
	})
}

// Stat asks a storage for an object. [ErrNotFound] means that it is not there.
func (s *Store) Stat(ctx context.Context, id ObjectID) (Object, error) {
	p, err := s.place(id.Place)
	if err != nil {
		return Object{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeouts.Delete)
	defer cancel()
	i, err := p.Stat(ctx, id.Key)
	return Object{id, i.Size, i.ModTime}, err
}

// DeleteObject deletes an object, as Delete does that of a descriptor.
func (s *Store) DeleteObject(ctx context.Context, id ObjectID) error {
	p, err := s.place(id.Place)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeouts.Delete)
	defer cancel()
	target := driver.Target{Place: p, Key: id.Key}
	switch err := p.Delete(ctx, id.Key); {
	case err == nil:
		return verify(ctx, target)
	case errors.Is(err, ErrNotFound):
		return nil
	default:
		return fmt.Errorf("deleting: %w", err)
	}
}
