package faulttest

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

// Caller calls a service as operations and as an administrator do.
type Caller struct {
	HTTP *http.Client
	URL  string // of the service, without a path
}

// Answer is what the service said.
type Answer struct {
	Status int
	Body   []byte
}

// Call sends a request. An error means that there was no answer, or not all of it.
func (c *Caller) Call(ctx context.Context, user, method, path string, body []byte) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, strings.NewReader(string(body)))
	if err != nil {
		return Answer{}, err
	}

	req.SetBasicAuth(user, "secret")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()

	b, err := io.ReadAll(resp.Body)
	return Answer{resp.StatusCode, b}, err
}

// ContactCenter is that of the tests.
const ContactCenter = "a5539ef5-7dd5-4150-818f-ee1bcd447cbe"

// OpsRecordings is the path of the recordings of [ContactCenter], for operations.
const OpsRecordings = "/api/v2/ops/contact-centers/" + ContactCenter + "/recordings"

// Post posts a recording.
func (c *Caller) Post(ctx context.Context, r *mapping.Recording) (Answer, error) {
	body, err := mapping.Encode(r)
	if err != nil {
		return Answer{}, err
	}
	return c.Call(ctx, "ops", http.MethodPost, OpsRecordings, body)
}

// Delete deletes the metadata of a recording.
func (c *Caller) Delete(ctx context.Context, id string) (Answer, error) {
	return c.Call(ctx, "ops", http.MethodDelete, OpsRecordings+"/"+url.PathEscape(id), nil)
}

// Read returns the recording, or nil if there is none.
func (c *Caller) Read(ctx context.Context, id string) (*mapping.Recording, error) {
	a, err := c.Call(ctx, "ops", http.MethodGet, OpsRecordings+"/"+url.PathEscape(id), nil)
	switch {
	case err != nil:
		return nil, err
	case a.Status == http.StatusNotFound:
		return nil, nil
	case a.Status != http.StatusOK:
		return nil, fmt.Errorf("reading %s: %d %s", id, a.Status, a.Body)
	}

	var v struct {
		Recording map[string]jsontext.Value `json:"recording"`
	}

	if err := json.Unmarshal(a.Body, &v); err != nil {
		return nil, err
	}

	return AsPosted(v.Recording)
}

// AsPosted turns what operations read back into what was posted.
func AsPosted(view map[string]jsontext.Value) (*mapping.Recording, error) {
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

// Search returns the ids of all recordings that an administrator finds, page by page.
func (c *Caller) Search(ctx context.Context, params map[string]string) ([]string, error) {
	query := url.Values{}
	for name, value := range params {
		query.Set(name, value)
	}

	var ids []string
	next := c.URL + "/api/v2/recordings?" + query.Encode()
	for next != "" {
		a, err := c.Call(ctx, "admin", http.MethodGet, strings.TrimPrefix(next, c.URL), nil)
		if err != nil {
			return nil, err
		}
		if a.Status != http.StatusOK {
			return nil, fmt.Errorf("searching %v: %d %s", params, a.Status, a.Body)
		}

		var page struct {
			Recordings []struct {
				ID string `json:"id"`
			} `json:"recordings"`
			NextURI string `json:"nextUri"`
		}

		if err := json.Unmarshal(a.Body, &page); err != nil {
			return nil, err
		}

		for _, r := range page.Recordings {
			ids = append(ids, r.ID)
		}

		next = page.NextURI
	}

	return ids, nil
}

// RecordingOf makes up a recording with one media file and two events, all of them marked by the
// part: posts of the same id with different parts merge into one recording with all parts.
func RecordingOf(id string, part int) *mapping.Recording {
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

// Verdict is a line of the answer to many recordings.
type Verdict struct {
	Line       int    `json:"line"`
	ID         string `json:"id"`
	Outcome    string `json:"outcome"`
	StatusCode int    `json:"statusCode"`
	Lines      *int   `json:"lines"` // of the totals, which are no verdict

	StatusMessage string `json:"statusMessage"`
}

// PostBatch posts lines at once, and returns the verdicts that came back.
func (c *Caller) PostBatch(ctx context.Context, lines []byte) (verdicts []Verdict) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+OpsRecordings, bytes.NewReader(lines))
	if err != nil {
		return nil
	}

	req.SetBasicAuth("ops", "secret")
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()

	for answers := bufio.NewScanner(resp.Body); answers.Scan(); {
		var l Verdict
		if json.Unmarshal(answers.Bytes(), &l) == nil && l.Lines == nil && l.Line > 0 {
			verdicts = append(verdicts, l)
		}
	}

	return verdicts
}
