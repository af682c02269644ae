// Package address reads the addresses of WebDAV resources, those that are configured and those that
// recorders post.
//
// A reader lacks one fact: what an address means has to be the same for everybody on its way, this
// service, a proxy and the server. Where two of them could read it differently it is refused.
package address

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Address is a webDAV URL, taken apart and unescaped.
//
// Recorders are sloppy, so a path may hold raw spaces and non-ASCII text, and the characters ?, #
// and % where they begin no escape: all of these stand for themselves (a WebDAV resource has
// neither query nor fragment). What could lead out of the configured prefix, for this server or for
// one that unescapes once too often, is refused instead of cleaned.
type Address struct {
	Scheme string // http or https
	Host   string // lower-case name, or address in its canonical form
	Port   string // always there
	Path   string // unescaped, begins with a slash
	// Guessed: the path has a raw ?, # or %, which another reader may take in another way. That no
	// object is found under such a path does not prove that it is gone.
	Guessed bool
}

// defaultPorts are those that a URL does not mention.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// Authority is host and port, as they go into a URL.
func (a Address) Authority() string {
	s := net.JoinHostPort(a.Host, a.Port)
	if a.Port == defaultPorts[a.Scheme] {
		s = strings.TrimSuffix(s, ":"+a.Port)
	}
	return s
}

// Origin is scheme, host and port, as they go into a URL.
func (a Address) Origin() string { return a.Scheme + "://" + a.Authority() }

// URL is the address to request.
func (a Address) URL() *url.URL {
	return &url.URL{Scheme: a.Scheme, Host: a.Authority(), Path: a.Path, RawPath: Escape(a.Path)}
}

// Below reports whether the address is a prefix, or lies below it.
func (a Address) Below(prefix Address) bool {
	return a.Origin() == prefix.Origin() && strings.HasPrefix(a.Path, prefix.Path)
}

// Escape escapes the segments of a path.
func Escape(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}

// Parse takes an absolute URL apart.
func Parse(raw string) (Address, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "http" && scheme != "https" {
		return Address{}, errors.New("it is not an http or https URL")
	}

	end := strings.IndexAny(rest, "/?#")
	if end < 0 || rest[end] != '/' {
		return Address{}, errors.New("it has no path")
	}

	host, port, err := parseAuthority(rest[:end])
	if err != nil {
		return Address{}, err
	}
	if port == "" {
		port = defaultPorts[scheme]
	}

	path, guessed, err := Unescape(rest[end:])
	return Address{Scheme: scheme, Host: host, Port: port, Path: path, Guessed: guessed}, err
}

// ParsePrefix reads a configured URL; its path is a prefix and always ends in a slash.
func ParsePrefix(raw string) (Address, error) {
	if scheme, rest, _ := strings.Cut(raw, "://"); !strings.Contains(rest, "/") {
		raw = scheme + "://" + rest + "/"
	}

	a, err := Parse(raw)
	if err == nil && a.Guessed {
		err = errors.New("it has a raw ?, # or %")
	}
	if !strings.HasSuffix(a.Path, "/") {
		a.Path += "/"
	}
	return a, err
}

// parseAuthority reads host[:port]. There is no user before an @: whoever writes one wants the rest
// to be misread.
func parseAuthority(s string) (host, port string, err error) {
	host, port, hasPort := strings.Cut(s, ":")
	if strings.HasPrefix(s, "[") {
		var closed bool
		host, port, closed = strings.Cut(s, "]")
		host += "]"
		if port, hasPort = strings.CutPrefix(port, ":"); !closed || !hasPort && port != "" {
			return "", "", errors.New("its host is not valid")
		}
	}

	if n, err := strconv.ParseUint(port, 10, 16); hasPort &&
		(err != nil || n == 0 || strconv.FormatUint(n, 10) != port) {
		return "", "", errors.New("its port is not valid")
	}

	host, err = parseHost(host)
	return host, port, err
}

// parseHost reads a name or an address and returns its one canonical form.
func parseHost(s string) (string, error) {
	bad := errors.New("its host is not valid")
	if inner, ok := strings.CutPrefix(s, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !a.Is6() || a.Zone() != "" {
			return "", bad
		}
		return a.String(), nil
	}

	name := strings.ToLower(s)
	if !ascii(name) {
		var err error
		if name, err = idna.Lookup.ToASCII(name); err != nil || !strings.Contains(name, "xn--") {
			return "", bad // characters that are others in disguise, such as circled digits
		}
	}
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "" {
		return "", bad
	}

	if a, err := netip.ParseAddr(name); err == nil {
		return a.String(), nil
	}

	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	if last := labels[len(labels)-1]; last == "" || last[0] >= '0' && last[0] <= '9' {
		return "", bad // 0x7f.1, 017700000001, 2130706433: addresses to some, names to others
	}

	return name, nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Unescape unescapes a path once, and refuses what has no business in one.
func Unescape(raw string) (path string, guessed bool, err error) {
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '%' && i+2 < len(raw) && hex(raw[i+1]) && hex(raw[i+2]):
			n, _ := strconv.ParseUint(raw[i+1:i+3], 16, 8)
			if c = byte(n); c == '/' {
				return "", false, errors.New("it has an escaped slash")
			}
			i += 2
		case c == '%' || c == '?' || c == '#':
			guessed = true
		}

		if c < ' ' || c == 0x7f || c == '\\' || c == 0xc0 || c == 0xc1 { // the last two: overlong forms of ASCII
			return "", false, fmt.Errorf("it has the byte %#02x, raw or escaped", c)
		}

		b.WriteByte(c)
	}

	for segment := range strings.SplitSeq(b.String(), "/") {
		if err := checkSegment(segment); err != nil {
			return "", false, err
		}
	}

	return b.String(), guessed, nil
}

func hex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// checkSegment refuses segments that are, or become when they are unescaped again or stripped of
// parameters, a way up.
func checkSegment(s string) error {
	for {
		name, _, _ := strings.Cut(s, ";")
		name = strings.Trim(norm.NFKC.String(name), " ")
		if name == "." || name == ".." {
			return errors.New("it has a dot segment")
		}

		next, err := url.PathUnescape(s)
		if err != nil || next == s {
			return nil
		}
		if strings.ContainsFunc(next, func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' || r == '\\' }) {
			return errors.New("it is escaped twice")
		}

		s = next
	}
}
