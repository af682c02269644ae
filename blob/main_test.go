package blob_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain names a proxy, which net/http looks up once in a process. Nobody may use it.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		os.Setenv(name, "http://proxy.invalid:3128")
	}
	goleak.VerifyTestMain(m)
}
