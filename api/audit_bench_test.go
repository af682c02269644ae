package api_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/api"
	"recordings/api/auth"
	"recordings/audit"
	auditstore "recordings/audit/store"
	"recordings/blob"
)

// noAudit lets a server be without a log, which no service is.
type noAudit struct{ audit.Log }

// BenchmarkAudit tells what the audit log adds: the median and the 99th percentile of requests that
// arrive 500 times a second, on a real disk, with it and without it in turn, so that what else the
// machine does slows both. Every play is the first of a listening, which waits for the disk.
func BenchmarkAudit(b *testing.B) {
	const rate, recordings, each, rounds = 500, 2000, 250, 8
	servers := map[string]*auditedServer{}
	for _, name := range []string{"without", "with"} {
		o := api.Options{Audit: noAudit{}}
		if name == "with" {
			o.Audit = openAudit(b, auditstore.Options{Dir: b.TempDir() + "/audit", FS: vfs.Default})
		}
		servers[name] = newAuditedServer(b, o, recordings)
	}
	for _, what := range []string{"search", "read", "play", "post"} {
		b.Run(what, func(b *testing.B) {
			took := map[string][]time.Duration{}
			for round := range rounds {
				for name, s := range servers {
					took[name] = append(took[name], s.paced(b, what, rate, round*each, each)...)
				}
			}
			b.ReportMetric(0, "ns/op")
			for name, all := range took {
				slices.Sort(all)
				b.ReportMetric(float64(all[len(all)/2].Microseconds()), "µs/median-"+name)
				b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "µs/p99-"+name)
			}
		})
	}
}

// auditedServer is a server with recordings that can be played.
type auditedServer struct {
	*testServer
	uris []string
}

func newAuditedServer(b *testing.B, o api.Options, recordings int) *auditedServer {
	dav := newDAV(b)
	o.Media = newMedia(b, blob.Options{WebDAV: dav.storage()})
	recorder := auth.User{Name: "rec", PasswordHash: cheapHash, Role: auth.RoleRecorder, ContactCenters: []string{"cc"}}
	o.Users = []auth.User{opsUser, adminUser, recorder}
	s := newServer(b, o)
	dav.write(b, "a.wav", make([]byte, 8000))
	uris := make([]string, recordings)
	for i := range uris {
		id := fmt.Sprintf("r%d", i)
		postMedia(b, s, id, "audio/wav", dav.URL+"/a.wav")
		uris[i] = mediaURIs(b, s, "alice", id)[0]
	}
	return &auditedServer{s, uris}
}

// request is the i-th of a kind.
func (s *auditedServer) request(b *testing.B, what string, i int) *http.Request {
	method, target, user, body := "GET", "", "alice", ""
	switch what {
	case "search":
		target = fmt.Sprintf("/api/v2/recordings?limit=10&callerPhoneNumber=*%02d*", i%100)
	case "read":
		target = fmt.Sprintf("/api/v2/recordings/r%d", i%len(s.uris))
	case "play":
		target = s.uris[i%len(s.uris)]
	case "post":
		method, target, user = "POST", opsPath, "rec"
		body = mediaBody(b, fmt.Sprintf("new-%d", i), "audio/wav", fmt.Sprintf("http://media.example/%d.wav", i))
	}
	r, err := http.NewRequest(method, s.URL+target, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.SetBasicAuth(user, password)
	r.Header.Set("Content-Type", "application/json")
	return r
}

// paced sends n requests of a kind at a rate, and returns how long their first bytes took.
func (s *auditedServer) paced(b *testing.B, what string, rate, from, n int) []time.Duration {
	took := make([]time.Duration, n)
	var all sync.WaitGroup
	var failed atomic.Int64
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for i := range n {
		r := s.request(b, what, from+i)
		<-tick.C
		all.Go(func() {
			began := time.Now()
			resp, err := s.client.Do(r)
			if err != nil || resp.StatusCode != http.StatusOK {
				failed.Add(1)
				return
			}
			one := make([]byte, 1)
			_, err = io.ReadFull(resp.Body, one)
			took[i] = time.Since(began)
			if err != nil {
				failed.Add(1)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		})
	}
	all.Wait()
	if n := failed.Load(); n > 0 {
		b.Fatalf("%d requests failed", n)
	}
	return took
}
