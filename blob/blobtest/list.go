package blobtest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// listed is how many objects a listing has at a time.
const listed = 1000

// list answers a ListObjectsV2 of the bucket in the path. The token of a page is the last key before it.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	prefix := "/" + strings.Trim(r.URL.Path, "/") + "/"
	after := prefix + r.URL.Query().Get("continuation-token")
	s.mu.Lock()
	defer s.mu.Unlock()

	var b bytes.Buffer
	last, n, more := "", 0, false
	for _, path := range slices.Sorted(maps.Keys(s.objects)) {
		key, ok := strings.CutPrefix(path, prefix)
		if !ok || path <= after {
			continue
		}
		if more = n == listed; more {
			break
		}
		o := s.objects[path]
		fmt.Fprintf(&b, "<Contents><Key>%s</Key><LastModified>%s</LastModified><Size>%d</Size></Contents>",
			escape(key), o.modTime.UTC().Format(time.RFC3339), len(o.data))
		last, n = key, n+1
	}

	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprintf(w, "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>%t</IsTruncated>", more)
	if more {
		fmt.Fprintf(w, "<NextContinuationToken>%s</NextContinuationToken>", escape(last))
	}
	_, _ = io.WriteString(w, b.String()+"</ListBucketResult>")
}

// escape writes a text for XML.
func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes everything
	return b.String()
}

// members answers a PROPFIND of a collection with a depth of 1.
func (s *Server) members(w http.ResponseWriter, r *http.Request) {
	dir := strings.TrimSuffix(r.URL.Path, "/") + "/"
	const collection = "<D:resourcetype><D:collection/></D:resourcetype>"
	all := map[string]string{dir: collection} // properties by path
	s.mu.Lock()
	for path, o := range s.objects {
		rest, ok := strings.CutPrefix(path, dir)
		name, _, isDir := strings.Cut(rest, "/")
		switch {
		case !ok:
		case isDir:
			all[dir+name+"/"] = collection
		default:
			all[path] = fmt.Sprintf("<D:resourcetype/><D:getcontentlength>%d</D:getcontentlength>"+
				"<D:getlastmodified>%s</D:getlastmodified>", len(o.data), o.modTime.UTC().Format(http.TimeFormat))
		}
	}
	s.mu.Unlock()

	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(http.StatusMultiStatus)
	_, _ = io.WriteString(w, `<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">`)
	for _, path := range slices.Sorted(maps.Keys(all)) { // the collection itself comes first
		fmt.Fprintf(w, "<D:response><D:href>%s</D:href><D:propstat><D:prop>%s</D:prop><D:status>HTTP/1.1 200 OK"+
			"</D:status></D:propstat></D:response>", escape((&url.URL{Path: path}).EscapedPath()), all[path])
	}
	_, _ = io.WriteString(w, "</D:multistatus>")
}

// Age sets when an object was put.
func (s *Server) Age(path string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[path]
	o.modTime = at
	s.objects[path] = o
}
