package mapping

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The attributes of the 2013 page, one method for each of its tables. Those without a text in the
// middle are not required.

func (d *decoder) recording(r *Recording) {
	history := "a JSON array of at least one event" + orAcceptNone
	if d.AcceptEmptyHistory {
		history = ""
	}

	d.object(anObject, &r.Extra, []attribute{
		{"id", aText, func() { d.id(&r.ID) }},
		{"callerPhoneNumber", aText, func() { d.text(&r.CallerPhoneNumber, maxText) }},
		{"dialedPhoneNumber", aText, func() { d.text(&r.DialedPhoneNumber, maxText) }},
		{"region", aText, func() { d.text(&r.Region, maxText) }},
		{"mediaFiles", "a JSON array of at least one media file", func() { d.mediaFiles(&r.MediaFiles) }},
		{"eventHistory", history, func() { d.eventHistory(&r.EventHistory) }},
		{"startTime", "", d.skip}, // computed from the media files
		{"stopTime", "", d.skip},
		{changedName, "", d.skip}, // when this service made the last change durable
		{holdName, "", func() { d.hold(&r.NonDelete) }},
		{labelsName, "", func() { d.labels(&r.Labels) }},
		{commentsName, "", func() { d.comments(&r.Comments) }},
	})
}

// orAcceptNone names the settings that take a recording without events.
const orAcceptNone = `; the settings accept_empty_history: true and compatibility: "8.5" take recordings without any`

// ReservedID is no id: in paths it stands for all recordings of a contact center.
const ReservedID = "recordings"

// ReservedIDs are no ids: they have a meaning of their own in paths.
var ReservedIDs = []string{ReservedID, "histogram", "suggestions"}

func (d *decoder) id(id *string) {
	if d.text(id, maxID); slices.Contains(ReservedIDs, *id) {
		d.invalid("is %q, which has a meaning of its own in paths: accepted is any other id", *id)
	}
}

func (d *decoder) mediaFiles(files *[]MediaFile) {
	n := d.array(anArray, func() {
		if d.is(anObject, '{') {
			*files = append(*files, MediaFile{})
			d.mediaFile(&(*files)[len(*files)-1])
		}
	})

	if n == 0 {
		d.invalid("is empty; accepted is an array of at least one media file")
	}
}

func (d *decoder) mediaFile(m *MediaFile) {
	var original MediaDescriptor
	var wrong Problems // with the original
	seen := d.object(anObject, &m.Extra, []attribute{
		{"mediaDescriptor", "", func() { d.mediaDescriptor(&m.Descriptor) }},
		{originalDescriptor, "", func() { wrong = d.apart(func() { d.mediaDescriptor(&original) }) }},
		{"callUUID", aText, func() { d.text(&m.CallUUID, maxText) }},
		{"startTime", timeForms, func() { d.time(&m.StartTime) }},
		{"stopTime", timeForms, func() { d.time(&m.StopTime) }},
		{"mediaId", "", func() { d.string(&m.MediaID) }},
		{"type", "", func() { d.string(&m.Type) }},
		{"duration", "", func() { d.verbatim(&m.Duration) }},
		{"size", "", func() { d.verbatim(&m.Size) }},
		{"tenant", "", func() { d.string(&m.Tenant) }},
		{"ivrprofile", "", func() { d.string(&m.IVRProfile) }},
		{"parameters", "", func() { d.raw(&m.Parameters) }},
		{"masks", "", func() { d.masks(&m.Masks) }},
		{"pkcs7", "", func() { d.string(&m.PKCS7) }},
		{"certAlias", "", func() { d.strings(&m.CertAlias) }},
		{"partitions", "", func() { d.strings(&m.Partitions) }},
		{"accessgroups", "", func() { d.strings(&m.AccessGroups) }},
		{"accessgroup", "", func() { d.strings(&m.AccessGroup) }}, // the page's examples spell it so
		{"mediaUri", "", d.skip},                                  // made by the service, as are these
		{"mediaPath", "", d.skip},
		{"playPath", "", d.skip},
		{"mediaState", "", d.skip},
	})

	m.joinAccessGroups()
	switch {
	case slices.Contains(seen, "mediaDescriptor"):
	case slices.Contains(seen, originalDescriptor): // what operations have read may be posted elsewhere
		m.Descriptor = original
		d.problems = append(d.problems, wrong...)
	default:
		d.missing("mediaDescriptor", "a media descriptor")
	}
}

const originalDescriptor = "originalMediaDescriptor"

// joinAccessGroups makes both names of the access groups tell the same, if the older one was used:
// whoever posted it reads it again. What was posted by both names is there once.
func (m *MediaFile) joinAccessGroups() {
	if m.AccessGroup == nil {
		return
	}

	all := m.AccessGroup
	for _, group := range m.AccessGroups {
		if !slices.Contains(m.AccessGroup, group) {
			all = append(all, group)
		}
	}
	m.AccessGroup, m.AccessGroups = all, slices.Clone(all)
}

// masks are kept as they are: an array of objects.
func (d *decoder) masks(v *jsontext.Value) {
	*v = jsontext.Value("[")
	d.array(anArray, func() {
		if !d.is(anObject, '{') {
			return
		}
		if len(*v) > 1 {
			*v = append(*v, ',')
		}
		*v = append(*v, d.value()...)
	})

	*v = append(*v, ']')
}

func (d *decoder) mediaDescriptor(m *MediaDescriptor) {
	readable := true
	d.object("a media descriptor", &m.Extra, []attribute{
		{"storage", alternatives(storages), func() { d.storage(&m.Storage) }},
		{"storage_version", "", func() { d.nonEmpty(&m.StorageVersion) }},
		{"path", aNonEmpty, func() { d.nonEmpty(&m.Path) }},
		{"auth", "", func() { d.raw(&m.Auth) }},
		{"data", "", func() { readable = d.raw(&m.Data) }},
	})

	if m.Storage == StorageS3 && readable {
		d.bucket(m.Data)
	}
}

// bucket checks the data of a descriptor of awsS3.
func (d *decoder) bucket(data jsontext.Value) {
	const name, what = "bucket", "the name of the Amazon S3 bucket"
	found := false
	for _, m := range members(data) {
		var value string
		switch {
		case !strings.EqualFold(m.name, name):
		case m.name != name:
			d.invalidMember("data."+m.name, "differs in letter case only from %s; accepted is %s", name, name)
		case json.Unmarshal(m.value, &value) != nil || !isText(value):
			d.invalidMember("data."+name, "is not %s, %s", what, aText)
		}

		found = found || strings.EqualFold(m.name, name)
	}

	if !found {
		d.missing("data."+name, what+", "+aText)
	}
}

var storages = []string{StorageS3, StorageWebDAV}

// storage is spelled exactly: it is part of the identity of the media.
func (d *decoder) storage(s *string) {
	var sent string
	if !d.string(&sent) {
		return
	}

	if !slices.Contains(storages, sent) {
		d.invalid("is not %s", alternatives(storages))
		return
	}

	*s = sent
}

func (d *decoder) eventHistory(events *[]Event) {
	n := d.array(anArray, func() {
		if d.is(anObject, '{') {
			*events = append(*events, Event{})
			d.event(&(*events)[len(*events)-1])
		}
	})

	if n == 0 && !d.AcceptEmptyHistory {
		d.invalid("is empty; accepted is an array of at least one event" + orAcceptNone)
	}
}

func (d *decoder) event(e *Event) {
	seen := d.object(anObject, &e.Extra, []attribute{
		{"occurredAt", timeForms, func() { d.moment(&e.OccurredAt, &e.OccurredNanos) }},
		{"event", alternatives(events), func() { d.oneOf(&e.Event, events...) }},
		{"contact", "", func() { e.Contact = new(Contact); d.contact(e.Contact) }},
		{"data", "", func() { _ = d.raw(&e.Data) && d.checkUserData(e.Data) }},
	})

	switch {
	case seen == nil:
	case e.Event != EventData && !slices.Contains(seen, "contact"):
		d.missing("contact", "a contact")
	case e.Event == EventData && !slices.Contains(seen, "data"):
		d.missing("data", anObject+" of user data")
	}
}

var events = []string{EventJoined, EventLeft, EventData}

// checkUserData bounds what is to be searched.
func (d *decoder) checkUserData(data jsontext.Value) bool {
	ok := true
	eachLeaf(data, func(_ []string, value string) bool {
		if ok = len(value) <= maxText; !ok {
			d.invalid("holds a value of more than %d bytes", maxText)
		}
		return ok
	})
	return ok
}

var contacts = []string{ContactUser, ContactExternal}

// contact: a User has a name; of an External often only the phone number is known.
func (d *decoder) contact(c *Contact) {
	names := []struct {
		name  string
		value *string
		wrong bool // not a string, which was told already
	}{{name: "userName", value: &c.UserName}, {name: "firstName", value: &c.FirstName},
		{name: "lastName", value: &c.LastName}}

	read := func(i int) func() { return func() { names[i].wrong = !d.string(names[i].value) } }

	seen := d.object("a contact", &c.Extra, []attribute{
		{"type", alternatives(contacts), func() { d.oneOf(&c.Type, contacts...) }},
		{"phoneNumber", aText, func() { d.text(&c.PhoneNumber, maxText) }},
		{names[0].name, "", read(0)},
		{names[1].name, "", read(1)},
		{names[2].name, "", read(2)},
	})

	for _, n := range names {
		switch {
		case n.wrong:
		case len(*n.value) > maxText:
			d.invalidMember(n.name, "is longer than %d bytes", maxText)
		case c.Type != ContactUser:
		case !slices.Contains(seen, n.name):
			d.missing(n.name, aText+" for a contact of type User")
		case !isText(*n.value):
			d.invalidMember(n.name, "is not %s, as it has to be for a contact of type User", aText)
		}
	}
}
