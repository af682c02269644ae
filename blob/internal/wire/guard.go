package wire

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
)

// guard decides, at the moment of connecting, whether an address may be contacted. The allowlist
// has judged the name before; this judges what the name has become, so that a DNS answer that
// changes in between gains nothing.
//
// The rule:
//   - a host configured as an address is contacted at exactly that address, whatever it is;
//   - localhost (and names below it) is contacted at loopback addresses only;
//   - any other name is contacted at public and private addresses (storage on the premises has private ones), but never
//     at an address that is loopback, link-local, multicast, broadcast, unspecified or reserved, a
//     well-known metadata service of a cloud, or an IPv6 form that wraps such an address.
type guard struct {
	literal   netip.Addr // valid if the host is an address
	localhost bool
}

func newGuard(host string) guard {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	g := guard{localhost: host == "localhost" || strings.HasSuffix(host, ".localhost")}
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		g.literal = a.Unmap()
	}
	return g
}

// control has the signature of [net.Dialer.ControlContext].
func (g guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") {
		return fmt.Errorf("connecting to %s %s is not allowed", network, address)
	}
	if !g.allows(ap.Addr()) {
		return fmt.Errorf("the host resolves to %s, which may not be contacted under a name", ap.Addr())
	}
	return nil
}

func (g guard) allows(a netip.Addr) bool {
	a = a.Unmap()
	switch {
	case g.literal.IsValid():
		return a == g.literal
	case g.localhost:
		return a.IsLoopback()
	}
	return !forbidden(a)
}

// forbiddenNets are what net/netip has no predicate for.
var forbiddenNets = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),          // this host
	netip.MustParsePrefix("240.0.0.0/4"),        // reserved, and broadcast
	netip.MustParsePrefix("192.0.0.0/24"),       // protocol assignments; Oracle Cloud's metadata
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba Cloud's metadata
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure's platform service
	netip.MustParsePrefix("fd00:ec2::254/128"),  // Amazon's metadata
	netip.MustParsePrefix("fd20:ce::254/128"),   // Google Cloud's metadata
	netip.MustParsePrefix("::/96"),              // IPv4-compatible, long out of use
	netip.MustParsePrefix("2001::/32"),          // Teredo: wraps an IPv4 address
	netip.MustParsePrefix("2002::/16"),          // 6to4: wraps an IPv4 address
	netip.MustParsePrefix("fec0::/10"),          // site-local, out of use
	netip.MustParsePrefix("64:ff9b:1::/48"),     // NAT64 of one's own; where the IPv4 address lies in it is unknown
}

// nat64 is the well-known prefix under which IPv6-only networks reach IPv4 addresses.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// forbidden reports whether no name may lead to the address.
func forbidden(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return true
	}

	for _, p := range forbiddenNets {
		if p.Contains(a) {
			return true
		}
	}

	if nat64.Contains(a) {
		b := a.As16()
		return forbidden(netip.AddrFrom4([4]byte(b[12:])))
	}

	return false
}
