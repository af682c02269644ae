package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"recordings/blob/internal/driver"
)

// List implements [driver.Lister]. The storage gives up to 1,000 objects at a time.
func (b *bucket) List(ctx context.Context, fn func([]driver.Object) error) error {
	pages := s3.NewListObjectsV2Paginator(b.api, &s3.ListObjectsV2Input{Bucket: &b.name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return b.fail(ctx, err)
		}

		objects := make([]driver.Object, len(page.Contents))
		for i, o := range page.Contents {
			objects[i] = driver.Object{Key: aws.ToString(o.Key), Info: info(o.Size, o.LastModified, o.ETag)}
		}
		if err := fn(objects); err != nil {
			return err
		}
	}
	return nil
}
