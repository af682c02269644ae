package embedded_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/index"
	"recordings/index/embedded"
	"recordings/index/indextest"
	"recordings/index/query"
	"recordings/mapping"
)

// TestAnyBleveOpensIt: Bleve alone, in a process of its own, opens the search index of a backup of
// a running service, and has the same answers; and the backup is as it was.
func TestAnyBleveOpensIt(t *testing.T) {
	x, dir := backedUp(t)
	before := filesOf(t, dir)
	indexes, err := filepath.Glob(filepath.Join(dir, "search", "0*"))
	if err != nil || len(indexes) != 1 {
		t.Fatalf("the backup has the search indexes %q, %v", indexes, err)
	}

	searches := []map[string]string{
		{},
		{"callerPhoneNumber": "+16500000008"},
		{"callerPhoneNumber": "+1650*7"},
		{"dialedPhoneNumber": "*?*"},
		{"dialedPhoneNumber": "*1*"},
		{"userName": "alice AND am*"},
		{"userName": "nobody MÜL*"},
		{"userName": "nobody Müller", "callerPhoneNumber": "*5"},
		{"startTime": "1700000010000", "endTime": "1700000030000"},
		{"startTime": "1700000010000", "userName": "*lle*"},
		{"callType": "inbound", "userName": "alice"},
		{"callType": "*ound OR transfer"},
		{"comment": "refund"},
		{"comment": "*fund* AND r12", "startTime": "0"},
		{"comment": "nothing \"asks for a refund! r3*\""},
	}
	var queries bytes.Buffer
	var want [][]string
	for _, params := range searches {
		criteria, err := mapping.ParseCriteria(params)
		if err != nil {
			t.Fatal(err)
		}
		q, err := json.Marshal(query.New("cc", "west", nil, &criteria))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&queries, "%s\n", q)
		want = append(want, ids(t, x, criteria))
	}

	stock := exec.CommandContext(t.Context(), "go", "run", "./testdata/stockbleve", indexes[0])
	stock.Stdin, stock.Stderr = &queries, os.Stderr
	out, err := stock.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(answers) != len(searches) {
		t.Fatalf("%d answers, want %d", len(answers), len(searches))
	}
	for i, answer := range answers {
		var got []string
		if err := json.Unmarshal(answer, &got); err != nil {
			t.Fatal(err)
		}
		for i, key := range got {
			got[i] = key[strings.LastIndex(key, "\x01")+1:]
		}
		if !slices.Equal(got, want[i]) {
			t.Errorf("%v: found %q, want %q", searches[i], got, want[i])
		}
		if len(want[i]) == 0 {
			t.Errorf("%v: nothing is found", searches[i])
		}
	}
	if after := filesOf(t, dir); !slices.Equal(before, after) {
		t.Errorf("the backup had the files %q, and has %q", before, after)
	}
}

// backedUp returns a service with some recordings, and the directory of a backup that was made while it runs.
func backedUp(t *testing.T) (x *embedded.Index, dir string) {
	t.Helper()
	root := t.TempDir()
	o := embedded.Options{Dir: filepath.Join(root, "data"), BackupDir: filepath.Join(root, "backups")}
	x, err := embedded.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})

	for n := range 50 {
		r := indextest.New(fmt.Sprintf("r%02d", n), "west", mapping.Time(1700000000000+1000*int64(n)))
		r.CallerPhoneNumber = fmt.Sprintf("+1650%07d", n)
		r.Extra = jsontext.Value([]string{`{"callType":"Inbound"}`, `{"callType":"Outbound"}`, ""}[n%3])
		if n%5 == 0 {
			r.DialedPhoneNumber = "what?" + r.DialedPhoneNumber
			r.EventHistory[0].Contact.LastName = "Müller"
		}
		if _, err := x.Put(t.Context(), "cc", r); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Delete(t.Context(), "cc", "r07"); err != nil {
		t.Fatal(err)
	}
	for n := 3; n < 50; n += 9 {
		id := fmt.Sprintf("r%02d", n)
		err := x.Mark(t.Context(), "cc", id, func(r *mapping.Recording) error {
			r.SetComment(mapping.Comment{ID: "1", Text: "Asks for a refund! " + id})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	indextest.Settle(t, x)

	dir = filepath.Join(o.BackupDir, "b")
	if _, err := x.MakeBackup(t.Context(), dir, false, nil); err != nil {
		t.Fatal(err)
	}
	return x, dir
}

func ids(t *testing.T, x index.Index, criteria mapping.Criteria) []string {
	t.Helper()
	q := index.Query{Scope: index.Scope{ContactCenter: "cc", Region: "west"}, Criteria: criteria, Limit: 1000}
	page, err := index.Find(t.Context(), x, q)
	if err != nil {
		t.Fatal(err)
	}
	found := []string{}
	for _, r := range page.Recordings {
		found = append(found, r.ID)
	}
	return found
}

// filesOf lists the files below a directory, with their sizes and times.
func filesOf(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		files = append(files, fmt.Sprintf("%s %d %v", path, info.Size(), info.ModTime()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
