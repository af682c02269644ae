// Package config reads the configuration of the service: a YAML file, over it environment
// variables, over them the flags of the command line.
//
// Whatever is wrong is told at once, each problem with the line, the variable or the flag that it
// comes from: an operator should need one look, not one restart per mistake. The settings are
// written down once, as a table (see settings), from which the keys of the file, the names of the
// variables, and the messages about unknown keys all follow.
package config

import (
	"fmt"
	"slices"
	"time"

	"recordings/api/auth"
	"recordings/api/signon"
	"recordings/blob/storage"
	"recordings/erase/policy"
)

// Config is a valid configuration. The comments give the keys of the file.
type Config struct {
	Listen string // listen: host:port; port 0 takes a free one
	// public_url: what the URIs in answers begin with, without a slash at its end; empty: taken
	// from each request
	PublicURL          string
	TrustedProxies     []string        // trusted_proxies: addresses and networks whose forwarding headers are believed
	CORS               CORS            // cors
	TLS                TLS             // tls
	Region             string          // region: the only region whose recordings are read here
	Data               string          // data: directory of the recordings and their search index
	BackupDirectory    string          // backup_directory: where backups are made; empty: none are
	ContactCenters     []string        // contact_centers: those that exist; empty: any
	AcceptEmptyHistory bool            // accept_empty_history: take recordings without events
	Compatibility      string          // compatibility: Compatibility2013 or Compatibility85
	Index              string          // index: IndexEmbedded or IndexOpenSearch
	OpenSearch         OpenSearch      `key:"opensearch"` // opensearch: the cluster, if index names it
	LogLevel           string          // log_level: debug, info, warn or error
	LogFormat          string          // log_format: LogAuto, LogText or LogJSON
	MaxBody            int64           // max_body: bytes that a posted recording may have
	MaxConnections     int             // max_connections: how many are open at a time; more wait
	MaxPerAddress      int             `key:"max_connections_per_address"` // of these, of one address; 0: a quarter
	ScrubInterval      time.Duration   // scrub_interval: how often everything that is stored is verified; 0: never
	AuditKeep          time.Duration   // audit_keep: how long entries of the audit log are kept; 0: for ever
	AuditKeepDetails   time.Duration   // audit_keep_details: how long what is personal in them is; 0: as long as they
	SearchTimeout      time.Duration   // search_timeout: how long one search may take
	AnswerMemory       int64           // answer_memory: bytes that all answers hold; 0: as [api.Options] has it
	BatchMemory        int64           // batch_memory: bytes that all batches hold together; 0: as [api.Options] has it
	SearchMemory       int64           // search_memory: bytes that the matches and candidates of one search may take
	CacheMemory        int64           // cache_memory: bytes for what was read lately
	Users              []auth.User     // users, each with name, password_hash, role and contact_center
	OIDC               signon.Settings // oidc
	Tokens             []auth.Token    // tokens of machines, each with name, hash, role, contact_centers and expires
	Storage            Storage         // storage

	// deletion_rate: recordings that bulk deletions delete in a second; 0: any number
	DeletionRate int
	Retention    []policy.Policy // retention: what is deleted when it is old enough

	// Hash is the SHA-256 of the file, in hexadecimal, as sha256sum shows it.
	Hash string `key:"-"`
}

// CORS says which browser applications of others may call the API.
type CORS struct {
	Origins []string // origins: scheme://host[:port], each exactly
}

// TLS is the certificate that the service shows. Both are empty for plain HTTP.
type TLS struct {
	Certificate string // certificate: PEM file of the chain, the service's own certificate first
	Key         string // key: PEM file of the private key
}

// Whose clients the service is compatible with: those of the page of 2013, or those of version 8.5 and
// later, too.
const (
	Compatibility2013 = "2013"
	Compatibility85   = "8.5"
)

// The forms of the log: one line of text an entry, for people; one line of JSON, for programs; or text
// on a terminal and JSON elsewhere.
const (
	LogAuto = "auto"
	LogText = "text"
	LogJSON = "json"
)

// Where recordings are kept: on this machine, or in an OpenSearch cluster.
const (
	IndexEmbedded   = "embedded"
	IndexOpenSearch = "opensearch"
)

// OpenSearch says which cluster keeps the recordings, and how it is reached.
type OpenSearch struct {
	Addresses []string // addresses: of some nodes, http://host:port or https://host:port, tried in turn
	Username  string   // username of HTTP Basic; empty: none
	Password  string   // password

	CA          string // ca: PEM file of the certificates that nodes are trusted by; empty: those of the system
	Certificate string // certificate: PEM file of the service's own certificate towards the nodes; empty: none
	Key         string // key: PEM file of its private key

	Index    string // index: what the names of the service's indexes begin with
	Shards   int    // shards of a new index
	Replicas int    // replicas: copies of each shard of a new index, beside the shard itself

	// SnapshotRepository is snapshot_repository: a snapshot repository of the cluster, for backups; empty: none
	// are made.
	SnapshotRepository string
}

// Storage says which media storages may be contacted. What is not listed never is. What is wrong with
// it, its own room knows.
type Storage struct {
	S3     storage.S3     // awsS3
	WebDAV storage.WebDAV // webDAV
}

// Defaults is the configuration that holds where nothing else is said. It is not complete: there
// are no users and no region.
func Defaults() *Config {
	return &Config{
		Listen:         "127.0.0.1:8080",
		Data:           "./data",
		Compatibility:  Compatibility2013,
		Index:          IndexEmbedded,
		OpenSearch:     OpenSearch{Index: "recordings", Shards: 3, Replicas: 1},
		LogLevel:       "info",
		LogFormat:      LogAuto,
		MaxBody:        1 << 20,
		MaxConnections: 1024,
		ScrubInterval:  7 * 24 * time.Hour,
		AuditKeep:      400 * 24 * time.Hour,
		SearchTimeout:  10 * time.Second,
		DeletionRate:   1000,
		SearchMemory:   256 << 20,
		CacheMemory:    256 << 20,
		OIDC:           signon.Defaults(),
		Storage:        Storage{S3: storage.S3{Checksums: storage.ChecksumsWhenRequired}},
	}
}

// TakesEmptyHistory reports whether recordings without events are taken.
func (c *Config) TakesEmptyHistory() bool {
	return c.AcceptEmptyHistory || c.Compatibility == Compatibility85
}

// Notes are what is odd about who may call, and no error: an operator may want it so, or find out only when
// nobody gets in. now decides which tokens have expired.
func (c *Config) Notes(now time.Time) (notes []string) {
	passwords, provider := len(c.Users) > 0, c.OIDC.Enabled()
	expired := func(t auth.Token) bool { return t.Expired(now) }
	for _, t := range c.Tokens {
		if expired(t) {
			notes = append(notes, fmt.Sprintf("the token %q has expired on %s", t.Name, t.Expires))
		}
	}

	switch {
	case !passwords && !provider && !slices.ContainsFunc(c.Tokens, func(t auth.Token) bool { return !expired(t) }):
		notes = append(notes, "nobody can call the API: there are neither users nor oidc, and all tokens have expired")
	case !passwords && !provider:
		notes = append(notes, "nobody can sign in on the page: there are neither users nor oidc")
	case !passwords:
		notes = append(notes,
			"nobody can sign in on the page while the identity provider is away: a user in users could")
	}
	if !c.looksAfter() {
		notes = append(notes, "nobody can look after the service (status, backup, reload, metrics): "+
			"that takes the role ops, bound to no contact center")
	}
	return notes
}

// looksAfter reports whether anybody may have the role ops without being bound to contact centers. What the
// provider says of a user is not known here.
func (c *Config) looksAfter() bool {
	user := func(u auth.User) bool { return !u.Bound() }
	token := func(t auth.Token) bool { return t.Role == auth.RoleOps && len(t.ContactCenters) == 0 }
	return slices.ContainsFunc(c.Users, user) || slices.ContainsFunc(c.Tokens, token) ||
		c.OIDC.Enabled() && len(c.OIDC.Roles.Ops) > 0
}
