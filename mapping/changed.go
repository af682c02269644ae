package mapping

import "strings"

// The time of the last change is stored in front of a recording's own members, where nothing posted
// can be, so its place tells it from an attribute of that name that an earlier version kept. It gets
// there when the change is made durable, without the recording being encoded again.
const (
	changedName = "changedTime"
	changedHead = `{"` + changedName + `":"`
	changedTail = `",`
	changedSize = len(changedHead) + len("2013-05-17T19:45:32.000+0000") + len(changedTail)
)

// WithChangedTime appends the stored form of a recording to b, with this changedTime in place of the
// one that the data have, if any.
func WithChangedTime(b, data []byte, t Time) []byte {
	_, members := cutChangedTime(string(data[:min(len(data), changedSize)]))
	b, _ = t.AppendText(append(b, changedHead...)) // never fails
	return append(append(b, changedTail...), data[members:]...)
}

// cutChangedTime reads the changedTime of a stored recording, 0 if it has none, and where its other
// members begin.
func cutChangedTime(text string) (t Time, members int) {
	if len(text) >= changedSize && strings.HasPrefix(text, changedHead) {
		stored, ok := strings.CutSuffix(text[len(changedHead):changedSize], changedTail)
		if t, isTime := parseStoredTime(stored); ok && isTime {
			return t, changedSize
		}
	}
	return 0, len("{")
}
