package schema

import "recordings/mapping"

// Call is what the walk reads of each document that it looks at: when the call was, and who called
// whom. In one doc value it is read at once; in that of several fields each would cost a search
// within the segment, and memory.
type Call struct {
	Start, Stop mapping.Time
	Changed     mapping.Time // see [mapping.Searchable]

	caller, dialed number
	unpacked       []byte // see Number; kept for the next
}

// number is a phone number in a call's term.
type number struct {
	bytes  []byte
	packed bool
}

// A call's term is its start in seven bytes of seven bits each, so that terms are in the order of
// time and have no byte that separates doc values; then its duration, how long after its stop it was
// last changed, how long the caller's number is and how the numbers are written, and both numbers.
const (
	callTimeBytes = 7

	callerPacked = 1 << 0
	dialedPacked = 1 << 1
	lengthShift  = 2
)

// appendCall appends the term of a call.
func appendCall(b []byte, start, stop, changed mapping.Time, caller, dialed string) []byte {
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

	form, length := uint64(0), len(caller)
	if packable(caller) {
		form, length = callerPacked, packedLength(caller)
	}
	if packable(dialed) {
		form |= dialedPacked
	}

	b = appendUint(b, uint64(length)<<lengthShift|form)
	return appendPhone(appendPhone(b, caller, form&callerPacked != 0), dialed, form&dialedPacked != 0)
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
	length := form >> lengthShift
	if !ok || length > uint64(len(rest)) {
		return false
	}

	c.Stop, c.Changed = c.Start+mapping.Time(duration), 0
	if since > 0 {
		c.Changed = c.Stop + mapping.Time(unzigzag(since-1))
	}
	c.caller = number{rest[:length], form&callerPacked != 0}
	c.dialed = number{rest[length:], form&dialedPacked != 0}
	return true
}

// zigzag makes a number of a signed one that is small where that is near 0.
func zigzag(n int64) uint64 { return uint64(n<<1) ^ uint64(n>>63) }

// unzigzag is the converse of zigzag.
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

// Number returns the number that a field of the call is about. It holds until the next call of
// Number.
func (c *Call) Number(field string) []byte {
	n := c.dialed
	if field == FieldCaller {
		n = c.caller
	}
	if !n.packed {
		return n.bytes
	}

	c.unpacked = c.unpacked[:0]
	for _, b := range n.bytes {
		c.unpacked = append(c.unpacked, phoneSymbols[b>>4])
		if b&0xf != phonePad {
			c.unpacked = append(c.unpacked, phoneSymbols[b&0xf])
		}
	}

	return c.unpacked
}

// Two symbols of a usual phone number share a byte. The second of the last byte may be phonePad;
// the first never is, so that no byte is the separator of doc values.
const (
	phoneSymbols = "0123456789+*#- \x00"
	phonePad     = 15
)

// phoneCodes are the places of the symbols, which are behind 0 for what is none.
var phoneCodes = func() (codes [256]byte) {
	for i := range phonePad {
		codes[phoneSymbols[i]] = byte(i) + 1
	}
	return codes
}()

// packable reports whether a number has usual symbols only.
func packable(phone string) bool {
	for i := range len(phone) {
		if phoneCodes[phone[i]] == 0 {
			return false
		}
	}
	return true
}

// packedLength is how many bytes a packed number takes.
func packedLength(phone string) int { return (len(phone) + 1) / 2 }

// appendPhone appends a number, packed or as it is.
func appendPhone(b []byte, phone string, packed bool) []byte {
	if !packed {
		return append(b, phone...)
	}

	for i := 0; i < len(phone); i += 2 {
		second := byte(phonePad)
		if i+1 < len(phone) {
			second = phoneCodes[phone[i+1]] - 1
		}
		b = append(b, (phoneCodes[phone[i]]-1)<<4|second)
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
