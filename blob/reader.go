package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"recordings/blob/internal/driver"
	"recordings/mapping"
)

// Want says what of the media the caller is about to read first, so that the one request of
// [Store.Open] asks the storage for just that. It only saves time: whatever it says, every byte can
// be read.
type Want struct {
	Stat  bool   // size and validators: to answer a HEAD, or a GET that is probably answered by 304
	Range string // the value of an HTTP Range header; empty: everything
}

// Open begins to read the media of a descriptor: it sends one request, and returns when the storage
// has answered it. All reads are bound to ctx; the Reader must be closed.
func (s *Store) Open(ctx context.Context, d mapping.MediaDescriptor, want Want) (*Reader, error) {
	target, err := s.locate(d)
	if err != nil {
		return nil, err
	}

	r := &Reader{ctx: ctx, place: target.Place, key: target.Key, wanted: parseWanted(want.Range)}
	if err := r.open(want.Stat); err != nil {
		r.Close()
		return nil, fmt.Errorf("opening: %w", err)
	}
	return r, nil
}

// Reader reads the bytes of one media object. It is an [io.ReadSeeker], so that http.ServeContent
// can serve ranges of it: Seek costs nothing, and a Read at another position than before asks the
// storage for the bytes from there.
//
// Bytes are never invented or left out: Read returns io.EOF only behind the last byte that the
// storage promised, or, where it tells no size, at the end of a body that has one. After any other
// error, [Reader.Err] returns it, and all further reads. A Reader is for one goroutine at a time.
type Reader struct {
	ctx    context.Context
	place  driver.Place
	key    string
	info   driver.Info
	wanted []driver.Range // what the caller said it would read

	pos      int64        // where the next Read begins
	body     *driver.Body // what is being read from the storage; nil: nothing
	at, end  int64        // the part of the object that body has yet to give
	sought   bool         // pos was set by Seek since the last Read
	norange  bool         // the storage ignores ranges: going forward is done by reading
	setbacks int          // how often reading broke
	healthy  int64        // bytes read since it last broke
	err      error
}

const (
	// maxSetbacks is how often in a row a read may break before it is given up.
	maxSetbacks = 3
	// recovery is how many bytes make up for the setbacks before: a storage that gives one byte per
	// connection is given up.
	recovery = 256 << 10
	// maxSkip is how many bytes are rather read than asked for anew, when a reader is sought
	// forward.
	maxSkip = 32 << 10
)

var errClosed = errors.New("the reader is closed")

// Size is the size of the media in bytes, -1 if the storage does not tell. Then Seek knows no end, and
// [Reader.Measure] may find it out.
func (r *Reader) Size() int64 { return r.info.Size }

// ModTime is when the media was last modified, zero if the storage does not tell.
func (r *Reader) ModTime() time.Time { return r.info.ModTime }

// ETag is the entity tag of the media, with its quotes, empty if the storage does not tell.
func (r *Reader) ETag() string { return r.info.ETag }

// Err is the error that broke the reader, nil if there was none. Whoever hands the reader to
// something that swallows errors of reads (http.ServeContent does) must look here, and break the
// connection to its client.
func (r *Reader) Err() error {
	if r.err == errClosed {
		return nil
	}
	return r.err
}

// Close ends the request to the storage. A body that was not read to its end is not read any
// further.
func (r *Reader) Close() error {
	r.drop()
	if r.err == nil {
		r.err = errClosed
	}
	return nil
}

// Seek sets where the next Read begins. It sends nothing to the storage.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		if r.info.Size < 0 {
			return 0, fmt.Errorf("seeking: %w", errSizeUntold)
		}
		offset += r.info.Size
	default:
		return 0, fmt.Errorf("seeking: whence %d is not valid", whence)
	}

	if offset < 0 {
		return 0, fmt.Errorf("seeking: offset %d is before the beginning", offset)
	}

	r.sought = r.sought || offset != r.pos
	r.pos = offset
	return offset, nil
}

// Read implements [io.Reader].
func (r *Reader) Read(p []byte) (int, error) {
	for r.err == nil {
		if r.info.Size < 0 {
			return r.readUnsized(p)
		}
		if r.pos >= r.info.Size {
			return 0, io.EOF
		}
		if len(p) == 0 {
			return 0, nil
		}

		n, err := r.read(p)
		r.pos += int64(n)
		if r.healthy += int64(n); r.healthy >= recovery {
			r.setbacks = 0
		}

		if err != nil {
			r.setback(err)
		}
		if n > 0 {
			return n, nil
		}
	}

	return 0, r.err
}

// read reads some bytes at pos, from the body that is open or from a new one. It withholds the last
// bytes of a body until the body has ended well, because that is when checksums are compared.
func (r *Reader) read(p []byte) (int, error) {
	if err := r.position(); err != nil {
		return 0, err
	}

	n, err := r.body.Read(p[:min(int64(len(p)), r.end-r.at)])
	r.at += int64(n)
	if r.at == r.end {
		if err := r.finish(err); err != nil {
			return 0, err
		}
		return n, nil
	}
	return n, broken(err)
}

// readUnsized reads media whose size is not known, from its beginning. It does not go on where it
// broke: that the rest is of the same media could not be told by its size.
func (r *Reader) readUnsized(p []byte) (int, error) {
	if r.body == nil || r.pos < r.at {
		r.drop()
		if err := r.openUnsized(); err != nil {
			return 0, r.giveUp(err)
		}
	}
	if err := r.skip(); err != nil {
		return 0, r.giveUp(err)
	}

	n, err := r.body.Read(p)
	r.at += int64(n)
	r.pos = r.at
	if err != nil && err != io.EOF {
		err = r.giveUp(broken(err))
	}
	return n, err
}

// finish makes sure that a body whose bytes have all been read ends there.
func (r *Reader) finish(err error) error {
	n := 0
	if err == nil {
		var one [1]byte
		n, err = io.ReadFull(r.body, one[:])
	}

	r.drop()
	switch {
	case n > 0:
		return driver.Newf(ErrRefused, "the storage sent more bytes than it said")
	case err == io.EOF:
		return nil
	}
	return broken(err)
}

// broken says what an error of a body means. The transport below the drivers makes all its errors
// known ones; others come from a check of the driver's library, such as that of a checksum.
func broken(err error) error {
	var known *Error
	switch {
	case err == nil, errors.As(err, &known), errors.Is(err, context.Canceled):
		return err
	case err == io.EOF:
		return &Error{Kind: ErrUnreachable, Err: io.ErrUnexpectedEOF}
	}
	return &Error{Kind: ErrRefused, Err: err}
}

// setback decides whether reading goes on after it broke. The wait is short: somebody is listening.
func (r *Reader) setback(err error) {
	r.drop()
	err = driver.Classify(r.ctx, err)
	r.setbacks++
	r.healthy, r.sought = 0, true
	if !driver.Temporary(err) || r.setbacks > maxSetbacks {
		_ = r.giveUp(err)
		return
	}

	select {
	case <-time.After(time.Duration(r.setbacks-1) * 100 * time.Millisecond):
	case <-r.ctx.Done():
		_ = r.giveUp(r.ctx.Err())
	}
}

// giveUp makes an error the one that broke the reader, and returns it.
func (r *Reader) giveUp(err error) error {
	r.drop()
	r.err = fmt.Errorf("reading: %w", driver.Classify(r.ctx, err))
	return r.err
}

func (r *Reader) drop() {
	if r.body != nil {
		r.body.Close()
		r.body = nil
	}
}
