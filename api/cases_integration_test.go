//go:build integration

package api_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"recordings/index/opensearch"
	"recordings/index/opensearch/client"
	"recordings/internal/opensearchtest"
)

// TestCasesInCluster: the API answers on an OpenSearch cluster as it does on one machine, case by case.
func TestCasesInCluster(t *testing.T) {
	at := strings.Split(os.Getenv("RECORDINGS_OPENSEARCH"), ",") // that a developer has running
	if at[0] == "" {
		at = opensearchtest.ForTest(t, opensearchtest.Options{}).Addresses()
	}
	t.Run("Cases", func(t *testing.T) {
		for i, file := range caseFiles(t) {
			g := readGroup(t, file)
			t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
				x, err := opensearch.Open(t.Context(), opensearch.Options{
					Cluster: client.Options{Addresses: at, Log: zerolog.Nop()},
					Index:   fmt.Sprintf("cases%d-%d", os.Getpid(), i),
					Shards:  1, Replicas: opensearch.NoReplicas, Log: zerolog.Nop(),
				})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := x.Close(); err != nil {
						t.Error(err)
					}
				})
				g.run(t, x)
			})
		}
	})
}
