package blob_test

import (
	"bufio"
	"bytes"
	"errors"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/mapping"
)

// ssrfCase is a path that a client may post, and what it may lead to: one request with this target,
// or none at all.
type ssrfCase struct {
	Why  string `json:"why"`
	Path string `json:"path"`
	Want string `json:"want"` // "invalid", "not configured", or the request
}

func ssrfCases(t *testing.T, replace *strings.Replacer) []ssrfCase {
	data, err := os.ReadFile("testdata/ssrf.ndjson")
	if err != nil {
		t.Fatal(err)
	}

	var cases []ssrfCase
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		var c ssrfCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		c.Path, c.Want = replace.Replace(c.Path), replace.Replace(c.Want)
		cases = append(cases, c)
	}

	if len(cases) < 100 {
		t.Fatalf("there are only %d cases", len(cases))
	}

	return cases
}

// TestSSRF posts every path, plays and deletes it, and looks who hears of it.
func TestSSRF(t *testing.T) {
	server, canary := blobtest.NewServer(t, blobtest.WebDAV), blobtest.NewCanary(t)
	at, away := mustParse(t, server.URL), mustParse(t, canary.URL)
	store := blobtest.NewStore(t, blob.Options{WebDAV: blob.WebDAV{
		Default: server.URL + "/rec",
		Origins: []blob.Origin{
			{URL: server.URL + "/rec", Username: "svc", Password: "secret"},
			{URL: "http://rec.example/rec/", Username: "svc", Password: "secret"},
		},
	}}, new(blobtest.Observer))

	replace := strings.NewReplacer("{origin}", at.Host, "{port}", at.Port(), "{canary}", away.Host, "{canaryport}",
		away.Port())
	for _, c := range ssrfCases(t, replace) {
		d := mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: c.Path}
		want := map[string]error{"invalid": blob.ErrInvalid, "not configured": blob.ErrNotConfigured}[c.Want]
		if check := store.Check(d); !errors.Is(check, want) {
			t.Errorf("%s: Check(%q) = %v, want %v", c.Why, c.Path, check, want)
		}

		r, err := store.Open(t.Context(), d, blob.Want{})
		if err == nil {
			r.Close()
			t.Errorf("%s: opened %q", c.Why, c.Path)
		}

		requests := server.Requests()
		if want == nil {
			if !errors.Is(err, blob.ErrNotFound) || !slices.Equal(requests, []string{c.Want}) {
				t.Errorf("%s: opening %q sent %q (%v), want %q", c.Why, c.Path, requests, err, c.Want)
			}
			continue
		}

		if err := store.Delete(t.Context(), d); !errors.Is(err, want) {
			t.Errorf("%s: Delete(%q) = %v, want %v", c.Why, c.Path, err, want)
		}

		if requests = append(requests, server.Requests()...); len(requests) > 0 {
			t.Errorf("%s: %q sent %q", c.Why, c.Path, requests)
		}
	}
}

func mustParse(t *testing.T, s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
