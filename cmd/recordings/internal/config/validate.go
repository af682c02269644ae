package config

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"recordings/api/auth"
	"recordings/api/front"
)

// validate tells what is wrong with the values, once all of them are known.
func (r *reader) validate(c *Config) {
	r.check(validAddress(c.Listen), "listen",
		"must be host:port with a port from 0 to 65535, such as 127.0.0.1:8080 or :8443")
	r.validatePublicURL(c)
	r.validateProxies(c.TrustedProxies)
	r.validateOrigins(c.CORS.Origins)
	r.check((c.TLS.Certificate == "") == (c.TLS.Key == ""), "tls", "certificate and key must be given together")
	r.check(c.Region != "", "region", "is required: the region whose recordings this server reads, such as us-west")
	r.check(trimmed(c.Region), "region", "must not begin or end with a space")
	r.check(c.Data != "", "data", "is empty: it must be a directory")
	r.check(!within(c.Data, c.BackupDirectory), "backup_directory",
		"must not be within the data directory, nor be it: a backup of it would be lost with it")
	r.check(c.Index == IndexEmbedded, "index", "must be "+IndexEmbedded+": this version has no other")
	r.check(slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel), "log_level",
		"must be debug, info, warn or error")
	r.check(c.Compatibility == Compatibility2013 || c.Compatibility == Compatibility85, "compatibility",
		"must be "+`"`+Compatibility2013+`" or "`+Compatibility85+`"`+", in quotes")
	r.validateNames("contact_centers", c.ContactCenters)
	r.validateUsers(c)
	r.validateS3(&c.Storage.S3)
	r.validateWebDAV(&c.Storage.WebDAV)
}

// within reports whether a directory is another one, or lies in it, as far as their names tell.
func within(dir, other string) bool {
	if other == "" {
		return false
	}

	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}

	if other, err = filepath.Abs(other); err != nil {
		return false
	}

	relative, err := filepath.Rel(dir, other)
	return err == nil && filepath.IsLocal(relative)
}

func validAddress(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

func trimmed(s string) bool { return s == strings.TrimSpace(s) }

func (r *reader) validatePublicURL(c *Config) {
	if c.PublicURL == "" {
		return
	}
	if r.checkURL("public_url", c.PublicURL) {
		c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	}
}

// validateProxies checks the addresses and networks of proxies.
func (r *reader) validateProxies(texts []string) {
	for i, text := range texts {
		at := fmt.Sprintf("trusted_proxies[%d]", i)
		p, err := front.ParseProxies([]string{text})
		if r.check(err == nil, at, "must be an IP address or a network, such as 10.0.0.7 or 10.1.0.0/16") {
			r.check(p[0].Bits() > 0, at, "must not be the network of all addresses: everybody would be believed")
		}
	}
}

// validateOrigins checks origins as browsers send them: they are compared as they stand.
func (r *reader) validateOrigins(origins []string) {
	for i, origin := range origins {
		at := fmt.Sprintf("cors.origins[%d]", i)
		u, err := url.Parse(origin)
		ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
			origin == u.Scheme+"://"+strings.ToLower(u.Host) && !strings.Contains(origin, "*") &&
			(u.Port() == "" || validAddress(u.Host)) && !strings.HasSuffix(u.Host, ":")
		r.check(ok, at, "must be one origin as browsers send it, such as https://app.example.com: in lower case, "+
			"without path or star")
		r.check(!slices.Contains(origins[:i], origin), at, "is in the list already")
	}
}

// checkURL accepts http(s)://host[:port][/path] and nothing more.
func (r *reader) checkURL(path, text string) bool {
	u, err := url.Parse(text)
	ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		!strings.ContainsAny(text, "?#\\") && (u.Port() == "" || validAddress(u.Host))
	return r.check(ok, path, "must be a URL such as https://host:port/path, without user, query or fragment")
}

// validateNames checks a list of names: none empty, none twice.
func (r *reader) validateNames(path string, names []string) {
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", path, i)
		r.check(name != "" && trimmed(name), at, "must not be empty, nor begin or end with a space")
		r.check(!slices.Contains(names[:i], name), at, "is in the list already")
	}
}

func (r *reader) validateUsers(c *Config) {
	r.check(len(c.Users) > 0, "users",
		"are required: without any, nobody could call the API; make a password_hash by `recordings hash-password`")
	for i := range c.Users {
		u, at := &c.Users[i], fmt.Sprintf("users[%d]", i)
		if r.wrong[at] {
			continue
		}
		u.Name = auth.Normal(u.Name)
		r.validateUserName(at+".name", i, c.Users)
		r.validatePasswordHash(at+".password_hash", u.PasswordHash)
		r.check(u.Role == auth.RoleOps || u.Role == auth.RoleAdmin, at+".role", "must be ops or admin")
		r.validateContactCenter(at+".contact_center", u, c.ContactCenters)
	}
}

func (r *reader) validateUserName(path string, i int, users []auth.User) {
	name := users[i].Name
	bad := func(c rune) bool { return c == ':' || c < ' ' || c == 0x7f }
	r.check(name != "", path, "is required")
	r.check(!strings.ContainsFunc(name, bad), path, "must not have a colon or a control character")
	r.check(!slices.ContainsFunc(users[:i], func(u auth.User) bool { return u.Name == name }), path,
		"is the name of another user already")
}

func (r *reader) validatePasswordHash(path, hash string) {
	const how = "; make one by `recordings hash-password`, and put it in quotes"
	if r.check(hash != "", path, "is required"+how) {
		if err := auth.CheckPasswordHash(hash); err != nil {
			r.check(false, path, err.Error()+how)
		}
	}
}

func (r *reader) validateContactCenter(path string, u *auth.User, known []string) {
	switch u.Role {
	case auth.RoleOps:
		r.check(u.ContactCenter == "", path, "must not be given: the role ops has all contact centers")
	case auth.RoleAdmin:
		r.check(u.ContactCenter != "", path, "is required: the role admin has one contact center")
		r.check(u.ContactCenter == "" || auth.ValidContactCenter(u.ContactCenter), path,
			"must be "+auth.ContactCenterForm)
		r.check(trimmed(u.ContactCenter), path, "must not begin or end with a space")
		r.check(len(known) == 0 || slices.Contains(known, u.ContactCenter), path, "must be one of contact_centers")
	}
}

func (r *reader) validateS3(s *S3) {
	const path = "storage.awsS3"
	r.validateNames(path+".buckets", s.Buckets)
	r.check(len(s.Buckets) == 0 || s.Region != "", path+".region",
		"is required where there are buckets: the region that they are in, such as us-east-1")
	for i, b := range s.Regions {
		at := fmt.Sprintf("%s.regions[%d]", path, i)
		if r.wrong[at] {
			continue
		}
		r.check(slices.Contains(s.Buckets, b.Bucket), at+".bucket", "must be one of the buckets")
		r.check(!slices.ContainsFunc(s.Regions[:i], func(o BucketRegion) bool { return o.Bucket == b.Bucket }),
			at+".bucket", "is in the list already")
		r.check(b.Region != "", at+".region", "is required: the region of the bucket, such as eu-central-1")
	}
	if s.Endpoint != "" {
		r.checkURL(path+".endpoint", s.Endpoint)
	}

	r.check(s.Checksums == ChecksumsWhenRequired || s.Checksums == ChecksumsWhenSupported, path+".checksums",
		"must be "+ChecksumsWhenRequired+" or "+ChecksumsWhenSupported)
	r.check(s.AccessKey != "" || s.SecretKey == "", path+".access_key",
		"is missing: access_key and secret_key must be given together")
	r.check(s.SecretKey != "" || s.AccessKey == "", path+".secret_key",
		"is missing: access_key and secret_key must be given together")
}

func (r *reader) validateWebDAV(w *WebDAV) {
	const path = "storage.webDAV"
	for i, o := range w.Origins {
		at := fmt.Sprintf("%s.origins[%d]", path, i)
		if r.wrong[at] {
			continue
		}
		if !r.check(o.URL != "", at+".url", "is required") {
			continue
		}

		r.checkURL(at+".url", o.URL)
		r.check(!slices.ContainsFunc(w.Origins[:i], func(p Origin) bool { return p.URL == o.URL }), at+".url",
			"is in the list already")
		r.check(o.Username != "" || o.Password == "", at+".username", "is missing: there is a password")
		r.check(!strings.Contains(o.Username, ":"), at+".username", "must not have a colon")
	}

	if w.Default == "" || !r.checkURL(path+".default", w.Default) {
		return
	}

	r.check(slices.ContainsFunc(w.Origins, func(o Origin) bool { return below(o.URL, w.Default) }), path+".default",
		"must be one of the origins, or lie below one: nothing else is ever contacted")
}

// below reports whether a URL is that of an origin or of something in it.
func below(origin, u string) bool {
	slash := func(s string) string { return strings.TrimRight(s, "/") + "/" }
	return strings.HasPrefix(slash(u), slash(origin))
}
