package config

import (
	"reflect"
	"slices"
	"testing"

	"recordings/api/auth"
)

// TestKeys: each field is known by the key that it has in the file.
func TestKeys(t *testing.T) {
	var known []string
	for _, s := range settings(new(Config)) {
		known = append(known, s.key)
	}
	for f := range reflect.TypeFor[Config]().Fields() {
		if key := keyOf(f); key != notAKey && !slices.Contains(known, key) {
			t.Errorf("%s has the key %s, which is not in the file", f.Name, key)
		}
	}
}

func TestNeedRestart(t *testing.T) {
	a, b := Defaults(), Defaults()
	b.Users = []auth.User{{Name: "new"}}
	b.ContactCenters = []string{"cc"}
	a.TLS, b.TLS = TLS{"a", "a"}, TLS{"b", "b"}
	if keys := NeedRestart(a, b); len(keys) != 0 {
		t.Errorf("a restart is needed for %q", keys)
	}

	b.TLS, b.Listen, b.MaxPerAddress, b.Storage.S3.Region = TLS{}, ":1", 7, "x"
	want := []string{"listen", "tls", "max_connections_per_address", "storage"}
	if keys := NeedRestart(a, b); !slices.Equal(keys, want) {
		t.Errorf("a restart is needed for %q, want %q", keys, want)
	}
}
