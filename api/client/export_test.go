package client_test

import (
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"recordings/api/client"
)

// everything are the criteria that all recordings match.
var everything = client.Criteria{"startTime": "0"}

// flaky is a service behind a proxy that breaks each of the first answers to an export after some
// bytes.
type flaky struct {
	*httptest.Server
	cuts atomic.Int64 // how many are still to be broken
}

func newFlaky(t *testing.T, s *service, cuts, after int64) *flaky {
	t.Helper()
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{}
	f.cuts.Store(cuts)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      discarded(),
		ModifyResponse: func(r *http.Response) error {
			media := strings.Contains(r.Request.URL.Path, "/play/")
			if (media || strings.HasSuffix(r.Request.URL.Path, "/export")) && f.cuts.Add(-1) >= 0 {
				r.Body = &cut{ReadCloser: r.Body, left: after}
			}
			return nil
		},
	}
	f.Server = httptest.NewServer(proxy)
	t.Cleanup(f.Close)
	return f
}

// cut breaks off after some bytes.
type cut struct {
	io.ReadCloser
	left int64
}

func (c *cut) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errors.New("broken for the test")
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// ids are those of an export.
func ids(t *testing.T, c *client.Center, q client.Query, o client.ExportOptions) []string {
	t.Helper()
	var all []string
	for r, err := range c.ExportAll(t.Context(), q, o) {
		if err != nil {
			t.Fatalf("after %d recordings: %v", len(all), err)
		}
		all = append(all, r.ID)
	}
	return all
}

// TestExportResumed: an export that is broken off again and again is the one that nobody disturbed.
func TestExportResumed(t *testing.T) {
	s := running(t)
	fill(t, as(t, s.url, "ops").Center("cc"), 200)
	for _, q := range []client.Query{
		{Criteria: everything},
		{Criteria: everything, Sort: client.OldestFirst},
		{Criteria: everything, Sort: client.OldestChangeFirst},
		{Criteria: client.Criteria{"startedBefore": "2023-11-14T23:00:00Z"}},
	} {
		want := ids(t, as(t, s.url, "admin").Own(), q, client.ExportOptions{})
		for _, after := range []int64{1, 5_000, 33_333} { // the last of these breaks within a line
			f := newFlaky(t, s, 4, after)
			resumed := 0
			o := client.ExportOptions{RetryFor: time.Minute, Resumed: func(error, time.Duration) { resumed++ }}
			got := ids(t, as(t, f.URL, "admin").Own(), q, o)
			if !slices.Equal(got, want) || resumed == 0 {
				t.Errorf("%v cut after %d bytes, resumed %d times: %d recordings, want %d", q, after, resumed, len(got),
					len(want))
			}
		}
	}
}

// TestExportNotResumed: without patience, or where nothing new comes for too long, it is an error.
func TestExportNotResumed(t *testing.T) {
	s := running(t)
	fill(t, as(t, s.url, "ops").Center("cc"), 20)
	for _, patience := range []time.Duration{0, 300 * time.Millisecond} {
		f := newFlaky(t, s, 1_000, 2_000)
		e, err := as(t, f.URL, "admin").Own().Export(t.Context(), client.Query{Criteria: everything},
			client.ExportOptions{RetryFor: patience})
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(e)
		e.Close()
		if !is[*client.InterruptedError](err) || len(text) == 0 || e.Recordings() == 0 {
			t.Errorf("with the patience %v: %d bytes, %v", patience, len(text), err)
		}
	}
}

// TestTables: a table of a real service is whole, and of so many recordings.
func TestTables(t *testing.T) {
	s := running(t)
	ops := as(t, s.url, "ops").Center("cc")
	fill(t, ops, 7)
	for _, o := range []client.ExportOptions{
		{}, {Format: client.CSV, Zone: "Europe/Berlin"}, {Format: client.CSV, Separator: "tab", Guard: "spreadsheet"},
		{Format: client.CSV, Separator: "semicolon"}, {Format: client.XLSX},
	} {
		e, err := ops.Export(t.Context(), client.Query{Criteria: everything}, o)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(e)
		e.Close()
		if err != nil || o.Format != client.XLSX && e.Recordings() != 7 {
			t.Errorf("%+v: %d recordings, %v", o, e.Recordings(), err)
		}
		if o.Format == client.CSV && o.Separator == "" {
			rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
			if err != nil || len(rows) != 9 {
				t.Errorf("%d rows, %v", len(rows), err)
			}
		}
	}

	_, err := ops.Export(t.Context(), client.Query{Criteria: everything}, client.ExportOptions{Format: "xml"})
	if refused, ok := errors.AsType[*client.RefusedError](err); !ok || refused.Code != client.CodeInvalid {
		t.Errorf("another format: %v", err)
	}
}

// TestExportThatIsNotWhole: whatever is missing at the end, reading ends with an error.
func TestExportThatIsNotWhole(t *testing.T) {
	const table = "\ufeff\"id\",\"startTime (UTC)\"\r\n\"a\n\",\"#count\"\r\n\"b\",\"\"\r\n"
	for name, c := range map[string]struct {
		format, body string
		cut          bool // the connection breaks
		whole        bool
	}{
		"whole":                   {"ndjson", `{"id":"a"}` + "\n" + `{"statusCode":0,"count":1}` + "\n", false, true},
		"no last line":            {"ndjson", `{"id":"a"}` + "\n", false, false},
		"nothing":                 {"ndjson", "", false, false},
		"a wrong number":          {"ndjson", `{"id":"a"}` + "\n" + `{"statusCode":0,"count":2}` + "\n", false, false},
		"no end of the last line": {"ndjson", `{"id":"a"}` + "\n" + `{"statusCode":0,"count":1}`, false, false},
		"more behind it":          {"ndjson", `{"statusCode":0,"count":0}` + "\n" + `{"id":"a"}` + "\n", false, false},
		"a line cut off":          {"ndjson", `{"id":"a"}` + "\n" + `{"id":`, true, false},
		"cut off behind the last": {"ndjson", `{"id":"a"}` + "\n" + `{"statusCode":0,"count":1}` + "\n", true, false},
		"a whole table":           {"csv", table + "\"#count\",\"2\"\r\n", false, true},
		"a table without a count": {"csv", table, false, false},
		"a table of another size": {"csv", table + "\"#count\",\"3\"\r\n", false, false},
		"a table cut off":         {"csv", table + "\"c\",\"", true, false},
		"a workbook":              {"xlsx", "PK\x03\x04 parts PK\x05\x06" + strings.Repeat("\x00", 18), false, true},
		"half a workbook":         {"xlsx", "PK\x03\x04 parts PK\x05\x06" + strings.Repeat("\x00", 17), false, false},
		"no workbook":             {"xlsx", "", false, false},
		"a workbook cut off":      {"xlsx", "PK\x05\x06" + strings.Repeat("\x00", 18), true, false},
		"a table cut in quotes":   {"csv", table + "\"c\",\"\n\"\"#count\"\",3\r\n", false, false},
	} {
		for _, patience := range []time.Duration{0, time.Millisecond} {
			own := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, c.body)
				_ = http.NewResponseController(w).Flush()
				if c.cut {
					panic(http.ErrAbortHandler)
				}
			}).Own()

			e, err := own.Export(t.Context(), client.Query{Criteria: everything},
				client.ExportOptions{Format: c.format, RetryFor: patience})
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(e)
			e.Close()
			if (err == nil) != c.whole || c.whole && string(text) != c.body {
				t.Errorf("%s, with the patience %v: %q, %v", name, patience, text, err)
			}
		}
	}
}
