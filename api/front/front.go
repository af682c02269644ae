// Package front is what stands in front of the API: who sends a request, and how they address the
// service.
//
// A header that a proxy adds is worth as much as the proxy: anybody can write it. So these headers
// are read where the request comes from the address of a trusted proxy, and nowhere else. Of a list
// the last value counts, which is the one that this proxy has added itself.
package front

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// CheckOrigin refuses what no browser sends as an origin, and what stands for several: origins are
// compared as they stand.
func CheckOrigin(origin string) error {
	u, err := url.Parse(origin)
	bad := err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		origin != u.Scheme+"://"+strings.ToLower(u.Host) || strings.Contains(origin, "*") ||
		strings.HasSuffix(u.Host, ":")
	if !bad && u.Port() != "" {
		_, err := strconv.ParseUint(u.Port(), 10, 16)
		bad = err != nil
	}

	if bad {
		return errors.New("must be one origin as browsers send it, such as https://app.example.com: in lower case, " +
			"without path or star")
	}
	return nil
}

// RequestError is a request that is refused whatever it asks for. Its text is what the client sees.
type RequestError struct {
	Header  string // which header is wrong
	Message string
}

// Error implements error.
func (e *RequestError) Error() string { return e.Header + ": " + e.Message }

const hostForm = "is not a host name or address, with a port or without"

// Proxies are the addresses whose forwarding headers are believed.
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks, such as 10.0.0.7 and 10.1.0.0/16.
func ParseProxies(texts []string) (all Proxies, err error) {
	var errs []error
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil {
				a = a.Unmap().WithZone("")
				p = netip.PrefixFrom(a, a.BitLen())
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%q is no address or network", text))
			continue
		}
		all = append(all, p.Masked())
	}
	return all, errors.Join(errs...)
}

// Trust reports whether an address is that of a trusted proxy.
func (p Proxies) Trust(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(a) })
}

// AddrOf is the address of a RemoteAddr; of what is none, the zero one.
func AddrOf(remote string) netip.Addr {
	if p, err := netip.ParseAddrPort(remote); err == nil {
		return p.Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// Sender is who sends a request, and how they address the service.
type Sender struct {
	Addr      netip.Addr // the client's own; zero: not known
	Forwarded bool       // it is that of a client behind a trusted proxy
	Scheme    string     // http or https
	Host      string     // as in a URL; empty: not said, as in HTTP/1.0
	Prefix    string     // of the path, which the proxy has taken away; empty, or beginning with a slash
}

// Sender reads who sends a request. It refuses, by a [*RequestError], one that names no host that
// could stand in a URL, and one that names two users.
func (p Proxies) Sender(r *http.Request) (s Sender, err error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return s, &RequestError{"Authorization", "is there twice; send it once"}
	}
	if r.Host != "" && !ValidHost(r.Host) {
		return s, &RequestError{"Host", hostForm}
	}

	s = Sender{Addr: AddrOf(r.RemoteAddr), Scheme: "http", Host: r.Host}
	if r.TLS != nil {
		s.Scheme = "https"
	}
	if p.Trust(s.Addr) {
		err = p.believe(&s, r.Header)
	}
	return s, err
}

// believe reads what a trusted proxy says.
func (p Proxies) believe(s *Sender, h http.Header) error {
	if client := p.client(h.Values("X-Forwarded-For")); client.IsValid() {
		s.Addr, s.Forwarded = client, true
	}

	if scheme := lastOf(h, "X-Forwarded-Proto"); scheme != "" {
		if s.Scheme = strings.ToLower(scheme); s.Scheme != "http" && s.Scheme != "https" {
			return &RequestError{"X-Forwarded-Proto", "is neither http nor https"}
		}
	}
	if host := lastOf(h, "X-Forwarded-Host"); host != "" {
		if s.Host = host; !ValidHost(host) {
			return &RequestError{"X-Forwarded-Host", hostForm}
		}
	}
	if prefix := lastOf(h, "X-Forwarded-Prefix"); prefix != "" {
		if s.Prefix = strings.TrimSuffix(prefix, "/"); !validPrefix(s.Prefix) {
			return &RequestError{"X-Forwarded-Prefix", "is not the begin of a path, such as /calls"}
		}
	}
	return nil
}

// client is the last address that no trusted proxy has; zero: there is none. What stands in front
// of it is the client's own word.
func (p Proxies) client(values []string) (client netip.Addr) {
	for _, text := range slices.Backward(strings.Split(strings.Join(values, ","), ",")) {
		text = strings.TrimSpace(text)
		a, err := netip.ParseAddr(strings.Trim(text, "[]"))
		if err != nil { // some write the port, too
			a = AddrOf(text)
		}
		if a = a.Unmap().WithZone(""); !a.IsValid() {
			break
		}
		if !p.Trust(a) {
			return a
		}
	}
	return netip.Addr{}
}

// lastOf is the last value of a header that is a list.
func lastOf(h http.Header, name string) string {
	values := h.Values(name)
	if len(values) == 0 {
		return ""
	}
	last := values[len(values)-1]
	return strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
}

// ValidHost reports whether a text is a host name or an IP address, with a port or without. Names
// have letters, digits, hyphens, underscores and dots.
func ValidHost(text string) bool {
	name, port := text, ""
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.HasSuffix(text, "]") {
		name, port = text[:i], text[i+1:]
		if _, err := strconv.ParseUint(port, 10, 16); err != nil || port[0] == '+' {
			return false
		}
	}

	if inner, ok := strings.CutPrefix(name, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		return ok && err == nil && a.Is6() && a.Zone() == ""
	}
	other := func(c rune) bool {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		return !letter && (c < '0' || c > '9') && !strings.ContainsRune("-_.", c)
	}
	return name != "" && len(name) <= 253 && name[0] != '.' && !strings.Contains(name, "..") &&
		!strings.ContainsFunc(name, other)
}

// validPrefix reports whether a text can stand between a host and a path, or is empty.
func validPrefix(text string) bool {
	if text == "" {
		return true
	}
	other := func(c rune) bool {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		return !letter && (c < '0' || c > '9') && !strings.ContainsRune("-_.~/", c)
	}
	return text[0] == '/' && !strings.Contains(text, "//") && !strings.Contains(text+"/", "/../") &&
		!strings.Contains(text+"/", "/./") && !strings.ContainsFunc(text, other)
}

// Loopback reports whether a host, as it stands in a URL, is this machine as it calls itself.
func Loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	a, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || err == nil && a.IsLoopback()
}
