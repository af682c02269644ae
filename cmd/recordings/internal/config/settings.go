package config

import (
	"time"

	"recordings/api/auth"
	"recordings/blob/storage"
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
		{key: "opensearch", refused: true,
			take: toNothing("is not in this version, which keeps everything on one machine; remove it")},
		{key: "log_level", take: toText(&c.LogLevel)},
		{key: "max_body", take: toInt(&c.MaxBody, 1<<10, 64<<20)},
		{key: "max_connections", take: toInt(&c.MaxConnections, 1, 1<<20)},
		{key: "max_connections_per_address", take: toInt(&c.MaxPerAddress, 0, 1<<20)},
		{key: "scrub_interval", take: toDuration(&c.ScrubInterval, 0, 365*24*time.Hour)},
		{key: "search_timeout", take: toDuration(&c.SearchTimeout, 10*time.Millisecond, 10*time.Minute)},
		{key: "search_memory", take: toInt(&c.SearchMemory, 1<<20, 1<<40)},
		{key: "answer_memory", take: toInt(&c.AnswerMemory, 0, 1<<40)},
		{key: "batch_memory", take: toInt(&c.BatchMemory, 0, 1<<40)},
		{key: "cache_memory", take: toInt(&c.CacheMemory, 8<<20, 1<<40)},
		{key: "users", take: toList(&c.Users, userSettings)},
		{key: "storage", group: []setting{
			{key: "awsS3", group: s3Settings(&c.Storage.S3)},
			{key: "webDAV", group: []setting{
				{key: "default", take: toText(&c.Storage.WebDAV.Default)},
				{key: "origins", take: toList(&c.Storage.WebDAV.Origins, originSettings)},
			}},
		}},
	}
}

// userSettings are the keys of one user.
func userSettings(u *auth.User) []setting {
	return []setting{
		{key: "name", take: toText(&u.Name)},
		{key: "password_hash", take: toText(&u.PasswordHash)},
		{key: "role", take: toText(&u.Role)},
		{key: "contact_center", take: toText(&u.ContactCenter)},
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
