package front_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"

	"recordings/api/front"
)

// readCases reads cases from testdata.
func readCases[T any](t *testing.T, name string) (all []T) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil || len(all) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	return all
}

func TestValidHost(t *testing.T) {
	type hostCase struct {
		Item, Input string
		Valid       bool
	}
	for _, x := range readCases[hostCase](t, "hosts.json") {
		host := strings.Replace(x.Input, "LONG", strings.Repeat("x", 254), 1)
		if got := front.ValidHost(host); got != x.Valid {
			t.Errorf("%s: %q is a host: %t", x.Item, x.Input, got)
		}
	}
}

// TestSender reads who sends a request, behind 10.0.0.0/8 and one proxy of IPv6.
func TestSender(t *testing.T) {
	proxies, err := front.ParseProxies([]string{"10.0.0.0/8", "2001:db8:9::1"})
	if err != nil {
		t.Fatal(err)
	}

	type senderCase struct {
		Item, Remote string
		Header       http.Header
		Want         []string // the address, and what URIs begin with
		Error        string   // the header that is refused
	}
	for _, x := range readCases[senderCase](t, "senders.json") {
		r := &http.Request{RemoteAddr: x.Remote, Host: "service", Header: x.Header}
		s, err := proxies.Sender(r)
		if x.Error != "" {
			if refused := (*front.RequestError)(nil); !errors.As(err, &refused) || refused.Header != x.Error {
				t.Errorf("%s: %+v, %v", x.Item, s, err)
			}
			continue
		}
		if err != nil || s.Addr.String() != x.Want[0] || s.Scheme+"://"+s.Host+s.Prefix != x.Want[1] {
			t.Errorf("%s: %+v, %v; want %v", x.Item, s, err, x.Want)
		}
		if behind := s.Addr != front.AddrOf(x.Remote); s.Forwarded != behind {
			t.Errorf("%s: forwarded is %t", x.Item, s.Forwarded)
		}
	}
}

func TestSenderOverTLS(t *testing.T) {
	s, err := front.Proxies(nil).Sender(&http.Request{TLS: &tls.ConnectionState{}, Header: http.Header{}})
	if err != nil || s.Scheme != "https" || s.Addr.IsValid() {
		t.Errorf("%+v, %v", s, err)
	}
	_, err = front.Proxies(nil).Sender(&http.Request{Host: "a%00b", Header: http.Header{}})
	if err == nil || !strings.HasPrefix(err.Error(), "Host: ") || strings.Contains(err.Error(), "%00") {
		t.Errorf("a host that is none: %v", err)
	}
}

func TestParseProxies(t *testing.T) {
	all, err := front.ParseProxies([]string{"10.0.0.7", "10.1.2.3/16", "::ffff:10.0.0.9"})
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	for text, want := range map[string]bool{
		"10.0.0.7": true, "10.0.0.8": false, "10.0.0.9": true, "10.1.255.1": true, "10.2.0.1": false, "::1": false,
	} {
		if got := all.Trust(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is trusted: %t", text, got)
		}
	}
	if all.Trust(netip.Addr{}) {
		t.Error("who is not known is trusted")
	}
	_, err = front.ParseProxies([]string{"proxy.example.com", "10.0.0.1", "10.0.0.0/33"})
	if err == nil || strings.Count(err.Error(), "is no address or network") != 2 {
		t.Errorf("got %v", err)
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:8080": true, "127.0.0.1:80": true, "[::1]": true, "[::1]:8443": true,
		"calls.example.com": false, "10.0.0.1": false, "": false,
	} {
		if got := front.Loopback(host); got != want {
			t.Errorf("%q is this machine: %t", host, got)
		}
	}
}

// TestClients bounds each client alone.
func TestClients(t *testing.T) {
	c := front.NewClients(2)
	a, b := netip.MustParsePrefix("198.51.100.7/32"), netip.MustParsePrefix("198.51.100.8/32")
	leave, ok := c.Enter(a)
	if _, second := c.Enter(a); !ok || !second {
		t.Fatal("two are too many")
	}
	if _, ok := c.Enter(a); ok {
		t.Error("three are not too many")
	}
	if _, ok := c.Enter(b); !ok {
		t.Error("another client is refused")
	}
	leave()
	if _, ok := c.Enter(a); !ok {
		t.Error("one that is answered still counts")
	}
	if _, ok := front.NewClients(0).Enter(a); !ok {
		t.Error("0 is no bound")
	}
}
