//go:build integration

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// Real clients of this API differ in what they send and in how little of an answer they look at.
// These tests do what they do, with the real program.

const opsRecordings = "/api/v2/ops/contact-centers/" + contactCenter + "/recordings"

// serveClients starts the service with further lines of configuration.
func serveClients(t *testing.T, lines ...string) string {
	t.Helper()
	dir := t.TempDir()
	p := serveFile(t, writeFile(t, dir, "recordings.yaml", testConfig(dir+"/data", lines...)))
	address := p.url(t)
	awaitReady(t, newClient(t), address, p)
	return address
}

// call sends a request as operations, and returns the answer.
func call(t *testing.T, client *http.Client, method, address, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("ops", "secret")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// uploaded is what an uploader sends from a host in this zone: startTime is in UTC, and the local
// clock was written into stopTime as if it were, minus the offset twice.
func uploaded(id string, zone *time.Location) string {
	const form = "2006-01-02T15:04:05Z"
	start := time.Date(2014, 12, 3, 18, 31, 26, 0, time.UTC)
	_, offset := start.In(zone).Zone()
	stop := start.Add(time.Minute - time.Duration(offset)*time.Second)
	return fmt.Sprintf(`{"id":%q,"ccid":%q,"callerPhoneNumber":"+15551","dialedPhoneNumber":"1002","region":"us-west",`+
		`"eventHistory":[],"mediaFiles":[{"mediaDescriptor":{"storage":"webDAV","path":"http://10.0.0.1/%s.mp3"},`+
		`"callUUID":"u","startTime":%q,"stopTime":%q,"masks":[],"parameters":{"rp.auth":"u:p","kept":"1"}}]}`,
		id, contactCenter, id, start.Format(form), stop.Format(form))
}

// TestUploader treats anything but 200 as failure, and would post the same for ever.
func TestUploader(t *testing.T) {
	client, address := newClient(t), serveClients(t, `compatibility: "8.5"`)
	for i, name := range []string{"America/Los_Angeles", "UTC", "Europe/Berlin", "Asia/Kolkata", "Pacific/Kiritimati"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("u%d", i)
		for range 2 {
			resp, body := call(t, client, http.MethodPost, address+opsRecordings, uploaded(id, zone))
			_, offset := time.Unix(1417631486, 0).In(zone).Zone()
			if resp.StatusCode != http.StatusOK || strings.Contains(body, `"notice"`) != (offset > 60) {
				t.Errorf("from %s: %d %s", name, resp.StatusCode, body)
			}
		}

		resp, body := call(t, client, http.MethodGet, address+opsRecordings+"/"+id+"?fields=*&_=1", "")
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, `"ccid":"`+contactCenter) ||
			!strings.Contains(body, `"eventHistory":[]`) || !strings.Contains(body, `"parameters":{"kept":"1"}`) ||
			!strings.Contains(body, `"masks":[]`) {
			t.Errorf("%s is read as %d %s", id, resp.StatusCode, body)
		}
	}

	_, body := call(t, client, http.MethodGet, address+opsRecordings+"?startTime=2014-12-03T00:00:00Z&total=true", "")
	if !strings.Contains(body, `"total":5`) {
		t.Errorf("the search answers %s", body)
	}
}

// TestUploaderIsToldTheSetting: without the setting, what is refused says how it would be taken.
func TestUploaderIsToldTheSetting(t *testing.T) {
	client, address := newClient(t), serveClients(t)
	resp, body := call(t, client, http.MethodPost, address+opsRecordings, uploaded("u", time.UTC))
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "compatibility") ||
		!strings.Contains(body, "accept_empty_history") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// TestReaderOfTheFirstLine reads no further than to the first line feed of the body.
func TestReaderOfTheFirstLine(t *testing.T) {
	client, address := newClient(t), serveClients(t, `compatibility: "8.5"`)
	call(t, client, http.MethodPost, address+opsRecordings, uploaded("a", time.UTC))
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{opsRecordings + "/a", opsRecordings + "?startTime=0", opsRecordings + "/none"} {
		conn, err := net.Dial("tcp", target.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		// b3BzOnNlY3JldA== is ops:secret
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n", path, target.Host)
		fmt.Fprint(conn, "Authorization: Basic b3BzOnNlY3JldA==\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(resp.Body).ReadString('\n')
		var answer struct {
			StatusCode *int `json:"statusCode"`
		}
		if err != nil || json.Unmarshal([]byte(line), &answer) != nil || answer.StatusCode == nil {
			t.Errorf("%s: the first line is %q, %v", path, line, err)
		}
	}
}

// TestClientThatWaitsForACookie asks for the version until it has one, and sends it from then on.
func TestClientThatWaitsForACookie(t *testing.T) {
	client, address := newClient(t), serveClients(t, `compatibility: "8.5"`)
	resp, body := call(t, client, http.MethodGet, address+"/api/v2/diagnostics/version", "")
	if len(resp.Cookies()) != 1 {
		t.Fatalf("the cookies are %v; %s", resp.Cookies(), body)
	}

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+opsRecordings+"?startTime=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("ops", "secret")
	req.AddCookie(resp.Cookies()[0])
	answer, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("with the cookie: %d", answer.StatusCode)
	}
}

// TestMove reads recordings of one installation, one by one and as an export, and posts them to
// another one, where they are the same but for where their media is fetched.
func TestMove(t *testing.T) {
	client := newClient(t)
	from, to := serveClients(t, `compatibility: "8.5"`), serveClients(t, `compatibility: "8.5"`)
	for _, id := range []string{"a", "b"} {
		call(t, client, http.MethodPost, from+opsRecordings, uploaded(id, time.UTC))
	}

	_, body := call(t, client, http.MethodGet, from+opsRecordings+"/a", "")
	recording := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(body), `{"statusCode":0,"recording":`), "}")
	_, export := call(t, client, http.MethodGet, from+strings.Replace(opsRecordings, "/recordings", "/export", 1)+
		"?startTime=0", "")
	lines := append([]string{recording}, strings.Split(strings.TrimSpace(export), "\n")...)
	for _, line := range lines[:len(lines)-1] { // the last is the count
		if resp, body := call(t, client, http.MethodPost, to+opsRecordings, line); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", line, resp.StatusCode, body)
		}
	}

	for _, id := range []string{"a", "b"} {
		_, before := call(t, client, http.MethodGet, from+opsRecordings+"/"+id, "")
		_, after := call(t, client, http.MethodGet, to+opsRecordings+"/"+id, "")
		if got := strings.ReplaceAll(after, to, from); unchanged(t, got) != unchanged(t, before) {
			t.Errorf("%s\nbecame %s", before, got)
		}
	}
}

// unchanged is an answer without the time at which the recording was stored.
func unchanged(t *testing.T, answer string) string {
	t.Helper()
	var all map[string]map[string]any
	if err := json.Unmarshal([]byte(strings.Replace(answer, `"statusCode":0,`, "", 1)), &all); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	delete(all["recording"], "changedTime")
	text, err := json.Marshal(all, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
