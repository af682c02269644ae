package mapping_test

import (
	"strings"
	"testing"

	"recordings/mapping"
)

// identifierCases are testdata/identifiers.json.
type identifierCases struct {
	Matches []struct {
		Item                string
		CallUUIDs, MediaIDs []string // of the media files
		Param, Value        string
		Want                bool
	}
	Refused []struct{ Param, Value, Says string }
}

func TestIdentifiers(t *testing.T) {
	cases := readCases[identifierCases](t, "identifiers.json")
	if len(cases.Matches) == 0 || len(cases.Refused) == 0 {
		t.Fatal("there are no cases")
	}

	for _, c := range cases.Matches {
		r := &mapping.Recording{MediaFiles: make([]mapping.MediaFile, max(len(c.CallUUIDs), len(c.MediaIDs)))}
		for i, id := range c.CallUUIDs {
			r.MediaFiles[i].CallUUID = id
		}
		for i, id := range c.MediaIDs {
			r.MediaFiles[i].MediaID = id
		}

		criteria, err := mapping.ParseCriteria(map[string]string{c.Param: c.Value})
		if err != nil {
			t.Errorf("%s: %s=%s: %v", c.Item, c.Param, c.Value, err)
		} else if got := mapping.Match(&criteria, r); got != c.Want {
			t.Errorf("%s: %s=%s in %q, %q: %v, want %v", c.Item, c.Param, c.Value, c.CallUUIDs, c.MediaIDs, got, c.Want)
		}
	}

	for _, c := range cases.Refused {
		_, err := mapping.ParseCriteria(map[string]string{c.Param: c.Value})
		if err == nil || !strings.Contains(err.Error(), c.Says) {
			t.Errorf("%s=%.20s: %v, want %q", c.Param, c.Value, err, c.Says)
		}
	}
}
