package webdav

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	"recordings/blob/internal/address"
	"recordings/blob/internal/driver"
	"recordings/blob/internal/wire"
	"recordings/blob/storage"
)

// Options are the configured origins, which have no problems (see [storage.Problems]).
type Options struct {
	storage.WebDAV
	Timeouts wire.Timeouts
	Resolver *net.Resolver
	Observe  func(http.RoundTripper) http.RoundTripper
}

// Origins finds the origin that a path belongs to.
type Origins struct {
	list []*origin
	base *address.Address // of relative paths; nil: there are none
}

// New makes the origins. It contacts nobody.
func New(o Options) (*Origins, error) {
	var s Origins
	for i, config := range o.Origins {
		a, err := address.ParsePrefix(config.URL)
		if err != nil {
			return nil, fmt.Errorf("storage.webDAV.origins[%d].url: %w", i, err)
		}
		t := wire.New(wire.Options{Host: a.Host, Resolver: o.Resolver, Timeouts: o.Timeouts, Observe: o.Observe})
		s.list = append(s.list, &origin{Address: a, username: config.Username, password: config.Password, wire: t})
	}

	if o.Default != "" {
		a, err := address.ParsePrefix(o.Default)
		if err != nil {
			return nil, fmt.Errorf("storage.webDAV.default: %w", err)
		}
		s.base = &a
	}
	return &s, nil
}

// find returns the origin with the longest prefix that the address lies below, or nil.
func (s *Origins) find(a address.Address) *origin {
	var best *origin
	for _, o := range s.list {
		below := o.Address.Origin() == a.Origin() && strings.HasPrefix(a.Path, o.Path) && len(a.Path) > len(o.Path)
		if below && (best == nil || len(o.Path) > len(best.Path)) {
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
	if strings.HasSuffix(a.Path, "/") {
		return driver.Target{}, driver.Newf(driver.ErrInvalid, "the path ends in a slash: it names a collection")
	}

	o := s.find(a)
	if o == nil {
		return driver.Target{}, driver.Newf(driver.ErrNotConfigured,
			"the path lies below none of storage.webDAV.origins; it is at %q", a.Origin())
	}
	return driver.Target{Place: o, Key: a.Path, Ambiguous: a.Guessed}, nil
}

// resolve makes an address of an absolute URL, or of a path relative to the default origin.
func (s *Origins) resolve(path string) (address.Address, error) {
	if strings.Contains(path, "://") {
		a, err := address.Parse(path)
		if err != nil {
			return a, driver.Newf(driver.ErrInvalid, "the path is not a URL of a WebDAV resource: %w", err)
		}
		return a, nil
	}

	scheme, _, _ := strings.Cut(strings.ToLower(path), ":")
	if path == "" || strings.HasPrefix(path, "//") || scheme == "http" || scheme == "https" {
		return address.Address{}, driver.Newf(driver.ErrInvalid,
			"the path is neither an absolute URL nor a relative path")
	}

	relative, guessed, err := address.Unescape(path)
	if err != nil {
		return address.Address{}, driver.Newf(driver.ErrInvalid, "the path is not that of a WebDAV resource: %w", err)
	}
	if s.base == nil {
		return address.Address{}, driver.Newf(driver.ErrNotConfigured,
			"the path is relative, and there is no storage.webDAV.default")
	}

	a := *s.base
	if a.Guessed = guessed; strings.HasPrefix(relative, "/") {
		a.Path = relative
	} else {
		a.Path += relative
	}

	return a, nil
}

// Close closes the connections that nothing uses.
func (s *Origins) Close() {
	for _, o := range s.list {
		o.wire.Close()
	}
}
