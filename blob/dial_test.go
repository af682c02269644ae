package blob_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"recordings/blob"
	"recordings/blob/blobtest"
)

var blobtestTime = time.Date(2013, 5, 17, 19, 45, 32, 0, time.UTC)

// resolver looks names up at a name server of the test, which answers the n-th question for
// addresses of a name with the n-th list, and every further one with the last.
func resolver(t *testing.T, answers map[string][][]netip.Addr) *net.Resolver {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	ns := &nameServer{conn: conn, answers: answers, asked: map[string]int{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ns.serve()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})

	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

type nameServer struct {
	conn    net.PacketConn
	mu      sync.Mutex
	answers map[string][][]netip.Addr
	asked   map[string]int // by name and type
}

func (s *nameServer) serve() {
	buf := make([]byte, 4096)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}

		var m dnsmessage.Message
		if m.Unpack(buf[:n]) == nil && len(m.Questions) == 1 {
			if out, err := s.answer(m).Pack(); err == nil {
				s.conn.WriteTo(out, from)
			}
		}
	}
}

func (s *nameServer) answer(m dnsmessage.Message) *dnsmessage.Message {
	q := m.Questions[0]
	name := strings.TrimSuffix(strings.ToLower(q.Name.String()), ".")
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true},
		Questions: m.Questions}
	lists, ok := s.answers[name]
	if !ok {
		out.RCode = dnsmessage.RCodeNameError
		return out
	}

	key := name + q.Type.String()
	list := lists[min(s.asked[key], len(lists)-1)]
	s.asked[key]++
	header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET, TTL: 0}
	for _, a := range list {
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			out.Answers = append(out.Answers,
				dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: a.As4()}})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			out.Answers = append(out.Answers,
				dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}

	return out
}

// TestResolvedAddress: a configured name that leads to an address no storage can have is not
// contacted, whoever changed it.
func TestResolvedAddress(t *testing.T) {
	canary := blobtest.NewCanary(t)
	port := mustParse(t, canary.URL).Port()
	for _, addr := range []string{
		"127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "0.0.0.0", "::", "0.0.0.1",
		"64:ff9b::127.0.0.1", "2002:7f00:1::",
		"169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200", "168.63.129.16",
		"224.0.0.1", "ff02::1", "255.255.255.255",
	} {
		store := blobtest.NewStore(t, blob.Options{
			S3: blob.S3{Buckets: []string{"calls"}, Region: "r", Endpoint: "http://s3.example:" + port,
				AccessKey: "k", SecretKey: "s", PathStyle: true},
			WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: "http://dav.example:" + port, Username: "u",
				Password: "p"}}},
			Resolver: resolver(t, map[string][][]netip.Addr{
				"dav.example": {{netip.MustParseAddr(addr)}}, "s3.example": {{netip.MustParseAddr(addr)}},
			}),
		}, new(blobtest.Observer))

		_, dav := store.Open(t.Context(), webDAV("http://dav.example:"+port+"/a.wav"), blob.Want{})
		_, s3 := store.Open(t.Context(), s3("calls", "a.wav"), blob.Want{})
		del := store.Delete(t.Context(), webDAV("http://dav.example:"+port+"/a.wav"))
		for _, err := range []error{dav, s3, del} {
			if !errors.Is(err, blob.ErrUnreachable) || !strings.Contains(err.Error(), "may not be contacted") {
				t.Errorf("%s: error %v", addr, err)
			}
		}
	}
}

// TestBucketInHostName: without path style the bucket is part of the name that is looked up, and
// judged like the endpoint.
func TestBucketInHostName(t *testing.T) {
	var host, path string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, path = r.Host, r.URL.Path
		w.Write(blobtest.Data(10))
	}))
	defer server.Close()

	port := mustParse(t, server.URL).Port()
	store := blobtest.NewStore(t, blob.Options{
		S3: blob.S3{Buckets: []string{"calls", "evil"}, Region: "r", Endpoint: "http://s3.localhost:" + port,
			AccessKey: "k", SecretKey: "s"},
		Resolver: resolver(t, map[string][][]netip.Addr{
			"calls.s3.localhost": {{netip.MustParseAddr("127.0.0.1")}},
			"evil.s3.localhost":  {{netip.MustParseAddr("192.0.2.1")}},
		}),
	}, new(blobtest.Observer))

	r, err := store.Open(t.Context(), s3("calls", "a.wav"), blob.Want{})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()

	if host != "calls.s3.localhost:"+port || path != "/a.wav" {
		t.Errorf("asked %q for %q", host, path)
	}

	if _, err := store.Open(t.Context(), s3("evil", "a.wav"), blob.Want{}); !errors.Is(err, blob.ErrUnreachable) {
		t.Errorf("error %v", err)
	}
}

// TestNameThatChanges: the first answer of the name server is good, the next one is not.
func TestNameThatChanges(t *testing.T) {
	server := blobtest.NewServer(t, blobtest.WebDAV)
	server.Put("/a.wav", blobtest.Data(10))
	port := mustParse(t, server.URL).Port()
	lo := netip.MustParseAddr("127.0.0.1")
	store := blobtest.NewStore(t, blob.Options{
		WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: "http://dav.localhost:" + port}}},
		Resolver: resolver(t, map[string][][]netip.Addr{
			"dav.localhost": {{lo}, {netip.MustParseAddr("169.254.169.254")}, {lo}, {netip.MustParseAddr("192.0.2.1")}},
		}),
	}, new(blobtest.Observer))

	for i, good := range []bool{true, false, true, false} {
		r, err := store.Open(t.Context(), webDAV("http://dav.localhost:"+port+"/a.wav"), blob.Want{Stat: true})
		switch {
		case good && err != nil:
			t.Fatalf("%d: %v", i, err)
		case good:
			r.Close()
		case err == nil || !strings.Contains(err.Error(), "may not be contacted"):
			t.Fatalf("%d: error %v", i, err)
		}
		store.Close() // the next request connects anew
	}
}
