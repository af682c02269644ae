package indextest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"recordings/mapping"
)

// The alphabets of the generators are small, so that what is generated often matches, merges and
// collides. They have what is easy to confuse: case, composed and decomposed letters, letters that
// fold to others, wildcards, prefixes.
var (
	phoneNumbers = []string{
		"+1650", "1650", "+16", "+1650466", "650", "a?c", "a.c", "abc", "UNKNOWN", "+*", "ü", "",
		"1 650", "+1 (650) 466", "\u00a0650-466\t", "*97", "1*6", "0+1650", "sip:1-650@x", "1650#6",
	}
	names = []string{
		"alice", "Alice", "ALICE", "Alice Amber", "Amber", "bob", "Müller", "MÜLLER", "Mu\u0308ller",
		"maſt", "MAST", "mast",
		"K", "\u212a", "k", "and", "AND", "ß", "SS", "van  Dyk", "a*b", "axb", "ǅ", "ǆ", "Σ", "ς", "σ", "İ", "i",
		"muller", "O’Brien", "o'brien", "Anne–Marie", "marie", "王", "小明", "王小明", "alice bob", "Amber, Bob",
	}
	values = []string{
		"tom", "Tom", "tom jerry", "jerry", "12345", "12", "true", "null", "", "Mu\u0308ller", "Müller",
		"x*y", "xzy", "x y", "\u212a", "k", "muller", `C\x`, "ｋ",
	}
	keys        = []string{"p", "P", "q", "deleted", "a=b", "\u00fc", "*"}
	identifiers = []string{
		"01D8QV3P7K", "01d8qv3p7k", "01D8QV3P7K_2", "01D8", "?", "a b", "ü", "u\u0308", "\U0010ffff", `*`,
	}
	groups = []string{"/Sales", "/Sales/Team1", "/SalesEast", "Sales", "/Sales/", "/", "/Sales/Team1/a", ""}
	// The attribute callType, as it is sent.
	callTypes = []string{
		"", `{"callType":"Inbound"}`, `{"callType":"OUTBOUND"}`, `{"callType":"Internal call"}`, `{"callType":""}`,
		`{"a":1,"callType":"Übergabe"}`, `{"callType":["Inbound"]}`, `{"call\u0054ype":"inbound","b":{"callType":"x"}}`,
	}
	callTypeWords = []string{"inbound", "Outbound", "Internal call", "internal", "übergabe", "ubergabe", "x"}
	labels        = []string{"vip", "VIP", "Complaint", "x=y", "vip=a", "vip=Ä b", "vip=a b"}
	// Patterns of texts resemble these and their words.
	comments = []string{
		"Refund", "refund!", "a refund, please", "a  refund,\n please", "(Müller)", "muller", "…", "* 5", "refund",
		"please", "“Ärger”", "a?c",
	}
	starts = []mapping.Time{
		0, 1, 2, 999, 1000, 1001, 1 << 30, 1<<30 + 1, 1_700_000_000_000, 1_700_000_000_001,
		mapping.MaxTime - 1, mapping.MaxTime,
	}
	// Clocks that disagree make a recording stop before it starts.
	spans = []mapping.Time{0, 1, 999, 1000, 60_000, 400_000_000, -1, -1000, -40_000_000, -400_000_000}
)

// IDs generates the ids of few recordings, some of them odd.
func IDs() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{
		"a", "b", "c", "A", "ab", "a/b", "a b", "ü", "u\u0308", "1", "10", "2", "é%2F", "z*",
	})
}

// ContactCenters generates the ids of few contact centers, one of them a prefix of another.
func ContactCenters() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"a5539ef5", "a5539ef", "ü/*"})
}

// Regions generates few regions, one of them a prefix of another.
func Regions() *rapid.Generator[string] { return rapid.SampledFrom([]string{"us", "us-west"}) }

// Teams generates the access groups of somebody who reads; nil, most often: they see everything.
func Teams() *rapid.Generator[[]string] {
	some := rapid.SliceOfN(rapid.SampledFrom([]string{"/Sales", "/Sales/Team1", "Sales", "/", "/Support"}), 0, 2)
	return rapid.OneOf(rapid.Just[[]string](nil), rapid.Just[[]string](nil), some)
}

// Recordings generates recordings as they are posted.
func Recordings() *rapid.Generator[*mapping.Recording] {
	return rapid.Custom(func(t *rapid.T) *mapping.Recording {
		return &mapping.Recording{
			ID:                IDs().Draw(t, "id"),
			CallerPhoneNumber: rapid.SampledFrom(phoneNumbers).Draw(t, "callerPhoneNumber"),
			DialedPhoneNumber: rapid.SampledFrom(phoneNumbers).Draw(t, "dialedPhoneNumber"),
			Region:            Regions().Draw(t, "region"),
			MediaFiles:        rapid.SliceOfN(mediaFiles(), 1, 2).Draw(t, "mediaFiles"),
			EventHistory:      rapid.SliceOfN(events(), 1, 3).Draw(t, "eventHistory"),
			Extra:             jsontext.Value(rapid.SampledFrom(callTypes).Draw(t, "callType")),
		}
	})
}

// mediaFiles are of few kinds, so that merging meets some twice.
func mediaFiles() *rapid.Generator[mapping.MediaFile] {
	return rapid.Custom(func(t *rapid.T) mapping.MediaFile {
		path := rapid.SampledFrom([]string{"1.mp3", "2.mp3"}).Draw(t, "path")
		start := rapid.SampledFrom(starts).Draw(t, "startTime")
		m := mediaFile(path, start, start+rapid.SampledFrom(spans).Draw(t, "span"))
		m.CallUUID = rapid.SampledFrom(identifiers).Draw(t, "callUUID")
		m.MediaID = rapid.SampledFrom(append(identifiers, "")).Draw(t, "mediaId")
		m.AccessGroups = rapid.SliceOfN(rapid.SampledFrom(groups), 0, 2).Draw(t, "accessgroups")
		return m
	})
}

// events carry names and user data from short lists, so that searches meet them.
func events() *rapid.Generator[mapping.Event] {
	return rapid.Custom(func(t *rapid.T) mapping.Event {
		at := rapid.SampledFrom(starts[:4]).Draw(t, "occurredAt")
		if rapid.Bool().Draw(t, "isData") {
			return mapping.Event{OccurredAt: at, Event: mapping.EventData, Data: userData(t)}
		}
		name := rapid.SampledFrom(names)
		return joined(at, rapid.SampledFrom(phoneNumbers).Draw(t, "phoneNumber"),
			name.Draw(t, "userName"), name.Draw(t, "firstName"), name.Draw(t, "lastName"))
	})
}

// userData draws a map, flat or of what was added, updated and deleted.
func userData(t *rapid.T) jsontext.Value {
	flat := rapid.MapOfN(rapid.SampledFrom(keys), rapid.SampledFrom(values), 1, 2)
	var data any = flat.Draw(t, "data")
	if rapid.Bool().Draw(t, "isChange") {
		data = rapid.MapOfN(rapid.SampledFrom([]string{"added", "updated", "deleted"}), flat, 1, 3).Draw(t, "change")
	}
	text, err := json.Marshal(data, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("encoding user data: %v", err)) // cannot happen to maps of strings
	}
	return text
}

// Params generates the criteria of a search as query parameters, all of them accepted by
// [mapping.ParseCriteria]. There is at least one.
func Params() *rapid.Generator[map[string]string] {
	param := map[string]*rapid.Generator[string]{
		mapping.ParamCallerPhoneNumber: numberPatterns(),
		mapping.ParamDialedPhoneNumber: numberPatterns(),
		mapping.ParamPhoneNumber:       numberPatterns(),
		mapping.ParamStartTime:         queryTimes(),
		mapping.ParamEndTime:           queryTimes(),
		mapping.ParamUserName:          expressions(names),
		mapping.ParamUserData:          expressions(values),
		mapping.ParamStartedBefore:     queryTimes(),
		mapping.ParamEndedAfter:        queryTimes(),
		mapping.ParamMinDuration:       seconds(),
		mapping.ParamMaxDuration:       seconds(),
		mapping.ParamCallUUID:          beginnings(identifiers),
		mapping.ParamMediaID:           beginnings(identifiers),
		mapping.ParamNonDelete:         rapid.SampledFrom([]string{"true", "false"}),
		mapping.ParamLabel:             expressions(labels),
		mapping.ParamComment:           expressions(comments),
		mapping.ParamCallType:          expressions(callTypeWords),
	}
	return rapid.Custom(func(t *rapid.T) map[string]string {
		params := make(map[string]string)
		some := rapid.SliceOfNDistinct(rapid.SampledFrom(slices.Sorted(maps.Keys(param))), 1, 3, rapid.ID)
		for _, name := range some.Draw(t, "params") {
			params[name] = param[name].Draw(t, name)
		}
		for range rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "keys") {
			key := strings.ToLower(rapid.SampledFrom(keys).Draw(t, "key"))
			params[mapping.ParamUserDataKey+key] = expressions(values).Draw(t, "value of the key")
		}
		return params
	})
}

// queryTimes lie on, before and behind the times of recordings.
func queryTimes() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		at := rapid.SampledFrom(starts).Draw(t, "time")
		at += rapid.SampledFrom([]mapping.Time{0, 1, -1, 1000}).Draw(t, "off")
		return min(max(at, 0), mapping.MaxTime).String()
	})
}

// seconds lie on, before and behind the durations of recordings.
func seconds() *rapid.Generator[string] {
	return rapid.Map(rapid.SampledFrom([]int64{0, 1, 2, 59, 60, 61, 400_000, 1 << 40}), func(n int64) string {
		return strconv.FormatInt(min(n, int64(mapping.MaxTime)/1000), 10)
	})
}

// patterns generates patterns that resemble the values: a value, or a part of one with stars. None
// has any of the characters in not, and none is empty.
func patterns(values []string, not string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		value := []rune(rapid.SampledFrom(values).Draw(t, "value"))
		pattern := string(value)
		if rapid.Bool().Draw(t, "isWild") {
			from := rapid.IntRange(0, len(value)).Draw(t, "from")
			to := rapid.IntRange(from, len(value)).Draw(t, "to")
			star := rapid.SampledFrom([]string{"", "*"})
			pattern = star.Draw(t, "before") + string(value[:from]) + "*" + string(value[to:]) + star.Draw(t, "after")
		}
		if pattern = strings.Trim(pattern, not); pattern == "" {
			return "*"
		}
		return pattern
	})
}

// numberPatterns are patterns of phone numbers, some written in another way, and with literal stars.
func numberPatterns() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		pattern := patterns(phoneNumbers, "").Draw(t, "pattern")
		switch rapid.IntRange(0, 5).Draw(t, "spelling") {
		case 0:
			pattern = strings.Replace(pattern, "*", `\*`, 1)
		case 1:
			pattern = strings.TrimPrefix(pattern, "+")
		case 2:
			pattern = "+" + pattern
		case 3:
			pattern = strings.ReplaceAll(pattern, "6", "(6)") + " "
		}
		if strings.TrimSpace(pattern) == "" {
			return "*"
		}
		return pattern
	})
}

// beginnings generates whole values, and beginnings of them with a star.
func beginnings(values []string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		value := []rune(rapid.SampledFrom(values).Draw(t, "value"))
		if value[0] == '*' || rapid.Bool().Draw(t, "isBeginning") {
			return strings.Trim(string(value[:rapid.IntRange(0, len(value)).Draw(t, "length")]), "*") + "*"
		}
		return string(value)
	})
}

// expressions generates searches of the grammar of userName and userData.
func expressions(values []string) *rapid.Generator[string] {
	term := rapid.Custom(func(t *rapid.T) string {
		pattern := strings.ReplaceAll(patterns(values, `"`).Draw(t, "term"), `\`, `\\`)
		if rapid.IntRange(0, 3).Draw(t, "isLiteral") == 0 {
			pattern = strings.ReplaceAll(pattern, "*", `\*`)
		}
		return `"` + pattern + `"` // as some have spaces, or are AND
	})
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		for i, term := range rapid.SliceOfN(term, 1, 4).Draw(t, "terms") {
			if i > 0 {
				b.WriteString(rapid.SampledFrom([]string{" ", " OR ", " AND "}).Draw(t, "between"))
			}
			b.WriteString(term)
		}
		return b.String()
	})
}
