package mapping_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"recordings/mapping"
)

// postCases are cases of what is posted, and what is kept and shown of it.
type postCases struct {
	Names []struct {
		Item string `json:"item"`
		Name string `json:"name"`
		Want bool   `json:"want"` // it is hidden
	} `json:"names"`
	Parameters []struct {
		Item       string         `json:"item"`
		Parameters jsontext.Value `json:"parameters"`
		Want       jsontext.Value `json:"want"`
	} `json:"parameters"`
	Moments []struct {
		Item   string `json:"item"`
		A      string `json:"a"`
		B      string `json:"b"`
		Events int    `json:"events"`
	} `json:"moments"`
	Extensions []struct {
		Item      string `json:"item"`
		Path      string `json:"path"`
		Encrypted bool   `json:"encrypted"`
		Want      string `json:"want"`
	} `json:"extensions"`
	AccessGroups []struct {
		Item         string         `json:"item"`
		Members      map[string]any `json:"members"`
		AccessGroups []string       `json:"accessgroups"`
		AccessGroup  []string       `json:"accessgroup"`
	} `json:"accessGroups"`
}

// TestSecretsAreShownToNobody: neither as such nor in what an outline leaves as it is.
func TestSecretsAreShownToNobody(t *testing.T) {
	cases := readCases[postCases](t, "posts.json")
	for _, c := range cases.Names {
		parameters, err := json.Marshal(map[string]string{c.Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		shown := string(shownParameters(t, parameters))
		if hidden := shown == "{}"; hidden != c.Want || !hidden && shown != string(parameters) {
			t.Errorf("%s: of %s is shown %s", c.Item, parameters, shown)
		}
	}
	for _, c := range cases.Parameters {
		if got := shownParameters(t, c.Parameters); !sameJSON(t, got, c.Want) {
			t.Errorf("%s: of %s is shown %s, want %s", c.Item, c.Parameters, got, c.Want)
		}
	}
}

// shownParameters stores a recording with these parameters, and returns what is shown of them.
func shownParameters(t *testing.T, parameters jsontext.Value) jsontext.Value {
	t.Helper()
	r := decode(t, edit(t, map[string]any{"mediaFiles/0/parameters": parameters}))
	if !sameJSON(t, r.MediaFiles[0].Parameters, parameters) {
		t.Errorf("kept are %s of %s", r.MediaFiles[0].Parameters, parameters)
	}
	stored, err := mapping.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	s, err := mapping.ReadStored(stored)
	if err != nil {
		t.Fatal(err)
	}

	shown := r.MediaFiles[0].Public().Parameters
	if changed := string(shown) != string(r.MediaFiles[0].Parameters); changed && !s.Outline().MediaFiles[0].Private {
		t.Errorf("the outline of %s is not private", stored)
	}
	return shown
}

func sameJSON(t *testing.T, a, b jsontext.Value) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		t.Fatalf("%s or %s is no JSON", a, b)
	}
	return reflect.DeepEqual(x, y)
}

// TestMoments: events are one only if they occurred at the same nanosecond, also when the first was
// stored in between.
func TestMoments(t *testing.T) {
	for _, c := range readCases[postCases](t, "posts.json").Moments {
		first := decode(t, edit(t, map[string]any{"eventHistory/0/occurredAt": c.A}))
		second := decode(t, edit(t, map[string]any{"eventHistory/0/occurredAt": c.B}))
		stored, err := mapping.Encode(first)
		if err != nil {
			t.Fatal(err)
		}
		if first, err = mapping.DecodeStored(stored); err != nil {
			t.Fatal(err)
		}
		merged := mapping.Merge(first, second)
		if got := len(merged.EventHistory); got != c.Events {
			t.Errorf("%s: %s and %s are %d events, want %d", c.Item, c.A, c.B, got, c.Events)
		}
		if again := mapping.Merge(merged, first); !reflect.DeepEqual(again.EventHistory, merged.EventHistory) {
			t.Errorf("%s: posting %s again makes %+v", c.Item, c.A, again.EventHistory)
		}
	}
}

func TestExtensions(t *testing.T) {
	for _, c := range readCases[postCases](t, "posts.json").Extensions {
		d := mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: c.Path}
		if got := d.MediaName("cc", "id", c.Encrypted); !strings.HasSuffix(got, c.Want) ||
			strings.Count(got, ".") != 1 {
			t.Errorf("%s: %s becomes %s, want %s", c.Item, c.Path, got, c.Want)
		}
	}
}

func TestAccessGroups(t *testing.T) {
	for _, c := range readCases[postCases](t, "posts.json").AccessGroups {
		changes := map[string]any{"mediaFiles/0/accessgroup": remove{}}
		for name, value := range c.Members {
			changes["mediaFiles/0/"+name] = value
		}
		m := decode(t, edit(t, changes)).MediaFiles[0]
		if !reflect.DeepEqual(m.AccessGroups, c.AccessGroups) || !reflect.DeepEqual(m.AccessGroup, c.AccessGroup) {
			t.Errorf("%s: %q and %q, want %q and %q", c.Item, m.AccessGroups, m.AccessGroup,
				c.AccessGroups, c.AccessGroup)
		}
	}
}
