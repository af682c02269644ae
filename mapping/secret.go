package mapping

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"
)

// Public is the media file as far as anybody may be shown it: without the parameters that look like
// secrets, at any depth, and without an auth beside the descriptor. The descriptor has a Public of
// its own.
func (m MediaFile) Public() MediaFile {
	if mayHoldSecret(string(m.Parameters)) {
		m.Parameters = withoutSecrets(m.Parameters)
	}

	var shown []member
	all := members(m.Extra)
	for _, x := range all {
		if !isHidden(x.name) {
			shown = append(shown, x)
		}
	}
	if len(shown) < len(all) {
		m.Extra = object(shown)
	}
	return m
}

// isHidden reports whether a member of a media file that this service does not know is shown to
// nobody: it has the name of the descriptor's secrets, or of what the service answers itself.
func isHidden(name string) bool {
	return strings.EqualFold(name, "auth") || slices.Contains([]string{"mediaPath", "playPath", "mediaState"}, name)
}

// secretEnds are the ends of the names of secrets, without separators.
var secretEnds = []string{"auth", "password", "passwd", "secret", "token", "apikey"}

// isSecretName reports whether a name looks like that of a secret: in any letter case, with
// separators or without. Compatibility forms of letters are the letters.
func isSecretName(name string) bool {
	var letters [16]byte // the last ones, from the end of the array on; more than any of secretEnds has
	at := len(letters)
	if mayCompose(name) {
		name = norm.NFKC.String(name)
	}
	for i := len(name) - 1; i >= 0 && at > 0; i-- {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c >= 0x80 {
			at--
			letters[at] = c
		}
	}

	for _, end := range secretEnds {
		if bytes.HasSuffix(letters[at:], []byte(end)) {
			return true
		}
	}
	return false
}

// mayCompose reports whether a text is not ASCII alone.
func mayCompose(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}

// mayHoldSecret reports whether an object may have a member with the name of a secret. It is cheap,
// as most of what is read has none, and says yes where only decoding could tell.
func mayHoldSecret(object string) bool {
	if strings.IndexByte(object, '\\') >= 0 {
		return true
	}

	for rest := object; ; {
		end := strings.Index(rest, `":`)
		if end < 0 {
			return false
		}
		begin := strings.LastIndexByte(rest[:end], '"') + 1
		if isSecretName(rest[begin:end]) {
			return true
		}
		rest = rest[end+1:]
	}
}

// withoutSecrets leaves the members with names of secrets out of a value and all within it. The
// others stay as they are.
func withoutSecrets(v jsontext.Value) jsontext.Value {
	switch v.Kind() {
	case '{':
		var shown []member
		for _, m := range members(v) {
			if !isSecretName(m.name) {
				shown = append(shown, member{m.name, withoutSecrets(m.value)})
			}
		}
		if len(shown) == 0 {
			return jsontext.Value("{}")
		}
		return object(shown)
	case '[':
		return elementsWithoutSecrets(v)
	}
	return v
}

func elementsWithoutSecrets(array jsontext.Value) jsontext.Value {
	d := jsontext.NewDecoder(bytes.NewBuffer(array))
	if _, err := d.ReadToken(); err != nil {
		return jsontext.Value("[]")
	}

	shown := jsontext.Value("[")
	for k := d.PeekKind(); k != ']' && k != jsontext.KindInvalid; k = d.PeekKind() {
		v, err := d.ReadValue()
		if err != nil {
			break
		}
		if len(shown) > 1 {
			shown = append(shown, ',')
		}
		shown = append(shown, withoutSecrets(v)...)
	}
	return append(shown, ']')
}
