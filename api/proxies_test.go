package api_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"recordings/api"
	"recordings/api/front"
)

// throughProxy answers a request as one that came from an address.
func throughProxy(t *testing.T, h http.Handler, from, target string, header map[string]string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.RemoteAddr, r.Host = from, "service:8080"
	r.SetBasicAuth("ops", password)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// TestTrustedProxies: URIs begin as the client addressed the proxy, if that is trusted.
func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	proxies, err := front.ParseProxies([]string{"10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	says := map[string]string{
		"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "calls.example.com",
		"X-Forwarded-Prefix": "/proxy",
	}
	public := &url.URL{Scheme: "https", Host: "public.example.com"}

	x := openIndex(t)
	s := newServer(t, api.Options{Index: x})
	for _, id := range []string{"r1", "r2"} {
		postMedia(t, s, id, "audio/wav", "http://storage.example/"+id+".wav")
	}
	for name, c := range map[string]struct {
		proxies front.Proxies
		public  *url.URL
		from    string
		want    string
		secure  bool // TLS is demanded from now on
	}{
		"a trusted proxy":     {proxies, nil, "10.0.0.1:5", "https://calls.example.com/proxy", true},
		"somebody else":       {proxies, nil, "10.0.0.2:5", "http://service:8080", false},
		"nobody is trusted":   {nil, nil, "10.0.0.1:5", "http://service:8080", false},
		"a public URL is set": {nil, public, "10.0.0.2:5", "https://public.example.com", true},
		"both":                {proxies, public, "10.0.0.1:5", "https://public.example.com", true},
	} {
		h := newHandler(t, api.Options{Index: x, TrustedProxies: c.proxies, PublicURL: c.public})
		resp := throughProxy(t, h, c.from, opsPath+"?startTime=0&limit=1", says)
		body, _ := io.ReadAll(resp.Body)
		for _, member := range []string{"mediaUri", "nextUri"} {
			if want := fmt.Sprintf(`"%s":"%s/api/v2/`, member, c.want); !strings.Contains(string(body), want) {
				t.Errorf("%s: no %s in %s", name, want, body)
			}
		}
		if got := resp.Header.Get("Strict-Transport-Security") != ""; got != c.secure {
			t.Errorf("%s: TLS is demanded: %t", name, got)
		}
	}
}

// TestGuessesBehindProxies are counted for the client's own address.
func TestGuessesBehindProxies(t *testing.T) {
	t.Parallel()
	proxies, err := front.ParseProxies([]string{"10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	h := newHandler(t, api.Options{TrustedProxies: proxies})
	status := func(client, password string) int {
		login := base64.StdEncoding.EncodeToString([]byte("ops:" + password))
		resp := throughProxy(t, h, "10.0.0.1:5", "/api/v2/me",
			map[string]string{"X-Forwarded-For": client, "Authorization": "Basic " + login})
		return resp.StatusCode
	}

	got := 0
	for i := range 20 { // a forged address in front is not counted for
		got = status(fmt.Sprintf("1.2.3.%d, 198.51.100.7", i), fmt.Sprint("guess ", i))
	}
	if got != http.StatusTooManyRequests {
		t.Errorf("after 20 guesses: %d", got)
	}
	if got := status("198.51.100.8", "wrong"); got != http.StatusUnauthorized {
		t.Errorf("another client behind the same proxy: %d", got)
	}
}

// TestRequestsOfOneClient behind a trusted proxy are bounded.
func TestRequestsOfOneClient(t *testing.T) {
	t.Parallel()
	proxies, err := front.ParseProxies([]string{"10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	h := newHandler(t, api.Options{TrustedProxies: proxies, MaxPerClient: 1})
	client := map[string]string{"X-Forwarded-For": "198.51.100.7"}

	body, feed := io.Pipe()
	r := httptest.NewRequest(http.MethodPost, "/api/v2/session", body)
	r.RemoteAddr = "10.0.0.1:5"
	r.Header.Set("Content-Type", formType)
	r.Header.Set("X-Forwarded-For", "198.51.100.7")
	done := make(chan int)
	go func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		done <- w.Code
	}()
	if _, err := io.WriteString(feed, "user=ops&"); err != nil { // it is being answered now
		t.Fatal(err)
	}

	resp := throughProxy(t, h, "10.0.0.1:5", "/api/v2/me", client)
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("a second request: %d", resp.StatusCode)
	}
	for _, other := range []map[string]string{{"X-Forwarded-For": "198.51.100.8"}, nil} {
		if resp := throughProxy(t, h, "10.0.0.1:5", "/api/v2/me", other); resp.StatusCode != http.StatusOK {
			t.Errorf("another client: %d", resp.StatusCode)
		}
	}

	_, _ = io.WriteString(feed, "password="+url.QueryEscape(password))
	feed.Close()
	if code := <-done; code != http.StatusOK {
		t.Errorf("the first request: %d", code)
	}
	if resp := throughProxy(t, h, "10.0.0.1:5", "/api/v2/me", client); resp.StatusCode != http.StatusOK {
		t.Errorf("after that: %d", resp.StatusCode)
	}
}

// TestRefusedOnEveryRoute sends what no client library would: it is refused on every route, and what is no host
// is in no answer.
func TestRefusedOnEveryRoute(t *testing.T) {
	t.Parallel()
	h := newHandler(t, api.Options{})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	login := base64.StdEncoding.EncodeToString([]byte("ops:" + password))

	for name, fields := range map[string]string{
		"a script for a host":      "Host: javascript:alert(1)\r\n",
		"an escaped host":          "Host: a%00b\r\n",
		"two Authorizations":       "Host: h\r\nAuthorization: Basic eDp5\r\n",
		"another scheme beside it": "Host: h\r\nAuthorization: Bearer x\r\n",
	} {
		for _, path := range h.Paths() {
			path = strings.NewReplacer("{", "", "}", "").Replace(path)
			c, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(c, "GET %s?startTime=0 HTTP/1.1\r\n%sAuthorization: Basic %s\r\n\r\n", path, fields, login)
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			c.Close()
			if resp.StatusCode != http.StatusBadRequest || !strings.HasPrefix(string(body), `{"statusCode":2,`) ||
				strings.Contains(string(body), "alert") {
				t.Errorf("%s at %s: %d %s", name, path, resp.StatusCode, body)
			}
		}
	}
}
