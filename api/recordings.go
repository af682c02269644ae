package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"recordings/api/auth"
	"recordings/index"
	"recordings/mapping"
)

// paramSubresources of a DELETE asks for the media to be deleted too.
const paramSubresources = "subresources"

// contactCenter is whose recordings a request is about: for an administrator their own, for operations the one in the path.
func (s *Server) contactCenter(r *http.Request) (string, error) {
	if user := exchangeOf(r).user; user.Role == auth.RoleAdmin {
		return user.ContactCenter, nil
	}
	name, err := pathValue(r, "ccid")
	if err != nil {
		return "", err
	}
	if !auth.ValidContactCenter(name) || !s.o.hasContactCenter(name) {
		return "", errNoContactCenter
	}
	return name, nil
}

// key is the address of one recording.
type key struct{ contactCenter, id string }

func (s *Server) decodeKey(r *http.Request) (k key, err error) {
	if k.contactCenter, err = s.contactCenter(r); err != nil {
		return k, err
	}
	if k.id, err = pathValue(r, "id"); err != nil {
		return k, err
	}
	if !utf8.ValidString(k.id) || strings.ContainsRune(k.id, 0) { // no recording has such an id
		return k, index.ErrNotFound
	}
	return k, nil
}

// readRequest asks for one recording.
type readRequest struct {
	key
	viewer viewer
}

func (s *Server) decodeRead(r *http.Request) (in readRequest, err error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return in, err
	}
	in.key, err = s.decodeKey(r)
	in.viewer = s.viewer(r, in.contactCenter)
	return in, err
}

func (s *Server) read(ctx context.Context, in readRequest) (recordingAnswer, error) {
	if err := s.reserve(ctx, s.memory.read); err != nil {
		return recordingAnswer{}, err
	}
	r, err := s.o.Index.Get(ctx, in.contactCenter, s.o.Region, in.id)
	if err != nil {
		return recordingAnswer{}, err
	}
	return recordingAnswer{Recording: in.viewer.recording(r)}, nil
}

// postRequest is a recording to store.
type postRequest struct {
	contactCenter string
	recording     *mapping.Recording
}

// postedContactCenter is the one to post to: what cannot be its id is told, rather than not found.
func (s *Server) postedContactCenter(r *http.Request) (string, error) {
	if name, err := pathValue(r, "ccid"); err == nil && !auth.ValidContactCenter(name) {
		return "", mapping.Problems{{Path: "the contact center of the path", Message: "is not " + auth.ContactCenterForm}}
	}
	return s.contactCenter(r)
}

func (s *Server) decodePost(r *http.Request) (in postRequest, err error) {
	if in.contactCenter, err = s.postedContactCenter(r); err != nil {
		return in, err
	}
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return in, err
	}
	body, err := s.readBody(r)
	if err != nil {
		return in, err
	}
	in.recording, err = s.decodeBody(r.Context(), body)
	return in, err
}

func (s *Server) post(ctx context.Context, in postRequest) (doneAnswer, error) {
	_, err := s.o.Index.Put(ctx, in.contactCenter, in.recording)
	return doneAnswer{}, err
}

// deleteRequest is a recording to delete.
type deleteRequest struct {
	key
	media bool // delete its media files, too
}

func (s *Server) decodeDelete(r *http.Request) (in deleteRequest, err error) {
	params, problems := parseQuery(r.URL.RawQuery, []string{paramSubresources})
	if len(params) > 0 && params[0].value != "*" {
		problems = append(problems, mapping.Problem{Path: paramSubresources, Message: "is not *, which is the only value that is accepted"})
	}
	if len(problems) > 0 {
		return in, problems
	}
	in.media = len(params) > 0
	in.key, err = s.decodeKey(r)
	return in, err
}

func (s *Server) delete(ctx context.Context, in deleteRequest) (deletedAnswer, error) {
	if in.media {
		return s.deleteWithMedia(ctx, in.key)
	}
	return deletedAnswer{}, s.o.Index.Delete(ctx, in.contactCenter, in.id)
}

// searchRequest asks for a page of the recordings that match.
type searchRequest struct {
	query   index.Query
	explain bool
	pager   pager
	viewer  viewer
}

func (s *Server) decodeSearch(r *http.Request) (in searchRequest, err error) {
	cc, err := s.contactCenter(r)
	if err != nil {
		return in, err
	}
	params, problems := parseQuery(r.URL.RawQuery, slices.Concat(mapping.CriteriaParams, []string{paramOffset, paramLimit, paramTotal, paramExplain}))
	params, offset, wrongOffset := takeNumber(params, paramOffset, 0, maxOffset, 0)
	params, limit, wrongLimit := takeNumber(params, paramLimit, 1, maxLimit, maxLimit)
	params, total, wrongTotal := takeFlag(params, paramTotal)
	params, explain, wrongExplain := takeFlag(params, paramExplain)
	criteria, wrongCriteria := parseCriteria(params)
	problems = slices.Concat(problems, wrongCriteria, wrongOffset, wrongLimit, wrongTotal, wrongExplain)
	if len(problems) == 0 && len(params) == 0 {
		problems = noCriteria()
	}
	if len(problems) > 0 {
		return in, problems
	}
	in.query = index.Query{ContactCenter: cc, Region: s.o.Region, Criteria: criteria, Offset: offset, Limit: limit, Total: total}
	in.explain = explain
	in.viewer = s.viewer(r, cc)
	in.pager = pager{path: in.viewer.base + r.URL.EscapedPath(), criteria: params, offset: offset, limit: limit, total: total}
	return in, nil
}

func parseCriteria(params []param) (mapping.Criteria, mapping.Problems) {
	values := make(map[string]string, len(params))
	for _, p := range params {
		values[p.name] = p.value
	}
	c, err := mapping.ParseCriteria(values)
	var problems mapping.Problems
	if err != nil && !errors.As(err, &problems) {
		problems = mapping.Problems{{Message: err.Error()}}
	}
	return c, problems
}

// search answers with a page. A small one is sent as a whole; a large one while it is made, so that no page holds more
// than a few recordings. What goes wrong before that is an error as of any other request; behind it, the connection
// breaks, so that a part never looks like the whole.
func (s *Server) search(w http.ResponseWriter, r *http.Request) {
	in, err := s.decodeSearch(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}

	page := &pageWriter{streamWriter: newStreamWriter(w)}
	answer, err := s.findPage(r.Context(), in, page)
	if err == nil && page.begun {
		err = page.end(answer)
	}
	switch {
	case err == nil && !page.begun:
		answer.Recordings = page.list
		s.send(w, r, http.StatusOK, answer)
	case err == nil:
	case !page.begun:
		s.fail(w, r, err)
	default:
		exchangeOf(r).err = err
		panic(http.ErrAbortHandler)
	}
}

// findPage gives the recordings of a page to out, and returns what else the answer has.
func (s *Server) findPage(ctx context.Context, in searchRequest, out *pageWriter) (listAnswer, error) {
	if err := s.reserve(ctx, s.memory.page); err != nil {
		return listAnswer{}, err
	}

	limit := time.Now().Add(s.o.SearchTimeout)
	searching, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	page, err := s.o.Index.Search(searching, in.query, index.Sink{Encode: in.viewer.appendElement, Write: out.add})
	if err != nil {
		return listAnswer{}, unlessCounted(err, in.query.Total, paramTotal)
	}

	answer := listAnswer{PrevURI: in.pager.prev()}
	if in.query.Total {
		answer.Total = &page.Total
	}
	if page.More {
		answer.NextURI = in.pager.next()
	}
	if in.explain {
		counting, cancel := context.WithDeadline(ctx, limit.Add(out.waited)) // the client's time is not the search's
		defer cancel()
		if answer.Explain, err = s.explain(counting, in); err != nil {
			return listAnswer{}, err
		}
	}
	return answer, nil
}

// pageWriter writes the recordings of a page: into memory as long as they are few bytes, and then to the client.
type pageWriter struct {
	*streamWriter
	list  jsonList // what was not sent
	begun bool
}

// add is the Write of an [index.Sink].
func (p *pageWriter) add(elements []byte, _ int) error {
	if len(p.list)+len(elements) <= pageBuffer {
		p.list = append(p.list, elements...)
		return nil
	}
	if !p.begun {
		p.begun = true
		head, _, err := listAnswer{}.around()
		if err != nil {
			return err
		}
		setHeader(p.w.Header(), jsonType)
		if err := p.write(head); err != nil {
			return err
		}
		if len(p.list) == 0 {
			return p.write(jsonList(elements).inside())
		}
		p.list = p.list.inside()
	}

	if len(p.list) > 0 {
		if err := p.write(p.list); err != nil {
			return err
		}
		p.list = p.list[:0]
	}
	return p.write(elements)
}

// end sends what stands behind the recordings.
func (p *pageWriter) end(answer listAnswer) error {
	_, tail, err := answer.around()
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	return p.write(append(append(p.list, tail...), '\n'))
}
