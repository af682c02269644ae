package client_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"recordings/api/client"
	"recordings/mapping"
)

// TestSuggest completes names and numbers from more recordings than are looked at.
func TestSuggest(t *testing.T) {
	s := running(t)
	ops := as(t, s.url, "ops").Center("cc")
	fill(t, ops, 210)
	last := call("last", 1000)
	last.EventHistory[0].Contact.UserName = "bob"
	last.EventHistory[0].Data = []byte(`{"Queue":"Billing"}`)
	if _, err := ops.Post(t.Context(), last); err != nil {
		t.Fatal(err)
	}

	admin := as(t, s.url, "admin").Own()
	for _, x := range []struct {
		query client.SuggestQuery
		want  client.Suggestions
	}{
		{client.SuggestQuery{Field: mapping.ParamUserName, Text: "AL"}, client.Suggestions{
			Values:   []client.Suggestion{{Value: "Alice Smith", Recordings: 200}, {Value: "alice", Recordings: 199}},
			LookedAt: 200, More: true,
		}},
		{client.SuggestQuery{Field: mapping.ParamUserName, Limit: 1}, client.Suggestions{
			Values: []client.Suggestion{{Value: "Alice Smith", Recordings: 200}}, LookedAt: 200, More: true,
		}},
		{client.SuggestQuery{
			Field: mapping.ParamDialedPhoneNumber, Text: "0199",
			Criteria: client.Criteria{mapping.ParamUserName: "bob"},
		}, client.Suggestions{Values: []client.Suggestion{{Value: "+14155550199", Recordings: 1}}, LookedAt: 1}},
		{client.SuggestQuery{Field: mapping.FieldUserDataKeys, Text: "q"}, client.Suggestions{
			Values: []client.Suggestion{{Value: "Queue", Recordings: 1}}, LookedAt: 200, More: true,
		}},
		{client.SuggestQuery{Field: mapping.ParamUserDataKey + "queue"}, client.Suggestions{
			Values: []client.Suggestion{{Value: "Billing", Recordings: 1}}, LookedAt: 1,
		}},
		{client.SuggestQuery{Field: mapping.ParamUserName, Text: "nobody"}, client.Suggestions{}},
	} {
		got, err := admin.Suggest(t.Context(), x.query)
		if err != nil {
			t.Fatalf("%+v: %v", x.query, err)
		}
		if !slices.Equal(got.Values, x.want.Values) || got.LookedAt != x.want.LookedAt || got.More != x.want.More {
			t.Errorf("%+v: %s, want %s", x.query, fmt.Sprint(*got), fmt.Sprint(x.want))
		}
	}

	_, err := admin.Suggest(t.Context(), client.SuggestQuery{Field: "agent", Text: " ", Limit: 51})
	refused, ok := errors.AsType[*client.RefusedError](err)
	if !ok || refused.Code != client.CodeInvalid || len(refused.Problems) != 3 {
		t.Errorf("of what there is not: %v", err)
	}
}
