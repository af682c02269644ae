package client

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"

	"recordings/api/archive"
)

// MaxArchived is how many recordings an archive has at most.
const MaxArchived = 1000

// Manifest says what is in an archive of media, and what is not although it was asked for.
type Manifest = archive.Manifest

// CheckArchive reads an archive of so many bytes, and compares everything in it with the SHA-256 that
// its manifest has. The error says what is not as it should be; what the manifest says is lacking
// ([Manifest.Lacking]) is none.
func CheckArchive(r io.ReaderAt, size int64) (*Manifest, error) { return archive.Check(r, size) }

// Archive is the media of many recordings as one ZIP, while the service makes it: an [io.ReadCloser].
// Reading ends with [io.EOF] only if the service has sent all of it. It cannot be resumed.
type Archive struct {
	Name string // what a file of it is best called

	ctx    context.Context
	client *Client
	body   io.ReadCloser
}

// Archive begins to fetch the media of recordings by their ids, at most [MaxArchived]. What is not there,
// or whose storage fails, is told in the manifest. The audit log calls it a download of each.
func (c *Center) Archive(ctx context.Context, ids ...string) (*Archive, error) {
	r, err := posting(c.Path("/media.zip"), map[string][]string{"recordings": ids})
	if err != nil {
		return nil, err
	}
	return c.archive(ctx, r)
}

// ArchiveFound is Archive of all recordings that match. More than [MaxArchived] are a [*RefusedError].
func (c *Center) ArchiveFound(ctx context.Context, q Query) (*Archive, error) {
	r := &request{method: http.MethodGet, path: c.Path("/media.zip"), query: q.values(), header: http.Header{}}
	return c.archive(ctx, r)
}

func (c *Center) archive(ctx context.Context, r *request) (*Archive, error) {
	for name, values := range c.header {
		r.header[name] = values
	}
	r.header.Set("Accept-Encoding", "identity")
	resp, err := c.client.send(ctx, r)
	if err != nil {
		return nil, err
	}

	a := &Archive{ctx: ctx, client: c.client, body: resp.Body}
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		a.Name = params["filename"]
	}
	return a, nil
}

// ArchiveSize is how much an archive would be.
type ArchiveSize struct {
	Recordings int   `json:"recordings"` // that are there
	Missing    int   `json:"missing"`    // that were named, and are not there
	Files      int   `json:"files"`      // of media
	Encrypted  int   `json:"encrypted"`  // of these, that come as they are stored
	Bytes      int64 `json:"bytes"`      // of the files, as far as recorders have told their sizes
	Unsized    int   `json:"unsized"`    // files of which they have not
}

// ArchiveSize says how much [Center.Archive] would fetch. No storage is asked.
func (c *Center) ArchiveSize(ctx context.Context, ids ...string) (ArchiveSize, error) {
	var answer struct {
		Archive ArchiveSize `json:"archive"`
	}
	query := url.Values{"dryRun": {"true"}}
	err := c.Do(ctx, http.MethodPost, "/media.zip", query, map[string][]string{"recordings": ids}, &answer)
	return answer.Archive, err
}

// Read implements [io.Reader].
func (a *Archive) Read(p []byte) (int, error) {
	n, err := a.body.Read(p)
	if err != nil && err != io.EOF {
		err = a.client.interrupted(a.ctx, err)
	}
	return n, err
}

// Close ends the fetching.
func (a *Archive) Close() error { return a.body.Close() }
