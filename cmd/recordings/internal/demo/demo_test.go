package demo_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"recordings/cmd/recordings/internal/demo"
	"recordings/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 11, 23, 15, 4, 5, 0, time.UTC)

func TestSameMomentSameRecordings(t *testing.T) {
	a, b := demo.Recordings("http://media", now), demo.Recordings("http://media", now)
	for i := range a {
		if x, y := encode(t, a[i]), encode(t, b[i]); !bytes.Equal(x, y) {
			t.Fatalf("recording %d differs:\n%s\n%s", i, x, y)
		}
	}
}

func encode(t *testing.T, r *mapping.Recording) []byte {
	t.Helper()
	b, err := mapping.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAcceptedByTheAPI: posted by a recorder, each of them would be taken as it is. With -short every fourth is
// looked at.
func TestAcceptedByTheAPI(t *testing.T) {
	ids := map[string]bool{}
	for i, r := range demo.Recordings("", now) {
		if ids[r.ID] {
			t.Fatalf("%s is there twice", r.ID)
		}
		ids[r.ID] = true
		if testing.Short() && i%4 != 0 {
			continue
		}

		body := encode(t, r)
		decoded, err := mapping.Decode(body, mapping.DecodeOptions{})
		if err != nil {
			t.Fatalf("%s: %v\n%s", r.ID, err, body)
		}

		if again := encode(t, decoded); !bytes.Equal(again, body) {
			t.Fatalf("decoded otherwise:\n%s\n%s", body, again)
		}
	}

	if len(ids) != demo.Count {
		t.Errorf("%d recordings, want %d", len(ids), demo.Count)
	}
}

func TestTimes(t *testing.T) {
	oldest := mapping.Time(now.AddDate(0, 0, -124).UnixMilli())
	recent := 0
	for _, r := range demo.Recordings("", now) {
		if r.StartTime() < oldest || r.StopTime() > mapping.Time(now.UnixMilli()) || r.StopTime() <= r.StartTime() {
			t.Errorf("%s is from %v to %v", r.ID, r.StartTime(), r.StopTime())
		}
		if r.StartTime() > mapping.Time(now.AddDate(0, 0, -7).UnixMilli()) {
			recent++
		}
	}

	if recent < 100 {
		t.Errorf("%d recordings of the last week", recent)
	}
}

func TestMedia(t *testing.T) {
	paths, masked, two, gone, encrypted := map[string]bool{}, 0, 0, 0, 0
	for _, r := range demo.Recordings("http://127.0.0.1:1/media/", now) {
		if len(r.MediaFiles) == 2 {
			two++
		}

		for i := range r.MediaFiles {
			m := &r.MediaFiles[i]
			if demo.Missing(m) {
				gone++
			} else if !strings.HasPrefix(m.Descriptor.Path, "http://127.0.0.1:1/media/calls/") ||
				paths[m.Descriptor.Path] {
				t.Errorf("path %s", m.Descriptor.Path)
			}

			paths[m.Descriptor.Path] = true
			length := int64(m.StopTime - m.StartTime) // milliseconds
			size := demo.WAVHeader + length*demo.SampleRate/1000*demo.BytesPerSample
			if m.Duration != strconv.FormatInt(length, 10) || m.Size != strconv.FormatInt(size, 10) {
				t.Errorf("%s: duration %s and size %s of %d ms", m.MediaID, m.Duration, m.Size, length)
			}
			if m.PKCS7 != "" {
				encrypted++
			}

			if m.Masks != nil {
				masked++
				checkMasks(t, m)
			}
		}
	}

	if two < 300 || masked < 300 || gone < 10 || encrypted < 10 {
		t.Errorf("%d recordings with two media files; %d masked, %d missing, %d encrypted media files", two, masked,
			gone, encrypted)
	}
}

func checkMasks(t *testing.T, m *mapping.MediaFile) {
	t.Helper()
	var masks []struct {
		Time mapping.Time `json:"time"`
		Type string       `json:"type"`
	}

	if err := json.Unmarshal(m.Masks, &masks); err != nil || len(masks) != 2 {
		t.Fatalf("masks %s: %v", m.Masks, err)
	}

	if masks[0].Type != "paused" || masks[1].Type != "resumed" || masks[0].Time < m.StartTime ||
		masks[1].Time <= masks[0].Time || masks[1].Time > m.StopTime {
		t.Errorf("masks %s of media from %v to %v", m.Masks, m.StartTime, m.StopTime)
	}
}

// TestSomethingToFind: every kind of search finds some of the recordings, and not all of them.
func TestSomethingToFind(t *testing.T) {
	var recordings []*mapping.Searchable
	for _, r := range demo.Recordings("", now) {
		recordings = append(recordings, r.Searchable())
	}

	for _, params := range []map[string]string{
		{"callerPhoneNumber": "+1415*"},
		{"callerPhoneNumber": "*5550142"},
		{"callerPhoneNumber": "UNKNOWN"},
		{"dialedPhoneNumber": "+18005550100"},
		{"startTime": now.AddDate(0, -1, 0).Format(time.RFC3339)},
		{"endTime": now.AddDate(0, -2, 0).Format(time.RFC3339)},
		{"userName": "zoë AND müller"},
		{"userName": "alice bob"},
		{"userName": "schäf*"},
		{"userData": "gold"},
		{"userData": "case-10*"},
		{"userData": `"payment plan"`},
		{"userData": "es-US", "userName": "Núñez"},
	} {
		c, err := mapping.ParseCriteria(params)
		if err != nil {
			t.Fatal(err)
		}

		found := 0
		for _, r := range recordings {
			if c.Match(r) {
				found++
			}
		}

		if found < 3 || found > demo.Count*2/3 {
			t.Errorf("%v finds %d", params, found)
		}
	}
}
