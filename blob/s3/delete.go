package s3

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"recordings/blob/internal/driver"
)

// Delete deletes the object, and on a versioned bucket all its versions. Amazon does not tell
// whether there was an object.
func (b *bucket) Delete(ctx context.Context, key string) error {
	out, err := b.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key})
	if missing(err) {
		return b.fail(ctx, &driver.Error{Kind: driver.ErrNotFound})
	}
	if err != nil {
		return b.notDeleted(ctx, err)
	}
	if !aws.ToBool(out.DeleteMarker) && aws.ToString(out.VersionId) == "" {
		return nil // not versioned
	}

	if err := b.deleteVersions(ctx, key); err != nil {
		return fmt.Errorf("the bucket is versioned, and the media may still lie behind a delete marker: %w", err)
	}

	return nil
}

// notDeleted is fail, except that a 404 which does not say that the key is missing is no
// confirmation of anything.
func (b *bucket) notDeleted(ctx context.Context, err error) error {
	err = b.fail(ctx, err)
	var e *driver.Error
	if errors.As(err, &e) && e.Kind == driver.ErrNotFound {
		e.Kind = driver.ErrRefused
	}
	return err
}

// deleteVersions deletes all versions of an object, then the markers on top of them, so that
// nothing comes to light again when it is interrupted. At last it makes sure that nothing is left.
func (b *bucket) deleteVersions(ctx context.Context, key string) error {
	for range 2 { // the second pass sees what was written in the meantime
		versions, markers, err := b.versions(ctx, key)
		if err != nil {
			return err
		}
		if len(versions) == 0 && len(markers) == 0 {
			return nil
		}

		for _, id := range append(versions, markers...) {
			_, err := b.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, VersionId: &id})
			if err != nil && !missing(err) {
				return b.notDeleted(ctx, err)
			}
		}
	}

	versions, _, err := b.versions(ctx, key)
	if err == nil && len(versions) > 0 {
		err = b.fail(ctx, driver.Newf(driver.ErrRefused, "%d versions are still there after they were deleted",
			len(versions)))
	}

	return err
}

// versions lists the ids of the versions and of the delete markers of exactly this key.
func (b *bucket) versions(ctx context.Context, key string) (versions, markers []string, err error) {
	pages := s3.NewListObjectVersionsPaginator(b.api, &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: &key})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, b.notDeleted(ctx, err)
		}

		other := false // keys come in order, and the prefix itself is the first of those that begin with it
		for _, v := range page.Versions {
			if aws.ToString(v.Key) == key {
				versions = append(versions, aws.ToString(v.VersionId))
			} else {
				other = true
			}
		}

		for _, m := range page.DeleteMarkers {
			if aws.ToString(m.Key) == key {
				markers = append(markers, aws.ToString(m.VersionId))
			} else {
				other = true
			}
		}

		if other {
			break
		}
	}

	return versions, markers, nil
}
