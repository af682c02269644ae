// Package shapes has the searches that are measured: every kind of criterion, alone and combined,
// finding much, little and nothing, with the values that a corpus really has.
package shapes

import (
	"fmt"
	"strconv"
	"strings"

	"recordings/cmd/bench/corpus"
	"recordings/cmd/bench/engine"
	"recordings/index"
	"recordings/mapping"
)

// Shape is one search.
type Shape struct {
	Name        string
	Adversarial bool // made to be expensive; no administrator would search so
	engine.Query
}

const (
	limit = 100
	day   = 24 * 60 * 60 * 1000 // ms
)

// The contact centers that are searched, by their rank in size. All have the same region.
const (
	largest    = 0
	middle     = 9
	sameRegion = 3 // the small one is the last of every third: regions are given in turn
)

// All returns the shapes of a corpus, which has to have some contact centers.
func All(c *corpus.Corpus) ([]Shape, error) {
	if c.Len() < 1 || c.Smallest(sameRegion) <= middle {
		return nil, fmt.Errorf("a corpus of %d recordings in %d contact centers is too small", c.Len(),
			len(c.CenterIDs()))
	}

	b := &builder{corpus: c, center: c.CenterOf(largest)}
	b.sample()
	b.everything()
	b.phoneNumbers()
	b.numbersAsWritten()
	b.names()
	b.userData()
	b.times()
	b.identifiers()
	b.combined()
	b.adversarial = true
	b.hostile()
	b.adversarial = false
	b.otherCenters()
	b.center = b.corpus.CenterOf(largest)
	for _, groups := range corpus.Teams {
		b.groups = groups
		b.teams()
	}
	return b.shapes, b.err
}

type builder struct {
	corpus      *corpus.Corpus
	center      string
	groups      []string // of who searches; nil: they see all of the contact center
	adversarial bool
	shapes      []Shape
	err         error

	known  *mapping.Recording // an old recording of the largest contact center
	recent *mapping.Recording // a newer one, whose caller called more often
	data   map[string]string  // user data of known
}

// sample finds recordings whose values are searched for.
func (b *builder) sample() {
	m := b.corpus.Maker()
	find := func(from int, good func(r *mapping.Recording) bool) *mapping.Recording {
		for i := from; ; i++ { // behind the end of a small corpus there are more to come
			k := m.Make(i)
			if k.ContactCenter == b.center && k.Recording.Region == b.corpus.RegionOf(largest) && good(k.Recording) {
				return k.Recording
			}
		}
	}

	inbound := func(r *mapping.Recording) bool { return !strings.HasPrefix(r.CallerPhoneNumber, "+1800") }
	b.known = find(b.corpus.Len()/3, inbound)
	b.recent = find(b.corpus.Len()*9/10, inbound)
	b.data = map[string]string{}
	for _, v := range b.known.Searchable().UserData {
		switch {
		case strings.HasPrefix(v, "case-"):
			b.data["case"] = v
		case strings.HasPrefix(v, "vq_"):
			b.data["queue"] = v
		case strings.Count(v, "-") == 4:
			b.data["uuid"] = v
		}
	}
}

// agent is the first agent of a recording.
func agent(r *mapping.Recording) *mapping.Contact {
	for i := range r.EventHistory {
		if c := r.EventHistory[i].Contact; c != nil && c.Type == mapping.ContactUser {
			return c
		}
	}
	return &mapping.Contact{UserName: "nobody", FirstName: "nobody", LastName: "nobody"}
}

// add adds a shape; namesAndValues are parameters of the API, offset included.
func (b *builder) add(name string, namesAndValues ...string) {
	s := Shape{Name: name, Adversarial: b.adversarial}
	s.Params = map[string]string{}
	offset := 0
	for i := 0; i < len(namesAndValues); i += 2 {
		if namesAndValues[i] == "offset" {
			offset, _ = strconv.Atoi(namesAndValues[i+1])
			continue
		}
		s.Params[namesAndValues[i]] = namesAndValues[i+1]
	}

	criteria, err := mapping.ParseCriteria(s.Params)
	if err != nil && b.err == nil {
		b.err = fmt.Errorf("shape %q: %w", name, err)
	}

	s.Query.Query = index.Query{
		Scope:    index.Scope{ContactCenter: b.center, Region: b.corpus.RegionOf(largest), Groups: b.groups},
		Criteria: criteria, Offset: offset, Limit: limit}
	b.shapes = append(b.shapes, s)
}

// The parameters, and the offset of a page.
const (
	caller   = mapping.ParamCallerPhoneNumber
	dialed   = mapping.ParamDialedPhoneNumber
	from     = mapping.ParamStartTime
	until    = mapping.ParamEndTime
	userName = mapping.ParamUserName
	userData = mapping.ParamUserData
	before   = mapping.ParamStartedBefore
	after    = mapping.ParamEndedAfter
	shortest = mapping.ParamMinDuration
	longest  = mapping.ParamMaxDuration
	call     = mapping.ParamCallUUID
	media    = mapping.ParamMediaID
	changed  = mapping.ParamChangedSince
	number   = mapping.ParamPhoneNumber
	offset   = "offset"
)

func (b *builder) everything() {
	b.add("everything", from, "0")
	b.add("everything, offset 1k", from, "0", offset, "1000")
	b.add("everything, offset 10k", from, "0", offset, "10000")
	b.add("everything, offset 100k", from, "0", offset, "100000")
}

func (b *builder) phoneNumbers() {
	number := b.known.CallerPhoneNumber
	b.add("caller exact", caller, number)
	b.add("caller unknown", caller, "+19999999999")
	b.add("caller prefix +1650*", caller, "+1650*")
	b.add("caller long prefix", caller, number[:len(number)-2]+"*")
	b.add("caller suffix *1234", caller, "*1234")
	b.add("caller suffix *7", caller, "*7")
	b.add("caller infix *5*", caller, "*5*")
	b.add("caller infix *55*", caller, "*55*")
	b.add("caller infix *555*", caller, "*555*")
	b.add("caller infix *555*, offset 10k", caller, "*555*", offset, "10000")
	b.add("caller infix *5551*", caller, "*5551*")
	b.add("caller infix *45678*", caller, "*45678*")
	b.add("caller infix, 7 digits", caller, "*"+number[len(number)-7:]+"*")
	b.add("caller +1*5*9", caller, "+1*5*9")
	b.add("caller *22*33*", caller, "*22*33*")
	b.add("caller *zz* (none)", caller, "*zz*")
	b.add("caller *000000* (none)", caller, "*000000*")
	b.add("dialed exact, a busy line", dialed, b.known.DialedPhoneNumber)
	b.add("dialed prefix +1800*", dialed, "+1800*")
	b.add("dialed *00*7", dialed, "*00*7")
	b.add("caller *55* and dialed +1800*1*", caller, "*55*", dialed, "+1800*1*")
}

// numbersAsWritten are found in spite of how they are written, and wherever they stand.
func (b *builder) numbersAsWritten() {
	caller10 := b.known.CallerPhoneNumber[len("+1"):]
	area, rest := caller10[:3], caller10[3:]
	b.add("caller without +", caller, "1"+caller10)
	b.add("caller without +, prefix 1650*", caller, "1650*")
	b.add("caller as people write it", caller, "1 ("+area+") "+rest[:3]+"-"+rest[3:])
	b.add("caller, end as people write it", caller, "*("+area+") "+rest[:3]+"-"+rest[3:])
	b.add("number, whole", number, "+1"+caller10)
	b.add("number, whole, without +", number, "1"+caller10)
	b.add("number, 7 digits at the end", number, "*"+rest)
	b.add("number *555*", number, "*555*")
	b.add("number *5551*", number, "*5551*")
	b.add("number unknown", number, "+19999999999")
	b.add("number of a busy line", number, b.known.DialedPhoneNumber)
	b.add("number, an agent's extension", number, agent(b.known).PhoneNumber)
	b.add("month, number, an agent's extension", from, b.at(230), before, b.at(200), number, agent(b.known).PhoneNumber)
}

func (b *builder) names() {
	a := agent(b.known)
	b.add("user name exact", userName, a.UserName)
	b.add("user name unknown", userName, "nobody@example.com")
	b.add("first name alice", userName, "alice")
	b.add("last name, any case", userName, strings.ToUpper(`"`+agent(b.recent).LastName+`"`))
	b.add("word of a name: cruz", userName, "Cruz")
	b.add(`quoted "mary jane"`, userName, `"mary jane"`)
	b.add("name müller", userName, "Müller")
	b.add("name muller, without accents", userName, "muller")
	first, last := []rune(a.FirstName), []rune(a.LastName)
	b.add("full name", userName, `"`+a.FirstName+" "+a.LastName+`"`)
	b.add("full name, last name first", userName, `"`+a.LastName+", "+a.FirstName+`"`)
	b.add("full name, beginning", userName, `"`+a.FirstName+" "+string(last[:1])+`*"`)
	b.add("full name, infix", userName, `"*`+string(first[1:])+" "+string(last[:2])+`*"`)
	b.add("name prefix al*", userName, "al*")
	b.add("name suffix *son", userName, "*son")
	b.add("name infix *ar*", userName, "*ar*")
	b.add("name infix *z*", userName, "*z*")
	b.add("name *a*n*, offset 20k", userName, "*a*n*", offset, "20000")
	b.add("name *q*x* (rare)", userName, "*q*x*")
	b.add("name * (any)", userName, "*")
	b.add("name *xyzzy* (none)", userName, "*xyzzy*")
	b.add("Alice Amber (either)", userName, "Alice Amber")
	b.add("Alice AND Smith", userName, "Alice AND Smith")
	b.add("Alice AND Amber*", userName, "Alice AND Amber*")
	b.add("j* AND *z* AND *@*", userName, "j* AND *z* AND *@*")
	b.add("Alice AND Smith Maria AND J* Zoë", userName, "Alice AND Smith Maria AND J* Zoë")
}

func (b *builder) userData() {
	id, uuid := b.data["case"], b.data["uuid"]
	b.add("data exact, unique", userData, id)
	b.add("data exact, a uuid", userData, uuid)
	b.add("data exact, unknown", userData, "case-0000000000")
	b.add("data sales", userData, "sales")
	b.add("data sales, offset 10k", userData, "sales", offset, "10000")
	b.add("data sales mandarin (either)", userData, "sales mandarin")
	b.add("data sales AND spanish AND 3", userData, "sales AND spanish AND 3")
	b.add(`data "callback requested"`, userData, `"callback requested"`)
	b.add("data queue", userData, b.data["queue"])
	b.add("data vq_*_29", userData, "vq_*_29")
	b.add("data prefix, rare", userData, id[:len("case-12345")]+"*")
	b.add("data infix *1234*", userData, "*1234*")
	b.add("data infix *12345*", userData, "*12345*")
	b.add("data infix *plan*", userData, "*plan*")
	b.add("data infix *e*", userData, "*e*")
	b.add("data tail of a uuid", userData, "*"+uuid[28:])
	b.add("data *-4*-9*, offset 10k", userData, "*-4*-9*", offset, "10000")
	b.add("data *a1*b2*", userData, "*a1*b2*")
	b.add("data *qqq* (none)", userData, "*qqq*")
}

// at is a time as a parameter: days before the end of the corpus.
func (b *builder) at(daysBefore float64) string {
	return strconv.FormatInt(int64(b.corpus.End())-int64(daysBefore*day), 10)
}

func (b *builder) times() {
	const noon = 200 - 0.6 // a Thursday at half past two, 200 days before the end
	b.add("a minute", from, b.at(noon), until, b.at(noon-1.0/24/60))
	b.add("an hour", from, b.at(noon), until, b.at(noon-1.0/24))
	b.add("a day", from, b.at(200), until, b.at(199))
	b.add("a month", from, b.at(230), until, b.at(200))
	b.add("a year", from, b.at(565), until, b.at(200))
	b.add("since yesterday", from, b.at(3))
	b.add("before the second month", until, b.at(700))
	b.add("the future (none)", from, b.at(-9000))
	b.add("started on a day", from, b.at(200), before, b.at(199))
	b.add("started in a month, offset 1k", from, b.at(230), before, b.at(200), offset, "1000")
	b.add("going on at noon", before, b.at(noon), after, b.at(noon))
	b.add("going on in an hour, name *ar*", before, b.at(noon-1.0/24), after, b.at(noon), userName, "*ar*")
	b.add("from 45 minutes on", shortest, "2700")
	b.add("up to 20 s (rare)", longest, "20")
	b.add("1 to 2 minutes, caller *555*", shortest, "60", longest, "120", caller, "*555*")
	b.add("from half an hour on, a busy line", shortest, "1800", dialed, b.known.DialedPhoneNumber)
	b.add("day, at most 10 s (few)", from, b.at(200), before, b.at(199), longest, "10")
}

func (b *builder) identifiers() {
	m := b.known.MediaFiles[0]
	b.add("call's UUID", call, m.CallUUID)
	b.add("call's UUID, unknown", call, "no-such-call")
	b.add("call's UUID, 6 digits*", call, m.CallUUID[:6]+"*")
	b.add("call's UUID, 1 digit*", call, m.CallUUID[:1]+"*")
	b.add("media id", media, m.MediaID)
	b.add("media id, beginning", media, m.MediaID[:len(m.MediaID)-6]+"*")
	b.add("media id * (any)", media, "*")
	b.add("changed since 1970", changed, "1970-01-01T00:00:00.001Z")
	b.add("changed since 1970, data sales", changed, "1970-01-01T00:00:00.001Z", userData, "sales")
	b.add("changed since 2100 (none)", changed, "2100-01-01T00:00:00Z")
}

func (b *builder) combined() {
	b.add("month, caller *555*, name al*", from, b.at(230), until, b.at(200), caller, "*555*", userName, "al*")
	b.add("caller *1234, data sales", caller, "*1234", userData, "sales")
	b.add("caller +1650*, name *son, data spanish", caller, "+1650*", userName, "*son", userData, "spanish")
	b.add("year, caller *77*", from, b.at(600), until, b.at(235), caller, "*77*")
	b.add("day, data sales, name *a*", from, b.at(200), until, b.at(199), userData, "sales", userName, "*a*")
	b.add("agent, data escalated", userName, agent(b.known).UserName, userData, "escalated")
	b.add("name *ar*, data *plan*, caller *9", userName, "*ar*", userData, "*plan*", caller, "*9")
	b.add("old half, name alice, data fraud loyalty", until, b.at(364), userName, "alice", userData, "fraud loyalty")
	b.add("caller exact, data wrong (none)", caller, b.known.CallerPhoneNumber, userData, "no-such-value")
}

func (b *builder) hostile() {
	b.add("caller *1*2*3*4*5*", caller, "*1*2*3*4*5*")
	b.add("caller *9*9*9*9*9*9*", caller, "*9*9*9*9*9*9*")
	b.add("caller 16 stars", caller, "*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*")
	b.add("number 1*, 16 stars", number, "1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*")
	b.add("name *a*e*i*o*u*", userName, "*a*e*i*o*u*")
	b.add("data *0*1*2*3*4*5*6*7*", userData, "*0*1*2*3*4*5*6*7*")
	b.add("data *a*b*c*d*e*f*0*1*", userData, "*a*b*c*d*e*f*0*1*")
	b.add("data 16 stars", userData, "*9*9*9*9*9*9*9*9*9*9*9*9*9*9*9*")
}

// otherCenters searches where there are fewer recordings, among as many of others.
func (b *builder) otherCenters() {
	b.center = b.corpus.CenterOf(middle)
	b.add("middle center: everything", from, "0")
	b.add("middle center: caller *555*", caller, "*555*")
	b.add("middle center: data *1234*", userData, "*1234*")
	b.center = b.corpus.CenterOf(b.corpus.Smallest(sameRegion))
	b.add("small center: everything", from, "0")
	b.add("small center: caller *5*", caller, "*5*")
	b.add("small center: name *ar*, data sales", userName, "*ar*", userData, "sales")
}

// teams searches as somebody who sees some access groups only.
func (b *builder) teams() {
	who := "team " + strings.Join(b.groups, " and ")
	b.add(who+": everything", from, "0")
	b.add(who+": everything, offset 1k", from, "0", offset, "1000")
	b.add(who+": caller *555*", caller, "*555*")
	b.add(who+": name *ar*, data *plan*", userName, "*ar*", userData, "*plan*")
}
