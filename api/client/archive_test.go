package client_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"recordings/api/client"
)

// TestArchive: the media of many recordings comes as one archive, of recordings that are named or found.
func TestArchive(t *testing.T) {
	s := running(t)
	content := noise(10_000)
	posted(t, s, "zipped 1", content)
	posted(t, s, "zipped 2", content[:99])
	posted(t, s, "zipped 3", nil) // its media is not there
	admin, both := as(t, s.url, "admin").Own(), as(t, s.url, "both").Chosen("cc")

	for _, center := range []*client.Center{admin, both, as(t, s.url, "ops").Center("cc")} {
		a, err := center.Archive(t.Context(), "zipped 2", "nowhere", "zipped 1", "zipped 3")
		if err != nil {
			t.Fatal(err)
		}
		m := readArchive(t, a)
		recordings, files := m.Lacking()
		if recordings != 1 || files != 1 || m.Complete || len(m.Recordings) != 4 || m.ContactCenter != "cc" {
			t.Errorf("the manifest is %+v", m)
		}
		if f := m.Recordings[2].Files[0]; f.Size != 10_000 || !strings.HasPrefix(f.Name, "0003 2") {
			t.Errorf("a file is %+v", f)
		}
		size, err := center.ArchiveSize(t.Context(), "zipped 1", "nowhere")
		if err != nil || size.Recordings != 1 || size.Missing != 1 || size.Files != 1 {
			t.Errorf("it would be %+v, %v", size, err)
		}
	}

	found, err := admin.ArchiveFound(t.Context(), client.Query{
		Criteria: client.Criteria{"startTime": "0", "callerPhoneNumber": "nobody"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := readArchive(t, found); !m.Complete || len(m.Recordings) != 0 {
		t.Errorf("of none: %+v", m)
	}
	_, err = admin.Archive(t.Context())
	if refused, ok := errors.AsType[*client.RefusedError](err); !ok || refused.Status != 400 {
		t.Errorf("of no ids: %v", err)
	}
}

// readArchive reads all of an archive, and compares it with its manifest.
func readArchive(t *testing.T, a *client.Archive) *client.Manifest {
	t.Helper()
	defer a.Close()
	text, err := io.ReadAll(a)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(a.Name, "recordings-2") || !strings.HasSuffix(a.Name, ".zip") {
		t.Errorf("it is called %q", a.Name)
	}
	m, err := client.CheckArchive(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
