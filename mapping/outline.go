package mapping

import (
	"fmt"
	"strings"
	"unsafe"
)

// Stored is a recording as it is stored: text, of which only that is decoded which an answer shows
// in another form. Most of what a page of a search costs would be to decode its recordings, and to
// encode them again.
type Stored struct {
	outline   Outline
	plain     bool       // the first half of the outline is there
	whole     bool       // so is the other
	recording *Recording // decoded, if the text is of another form than Encode writes; else nil
}

// Outline is a stored recording whose attributes are text, but for those that its answer is
// computed of. The texts are parts of the JSON that [Encode] writes.
type Outline struct {
	ID, Region string
	MediaFiles []OutlinedMedia

	ChangedTime Time // of the last change; 0: not known

	Marks   string // the members nonDelete, labels and comments, those that there are, with a comma behind each
	Numbers string // the members id, callerPhoneNumber and dialedPhoneNumber
	Events  string // the value of eventHistory
	Fine    bool   // Events may hold an OccurredNanos, which nobody is shown
	Extra   string // the members that this service does not know, with a comma in front of each

	text string
	tail int // where in it eventHistory is
}

// OutlinedMedia is a media file of an Outline.
type OutlinedMedia struct {
	Descriptor          MediaDescriptor
	StartTime, StopTime Time

	Place string // the value of mediaDescriptor
	Rest  string // the members behind mediaDescriptor

	Name string // by which clients fetch it, see [Stored.NameMedia]; "": it was not worked out

	Encrypted bool // it has a pkcs7
	Private   bool // Rest may hold what nobody is shown, see [MediaFile.Public]
}

// ReadStored reads what Encode wrote. What is behind the media files, most often most of it, is
// only looked at when it is asked for.
func ReadStored(data []byte) (*Stored, error) {
	s := new(Stored)
	if s.outline.scanHead(string(data)) {
		s.plain = true
		return s, nil
	}
	var err error
	s.recording, err = DecodeStored(data)
	return s, err
}

// Outline returns the outline of the recording, or nil if its text is of a form that an earlier
// version wrote.
func (s *Stored) Outline() *Outline {
	if !s.plain {
		return nil
	}

	if !s.whole {
		if !s.outline.scanTail() {
			return nil
		}
		s.whole = true
	}
	return &s.outline
}

// NameMedia works out the names by which clients fetch the media files, see [MediaDescriptor.MediaName], of a
// recording that is going to be shown several times. Nobody else may use the outline the first time.
func (s *Stored) NameMedia(contactCenter string) {
	for i := range s.outline.MediaFiles {
		if m := &s.outline.MediaFiles[i]; m.Name == "" {
			m.Name = m.Descriptor.MediaName(contactCenter, s.outline.ID, m.Encrypted)
		}
	}
}

// Size is about how many bytes of memory the recording takes.
func (s *Stored) Size() int {
	const name = 48 // bytes of that of a media file
	media := len(s.outline.MediaFiles) * (int(unsafe.Sizeof(OutlinedMedia{})) + name)
	return int(unsafe.Sizeof(*s)) + len(s.outline.text) + media
}

// Recording decodes the whole recording.
func (s *Stored) Recording() (*Recording, error) {
	if !s.plain {
		return s.recording, nil
	}
	r, err := decodeStored(s.outline.text)
	if err != nil {
		return nil, fmt.Errorf("decoding a stored recording: %w", err)
	}
	return r, nil
}

// Form is the recording as it is stored: JSON that [DecodeStored] reads.
func (s *Stored) Form() (string, error) {
	if s.plain {
		return s.outline.text, nil
	}
	data, err := Encode(s.recording)
	if err != nil {
		return "", fmt.Errorf("encoding a recording: %w", err)
	}
	return string(data), nil
}

// ID is that of the recording.
func (s *Stored) ID() string {
	if s.plain {
		return s.outline.ID
	}
	return s.recording.ID
}

// Region is that of the recording.
func (s *Stored) Region() string {
	if s.plain {
		return s.outline.Region
	}
	return s.recording.Region
}

// StartTime is the least startTime of the media files.
func (s *Stored) StartTime() Time {
	if s.plain {
		return s.outline.StartTime()
	}
	return s.recording.StartTime()
}

// ChangedTime is when the last change was made durable; 0: not known.
func (s *Stored) ChangedTime() Time {
	if s.plain {
		return s.outline.ChangedTime
	}
	return s.recording.ChangedTime
}

// StartTime is the least startTime of the media files.
func (o *Outline) StartTime() Time {
	t := MaxTime
	for i := range o.MediaFiles {
		t = min(t, o.MediaFiles[i].StartTime)
	}
	return t
}

// StopTime is the greatest stopTime of the media files.
func (o *Outline) StopTime() Time {
	var t Time
	for i := range o.MediaFiles {
		t = max(t, o.MediaFiles[i].StopTime)
	}
	return t
}

// StoredRegion returns the region of a stored recording without looking at what is behind it, and
// whether the text is of the form that Encode writes: who may not see a recording is not to learn from
// the time that an answer takes that there is one.
func StoredRegion(data []byte) (region string, ok bool) {
	// The region stands in front of all that can be long.
	s := storedScanner{text: unsafe.String(unsafe.SliceData(data), len(data))}
	if s.expect('{'); s.failed {
		return "", false
	}
	_, s.at = cutChangedTime(s.text)
	s.skipMarks()
	for _, name := range []string{`"id":`, `"callerPhoneNumber":`, `"dialedPhoneNumber":`} {
		s.name(name)
		s.skipString()
		s.expect(',')
	}

	s.name(`"region":`)
	s.string(&region)
	return strings.Clone(region), !s.failed
}

// StoredHeld reports whether a stored recording is under a hold, of which the text tells in front of
// all that can be long.
func StoredHeld(data []byte) bool {
	s := storedScanner{text: unsafe.String(unsafe.SliceData(data), len(data))}
	if s.expect('{'); s.failed {
		return false
	}
	_, s.at = cutChangedTime(s.text)
	return s.hasName(holdHead)
}

// scanHead reports whether the text begins in the form that Encode writes: the attributes that it
// knows are in a fixed order, and others behind them.
func (o *Outline) scanHead(text string) bool {
	o.text = text
	s := storedScanner{text: text}
	if s.expect('{'); s.failed {
		return false
	}
	o.ChangedTime, s.at = cutChangedTime(text)
	from := s.at
	s.skipMarks()
	o.Marks = text[from:s.at]
	from = s.at
	s.name(`"id":`)
	s.string(&o.ID)
	s.expect(',')
	s.name(`"callerPhoneNumber":`)
	s.skipString()
	s.expect(',')
	s.name(`"dialedPhoneNumber":`)
	s.skipString()
	o.Numbers = text[from:s.at]
	s.expect(',')
	s.name(`"region":`)
	s.string(&o.Region)
	s.expect(',')
	s.name(`"mediaFiles":`)
	array(&s, &o.MediaFiles, s.outlinedMedia)
	s.expect(',')
	o.tail = s.at
	s.name(`"eventHistory":`)
	s.expect('[') // rather than null
	return !s.failed
}

// scanTail reports whether the rest is of that form, too.
func (o *Outline) scanTail() bool {
	s := storedScanner{text: o.text, at: o.tail}
	s.name(`"eventHistory":`)
	from := s.at
	s.expect('[')
	s.at = from
	s.skip()
	o.Events = o.text[from:s.at]
	o.Fine = strings.Contains(o.Events, `,"OccurredAt":`)
	o.Extra = s.rest()
	return !mayHaveOwn(o.Extra) && !s.failed && s.at == len(o.text)
}

// outlinedMedia reads a media file.
func (s *storedScanner) outlinedMedia(m *OutlinedMedia) {
	s.expect('{')
	s.name(`"mediaDescriptor":`)
	from := s.at
	s.descriptor(&m.Descriptor)
	m.Place = s.text[from:s.at]
	s.expect(',')
	from = s.at
	s.name(`"callUUID":`)
	s.skipString()
	s.expect(',')
	s.name(`"startTime":`)
	s.time(&m.StartTime)
	s.expect(',')
	s.name(`"stopTime":`)
	s.time(&m.StopTime)
	s.outlinedRest(m)
	m.Rest = s.text[from:max(from, s.at-1)]
}

// outlinedRest reads the members behind stopTime and the end of a media file.
func (s *storedScanner) outlinedRest(m *OutlinedMedia) {
	for !s.failed && s.is(',') {
		from := s.at
		s.skipString()
		name := s.text[from:s.at]
		s.expect(':')
		from = s.at
		s.skip()

		switch value := s.text[from:s.at]; {
		case name == `"pkcs7"`:
			m.Encrypted = value != `""`
		case name == `"parameters"`:
			m.Private = m.Private || mayHoldSecret(value)
		case len(name) > 2 && isHidden(name[1:len(name)-1]):
			m.Private = true
		}
	}
	s.expect('}')
}

// name reads the name of a member, in its quotes and with its colon.
func (s *storedScanner) name(name string) {
	if s.failed || !strings.HasPrefix(s.text[s.at:], name) {
		s.failed = true
		return
	}
	s.at += len(name)
}

// rest reads the remaining members of an object and its end, and returns the members, with a comma
// in front of each.
func (s *storedScanner) rest() string {
	from := s.at
	for !s.failed && s.is(',') {
		s.skipString()
		s.expect(':')
		s.skip()
	}

	to := s.at
	s.expect('}')
	return s.text[from:to]
}
