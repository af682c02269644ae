package opensearch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/index/opensearch/client"
)

// shards is on how many shards a request has worked.
type shards struct {
	Total      int `json:"total"`
	Successful int `json:"successful"`
	Failed     int `json:"failed"`
}

// retryPause is how long to wait before something is tried again.
const retryPause = 50 * time.Millisecond

// errPartial says that only part of an answer has come.
var errPartial = errors.New("some shards did not answer")

// ask makes a request that is safe to be made again, and reads the answer.
func (x *engine) ask(ctx context.Context, method, path string, body, to any) error {
	return x.askBounded(ctx, method, path, body, to, 0)
}

// askBounded is ask with a bound for the answer, in bytes; 0: there is none.
func (x *engine) askBounded(ctx context.Context, method, path string, body, to any, most int64) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body, json.Deterministic(true)); err != nil {
			return fmt.Errorf("encoding for the cluster: %w", err)
		}
	}
	answer, err := x.client.Do(ctx, client.Request{Method: method, Path: path, Body: text, Safe: true, Most: most})
	if err != nil {
		return err
	}
	if to == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Body, to); err != nil {
		return fmt.Errorf("reading an answer of the cluster: %w", err)
	}
	return nil
}

// again waits a little if what went wrong may go well later, and reports whether to try again.
func (x *engine) again(ctx context.Context, err error) bool {
	var status *client.StatusError
	if !errors.Is(err, errPartial) && !(errors.As(err, &status) && status.Temporary()) {
		return false
	}
	select {
	case <-time.After(retryPause):
		return true
	case <-ctx.Done():
		return false
	}
}
