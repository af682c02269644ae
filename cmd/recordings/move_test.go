package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/embedded"
	"recordings/mapping"
)

// TestMoveCommand moves from one data directory to another, and refuses what cannot be meant.
func TestMoveCommand(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	from := writeFile(t, dir, "from.yaml", testConfig(at("from")))
	to := writeFile(t, dir, "to.yaml", testConfig(at("to")))
	none := writeFile(t, dir, "none.yaml", testConfig(at("none")))
	wrong := writeFile(t, dir, "wrong.yaml", "region: 1\n")
	var lines []string
	for i := range 20 {
		lines = append(lines, importLine(fmt.Sprintf("r%d", i), i))
	}
	file := writeFile(t, dir, "calls.ndjson", strings.Join(lines, "\n"))
	other := writeFile(t, dir, "other.ndjson", importLine("another", 1))
	put := func(data, file string) []string {
		return []string{"import", "--data", data, "--contact-center", contactCenter, file}
	}

	for _, s := range []struct {
		name           string
		args           []string
		status         status
		stdout, stderr string // parts
	}{
		{"nothing", []string{"move"}, misused, "", "--from and --to are required"},
		{"from nowhere", []string{"move", "--from", none, "--to", to}, failed, "", "is no data directory"},
		{"to itself", []string{"move", "--from", from, "--to", from}, misused, "", "name the same place"},
		{"wrong", []string{"move", "--from", from, "--to", wrong}, misused, "", "users: are required"},
		{"import", put(at("from"), file), done, "", "20 created"},
		{"check nothing", []string{"move", "--from", from, "--to", to, "--check"}, failed, "", "is no data directory"},
		{"move", []string{"move", "--from", from, "--to", to}, done,
			"20 recordings, 0 labels, 0 saved searches and 0 media files left behind were written to " +
				"the data directory " + at("to") +
				"\nboth places have the same 20 recordings\n", ""},
		{"move again", []string{"move", "--from", from, "--to", to, "--json"}, done,
			`{"interrupted":false,"recordings":20,"written":0,"labels":0,"searches":0,"orphans":0,"problems":0,` +
				`"findings":[]}`, ""},
		{"check", []string{"move", "--from", from, "--to", to, "--check"}, done, "both places have the same 20", ""},
		{"import another", put(at("to"), other), done, "", "1 created"},
		{"find it", []string{"move", "--from", from, "--to", to, "--check"}, partly,
			`additional: recording "another" of contact center "` + contactCenter + `"` +
				"\nof 20 recordings, 1 problem\n", ""},
		{"audit", []string{"audit", "--data", at("to")}, done,
			"entries 1 to 3 are a chain", ""}, // two moves and an import
		{"verify", []string{"verify", "--data", at("to")}, done, "all is well: 21 recordings", ""},
	} {
		status, stdout, stderr := runProgram(t, "", nil, s.args...)
		if status != s.status || !strings.Contains(stdout, s.stdout) || !strings.Contains(stderr, s.stderr) {
			t.Fatalf("%s: %d\n%s\n%s", s.name, status, stdout, stderr)
		}
	}
}

// TestMoveOfNoRecording: what is left of a contact center that has no recording any more, and that no configuration
// names, is moved, too.
func TestMoveOfNoRecording(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	open := func(name string) *embedded.Index {
		t.Helper()
		x, err := embedded.Open(t.Context(), embedded.Options{Dir: at(name), Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}

	x := open("from")
	orphan := index.OrphanedMedia{ID: "m1", RecordingID: "gone", Descriptor: mapping.MediaDescriptor{
		Storage: mapping.StorageWebDAV, Path: "http://media.example/a.wav"}, Message: "refused", Since: 1, Tried: 2}
	if err := x.SettleOrphaned(t.Context(), "left", nil, []index.OrphanedMedia{orphan}); err != nil {
		t.Fatal(err)
	}
	for _, center := range []string{"left", "new\x00/"} {
		label := mapping.LabelDefinition{Name: "Checked", DisplayName: "Checked"}
		if err := x.DefineLabel(t.Context(), center, label, false); err != nil {
			t.Fatal(err)
		}
	}
	search := index.SavedSearch{Name: "all", Criteria: map[string]string{"startTime": "0"}, LookedAt: 7, Time: 8}
	if err := x.ChangeSavedSearches(t.Context(), "only searches", "alice", index.SaveSearch(search)); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}

	from := writeFile(t, dir, "from.yaml", testConfig(at("from")))
	to := writeFile(t, dir, "to.yaml", testConfig(at("to")))
	status, stdout, stderr := runProgram(t, "", nil, "move", "--from", from, "--to", to)
	const want = "0 recordings, 2 labels, 1 saved search and 1 media file left behind were written"
	if status != done || !strings.HasPrefix(stdout, want) {
		t.Fatalf("%d\n%s\n%s", status, stdout, stderr)
	}
	x = open("to")
	defer func() { _ = x.Close() }()
	all, err := x.Orphaned(t.Context(), "left", "", 10)
	if err != nil || len(all) != 1 || all[0].RecordingID != "gone" {
		t.Errorf("%+v, %v", all, err)
	}
	searches, err := x.SavedSearches(t.Context(), "only searches", "alice")
	if err != nil || len(searches) != 1 || !searches[0].Equal(&search) || searches[0].Time != search.Time {
		t.Errorf("%+v, %v", searches, err)
	}
}
