package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"recordings/mapping"
)

// Found is a page, and the recordings on it.
type Found struct {
	Page
	Recordings []*mapping.Recording
}

// Find collects the page of a Search, for those who want recordings rather than a form of them. Its
// memory grows with the page.
func Find(ctx context.Context, x Index, q Query) (Found, error) {
	var found Found
	sink := Sink{Encode: appendSized, Write: func(b []byte, _ int) (err error) {
		for len(b) > 0 && err == nil {
			var r *mapping.Recording
			if r, b, err = cutSized(b); err == nil {
				found.Recordings = append(found.Recordings, r)
			}
		}
		return err
	}}

	var err error
	if found.Page, err = x.Search(ctx, q, sink); err != nil {
		return Found{}, err
	}
	return found, nil
}

// appendSized appends the size of the form in which a recording is stored, as an unsigned varint, and that form.
func appendSized(b []byte, s *mapping.Stored) ([]byte, error) {
	form, err := s.Form()
	if err != nil {
		return b, err
	}
	return append(binary.AppendUvarint(b, uint64(len(form))), form...), nil
}

// cutSized takes the first recording off what appendSized made.
func cutSized(b []byte) (*mapping.Recording, []byte, error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, errors.New("a recording is cut short")
	}

	end := n + int(size)
	r, err := mapping.DecodeStored(b[n:end])
	if err != nil {
		return nil, nil, fmt.Errorf("decoding a stored recording: %w", err)
	}
	return r, b[end:], nil
}
