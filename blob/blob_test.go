package blob_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/mapping"
)

func webDAV(path string) mapping.MediaDescriptor {
	return mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: path}
}

func s3(bucket, path string) mapping.MediaDescriptor {
	return mapping.MediaDescriptor{Storage: mapping.StorageS3, Path: path, Data: []byte(`{"bucket":"` + bucket + `"}`)}
}

func TestNewTellsEverythingThatIsWrong(t *testing.T) {
	for _, test := range []struct {
		o    blob.Options
		want []string
	}{
		{blob.Options{}, nil},
		// without buckets nothing of it is used, and nonsense is still a mistake
		{blob.Options{S3: blob.S3{Endpoint: "nonsense", Checksums: "nonsense"}},
			[]string{"awsS3.endpoint", "awsS3.checksums"}},
		{blob.Options{S3: blob.S3{Buckets: []string{"a"}, Region: "r", AccessKey: "k", SecretKey: "s"}}, nil},
		{
			blob.Options{S3: blob.S3{Buckets: []string{"a", ""}, Endpoint: "ftp://x", Checksums: "sometimes",
				SecretKey: "hush"}},
			[]string{"awsS3.buckets", "awsS3.region", "awsS3.endpoint", "awsS3.checksums", "awsS3.access_key"},
		},
		{blob.Options{S3: blob.S3{Buckets: []string{"a"}, Region: "r", Endpoint: "http://user:hush@host"}},
			[]string{"awsS3.endpoint"}},
		{
			blob.Options{WebDAV: blob.WebDAV{Origins: []blob.Origin{
				{URL: "http://a.example/rec"}, {URL: "HTTP://A.example:80/rec/"}, {URL: "//b.example/"},
				{URL: "http://u:hush@c.example/"},
				{URL: "http://d.example/x?y"}, {URL: "http://e.example/../x"}, {URL: ""}, {URL: "http://127.1/"},
				{URL: "file:///x"},
			}}},
			[]string{"origins[1]", "origins[2]", "origins[3]", "origins[4]", "origins[5]", "origins[6]", "origins[7]",
				"origins[8]"},
		},
		{
			blob.Options{WebDAV: blob.WebDAV{Default: "http://a.example/",
				Origins: []blob.Origin{{URL: "http://a.example/rec/"}}}},
			[]string{"webDAV.default"},
		},
		{blob.Options{WebDAV: blob.WebDAV{Default: "http://a.example/rec/2013",
			Origins: []blob.Origin{{URL: "http://a.example/rec/"}}}}, nil},
	} {
		store, err := blob.New(t.Context(), test.o)
		if (err == nil) != (test.want == nil) {
			t.Errorf("%+v: error %v", test.o, err)
		}

		for _, part := range test.want {
			if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "hush") {
				t.Errorf("error %q, want %q in it", err, part)
			}
		}

		if err == nil {
			store.Close()
		}
	}
}

// TestNotConfigured: operations learn which setting is missing, others nothing.
func TestNotConfigured(t *testing.T) {
	store := blobtest.NewStore(t, blob.Options{
		S3:     blob.S3{Buckets: []string{"calls"}, Region: "us-east-1", AccessKey: "k", SecretKey: "s"},
		WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: "https://dav.example/rec/"}}},
	}, new(blobtest.Observer))

	for _, test := range []struct {
		d    mapping.MediaDescriptor
		kind error
		want string
	}{
		{s3("other", "+14155551234.wav"), blob.ErrNotConfigured, `"other" is none of storage.awsS3.buckets`},
		{s3("", "+14155551234.wav"), blob.ErrInvalid, "bucket"},
		{s3("calls", ""), blob.ErrInvalid, "path"},
		{s3("calls", "../other/+14155551234.wav"), blob.ErrInvalid, "dot segment"},
		{s3("calls", "a/./+14155551234.wav"), blob.ErrInvalid, "dot segment"},
		{s3("Calls", "+14155551234.wav"), blob.ErrNotConfigured, "Calls"},
		{webDAV("http://10.0.0.1:8080/+14155551234.wav"), blob.ErrNotConfigured,
			`storage.webDAV.origins; it is at "http://10.0.0.1:8080"`},
		{webDAV("+14155551234.wav"), blob.ErrNotConfigured, "storage.webDAV.default"},
		{mapping.MediaDescriptor{Storage: "floppy", Path: "+14155551234.wav"}, blob.ErrInvalid, "floppy"},
		{mapping.MediaDescriptor{Storage: mapping.StorageS3, Path: "+14155551234.wav"}, blob.ErrInvalid, "bucket"},
	} {
		_, opening := store.Open(t.Context(), test.d, blob.Want{})
		for _, err := range []error{store.Check(test.d), opening, store.Delete(t.Context(), test.d)} {
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.want) ||
				strings.Contains(err.Error(), "4155551234") {
				t.Errorf("%+v: error %v, want %v, %q", test.d, err, test.kind, test.want)
			}
			if public := blob.PublicMessage(err); public != test.kind.Error() {
				t.Errorf("%+v: everybody learns %q", test.d, public)
			}
		}
	}
}

// TestCredentialsStayAtHome: every origin gets its own credentials, and nobody those of a
// descriptor.
func TestCredentialsStayAtHome(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.Path+" "+r.Header.Get("Authorization"))
		if enc := r.Header.Get("Accept-Encoding"); enc != "identity" {
			t.Errorf("a body encoded as %q is accepted", enc)
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()

	store := blobtest.NewStore(t, blob.Options{WebDAV: blob.WebDAV{Origins: []blob.Origin{
		{URL: server.URL + "/open/"},
		{URL: server.URL + "/rec/", Username: "a", Password: "1"},
		{URL: server.URL + "/rec/deep/", Username: "b", Password: "2"},
	}}}, new(blobtest.Observer))

	for _, path := range []string{"/open/x", "/rec/x", "/rec/deep/x", "/rec/deeper"} {
		d := webDAV(server.URL + path)
		d.Auth = []byte(`{"username":"descriptor","password":"descriptor"}`)
		if _, err := store.Open(t.Context(), d, blob.Want{}); !errors.Is(err, blob.ErrNotFound) {
			t.Error(err)
		}
	}

	want := []string{"/open/x ", "/rec/x Basic YTox", "/rec/deep/x Basic Yjoy", "/rec/deeper Basic YTox"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestNoProxy: what the environment says about proxies (see TestMain) is not for storages.
func TestNoProxy(t *testing.T) {
	store := blobtest.NewStore(t, blob.Options{
		S3: blob.S3{Buckets: []string{"calls"}, Region: "r", Endpoint: "http://s3.invalid", AccessKey: "k",
			SecretKey: "s"},
		WebDAV:   blob.WebDAV{Origins: []blob.Origin{{URL: "http://dav.invalid/"}}},
		Resolver: resolver(t, nil),
	}, new(blobtest.Observer))

	for _, d := range []mapping.MediaDescriptor{s3("calls", "a.wav"), webDAV("http://dav.invalid/a.wav")} {
		if _, err := store.Open(t.Context(), d, blob.Want{}); !errors.Is(err, blob.ErrUnreachable) ||
			strings.Contains(err.Error(), "proxy") {
			t.Errorf("error %v, want ErrUnreachable without a proxy", err)
		}
	}
}

// TestAmbiguousPath: a raw ?, # or % is taken as part of the name, and works; but that such a name
// is not found proves nothing.
func TestAmbiguousPath(t *testing.T) {
	server := blobtest.NewServer(t, blobtest.WebDAV)
	store := blobtest.NewStore(t, blob.Options{WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: server.URL}}}},
		new(blobtest.Observer))
	for _, name := range []string{"call #3.wav", "what?.wav", "100%.wav"} {
		server.Put("/"+name, blobtest.Data(10))
		d := webDAV(server.URL + "/" + name)
		if r, err := store.Open(t.Context(), d, blob.Want{}); err != nil {
			t.Error(err)
		} else {
			r.Close()
		}

		if err := store.Delete(t.Context(), d); err != nil || server.Has("/"+name) {
			t.Errorf("%s was not deleted: %v", name, err)
		}

		if err := store.Delete(t.Context(), d); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%s: error %v, want ErrNotFound", name, err)
		}
	}
}

// TestGoesOnWhereItBroke: a long read over connections that always break comes to its end, and asks
// for the same object each time.
func TestGoesOnWhereItBroke(t *testing.T) {
	data := blobtest.Data(4 << 20)
	const piece = 300 << 10
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Range")+" "+r.Header.Get("If-Match"))
		w.Header().Set("ETag", `"tag"`)
		http.ServeContent(&breaking{w, piece}, r, "", blobtestTime, bytes.NewReader(data))
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()

	store := blobtest.NewStore(t, blob.Options{WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: server.URL}}}},
		new(blobtest.Observer))
	r, err := store.Open(t.Context(), webDAV(server.URL+"/a.wav"), blob.Want{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()

	var got bytes.Buffer
	if n, err := io.Copy(&got, r); err != nil || !bytes.Equal(got.Bytes(), data) {
		t.Fatalf("read %d bytes, error %v", n, err)
	}

	if len(asked) < len(data)/piece || asked[0] != " " {
		t.Errorf("asked for %q", asked)
	}

	for _, a := range asked[1:] {
		if !strings.HasPrefix(a, "bytes=") || !strings.HasSuffix(a, `- "tag"`) {
			t.Errorf("went on with %q", a)
		}
	}
}

// TestChangedUnnoticedByTheServer: a server that knows no If-Match gives the bytes of another
// object. They are not taken.
func TestChangedUnnoticedByTheServer(t *testing.T) {
	for name, validator := range map[string]func(h http.Header, n int){
		"strong tag": func(h http.Header, n int) { h.Set("ETag", fmt.Sprintf(`"%d"`, n)) },
		"weak tag":   func(h http.Header, n int) { h.Set("ETag", fmt.Sprintf(`W/"%d"`, n)) },
		"time": func(h http.Header, n int) {
			h.Set("Last-Modified", blobtestTime.Add(time.Duration(n)*time.Second).Format(http.TimeFormat))
		},
	} {
		var requests atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			validator(w.Header(), int(requests.Add(1)))
			r.Header.Del("If-Match")
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(blobtest.Data(1000)))
		}))

		store := blobtest.NewStore(t, blob.Options{WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: server.URL}}}},
			new(blobtest.Observer))
		r, err := store.Open(t.Context(), webDAV(server.URL+"/a.wav"), blob.Want{Stat: true})
		if err != nil {
			t.Fatal(err)
		}

		if got, err := io.ReadAll(r); !errors.Is(err, blob.ErrChanged) || len(got) > 0 {
			t.Errorf("%s: read %d bytes, error %v, want ErrChanged", name, len(got), err)
		}
		r.Close()
		server.Close()
	}
}

// TestServerWithoutRanges: the one answer is used, by skipping what is not wanted.
func TestServerWithoutRanges(t *testing.T) {
	data := blobtest.Data(1 << 20)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data)
	}))
	defer server.Close()

	wire := new(blobtest.Observer)
	store := blobtest.NewStore(t, blob.Options{WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: server.URL}}}}, wire)
	r, err := store.Open(t.Context(), webDAV(server.URL+"/a.wav"), blob.Want{Range: "bytes=900000-900999"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()

	r.Seek(900_000, io.SeekStart)
	got := make([]byte, 1000)
	if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, data[900_000:901_000]) || wire.Requests() != 1 {
		t.Errorf("wrong bytes, or %d requests instead of 1, or error %v", wire.Requests(), err)
	}
}

// breaking is a response writer that breaks after so many bytes.
type breaking struct {
	http.ResponseWriter
	left int
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.left == 0 {
		http.NewResponseController(b.ResponseWriter).Flush()
		return 0, io.ErrClosedPipe
	}
	p = p[:min(len(p), b.left)]
	b.left -= len(p)
	return b.ResponseWriter.Write(p)
}
