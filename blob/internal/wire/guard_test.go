package wire

import (
	"net/netip"
	"testing"
)

func TestGuard(t *testing.T) {
	for _, test := range []struct {
		host string
		yes  []string
		no   []string
	}{
		{"dav.example",
			[]string{"10.10.15.83", "172.16.0.1", "192.168.1.1", "100.64.0.1", "203.0.113.7", "fd12::1", "2001:db8::1",
				"64:ff9b::a0a:f53", "::ffff:10.0.0.1"},
			[]string{"127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "0.1.2.3", "::", "169.254.0.1", "fe80::1",
				"fe80::1%eth0", "224.0.0.1", "ff02::1", "ff0e::1",
				"240.0.0.1", "255.255.255.255", "192.0.0.192", "100.100.100.200", "168.63.129.16", "fd00:ec2::254",
				"fd20:ce::254", "::ffff:127.0.0.1",
				"::ffff:169.254.169.254", "::7f00:1", "2001:0:7f00:1::", "2002:7f00:1::", "64:ff9b::7f00:1",
				"64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "fec0::1"}},
		{"localhost", []string{"127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"},
			[]string{"10.0.0.1", "0.0.0.0", "169.254.169.254", "203.0.113.7"}},
		{"LOCALHOST.", []string{"127.0.0.1"}, []string{"10.0.0.1"}},
		{"dav.localhost", []string{"127.0.0.1"}, []string{"10.0.0.1"}},
		{"notlocalhost", []string{"10.0.0.1"}, []string{"127.0.0.1"}},
		{"127.0.0.1", []string{"127.0.0.1", "::ffff:127.0.0.1"}, []string{"127.0.0.2", "::1", "10.0.0.1"}},
		{"169.254.1.1", []string{"169.254.1.1"}, []string{"169.254.169.254"}},
		{"fe80::1", []string{"fe80::1"}, []string{"fe80::2"}},
		{"[::1]", []string{"::1"}, []string{"127.0.0.1"}},
		{"", []string{"52.216.1.1"}, []string{"127.0.0.1", "169.254.169.254"}},
	} {
		g := newGuard(test.host)
		for _, a := range test.yes {
			if !g.allows(netip.MustParseAddr(a)) {
				t.Errorf("%s may not be contacted as %q", a, test.host)
			}
		}

		for _, a := range test.no {
			if g.allows(netip.MustParseAddr(a)) {
				t.Errorf("%s may be contacted as %q", a, test.host)
			}
		}
	}

	for _, address := range []string{"10.0.0.1", "dav.example:80", ""} {
		if newGuard("dav.example").control(t.Context(), "tcp4", address, nil) == nil {
			t.Errorf("%q may be contacted", address)
		}
	}

	if newGuard("dav.example").control(t.Context(), "udp4", "10.0.0.1:80", nil) == nil {
		t.Error("a network that is not TCP may be contacted")
	}
}
