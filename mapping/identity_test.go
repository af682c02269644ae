package mapping_test

import (
	"testing"

	"recordings/mapping"
)

// TestHash: descriptors that a storage takes for the same media have the same hash, and no others.
func TestHash(t *testing.T) {
	dav := func(path string) *mapping.MediaDescriptor {
		return &mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: path}
	}
	s3 := func(bucket, path string) *mapping.MediaDescriptor {
		data := []byte(`{"bucket":"` + bucket + `"}`)
		return &mapping.MediaDescriptor{Storage: mapping.StorageS3, Path: path, Data: data}
	}
	same := [][]*mapping.MediaDescriptor{
		{dav("/a/b c.wav"), dav("http://h/a/b c.wav"), dav("HTTPS://h:443/a/b%20c.wav"), dav("/%61/b%20c.wav")},
		{dav("a/b c.wav"), dav("a/b%20c.wav"), dav("%61/b c.wav")},
		{dav("/50%.wav"), dav("/50%25.wav")}, {dav("/%2.wav")}, {dav("/ü.wav"), dav("/%c3%BC.wav")},
		{dav("http://nothing")}, {dav("")},
		{s3("b", "a/b c.wav"), s3("b", "a/b c.wav")}, {s3("b", "a/b%20c.wav")}, {s3("c", "a/b c.wav")},
	}
	seen := map[string]int{}
	for i, group := range same {
		for _, d := range group {
			if d.Hash() != group[0].Hash() {
				t.Errorf("%q and %q have different hashes", d.Path, group[0].Path)
			}
		}
		if other, ok := seen[group[0].Hash()]; ok {
			t.Errorf("%q has the hash of %q", group[0].Path, same[other][0].Path)
		}
		seen[group[0].Hash()] = i
	}
}
