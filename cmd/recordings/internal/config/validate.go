package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"recordings/api/auth"
	"recordings/api/front"
	"recordings/blob/storage"
	"recordings/erase/policy"
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
	r.check(c.AuditKeepDetails == 0 || c.AuditKeep == 0 || c.AuditKeepDetails <= c.AuditKeep, "audit_keep_details",
		"must not be longer than audit_keep: details go with their entries")
	r.check(c.Index == IndexEmbedded || c.Index == IndexOpenSearch, "index",
		"must be "+IndexEmbedded+" or "+IndexOpenSearch)
	r.validateOpenSearch(c)
	r.check(slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel), "log_level",
		"must be debug, info, warn or error")
	r.check(slices.Contains([]string{LogAuto, LogText, LogJSON}, c.LogFormat), "log_format",
		"must be auto (text on a terminal, JSON elsewhere), text or json")
	r.check(c.Compatibility == Compatibility2013 || c.Compatibility == Compatibility85, "compatibility",
		"must be "+`"`+Compatibility2013+`" or "`+Compatibility85+`"`+", in quotes")
	var problems problem.List
	problems.CheckNames("contact_centers", c.ContactCenters)
	r.tell(problems)
	r.validateUsers(c)
	r.validateRetention(c)
	r.validateTokens(c)
	var provider problem.List
	provider.Add("oidc", c.OIDC.Problems())
	r.tell(provider)
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

// indexName is what the names of a cluster's indexes may begin with.
var indexName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,99}$`)

// repositoryName is what a snapshot repository of a cluster may be called.
var repositoryName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// validateOpenSearch checks how the cluster is reached, and that nothing is asked of it that it does not offer.
func (r *reader) validateOpenSearch(c *Config) {
	o := &c.OpenSearch
	if c.Index != IndexOpenSearch {
		r.check(len(o.Addresses) == 0, "opensearch.addresses", "are for index: "+IndexOpenSearch+" only")
		return
	}

	r.check(len(o.Addresses) > 0, "opensearch.addresses",
		"is required with index: "+IndexOpenSearch+": the nodes of the cluster, such as [https://search-1:9200]")
	for i, address := range o.Addresses {
		at := fmt.Sprintf("opensearch.addresses[%d]", i)
		var problems problem.List
		if problems.CheckURL(at, address) {
			u, err := url.Parse(address)
			problems.Check(err == nil && strings.Trim(u.Path, "/") == "", at, "must have no path")
			problems.Check(!slices.Contains(o.Addresses[:i], address), at, "is in the list already")
		}
		r.tell(problems)
	}
	r.check((o.Username == "") == (o.Password == ""), "opensearch.username", "and password must be given together")
	r.check((o.Certificate == "") == (o.Key == ""), "opensearch.certificate", "and key must be given together")
	r.check(indexName.MatchString(o.Index), "opensearch.index",
		"must be 1 to 100 small letters, digits, hyphens and underscores, of which the first is a letter")
	r.check(c.BackupDirectory == "", "backup_directory",
		"is for index: "+IndexEmbedded+" only: backups of a cluster go to its opensearch.snapshot_repository")
	r.check(o.SnapshotRepository == "" || repositoryName.MatchString(o.SnapshotRepository),
		"opensearch.snapshot_repository",
		"must be 1 to 100 letters, digits, dots, hyphens and underscores, of which the first is a letter or a digit")
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
	r.check(len(c.Users) > 0 || len(c.Tokens) > 0 || c.OIDC.Enabled(), "users",
		"are required, unless there are tokens or oidc: nobody could call the API; "+
			"make a password_hash by `recordings hash-password`")
	for i := range c.Users {
		u, at := &c.Users[i], fmt.Sprintf("users[%d]", i)
		u.Name = auth.Normal(u.Name)
		var problems problem.List
		same := func(v auth.User) bool { return v.Name == u.Name && u.Name != "" }
		problems.Check(!slices.ContainsFunc(c.Users[:i], same), at+".name", "is the name of another user already")
		problems.Add(at, u.Problems())
		r.tell(r.boundAs(at, append(problems, unknown(c, at, u.ContactCenters)...)))
	}
}

// validateRetention asks the room of policies for what is wrong with each, and refuses contact centers
// that do not exist.
func (r *reader) validateRetention(c *Config) {
	r.tell(policy.Problems(c.Retention))
	for i := range c.Retention {
		r.tell(unknown(c, fmt.Sprintf("retention[%d]", i), c.Retention[i].ContactCenters))
	}
}

// validateTokens is validateUsers for machines. Their names are not those of users, so that the log
// says who it was.
func (r *reader) validateTokens(c *Config) {
	names, hashes := make(map[string]bool), make(map[string]bool)
	for _, u := range c.Users {
		names[u.Name] = true
	}
	for i := range c.Tokens {
		t, at := &c.Tokens[i], fmt.Sprintf("tokens[%d]", i)
		t.Name = auth.Normal(t.Name)
		var problems problem.List
		problems.Check(t.Name == "" || !names[t.Name], at+".name", "is the name of another user or token already")
		problems.Check(t.Hash == "" || !hashes[t.Hash], at+".hash", "is that of another token already")
		names[t.Name], hashes[t.Hash] = true, true
		problems.Add(at, t.Problems())
		r.tell(r.boundAs(at, append(problems, unknown(c, at, t.ContactCenters)...)))
	}
}

// unknown refuses contact centers that somebody is bound to and that do not exist.
func unknown(c *Config, at string, bound []string) (problems problem.List) {
	for i, id := range bound {
		known := len(c.ContactCenters) == 0 || slices.Contains(c.ContactCenters, id)
		problems.Check(known, fmt.Sprintf("%s.contact_centers[%d]", at, i), "must be one of contact_centers")
	}
	return problems
}

// boundAs tells problems of the contact centers that somebody is bound to by the name that they were
// given by.
func (r *reader) boundAs(at string, problems problem.List) problem.List {
	one, all := at+".contact_center", at+".contact_centers"
	_, oneGiven := r.places[one]
	_, allGiven := r.places[all]
	if oneGiven && allGiven {
		problems.Check(false, all, "and contact_center are both given: one of them is enough")
	}

	for i := range problems {
		if oneGiven && !allGiven && strings.HasPrefix(problems[i].Setting, all) {
			problems[i].Setting = one
		}
	}
	return problems
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
