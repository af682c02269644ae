package service

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/blob"
	"recordings/cmd/recordings/internal/config"
	"recordings/mapping"
)

// Probe is what a place of media said when it was asked.
type Probe struct {
	Place string // a bucket, or a WebDAV origin
	Err   error  // nil: it lets this service in
}

// nowhere is a descriptor of a place that nobody can have used.
func nowhere(place string) mapping.MediaDescriptor {
	name := "recordings-doctor-" + rand.Text()
	if bucket, ok := strings.CutPrefix(place, "s3://"); ok {
		data := jsontext.Value(`{"bucket":` + strconv.Quote(bucket) + `}`)
		return mapping.MediaDescriptor{Storage: mapping.StorageS3, Path: name, Data: data}
	}
	path := strings.TrimSuffix(place, "/") + "/" + name
	return mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: path}
}

// ProbeStorages asks each configured place for an object that nobody can have put there: that it says
// that there is none proves the way to it and the credentials, and nothing of anybody is read.
func ProbeStorages(ctx context.Context, c config.Storage) ([]Probe, error) {
	media, err := openMedia(ctx, c)
	if err != nil {
		return nil, err
	}
	defer media.Close()

	var probes []Probe
	for _, place := range media.Places() {
		id, err := media.Identify(nowhere(place))
		if err == nil {
			_, err = media.Stat(ctx, id)
		}
		if errors.Is(err, blob.ErrNotFound) {
			err = nil
		} else if err == nil {
			err = errors.New("it says that it has a file that it cannot have: it answers whatever it is asked")
		}
		probes = append(probes, Probe{place, err})
	}
	return probes, nil
}
