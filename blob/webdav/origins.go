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

// Names are what the origins are called: by their URLs.
func (s *Origins) Names() []string {
	all := make([]string, len(s.list))
	for i, o := range s.list {
		all[i] = o.name()
	}
	return all
}

// name is the URL of an origin.
func (o *origin) name() string { return o.Origin() + o.Path }

// Named returns the origin of a name, or nil.
func (s *Origins) Named(name string) driver.Place {
	for _, o := range s.list {
		if o.name() == name {
			return o
		}
	}
	return nil
}

// NameOf is the name of an origin.
func (s *Origins) NameOf(p driver.Place) string {
	if o, ok := p.(*origin); ok {
		return o.name()
	}
	return ""
}

// Paths are how descriptors may write the path of an object below an origin: in full, and relative to
// the default. Other ways of writing either differ in their escapes, or in how the origin is written.
func (s *Origins) Paths(name, key string) []string {
	all := []string{address.Escape(key)}
	for _, o := range s.list {
		if o.name() != name || s.base == nil || o.Origin() != s.base.Origin() {
			continue
		}
		if relative, ok := strings.CutPrefix(key, s.base.Path); ok {
			all = append(all, address.Escape(relative))
		}
	}
	return all
}

// Owns reports whether a key is of a place, and not of an origin that names more of its path.
func (s *Origins) Owns(p driver.Place, key string) bool {
	o, ok := p.(*origin)
	if !ok {
		return true
	}
	a := o.Address
	a.Path = key
	return s.find(a) == o
}
