package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Media is a media file that is played: an [io.ReadSeekCloser] whose bytes come as they are read. It
// may not be used concurrently.
//
// Where the connection breaks, reading goes on where it was, as long as each answer brings something.
// That the media is another one meanwhile is an error, never a mixture.
type Media struct {
	Type string // media type
	Name string // what a file of it is best called; of a download it tells more
	Size int64  // in bytes; negative: the storage does not tell it, and seeking from the end is an error

	ctx    context.Context
	client *Client
	path   string
	query  url.Values
	header http.Header
	known  bool          // an answer was there
	etag   string        // of the first answer; empty: the storage has none
	body   io.ReadCloser // nil: it is opened when something is read
	at     int64         // offset of the next byte that is read
	opened int64         // offset at which body began
}

// apiRoot begins the path of a media file, whatever the service is called.
const apiRoot = "/api/v2/"

// Play opens a media file by its mediaUri, as a recording shows it ([MediaFile.URI]). What is missing,
// or whose storage cannot be reached, is a [*RefusedError]. The audit log calls it a play.
func (c *Center) Play(ctx context.Context, mediaURI string) (*Media, error) {
	return c.media(ctx, mediaURI, false)
}

// Download is Play for a file to be kept, which has a Name. The audit log calls it a download.
func (c *Center) Download(ctx context.Context, mediaURI string) (*Media, error) {
	return c.media(ctx, mediaURI, true)
}

// media opens a media file.
func (c *Center) media(ctx context.Context, mediaURI string, download bool) (*Media, error) {
	u, err := url.Parse(mediaURI)
	if err != nil {
		return nil, fmt.Errorf("the mediaUri %q cannot be read: %w", mediaURI, err)
	}
	_, rest, ok := strings.Cut(u.EscapedPath(), apiRoot)
	if !ok {
		return nil, fmt.Errorf("%q is no mediaUri of the service", mediaURI)
	}

	query := u.Query()
	if download {
		query.Set("download", "1")
	}
	m := &Media{ctx: ctx, client: c.client, path: apiRoot + rest, query: query, header: c.header}
	if err := m.open(); err != nil {
		return nil, err
	}
	return m, nil
}

// open asks for the media from where it is on.
func (m *Media) open() error {
	header := m.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Accept-Encoding", "identity") // a range of what is compressed would be of no use
	if m.at > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", m.at))
		if m.etag != "" && !strings.HasPrefix(m.etag, "W/") { // a weak one is compared below
			header.Set("If-Range", m.etag)
		}
	}

	resp, err := m.client.send(m.ctx, &request{method: http.MethodGet, path: m.path, query: m.query, header: header})
	if err != nil {
		return err
	}
	if err := m.opening(resp); err != nil {
		return errors.Join(err, resp.Body.Close())
	}
	m.body, m.opened = resp.Body, m.at
	return nil
}

// opening reads what an answer says of the media, and makes sure that it is the right part of the same.
func (m *Media) opening(resp *http.Response) error {
	if !m.known {
		m.known = true
		m.Type, m.Size, m.etag = resp.Header.Get("Content-Type"), resp.ContentLength, resp.Header.Get("ETag")
		if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
			m.Name = params["filename"]
		}
		return nil
	}

	etag := resp.Header.Get("ETag")
	if etag != m.etag || m.at > 0 && resp.StatusCode != http.StatusPartialContent {
		return errors.New("the media is not the same any more; play it from the beginning")
	}
	if m.at > 0 {
		begins := "bytes " + strconv.FormatInt(m.at, 10) + "-"
		if got := resp.Header.Get("Content-Range"); !strings.HasPrefix(got, begins) {
			return fmt.Errorf("the service sent the range %q in place of the one from byte %d on", got, m.at)
		}
	}
	return nil
}

// Read implements [io.Reader].
func (m *Media) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}

	for {
		if m.Size >= 0 && m.at >= m.Size {
			return 0, io.EOF
		}
		if m.body == nil {
			if err := m.open(); err != nil {
				return 0, err
			}
		}

		n, err := m.body.Read(p)
		m.at += int64(n)
		switch {
		case n > 0:
			return n, nil
		case err == nil:
			continue
		case errors.Is(err, io.EOF) && (m.Size < 0 || m.at >= m.Size):
			return 0, io.EOF
		case m.at == m.opened, m.ctx.Err() != nil, m.Size < 0:
			return 0, m.client.interrupted(m.ctx, err)
		}
		m.drop()
	}
}

// Seek implements [io.Seeker]. Nothing is asked for before the next byte is read.
func (m *Media) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += m.at
	case io.SeekEnd:
		if m.Size < 0 {
			return m.at, errors.New("nobody knows where the media ends: its storage does not tell its size")
		}
		offset += m.Size
	default:
		return m.at, fmt.Errorf("seeking from %d is not known", whence)
	}

	if offset < 0 {
		return m.at, errors.New("there is nothing in front of the beginning of the media")
	}
	if offset != m.at {
		m.drop()
		m.at = offset
	}
	return offset, nil
}

// drop ends the present answer.
func (m *Media) drop() {
	if m.body != nil {
		m.body.Close()
		m.body = nil
	}
}

// Close ends the playing.
func (m *Media) Close() error {
	m.drop()
	return nil
}
