package address

import (
	"cmp"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// FuzzAddress: a path that is accepted leads to exactly the host that was read from it, to a path
// without a way up; and the request that is made of it is read back as the same path by net/url.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{
		"http://10.10.15.83:8080/sample1.mp3", "https://dav.example/a b/%20/100%.wav?x#y", "http://[::1]:80/a",
		"http://a@b/c", "http://h/%2e%2e/x",
		"http://h/..;/x", "http://h/%252e%252e/x", "http://h//x//", "http://münchen.example/ü", "http://0x7f.1/x",
		"http://h:080/x", "http:///x", "//h/x",
		"http://h/\\x", "http://h/%c0%ae/", "http://h/‥/x",
	} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, s string) {
		a, err := Parse(s)
		if err != nil {
			return
		}

		u, err := url.Parse(a.URL().String())
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}

		port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
		if u.Scheme != a.Scheme || u.Hostname() != a.Host || port != a.Port || u.User != nil || u.RawQuery != "" ||
			u.Fragment != "" || u.Path != a.Path {
			t.Fatalf("%q is %+v, but its URL %q", s, a, u)
		}

		if !strings.HasPrefix(a.Path, "/") || strings.ContainsAny(a.Path, "\\\x00\r\n") ||
			strings.ContainsAny(u.EscapedPath(), " ?#") {
			t.Fatalf("%q has the path %q", s, a.Path)
		}

		for segment := range strings.SplitSeq(a.Path, "/") {
			if segment == "." || segment == ".." {
				t.Fatalf("%q has the path %q", s, a.Path)
			}
		}

		if addr, err := netip.ParseAddr(a.Host); err == nil && addr.String() != a.Host {
			t.Fatalf("%q has the host %q", s, a.Host)
		}
	})
}
