package reconcile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"recordings/blob"
	"recordings/erase"
	"recordings/erase/jobs"
	"recordings/index"
	"recordings/mapping"
)

const (
	// parts is into how many parts both sides are divided: of 100 million media files, one part takes
	// about 100 MB of memory.
	parts = 256

	// pieceOf is how many bytes of a part are written at once, so that all parts together take little.
	pieceOf = 64 << 10

	// late is how old an object has to be for somebody to miss its recording: recorders store media
	// before they post, and may be late.
	late = 24 * time.Hour

	atATime     = 16   // objects that are asked for, or deleted, at a time
	deleteBatch = 1000 // objects whose deletion is written down at once
)

// The texts of a job.
const (
	namesName   = "names"   // of media; and a dash and the number of the part
	objectsName = "objects" // likewise
	unnamedName = "unnamed" // all objects that no recording names
)

// named is a media file that a recording names.
type named struct {
	blob.ObjectID
	ID    string `json:"id,omitzero"`    // of the recording; empty: it is of another contact center
	Media string `json:"media,omitzero"` // its id
	Size  int64  `json:"size"`           // as posted; -1: not known
	Why   string `json:"why,omitzero"`   // it cannot be asked for; then there is no object
}

// part is where it is compared. Of many that cannot be asked for each part gets some.
func (n *named) part() int {
	if n.Why != "" {
		return partOf(blob.ObjectID{Key: n.ID})
	}
	return partOf(n.ObjectID)
}

// listed is an object of a storage.
type listed struct {
	blob.ObjectID
	Size int64 `json:"size"` // -1: not known
	Time int64 `json:"time"` // seconds since 1970 when it was put; 0: not known
}

// mark is where a reconciliation is: which steps are done, and how far the last one is.
type mark struct {
	Scanned  bool              `json:"scanned,omitzero"`
	Listed   bool              `json:"listed,omitzero"`
	NotAsked map[string]string `json:"notAsked,omitzero"` // places that could not be listed, and why
	Part     int               `json:"part,omitzero"`     // the next one to compare
	Unnamed  int64             `json:"unnamed,omitzero"`  // bytes of that text
	Deleting int64             `json:"deleting,omitzero"` // of these, gone through
}

// run is one stretch of a reconciliation.
type run struct {
	*Reconciliations
	*jobs.Run
	request Request
	mark    mark
	cc      string
	began   time.Time
	paced   int // objects and media files since then
}

// Run implements [jobs.Work].
func (w work) Run(ctx context.Context, jr *jobs.Run) error {
	state := jr.State()
	r := &run{
		Reconciliations: w.Reconciliations, Run: jr, request: requestOf(&state), cc: state.ContactCenter,
		began: time.Now(),
	}
	if len(state.Mark) > 0 {
		if err := json.Unmarshal(state.Mark, &r.mark); err != nil {
			return fmt.Errorf("reading the mark of a reconciliation: %w", err)
		}
	}

	// Another process cannot have what this one has listed. What was compared stays so.
	if jr.Moved() && r.mark.Part < parts {
		r.mark.Scanned, r.mark.Listed = false, false
	}
	for _, step := range []func(context.Context) error{r.scan, r.list, r.compare, r.deleteUnnamed} {
		if err := step(ctx); err != nil {
			return r.ended(ctx, err)
		}
	}
	<-r.opened
	return r.learn(ctx, r.cc, state.Number)
}

// ended is why a run has ended: by its context, if that has.
func (r *run) ended(ctx context.Context, err error) error {
	var notReady *index.NotReadyError
	switch {
	case ctx.Err() != nil:
		return errors.Join(err, context.Cause(ctx))
	case errors.As(err, &notReady), errors.Is(err, index.ErrUnavailable), errors.Is(err, index.ErrDiskFull):
		return jobs.ErrLater
	}
	return err
}

// checkpoint notes where the reconciliation is.
func (r *run) checkpoint(ctx context.Context, results []byte, change func(*jobs.State)) error {
	text, err := json.Marshal(r.mark)
	if err != nil {
		return fmt.Errorf("encoding the mark of a reconciliation: %w", err)
	}
	return r.Checkpoint(ctx, results, func(s *jobs.State) {
		s.Mark = jsontext.Value(text)
		change(s)
	})
}

// enter begins a phase.
func (r *run) enter(p jobs.Phase) {
	r.Again()
	r.Show(func(s *jobs.State) { s.Enter(p) })
}

// pace shows that n more were gone through, and waits until there may be more.
func (r *run) pace(ctx context.Context, n int) error {
	if !r.request.Own {
		r.Show(func(s *jobs.State) { s.Done += uint64(n) })
	}
	r.paced += n
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.Rate <= 0 {
		return nil
	}
	wait := time.Until(r.began.Add(time.Duration(float64(r.paced) / float64(r.Rate) * float64(time.Second))))
	if wait <= 0 {
		return nil
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// partOf is which part an object is in.
func partOf(id blob.ObjectID) int {
	h := fnv.New32a()
	_, _ = io.WriteString(h, id.Place+"\x00"+id.Key) // a hash takes everything
	return int(h.Sum32() % parts)
}

// partWriters write lines into the parts they belong to.
type partWriters [parts]*jobs.Writer

func (r *run) partWriters(ctx context.Context, name string) *partWriters {
	var all partWriters
	for i := range all {
		all[i] = r.ScratchWriter(ctx, partName(name, i), 0)
		all[i].Piece = pieceOf
	}
	return &all
}

func partName(name string, part int) string { return name + "-" + strconv.Itoa(part) }

func (p *partWriters) add(part int, line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encoding an object: %w", err)
	}
	_, err = p[part].Write(append(text, '\n'))
	return err
}

func (p *partWriters) flush() error {
	for _, w := range p {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// scan writes down which objects the recordings name: those of the contact center, whose media is
// looked for, and those of all others, since their objects are named.
func (r *run) scan(ctx context.Context) error {
	if r.mark.Scanned {
		return nil
	}
	r.enter(Scanning)
	names := r.partWriters(ctx, namesName)
	media := uint64(0)
	since := 0
	err := r.Index.Scan(ctx, func(cc string, rec *mapping.Recording) error {
		for i := range rec.MediaFiles {
			m := &rec.MediaFiles[i]
			own := cc == r.cc
			if own {
				media++
			} else if r.request.Own {
				continue
			}
			id, err := r.Media.Identify(m.Descriptor)
			if err != nil && !own {
				continue
			}
			n := named{ObjectID: id, Size: -1}
			if err != nil {
				n = named{Size: -1, Why: err.Error()}
			}
			if own {
				n.ID, n.Media = rec.ID, m.Descriptor.UUID(cc, rec.ID)
				if size, err := strconv.ParseInt(m.Size, 10, 64); err == nil && size >= 0 {
					n.Size = size
				}
			}
			if err := names.add(n.part(), &n); err != nil {
				return err
			}
		}
		if since++; since < 1000 {
			return nil
		}
		n := since
		since = 0
		return r.pace(ctx, n)
	})
	if err == nil {
		err = names.flush()
	}
	if err != nil {
		return err
	}

	r.mark.Scanned = true
	return r.checkpoint(ctx, nil, func(s *jobs.State) { s.Set(countMedia, media) })
}

// write appends the line of a finding.
func (f *Finding) write(b *bytes.Buffer) error {
	line, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encoding a finding: %w", err)
	}
	b.Write(append(line, '\n'))
	return nil
}

// list writes down which objects the storages have.
func (r *run) list(ctx context.Context) error {
	if r.mark.Listed {
		return nil
	}
	r.enter(Listing)
	objects := r.partWriters(ctx, objectsName)
	count := uint64(0)
	r.mark.NotAsked = map[string]string{}
	for _, place := range r.Media.Places() {
		err := r.Media.List(ctx, place, func(some []blob.Object) error {
			for _, o := range some {
				l := listed{ObjectID: o.ObjectID, Size: o.Size}
				if !o.ModTime.IsZero() {
					l.Time = o.ModTime.Unix()
				}
				if err := objects.add(partOf(o.ObjectID), l); err != nil {
					return &ownError{err}
				}
			}
			count += uint64(len(some))
			if err := r.pace(ctx, len(some)); err != nil {
				return &ownError{err}
			}
			return nil
		})
		var own *ownError
		if errors.As(err, &own) || ctx.Err() != nil {
			return err
		}
		if err != nil {
			r.mark.NotAsked[place] = err.Error()
			r.Log.Warn().Err(err).Msg("the objects of a storage cannot be listed")
		}
	}
	if err := objects.flush(); err != nil {
		return err
	}
	r.mark.Listed = true
	if r.request.Own {
		count = 0
	}
	return r.checkpoint(ctx, nil, func(s *jobs.State) { s.Set(countObjects, count) })
}

// ownError is an error that is not of the storage.
type ownError struct{ error }

// Unwrap returns the error.
func (e *ownError) Unwrap() error { return e.error }

// lines calls fn with each line of a text.
func lines[T any](r io.Reader, fn func(T) error) error {
	b := bufio.NewReaderSize(r, pieceOf)
	for {
		line, err := b.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		var one T
		if err == nil {
			err = json.Unmarshal(line, &one)
		}
		if err == nil {
			err = fn(one)
		}
		if err != nil {
			return err
		}
	}
}

const (
	// What was found is noted after a while, or when it is much: parts may be small.
	noteEvery = time.Second
	noteAt    = 10_000 // findings
)

// found is what was found and is not noted yet.
type found struct {
	findings []Finding
	unnamed  bytes.Buffer // lines of findings, too
}

// compare compares the parts, one after the other.
func (r *run) compare(ctx context.Context) error {
	r.enter(Comparing)
	r.Show(func(s *jobs.State) { s.Total, s.Done = parts, uint64(r.mark.Part) })
	var f found
	noted := time.Now()
	for part := r.mark.Part; part < parts; part++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := r.comparePart(ctx, part, &f); err != nil {
			return err
		}
		if part+1 < parts && time.Since(noted) < noteEvery && len(f.findings) < noteAt {
			r.Show(func(s *jobs.State) { s.Done = uint64(part + 1) })
			continue
		}
		if err := r.compared(ctx, part, &f); err != nil {
			return err
		}
		f, noted = found{}, time.Now()
	}
	return nil
}

// comparePart compares one part, and adds what it finds.
func (r *run) comparePart(ctx context.Context, part int, all *found) error {
	objects := map[blob.ObjectID]listed{}
	err := lines(r.ScratchReader(ctx, partName(objectsName, part), 0), func(o listed) error {
		objects[o.ObjectID] = o
		return nil
	})
	if err != nil {
		return err
	}

	var findings []Finding
	var unsure []named
	isNamed := map[blob.ObjectID]bool{}
	err = lines(r.ScratchReader(ctx, partName(namesName, part), 0), func(n named) error {
		if n.Why != "" {
			findings = append(findings, Finding{Kind: NotAsked, ID: n.ID, Media: n.Media, Message: n.Why})
			return nil
		}
		isNamed[n.ObjectID] = true
		o, there := objects[n.ObjectID]
		switch {
		case n.ID == "":
		case !there:
			unsure = append(unsure, n)
		case n.Size >= 0 && o.Size >= 0 && n.Size != o.Size:
			unsure = append(unsure, n)
		}
		return nil
	})
	if err != nil {
		return err
	}

	asked, err := r.askAll(ctx, unsure)
	if err != nil {
		return err
	}
	findings = append(findings, asked...)

	for id, o := range objects {
		old := o.Time > 0 && time.Since(time.Unix(o.Time, 0)) > late
		if isNamed[id] || !old || r.request.Own {
			continue
		}
		f := Finding{Kind: Unnamed, Object: id}
		if o.Size >= 0 {
			f.Size = &o.Size
		}
		findings = append(findings, f)
		if err := f.write(&all.unnamed); err != nil {
			return err
		}
	}
	all.findings = append(all.findings, findings...)
	return nil
}

// compared notes what was found up to a part.
func (r *run) compared(ctx context.Context, part int, f *found) error {
	if f.unnamed.Len() > 0 {
		w := r.Writer(ctx, unnamedName, r.mark.Unnamed)
		if _, err := w.Write(f.unnamed.Bytes()); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}

	var results bytes.Buffer
	counts := map[Kind]uint64{}
	for i := range f.findings {
		if err := f.findings[i].write(&results); err != nil {
			return err
		}
		counts[f.findings[i].Kind]++
	}
	r.mark.Part = part + 1
	r.mark.Unnamed += int64(f.unnamed.Len())
	return r.checkpoint(ctx, results.Bytes(), func(s *jobs.State) {
		s.Done = uint64(part + 1)
		for kind, n := range counts {
			s.Add(string(kind), n)
		}
	})
}

// askAll asks the storages for media files that do not seem to be as they should. What was put, or
// whose recording was deleted, since the lists were made is as it should be.
func (r *run) askAll(ctx context.Context, unsure []named) ([]Finding, error) {
	found := make([]*Finding, len(unsure))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atATime)
	for i, n := range unsure {
		g.Go(func() (err error) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			found[i], err = r.ask(ctx, n)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}

	var all []Finding
	for _, f := range found {
		if f != nil {
			all = append(all, *f)
		}
	}
	return all, nil
}

// ask asks for one media file, and returns what is wrong with it, or nil.
func (r *run) ask(ctx context.Context, n named) (*Finding, error) {
	rec, err := r.Index.Get(ctx, index.Scope{ContactCenter: r.cc, Region: index.AnyRegion}, n.ID)
	if errors.Is(err, index.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !names(r.cc, rec, n.Media) {
		return nil, nil
	}

	f := &Finding{ID: n.ID, Media: n.Media, Object: n.ObjectID}
	o, err := r.Media.Stat(ctx, n.ObjectID)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, blob.ErrNotFound):
		f.Kind = Missing
	case err != nil:
		f.Kind, f.Message = NotAsked, err.Error()
	case n.Size >= 0 && o.Size >= 0 && o.Size != n.Size:
		f.Kind, f.Posted, f.Size = OtherSize, &n.Size, &o.Size
	default:
		return nil, nil
	}
	return f, nil
}

// names reports whether a recording has a media file.
func names(cc string, rec *mapping.Recording, media string) bool {
	for i := range rec.MediaFiles {
		if rec.MediaFiles[i].Descriptor.UUID(cc, rec.ID) == media {
			return true
		}
	}
	return false
}

// deleteUnnamed deletes the objects that no recording names, if that was asked for and their number is
// the expected one.
func (r *run) deleteUnnamed(ctx context.Context) error {
	if !r.request.DeleteUnnamed || r.request.Own {
		return nil
	}
	total := r.State().Counts[string(Unnamed)]
	if total != r.request.Expected {
		return &jobs.Failure{Message: fmt.Sprintf("%d objects are not named by any recording, and %d were expected; "+
			"nothing was deleted", total, r.request.Expected)}
	}
	r.enter(Deleting)
	r.Show(func(s *jobs.State) { s.Total, s.Done = total, s.Counts[string(Deleted)]+s.Counts[string(Kept)] })

	for r.mark.Deleting < r.mark.Unnamed {
		var batch []Finding
		size := int64(0)
		b := bufio.NewReaderSize(r.Reader(ctx, unnamedName, r.mark.Deleting), pieceOf)
		for len(batch) < deleteBatch && r.mark.Deleting+size < r.mark.Unnamed {
			line, err := b.ReadBytes('\n')
			if err != nil {
				return fmt.Errorf("reading what is unnamed: %w", err)
			}
			var f Finding
			if err := json.Unmarshal(line, &f); err != nil {
				return fmt.Errorf("reading what is unnamed: %w", err)
			}
			batch, size = append(batch, f), size+int64(len(line))
		}
		if err := r.deleteBatch(ctx, batch, size); err != nil {
			return err
		}
	}
	return nil
}

// deleteBatch deletes objects, but for those that a recording names by now, whatever contact center it
// is of. What it deletes again after the process was killed is gone, which is what was wanted.
func (r *run) deleteBatch(ctx context.Context, batch []Finding, size int64) error {
	state := r.State()
	entry := erase.Entry{
		User: state.Cause, ContactCenter: r.cc, Action: erase.ActionDeleteUnnamed,
		Detail: fmt.Sprintf("reconciliation %d, %d objects", state.Number, len(batch)),
	}
	if err := r.Audit.Record(ctx, []erase.Entry{entry}); err != nil {
		r.Log.Warn().Err(err).Msg("nothing is deleted without the audit log")
		return jobs.ErrLater
	}

	finishing, cancel := erase.Finish(ctx)
	defer cancel()
	results := make([]Finding, len(batch))
	var g errgroup.Group
	g.SetLimit(atATime)
	for i, f := range batch {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() (err error) {
			results[i], err = r.deleteOne(finishing, f)
			r.Show(func(s *jobs.State) { s.Done++ })
			return err
		})
	}
	err := g.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx) // the batch is gone through again
	}
	if err != nil {
		return err
	}

	var text bytes.Buffer
	counts := map[Kind]uint64{}
	for i := range results {
		if err := results[i].write(&text); err != nil {
			return err
		}
		counts[results[i].Kind]++
	}
	r.mark.Deleting += size
	return r.checkpoint(ctx, text.Bytes(), func(s *jobs.State) {
		s.Add(string(Deleted), counts[Deleted])
		s.Add(string(Kept), counts[Kept])
	})
}

// deleteOne deletes an object that is still as old as it was, and that no recording names nor comes to
// name meanwhile. The error is that this cannot be known now.
func (r *run) deleteOne(ctx context.Context, f Finding) (Finding, error) {
	f.Kind = Kept
	unnamed, err := r.Eraser.Unnamed(ctx, f.Object, func() error {
		f = r.deleteUnlessNew(ctx, f)
		return nil
	})
	if !unnamed {
		f.Message = "a recording names it by now"
	}
	return f, err
}

// deleteUnlessNew deletes an object that is still as old as it was.
func (r *run) deleteUnlessNew(ctx context.Context, f Finding) Finding {
	o, err := r.Media.Stat(ctx, f.Object)
	if err == nil && (o.ModTime.IsZero() || time.Since(o.ModTime) <= late) {
		f.Message = "it was put anew, or its age is not known"
		return f
	}
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		f.Message = err.Error()
		return f
	}
	if err := r.Media.DeleteObject(ctx, f.Object); err != nil {
		f.Message = err.Error()
		return f
	}
	f.Kind = Deleted
	return f
}
