// Package storage has the settings of the storages of media, and knows what is wrong with them.
//
// It knows neither the storages nor what talks to them, so that what only reads a configuration need
// not know these either.
package storage

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"recordings/blob/internal/address"
	"recordings/internal/problem"
)

// S3 is the Amazon S3 account, or an S3-compatible server, and the buckets that may be contacted.
type S3 struct {
	Buckets   []string
	Region    string         // required, if there are buckets
	Regions   []BucketRegion // of the buckets that are not in Region
	Endpoint  string         // URL of an S3-compatible server; empty: Amazon's for the region
	PathStyle bool           // the bucket in the path, not in the host name
	Checksums string         // one of the modes below; empty is the first
	AccessKey string         // empty, with SecretKey: the AWS SDK's default chain (environment, shared files, roles)
	SecretKey string
}

// BucketRegion says which region a bucket is in.
type BucketRegion struct{ Bucket, Region string }

// When requests to Amazon S3 carry checksums beyond what the protocol demands.
const (
	ChecksumsWhenRequired  = "when_required"  // works with every S3-compatible server
	ChecksumsWhenSupported = "when_supported" // whole objects are checked against the checksum that the storage keeps
)

// WebDAV is the WebDAV origins that may be contacted.
type WebDAV struct {
	Origins []Origin
	Default string // URL of an origin, or below one: relative paths are resolved against it; empty: there are none
}

// Origin is a scheme, host, port and path prefix, with the credentials that are sent there and
// nowhere else.
type Origin struct {
	URL      string
	Username string // empty: no credentials
	Password string
}

// Problems are all that is wrong with the storages, by the paths of the settings.
func Problems(s3 S3, webDAV WebDAV) (problems problem.List) {
	problems.Add("storage.awsS3", s3.problems())
	problems.Add("storage.webDAV", webDAV.problems())
	return problems
}

// bucketName is what buckets are called, at Amazon, at Amazon long ago, and on other servers. In the
// path of a URL nothing else may stand there: it could lead to another bucket.
var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$`)

func (s S3) problems() (problems problem.List) {
	problems.CheckNames("buckets", s.Buckets)
	for i, name := range s.Buckets {
		ok := name == "" || bucketName.MatchString(name) && !strings.Contains(name, "..")
		problems.Check(ok, fmt.Sprintf("buckets[%d]", i),
			"is not the name of a bucket, which has letters, digits, and single points, hyphens or underscores")
	}

	if len(s.Buckets) > 0 {
		problems.Check(s.Region != "", "region",
			"is required where there are buckets: the region that they are in, such as us-east-1")
	}
	for i, r := range s.Regions {
		at := fmt.Sprintf("regions[%d]", i)
		same := func(other BucketRegion) bool { return other.Bucket == r.Bucket }
		problems.Check(slices.Contains(s.Buckets, r.Bucket), at+".bucket", "must be one of the buckets")
		problems.Check(!slices.ContainsFunc(s.Regions[:i], same), at+".bucket", "is in the list already")
		problems.Check(r.Region != "", at+".region", "is required: the region of the bucket, such as eu-central-1")
	}

	if s.Endpoint != "" {
		problems.CheckURL("endpoint", s.Endpoint)
	}
	modes := []string{"", ChecksumsWhenRequired, ChecksumsWhenSupported}
	problems.Check(slices.Contains(modes, s.Checksums), "checksums",
		"must be "+ChecksumsWhenRequired+" or "+ChecksumsWhenSupported)

	const together = "is missing: access_key and secret_key must be given together"
	problems.Check(s.AccessKey != "" || s.SecretKey == "", "access_key", together)
	problems.Check(s.SecretKey != "" || s.AccessKey == "", "secret_key", together)
	return problems
}

func (w WebDAV) problems() (problems problem.List) {
	var places []address.Address
	for i, o := range w.Origins {
		at := fmt.Sprintf("origins[%d]", i)
		if !problems.Check(o.URL != "", at+".url", "is required") {
			continue
		}

		if a, err := address.ParsePrefix(o.URL); problems.Check(err == nil, at+".url", problem.URLForm) {
			problems.Check(!slices.Contains(places, a), at+".url", "is in the list already")
			places = append(places, a)
		}
		problems.Check(o.Username != "" || o.Password == "", at+".username", "is missing: there is a password")
		problems.Check(!strings.Contains(o.Username, ":"), at+".username", "must not have a colon")
	}

	if w.Default == "" {
		return problems
	}
	a, err := address.ParsePrefix(w.Default)
	if problems.Check(err == nil, "default", problem.URLForm) {
		problems.Check(slices.ContainsFunc(places, a.Below), "default",
			"must be one of the origins, or lie below one: nothing else is ever contacted")
	}
	return problems
}
