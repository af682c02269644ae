package config

import (
	"time"

	"recordings/api/auth"
	"recordings/api/signon"
	"recordings/blob/storage"
	"recordings/erase/policy"
)

// settings is the table of all keys, each with where its value goes.
func settings(c *Config) []setting {
	return []setting{
		{key: "listen", take: toText(&c.Listen)},
		{key: "public_url", take: toText(&c.PublicURL)},
		{key: "trusted_proxies", take: toTexts(&c.TrustedProxies)},
		{key: "cors", group: []setting{{key: "origins", take: toTexts(&c.CORS.Origins)}}},
		{key: "tls", group: []setting{
			{key: "certificate", take: toText(&c.TLS.Certificate)},
			{key: "key", take: toText(&c.TLS.Key)},
		}},
		{key: "region", take: toText(&c.Region)},
		{key: "data", take: toText(&c.Data)},
		{key: "backup_directory", take: toText(&c.BackupDirectory)},
		{key: "contact_centers", take: toTexts(&c.ContactCenters)},
		{key: "accept_empty_history", take: toBool(&c.AcceptEmptyHistory)},
		{key: "compatibility", take: toText(&c.Compatibility)},
		{key: "index", take: toText(&c.Index)},
		{key: "opensearch", group: openSearchSettings(&c.OpenSearch)},
		{key: "log_level", take: toText(&c.LogLevel)},
		{key: "log_format", take: toText(&c.LogFormat)},
		{key: "max_body", take: toInt(&c.MaxBody, 1<<10, 64<<20)},
		{key: "max_connections", take: toInt(&c.MaxConnections, 1, 1<<20)},
		{key: "max_connections_per_address", take: toInt(&c.MaxPerAddress, 0, 1<<20)},
		{key: "scrub_interval", take: toDuration(&c.ScrubInterval, 0, 365*24*time.Hour)},
		{key: "audit_keep", take: toDays(&c.AuditKeep)},
		{key: "audit_keep_details", take: toDays(&c.AuditKeepDetails)},
		{key: "search_timeout", take: toDuration(&c.SearchTimeout, 10*time.Millisecond, 10*time.Minute)},
		{key: "search_memory", take: toInt(&c.SearchMemory, 1<<20, 1<<40)},
		{key: "answer_memory", take: toInt(&c.AnswerMemory, 0, 1<<40)},
		{key: "batch_memory", take: toInt(&c.BatchMemory, 0, 1<<40)},
		{key: "cache_memory", take: toInt(&c.CacheMemory, 8<<20, 1<<40)},
		{key: "deletion_rate", take: toInt(&c.DeletionRate, 0, 1<<20)},
		{key: "retention", take: toList(&c.Retention, policySettings)},
		{key: "users", take: toList(&c.Users, userSettings)},
		{key: "tokens", take: toList(&c.Tokens, tokenSettings)},
		{key: "oidc", group: oidcSettings(&c.OIDC)},
		{key: "storage", group: []setting{
			{key: "awsS3", group: s3Settings(&c.Storage.S3)},
			{key: "webDAV", group: []setting{
				{key: "default", take: toText(&c.Storage.WebDAV.Default)},
				{key: "origins", take: toList(&c.Storage.WebDAV.Origins, originSettings)},
			}},
		}},
	}
}

// openSearchSettings are the keys of the cluster.
func openSearchSettings(o *OpenSearch) []setting {
	const most = 1024
	return []setting{
		{key: "addresses", take: toTexts(&o.Addresses)},
		{key: "username", take: toText(&o.Username)},
		{key: "password", take: toText(&o.Password)},
		{key: "ca", take: toText(&o.CA)},
		{key: "certificate", take: toText(&o.Certificate)},
		{key: "key", take: toText(&o.Key)},
		{key: "index", take: toText(&o.Index)},
		{key: "shards", take: toInt(&o.Shards, 1, most)},
		{key: "replicas", take: toInt(&o.Replicas, 0, 16)},
		{key: "snapshot_repository", take: toText(&o.SnapshotRepository)},
	}
}

// userSettings are the keys of one user.
func userSettings(u *auth.User) []setting {
	return []setting{
		{key: "name", take: toText(&u.Name)},
		{key: "password_hash", take: toText(&u.PasswordHash)},
		{key: "role", take: toText(&u.Role)},
		{key: "contact_center", take: toOne(&u.ContactCenters)},
		{key: "contact_centers", take: toTexts(&u.ContactCenters)},
		{key: "access_groups", take: toTexts(&u.AccessGroups)},
	}
}

// policySettings are the keys of one policy of retention.
func policySettings(p *policy.Policy) []setting {
	p.MaxShare = policy.DefaultMaxShare
	return []setting{
		{key: "name", take: toText(&p.Name)},
		{key: "after", take: toText(&p.After)},
		{key: "contact_centers", take: toTexts(&p.ContactCenters)},
		{key: "criteria", take: toTextMap(&p.Criteria)},
		{key: "everything", take: toBool(&p.Everything)},
		{key: "subresources", take: toBool(&p.Subresources)},
		{key: "between", take: toText(&p.Between)},
		{key: "max_share", take: toInt(&p.MaxShare, 0, 100)},
	}
}

// oidcSettings are the keys of the identity provider.
func oidcSettings(o *signon.Settings) []setting {
	claim := func(to *string) []setting { return []setting{{key: "claim", take: toText(to)}} }
	return []setting{
		{key: "issuer", take: toText(&o.Issuer)},
		{key: "client_id", take: toText(&o.ClientID)},
		{key: "client_secret", take: toText(&o.ClientSecret)},
		{key: "audience", take: toText(&o.Audience)},
		{key: "roles", group: []setting{
			{key: "claim", take: toText(&o.Roles.Claim)},
			{key: "ops", take: toTexts(&o.Roles.Ops)},
			{key: "admin", take: toTexts(&o.Roles.Admin)},
			{key: "recorder", take: toTexts(&o.Roles.Recorder)},
			{key: "auditor", take: toTexts(&o.Roles.Auditor)},
		}},
		{key: "contact_center", group: claim(&o.ContactCenter)},
		{key: "access_groups", group: claim(&o.AccessGroups)},
		{key: "user_name", group: claim(&o.UserName)},
		{key: "button", take: toText(&o.Button)},
	}
}

// tokenSettings are the keys of one token.
func tokenSettings(t *auth.Token) []setting {
	return []setting{
		{key: "name", take: toText(&t.Name)},
		{key: "hash", take: toText(&t.Hash)},
		{key: "role", take: toText(&t.Role)},
		{key: "contact_center", take: toOne(&t.ContactCenters)},
		{key: "contact_centers", take: toTexts(&t.ContactCenters)},
		{key: "access_groups", take: toTexts(&t.AccessGroups)},
		{key: "expires", take: toText(&t.Expires)},
	}
}

// s3Settings are the keys of storage.awsS3, which the API calls its storage.
func s3Settings(s *storage.S3) []setting {
	return []setting{
		{key: "buckets", take: toTexts(&s.Buckets)},
		{key: "region", take: toText(&s.Region)},
		{key: "regions", take: toList(&s.Regions, regionSettings)},
		{key: "endpoint", take: toText(&s.Endpoint)},
		{key: "path_style", take: toBool(&s.PathStyle)},
		{key: "checksums", take: toText(&s.Checksums)},
		{key: "access_key", take: toText(&s.AccessKey)},
		{key: "secret_key", take: toText(&s.SecretKey)},
	}
}

// regionSettings are the keys of a bucket in a region of its own.
func regionSettings(b *storage.BucketRegion) []setting {
	return []setting{
		{key: "bucket", take: toText(&b.Bucket)},
		{key: "region", take: toText(&b.Region)},
	}
}

// originSettings are the keys of one WebDAV server.
func originSettings(o *storage.Origin) []setting {
	return []setting{
		{key: "url", take: toText(&o.URL)},
		{key: "username", take: toText(&o.Username)},
		{key: "password", take: toText(&o.Password)},
	}
}
