package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"recordings/audit"
	"recordings/erase"
	"recordings/index"
)

// paramAfter is where a page of orphaned media begins: behind the media file with this id.
const paramAfter = "after"

// orphans are the handlers of orphaned media: files whose recording was deleted and which could not
// be deleted themselves. Paths and JSON call them media left behind.
type orphans struct {
	*scope
	list   index.Orphans
	eraser *erase.Eraser
}

// orphansRequest asks for a page of the orphaned media of a contact center.
type orphansRequest struct {
	contactCenter string
	after         string
	limit         int
	path          string // as requested, with scheme and host
}

// orphanView is an orphaned media file, as operations see it.
type orphanView struct {
	index.OrphanedMedia
	StatusCode int `json:"statusCode"`
}

type (
	orphansAnswer struct {
		StatusCode int          `json:"statusCode"`
		Media      []orphanView `json:"media"`
		NextURI    string       `json:"nextUri,omitzero"`
	}
	// retriedAnswer says what became of each media file of the page.
	retriedAnswer struct {
		StatusCode int          `json:"statusCode"`
		Deleted    []string     `json:"deleted"` // ids of what is gone now
		Kept       []string     `json:"kept"`    // ids of what belongs to a recording again, and is taken off the list
		Failed     []orphanView `json:"failed"`  // what stays on the list
		NextURI    string       `json:"nextUri,omitzero"`
	}
)

// decodePage reads which page of the list is asked for.
func (h *orphans) decodePage(r *http.Request) (in orphansRequest, err error) {
	if in.contactCenter, err = h.contactCenter(r); err != nil {
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

	in.limit, in.path = limit, h.base(r)+r.URL.EscapedPath()
	return in, nil
}

// page returns the media files of a page, and the URI of the next one, if there is one.
func (h *orphans) page(ctx context.Context, in orphansRequest) (page []index.OrphanedMedia, next string, err error) {
	page, err = h.list.Orphaned(ctx, in.contactCenter, in.after, in.limit+1)
	if err == nil && len(page) > in.limit {
		page = page[:in.limit]
		after, limit := url.QueryEscape(page[in.limit-1].ID), strconv.Itoa(in.limit)
		next = in.path + "?" + paramAfter + "=" + after + "&" + paramLimit + "=" + limit
	}
	return page, next, err
}

// read answers with a page of the list.
func (h *orphans) read(ctx context.Context, in orphansRequest) (orphansAnswer, error) {
	page, next, err := h.page(ctx, in)
	return orphansAnswer{Media: orphanViews(page), NextURI: next}, err
}

// orphanViews are never null in JSON.
func orphanViews(all []index.OrphanedMedia) []orphanView {
	views := make([]orphanView, 0, len(all))
	for _, o := range all {
		views = append(views, orphanView{OrphanedMedia: o, StatusCode: codeInternal})
	}
	return views
}

// retry tries once more to delete the media files of a page. What any recording names, be it its own
// that was posted again in the meantime, belongs to that recording: it is taken off the list and not
// touched.
func (h *orphans) retry(ctx context.Context, in orphansRequest) (retriedAnswer, error) {
	page, next, err := h.page(ctx, in)
	if err != nil {
		return retriedAnswer{}, err
	}
	again, err := h.eraser.Retry(ctx, in.contactCenter, page)
	if err != nil {
		return retriedAnswer{}, err
	}

	out := retriedAnswer{
		Deleted: append([]string{}, again.Deleted...), Kept: append([]string{}, again.Kept...),
		Failed: orphanViews(again.Failed), NextURI: next,
	}
	t := infoFrom(ctx).trail
	t.Fact("deleted", out.Deleted)
	if len(again.Failed) > 0 {
		out.StatusCode = codePartly
		t.Outcome(audit.Partly)
	}
	return out, nil
}

// decodeForget reads which media file is to be taken off the list.
func (h *orphans) decodeForget(r *http.Request) (key, error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return key{}, err
	}
	return h.key(r)
}

// forget takes a media file off the list without deleting it: operations have seen to it, or it
// names nothing that could be deleted.
func (h *orphans) forget(ctx context.Context, k key) (doneAnswer, error) {
	listed, err := h.list.IsOrphaned(ctx, k.contactCenter, k.id)
	if err == nil && !listed {
		err = errNoOrphan
	}
	if err != nil {
		return doneAnswer{}, err
	}
	return doneAnswer{}, h.list.SettleOrphaned(ctx, k.contactCenter, []string{k.id}, nil)
}
