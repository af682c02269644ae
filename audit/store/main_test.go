package store_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets only those goroutines go on that Pebble leaves behind where opening it fails.
func TestMain(m *testing.M) {
	granter := "github.com/cockroachdb/pebble/v2.(*ConcurrencyLimitScheduler).periodicGranter"
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction(granter))
}
