package webdav

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"recordings/blob/internal/driver"
	"recordings/blob/internal/wire"
)

// Origin is a place on a WebDAV server that may be contacted, with the credentials that are sent
// there and nowhere else.
type Origin struct {
	URL      string // scheme, host, port and the prefix of all paths
	Username string // empty: no credentials
	Password string
}

// Options are the configured origins.
type Options struct {
	Origins []Origin
	Default string // URL of, or below, one of the origins: relative paths are resolved against it; may be empty

	Timeouts wire.Timeouts
	Resolver *net.Resolver
	Observe  func(http.RoundTripper) http.RoundTripper
}

// Origins finds the origin that a path belongs to.
type Origins struct {
	list []*origin
	base *address // of relative paths; nil: there are none
}

// New checks the options, and tells everything that is wrong with them. It contacts nobody.
func New(o Options) (*Origins, error) {
	var s Origins
	var errs []error
	for i, config := range o.Origins {
		a, err := parsePrefix(config.URL)
		if err == nil && s.exact(a) {
			err = errors.New("it is there twice")
		}

		if err != nil {
			errs = append(errs, fmt.Errorf("storage.webDAV.origins[%d].url: %w", i, err))
			continue
		}

		t := wire.New(wire.Options{Host: a.host, Resolver: o.Resolver, Timeouts: o.Timeouts, Observe: o.Observe})
		s.list = append(s.list, &origin{address: a, username: config.Username, password: config.Password, wire: t})
	}

	if o.Default != "" && len(errs) == 0 {
		a, err := parsePrefix(o.Default)
		if err == nil && s.find(a) == nil && !s.exact(a) {
			err = errors.New("it is neither one of the origins nor below one")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("storage.webDAV.default: %w", err))
		}
		s.base = &a
	}

	return &s, errors.Join(errs...)
}

// parsePrefix reads a configured URL; its path is a prefix and always ends in a slash.
func parsePrefix(raw string) (address, error) {
	if scheme, rest, _ := strings.Cut(raw, "://"); !strings.Contains(rest, "/") {
		raw = scheme + "://" + rest + "/"
	}

	a, err := parseAddress(raw)
	if err == nil && a.guessed {
		err = errors.New("it has a raw ?, # or %")
	}
	if !strings.HasSuffix(a.path, "/") {
		a.path += "/"
	}
	return a, err
}

// exact reports whether the address is itself an origin.
func (s *Origins) exact(a address) bool {
	for _, o := range s.list {
		if o.address == a {
			return true
		}
	}
	return false
}

// find returns the origin with the longest prefix that the address lies below, or nil.
func (s *Origins) find(a address) *origin {
	var best *origin
	for _, o := range s.list {
		below := o.address.origin() == a.origin() && strings.HasPrefix(a.path, o.path) && len(a.path) > len(o.path)
		if below && (best == nil || len(o.path) > len(best.path)) {
			best = o
		}
	}
	return best
}

// Locate finds the object that the path of a descriptor names. It contacts nobody.
func (s *Origins) Locate(path string) (driver.Target, error) {
	a, err := s.resolve(path)
	if err != nil {
		return driver.Target{}, err
	}
	if strings.HasSuffix(a.path, "/") {
		return driver.Target{}, driver.Newf(driver.ErrInvalid, "the path ends in a slash: it names a collection")
	}

	o := s.find(a)
	if o == nil {
		return driver.Target{}, driver.Newf(driver.ErrNotConfigured,
			"the path lies below none of storage.webDAV.origins; it is at %q", a.origin())
	}
	return driver.Target{Place: o, Key: a.path, Ambiguous: a.guessed}, nil
}

// resolve makes an address of an absolute URL, or of a path relative to the default origin.
func (s *Origins) resolve(path string) (address, error) {
	if strings.Contains(path, "://") {
		a, err := parseAddress(path)
		if err != nil {
			return a, driver.Newf(driver.ErrInvalid, "the path is not a URL of a WebDAV resource: %w", err)
		}
		return a, nil
	}

	scheme, _, _ := strings.Cut(strings.ToLower(path), ":")
	if path == "" || strings.HasPrefix(path, "//") || scheme == "http" || scheme == "https" {
		return address{}, driver.Newf(driver.ErrInvalid, "the path is neither an absolute URL nor a relative path")
	}

	relative, guessed, err := unescape(path)
	if err != nil {
		return address{}, driver.Newf(driver.ErrInvalid, "the path is not that of a WebDAV resource: %w", err)
	}
	if s.base == nil {
		return address{}, driver.Newf(driver.ErrNotConfigured,
			"the path is relative, and there is no storage.webDAV.default")
	}

	a := *s.base
	if a.guessed = guessed; strings.HasPrefix(relative, "/") {
		a.path = relative
	} else {
		a.path += relative
	}

	return a, nil
}

// Close closes the connections that nothing uses.
func (s *Origins) Close() {
	for _, o := range s.list {
		o.wire.Close()
	}
}
