package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"recordings/api/auth"
	"recordings/api/front"
	"recordings/blob/storage"
	"recordings/internal/problem"
)

// validate tells what is wrong with the values, once all of them are known.
func (r *reader) validate(c *Config) {
	r.check(problem.ValidAddress(c.Listen), "listen",
		"must be host:port with a port from 0 to 65535, such as 127.0.0.1:8080 or :8443")
	r.validatePublicURL(c)
	r.validateProxies(c.TrustedProxies)
	r.validateOrigins(c.CORS.Origins)
	r.check((c.TLS.Certificate == "") == (c.TLS.Key == ""), "tls", "certificate and key must be given together")
	r.check(c.Region != "", "region", "is required: the region whose recordings this server reads, such as us-west")
	r.check(problem.Trimmed(c.Region), "region", "must not begin or end with a space")
	r.check(c.Data != "", "data", "is empty: it must be a directory")
	r.check(!within(c.Data, c.BackupDirectory), "backup_directory",
		"must not be within the data directory, nor be it: a backup of it would be lost with it")
	r.check(c.Index == IndexEmbedded, "index", "must be "+IndexEmbedded+": this version has no other")
	r.check(slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel), "log_level",
		"must be debug, info, warn or error")
	r.check(c.Compatibility == Compatibility2013 || c.Compatibility == Compatibility85, "compatibility",
		"must be "+`"`+Compatibility2013+`" or "`+Compatibility85+`"`+", in quotes")
	var problems problem.List
	problems.CheckNames("contact_centers", c.ContactCenters)
	r.tell(problems)
	r.validateUsers(c)
	r.tell(storage.Problems(c.Storage.S3, c.Storage.WebDAV))
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

func (r *reader) validatePublicURL(c *Config) {
	if c.PublicURL == "" {
		return
	}

	var problems problem.List
	if problems.CheckURL("public_url", c.PublicURL) {
		c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	}
	r.tell(problems)
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
		if err := front.CheckOrigin(origin); err != nil {
			r.check(false, at, err.Error())
		}
		r.check(!slices.Contains(origins[:i], origin), at, "is in the list already")
	}
}

// validateUsers asks the room of users for what is wrong with each, and checks what only all of them
// together can have wrong.
func (r *reader) validateUsers(c *Config) {
	r.check(len(c.Users) > 0, "users",
		"are required: without any, nobody could call the API; make a password_hash by `recordings hash-password`")
	for i := range c.Users {
		u, at := &c.Users[i], fmt.Sprintf("users[%d]", i)
		u.Name = auth.Normal(u.Name)
		var problems problem.List
		same := func(v auth.User) bool { return v.Name == u.Name && u.Name != "" }
		problems.Check(!slices.ContainsFunc(c.Users[:i], same), at+".name", "is the name of another user already")
		problems.Add(at, u.Problems())
		known := len(c.ContactCenters) == 0 || slices.Contains(c.ContactCenters, u.ContactCenter)
		problems.Check(known || u.Role != auth.RoleAdmin, at+".contact_center", "must be one of contact_centers")
		r.tell(problems)
	}
}

// tell tells what a room found wrong with its settings, but for those that could not be read.
func (r *reader) tell(problems problem.List) {
	for _, p := range problems {
		unread := false
		for at := p.Setting; at != "" && !unread; at = at[:max(0, strings.LastIndexByte(at, '.'))] {
			unread = r.wrong[at]
		}
		r.check(unread, p.Setting, p.Message)
	}
}
