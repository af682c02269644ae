//go:build integration

package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"recordings/cmd/recordings/internal/faulttest"
	"recordings/internal/opensearchtest"
)

// TestServicesOnACluster: two processes in front of one cluster. What one has answered, the very next search of
// the other finds, also when the first is killed; and what a cluster does not offer says so.
func TestServicesOnACluster(t *testing.T) {
	nodes := opensearchtest.ForTest(t, opensearchtest.Options{})
	quoted := make([]string, len(nodes.Nodes))
	for i, address := range nodes.Addresses() {
		quoted[i] = fmt.Sprintf("%q", address)
	}
	cluster := fmt.Sprintf("opensearch: {addresses: [%s], shards: 2, replicas: 0}", strings.Join(quoted, ", "))

	var services [2]*process
	var callers [2]*faulttest.Caller
	for i := range services {
		file, _ := setup(t, "index: opensearch", cluster)
		if s, stdout, stderr := runProgram(t, "", nil, "check-config", "--config", file); s != done {
			t.Fatalf("check-config: %d %s %s", s, stdout, stderr)
		}
		services[i] = serveFile(t, file)
		callers[i] = &faulttest.Caller{HTTP: newClient(t), URL: services[i].url(t)}
		awaitReady(t, callers[i].HTTP, callers[i].URL, services[i])
	}

	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 10 {
				id := fmt.Sprintf("call-%d-%d", w, i)
				to, other := callers[i%2], callers[(i+1)%2]
				a, err := to.Post(t.Context(), faulttest.RecordingOf(id, 100*w+i))
				if err != nil || a.Status != http.StatusOK {
					t.Errorf("POST: %+v, %v", a, err)
					return
				}
				ids, err := other.Search(t.Context(), map[string]string{"startTime": "0"})
				if err != nil || !slices.Contains(ids, id) {
					t.Errorf("another service does not find %s at once: %v", id, err)
				}
			}
		})
	}
	writers.Wait()

	a, err := callers[0].Call(t.Context(), "ops", http.MethodPost, "/api/v2/ops/verify", nil)
	refused := a.Status == http.StatusNotImplemented && strings.Contains(string(a.Body), "is not offered")
	if err != nil || !refused {
		t.Errorf("verifying: %+v, %v", a, err)
	}
	services[0].kill()
	if ids, err := callers[1].Search(t.Context(), map[string]string{"startTime": "0"}); err != nil || len(ids) != 40 {
		t.Errorf("when the other service was killed, %d recordings are found, %v", len(ids), err)
	}
	services[1].signal(t, syscall.SIGTERM)
	if s := services[1].status(t); s != 0 {
		t.Errorf("exit status %d\n%s", s, services[1].log)
	}
	if strings.Contains(services[1].log.String(), "+1650") {
		t.Errorf("the log has phone numbers:\n%s", services[1].log)
	}
}
