package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"recordings/api/auth"
	"recordings/api/signon"
	"recordings/blob/storage"
	"recordings/cmd/recordings/internal/config"
	"recordings/erase/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hash is that of the password "secret", with the least cost that is accepted.
const hash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$K1nNUv8Wz9Vqf9tkrrb5hA"

// minimal is the least that a configuration must say.
const minimal = "region: us-west\nusers: [{name: ops, role: ops, password_hash: \"" + hash + "\"}]\n"

func parse(t *testing.T, yaml string, s config.Sources) *config.Config {
	t.Helper()
	s.File = "recordings.yaml"
	c, err := config.Parse([]byte(yaml), s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEverySetting(t *testing.T) {
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}

	want := &config.Config{
		Listen:             "0.0.0.0:8443",
		PublicURL:          "https://calls.example.com/proxy",
		TrustedProxies:     []string{"10.0.0.7", "10.1.0.0/16"},
		CORS:               config.CORS{Origins: []string{"https://app.example.com", "http://localhost:3000"}},
		TLS:                config.TLS{Certificate: "tls/cert.pem", Key: "tls/key.pem"},
		Region:             "us-west",
		Data:               "/var/lib/recordings",
		BackupDirectory:    "/var/backups/recordings",
		ContactCenters:     []string{"a5539ef5-7dd5-4150-818f-ee1bcd447cbe", "second"},
		AcceptEmptyHistory: true,
		Compatibility:      "8.5",
		Index:              "embedded",
		OpenSearch: config.OpenSearch{
			Username: "service", Password: "SP", CA: "ca.pem", Certificate: "own.pem", Key: "own.key",
			Index: "calls", Shards: 5, Replicas: 2, SnapshotRepository: "nightly",
		},
		LogLevel:         "debug",
		LogFormat:        config.LogText,
		MaxBody:          2097152,
		MaxConnections:   99,
		MaxPerAddress:    33,
		ScrubInterval:    24 * time.Hour,
		AuditKeep:        90 * 24 * time.Hour,
		AuditKeepDetails: 30 * 24 * time.Hour,
		SearchTimeout:    2500 * time.Millisecond,
		SearchMemory:     64_000_000,
		AnswerMemory:     48_000_000,
		BatchMemory:      40_000_000,
		CacheMemory:      32_000_000,
		DeletionRate:     500,
		Retention: []policy.Policy{{
			Name: "old", After: "90d", ContactCenters: []string{"second"}, Criteria: map[string]string{
				"userName": "alice", "minDuration": "0", "nonDelete": "false", "userDataKey.queue": "south*",
			}, Subresources: true, Between: "01:00-05:00", MaxShare: 5,
		}, {Name: "very old", After: "3650d", Everything: true, MaxShare: 10}},
		Users: []auth.User{
			{Name: "ops", PasswordHash: hash, Role: auth.RoleOps},
			{Name: "alice", PasswordHash: hash, Role: auth.RoleAdmin,
				ContactCenters: []string{"a5539ef5-7dd5-4150-818f-ee1bcd447cbe"}},
			{Name: "lead", PasswordHash: hash, Role: auth.RoleAdmin,
				ContactCenters: []string{"a5539ef5-7dd5-4150-818f-ee1bcd447cbe", "second"},
				AccessGroups:   []string{"/Sales", "/Support/Night"}},
		},
		OIDC: signon.Settings{
			Issuer: "https://id.example.com/realms/cc", ClientID: "recordings", ClientSecret: "CS", Audience: "api",
			Roles: signon.Roles{
				Claim: "realm_access.roles", Ops: []string{"o"}, Admin: []string{"a"}, Recorder: []string{"r"},
				Auditor: []string{"u"},
			},
			ContactCenter: "cc", AccessGroups: "teams", UserName: "email", Button: "Sign in with Example",
		},
		Tokens: []auth.Token{{
			Name: "recorder-7", Hash: "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
			Role: auth.RoleRecorder, ContactCenters: []string{"second"}, Expires: "2027-12-31",
		}},
		Storage: config.Storage{
			S3: storage.S3{
				Buckets: []string{"stage-recordings", "old"}, Region: "us-east-1", Endpoint: "http://127.0.0.1:9000",
				Regions:   []storage.BucketRegion{{Bucket: "old", Region: "eu-central-1"}},
				PathStyle: true, Checksums: "when_supported", AccessKey: "AK", SecretKey: "SK",
			},
			WebDAV: storage.WebDAV{
				Default: "http://10.10.15.83:8080/recordings/",
				Origins: []storage.Origin{
					{URL: "http://10.10.15.83:8080/recordings/", Username: "u", Password: "p: #"},
				},
			},
		},
	}

	if got := parse(t, string(data), config.Sources{}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDefaults(t *testing.T) {
	want := config.Defaults()
	want.Region = "us-west"
	want.Users = []auth.User{{Name: "ops", PasswordHash: hash, Role: auth.RoleOps}}
	if got := parse(t, minimal, config.Sources{}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestNullIsNotGiven(t *testing.T) {
	yaml := minimal + "listen:\ntls:\nstorage:\n  webDAV: ~\ncontact_centers: null\naccept_empty_history:\n"
	if got, want := parse(t, yaml, config.Sources{}), parse(t, minimal, config.Sources{}); !reflect.DeepEqual(got,
		want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestFlagsOverEnvironmentOverFile(t *testing.T) {
	yaml := minimal + "listen: 127.0.0.1:1\ndata: file\nmax_body: 2000\nlog_level: warn\n"
	c := parse(t, yaml, config.Sources{
		Environ: []string{"RECORDINGS_LISTEN=127.0.0.1:2", "RECORDINGS_DATA=environment", "RECORDINGS_LOG_LEVEL=",
			"OTHER=1"},
		Flags: map[string]string{"listen": "127.0.0.1:3"},
	})

	got := []any{c.Listen, c.Data, c.MaxBody, c.LogLevel}
	if want := []any{"127.0.0.1:3", "environment", int64(2000), "warn"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEnvironmentAlone(t *testing.T) {
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}

	want := parse(t, string(data), config.Sources{})
	got := parse(t, "", config.Sources{Environ: []string{
		"RECORDINGS_LISTEN=0.0.0.0:8443",
		"RECORDINGS_PUBLIC_URL=https://calls.example.com/proxy/",
		"RECORDINGS_TRUSTED_PROXIES=10.0.0.7, 10.1.0.0/16",
		"RECORDINGS_CORS_ORIGINS=https://app.example.com, http://localhost:3000",
		"RECORDINGS_TLS_CERTIFICATE=tls/cert.pem",
		"RECORDINGS_TLS_KEY=tls/key.pem",
		"RECORDINGS_REGION=us-west",
		"RECORDINGS_DATA=/var/lib/recordings",
		"RECORDINGS_BACKUP_DIRECTORY=/var/backups/recordings",
		"RECORDINGS_CONTACT_CENTERS=a5539ef5-7dd5-4150-818f-ee1bcd447cbe, second",
		"RECORDINGS_ACCEPT_EMPTY_HISTORY=true",
		"RECORDINGS_COMPATIBILITY=8.5",
		"RECORDINGS_INDEX=embedded",
		"RECORDINGS_OPENSEARCH_USERNAME=service",
		"RECORDINGS_OPENSEARCH_PASSWORD=SP",
		"RECORDINGS_OPENSEARCH_CA=ca.pem",
		"RECORDINGS_OPENSEARCH_CERTIFICATE=own.pem",
		"RECORDINGS_OPENSEARCH_KEY=own.key",
		"RECORDINGS_OPENSEARCH_INDEX=calls",
		"RECORDINGS_OPENSEARCH_SHARDS=5",
		"RECORDINGS_OPENSEARCH_REPLICAS=2",
		"RECORDINGS_OPENSEARCH_SNAPSHOT_REPOSITORY=nightly",
		"RECORDINGS_LOG_LEVEL=debug", "RECORDINGS_LOG_FORMAT=text",
		"RECORDINGS_MAX_BODY=2097152",
		"RECORDINGS_MAX_CONNECTIONS=99",
		"RECORDINGS_MAX_CONNECTIONS_PER_ADDRESS=33",
		"RECORDINGS_SCRUB_INTERVAL=24h",
		"RECORDINGS_AUDIT_KEEP=90d",
		"RECORDINGS_AUDIT_KEEP_DETAILS=30d",
		"RECORDINGS_SEARCH_TIMEOUT=2.5s",
		"RECORDINGS_SEARCH_MEMORY=64000000",
		"RECORDINGS_ANSWER_MEMORY=48000000",
		"RECORDINGS_BATCH_MEMORY=40000000",
		"RECORDINGS_CACHE_MEMORY=32000000",
		"RECORDINGS_DELETION_RATE=500",
		"RECORDINGS_RETENTION=[{name: old, after: 90d, contact_centers: [second], criteria: {userName: alice, " +
			"minDuration: 0, nonDelete: false, userDataKey.queue: 'south*'}, subresources: true, " +
			"between: '01:00-05:00', max_share: 5}, {name: very old, after: 3650d, everything: true}]",
		"RECORDINGS_USERS=[{name: ops, password_hash: '" + hash + "', role: ops}, {name: alice, password_hash: '" +
			hash +
			"', role: admin, contact_center: a5539ef5-7dd5-4150-818f-ee1bcd447cbe}, {name: lead, " +
			"password_hash: '" + hash + "', role: admin, " +
			"contact_centers: [a5539ef5-7dd5-4150-818f-ee1bcd447cbe, second], " +
			"access_groups: [/Sales, /Support/Night]}]",
		"RECORDINGS_TOKENS=[{name: recorder-7, role: recorder, contact_centers: [second], expires: 2027-12-31, " +
			"hash: sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff}]",
		"RECORDINGS_OIDC_ISSUER=https://id.example.com/realms/cc",
		"RECORDINGS_OIDC_CLIENT_ID=recordings",
		"RECORDINGS_OIDC_CLIENT_SECRET=CS",
		"RECORDINGS_OIDC_AUDIENCE=api",
		"RECORDINGS_OIDC_ROLES_CLAIM=realm_access.roles",
		"RECORDINGS_OIDC_ROLES_OPS=o",
		"RECORDINGS_OIDC_ROLES_ADMIN=a",
		"RECORDINGS_OIDC_ROLES_RECORDER=r",
		"RECORDINGS_OIDC_ROLES_AUDITOR=u",
		"RECORDINGS_OIDC_CONTACT_CENTER_CLAIM=cc",
		"RECORDINGS_OIDC_ACCESS_GROUPS_CLAIM=teams",
		"RECORDINGS_OIDC_USER_NAME_CLAIM=email",
		"RECORDINGS_OIDC_BUTTON=Sign in with Example",
		"RECORDINGS_STORAGE_AWSS3_BUCKETS=stage-recordings,old",
		"RECORDINGS_STORAGE_AWSS3_REGION=us-east-1",
		"RECORDINGS_STORAGE_AWSS3_REGIONS=[{bucket: old, region: eu-central-1}]",
		"RECORDINGS_STORAGE_AWSS3_ENDPOINT=http://127.0.0.1:9000",
		"RECORDINGS_STORAGE_AWSS3_PATH_STYLE=true",
		"RECORDINGS_STORAGE_AWSS3_CHECKSUMS=when_supported",
		"RECORDINGS_STORAGE_AWSS3_ACCESS_KEY=AK",
		"RECORDINGS_STORAGE_AWSS3_SECRET_KEY=SK",
		"RECORDINGS_STORAGE_WEBDAV_DEFAULT=http://10.10.15.83:8080/recordings/",
		`RECORDINGS_STORAGE_WEBDAV_ORIGINS=[{url: "http://10.10.15.83:8080/recordings/", username: u, password: "p: ` +
			`#"}]`,
	}})

	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEnvironmentReplacesLists(t *testing.T) {
	yaml := "region: us-west\ncontact_centers: [a, a]\nusers:\n- {name: '', role: nobody}\n"
	c := parse(t, yaml, config.Sources{Environ: []string{
		"RECORDINGS_CONTACT_CENTERS=b", "RECORDINGS_USERS=[{name: ops, role: ops, password_hash: '" + hash + "'}]",
	}})
	if len(c.ContactCenters) != 1 || c.ContactCenters[0] != "b" || len(c.Users) != 1 || c.Users[0].Name != "ops" {
		t.Errorf("got %+v", c)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "recordings.yaml")
	if err := os.WriteFile(file, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}

	_, unknown, err := config.Load(config.Sources{File: file,
		Environ: []string{"RECORDINGS_SERVICE_PORT=1", "RECORDINGS_USER=me", "RECORDINGS_LISTN=x"}})
	if err != nil {
		t.Fatal(err)
	}

	if want := []string{"RECORDINGS_LISTN", "RECORDINGS_SERVICE_PORT"}; !reflect.DeepEqual(unknown, want) {
		t.Errorf("unknown variables: got %v, want %v", unknown, want)
	}
}

func TestLoadFails(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}

	for _, c := range []struct {
		name string
		s    config.Sources
		want string
	}{
		{"no file", config.Sources{File: filepath.Join(dir, "none.yaml")},
			"none.yaml: cannot be read: no such file or directory"},
		{"a directory", config.Sources{File: dir}, ": cannot be read: is a directory"},
		{"optional", config.Sources{File: filepath.Join(dir, "none.yaml"), Optional: true},
			"none.yaml: region: is required"},
		{"too long", config.Sources{File: write("long.yaml", strings.Repeat("#\n", 3<<20))},
			"long.yaml: is longer than"},
		{"no certificate", config.Sources{File: write("tls.yaml",
			minimal+"tls: {certificate: nowhere.pem, key: nowhere.key}\n")},
			"tls.yaml:3: tls: the certificate and its key cannot be used: open nowhere.pem"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := config.Load(c.s)
			var problems config.Problems
			if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want problems with %q", err, c.want)
			}
		})
	}
}
