package blob

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"recordings/blob/internal/driver"
)

// maxWanted bounds how many ranges of a Range header are looked at. Beyond that the header is no
// help.
const maxWanted = 32

// parseWanted reads a Range header, leniently: what it does not understand it leaves out.
func parseWanted(header string) []driver.Range {
	list, ok := strings.CutPrefix(header, "bytes=")
	if !ok || strings.Count(list, ",") >= maxWanted {
		return nil
	}

	var ranges []driver.Range
	for spec := range strings.SplitSeq(list, ",") {
		if r, ok := driver.ParseRange(spec); ok {
			ranges = append(ranges, r)
		}
	}
	return ranges
}

// open sends the first request of a reader, from which it learns size and validators.
func (r *Reader) open(stat bool) error {
	first := driver.Whole
	if len(r.wanted) > 0 {
		first = r.wanted[0]
	}

	if !stat {
		body, err := r.place.Get(r.ctx, r.key, first, driver.Info{})
		var e *Error
		switch {
		case err == nil:
			return r.begin(body, first)
		case first != driver.Whole && errors.As(err, &e) && e.Status == http.StatusRequestedRangeNotSatisfiable:
			// Nothing lies in that range. The size says what to tell the client.
		default:
			return err
		}
	}

	var err error
	r.info, err = r.place.Stat(r.ctx, r.key)
	return err
}

// begin takes the first body. If its answer did not tell the size, a second request asks for it. A
// size that is not told at all does no harm if the whole was asked for, and comes with its own end.
func (r *Reader) begin(body *driver.Body, asked driver.Range) error {
	r.body, r.info = body, body.Info
	if r.info.Size < 0 {
		info, err := r.place.Stat(r.ctx, r.key)
		var e *Error
		if errors.As(err, &e) && (e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented) {
			info, err = body.Info, nil
		}
		if err != nil {
			return err
		}
		if !info.Same(body.Info) || info.Size < 0 && !body.Framed {
			return errSizeUntold
		}

		r.info = info
		if info.Size < 0 {
			return r.beginUnsized(body)
		}
	}
	return r.use(body, asked)
}

var errSizeUntold = driver.Newf(ErrRefused, "the storage does not tell the size of the media")

// beginUnsized takes the first body of media whose size is not known. A part of it is no use: it
// would not be known what to ask for next.
func (r *Reader) beginUnsized(body *driver.Body) error {
	if body.Start == 0 && body.End < 0 {
		r.at, r.end = 0, -1
		return nil
	}

	r.drop()
	return r.openUnsized()
}

// openUnsized asks for all of the media.
func (r *Reader) openUnsized() error {
	body, err := r.place.Get(r.ctx, r.key, driver.Whole, r.info)
	if err != nil {
		return err
	}

	r.body, r.at, r.end = body, 0, -1
	switch {
	case !body.Framed || body.Start != 0 || body.End >= 0:
		return errSizeUntold
	case !body.Info.Same(r.info):
		return &Error{Kind: ErrChanged}
	}
	return nil
}

// Measure reads through media of unknown size once, so that ranges of it can be read. Media that is not
// shorter than a limit keeps its unknown size, and is read from the beginning.
func (r *Reader) Measure(limit int64) error {
	if r.info.Size >= 0 || r.err != nil || limit == 0 {
		return r.err
	}

	r.pos = 0
	n, err := Copy(io.Discard, io.LimitReader(r, limit))
	if err != nil {
		return err
	}
	r.drop()
	if r.pos = 0; n < limit {
		r.info.Size = n
	}
	return nil
}

// use makes the body the one that is read.
func (r *Reader) use(body *driver.Body, asked driver.Range) error {
	r.body, r.at, r.end = body, body.Start, body.End
	if r.end < 0 {
		r.end = r.info.Size
	}

	r.norange = r.norange || asked != driver.Whole && r.at == 0 && r.end == r.info.Size
	if r.end > r.info.Size {
		return driver.Newf(ErrRefused, "the storage sends bytes beyond the size of the media")
	}
	return nil
}

// position makes the open body the one whose next byte is at pos.
func (r *Reader) position() error {
	far := r.pos > r.at+maxSkip && !r.norange
	if r.body == nil || far || r.pos < r.at || r.pos >= r.end {
		if err := r.reopen(); err != nil {
			return err
		}
	}
	r.sought = false
	return r.skip()
}

// reopen asks the storage for the bytes from pos, of the very object that was opened.
func (r *Reader) reopen() error {
	r.drop()
	asked := driver.Range{First: r.pos, Last: r.last()}
	body, err := r.place.Get(r.ctx, r.key, asked, r.info)
	if err != nil {
		return changed(err)
	}

	r.body = body
	if !body.Info.Same(r.info) {
		return &Error{Kind: ErrChanged}
	}

	if err := r.use(body, asked); err != nil {
		return err
	}

	if r.pos < r.at || r.pos >= r.end {
		return driver.Newf(ErrRefused, "the storage sends other bytes than it was asked for")
	}

	return nil
}

// changed: an object that was there and is not there any more has changed while it was read.
func changed(err error) error {
	var e *Error
	if errors.As(err, &e) && (e.Kind == ErrNotFound || e.Status == http.StatusRequestedRangeNotSatisfiable) {
		gone := *e
		gone.Kind = ErrChanged
		return &gone
	}
	return err
}

// last is the offset of the last byte to ask for: that of the wanted range that a Seek led to, or
// in which reading broke; else that of the object.
func (r *Reader) last() int64 {
	if !r.sought {
		return -1
	}

	for _, w := range r.wanted {
		if w.First < 0 {
			w.First = max(0, r.info.Size+w.First)
		}
		if w.First <= r.pos && r.pos <= w.Last {
			return w.Last
		}
	}
	return -1
}

// skip reads up to pos and forgets it: the storage ignored the range, or the way is short.
func (r *Reader) skip() error {
	n, err := io.CopyN(io.Discard, r.body, r.pos-r.at)
	r.at += n
	return broken(err)
}
