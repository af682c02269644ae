//go:build integration

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"recordings/mapping"
)

// caller calls a service as operations and as an administrator do.
type caller struct {
	http *http.Client
	url  string
}

// answer is what the service said.
type answer struct {
	status int
	body   []byte
}

// call sends a request. An error means that there was no answer, or not all of it.
func (c *caller) call(ctx context.Context, user, method, path string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(string(body)))
	if err != nil {
		return answer{}, err
	}

	req.SetBasicAuth(user, "secret")
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()

	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, b}, err
}

const opsRecordings = "/api/v2/ops/contact-centers/" + contactCenter + "/recordings"

func (c *caller) post(ctx context.Context, r *mapping.Recording) (answer, error) {
	body, err := mapping.Encode(r)
	if err != nil {
		return answer{}, err
	}
	return c.call(ctx, "ops", http.MethodPost, opsRecordings, body)
}

func (c *caller) delete(ctx context.Context, id string) (answer, error) {
	return c.call(ctx, "ops", http.MethodDelete, opsRecordings+"/"+url.PathEscape(id), nil)
}

// read returns the recording, or nil if there is none.
func (c *caller) read(ctx context.Context, id string) (*mapping.Recording, error) {
	a, err := c.call(ctx, "ops", http.MethodGet, opsRecordings+"/"+url.PathEscape(id), nil)
	switch {
	case err != nil:
		return nil, err
	case a.status == http.StatusNotFound:
		return nil, nil
	case a.status != http.StatusOK:
		return nil, fmt.Errorf("reading %s: %d %s", id, a.status, a.body)
	}

	var v struct {
		Recording map[string]jsontext.Value `json:"recording"`
	}

	if err := json.Unmarshal(a.body, &v); err != nil {
		return nil, err
	}

	return asPosted(v.Recording)
}

// asPosted turns what operations read back into what was posted.
func asPosted(view map[string]jsontext.Value) (*mapping.Recording, error) {
	var files []map[string]jsontext.Value
	if err := json.Unmarshal(view["mediaFiles"], &files); err != nil {
		return nil, err
	}

	for _, f := range files {
		f["mediaDescriptor"] = f["originalMediaDescriptor"]
	}

	var err error
	if view["mediaFiles"], err = json.Marshal(files); err != nil {
		return nil, err
	}

	body, err := json.Marshal(view)
	if err != nil {
		return nil, err
	}

	return mapping.Decode(body, mapping.DecodeOptions{})
}

// search returns the ids of all recordings that an administrator finds, page by page.
func (c *caller) search(ctx context.Context, params map[string]string) ([]string, error) {
	query := url.Values{}
	for name, value := range params {
		query.Set(name, value)
	}

	var ids []string
	next := c.url + "/api/v2/recordings?" + query.Encode()
	for next != "" {
		a, err := c.call(ctx, "admin", http.MethodGet, strings.TrimPrefix(next, c.url), nil)
		if err != nil {
			return nil, err
		}
		if a.status != http.StatusOK {
			return nil, fmt.Errorf("searching %v: %d %s", params, a.status, a.body)
		}

		var page struct {
			Recordings []struct {
				ID string `json:"id"`
			} `json:"recordings"`
			NextURI string `json:"nextUri"`
		}

		if err := json.Unmarshal(a.body, &page); err != nil {
			return nil, err
		}

		for _, r := range page.Recordings {
			ids = append(ids, r.ID)
		}

		next = page.NextURI
	}

	return ids, nil
}

// recordingOf makes up a recording with one media file and two events, all of them marked by the
// part: posts of the same id with different parts merge into one recording with all parts.
func recordingOf(id string, part int) *mapping.Recording {
	start := mapping.Time(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()) + mapping.Time(part)*1000
	phone := fmt.Sprintf("+1415555%07d", part)
	contact := mapping.Contact{
		Type: mapping.ContactUser, PhoneNumber: phone, UserName: fmt.Sprintf("agent%d@example.com", part%7),
		FirstName: []string{"Zoë", "Jürgen", "Alice"}[part%3], LastName: []string{"Müller", "Amber"}[part%2],
	}

	return &mapping.Recording{
		ID: id, CallerPhoneNumber: phone, DialedPhoneNumber: fmt.Sprintf("+1800555%04d", part%10), Region: "us-west",
		MediaFiles: []mapping.MediaFile{{
			Descriptor: mapping.MediaDescriptor{Storage: mapping.StorageWebDAV,
				Path: fmt.Sprintf("calls/%d.wav", part)},
			CallUUID: fmt.Sprintf("call-%d", part), StartTime: start, StopTime: start + 60_000,
			Size: fmt.Sprint(part), Tenant: strings.Repeat(fmt.Sprintf("%d ", part), 1+part%200),
		}},
		EventHistory: []mapping.Event{
			{OccurredAt: start, Event: mapping.EventJoined, Contact: &contact},
			{OccurredAt: start + 1, Event: mapping.EventData,
				Data: fmt.Appendf(nil, `{"case":"CASE-%d","queue":"%s"}`, part, []string{"Billing", "Sales"}[part%2])},
		},
	}
}

// postBatch posts lines at once, and returns the verdicts that came back.
func (c *caller) postBatch(ctx context.Context, lines []byte) (verdicts []batchLine) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+opsRecordings, bytes.NewReader(lines))
	if err != nil {
		return nil
	}

	req.SetBasicAuth("ops", "secret")
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()

	for answers := bufio.NewScanner(resp.Body); answers.Scan(); {
		var l batchLine
		if json.Unmarshal(answers.Bytes(), &l) == nil && l.Lines == nil && l.Line > 0 {
			verdicts = append(verdicts, l)
		}
	}

	return verdicts
}
