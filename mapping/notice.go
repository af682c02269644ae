package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Notices are sentences about parameters of a search that were probably meant otherwise than they are
// read. They are about what [ParseCriteria] accepts: a search that is refused has none.
func Notices(params map[string]string) (notices []string) {
	keyed := slices.DeleteFunc(slices.Sorted(maps.Keys(params)), func(name string) bool {
		return !strings.HasPrefix(name, ParamUserDataKey)
	})
	for _, name := range slices.Concat([]string{ParamUserName, ParamUserData}, keyed) {
		words, err := splitWords(params[name])
		if err != nil {
			continue
		}

		// One sentence of each kind is enough, however often the parameter has it.
		var said []string
		for i := range words {
			kind, sentence := oddity(words, i)
			if kind != "" && !slices.Contains(said, kind) {
				said = append(said, kind)
				notices = append(notices, name+": "+sentence)
			}
		}
	}
	return notices
}

// oddity says what other search languages would read into a word that is searched as it stands.
func oddity(words []word, i int) (kind, sentence string) {
	w, text := words[i], words[i].text()
	inside := 0 < i && i < len(words)-1
	switch {
	case w.quoted:
		return "", ""
	case strings.HasPrefix(text, "(") || strings.HasSuffix(text, ")"):
		return "parenthesis", fmt.Sprintf("the parenthesis of %s is searched for as it stands; terms cannot be grouped",
			text)
	case (text[0] == '+' || text[0] == '-') && len(text) > 1 && (text[1] < '0' || text[1] > '9'):
		return "sign", fmt.Sprintf("the %q in front of %s is searched for as it stands; nothing can be demanded or "+
			"excluded by it", text[0], text)
	case inside && slices.Contains([]string{"and", "or", "not"}, text):
		upper := strings.ToUpper(text)
		if upper == not {
			return text, `"not" is searched for as a word; nothing can be excluded`
		}
		return text, fmt.Sprintf("%q is searched for as a word; the operator is %s, in upper case", text, upper)
	case text == or && !inside:
		return text, `"OR" is searched for as a word, since there is no term on both sides of it`
	}
	return "", ""
}

// PostNotices are sentences about a posted recording that was taken, but was probably not meant as it
// is.
func PostNotices(r *Recording) (notices []string) {
	for i := range r.MediaFiles {
		if m := &r.MediaFiles[i]; m.StopTime < m.StartTime {
			const before = "mediaFiles[%d].stopTime lies before startTime; both are kept as they are: do they have " +
				"the offset from UTC of the zone that they were measured in?"
			notices = append(notices, fmt.Sprintf(before, i))
		}
	}
	return notices
}
