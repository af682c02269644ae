package client_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/api/client"
)

func discarded() *log.Logger { return log.New(io.Discard, "", 0) }

// TestBatch has a verdict for each recording, the rejected included.
func TestBatch(t *testing.T) {
	s := running(t)
	ops := as(t, s.url, "ops").Center("cc")
	wrong := call("b", 0)
	wrong.Region = ""
	all := []*client.Recording{call("a", 0), wrong, call("a", 0), call("c", 0)}

	for _, dry := range []bool{true, false} {
		var got []string
		for v, err := range ops.PostAll(t.Context(), slices.Values(all), client.BatchOptions{DryRun: dry}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%d %s %s %d", v.Line, v.ID, v.Outcome, v.StatusCode))
			if v.Rejected() != strings.Contains(v.StatusMessage, "region") {
				t.Errorf("%+v", v)
			}
		}
		if want := "1 a created 0, 2 b  2, 3 a unchanged 0, 4 c created 0"; strings.Join(got, ", ") != want {
			t.Errorf("the verdicts are %q", got)
		}
	}
}

// TestBatchStopped: whoever takes no more verdicts stops the sending.
func TestBatchStopped(t *testing.T) {
	s := running(t)
	ops := as(t, s.url, "ops").Center("cc")
	sent := 0
	endless := func(yield func(*client.Recording) bool) {
		for yield(call(fmt.Sprint("r", sent), 0)) {
			sent++
		}
	}

	for v, err := range ops.PostAll(t.Context(), endless, client.BatchOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if v.Line == 3 {
			break
		}
	}
	if sent < 2 {
		t.Errorf("%d were sent", sent)
	}
}

// TestBatchFails: whatever goes wrong is an error at the end.
func TestBatchFails(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   func(error) bool
	}{
		"refused": {403, `{"statusCode":5,"statusMessage":"no"}`, is[*client.RefusedError]},
		"cut":     {200, `{"line":1,"outcome":"created"}` + "\n", is[*client.InterruptedError]},
		"half":    {200, `{"line":1,"outcome":"created"}` + "\n" + `{"statusCode":0,"li`, is[*client.InterruptedError]},
		"nothing": {200, "", is[*client.InterruptedError]},
		"full":    {200, `{"statusCode":4,"statusMessage":"full","lines":0}` + "\n", is[*client.GivenUpError]},
	} {
		own := answering(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}).Own()

		var last error
		for _, err := range own.PostLines(t.Context(), strings.NewReader("{}\n"), client.BatchOptions{Marks: true}) {
			last = err
		}
		if !c.want(last) {
			t.Errorf("%s: %v", name, last)
		}
	}

	wrong := call("a", 0)
	wrong.Extra = jsontext.Value(`{"id":`)
	s := running(t)
	var last error
	for _, err := range as(t, s.url, "ops").Center("cc").PostAll(t.Context(), slices.Values([]*client.Recording{wrong}),
		client.BatchOptions{}) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), `encoding the recording "a"`) {
		t.Errorf("what cannot be encoded: %v", last)
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
