package blob_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/mapping"
)

// answering is a transport that asks a handler instead of the network.
type answering http.HandlerFunc

// RoundTrip implements [http.RoundTripper].
func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	a(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// answered is a store whose storages answer by a handler.
func answered(f testing.TB, answer http.HandlerFunc) *blob.Store {
	f.Helper()
	store, err := blob.New(f.Context(), blob.Options{
		S3: blob.S3{Buckets: []string{"calls"}, Region: "us-east-1", Endpoint: "http://s3.example", PathStyle: true,
			AccessKey: "k", SecretKey: "s"},
		WebDAV:  blob.WebDAV{Origins: []blob.Origin{{URL: "http://dav.example/"}}},
		Observe: func(http.RoundTripper) http.RoundTripper { return answering(answer) },
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(store.Close)
	return store
}

// secret is in the path of all objects here, and nobody may be told.
const secret = "14155551234.wav"

// known reports whether an error is of one of the kinds, and tells nothing that it must not.
func known(err error) bool {
	var e *blob.Error
	return errors.As(err, &e) && !strings.Contains(err.Error(), secret) &&
		!strings.ContainsFunc(err.Error(), unicode.IsControl)
}

// FuzzRanges: whatever list of ranges is asked for, the media of a storage is answered as bytes in
// memory are.
func FuzzRanges(f *testing.F) {
	data := blobtest.Data(1000)
	modified := time.Unix(1_700_000_000, 0)
	store := answered(f, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "audio/wav")
		http.ServeContent(w, r, "", modified, bytes.NewReader(data))
	})

	for _, header := range []string{
		"", "bytes=0-", "bytes=0-0,-1", "bytes=-0", "bytes=999-", "bytes=1000-", "bytes=5-4", "bytes= 1-2 , 3-4 ",
		"bytes",
		"bytes=-1001", "bytes=9223372036854775807-", "bytes=0-9223372036854775807", "bytes=,", "bytes=1-2,1-2,1-2",
		"bytes=500-600,0-10,-5,,", "lines=1-2", "bytes=a-b", "bytes=--1", "bytes=0-1" + strings.Repeat(",5-6", 40),
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		serve := func(media io.ReadSeeker) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header["Range"] = []string{header}
			w := httptest.NewRecorder()
			w.Header().Set("Content-Type", "audio/wav")
			http.ServeContent(w, r, "", modified, media)
			return w
		}

		reader, err := store.Open(t.Context(), webDAV("http://dav.example/"+secret), blob.Want{Range: header})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()

		got, want := serve(reader), serve(bytes.NewReader(data))
		if reader.Err() != nil {
			t.Fatal(reader.Err())
		}
		gotBody, wantBody := got.Body.String(), want.Body.String()
		if strings.HasPrefix(got.Header().Get("Content-Type"), "multipart/") { // each has a boundary of its own
			gotBody, wantBody = parts(got), parts(want)
		}
		if got.Code != want.Code || gotBody != wantBody ||
			got.Header().Get("Content-Range") != want.Header().Get("Content-Range") {
			t.Errorf("%q: %d and %d bytes, want %d and %d", header, got.Code, len(gotBody), want.Code, len(wantBody))
		}
	})
}

// parts is the body of a multipart answer, without its boundary.
func parts(w *httptest.ResponseRecorder) string {
	_, boundary, _ := strings.Cut(w.Header().Get("Content-Type"), "boundary=")
	return strings.ReplaceAll(w.Body.String(), boundary, "")
}

// FuzzMultistatus: whatever a server says an object is, only what is whole, and says that it is a
// file, leads to a DELETE.
func FuzzMultistatus(f *testing.F) {
	const start, end = `<D:multistatus xmlns:D="DAV:"><D:response><D:href>/x</D:href>`, `</D:response></D:multistatus>`
	prop := func(props string) string {
		return start + `<D:propstat><D:prop>` + props +
			`</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>` + end
	}
	for _, body := range []string{
		prop("<D:resourcetype/><D:getcontentlength>10</D:getcontentlength>"),
		prop("<D:resourcetype><D:collection/></D:resourcetype>"), prop(""),
		start + "<D:status>HTTP/1.1 423 Locked</D:status>" + end, start, "", "<html>", prop("<D:resourcetype/>")[:90],
		prop("<D:getlastmodified>x</D:getlastmodified>"), "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "\xff\xfe<",
	} {
		f.Add(body)
	}

	var body string
	var deleted bool
	store := answered(f, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == "PROPFIND":
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusMultiStatus)
			_, _ = io.WriteString(w, body)
		case r.Method == http.MethodDelete:
			deleted = true
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	f.Fuzz(func(t *testing.T, text string) {
		body, deleted = text, false
		err := store.Delete(t.Context(), webDAV("http://dav.example/"+secret))
		if deleted != (err == nil) || err != nil && !known(err) {
			t.Errorf("deleted %v, error %v", deleted, err)
		}
		if deleted && !whole(text) {
			t.Errorf("deleted after %q", text)
		}
	})
}

// whole reports whether a text is all of an XML document with an element.
func whole(text string) bool {
	elements := 0
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if err != nil {
			return err == io.EOF && elements > 0
		}
		if _, ok := token.(xml.StartElement); ok {
			elements++
		}
	}
}

// FuzzS3Refusal: whatever S3 says when it refuses, the error is of one of the kinds, and only what it
// says itself is archived, or missing, is that.
func FuzzS3Refusal(f *testing.F) {
	for _, body := range []string{
		"<Error><Code>InvalidObjectState</Code></Error>", "<Error><Code>NoSuchKey</Code></Error>",
		"<Error><Code>NoSuchBucket</Code></Error>", "<Error><Code>" + strings.Repeat("x", 100) + "\n</Code></Error>",
		"<Error><Code>A</Code><Message>expecting 'eu-west-3'</Message></Error>", "<Error>", "", "\xff", "<html>",
		"<Error><Code>&#10;</Code></Error>",
	} {
		f.Add(403, body, "eu-central-1")
		f.Add(404, body, "")
	}

	var status int
	var body, region string
	store := answered(f, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X-Amz-Bucket-Region"] = []string{region}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
	d := mapping.MediaDescriptor{Storage: mapping.StorageS3, Path: secret, Data: []byte(`{"bucket":"calls"}`)}
	f.Fuzz(func(t *testing.T, code int, text, where string) {
		status, body, region = 400+(code%100+100)%100, text, where // a 5xx is tried again, which takes time
		_, err := store.Open(t.Context(), d, blob.Want{})
		switch {
		case !known(err):
			t.Errorf("error %v", err)
		case errors.Is(err, blob.ErrArchived) && !strings.Contains(text, "InvalidObjectState"):
			t.Errorf("archived: %v", err)
		case errors.Is(err, blob.ErrNotFound) && status != 404 && status != 410:
			t.Errorf("missing: %v", err)
		}
		if err := store.Delete(t.Context(), d); err == nil && !strings.Contains(text, "NoSuchKey") &&
			!strings.Contains(text, "NoSuchVersion") {
			t.Errorf("deleted, says %q", text)
		}
	})
}
