package front

import (
	"crypto/rand"
	"net/http"
	"strings"
)

// RequestIDHeader is the header by which a request and its answer name the request.
const RequestIDHeader = "X-Request-Id"

// The bounds of an id that is taken from a request. The lower one is also why it is no telephone
// number, which has at most 15 digits.
const (
	minRequestID = 16
	maxRequestID = 128
)

// RequestID is the id of a request: the one that its client or a proxy has given it, so that all logs
// on its way have the same, or a new one. What somebody else gave is taken only if it surely is an id,
// since it is logged: 16 to 128 ASCII letters, digits and -._:=/, with a letter among them.
func RequestID(h http.Header) string {
	if given := h[RequestIDHeader]; len(given) == 1 && isRequestID(given[0]) {
		return given[0]
	}
	return rand.Text()
}

// isRequestID reports whether a text is taken for an id; see [RequestID].
func isRequestID(text string) bool {
	if len(text) < minRequestID || len(text) > maxRequestID {
		return false
	}

	letters := 0
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			letters++
		case '0' <= c && c <= '9' || strings.IndexByte("-._:=/", c) >= 0:
		default:
			return false
		}
	}
	return letters > 0
}

// The form of a traceparent, in bytes: version, trace, parent and flags, each in hexadecimal.
const (
	traceEnd       = 2 + 1 + 32
	parentEnd      = traceEnd + 1 + 16
	traceparentLen = parentEnd + 1 + 2
)

// Traceparent is the header of the same name, by which W3C Trace Context says to which trace a request
// belongs; empty if it has none, or one that is not as the standard has it. Of a later version of the
// standard it is the part that this one knows.
func Traceparent(h http.Header) string {
	given := h["Traceparent"]
	if len(given) != 1 || len(given[0]) < traceparentLen {
		return ""
	}

	text := given[0]
	version, trace, parent := text[:2], text[3:traceEnd], text[traceEnd+1:parentEnd]
	longer := len(text) > traceparentLen
	wrong := version == "ff" || longer && (version == "00" || text[traceparentLen] != '-') ||
		text[2] != '-' || text[traceEnd] != '-' || text[parentEnd] != '-' ||
		!isHex(version+trace+parent+text[parentEnd+1:traceparentLen]) ||
		strings.Trim(trace, "0") == "" || strings.Trim(parent, "0") == ""
	if wrong {
		return ""
	}
	return text[:traceparentLen]
}

// isHex reports whether all characters are hexadecimal digits, in lower case as the standard wants.
func isHex(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }
