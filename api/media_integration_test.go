//go:build integration

package api_test

import (
	"net/url"
	"strings"
	"testing"

	"recordings/api"
	"recordings/blob"
	"recordings/blob/blobtest"
)

// TestOddObjectNamesOnRealServers: whatever an object is called, it is played and deleted, and
// nothing else is.
func TestOddObjectNamesOnRealServers(t *testing.T) {
	apache, versity := blobtest.StartApache(t), blobtest.StartVersity(t)
	s := newServer(t, api.Options{Media: newMedia(t, blob.Options{
		WebDAV: blob.WebDAV{
			Origins: []blob.Origin{{URL: apache.URL, Username: blobtest.User, Password: blobtest.Password}},
		},
		S3: blob.S3{Buckets: []string{blobtest.Bucket}, Region: "us-east-1", Endpoint: versity.URL, PathStyle: true,
			AccessKey: blobtest.User, SecretKey: blobtest.Password},
	})})
	for name, storage := range map[string]struct {
		put        func(testing.TB, string, []byte)
		has        func(testing.TB, string) bool
		descriptor func(name string) map[string]any
	}{
		"webDAV": {apache.Put, apache.Has, func(name string) map[string]any {
			segments := strings.Split(name, "/")
			for i := range segments {
				segments[i] = url.PathEscape(segments[i])
			}
			return map[string]any{"storage": "webDAV", "path": apache.URL + strings.Join(segments, "/")}
		}},
		"awsS3": {versity.Put, versity.Has, func(name string) map[string]any {
			return map[string]any{"storage": "awsS3", "path": name, "data": map[string]any{"bucket": blobtest.Bucket}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			names := blobtest.OddNames()
			for _, object := range names {
				storage.put(t, object, []byte(object))
				rec := exampleRecording(t).(map[string]any)
				rec["id"] = object
				rec["mediaFiles"] = []any{
					map[string]any{
						"callUUID":        "c",
						"startTime":       "2013-05-17T00:00:00Z",
						"stopTime":        "2013-05-17T00:00:01Z",
						"mediaDescriptor": storage.descriptor(object),
					},
				}
				if strings.TrimSpace(object) != object {
					rec["id"] = "spaces" // an id has none around it
				}
				if a := s.do(t, "POST", opsRecordings, "ops", nil, string(encode(t, rec))); a.status != 200 {
					t.Fatalf("POST of %q: %d %s", object, a.status, a.body)
				}
			}
			for i, object := range names {
				id := object
				if strings.TrimSpace(object) != object {
					id = "spaces"
				}
				uri := mediaURIs(t, s, "alice", id)[0]
				if a := s.do(t, "GET", uri, "alice", map[string]string{"Range": "bytes=1-"}, ""); a.status != 206 ||
					a.body != object[1:] {
					t.Errorf("playing %q at %s: %d %.200s", object, uri, a.status, a.body)
				}
				if a := s.do(t, "DELETE", opsRecordings+"/"+url.PathEscape(id)+"?subresources=*", "ops", nil,
					""); a.body != "{\"statusCode\":0}\n" {
					t.Errorf("deleting %q: %s", object, a.body)
				}
				if storage.has(t, object) {
					t.Errorf("%q is still there", object)
				}
				if i+1 < len(names) && !storage.has(t, names[i+1]) {
					t.Fatalf("deleting %q deleted %q", object, names[i+1])
				}
			}
		})
	}
}
