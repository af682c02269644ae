package api

import (
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"recordings/api/openapi"
	"recordings/audit"
	"recordings/index"
	"recordings/mapping"
)

// handling is what answers the requests of a line of the table, and what the description tells of it.
type handling struct {
	do http.HandlerFunc

	parameters []openapi.Parameter
	bodies     []openapi.Content // one of which is read
	answers    []openapi.Answer
	fails      []int // HTTP statuses beside those that follow from the line; see errorsOf
	asks       bool  // everybody may call, and credentials make a difference
	anew       bool  // what is answered with can be kept, and asked for again
}

// handle is a handling of which nothing is told yet.
func handle(do http.HandlerFunc) handling { return handling{do: do} }

// taking is the same with further parameters.
func (h handling) taking(parameters ...openapi.Parameter) handling {
	h.parameters = slices.Concat(h.parameters, parameters)
	return h
}

// reading is the same with a body, or another one.
func (h handling) reading(c content) handling {
	h.bodies = with(h.bodies, openapi.Content(c))
	return h
}

// answering is the same with an answer, or another content of one, and headers of it.
func (h handling) answering(status int, c content, headers ...string) handling {
	h.answers = slices.Clone(h.answers)
	i := slices.IndexFunc(h.answers, func(a openapi.Answer) bool { return a.Status == status })
	if i < 0 {
		i = len(h.answers)
		h.answers = append(h.answers, openapi.Answer{Status: status})
	}
	a := &h.answers[i]
	if c.MediaType != "" {
		a.Contents = with(a.Contents, openapi.Content(c))
	}
	a.Headers = slices.Concat(a.Headers, headers)
	return h
}

// failing is the same with further statuses of errors.
func (h handling) failing(statuses ...int) handling {
	h.fails = slices.Concat(h.fails, statuses)
	return h
}

// creating is the same with an answer that says that something is new.
func (h handling) creating() handling {
	h.answers = slices.Clone(h.answers)
	h.answers[0].Status = http.StatusCreated
	return h
}

// elsewhere is the same with an answer that leads a browser elsewhere.
func (h handling) elsewhere() handling {
	return h.answering(http.StatusSeeOther, content{}, "Location", "Set-Cookie")
}

// cached is the same with an answer that says that what was kept is as it was.
func (h handling) cached() handling {
	h.anew = true
	return h.answering(http.StatusNotModified, content{}, "ETag").taking(noneMatchParam)
}

// alsoAuthenticating is the same, where credentials may be sent and need not.
func (h handling) alsoAuthenticating() handling {
	h.asks = true
	return h.failing(http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests)
}

// or is a handling of what either takes, each by its media type; what does it is not set.
func (h handling) or(other handling) handling {
	h.do = nil
	for _, c := range other.bodies {
		h = h.reading(content(c))
	}
	for _, a := range other.answers {
		for _, c := range a.Contents {
			h = h.answering(a.Status, content(c))
		}
	}
	return h.taking(other.parameters...).failing(other.fails...)
}

// content is a body of a media type.
type content openapi.Content

// with adds a content; to one of the same media type, its types.
func with(all []openapi.Content, c openapi.Content) []openapi.Content {
	all = slices.Clone(all)
	for i := range all {
		if x := &all[i]; x.MediaType == c.MediaType {
			x.Types = slices.Concat(x.Types, c.Types)
			return all
		}
	}
	return append(all, c)
}

// body is one value in JSON.
func body[T any]() content {
	return content{MediaType: jsonType, Types: []reflect.Type{reflect.TypeFor[T]()}}
}

// lines are values in JSON, one a line.
func lines[T any]() content {
	return content{MediaType: batchType, Types: []reflect.Type{reflect.TypeFor[T]()}, Lines: true}
}

// form is a value as a form of a web page sends it.
func form[T any]() content {
	return content{MediaType: formType, Types: []reflect.Type{reflect.TypeFor[T]()}}
}

// anyJSON is JSON that others describe, and anyBody what is not JSON.
func anyJSON() content { return content{MediaType: jsonType, Schema: openapi.Schema{Type: "object"}} }

func anyBody() content { return textBody(unknownType) }

func textBody(mediaType string) content {
	s := openapi.Schema{Type: "string"}
	if mediaType == unknownType {
		s.Format = "binary"
	}
	return content{MediaType: mediaType, Schema: s}
}

// or is a content that is one or the other.
func (c content) or(other content) content {
	c.Types = slices.Concat(c.Types, other.Types)
	return c
}

// requiring is the same where some members have to be there.
func (c content) requiring(names ...string) content {
	c.Required = names
	return c
}

// optional is the same where no body is one, too.
func (c content) optional() content {
	c.Optional = true
	return c
}

// namesOf are the names of the members of a struct, as messages list them.
func namesOf[T any]() string {
	var names []string
	for f := range reflect.TypeFor[T]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// Parameters of queries, with what is accepted.
var (
	flagForm = openapi.Schema{Type: "boolean"}
	textForm = openapi.Schema{Type: "string", Pattern: `^[^\x00]+$`, MinLength: 1}
	timeForm = openapi.Schema{Type: "string", Pattern: mapping.QueryTimePattern}
	pathForm = openapi.Schema{Type: "string", Pattern: `^/([^/\\][^\\]*)?$`} // of this service, and of no other

	subresourcesParam = query(paramSubresources, textForm, "*")
	forceParam        = query(paramForce, flagForm, true)
	repairParam       = query(paramRepair, flagForm, true)
	forecastParam     = query(paramDryRun, flagForm, true)
	returnParam       = query(paramReturn, pathForm, "/?startTime=0")
	limitParam        = query(paramLimit, number(1, maxLimit, maxLimit), 20)
	noneMatchParam    = header("If-None-Match", `"1a2b3c"`)

	batchParams    = []openapi.Parameter{query(paramDryRun, flagForm, true), query(paramMarks, flagForm, true)}
	orphanParams   = []openapi.Parameter{query(paramAfter, textForm, exampleMedia), limitParam}
	callbackParams = []openapi.Parameter{query("code", textForm, "SplxlOBeZQQYbYS6WxSbIA"),
		query("state", textForm, "af0ifjsldkj"), query("error", textForm, "access_denied")}
	centerParam = query(paramContactCenter, textForm, exampleCenter)
)

// What examples name.
const (
	exampleCenter = "a5539ef5-7dd5-4150-818f-ee1bcd447cbe"
	exampleMedia  = "76705af9-65d4-56a4-af84-e984ef09ec5d"

	exampleRecording = "00PV5Q27MG8AB8VNE49362LAES000014"
)

// searchParams are those of a search.
func searchParams() []openapi.Parameter {
	return append(criteriaParams(), sortParam(),
		query(paramOffset, number(0, maxOffset, 0), 40), limitParam,
		query(paramTotal, flagForm, true), query(paramExplain, flagForm, true))
}

// sortParam is the order of what is found.
func sortParam() openapi.Parameter {
	var orders []string
	for _, o := range index.Orders {
		if o != index.NewestFirst { // which has no name
			orders = append(orders, string(o))
		}
	}
	return query(paramSort, oneOf(orders...), string(index.OldestFirst))
}

// histogramParams are those of a histogram.
func histogramParams() []openapi.Parameter {
	var intervals []string
	for _, i := range index.Intervals {
		intervals = append(intervals, string(i))
	}
	interval := query(paramInterval, oneOf(intervals...), "day")
	zone := query(paramZone, textForm, "America/Los_Angeles")
	interval.Required = true
	zone.About = "The time zone whose hours, days, weeks or months these are, by its IANA name. If it is not given, " +
		"UTC."
	return append(criteriaParams(), interval, zone)
}

// suggestParams are those of suggestions.
func suggestParams() []openapi.Parameter {
	var fields []string
	keyed := regexp.QuoteMeta(mapping.ParamUserDataKey) + `[^\x00]+`
	for _, field := range mapping.CompletedFields {
		if !strings.HasSuffix(field, mapping.AnyKey) {
			fields = append(fields, field)
		}
	}
	form := openapi.Schema{Type: "string", Pattern: "^(" + strings.Join(fields, "|") + "|" + keyed + ")$"}
	field := query(paramField, form, mapping.ParamUserName)
	field.Required = true

	text := textForm
	text.MaxLength = mapping.MaxParam
	limit := query(paramLimit, number(1, maxSuggestions, manySuggestions), 10)
	limit.About = "How many values are wanted at most."
	return append(criteriaParams(), field, query(paramText, text, "mül"), limit)
}

// criteriaParams are the criteria, as mapping has them.
func criteriaParams() (all []openapi.Parameter) {
	for _, c := range mapping.CriteriaTable {
		s := openapi.Schema{Type: c.Form.Type, Pattern: c.Form.Pattern}
		var example any = c.Example
		switch c.Form.Type {
		case "integer":
			zero := int64(0)
			s.Minimum, s.Maximum = &zero, &c.Form.Most
			example, _ = strconv.Atoi(c.Example)
		case "boolean":
			example = c.Example == "true"
		default:
			s.MinLength, s.MaxLength = 1, mapping.MaxParam
			if s.Pattern == "" {
				s.Pattern = textForm.Pattern
			}
		}
		if c.Keyed() {
			value := s // each member of the object is a parameter of its own
			s, example = openapi.Schema{Type: "object", Others: &value}, map[string]string{c.Name + "queue": c.Example}
		}
		p := query(c.Shown(), s, example)
		p.About = "Only recordings " + c.About + "."
		if c.Keyed() {
			p.About += " With another key it is another parameter: there may be several."
		}
		all = append(all, p)
	}
	return all
}

// exportParams are those of an export.
func exportParams() []openapi.Parameter {
	return append(criteriaParams(), sortParam(),
		query(paramFormat, oneOf(formatNDJSON, formatCSV, formatXLSX), formatXLSX),
		query(paramZone, textForm, "America/Los_Angeles"),
		query(paramSeparator, oneOf(slices.Sorted(maps.Keys(separators))...), "semicolon"),
		query(paramGuard, oneOf(guardSpreadsheet), guardSpreadsheet))
}

// auditParams are those of reading the audit log.
func auditParams() []openapi.Parameter {
	var actions []string
	for _, a := range audit.Actions {
		actions = append(actions, string(a))
	}
	zero := int64(0)
	sequence := openapi.Schema{Type: "integer", Format: "uint64", Minimum: &zero, Default: 0}
	after := query(paramAfter, sequence, 1200)
	after.About = "Entries behind the one with this sequence."
	return []openapi.Parameter{
		query(paramFrom, timeForm, "2026-05-17T00:00:00Z"), query(paramTo, timeForm, "2026-05-18T00:00:00Z"),
		query(paramUser, textForm, "alice"), query(paramAction, oneOf(actions...), string(audit.Play)),
		query(paramRecording, textForm, "00PV5Q27MG8AB8VNE49362LAES000014"), after,
		query(paramNewest, number(1, maxNewest, 0), 100), query(paramChain, flagForm, true),
	}
}

// query is a parameter of a query.
func query(name string, s openapi.Schema, example any) openapi.Parameter {
	return openapi.Parameter{Name: name, In: "query", Schema: s, Example: example}
}

// header is a header of a request.
func header(name, example string) openapi.Parameter {
	return openapi.Parameter{Name: name, In: "header", Schema: openapi.Schema{Type: "string"}, Example: example}
}

// number is a whole number within bounds.
func number(least, most int64, byDefault int64) openapi.Schema {
	s := openapi.Schema{Type: "integer", Minimum: &least, Maximum: &most}
	if byDefault >= least {
		s.Default = byDefault
	}
	return s
}

// oneOf is one of some words.
func oneOf(words ...string) openapi.Schema { return openapi.Schema{Type: "string", Enum: words} }

// playParams are those of playing: which part is wanted, and of which version.
func playParams() []openapi.Parameter {
	const date = "Sun, 17 May 2026 20:15:36 GMT"
	return []openapi.Parameter{
		query(paramDownload, oneOf("1"), "1"), query(paramPreview, oneOf("1"), nil),
		header("Range", "bytes=0-65535"), header("If-Range", `"1a2b3c"`), noneMatchParam,
		header("If-Modified-Since", date), header("If-Match", `"1a2b3c"`),
		header("If-Unmodified-Since", date),
	}
}

// handling is what plays.
func (h *playback) handling() handling {
	media := []string{"Accept-Ranges", "Content-Disposition", "ETag", "Last-Modified"}
	part := append(slices.Clone(media), "Content-Range")
	all := handle(h.play).taking(playParams()...).
		answering(http.StatusOK, anyBody(), media...).answering(http.StatusPartialContent, anyBody(), part...)
	for _, mediaType := range []string{"audio/*", "video/*"} {
		c := anyBody()
		c.MediaType = mediaType
		all = all.answering(http.StatusOK, c).answering(http.StatusPartialContent, c)
	}
	ranges := anyBody()
	ranges.MediaType = "multipart/byteranges"
	return all.answering(http.StatusPartialContent, ranges).answering(http.StatusNotModified, content{}, "ETag").
		failing(http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable, http.StatusBadGateway,
			http.StatusGatewayTimeout)
}

// handling is what sends archives of media, without what says of which recordings.
func (h *archives) handling() handling {
	zip := anyBody()
	zip.MediaType = archiveType
	return handle(h.archive).answering(http.StatusOK, zip, "Content-Disposition").
		answering(http.StatusOK, body[archiveAnswer]())
}

// archiveParams are those of an archive: recordings by their ids, or criteria.
func archiveParams() []openapi.Parameter {
	ids := openapi.Schema{Type: "array", Items: &textForm, MinItems: 1, MaxItems: maxArchived}
	named := query(paramRecording, ids, []string{exampleRecording})
	named.About = "The id of a recording, in place of criteria. It may be repeated."
	return append(criteriaParams(), named, sortParam(), forecastParam)
}

// handling is what exports.
func (h *exports) handling() handling {
	all := handle(h.export).taking(exportParams()...).
		answering(http.StatusOK, lines[recordingView]().or(lines[exportedAnswer]()), "Content-Disposition")
	return all.answering(http.StatusOK, textBody("text/csv")).answering(http.StatusOK, workbookBody())
}

func workbookBody() content {
	c := anyBody()
	c.MediaType = workbookType
	return c
}
