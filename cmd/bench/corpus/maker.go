package corpus

import (
	"encoding/hex"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/mapping"
)

// Maker makes single recordings of a corpus. It is for one goroutine.
type Maker struct {
	c      *Corpus
	source *rand.PCG
	r      *rand.Rand
	phones *rand.PCG
}

// Maker returns a new Maker.
func (c *Corpus) Maker() *Maker {
	m := &Maker{c: c, source: rand.NewPCG(0, 0), phones: rand.NewPCG(0, 0)}
	m.r = rand.New(m.source)
	return m
}

// call is what the parts of one recording have in common.
type call struct {
	id          string
	start, stop mapping.Time
	customer    string // phone number
	uuid        string
	bucket      string
	department  string
	legs        []leg
}

// leg is the part of a call that one agent handles, with a media file of its own.
type leg struct {
	agent       agent
	start, stop mapping.Time
}

// Make returns recording i. Numbers from Len on are recordings that came after the corpus.
func (m *Maker) Make(i int) Call {
	m.source.Seed(recordSeed, uint64(i))
	at, _ := draw(m.c.sizes, m.r.Float64())
	center := &m.c.centers[at]
	region := center.region
	if m.r.Float64() < foreignShare {
		region = (region + 1 + m.r.IntN(len(Regions)-1)) % len(Regions)
	}

	customer := m.customerNumber()
	k := call{
		id:         m.recordingID(i),
		start:      m.c.startTime(i, m.r),
		customer:   m.phone(customer),
		uuid:       m.uuid(),
		bucket:     Regions[region] + "-recordings",
		department: departments[m.skewed(2, len(departments))],
	}

	k.stop = k.start + mapping.Time(15_000+m.skewed(2.5, 3_000_000))
	k.legs = m.legs(center, k.start, k.stop)
	rec := &mapping.Recording{
		ID:                k.id,
		CallerPhoneNumber: k.customer,
		DialedPhoneNumber: m.serviceNumber(center),
		Region:            Regions[region],
		MediaFiles:        m.mediaFiles(&k),
		EventHistory:      m.events(&k, customer),
	}

	if m.r.Float64() < 0.2 { // a call that the contact center made
		rec.CallerPhoneNumber, rec.DialedPhoneNumber = rec.DialedPhoneNumber, rec.CallerPhoneNumber
	}

	return Call{center.id, rec}
}

// skewed draws a number below n; the greater power, the more often a small one.
func (m *Maker) skewed(power float64, n int) int {
	return int(math.Pow(m.r.Float64(), power) * float64(n))
}

const idDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUV"

// recordingID is of the form that recorders use: 32 characters, here with the number in the last
// ones.
func (m *Maker) recordingID(i int) string {
	var id [32]byte
	high, low := m.r.Uint64(), m.r.Uint64()
	for j := range 12 {
		id[j], id[12+j] = idDigits[high&31], idDigits[low&31]
		high, low = high>>5, low>>5
	}

	for j, rest := 31, i; j >= 24; j-- {
		id[j] = idDigits[rest&31]
		rest >>= 5
	}
	return string(id[:])
}

// customerNumber draws which customer a call is with.
func (m *Maker) customerNumber() int {
	if m.r.Float64() < repeatShare {
		return m.skewed(2, frequent)
	}
	return frequent + m.r.IntN(customers)
}

// phone is the phone number of a customer.
func (m *Maker) phone(customer int) string {
	m.phones.Seed(phoneSeed, uint64(customer))
	of := rand.New(m.phones)
	area, _ := draw(m.c.areas, of.Float64())
	return areaCodes[area] + strconv.Itoa(2_000_000+of.IntN(8_000_000))
}

// serviceNumber is one of the numbers of a contact center.
func (m *Maker) serviceNumber(c *center) string {
	return "+1800" + strconv.Itoa(c.code) + strconv.Itoa(1000+7*m.skewed(2, 200))
}

func (m *Maker) legs(c *center, start, stop mapping.Time) []leg {
	n := 1
	for n < 4 && m.r.Float64() < 0.2 {
		n++
	}

	legs := make([]leg, n)
	for i := range legs {
		legs[i] = leg{
			agent: c.agents[m.skewed(1.5, len(c.agents))],
			start: start + (stop-start)*mapping.Time(i)/mapping.Time(n),
			stop:  start + (stop-start)*mapping.Time(i+1)/mapping.Time(n),
		}
	}
	return legs
}

func (m *Maker) mediaFiles(k *call) []mapping.MediaFile {
	files := make([]mapping.MediaFile, len(k.legs))
	for i, l := range k.legs {
		name := k.id + "_" + strconv.Itoa(i)
		files[i] = mapping.MediaFile{
			Descriptor: mapping.MediaDescriptor{
				Storage: mapping.StorageS3,
				Path:    l.start.String()[:len("2006-01-02")] + "/" + name + ".mp3",
				Data:    object("bucket", k.bucket),
			},
			CallUUID:     k.uuid,
			StartTime:    l.start,
			StopTime:     l.stop,
			MediaID:      name + ".mp3",
			Type:         "audio/mp3",
			Duration:     strconv.Itoa(int(l.stop - l.start)),
			Size:         strconv.Itoa(int(l.stop-l.start) * 4),
			Tenant:       "Environment",
			IVRProfile:   "DefaultProfile",
			Parameters:   object("record", "source", "recorddn", l.agent.extension),
			Partitions:   []string{"part" + strconv.Itoa(m.r.IntN(9))},
			AccessGroups: []string{accessGroup(k.department, &l.agent)},
		}

		if m.r.Float64() < 0.1 {
			files[i].Masks = m.masks(l)
		}
	}

	return files
}

// accessGroup is the team of who handles a part of a call. Nothing is drawn for it: with or without teams, a
// recording is the same otherwise.
func accessGroup(department string, a *agent) string {
	last := a.extension[len(a.extension)-1] - '0'
	return "/" + department + "/team" + strconv.Itoa(1+int(last)%teams)
}

// masks is a pause in the middle of a leg, as while a card number is told.
func (m *Maker) masks(l leg) jsontext.Value {
	third := (l.stop - l.start) / 3
	masks := append(jsontext.Value("["), object("time", (l.start+third).String(), "type", "paused")...)
	masks = append(masks, ',')
	masks = append(masks, object("time", (l.stop-third).String(), "type", "resumed")...)
	return append(masks, ']')
}

func (m *Maker) events(k *call, customer int) []mapping.Event {
	events := make([]mapping.Event, 0, 2+2*len(k.legs))
	events = append(events, mapping.Event{OccurredAt: k.start, Event: mapping.EventJoined,
		Contact: &mapping.Contact{Type: mapping.ContactExternal, PhoneNumber: k.customer}})
	for i, l := range k.legs {
		a := &mapping.Contact{Type: mapping.ContactUser, PhoneNumber: l.agent.extension, UserName: l.agent.userName,
			FirstName: l.agent.firstName, LastName: l.agent.lastName}
		joined := mapping.Event{OccurredAt: l.start, Event: mapping.EventJoined, Contact: a}
		if i == 0 {
			joined.Data = m.userData(k, customer)
		}

		events = append(events, joined)
		if i < len(k.legs)-1 { // the last agent and the caller leave at the end, which recorders do not tell
			events = append(events, mapping.Event{OccurredAt: l.stop, Event: mapping.EventLeft, Contact: a})
		}
	}

	if m.r.Float64() < 0.7 {
		events = append(events, mapping.Event{OccurredAt: k.stop, Event: mapping.EventData, Data: m.outcome()})
	}

	return events
}

// userData is what the agent's desktop knows of a call: unique values, values that few calls share,
// and values that most calls share.
func (m *Maker) userData(k *call, customer int) jsontext.Value {
	data := object(
		"caseId", "CASE-"+strconv.Itoa(1_000_000_000+m.r.IntN(9_000_000_000)),
		"customerId", "C"+strconv.FormatUint(uint64(customer)*2654435761%(1<<40), 16),
		"department", k.department,
		"language", languages[m.skewed(3, len(languages))],
		"queue", "vq_"+k.department+"_"+strconv.Itoa(10+m.r.IntN(20)),
		"product", products[m.skewed(1.5, len(products))],
		"GSIP_CALL", k.uuid,
	)

	data = append(data[:len(data)-1], `,"priority":`...)
	data = strconv.AppendInt(data, int64(1+m.skewed(2, 5)), 10)
	data = append(data, `,"vip":`...)
	return append(strconv.AppendBool(data, m.r.Float64() < 0.03), '}')
}

// outcome is what a data event tells at the end of a call.
func (m *Maker) outcome() jsontext.Value {
	data := jsontext.Value(`{"updated":`)
	return append(append(data, object("disposition", dispositions[m.skewed(1.5, len(dispositions))])...), '}')
}

// object returns a JSON object. The names and values must not need escapes.
func object(namesAndValues ...string) jsontext.Value {
	size := 1
	for _, s := range namesAndValues {
		size += len(s) + len(`"":`)
	}

	b := append(make(jsontext.Value, 0, size+1), '{')
	for i, s := range namesAndValues {
		switch {
		case i%2 == 1:
			b = append(b, ':')
		case i > 0:
			b = append(b, ',')
		}

		b = append(b, '"')
		b = append(b, s...)
		b = append(b, '"')
	}

	return append(b, '}')
}

func (m *Maker) uuid() string { return string(appendUUID(nil, m.r)) }

// appendUUID appends a random UUID of version 4.
func appendUUID(b []byte, r *rand.Rand) []byte {
	var u [16]byte
	high, low := r.Uint64(), r.Uint64()
	for i := range 8 {
		u[i], u[8+i] = byte(high>>(8*i)), byte(low>>(8*i))
	}

	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	for i := range u {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, u[i:i+1])
	}
	return b
}
