package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"recordings/api/archive"
	"recordings/api/filename"
	"recordings/api/share"
	"recordings/audit"
	"recordings/blob"
	"recordings/index"
	"recordings/mapping"
)

// An archive has the media of at most so many recordings, and at most so many media files: what it knows
// of each until its end is held. So many archives are sent at a time: each keeps a storage busy, and
// that may take long. Of these a contact center, and a user, has a part only. One waits a little for that.
const (
	maxArchived     = 1000
	maxArchiveFiles = 5000
	maxArchives     = 8
	maxArchivesEach = 4
	archivePatience = 3 * time.Second
)

// archiveType is the media type of an archive.
const archiveType = "application/zip"

var errTooManyArchives = errors.New("as many archives of media are being sent as may at a time, or as one contact " +
	"center or one user may have; try again later")

// archives are the handlers of the media of many recordings.
type archives struct {
	*playback
	bodies  *bodies
	running *share.Places
	timeout time.Duration // of finding what matches
}

// archiveRequest asks for the media of recordings.
type archiveRequest struct {
	of     index.Scope
	ids    []string
	query  *index.Query // what finds the ids; nil: they are given
	dryRun bool         // it is only asked for how much that is
	viewer viewer
}

// archiveBody names the recordings.
type archiveBody struct {
	Recordings []string `json:"recordings"`
}

// decode reads which recordings are asked for: those that are named, or those that match.
func (h *archives) decode(r *http.Request) (in archiveRequest, err error) {
	cc, err := h.contactCenter(r)
	if err != nil {
		return in, err
	}
	in.of, in.viewer = h.of(r.Context(), cc), h.viewer(r, cc)
	if r.Method == http.MethodPost {
		return h.decodeNamed(r, in)
	}

	ids, rest, problems := takeAll(r.URL.RawQuery, paramRecording)
	accepted := append(slices.Clone(mapping.CriteriaParams), paramRecording, paramSort, paramDryRun)
	params, wrong := parseQuery(rest, accepted)
	params, order, wrongOrder := takeOrder(params)
	params, dryRun, wrongFlag := takeFlag(params, paramDryRun)
	criteria, wrongCriteria := parseCriteria(params)
	problems = slices.Concat(problems, wrong, wrongOrder, wrongFlag, wrongCriteria)
	found := len(params) > 0 || order != index.NewestFirst
	switch {
	case len(problems) > 0:
		return in, problems
	case len(ids) > 0 && found:
		message := "names recordings, and criteria or " + paramSort + " are about what is found; accepted is one of " +
			"the two"
		return in, mapping.Problems{{Path: paramRecording, Message: message}}
	case len(ids) == 0 && len(params) == 0:
		message := "name recordings by " + paramRecording + ", which may be repeated, or give criteria: " +
			strings.Join(mapping.CriteriaParams, ", ")
		return in, mapping.Problems{{Message: message, Missing: true}}
	}

	in.ids, in.dryRun = ids, dryRun
	if len(ids) > 0 {
		return in, checkArchived(paramRecording, ids)
	}
	criteriaOf(infoOf(r).trail, params)
	in.query = &index.Query{Scope: in.of, Criteria: criteria, Order: order}
	return in, nil
}

// decodeNamed reads a body with the ids: a URL does not take as many.
func (h *archives) decodeNamed(r *http.Request, in archiveRequest) (archiveRequest, error) {
	params, problems := parseQuery(r.URL.RawQuery, []string{paramDryRun})
	_, dryRun, wrong := takeFlag(params, paramDryRun)
	if problems = append(problems, wrong...); len(problems) > 0 {
		return in, problems
	}
	text, err := h.bodies.read(r)
	if err != nil {
		return in, err
	}
	var body archiveBody
	if err := decodeObject(text, &body, namesOf[archiveBody]()); err != nil {
		return in, err
	}
	in.ids, in.dryRun = body.Recordings, dryRun
	return in, checkArchived("recordings", in.ids)
}

// checkArchived refuses ids that make no archive.
func checkArchived(path string, ids []string) error {
	p := mapping.Problem{Path: path}
	sorted := slices.Sorted(slices.Values(ids))
	switch n := len(ids); {
	case n == 0:
		p.Missing, p.Message = true, "is missing or empty: it is a list of the ids of recordings"
	case n > maxArchived:
		p.Message = fmt.Sprintf("has %d ids; accepted are at most %d", n, maxArchived)
	case sorted[0] == "":
		p.Message = "has an id that is empty"
	case slices.ContainsFunc(ids, func(id string) bool { return strings.ContainsRune(id, 0) }):
		p.Message = "has an id with a NUL character, which no recording has"
	case len(slices.Compact(sorted)) < n:
		p.Message = "has an id twice; accepted is each one once"
	default:
		return nil
	}
	return mapping.Problems{p}
}

// archive sends the media of recordings as one ZIP, whose last entry is a manifest. What is not there,
// or whose storage fails, is told in that, and the archive goes on; one that breaks off has no end, and
// cannot be taken for a whole one.
func (h *archives) archive(w http.ResponseWriter, r *http.Request) {
	in, err := h.decode(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	began := time.Now().UTC()
	name := "recordings-" + began.Format("20060102T150405Z") + ".zip"
	if r.Method == http.MethodHead && !in.dryRun {
		infoOf(r).trail.Skip()
		setArchiveHeader(w.Header(), name)
		return
	}

	leave, err := h.enter(r, in.of.ContactCenter)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer leave()
	if err := h.reserve(r.Context(), max(h.memory.media, h.memory.export)); err != nil {
		h.fail(w, r, err)
		return
	}
	if in.query != nil {
		if in.ids, err = h.matching(r.Context(), in.query); err != nil {
			h.fail(w, r, err)
			return
		}
	}
	if in.dryRun {
		h.foretell(w, r, &in)
		return
	}

	t := infoOf(r).trail
	t.Each(in.ids)
	t.Fact("archive", name)
	if err := t.Begin(r.Context()); err != nil {
		h.fail(w, r, err)
		return
	}
	setArchiveHeader(w.Header(), name)
	about := archive.About{Created: began, ContactCenter: in.of.ContactCenter, User: infoOf(r).user.Name}
	if err := h.stream(r, &in, archive.New(w, about)); err != nil {
		infoOf(r).err = fmt.Errorf("%w: the client is gone: %w", context.Canceled, err)
		panic(http.ErrAbortHandler)
	}
}

func setArchiveHeader(h http.Header, name string) {
	setHeader(h, archiveType)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

// enter waits for a place among the archives that are sent.
func (h *archives) enter(r *http.Request, contactCenter string) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(r.Context(), archivePatience)
	defer cancel()
	leave, err = h.running.Take(ctx, "contact center "+contactCenter, "user "+infoOf(r).user.Name)
	if err != nil && r.Context().Err() == nil {
		return nil, errTooManyArchives
	}
	return leave, err
}

// matching are the ids of all recordings that match, if an archive may have as many.
func (h *archives) matching(ctx context.Context, q *index.Query) (ids []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	var list jsonList
	found := 0
	err = h.index.Stream(ctx, *q, index.Sink{ // rather than a page, which might hold all of a thousand recordings
		Encode: func(b []byte, s *mapping.Stored) ([]byte, error) {
			return jsontext.AppendQuote(append(b, ','), s.ID())
		},
		Write: func(b []byte, count int) error {
			list = append(list, b...)
			if found += count; found > maxArchived {
				return tooManyMatch()
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return ids, json.Unmarshal(slices.Concat([]byte("["), list.inside(), []byte("]")), &ids)
}

// tooManyMatch refuses criteria that find more than an archive has.
func tooManyMatch() error {
	message := fmt.Sprintf("more than %d recordings match, which is as many as an archive has at most: narrow the "+
		"search, by startTime and startedBefore for one", maxArchived)
	return mapping.Problems{{Message: message}}
}

// stream writes the archive. Its errors are those of the client.
func (h *archives) stream(r *http.Request, in *archiveRequest, to *archive.Writer) error {
	t := infoOf(r).trail
	for i := range in.ids { // until it is there
		t.OutcomeOf(i, audit.Partly)
		t.FactOf(i, "bytes", int64(0))
	}

	ctx, cancel := context.WithCancel(r.Context())
	opening := h.ahead(ctx, in)
	defer func() { // the one who opens ends when the context has
		cancel()
		for p := range opening.next {
			p.close()
		}
	}()
	s := &sending{archives: h, request: r, to: to}
	for p := range opening.next {
		if err := s.piece(p); err != nil {
			return err
		}
	}
	if opening.crashed != nil {
		panic(opening.crashed) // as it would have in this goroutine
	}
	if err := r.Context().Err(); err != nil {
		return err
	}
	return to.Close()
}

// archivePiece is the next thing that an archive has: the beginning of a recording, one of its media
// files, or its end.
type archivePiece struct {
	number int    // of the recording
	id     string // of one that begins; empty: it does not begin
	call   filename.Call
	file   archive.File
	place  *mapping.MediaDescriptor // of a media file; nil: it is none
	media  *blob.Reader             // nil: it could not be opened
	opened time.Time
	text   []byte // what is stored about the recording, at its end
	err    error
}

func (p *archivePiece) close() {
	if p.media != nil {
		p.media.Close()
	}
}

// opening finds the recordings of an archive, and opens their media.
type opening struct {
	*archives
	*archiveRequest
	ctx   context.Context
	next  chan *archivePiece
	files int // so far

	crashed error // why it ended early, once next is closed
}

// ahead gives the pieces of an archive, and is one ahead of what is sent: so the wait for the index and
// the storage is over when it would begin. The channel is closed at the end, or when the context ends.
func (h *archives) ahead(ctx context.Context, in *archiveRequest) *opening {
	o := &opening{archives: h, archiveRequest: in, ctx: ctx, next: make(chan *archivePiece)}
	go func() {
		defer close(o.next)
		defer func() {
			if reason := recover(); reason != nil {
				o.crashed = fmt.Errorf("opening media: %v\n%s", reason, debug.Stack())
			}
		}()
		for i, id := range in.ids {
			if !o.recording(i, id) {
				return
			}
		}
	}()
	return o
}

// give gives a piece, and reports whether it was taken.
func (o *opening) give(p *archivePiece) bool {
	select {
	case o.next <- p:
		return true
	case <-o.ctx.Done():
		p.close()
		return false
	}
}

// recording gives the pieces of a recording, and reports whether they were taken.
func (o *opening) recording(n int, id string) bool {
	rec, err := o.scope.find(o.ctx, o.index, key{o.of.ContactCenter, id})
	if !o.give(&archivePiece{number: n, id: id, err: err}) {
		return false
	}
	if err != nil {
		return true
	}

	for i := range rec.MediaFiles {
		if o.files++; o.files > maxArchiveFiles {
			if !o.give(&archivePiece{number: n, err: archiveFullError{}}) {
				return false
			}
			break
		}
		if !o.give(o.open(n, rec, i)) {
			return false
		}
	}

	call := filename.Call{
		Start: time.UnixMilli(int64(rec.StartTime())), Caller: rec.CallerPhoneNumber, Agent: agentOf(rec),
	}
	text, err := json.Marshal(o.viewer.recording(rec))
	return o.give(&archivePiece{number: n, call: call, text: append(text, '\n'), err: err})
}

// open opens the i-th media file of a recording.
func (o *opening) open(n int, rec *mapping.Recording, i int) *archivePiece {
	m := rec.MediaFiles[i] // a copy, so that the others are not held while it is sent
	name := m.Descriptor.MediaName(o.of.ContactCenter, rec.ID, m.PKCS7 != "")
	p := &archivePiece{number: n, call: callOf(rec, i), place: &m.Descriptor, file: archive.File{
		Media: name, ContentType: contentType(m.Type, name), Encrypted: m.PKCS7 != "",
	}}
	p.open(o.ctx, o.archives)
	return p
}

// open opens the media of a piece.
func (p *archivePiece) open(ctx context.Context, h *archives) {
	p.opened = time.Now()
	p.media, p.err = h.media.Open(ctx, *p.place, blob.Want{})
	h.metrics.storage(p.place, mediaOpen, p.opened, p.err)
}

// sending is one archive on its way.
type sending struct {
	*archives
	request *http.Request
	to      *archive.Writer

	bytes int64 // of the media of the present recording
	wrong bool  // something of it is not there
}

// piece writes the next piece.
func (s *sending) piece(p *archivePiece) error {
	defer p.close()
	switch {
	case p.id != "":
		return s.begin(p)
	case p.place != nil:
		return s.file(p)
	}

	if p.err != nil {
		s.wrong = true
		s.to.Failed(s.problem(p.err))
		return nil
	}
	if err := s.to.Metadata(p.text, p.call); err != nil {
		return err
	}
	if t := infoOf(s.request).trail; !s.wrong {
		t.OutcomeOf(p.number, audit.Done)
	}
	return nil
}

// begin begins a recording.
func (s *sending) begin(p *archivePiece) error {
	s.bytes, s.wrong = 0, false
	if err := s.to.Recording(p.id); err != nil {
		return err
	}
	if p.err != nil {
		f := classify(p.err, infoOf(s.request).id)
		infoOf(s.request).trail.OutcomeOf(p.number, outcomeOf(f.status))
		s.to.Failed(s.problem(p.err))
	}
	return nil
}

// freshFor is how long media waits for its turn once it was opened. Behind a long one, to a client that takes
// its time, it is opened anew: a storage gives up who does not read.
const freshFor = 10 * time.Second

// file writes a media file, or why it is not there.
func (s *sending) file(p *archivePiece) error {
	extension := filename.Extension(p.file.Media, p.file.ContentType)
	if p.media != nil && time.Since(p.opened) > freshFor {
		p.close()
		p.open(s.request.Context(), s.archives)
	}
	if p.err != nil {
		s.wrong = true
		return s.to.Lacks(p.file, p.call, extension, s.problem(mediaErrorOf(s.request, p.err)))
	}

	n, err := s.to.Media(p.file, p.call, extension, p.media, func(err error) archive.Problem {
		s.wrong = true
		s.metrics.storageFailed(p.place, mediaRead, err)
		return s.problem(mediaErrorOf(s.request, err))
	})
	s.bytes += n
	infoOf(s.request).trail.FactOf(p.number, "bytes", s.bytes)
	return err
}

// archiveFullError is why media of the last recordings is not in an archive.
type archiveFullError struct{}

// Error implements error.
func (archiveFullError) Error() string {
	return fmt.Sprintf("the archive has as many media files as it may, which is %d; ask for the rest in another one",
		maxArchiveFiles)
}

func (e archiveFullError) failure() failure {
	return failure{status: http.StatusForbidden, code: codeForbiddenNow, message: e.Error()}
}

// problem is how a client sees why something is not in the archive.
func (s *sending) problem(err error) archive.Problem {
	f := classify(err, infoOf(s.request).id)
	if f.status >= http.StatusInternalServerError && infoOf(s.request).err == nil {
		infoOf(s.request).err = err
	}
	return archive.Problem{StatusCode: f.code, StatusMessage: f.message}
}

// archiveAnswer says how much an archive would be.
type archiveAnswer struct {
	StatusCode int         `json:"statusCode"`
	Archive    archiveSize `json:"archive"`
}

// archiveSize is how much an archive would be.
type archiveSize struct {
	Recordings int   `json:"recordings"` // that are there
	Missing    int   `json:"missing"`    // that were named, and are not there
	Files      int   `json:"files"`
	Encrypted  int   `json:"encrypted"` // of the files: they come as they are stored
	Bytes      int64 `json:"bytes"`     // of the files, as far as the recorder has told their sizes
	Unsized    int   `json:"unsized"`   // files of which it has not
}

// foretell answers with how much an archive would be. No storage is asked.
func (h *archives) foretell(w http.ResponseWriter, r *http.Request, in *archiveRequest) {
	ctx, began, size := r.Context(), time.Now(), archiveSize{}
	infoOf(r).trail.Action(audit.Count)
	for _, id := range in.ids {
		rec, err := h.index.Get(ctx, in.of, id)
		switch {
		case errors.Is(err, index.ErrNotFound):
			size.Missing++
			continue
		case err != nil:
			h.fail(w, r, err)
			return
		}

		size.Recordings++
		for i := range rec.MediaFiles {
			m := &rec.MediaFiles[i]
			size.Files++
			if m.PKCS7 != "" {
				size.Encrypted++
			}
			if n, err := strconv.ParseInt(m.Size, 10, 64); err == nil && n >= 0 {
				size.Bytes += n
			} else {
				size.Unsized++
			}
		}
	}
	if size.Missing > 0 && in.of.Groups != nil { // what is another team's takes as long as what is not there
		waitFrom(ctx, began, notFoundAfter+time.Duration(len(in.ids))*notFoundEach)
	}
	infoOf(r).trail.Fact("found", size.Recordings)
	h.playback.send(w, r, http.StatusOK, archiveAnswer{Archive: size})
}
