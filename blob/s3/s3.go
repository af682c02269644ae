// Package s3 is the driver for media in Amazon S3 and in storage that speaks its protocol.
//
// What "deleted" means on a versioned bucket is the one thing to know: there, a DELETE only puts a
// marker on top and the bytes stay. This driver then deletes every version of the object by its id.
// If it may not, the delete has failed.
package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"recordings/blob/internal/driver"
	"recordings/blob/internal/wire"
)

// The checksum modes.
const (
	ChecksumsWhenRequired  = "when_required"  // works with every S3-compatible server
	ChecksumsWhenSupported = "when_supported" // whole objects are checked against the checksum that the storage keeps
)

// Options are the settings of one S3 account.
type Options struct {
	Region    string // required
	Endpoint  string // URL of an S3-compatible server; empty: Amazon's for the region
	PathStyle bool   // the bucket in the path, not in the host name
	Checksums string // empty: ChecksumsWhenRequired
	AccessKey string // empty, with SecretKey: the SDK's default chain (environment, shared files, roles)
	SecretKey string

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
	api  *s3.Client
	wire *wire.Transport
}

// New checks the options and makes a client. It contacts nobody, but reads the SDK's shared files
// if no keys are given.
func New(ctx context.Context, o Options) (*Client, error) {
	host, err := check(o)
	if err != nil {
		return nil, err
	}

	creds, err := o.credentials(ctx)
	if err != nil {
		return nil, err
	}

	t := wire.New(wire.Options{Host: host, Resolver: o.Resolver, Timeouts: o.Timeouts, Observe: o.Observe})
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

	if o.Checksums == ChecksumsWhenSupported {
		so.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
		so.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported
	}

	return &Client{api: s3.New(so), wire: t}, nil
}

// check tells everything that is wrong with the options, and returns the host of the endpoint.
func check(o Options) (string, error) {
	var errs []error
	if o.Region == "" {
		errs = append(errs, errors.New("storage.awsS3.region is missing"))
	}
	if (o.AccessKey == "") != (o.SecretKey == "") {
		errs = append(errs, errors.New("storage.awsS3.access_key and storage.awsS3.secret_key go together"))
	}

	switch o.Checksums {
	case "", ChecksumsWhenRequired, ChecksumsWhenSupported:
	default:
		errs = append(errs, fmt.Errorf("storage.awsS3.checksums is %q, accepted are %s and %s",
			o.Checksums, ChecksumsWhenRequired, ChecksumsWhenSupported))
	}

	u, err := url.Parse(o.Endpoint)
	if o.Endpoint != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		return "", errors.Join(append(errs,
			errors.New("storage.awsS3.endpoint is not an http or https URL of a host"))...)
	}

	return u.Hostname(), errors.Join(errs...)
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
func (c *Client) Bucket(name string) driver.Place { return &bucket{client: c, name: name} }

// doer sends the SDK's requests without an http.Client, which would follow redirects.
type doer struct{ t *wire.Transport }

// Do implements [s3.HTTPClient].
func (d doer) Do(req *http.Request) (*http.Response, error) {
	resp, err := d.t.RoundTrip(req)
	return resp, driver.Classify(req.Context(), err)
}

// bucket implements driver.Place. Keys are sent exactly as they are.
type bucket struct {
	client *Client
	name   string
}

// Stat implements [driver.Place].
func (b *bucket) Stat(ctx context.Context, key string) (driver.Info, error) {
	out, err := b.client.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
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

	out, err := b.client.api.GetObject(ctx, in, func(o *s3.Options) {
		if r != driver.Whole {
			// Some servers send the checksum of the whole with a part.
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
	})

	if err != nil {
		return nil, b.fail(ctx, err)
	}

	body := &driver.Body{ReadCloser: out.Body, Info: info(out.ContentLength, out.LastModified, out.ETag)}
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
		if api.ErrorCode() == "NoSuchBucket" {
			e.Kind = driver.ErrRefused // a wrong setting: nothing is known about the object
		}
	}

	return driver.At(place, e)
}

// missing reports whether an error says that the object, and not something else, is missing.
func missing(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && (api.ErrorCode() == "NoSuchKey" || api.ErrorCode() == "NoSuchVersion")
}
