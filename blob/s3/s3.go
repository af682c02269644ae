// Package s3 is the driver for media in Amazon S3 and in storage that speaks its protocol.
//
// What "deleted" means on a versioned bucket is the one thing to know: there, a DELETE only puts a
// marker on top and the bytes stay. This driver then deletes every version of the object by its id.
// If it may not, the delete has failed.
package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"recordings/blob/internal/driver"
	"recordings/blob/internal/wire"
	"recordings/blob/storage"
)

// Options are the settings of one S3 account, which have no problems (see [storage.Problems]).
type Options struct {
	storage.S3
	Timeouts wire.Timeouts
	Resolver *net.Resolver
	Observe  func(http.RoundTripper) http.RoundTripper
}

// attempts bounds how often the SDK sends one request; it waits at most maxBackoff in between.
const (
	attempts   = 2
	maxBackoff = 200 * time.Millisecond
)

// Client reaches the buckets of one account.
type Client struct {
	apis    map[string]*s3.Client // by region
	region  string
	regions map[string]string // by bucket
	wire    *wire.Transport
}

// New makes a client. It contacts nobody, but reads the SDK's shared files if no keys are given.
func New(ctx context.Context, o Options) (*Client, error) {
	endpoint, err := url.Parse(o.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("reading the endpoint: %w", err)
	}

	creds, err := o.credentials(ctx)
	if err != nil {
		return nil, err
	}

	t := wire.New(wire.Options{
		Host: endpoint.Hostname(), Resolver: o.Resolver, Timeouts: o.Timeouts, Observe: o.Observe,
		Redirected: otherRegion,
	})
	so := s3.Options{
		Region:       o.Region,
		Credentials:  creds,
		UsePathStyle: o.PathStyle,
		HTTPClient:   doer{t},
		Retryer: retry.NewStandard(func(so *retry.StandardOptions) {
			so.MaxAttempts, so.MaxBackoff = attempts, maxBackoff
		}),
		RequestChecksumCalculation:                aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation:                aws.ResponseChecksumValidationWhenRequired,
		DisableLogOutputChecksumValidationSkipped: true,
	}

	if o.Endpoint != "" {
		so.BaseEndpoint = &o.Endpoint
	}

	if o.Checksums == storage.ChecksumsWhenSupported {
		so.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
		so.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported
	}

	c := &Client{apis: map[string]*s3.Client{}, region: o.Region, regions: map[string]string{}, wire: t}
	for _, r := range o.Regions {
		c.regions[r.Bucket] = r.Region
	}
	for _, region := range append(slices.Collect(maps.Values(c.regions)), o.Region) {
		c.apis[region] = s3.New(so, func(so *s3.Options) { so.Region = region })
	}
	return c, nil
}

func (o Options) credentials(ctx context.Context) (aws.CredentialsProvider, error) {
	if o.AccessKey != "" {
		return credentials.NewStaticCredentialsProvider(o.AccessKey, o.SecretKey, ""), nil
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(o.Region))
	if err != nil {
		return nil, fmt.Errorf("reading the AWS SDK's shared configuration: %w", err)
	}
	return cfg.Credentials, nil
}

// Close closes the connections that nothing uses.
func (c *Client) Close() { c.wire.Close() }

// Bucket is one bucket of the account.
func (c *Client) Bucket(name string) driver.Place {
	region := cmp.Or(c.regions[name], c.region)
	return &bucket{api: c.apis[region], name: name, region: region}
}

// doer sends the SDK's requests without an http.Client, which would follow redirects.
type doer struct{ t *wire.Transport }

// Do implements [s3.HTTPClient].
func (d doer) Do(req *http.Request) (*http.Response, error) {
	resp, err := d.t.RoundTrip(req)
	return resp, driver.Classify(req.Context(), err)
}

// bucket implements driver.Place. Keys are sent exactly as they are.
type bucket struct {
	api    *s3.Client
	name   string
	region string
}

// Stat implements [driver.Place].
func (b *bucket) Stat(ctx context.Context, key string) (driver.Info, error) {
	out, err := b.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return driver.Info{}, b.fail(ctx, err)
	}
	return info(out.ContentLength, out.LastModified, out.ETag), nil
}

// Get implements [driver.Place].
func (b *bucket) Get(ctx context.Context, key string, r driver.Range, only driver.Info) (*driver.Body, error) {
	in := &s3.GetObjectInput{Bucket: &b.name, Key: &key}
	if h := r.Header(); h != "" {
		in.Range = &h
	}

	if tag := only.StrongETag(); tag != "" {
		in.IfMatch = &tag
	}

	out, err := b.api.GetObject(ctx, in, func(o *s3.Options) {
		if r != driver.Whole {
			// Some servers send the checksum of the whole with a part.
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
	})

	if err != nil {
		return nil, b.fail(ctx, err)
	}

	body := &driver.Body{ReadCloser: out.Body, Info: info(out.ContentLength, out.LastModified, out.ETag)}
	if resp, ok := middleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response); ok {
		body.Framed = wire.Framed(resp.Response)
	}
	body.End = body.Info.Size
	if out.ContentRange != nil {
		cr, err := driver.ParseContentRange(*out.ContentRange)
		if err != nil {
			out.Body.Close()
			return nil, b.fail(ctx, err)
		}
		body.Start, body.End, body.Info.Size = cr.Start, cr.End, cr.Size
	}

	return body, nil
}

// info leaves out what the storage did not tell.
func info(size *int64, modTime *time.Time, etag *string) driver.Info {
	i := driver.Info{Size: -1, ModTime: aws.ToTime(modTime), ETag: driver.ValidETag(aws.ToString(etag))}
	if size != nil {
		i.Size = *size
	}
	return i
}

// fail says what an error of the SDK means. What the server wrote as message is left out: it may
// hold the key.
func (b *bucket) fail(ctx context.Context, err error) error {
	place := fmt.Sprintf("S3 bucket %q", b.name)
	var known *driver.Error
	var answer *smithyhttp.ResponseError
	if errors.As(err, &known) || !errors.As(err, &answer) || answer.HTTPStatusCode() < 300 {
		return driver.At(place, driver.Classify(ctx, err))
	}

	e := driver.StatusError(answer.HTTPStatusCode())
	var api smithy.APIError
	if errors.As(err, &api) {
		e.Err = fmt.Errorf("%.60q", api.ErrorCode())
		switch api.ErrorCode() {
		case "NoSuchBucket":
			e.Kind = driver.ErrRefused // a wrong setting: nothing is known about the object
		case "InvalidObjectState":
			e.Kind = driver.ErrArchived
		}
		if region := namedRegion(answer, api); region != "" && region != b.region {
			e.Err = fmt.Errorf("%w: the bucket is in region %s, and %s is configured; storage.awsS3.regions can "+
				"say so", e.Err, region, b.region)
		}
	}

	return driver.At(place, e)
}

// regionHeader is where S3 says in which region a bucket is.
const regionHeader = "X-Amz-Bucket-Region"

var (
	regionName     = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,40}$`)
	expectedRegion = regexp.MustCompile(`expecting ['"]([a-z0-9][a-z0-9-]{0,40})['"]`)
)

// otherRegion says which region a redirect of S3 names.
func otherRegion(h http.Header) string {
	region := h.Get(regionHeader)
	if !regionName.MatchString(region) {
		return ""
	}
	return ": the bucket is in region " + region + "; storage.awsS3.regions can say so"
}

// namedRegion is the region that a refusal names, in its header or, where the signature was made for
// another one, only in its message; empty if it names none.
func namedRegion(answer *smithyhttp.ResponseError, api smithy.APIError) string {
	if answer.Response != nil {
		if region := answer.Response.Header.Get(regionHeader); regionName.MatchString(region) {
			return region
		}
	}
	if m := expectedRegion.FindStringSubmatch(api.ErrorMessage()); m != nil {
		return m[1]
	}
	return ""
}

// missing reports whether an error says that the object, and not something else, is missing.
func missing(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && (api.ErrorCode() == "NoSuchKey" || api.ErrorCode() == "NoSuchVersion")
}
