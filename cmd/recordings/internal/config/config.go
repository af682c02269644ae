// Package config reads the configuration of the service: a YAML file, over it environment
// variables, over them the flags of the command line.
//
// Whatever is wrong is told at once, each problem with the line, the variable or the flag that it
// comes from: an operator should need one look, not one restart per mistake. The settings are
// written down once, as a table (see settings), from which the keys of the file, the names of the
// variables, and the messages about unknown keys all follow.
package config

import (
	"time"

	"recordings/api/auth"
	"recordings/blob/storage"
)

// Config is a valid configuration. The comments give the keys of the file.
type Config struct {
	Listen string // listen: host:port; port 0 takes a free one
	// public_url: what the URIs in answers begin with, without a slash at its end; empty: taken
	// from each request
	PublicURL          string
	TrustedProxies     []string      // trusted_proxies: addresses and networks whose forwarding headers are believed
	CORS               CORS          // cors
	TLS                TLS           // tls
	Region             string        // region: the only region whose recordings are read here
	Data               string        // data: directory of the recordings and their search index
	BackupDirectory    string        // backup_directory: where backups are made; empty: none are
	ContactCenters     []string      // contact_centers: those that exist; empty: any
	AcceptEmptyHistory bool          // accept_empty_history: take recordings without events
	Compatibility      string        // compatibility: Compatibility2013 or Compatibility85
	Index              string        // index: always IndexEmbedded in this version
	LogLevel           string        // log_level: debug, info, warn or error
	MaxBody            int64         // max_body: bytes that a posted recording may have
	MaxConnections     int           // max_connections: how many are open at a time; more wait
	MaxPerAddress      int           // max_connections_per_address: of these, of one address; 0: a quarter
	ScrubInterval      time.Duration // scrub_interval: how often everything that is stored is verified; 0: never
	SearchTimeout      time.Duration // search_timeout: how long one search may take
	AnswerMemory       int64         // answer_memory: bytes that all answers hold together; 0: as [api.Options] has it
	BatchMemory        int64         // batch_memory: bytes that all batches hold together; 0: as [api.Options] has it
	SearchMemory       int64         // search_memory: bytes that the matches and candidates of one search may take
	CacheMemory        int64         // cache_memory: bytes for what was read lately
	Users              []auth.User   // users, each with name, password_hash, role and contact_center
	Storage            Storage       // storage
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

// IndexEmbedded is the index that keeps everything on this machine.
const IndexEmbedded = "embedded"

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
		LogLevel:       "info",
		MaxBody:        1 << 20,
		MaxConnections: 1024,
		ScrubInterval:  7 * 24 * time.Hour,
		SearchTimeout:  10 * time.Second,
		SearchMemory:   256 << 20,
		CacheMemory:    256 << 20,
		Storage:        Storage{S3: storage.S3{Checksums: storage.ChecksumsWhenRequired}},
	}
}

// TakesEmptyHistory reports whether recordings without events are taken.
func (c *Config) TakesEmptyHistory() bool {
	return c.AcceptEmptyHistory || c.Compatibility == Compatibility85
}
