package mapping

import (
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// DecodeStored reads what Encode wrote. Bytes that come from a client go through [Decode].
//
// A search reads a page of these, so this is what it mostly costs. What Encode writes is read by a
// scanner that knows its form; anything else in JSON, as an earlier version may have written it, is
// read by the library.
func DecodeStored(data []byte) (*Recording, error) { return decodeStored(string(data)) }

// decodeStored reads what Encode wrote. The recording shares the memory of the text.
func decodeStored(text string) (*Recording, error) {
	r := new(Recording)
	if scanStored(text, r) {
		return r, nil
	}

	*r = Recording{}
	s := storedScanner{text: text}
	data := []byte(text)
	r.ChangedTime, s.at = cutChangedTime(s.text)
	switch s.marks(r); {
	case s.failed: // a hold that cannot be read is none that may be lost
		return nil, errors.New("the marks of a recording are damaged")
	case s.at > len("{"):
		data = append([]byte("{"), data[s.at:]...)
	}
	if err := json.Unmarshal(data, r, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, err
	}
	r.Extra = withoutOwn(r.Extra)
	return r, nil
}

// scanStored reports whether the text was of the form that it knows.
func scanStored(text string, r *Recording) bool {
	s := storedScanner{text: text}
	if s.expect('{'); s.failed {
		return false
	}
	r.ChangedTime, s.at = cutChangedTime(text)
	s.marks(r)
	s.recording(r)
	r.Extra = withoutOwn(r.Extra)
	return !s.failed && s.at == len(text)
}

// storedScanner reads JSON without white space. Strings share the memory of the text. Once it has
// met what it does not know, it has failed, and does nothing any more.
type storedScanner struct {
	text   string
	at     int
	failed bool
}

// recording reads the members of a recording, behind its brace and what the service has noted.
func (s *storedScanner) recording(r *Recording) {
	s.members(&r.Extra, func(name string) bool {
		switch name {
		case "id":
			s.string(&r.ID)
		case "callerPhoneNumber":
			s.string(&r.CallerPhoneNumber)
		case "dialedPhoneNumber":
			s.string(&r.DialedPhoneNumber)
		case "region":
			s.string(&r.Region)
		case "mediaFiles":
			array(s, &r.MediaFiles, s.mediaFile)
		case "eventHistory":
			array(s, &r.EventHistory, s.event)
		default:
			return false
		}

		return true
	})
}

func (s *storedScanner) mediaFile(m *MediaFile) {
	s.object(&m.Extra, func(name string) bool {
		switch name {
		case "mediaDescriptor":
			s.descriptor(&m.Descriptor)
		case "callUUID":
			s.string(&m.CallUUID)
		case "startTime":
			s.time(&m.StartTime)
		case "stopTime":
			s.time(&m.StopTime)
		case "mediaId":
			s.string(&m.MediaID)
		case "type":
			s.string(&m.Type)
		case "duration":
			s.string(&m.Duration)
		case "size":
			s.string(&m.Size)
		case "tenant":
			s.string(&m.Tenant)
		case "ivrprofile":
			s.string(&m.IVRProfile)
		case "parameters":
			s.value(&m.Parameters)
		case "masks":
			s.value(&m.Masks)
		case "pkcs7":
			s.string(&m.PKCS7)
		case "certAlias":
			array(s, &m.CertAlias, s.string)
		case "partitions":
			array(s, &m.Partitions, s.string)
		case "accessgroups":
			array(s, &m.AccessGroups, s.string)
		case "accessgroup":
			array(s, &m.AccessGroup, s.string)
		default:
			return false
		}

		return true
	})
}

func (s *storedScanner) descriptor(d *MediaDescriptor) {
	s.object(&d.Extra, func(name string) bool {
		switch name {
		case "storage":
			s.string(&d.Storage)
		case "storage_version":
			s.string(&d.StorageVersion)
		case "path":
			s.string(&d.Path)
		case "auth":
			s.value(&d.Auth)
		case "data":
			s.value(&d.Data)
		default:
			return false
		}

		return true
	})
}

func (s *storedScanner) event(e *Event) {
	s.object(&e.Extra, func(name string) bool {
		switch name {
		case "occurredAt":
			s.time(&e.OccurredAt)
		case "OccurredAt":
			s.nanos(&e.OccurredNanos)
		case "event":
			s.string(&e.Event)
		case "contact":
			e.Contact = new(Contact)
			s.contact(e.Contact)
		case "data":
			s.value(&e.Data)
		default:
			return false
		}

		return true
	})
}

func (s *storedScanner) contact(c *Contact) {
	s.object(&c.Extra, func(name string) bool {
		switch name {
		case "type":
			s.string(&c.Type)
		case "phoneNumber":
			s.string(&c.PhoneNumber)
		case "userName":
			s.string(&c.UserName)
		case "firstName":
			s.string(&c.FirstName)
		case "lastName":
			s.string(&c.LastName)
		default:
			return false
		}

		return true
	})
}

// object reads an object.
func (s *storedScanner) object(extra *jsontext.Value, read func(name string) bool) {
	s.expect('{')
	s.members(extra, read)
}

// members reads the members of an object, and its end. Those that read does not know, which it tells
// by false, go to extra.
func (s *storedScanner) members(extra *jsontext.Value, read func(name string) bool) {
	if s.is('}') {
		return
	}

	for !s.failed {
		from := s.at
		var name string
		s.string(&name)
		s.expect(':')
		if !s.failed && !read(name) {
			s.skip()
			*extra = append(separated(*extra), s.text[from:s.at]...)
			*extra = append(*extra, '}')
		}

		if !s.is(',') {
			s.expect('}')
			return
		}
	}
}

// separated is the beginning of an object to which a member is added.
func separated(object jsontext.Value) jsontext.Value {
	if len(object) == 0 {
		return append(object, '{')
	}
	object[len(object)-1] = ','
	return object
}

// array reads an array, which is not nil afterwards.
func array[T any](s *storedScanner, list *[]T, read func(*T)) {
	s.expect('[')
	if s.is(']') {
		*list = []T{}
		return
	}

	const usual = 2
	*list = make([]T, 0, usual)
	for !s.failed {
		*list = append(*list, *new(T))
		read(&(*list)[len(*list)-1])
		if !s.is(',') {
			s.expect(']')
			return
		}
	}
}

// is reads a character if it is the next one.
func (s *storedScanner) is(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *storedScanner) expect(c byte) {
	if !s.is(c) {
		s.failed = true
	}
}

func (s *storedScanner) string(value *string) {
	from := s.at
	plain := s.skipString()
	if s.failed {
		return
	}

	if plain {
		*value = s.text[from+1 : s.at-1]
		return
	}

	unquoted, err := jsontext.AppendUnquote(nil, s.text[from:s.at])
	if err != nil {
		s.failed = true
	}

	*value = string(unquoted)
}

// skipString skips a string, and reports whether there is no escape in it.
func (s *storedScanner) skipString() (plain bool) {
	s.expect('"')
	plain = true
	for !s.failed {
		quote := strings.IndexByte(s.text[s.at:], '"')
		if quote < 0 {
			s.failed = true
			break
		}

		escape := strings.IndexByte(s.text[s.at:s.at+quote], '\\')
		if escape < 0 {
			s.at += quote + 1
			break
		}

		plain = false
		if s.at += escape + 2; s.at > len(s.text) { // behind what is escaped
			s.at, s.failed = len(s.text), true
		}
	}

	return plain
}

// nanos reads a number without sign and zeros in front.
func (s *storedScanner) nanos(n *int32) {
	from := s.at
	s.skip()
	text := s.text[from:s.at]
	parsed, err := strconv.ParseUint(text, 10, 31)
	if err != nil || text != strconv.FormatUint(parsed, 10) {
		s.failed = true
		return
	}
	*n = int32(parsed)
}

func (s *storedScanner) time(t *Time) {
	var text string
	if s.string(&text); s.failed {
		return
	}

	var ok bool
	if *t, ok = parseStoredTime(text); ok {
		return
	}

	var err error
	if *t, err = ParseTime(text); err != nil {
		s.failed = true
	}
}

// parseStoredTime reads the form of Time.String, 2013-05-17T19:45:32.000+0000, unless the date is
// one that it leaves to ParseTime.
func parseStoredTime(text string) (Time, bool) {
	const form = "dddd-dd-ddTdd:dd:dd.ddd+0000"
	if len(text) != len(form) {
		return 0, false
	}

	var numbers [7]int // year, month, day, hour, minute, second, millisecond
	n := 0
	for i := range len(form) {
		switch c := text[i]; {
		case form[i] != 'd':
			if c != form[i] {
				return 0, false
			}
			n = min(n+1, len(numbers)-1)
		case c < '0' || c > '9':
			return 0, false
		default:
			numbers[n] = 10*numbers[n] + int(c-'0')
		}
	}

	year, month, day := numbers[0], numbers[1], numbers[2]
	if year < 1970 || month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) || numbers[3] > 23 ||
		numbers[4] > 59 || numbers[5] > 59 {
		return 0, false
	}

	// Years begin in March, so that the leap day is the last; 719,468 days were before 1970.
	if month < 3 {
		year--
		month += 12
	}

	days := 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719_468
	return Time((((days*24+numbers[3])*60+numbers[4])*60+numbers[5])*1000 + numbers[6]), true
}

func daysIn(year, month int) int {
	switch {
	case month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}

// value reads any value as it is.
func (s *storedScanner) value(v *jsontext.Value) {
	from := s.at
	s.skip()
	*v = jsontext.Value(s.text[from:s.at])
}

// skip skips any value: everything up to where one could end that is in no object, array or string
// of its own.
func (s *storedScanner) skip() {
	from := s.at
	for depth := 0; !s.failed && s.at < len(s.text); {
		switch c := s.text[s.at]; {
		case c == '"':
			s.skipString()
			continue
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == '}' || c == ']'):
			s.failed = s.at == from
			return
		case c == '}' || c == ']':
			depth--
		}

		s.at++
	}
}
