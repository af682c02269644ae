package mapping_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recordings/index/indextest"
	"recordings/mapping"
)

// completed are the values of a recording that complete a text.
func completed(t *testing.T, r *mapping.Recording, field, text string) (values []string) {
	t.Helper()
	c, err := mapping.ParseCompletion(field, text)
	if err != nil {
		t.Fatalf("%s %q: %v", field, text, err)
	}
	for _, v := range c.Of(r) {
		values = append(values, v.Value)
	}
	return values
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	contact := func(user, first, last, number string) mapping.Event {
		return mapping.Event{Event: mapping.EventJoined, Contact: &mapping.Contact{
			Type: mapping.ContactUser, UserName: user, FirstName: first, LastName: last, PhoneNumber: number,
		}}
	}
	r := &mapping.Recording{
		CallerPhoneNumber: " +1 (650) 466-8888", DialedPhoneNumber: "+16504668888",
		EventHistory: []mapping.Event{
			contact("jm@example.com", "Jürgen", "Müller-Lüd", "1043"),
			contact("JM@example.com", "Maria Luisa", "", "1043"),
			contact("wang", "小明", "王", "*97"), contact("", "a\nb", "Jones,", "sip:bob@example.com"),
			{Event: mapping.EventData, Data: []byte(`{"added":{"Queue":"Billing","tier":["Gold","gold","Größe"]},` +
				`"deleted":{"Language":"en"},"Note":"","customer":{"Tier":"VIP"}}`)},
			{Event: mapping.EventData, Data: []byte(`{"queue":"Sales"}`)},
		},
	}
	for _, x := range []struct{ field, text, want string }{
		{"callerPhoneNumber", "", "+1 (650) 466-8888"},
		{"callerPhoneNumber", "6504", "+1 (650) 466-8888"},
		{"callerPhoneNumber", "50-4", "+1 (650) 466-8888"},
		{"callerPhoneNumber", " 1", "+1 (650) 466-8888"}, // a + that was not escaped
		{"callerPhoneNumber", "4668889", ""},
		{"dialedPhoneNumber", "(650) 4", "+16504668888"},
		{"dialedPhoneNumber", "*", ""},
		{"phoneNumber", "", "+1 (650) 466-8888|1043|*97|sip:bob@example.com"}, // the dialed is the caller
		{"phoneNumber", "*9", "*97"},
		{"phoneNumber", "bob@", "sip:bob@example.com"},
		{"phoneNumber", "BOB", ""},
		{"userName", "", "Jürgen Müller-Lüd|jm@example.com|Maria Luisa|王小明|wang|a b Jones,"},
		{"userName", "jm", "jm@example.com"},
		{"userName", "jurgen mu", "Jürgen Müller-Lüd"},
		{"userName", "Müller-Lüd, J", "Jürgen Müller-Lüd"},
		{"userName", "LUD", "Jürgen Müller-Lüd"},
		{"userName", "  luisa", "Maria Luisa"},
		{"userName", "王", "王小明"},
		{"userName", "小明王", "王小明"},
		{"userName", "J", "Jürgen Müller-Lüd|jm@example.com|a b Jones,"},
		{"userName", "uller", ""},
		{"userName", "j*", ""},
		{"userData", "", "Billing|Gold|Größe|VIP|Sales"},
		{"userData", "grosse", "Größe"},
		{"userData", "en", ""},
		{"userDataKey", "", "Queue|tier|customer.Tier"},
		{"userDataKey", "q", "Queue"},
		{"userDataKey", "tier", "tier"},
		{"userDataKey.QUEUE", "", "Billing|Sales"},
		{"userDataKey.queue", "s", "Sales"},
		{"userDataKey.customer.tier", "v", "VIP"},
		{"userDataKey.none", "", ""},
	} {
		if got := strings.Join(completed(t, r, x.field, x.text), "|"); got != x.want {
			t.Errorf("%s %q is completed by %q, want %q", x.field, x.text, got, x.want)
		}
	}
}

// TestCompletionBounds: neither long values nor very many of them make an answer large.
func TestCompletionBounds(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	fmt.Fprintf(&b, `{"long":"%s","%s":"x"`, strings.Repeat("a", mapping.MaxCompletion+1), strings.Repeat("k", 300))
	for i := range 1000 {
		fmt.Fprintf(&b, `,"k%d":"a%d"`, i, i)
	}
	r := &mapping.Recording{EventHistory: []mapping.Event{{Event: mapping.EventData, Data: []byte(b.String() + "}")}}}
	for field, last := range map[string]string{"userData": "a98", "userDataKey": "k98"} {
		got := completed(t, r, field, "")
		tooLong := slices.ContainsFunc(got, func(v string) bool { return len(v) > mapping.MaxCompletion })
		if len(got) != 100 || tooLong || got[99] != last {
			t.Errorf("%s: %d values, %q", field, len(got), got)
		}
	}
	if got := completed(t, r, "userDataKey.k998", "a"); !slices.Equal(got, []string{"a998"}) {
		t.Errorf("under the last key: %q", got)
	}
}

func TestParseCompletion(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", mapping.MaxParam+1)
	for _, x := range []struct{ field, text, want string }{
		{"", "x", "field is missing: callerPhoneNumber, dialedPhoneNumber, phoneNumber, userName, userData, " +
			"userDataKey or userDataKey.KEY"},
		{"agent", "x", "field is not callerPhoneNumber,"},
		{"startTime", "", "field is not callerPhoneNumber,"},
		{"userDataKey.", "", "field has no key; accepted is the key of the data behind the dot"},
		{"userDataKey." + long, "", "field has a key that is longer than 256 bytes"},
		{"userName", long, "text is longer than 1024 bytes"},
		{"userName", " \t", "text holds white space only; accepted is the beginning of a value"},
		{"callerPhoneNumber", "\u00a0", "text holds white space only; accepted is a part of a number"},
		{"userName", "a\x00", "text is not text in UTF-8 without NUL characters"},
		{"userData", "\xff", "text is not text in UTF-8 without NUL characters"},
		{"agent", "\xff", "text is not text in UTF-8"},
	} {
		_, err := mapping.ParseCompletion(x.field, x.text)
		problems, ok := errors.AsType[mapping.Problems](err)
		if !ok || !strings.Contains(err.Error(), x.want) || problems.Missing() != (x.field == "") {
			t.Errorf("%q %.20q: %v, want %s", x.field, x.text, err, x.want)
		}
	}
}

// TestCompletionAddTo: no criterion about the same field is lost.
func TestCompletionAddTo(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ field, criterion, want string }{
		{"userName", "userName", "userName cannot be given with field=userName"},
		{"userName", "userData", ""},
		{"phoneNumber", "phoneNumber", "phoneNumber cannot be given with field=phoneNumber"},
		{"phoneNumber", "callerPhoneNumber", ""},
		{"userDataKey", "userDataKey.queue", ""},
		{"userDataKey.Queue", "userDataKey.qUEUE", "userDataKey.queue cannot be given with field=userDataKey.queue"},
		{"userDataKey.Queue", "userDataKey.tier", ""},
		{"userDataKey.Queue", "userData", ""},
	} {
		for _, text := range []string{"", "1"} {
			c, err := mapping.ParseCompletion(x.field, text)
			if err != nil {
				t.Fatal(err)
			}
			criteria, err := mapping.ParseCriteria(map[string]string{x.criterion: "1"})
			if err != nil {
				t.Fatal(err)
			}
			before := len(criteria.UserDataByKey)
			err = c.AddTo(&criteria)
			if x.want == "" && err != nil || x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)) {
				t.Errorf("%s beside %s: %v, want %q", x.field, x.criterion, err, x.want)
			}
			added := len(criteria.UserDataByKey) > before
			if added != (x.field == "userDataKey.Queue" && x.want == "") {
				t.Errorf("%s beside %s: %+v", x.field, x.criterion, criteria)
			}
		}
	}
}

// TestCompletionsAreFound: a recording has values that complete a text exactly if it is found by that, and
// each of its values, asked for as a whole, finds it.
func TestCompletionsAreFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := indextest.Recordings().Draw(t, "recording")
		what := indextest.Completions().Draw(t, "completion")
		c, err := mapping.ParseCompletion(what[0], what[1])
		if err != nil {
			t.Fatal(err)
		}
		var criteria mapping.Criteria
		if err := c.AddTo(&criteria); err != nil {
			t.Fatal(err)
		}
		all := c.Of(r)
		if what[1] != "" && what[0] != mapping.FieldUserDataKeys && mapping.Match(&criteria, r) != (len(all) > 0) {
			t.Fatalf("found: %v, values: %q", mapping.Match(&criteria, r), all)
		}

		for _, v := range all {
			name, value := what[0], `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`, "*", `\*`).Replace(v.Value)+`"`
			switch {
			case strings.HasSuffix(name, "Number"):
				value = strings.ReplaceAll(v.Value, "*", `\*`)
			case name == mapping.FieldUserDataKeys:
				name, value = mapping.ParamUserDataKey+v.Value, "*"
			}
			whole, err := mapping.ParseCriteria(map[string]string{name: value})
			if err != nil || !mapping.Match(&whole, r) {
				t.Fatalf("%s=%s does not find the recording that it is of: %v", name, value, err)
			}
		}
	})
}
