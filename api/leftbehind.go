package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"recordings/index"
)

// paramAfter is where a page of the media left behind begins: behind the media file with this id.
const paramAfter = "after"

// leftRequest asks for a page of the media left behind in a contact center.
type leftRequest struct {
	contactCenter string
	after         string
	limit         int
	path          string // as requested, with scheme and host
}

// leftView is a media file left behind, as operations see it.
type leftView struct {
	index.OrphanedMedia
	StatusCode int `json:"statusCode"`
}

type (
	leftAnswer struct {
		StatusCode int        `json:"statusCode"`
		Media      []leftView `json:"media"`
		NextURI    string     `json:"nextUri,omitzero"`
	}
	// retriedAnswer says what became of each media file of the page.
	retriedAnswer struct {
		StatusCode int        `json:"statusCode"`
		Deleted    []string   `json:"deleted"` // ids of what is gone now
		Kept       []string   `json:"kept"`    // ids of what belongs to a recording again, and is taken off the list
		Failed     []leftView `json:"failed"`  // what stays on the list
		NextURI    string     `json:"nextUri,omitzero"`
	}
)

func (s *Server) decodeLeft(r *http.Request) (in leftRequest, err error) {
	if in.contactCenter, err = s.contactCenter(r); err != nil {
		return in, err
	}
	params, problems := parseQuery(r.URL.RawQuery, []string{paramAfter, paramLimit})
	params, limit, wrongLimit := takeNumber(params, paramLimit, 1, maxLimit, maxLimit)
	if problems = slices.Concat(problems, wrongLimit); len(problems) > 0 {
		return in, problems
	}
	if len(params) > 0 {
		in.after = params[0].value
	}
	in.limit, in.path = limit, s.base(r)+r.URL.EscapedPath()
	return in, nil
}

// page returns the media files of a page, and the URI of the next one, if there is one.
func (s *Server) leftPage(ctx context.Context, in leftRequest) (page []index.OrphanedMedia, next string, err error) {
	page, err = s.o.Orphans.Orphaned(ctx, in.contactCenter, in.after, in.limit+1)
	if err == nil && len(page) > in.limit {
		page = page[:in.limit]
		next = in.path + "?" + paramAfter + "=" + url.QueryEscape(page[in.limit-1].ID) + "&" + paramLimit + "=" + strconv.Itoa(in.limit)
	}
	return page, next, err
}

func (s *Server) listLeft(ctx context.Context, in leftRequest) (leftAnswer, error) {
	page, next, err := s.leftPage(ctx, in)
	return leftAnswer{Media: leftViews(page), NextURI: next}, err
}

func leftViews(all []index.OrphanedMedia) []leftView {
	views := make([]leftView, 0, len(all))
	for _, l := range all {
		views = append(views, leftView{OrphanedMedia: l, StatusCode: codeInternal})
	}
	return views
}

// retryLeft tries once more to delete the media files of a page. What its recording has been posted again with in the
// meantime belongs to that recording: it is taken off the list and not touched. Whether another recording names the same
// media is not known, as it is not when a recording is deleted with its media.
func (s *Server) retryLeft(ctx context.Context, in leftRequest) (retriedAnswer, error) {
	ctx, cancel := finish(ctx)
	defer cancel()
	page, next, err := s.leftPage(ctx, in)
	if err != nil {
		return retriedAnswer{}, err
	}
	out := retriedAnswer{Deleted: []string{}, Kept: []string{}, NextURI: next}
	var retry []index.OrphanedMedia
	for _, l := range page {
		used, err := s.inUse(ctx, in.contactCenter, l)
		if err != nil {
			return retriedAnswer{}, err
		}
		if used {
			out.Kept = append(out.Kept, l.ID)
		} else {
			retry = append(retry, l)
		}
	}
	left, err := s.deleteMedia(ctx, retry)
	if err != nil {
		return retriedAnswer{}, err
	}
	for _, l := range retry {
		if !slices.ContainsFunc(left, func(x index.OrphanedMedia) bool { return x.ID == l.ID }) {
			out.Deleted = append(out.Deleted, l.ID)
		}
	}
	if out.Failed = leftViews(left); len(left) > 0 {
		out.StatusCode = codePartly
	}
	return out, s.o.Orphans.SettleOrphaned(ctx, in.contactCenter, slices.Concat(out.Deleted, out.Kept), left)
}

// inUse tells whether a media file belongs to a stored recording: its recording was posted again.
func (s *Server) inUse(ctx context.Context, contactCenter string, l index.OrphanedMedia) (bool, error) {
	rec, err := s.o.Index.Get(ctx, contactCenter, index.AnyRegion, l.RecordingID)
	if errors.Is(err, index.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for i := range rec.MediaFiles {
		if rec.MediaFiles[i].Descriptor.UUID(contactCenter, rec.ID) == l.ID {
			return true, nil
		}
	}
	return false, nil
}

// decodeForget reads which media file is to be taken off the list.
func (s *Server) decodeForget(r *http.Request) (key, error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return key{}, err
	}
	return s.decodeKey(r)
}

// forgetLeft takes a media file off the list without deleting it: operations have seen to it, or it names nothing that could
// be deleted.
func (s *Server) forgetLeft(ctx context.Context, k key) (doneAnswer, error) {
	return doneAnswer{}, s.o.Orphans.SettleOrphaned(ctx, k.contactCenter, []string{k.id}, nil)
}
