package schema

import (
	"strings"

	"recordings/mapping"
)

// Call is what the walk reads of each document that it looks at: when the call was, and who called
// whom. In one doc value it is read at once; in that of several fields each would cost a search
// within the segment, and memory.
type Call struct {
	Start, Stop mapping.Time
	Changed     mapping.Time // see [mapping.Searchable]

	caller, dialed, contacts numbers
	unpacked                 []byte // see Numbers; kept for the next
}

// numbers are the values of a field in a call's term.
type numbers struct {
	bytes  []byte
	packed bool
}

// A call's term is its start in seven bytes of seven bits each, so that terms are in the order of
// time and have no byte that separates doc values; then its duration, how long after its stop it was
// last changed, how long the caller's numbers are and how the numbers are written; the same of the
// dialed number if others follow; then the numbers of the caller, of the dialed and of the contacts.
const (
	callTimeBytes = 7

	callerPacked = 1 << 0
	dialedPacked = 1 << 1
	withContacts = 1 << 2
	lengthShift  = 3

	contactsPacked = 1 << 0
	contactsShift  = 1
)

// NumberSeparator is between two numbers of a call. No text in UTF-8 has it.
const NumberSeparator = '\xfe'

// appendCall appends the term of a call.
func appendCall(b []byte, start, stop, changed mapping.Time, caller, dialed, contacts []string) []byte {
	for shift := 7 * (callTimeBytes - 1); shift >= 0; shift -= 7 {
		b = append(b, byte(start>>shift)&0x7f)
	}

	b = appendUint(b, uint64(stop-start)) // of a call that stops before it starts, the complement

	// A change is mostly soon after the call, and sometimes before it, by clocks that disagree.
	since := uint64(0)
	if changed > 0 {
		since = 1 + zigzag(int64(changed-stop))
	}
	b = appendUint(b, since)

	from, to := newNumberList(caller), newNumberList(dialed)
	form := uint64(from.length) << lengthShift
	if from.packed {
		form |= callerPacked
	}
	if to.packed {
		form |= dialedPacked
	}
	if len(contacts) == 0 {
		return to.append(from.append(appendUint(b, form)))
	}

	others := newNumberList(contacts)
	b = appendUint(b, form|withContacts)
	form = uint64(to.length) << contactsShift
	if others.packed {
		form |= contactsPacked
	}
	return others.append(to.append(from.append(appendUint(b, form))))
}

// Parse reads a call's term, of which the numbers remain parts. It reports whether it is one.
func (c *Call) Parse(term []byte) bool {
	if len(term) < callTimeBytes {
		return false
	}

	c.Start = 0
	for _, b := range term[:callTimeBytes] {
		c.Start = c.Start<<7 | mapping.Time(b)
	}

	duration, rest, ok := cutUint(term[callTimeBytes:])
	if !ok {
		return false
	}

	since, rest, ok := cutUint(rest)
	if !ok {
		return false
	}

	form, rest, ok := cutUint(rest)
	if !ok {
		return false
	}

	ofDialed := uint64(0)
	if form&withContacts != 0 {
		if ofDialed, rest, ok = cutUint(rest); !ok {
			return false
		}
	}

	length := form >> lengthShift
	if length > uint64(len(rest)) {
		return false
	}
	c.caller, rest = numbers{rest[:length], form&callerPacked != 0}, rest[length:]

	length = uint64(len(rest))
	if form&withContacts != 0 {
		length = ofDialed >> contactsShift
	}
	if length > uint64(len(rest)) {
		return false
	}

	c.Stop, c.Changed = c.Start+mapping.Time(duration), 0
	if since > 0 {
		c.Changed = c.Stop + mapping.Time(unzigzag(since-1))
	}
	c.dialed = numbers{rest[:length], form&dialedPacked != 0}
	c.contacts = numbers{rest[length:], ofDialed&contactsPacked != 0}
	return true
}

// zigzag makes a number of a signed one that is small where that is near 0.
func zigzag(n int64) uint64 { return uint64(n<<1) ^ uint64(n>>63) }

// unzigzag is the converse of zigzag.
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

// Numbers returns the numbers that a field of the call is about, with a NumberSeparator between
// two; ok is false if there are none. They hold until the next call of Numbers.
func (c *Call) Numbers(field string) (list []byte, ok bool) {
	n := &c.contacts
	switch field {
	case FieldCaller:
		n = &c.caller
	case FieldDialed:
		n = &c.dialed
	}
	ok = field != FieldPhone || len(n.bytes) > 0
	if !n.packed {
		return n.bytes, ok
	}

	c.unpacked = c.unpacked[:0]
	for _, b := range n.bytes {
		c.unpacked = append(c.unpacked, phoneSymbols[b>>4])
		if b&0xf != phonePad {
			c.unpacked = append(c.unpacked, phoneSymbols[b&0xf])
		}
	}

	return c.unpacked, ok
}

// Two symbols of usual phone numbers share a byte, NumberSeparator included. The second of the last
// byte may be phonePad; the first never is, so that no byte is the separator of doc values.
const (
	phoneSymbols = "0123456789+*#-\xfe\x00"
	phonePad     = 15
)

// phoneCodes are the places of the symbols, which are behind 0 for what is none.
var phoneCodes = func() (codes [256]byte) {
	for i := range phonePad {
		codes[phoneSymbols[i]] = byte(i) + 1
	}
	return codes
}()

// numberList is what is appended of the numbers of a field.
type numberList struct {
	text   string
	packed bool
	length int // in bytes, of what is appended
}

// newNumberList packs the numbers if they have usual symbols only.
func newNumberList(list []string) numberList {
	var n numberList
	if len(list) == 1 {
		n.text = list[0]
	} else {
		n.text = strings.Join(list, string([]byte{NumberSeparator}))
	}

	n.length = len(n.text)
	for i := range len(n.text) {
		if phoneCodes[n.text[i]] == 0 {
			return n
		}
	}
	n.packed, n.length = true, (n.length+1)/2
	return n
}

// append appends the numbers, packed or as they are.
func (n numberList) append(b []byte) []byte {
	if !n.packed {
		return append(b, n.text...)
	}

	for i := 0; i < len(n.text); i += 2 {
		second := byte(phonePad)
		if i+1 < len(n.text) {
			second = phoneCodes[n.text[i+1]] - 1
		}
		b = append(b, (phoneCodes[n.text[i]]-1)<<4|second)
	}

	return b
}

// appendUint appends six bits at a time, the lowest first, each with a mark that there are more.
func appendUint(b []byte, n uint64) []byte {
	for ; n >= uintMore; n >>= 6 {
		b = append(b, byte(n)&(uintMore-1)|uintMore)
	}
	return append(b, byte(n))
}

const uintMore = 1 << 6

// cutUint reads what appendUint has appended, and returns what follows.
func cutUint(b []byte) (n uint64, rest []byte, ok bool) {
	for i, c := range b {
		n |= uint64(c&(uintMore-1)) << (6 * i)
		if c&uintMore == 0 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}
