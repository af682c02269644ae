package opensearch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"recordings/index"
	"recordings/index/opensearch/client"
	"recordings/index/opensearch/job"
	"recordings/mapping"
)

var _ index.Backups = (*Index)(nil)

// backuper makes backups: snapshots of the indexes of this service, and of no others, in a repository that
// somebody has registered in the cluster.
//
// The cluster makes a snapshot by itself. The job is to begin it, to tell how far it is, and to remove it if it
// is not whole. What a snapshot is of, and what people call it, is in its metadata: its own name has small
// letters only.
type backuper struct {
	x *records
	*job.Job[backingUp, *backingUp]
}

// backingUp is the job, as all nodes see it.
type backingUp struct {
	index.BackupStatus
	Owner      string `json:"owner,omitempty"` // of the node that does it; empty: none does
	Snapshot   string `json:"snapshot,omitempty"`
	Recordings uint64 `json:"recordings,omitzero"` // when it began
}

// Node implements [job.State].
func (b *backingUp) Node() *string { return &b.Owner }

// backupDoc is the document of the job.
const backupDoc = "job-backup"

func newBackuper(x *records) *backuper {
	empty := func() backingUp { return backingUp{BackupStatus: index.BackupStatus{Phase: index.Idle}} }
	return &backuper{x, job.New[backingUp, *backingUp](&jobStore{x.engine, backupDoc}, empty)}
}

// snapshotMeta is what this program writes into the metadata of its snapshots, to know them again.
type snapshotMeta struct {
	Program    string       `json:"program"`
	Index      string       `json:"index"` // what the names of the indexes begin with
	Name       string       `json:"name"`  // of the backup
	Began      mapping.Time `json:"began"`
	Recordings uint64       `json:"recordings"` // when it began
	Version    string       `json:"version"`    // of the program
	Schema     int          `json:"schema"`     // of the index of recordings
}

// snapshot is what the cluster says of one.
type snapshot struct {
	Snapshot string       `json:"snapshot"`
	State    string       `json:"state"`
	Indices  []string     `json:"indices"`
	Started  int64        `json:"start_time_in_millis"`
	Meta     snapshotMeta `json:"metadata"`
}

// isOf reports whether a snapshot is a backup of indexes whose names begin so.
func (s *snapshot) isOf(prefix string) bool {
	return s.Meta.Program == program && s.Meta.Index == prefix
}

// snapshotState is how far a snapshot is.
type snapshotState struct {
	Snapshot string `json:"snapshot"`
	Stats    struct {
		Incremental sizes `json:"incremental"` // what no earlier one has
		Processed   sizes `json:"processed"`   // of that
		Total       sizes `json:"total"`
	} `json:"stats"`
}

type sizes struct {
	Files int   `json:"file_count"`
	Bytes int64 `json:"size_in_bytes"`
}

// snapshotName is what the cluster calls a backup. It takes no capital letters: two backups whose names differ in
// these only cannot be.
func snapshotName(prefix, name string) string { return prefix + "." + strings.ToLower(name) }

// repository is the path of the repository.
func (o *Options) repository() string { return "/_snapshot/" + url.PathEscape(o.SnapshotRepository) }

// errNoRepository says why there are no backups.
var errNoRepository = &index.StateError{Message: "no backups are made here: the setting " +
	"opensearch.snapshot_repository, which names a snapshot repository of the cluster, is not configured"}

// checkRepository makes sure that the cluster knows the repository.
func (x *engine) checkRepository(ctx context.Context) error {
	if x.o.SnapshotRepository == "" {
		return errNoRepository
	}
	err := x.ask(ctx, client.Get, x.o.repository(), nil, nil)
	if isNotThere(err) {
		const message = "the cluster has no snapshot repository %s, which opensearch.snapshot_repository names: " +
			"register it"
		return &index.StateError{Message: fmt.Sprintf(message, x.o.SnapshotRepository)}
	}
	return x.failed("looking for the snapshot repository", err)
}

// isNotThere reports whether an error says that what was asked for is not there.
func isNotThere(err error) bool {
	var status *client.StatusError
	return errors.As(err, &status) && status.Status == client.StatusNotFound
}

// snapshotNamed returns a snapshot, nil if there is none.
func (x *engine) snapshotNamed(ctx context.Context, name string) (*snapshot, error) {
	var answer struct {
		Snapshots []snapshot `json:"snapshots"`
	}
	err := x.ask(ctx, client.Get, x.o.repository()+"/"+url.PathEscape(name), nil, &answer)
	if isNotThere(err) {
		return nil, nil
	}
	if err != nil || len(answer.Snapshots) == 0 {
		return nil, x.failed("looking for a snapshot", err)
	}
	return &answer.Snapshots[0], nil
}

// StartBackup begins a backup, which one of the nodes makes; see [index.Backups].
func (x *Index) StartBackup(r index.BackupRequest) (index.BackupStatus, error) {
	ctx, leave, err := x.gate.Enter(context.Background())
	if err != nil {
		return index.BackupStatus{}, err
	}
	defer leave()
	ctx, cancel := context.WithTimeoutCause(ctx, client.Patience, client.ErrPatience)
	defer cancel()
	if err := x.backuper.start(ctx, &r); err != nil {
		return index.BackupStatus{}, err
	}
	return x.BackupStatus(), nil
}

// start refuses a backup that cannot be made, or begins it.
func (b *backuper) start(ctx context.Context, r *index.BackupRequest) error {
	if err := b.x.checkRepository(ctx); err != nil {
		return err
	}
	if r.WithoutIndex {
		return &index.NotOfferedError{Message: "a backup without the search index is not offered on an OpenSearch " +
			"cluster, which keeps a recording and what is searched of it in one document; make one with it"}
	}
	if r.Name == "" {
		r.Name = time.Now().UTC().Format("20060102T150405Z")
	}
	if !index.ValidBackupName(r.Name) {
		return fmt.Errorf("the name of a backup is not %s", index.BackupNameRule)
	}

	name := snapshotName(b.x.o.Index, r.Name)
	there, err := b.x.snapshotNamed(ctx, name)
	if err != nil {
		return err
	}
	return b.Change(ctx, func(s *backingUp) error {
		switch {
		case !s.Phase.Ended():
			message := fmt.Sprintf("the backup %s is being made; only one is at a time", s.Name)
			return &index.StateError{Message: message}
		case there != nil:
			return &index.StateError{Message: fmt.Sprintf("there is a backup %s already", r.Name)}
		}
		*s = backingUp{
			BackupStatus: index.BackupStatus{Phase: index.Preparing, Name: r.Name, Began: now()}, Snapshot: name,
		}
		return nil
	})
}

// BackupStatus returns the status of the backup that a node makes, or was the last one; see [index.Backups].
func (x *Index) BackupStatus() index.BackupStatus { return x.backuper.Now().BackupStatus }

// run does what there is to do, until the index is closed.
func (b *backuper) run(ctx context.Context) {
	b.Run(ctx, b.due, func(err error) { b.x.log.Warn().Err(err).Msg("making a backup; it is tried again") })
}

// due makes a backup that nobody makes.
func (b *backuper) due(ctx context.Context) error {
	s, doc, left := b.Known()
	if s.Phase.Ended() || !left || b.x.o.SnapshotRepository == "" {
		return nil
	}
	held, err := b.Take(ctx, s, doc, func(*backingUp) {})
	if err != nil {
		return err
	}
	w := &backup{Held: held, x: b.x}
	state, err := w.make(ctx)
	switch {
	case errors.Is(err, job.ErrTaken), ctx.Err() != nil:
		return err
	case isPassing(err):
		return errors.Join(err, w.Save(ctx, func(s *backingUp) { s.Owner = "" }))
	case err != nil:
		b.x.log.Error().Err(err).Str("backup", s.Name).Msg("the backup has failed")
		verdict := "The backup has failed, nothing of it is left: " + oneLine(err) + "."
		if left := w.remove(ctx); left != nil {
			verdict = "The backup has failed: " + oneLine(err) + "; and the snapshot is left: " + oneLine(left) + "."
		}
		return w.end(ctx, index.Failed, verdict)
	}
	b.x.log.Info().Str("backup", s.Name).Uint64("recordings", w.State.Recordings).Msg("the backup is done")
	return w.end(ctx, index.Done, state.verdict(w.State.Recordings))
}

// verdict says in one sentence what a backup has become.
func (s *snapshotState) verdict(recordings uint64) string {
	all, own := s.Stats.Total, s.Stats.Incremental
	text := fmt.Sprintf("The backup has %d recordings in %d files of %d bytes", recordings, all.Files, all.Bytes)
	if shared := all.Bytes - own.Bytes; shared > 0 {
		text += fmt.Sprintf(", of which %d bytes are shared with others", shared)
	}
	return text + "."
}

// backup is the job while this node does it.
type backup struct {
	*job.Held[backingUp, *backingUp]
	x       *records
	copying time.Time // since when, by this node
	before  int64     // bytes that were done then
}

// end ends the job.
func (w *backup) end(ctx context.Context, phase index.Phase, verdict string) error {
	return w.Save(ctx, func(s *backingUp) {
		s.Phase, s.Verdict, s.Ended, s.Owner, s.SecondsLeft = phase, verdict, now(), "", 0
	})
}

// make begins the snapshot, if no node before has, and returns when it is whole.
func (w *backup) make(ctx context.Context) (*snapshotState, error) {
	there, err := w.x.snapshotNamed(ctx, w.State.Snapshot)
	if err != nil {
		return nil, err
	}
	if there == nil && w.State.Phase == index.Copying {
		return nil, errors.New("somebody has deleted the snapshot")
	}
	if there == nil {
		if err := w.begin(ctx); err != nil {
			return nil, err
		}
	} else if !w.mine(there) {
		return nil, errors.New("somebody else has made a snapshot of the name")
	}
	if err := w.Save(ctx, func(s *backingUp) { s.Phase = index.Copying }); err != nil {
		return nil, err
	}
	return w.await(ctx)
}

// mine reports whether a snapshot is the one of the job.
func (w *backup) mine(s *snapshot) bool { return s.isOf(w.x.o.Index) && s.Meta.Began == w.State.Began }

// begin begins the snapshot. Everything that was answered before is in it.
func (w *backup) begin(ctx context.Context) error {
	at, err := w.x.resolve(ctx)
	if err != nil {
		return err
	}
	if at == nil {
		return fmt.Errorf("%w: the index %s is gone", index.ErrUnavailable, w.x.o.Index)
	}
	if err := w.x.refreshIndex(ctx, at.index); err != nil {
		return err
	}
	counts, err := w.x.centers(ctx, at.index)
	if err != nil {
		return err
	}
	w.State.Recordings = 0
	for _, n := range counts {
		w.State.Recordings += uint64(n)
	}

	o := &w.x.o
	body := object{
		"indices": at.index + "," + w.x.state, "include_global_state": false, "partial": false,
		"metadata": snapshotMeta{
			program, o.Index, w.State.Name, w.State.Began, w.State.Recordings, o.Version, at.schema,
		},
	}
	path := o.repository() + "/" + url.PathEscape(w.State.Snapshot) + "?wait_for_completion=false"
	if err := w.x.ask(ctx, client.Put, path, body, nil); err != nil {
		// Perhaps an answer was lost, and the next try met what the one before has begun.
		there, again := w.x.snapshotNamed(ctx, w.State.Snapshot)
		if again != nil || there == nil || !w.mine(there) {
			return w.x.failed("beginning the snapshot", err)
		}
	}
	return nil
}

// pollEvery is how often the cluster is asked how far it is with a snapshot.
const pollEvery = 200 * time.Millisecond

// await returns when the snapshot is whole. That its files are all there does not say that it is: the cluster
// writes down last what is in it.
func (w *backup) await(ctx context.Context) (*snapshotState, error) {
	for {
		there, err := w.x.snapshotNamed(ctx, w.State.Snapshot)
		if err != nil {
			return nil, err
		}
		if there == nil || !w.mine(there) {
			return nil, errors.New("somebody has deleted the snapshot")
		}
		all, err := w.x.snapshotStates(ctx, []string{w.State.Snapshot})
		if err != nil {
			return nil, err
		}
		if len(all) == 1 {
			w.progress(&all[0], there.State == snapshotWhole)
		}
		switch {
		case there.State == snapshotWhole && len(all) == 1:
			return &all[0], nil
		case there.State != snapshotWhole && there.State != "IN_PROGRESS":
			return nil, fmt.Errorf("the snapshot is %s", there.State)
		}

		if err := w.Keep(ctx, func(*backingUp) {}); err != nil {
			return nil, err
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// snapshotWhole is the state of a snapshot that has everything.
const snapshotWhole = "SUCCESS"

// progress takes note of how far the snapshot is.
func (w *backup) progress(s *snapshotState, whole bool) {
	done, total := s.Stats.Processed.Bytes, s.Stats.Incremental.Bytes
	if whole {
		done = total // which it does not tell then
	}
	if w.copying.IsZero() {
		w.copying, w.before = time.Now(), done
	}
	w.State.Done, w.State.Total = done, total
	if took := time.Since(w.copying); took >= time.Second && done > w.before {
		rate := float64(done-w.before) / took.Seconds()
		w.State.Rate, w.State.SecondsLeft = int64(rate), int64(float64(total-done)/rate+0.5)
	}
}

// remove deletes the snapshot of the job, if it is there.
func (w *backup) remove(ctx context.Context) error {
	there, err := w.x.snapshotNamed(ctx, w.State.Snapshot)
	if err != nil || there == nil || !w.mine(there) {
		return err
	}
	return w.x.removeSnapshot(ctx, w.State.Snapshot)
}

// removeSnapshot deletes a snapshot. It is no error if it is not there any more.
func (x *engine) removeSnapshot(ctx context.Context, name string) error {
	err := x.ask(ctx, client.Delete, x.o.repository()+"/"+url.PathEscape(name), nil, nil)
	if isNotThere(err) {
		return nil
	}
	return x.failed("deleting a snapshot", err)
}

// snapshotStates returns how far snapshots are, and how large. Those that are gone are left out.
func (x *engine) snapshotStates(ctx context.Context, names []string) ([]snapshotState, error) {
	escaped := make([]string, len(names))
	for i, name := range names {
		escaped[i] = url.PathEscape(name)
	}
	var answer struct {
		Snapshots []snapshotState `json:"snapshots"`
	}
	path := x.o.repository() + "/" + strings.Join(escaped, ",") + "/_status?ignore_unavailable=true"
	if err := x.ask(ctx, client.Get, path, nil, &answer); err != nil {
		return nil, x.failed("looking at a snapshot", err)
	}
	return answer.Snapshots, nil
}

// Backups lists the backups of this service in the repository; see [index.Backups]. Others' snapshots are not
// among them.
func (x *Index) Backups(ctx context.Context) ([]index.Backup, error) {
	if x.o.SnapshotRepository == "" {
		return nil, nil
	}
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := x.checkRepository(ctx); err != nil {
		return nil, err
	}
	return x.backups(ctx, x.o.Index)
}

// backups lists the backups of indexes whose names begin so, the newest first.
func (x *engine) backups(ctx context.Context, prefix string) ([]index.Backup, error) {
	var answer struct {
		Snapshots []snapshot `json:"snapshots"`
	}
	path := x.o.repository() + "/" + url.PathEscape(prefix) + ".*?ignore_unavailable=true"
	if err := x.ask(ctx, client.Get, path, nil, &answer); err != nil && !isNotThere(err) {
		return nil, x.failed("listing the snapshots", err)
	}
	var all []index.Backup
	var names []string
	for i := range answer.Snapshots {
		if s := &answer.Snapshots[i]; s.isOf(prefix) && s.State == snapshotWhole {
			all = append(all, s.backup())
			names = append(names, s.Snapshot)
		}
	}

	const each = 20 // of which the cluster reads what files they have
	at := make(map[string]snapshotState)
	for some := range slices.Chunk(names, each) {
		states, err := x.snapshotStates(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, s := range states {
			at[s.Snapshot] = s
		}
	}
	for i := range all {
		size := at[names[i]].Stats.Total
		all[i].Files, all[i].Bytes = size.Files, size.Bytes
	}
	slices.SortFunc(all, func(a, b index.Backup) int { return int(b.Time - a.Time) })
	return all, nil
}

// backup describes a snapshot as a backup.
func (s *snapshot) backup() index.Backup {
	return index.Backup{
		Name: s.Meta.Name, Time: s.Meta.Began, Recordings: s.Meta.Recordings, Index: true, Version: s.Meta.Version,
		Layout: StateSchema, Schema: s.Meta.Schema,
	}
}
