package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"recordings/api/auth"
	"recordings/api/signon"
)

// TestExample: the example that the program prints knows every setting, and says what the defaults
// are.
func TestExample(t *testing.T) {
	data, err := os.ReadFile("../../recordings.yaml")
	if err != nil {
		t.Fatal(err)
	}

	const hash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$K1nNUv8Wz9Vqf9tkrrb5hA"
	yaml := strings.ReplaceAll(string(data), "PUT THE HASH HERE", hash)
	yaml = regexp.MustCompile(`(?m)^# ( *[a-zA-Z0-9_]+:( |$))`).ReplaceAllString(yaml, "$1")
	c, r, _ := parse([]byte(yaml), Sources{File: "recordings.yaml"})
	if err := r.result(); err != nil {
		t.Fatal(err)
	}

	paths("", settings(c), func(path string) {
		if _, ok := r.places[path]; !ok {
			t.Errorf("the example does not know %s", path)
		}
	})

	want := Defaults()
	want.Region = "us-west"
	want.Users = []auth.User{
		{Name: "recorder", Role: auth.RoleOps, PasswordHash: hash},
		{Name: "alice", Role: auth.RoleAdmin, PasswordHash: hash,
			ContactCenters: []string{"a5539ef5-7dd5-4150-818f-ee1bcd447cbe"}},
	}

	c.ContactCenters, c.Tokens, c.Storage.S3.Buckets, c.Storage.WebDAV.Origins = nil, nil, nil, nil // empty lists
	c.Storage.S3.Regions, c.TrustedProxies, c.CORS.Origins = nil, nil, nil
	c.Retention, c.OpenSearch.Addresses = nil, nil
	c.OIDC.Roles = signon.Roles{Claim: c.OIDC.Roles.Claim} // likewise
	if !reflect.DeepEqual(c, want) {
		t.Errorf("the defaults are\n%+v\nthe example says\n%+v", want, c)
	}
}
