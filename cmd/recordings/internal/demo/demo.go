// Package demo makes up the recordings of the demonstration: a contact center with a few thousand
// calls over the last months.
//
// The same moment gives the same recordings, down to the byte: nothing depends on a clock or on
// chance. Telephone numbers are from the ranges that the authorities keep free for fiction.
package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"recordings/mapping"
)

// Where the recordings of the demonstration are.
const (
	ContactCenter = "a5539ef5-7dd5-4150-818f-ee1bcd447cbe"
	Region        = "us-west"
)

// Count is how many recordings there are.
const Count = 3000

// span is how far back they go.
const span = 120 * 24 * time.Hour

// Audio of the media files: WAV, one channel of 16-bit samples. Size and duration of each media
// file tell the truth about a file of this form.
const (
	SampleRate     = 8000 // per second
	BytesPerSample = 2
	WAVHeader      = 44 // bytes
)

// Recordings returns the recordings of the months before now, oldest first. Their media lie below
// origin, a URL, or are relative paths if it is empty.
func Recordings(origin string, now time.Time) []*mapping.Recording {
	now = now.Truncate(time.Second)
	g := &generator{
		random: rand.New(rand.NewPCG(2013, 11)),
		origin: strings.TrimRight(origin, "/"),
	}

	recordings := make([]*mapping.Recording, Count)
	for i := range recordings {
		ago := span / Count * time.Duration(Count-i)
		recordings[i] = g.recording(i+1, g.openingHours(now.Add(-ago), now))
	}

	oddities(recordings)
	return recordings
}

// openingHours moves a moment of the night or the weekend into the working hours of the contact
// center, which is 8 hours behind Greenwich, but never past now.
func (g *generator) openingHours(t, now time.Time) time.Time {
	zone := time.FixedZone("", -8*60*60)
	day := t.In(zone)
	for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		day = day.AddDate(0, 0, -1)
	}

	if h := day.Hour(); h < 8 || h >= 18 {
		opening := time.Date(day.Year(), day.Month(), day.Day(), 8, 0, 0, 0, zone)
		day = opening.Add(time.Duration(g.random.IntN(10*60*60)) * time.Second)
	}

	if latest := now.Add(-5 * time.Minute); day.After(latest) {
		return latest.Add(-g.between(0, 2400))
	}
	return day
}

// generator makes up one thing after the other. Whatever asks it in another order, or more often,
// changes all recordings behind.
type generator struct {
	random *rand.Rand
	origin string // of the media, without a slash at its end
}

// call is what a recording is made of while it is made up.
type call struct {
	id       string
	caller   string
	dialed   string
	customer string // the one of caller and dialed that is outside
	queue    queue
	agents   []agent // one, or two when the call was transferred
	start    time.Time
}

// recording is the n-th call, from 1, as its recorder would post it.
func (g *generator) recording(number int, start time.Time) *mapping.Recording {
	c := &call{id: g.id(number), customer: g.customer(), queue: pick(g, queues), start: start}
	line, kind := pick(g, serviceLines), "Inbound"
	c.caller, c.dialed = c.customer, line
	if g.chance(15) {
		c.caller, c.dialed, kind = line, c.customer, "Outbound"
	}

	c.agents = []agent{pick(g, agents)}
	if second := pick(g, agents); second != c.agents[0] && g.chance(20) {
		c.agents = append(c.agents, second)
	}

	r := &mapping.Recording{
		ID:                c.id,
		CallerPhoneNumber: c.caller,
		DialedPhoneNumber: c.dialed,
		Region:            Region,
		Extra:             object("callType", kind),
	}

	g.legs(c, r)
	return r
}

// Of each so many recordings, one has something that is not as it should be, or that cannot be
// heard.
const (
	eachEncrypted = 83
	eachMissing   = 97
	eachTwo       = 40 // of those with two media files, the second is missing
)

// envelope is the beginning of a PKCS #7 message, enough to be shown as the key of an encrypted file.
const envelope = "MIIBmgYJKoZIhvcNAQcDoIIBizCCAYcCAQAxggFCMIIBPgIBADAmMBExDzANBgNVBAMMBmRlbW8"

// oddities make some recordings less than perfect, as some of a real contact center are: always
// some of the first page, and never the newest one, whatever the time of day is.
func oddities(recordings []*mapping.Recording) {
	newest := slices.SortedFunc(slices.Values(recordings), func(a, b *mapping.Recording) int {
		return mapping.CompareNewestFirst(a.StartTime(), a.ID, b.StartTime(), b.ID)
	})

	two := 0
	for i, r := range newest {
		m := &r.MediaFiles[len(r.MediaFiles)-1]
		if len(r.MediaFiles) == 2 {
			two++
		}

		switch {
		case i%eachEncrypted == 7:
			m.PKCS7, m.CertAlias = envelope, []string{"recordings-2026"}
		case i%eachMissing == 11, i > 0 && len(r.MediaFiles) == 2 && two%eachTwo == 4:
			m.Descriptor.Path = strings.Replace(m.Descriptor.Path, "/calls/", missing, 1)
		}
	}
}

// missing is in the paths of media files that their storage does not have.
const missing = "/expired/"

// Missing tells that the storage of a media file does not have it: it was deleted there, as by a
// rule for old files.
func Missing(m *mapping.MediaFile) bool { return strings.Contains(m.Descriptor.Path, missing) }

// legs adds the media files and events: one media file for each agent who took the call.
func (g *generator) legs(c *call, r *mapping.Recording) {
	customer := mapping.Contact{Type: mapping.ContactExternal, PhoneNumber: c.customer}
	t := c.start
	r.EventHistory = append(r.EventHistory, event(t, mapping.EventJoined, customer))
	t = t.Add(g.between(2, 15))
	for i, a := range c.agents {
		stop := t.Add(g.between(6, 58))
		r.MediaFiles = append(r.MediaFiles, g.media(c, i+1, t, stop))
		r.EventHistory = append(r.EventHistory, event(t, mapping.EventJoined, a.contact()))
		r.EventHistory = append(r.EventHistory, g.userData(c, i, t.Add(time.Second)))
		r.EventHistory = append(r.EventHistory, event(stop, mapping.EventLeft, a.contact()))
		t = stop.Add(time.Second)
	}

	r.EventHistory = append(r.EventHistory, event(t, mapping.EventLeft, customer))
}

// event is somebody joining or leaving.
func event(t time.Time, what string, who mapping.Contact) mapping.Event {
	return mapping.Event{OccurredAt: moment(t), Event: what, Contact: &who}
}

// userData is what the agent's desktop attached: the case when the call begins, what was found out
// when it was passed on.
func (g *generator) userData(c *call, leg int, t time.Time) mapping.Event {
	e := mapping.Event{OccurredAt: moment(t), Event: mapping.EventData}
	if leg == 0 {
		e.Data = object(
			"CaseId", fmt.Sprintf("CASE-%06d", 100000+g.random.IntN(20000)),
			"Queue", c.queue.name,
			"Language", pick(g, languages),
			"Segment", pick(g, segments),
			"Priority", 1+g.random.IntN(5),
			"Recorded", true,
		)
		return e
	}

	e.Data = object(
		"added", map[string]any{"TransferReason": pick(g, transferReasons)},
		"updated", map[string]any{"Priority": 1},
		"deleted", map[string]any{"Callback": "requested"},
	)

	return e
}

// media is one media file of a call.
func (g *generator) media(c *call, number int, start, stop time.Time) mapping.MediaFile {
	name := fmt.Sprintf("%s-%d.wav", c.id, number)
	length := stop.Sub(start)
	m := mapping.MediaFile{
		Descriptor: mapping.MediaDescriptor{
			Storage: mapping.StorageWebDAV,
			Path:    fmt.Sprintf("%s/calls/%s/%s", g.origin, c.start.UTC().Format("2006-01-02"), name),
		},
		CallUUID:   fmt.Sprintf("%08X-%s-%d", g.random.Uint32(), c.id[len(c.id)-6:], number),
		StartTime:  moment(start),
		StopTime:   moment(stop),
		MediaID:    name,
		Type:       "audio/wav",
		Duration:   fmt.Sprint(length.Milliseconds()),
		Size:       fmt.Sprint(WAVHeader + int64(length.Seconds()*SampleRate)*BytesPerSample),
		Tenant:     "Environment",
		IVRProfile: "DefaultProfile",
		Parameters: object("record", "source", "recorddn", fmt.Sprint(2200+g.random.IntN(60))),
		Partitions: []string{c.queue.partition},
	}

	if c.queue.masked && length > 20*time.Second {
		m.Masks = masks(start.Add(6*time.Second), start.Add(6*time.Second+g.between(4, 12)))
	}

	return m
}

// masks is the pause while the customer tells a card number.
func masks(paused, resumed time.Time) jsontext.Value {
	return encode([]map[string]string{
		{"time": paused.UTC().Format(maskTime), "type": "paused"},
		{"time": resumed.UTC().Format(maskTime), "type": "resumed"},
	})
}

// maskTime is how recorders write the times of masks.
const maskTime = "2006-01-02T15:04:05.000Z"

// moment is a time in milliseconds, as recordings have it.
func moment(t time.Time) mapping.Time { return mapping.Time(t.UnixMilli()) }

// id looks like those of recorders: 32 letters and digits, the last six a running number.
func (g *generator) id(number int) string {
	const symbols = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
	b := []byte("00")
	for len(b) < 26 {
		b = append(b, symbols[g.random.IntN(len(symbols))])
	}
	return fmt.Sprintf("%s%06d", b, number)
}

// chance is true in so many cases of a hundred.
func (g *generator) chance(percent int) bool { return g.random.IntN(100) < percent }

// between is a time of so many seconds.
func (g *generator) between(least, most int) time.Duration {
	return time.Duration(least+g.random.IntN(most-least+1)) * time.Second
}

// pick picks one, each as likely as the others: what is in a list twice is picked twice as often.
func pick[T any](g *generator, from []T) T { return from[g.random.IntN(len(from))] }

// object is the JSON object of keys and values in turn.
func object(pairs ...any) jsontext.Value {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return encode(m)
}

// encode writes JSON, the same bytes for the same value. Strings, numbers, and maps of them always
// have a JSON form.
func encode(v any) jsontext.Value {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic("demo: " + err.Error())
	}
	return b
}
