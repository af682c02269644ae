package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"recordings/mapping"
)

// bodies reads what is posted.
type bodies struct {
	limit              int64 // bytes
	acceptEmptyHistory bool
	decoding           chan struct{} // its capacity bounds how many recordings are decoded at a time
}

// read reads a whole JSON body.
func (b *bodies) read(r *http.Request) ([]byte, error) {
	if err := checkMediaType(r.Header, jsonType); err != nil {
		return nil, err
	}
	return readWhole(r, b.limit)
}

// decode decodes a posted recording. Not more are decoded at a time than there are processors,
// which bounds the memory that hostile ones can take.
func (b *bodies) decode(ctx context.Context, body []byte) (*mapping.Recording, error) {
	return b.decodeWith(ctx, body, false)
}

// decodeWith is decode, and takes the marks of the recording, too, if it is asked to.
func (b *bodies) decodeWith(ctx context.Context, body []byte, marks bool) (*mapping.Recording, error) {
	select {
	case b.decoding <- struct{}{}:
		defer func() { <-b.decoding }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return mapping.Decode(body, mapping.DecodeOptions{AcceptEmptyHistory: b.acceptEmptyHistory, Marks: marks})
}

// readWhole reads a body of at most so many bytes. Its memory grows with what arrives, not with
// what a client announces.
func readWhole(r *http.Request, limit int64) ([]byte, error) {
	tooLarge := fmt.Errorf("%w; accepted are %d bytes", errBodyTooLarge, limit)
	if r.ContentLength > limit {
		return nil, tooLarge
	}

	var b bytes.Buffer
	b.Grow(int(min(max(r.ContentLength, 0), 64<<10)) + bytes.MinRead)
	_, err := b.ReadFrom(http.MaxBytesReader(nil, r.Body, limit))
	var overfull *http.MaxBytesError
	switch {
	case errors.As(err, &overfull):
		return nil, tooLarge
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, mapping.Problems{{Message: "the body ends before its Content-Length; nothing was stored"}}
	case err != nil: // too slow, or no valid transfer encoding
		return nil, mapping.Problems{{Message: "the body did not arrive as a whole; nothing was stored"}}
	}
	return bytes.TrimPrefix(b.Bytes(), []byte(byteOrderMark)), nil
}

// byteOrderMark is what some programs on Windows put in front of UTF-8. It is no part of the text.
const byteOrderMark = "\ufeff"

// jsonType is the media type of one recording.
const jsonType = "application/json"

// checkMediaType refuses what is not of the one media type, in plain UTF-8. No Content-Type at all
// is taken for it: uploaders leave it out. Some write the charset as utf8.
func checkMediaType(h http.Header, mediaType string) error {
	if e := strings.Join(h.Values("Content-Encoding"), ","); e != "" && !strings.EqualFold(e, "identity") {
		return fmt.Errorf("%w: it has a Content-Encoding; accepted is none", errMediaType)
	}

	values := h.Values("Content-Type")
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil
	}
	t, params, err := mime.ParseMediaType(values[0])
	charset, named := params["charset"]
	otherCharset := named && !strings.EqualFold(strings.ReplaceAll(charset, "-", ""), "utf8")
	if err != nil || len(values) > 1 || t != mediaType || otherCharset {
		return fmt.Errorf("%w; accepted is Content-Type: %s, in UTF-8", errMediaType, mediaType)
	}
	return nil
}

// decodeObject reads a body that is an object with members of these names, and no others. A null
// asks for nothing that is known: what is not wanted is left out. The error says which member is
// wrong, and nothing of its value.
func decodeObject(text []byte, to any, names string) error {
	err := json.Unmarshal(text, to, json.RejectUnknownMembers(true))
	if err == nil {
		return refuseNull(text)
	}

	p := mapping.Problem{Message: "is not a JSON object with no other members than " + names}
	if wrong, ok := errors.AsType[*json.SemanticError](err); ok {
		p.Path = strings.TrimPrefix(string(wrong.JSONPointer), "/")
		switch {
		case errors.Is(err, json.ErrUnknownName):
			p = mapping.Problem{Path: shortName(p.Path), Message: "is not known here; accepted: " + names}
		case p.Path != "":
			p.Message = "is not of the type that is accepted: " + typeName(wrong)
		}
	}
	p.Path = cmp.Or(p.Path, "the body")
	return mapping.Problems{p}
}

// refuseNull refuses an object that has a member which is null, and what is null itself.
func refuseNull(text []byte) error {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return mapping.Problems{{Path: "the body", Message: "is not a JSON object"}}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if members[name].Kind() == 'n' {
			return mapping.Problems{{Path: name, Message: "is null; give a value, or leave it out"}}
		}
	}
	return nil
}

// typeName is what a member should have been, in words.
func typeName(err *json.SemanticError) string {
	if err.GoType == nil {
		return "a string"
	}
	switch kind := err.GoType.Kind(); {
	case kind == reflect.Bool:
		return "true or false"
	case kind == reflect.Uint64 || kind == reflect.Int64 || kind == reflect.Int:
		return "a whole number"
	case kind == reflect.Map:
		return "a JSON object whose members are strings"
	}
	return "a string"
}
