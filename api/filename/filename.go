// Package filename makes names for files that people download: safe on every file system, and telling
// what is in the file.
//
// What a name is made of was sent by others, and ends up on machines that nobody here knows: a slash, a
// name that Windows keeps for a device, or a character that turns the direction of the text around
// (so that what reads exe.wav is run) must not get there. What cannot stand in a name is replaced, and
// a name is never longer than encrypted file systems take.
package filename

import (
	"fmt"
	"mime"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The longest parts of a name, in bytes. All together, with a time and an extension, are below the
// 143 that the strictest file system in use takes (eCryptfs; others take 255).
const (
	longestCaller = 32
	longestAgent  = 64
	longestOther  = 100
)

// Call is what the name of a media file tells.
type Call struct {
	Start  time.Time
	Caller string // phone number
	Agent  string // empty: there was none
	Number int    // of the file among those of the call, from 1; 0: it is the only one
}

// Of is the name of a media file of a call. It begins with the time, so that a folder of them is in
// the order of the calls, and no name is one that Windows keeps for devices.
func Of(c Call, extension string) string {
	parts := []string{c.Start.UTC().Format("2006-01-02T15-04-05Z")}
	for _, part := range []string{clean(c.Caller, longestCaller), clean(c.Agent, longestAgent)} {
		if part != "" {
			parts = append(parts, part)
		}
	}

	if c.Number > 0 {
		parts = append(parts, fmt.Sprintf("(%d)", c.Number))
	}
	return strings.Join(parts, " ") + extension
}

// Numbered is a name of the number-th call among many, from 1: in a folder of them they have the order of
// their numbers, and no two of different calls are one, whatever a file system takes for the same.
func Numbered(number int, name string) string { return fmt.Sprintf("%04d %s", number, name) }

// OfID is the name of the number-th media file of a recording with this id.
func OfID(id string, number int, extension string) string {
	name := fmt.Sprintf("%s-%d", clean(id, longestOther), number)
	if device(name) || strings.HasPrefix(name, "-") { // to a shell the latter is an option
		name = "_" + name
	}
	return name + extension
}

// clean makes a part of a name: one line of visible text, at most so many bytes of it.
func clean(s string, longest int) string {
	s = norm.NFC.String(strings.Map(safe, strings.ToValidUTF8(s, "_")))
	s = trim(strings.Join(strings.Fields(s), " "))
	if len(s) > longest {
		for longest > 0 && !utf8.RuneStart(s[longest]) {
			longest--
		}
		s = trim(s[:longest])
	}
	return s
}

// trim cuts off what must not be at the end of a name on Windows, or is hidden at its beginning
// elsewhere, and what joins a letter to one that is not there.
func trim(s string) string { return strings.Trim(s, " .\u200c\u200d") }

// safe is what stands for a character, -1 for none.
func safe(c rune) rune {
	switch {
	case c == '\u200c' || c == '\u200d': // without these, Persian and Hindi are other words
		return c
	case unicode.Is(unicode.Cf, c): // marks of direction among them
		return -1
	case unicode.IsSpace(c):
		return ' '
	case strings.ContainsRune(`<>:"/\|?*%`, c) || !unicode.IsGraphic(c): // % as some browsers unescape names
		return '_'
	}
	return c
}

// device reports whether Windows keeps a name for a device, whatever its extension.
func device(name string) bool {
	base, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch base = strings.TrimRight(base, " "); base {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	stem := strings.TrimRight(base, "0123456789¹²³")
	return (stem == "COM" || stem == "LPT") && base != stem
}

// extensions are those that a downloaded file may have: of sound and pictures that move, and of what
// lies beside them. None of them is run by opening the file.
var extensions = func() map[string]bool {
	const all = `3gp 7z aac aif aiff alaw amr au avi bin caf csv dat enc flac flv g711 g722 g729 gsm gz jpeg jpg ` +
		`json log m4a m4v mka mkv mov mp3 mp4 mpeg mpg ndjson nmf oga ogg ogv opus p7m pcap pcm png raw ` +
		`spx srt tar ts txt ulaw vox vtt wav weba webm webp wma wmv zip zst `
	known := map[string]bool{}
	for e := range strings.FieldsSeq(all) {
		known["."+e] = true
	}
	return known
}()

// Extension is the extension of a name, if a file may be downloaded with it; else that of the media
// type, else .bin. A browser, or the desktop, would run the file by some others.
func Extension(name, mediaType string) string {
	if e := path.Ext(name); extensions[strings.ToLower(e)] {
		return e
	}
	subtype, _, _ := strings.Cut(mediaType, ";")
	_, subtype, _ = strings.Cut(subtype, "/")
	if subtype == "mpeg" && strings.HasPrefix(mediaType, "audio/") {
		return ".mp3"
	}
	if e := "." + subtype; extensions[e] {
		return e
	}
	return ".bin"
}

// Disposition is the value of a Content-Disposition header, of kind inline or attachment. A name that
// is not ASCII is told twice: there are clients that do not know the newer form.
func Disposition(kind, name string) string {
	ascii := strings.Map(func(c rune) rune {
		if c >= utf8.RuneSelf {
			return '_'
		}
		return c
	}, name)

	header := mime.FormatMediaType(kind, map[string]string{"filename": ascii})
	if ascii != name {
		extended := mime.FormatMediaType(kind, map[string]string{"filename": name})
		header += strings.TrimPrefix(extended, kind)
	}
	return header
}
