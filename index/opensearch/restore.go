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
)

// Restored is what was restored of a backup.
type Restored struct {
	index.Backup
	Verified index.Verification // how what is there now was verified; idle: it is of an older version
}

// Restore makes the indexes of a service, which must not be there, of a backup, and verifies every recording
// before it takes them into use. The backup may be of a service whose indexes have names that begin otherwise;
// empty: it is not. Tell is called often with how far it is: in bytes, then in recordings.
//
// An [*index.StateError] says what makes it impossible. When another error is returned, nothing is left of what
// was restored, or the error says that it is. Problems that are found in what is restored are no error.
func Restore(
	ctx context.Context, o Options, name, of string, tell func(phase index.Phase, done, total int64),
) (_ *Restored, err error) {
	r, err := begin(ctx, o, tell)
	if err != nil {
		return nil, err
	}
	defer r.x.client.Close()
	if of == "" {
		of = r.x.o.Index
	}
	s, err := r.find(ctx, name, of)
	if err != nil {
		return nil, err
	}
	if err := r.refuse(ctx); err != nil {
		return nil, err
	}
	if err := r.restore(ctx, s, of); err != nil {
		return nil, err
	}
	return r.use(ctx, s)
}

// DeleteBackup deletes a backup of a service.
func DeleteBackup(ctx context.Context, o Options, name string) error {
	r, err := begin(ctx, o, nil)
	if err != nil {
		return err
	}
	defer r.x.client.Close()
	s, err := r.find(ctx, name, r.x.o.Index)
	if err != nil {
		return err
	}
	return r.x.removeSnapshot(ctx, s.Snapshot)
}

// restoring is what is being restored.
type restoring struct {
	x    *records
	tell func(phase index.Phase, done, total int64)
}

// begin reaches the cluster, and its snapshot repository.
func begin(ctx context.Context, o Options, tell func(phase index.Phase, done, total int64)) (*restoring, error) {
	o = o.withDefaults()
	c, err := client.New(o.Cluster)
	if err != nil {
		return nil, fmt.Errorf("the cluster: %w", err)
	}
	e := &engine{o: o, log: o.Log, client: c, metrics: newMetrics(), closing: ctx}
	reaching, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	if err = e.reach(reaching); err == nil {
		err = e.checkRepository(reaching)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return &restoring{&records{engine: e}, tell}, nil
}

// find returns a backup of indexes whose names begin so.
func (r *restoring) find(ctx context.Context, name, of string) (*snapshot, error) {
	s, err := r.x.snapshotNamed(ctx, snapshotName(of, name))
	if err != nil {
		return nil, err
	}
	say := func(text string, args ...any) error { return &index.StateError{Message: fmt.Sprintf(text, args...)} }
	switch {
	case s == nil || !s.isOf(of):
		return nil, say("the repository %s has no backup %s of the index %s", r.x.o.SnapshotRepository, name, of)
	case s.State != snapshotWhole:
		return nil, say("the backup %s is not whole: it is %s", name, s.State)
	case s.Meta.Schema > Schema:
		const newer = "the backup %s is of version %d of the index; this program has version %d"
		return nil, say(newer, name, s.Meta.Schema, Schema)
	}
	return s, nil
}

// refuse refuses to restore over what is there.
func (r *restoring) refuse(ctx context.Context) error {
	var there map[string]any
	prefix := r.x.o.Index
	path := fmt.Sprintf("/%s,%s-*?ignore_unavailable=true&allow_no_indices=true&expand_wildcards=all", prefix, prefix)
	if err := r.x.ask(ctx, client.Get, path, nil, &there); err != nil && !isNotThere(err) {
		return r.x.failed("looking for indexes", err)
	}
	var ours []string
	for name := range there {
		rest := strings.TrimPrefix(name, prefix)
		if rest == "" || strings.HasPrefix(rest, "-state") || len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9' {
			ours = append(ours, name)
		}
	}
	if len(ours) == 0 {
		return nil
	}
	slices.Sort(ours)
	return &index.StateError{Message: fmt.Sprintf("there is the index %s already: nothing is restored over something "+
		"else; name another one by opensearch.index, or delete it if it is not wanted", strings.Join(ours, ", "))}
}

// restore restores the indexes of a snapshot, and returns when all of their shards are there. What is not whole
// is removed.
func (r *restoring) restore(ctx context.Context, s *snapshot, of string) (err error) {
	prefix := of + "-"
	recordings := ""
	for _, name := range s.Indices {
		to := r.x.o.Index + "-" + strings.TrimPrefix(name, prefix)
		switch {
		case !strings.HasPrefix(name, prefix):
			return &index.StateError{Message: "the backup has an index " + name + ", which is not of " + of}
		case strings.HasPrefix(name, prefix+"state-"):
			r.x.state = to
		default:
			recordings = to
		}
	}
	if recordings == "" || r.x.state == "" || len(s.Indices) != 2 {
		return &index.StateError{Message: "the backup has not the two indexes of a service"}
	}
	r.x.place.Store(serving(recordings, s.Meta.Schema))

	body := object{
		"indices": strings.Join(s.Indices, ","), "include_aliases": false, "include_global_state": false,
		"rename_pattern": "^" + escapePattern(prefix) + "(.+)$", "rename_replacement": r.x.o.Index + "-$1",
		"index_settings":        object{"index.number_of_replicas": r.x.o.Replicas},
		"ignore_index_settings": []string{"index.blocks.write", "index.blocks.read", "index.gc_deletes"},
	}
	path := r.x.o.repository() + "/" + url.PathEscape(s.Snapshot) + "/_restore?wait_for_completion=false"
	if err := r.x.ask(ctx, client.Post, path, body, nil); err != nil {
		if there, _, again := r.x.inspect(ctx, recordings); again != nil || there == nil {
			return r.x.failed("restoring the snapshot", err)
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.remove())
		}
	}()
	return r.await(ctx)
}

// escapePattern has a name, which has small letters, digits, hyphens and underscores, stand for itself.
func escapePattern(name string) string { return strings.ReplaceAll(name, "-", `\-`) }

// remove removes what was restored.
func (r *restoring) remove() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), client.Patience, client.ErrPatience)
	defer cancel()
	names := r.x.at().index + "," + r.x.state
	err := r.x.ask(ctx, client.Delete, "/"+names+"?ignore_unavailable=true", nil, nil)
	if err != nil && !isNotThere(err) {
		return fmt.Errorf("the indexes %s are left: %w", names, err)
	}
	return nil
}

// restorePatience is how long shards may be missing of which no node restores one.
const restorePatience = 30 * time.Second

// await returns when all shards are restored.
func (r *restoring) await(ctx context.Context) error {
	names := r.x.at().index + "," + r.x.state
	idle := time.Now()
	for {
		var health struct {
			Active       int `json:"active_primary_shards"`
			Initializing int `json:"initializing_shards"`
			Indices      map[string]struct {
				Shards int `json:"number_of_shards"`
			} `json:"indices"`
		}
		if err := r.x.ask(ctx, client.Get, "/_cluster/health/"+names+"?level=indices", nil, &health); err != nil {
			return r.x.failed("looking at what is restored", err)
		}
		if err := r.progress(ctx, names); err != nil {
			return err
		}
		missing := -health.Active
		for _, of := range health.Indices {
			missing += of.Shards
		}
		switch {
		case missing <= 0 && len(health.Indices) == 2:
			return r.x.refreshIndex(ctx, names)
		case health.Initializing > 0:
			idle = time.Now()
		case time.Since(idle) > restorePatience:
			return fmt.Errorf("the cluster does not restore %d shards: its log says why", missing)
		}

		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// progress tells how many bytes are restored.
func (r *restoring) progress(ctx context.Context, names string) error {
	var all map[string]struct {
		Shards []struct {
			Primary bool `json:"primary"`
			Index   struct {
				Size struct {
					Total     int64 `json:"total_in_bytes"`
					Reused    int64 `json:"reused_in_bytes"`
					Recovered int64 `json:"recovered_in_bytes"`
				} `json:"size"`
			} `json:"index"`
		} `json:"shards"`
	}
	if err := r.x.ask(ctx, client.Get, "/"+names+"/_recovery", nil, &all); err != nil {
		return r.x.failed("looking at what is restored", err)
	}
	var done, total int64
	for _, of := range all {
		for _, s := range of.Shards {
			if s.Primary {
				done += s.Index.Size.Recovered + s.Index.Size.Reused
				total += s.Index.Size.Total
			}
		}
	}
	r.tell(index.Copying, done, total)
	return nil
}

// use verifies what was restored, and takes it into use.
func (r *restoring) use(ctx context.Context, s *snapshot) (_ *Restored, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, r.remove())
		}
	}()
	at, o := r.x.at(), &r.x.o
	if err := r.forget(ctx); err != nil {
		return nil, err
	}
	add := func(of, alias string) object {
		return object{"add": object{"index": of, "alias": alias, "is_write_index": true}}
	}
	actions := object{"actions": []object{{"add": object{"index": at.index, "alias": at.alias}}}}
	if err := r.x.ask(ctx, client.Post, "/_aliases", actions, nil); err != nil {
		return nil, r.x.failed("taking what is restored into use", err)
	}

	restored := &Restored{Backup: s.backup(), Verified: index.Verification{Phase: index.Idle}}
	if at.schema == Schema {
		if restored.Verified, err = r.verify(ctx, at); err != nil {
			return nil, err
		}
		restored.Recordings = restored.Verified.Done
	}
	actions = object{"actions": []object{add(at.index, o.Index), add(r.x.state, o.stateIndex())}}
	if err := r.x.ask(ctx, client.Post, "/_aliases", actions, nil); err != nil {
		return nil, r.x.failed("taking what is restored into use", err)
	}
	return restored, nil
}

// forget removes from the state what was going on when the backup was made: jobs, and leases.
func (r *restoring) forget(ctx context.Context) error {
	const each = 1000
	for {
		var answer struct {
			Hits struct {
				Hits []struct {
					ID string `json:"_id"`
				} `json:"hits"`
			} `json:"hits"`
		}
		body := object{
			"size": each, "_source": false, "query": object{"terms": object{"kind": []string{"job", "lease"}}},
		}
		path := "/" + r.x.state + "/_search?allow_partial_search_results=false"
		if err := r.x.ask(ctx, client.Post, path, body, &answer); err != nil {
			return r.x.failed("looking at the state", err)
		}
		if len(answer.Hits.Hits) == 0 {
			return nil
		}
		for _, h := range answer.Hits.Hits {
			err := r.x.ask(ctx, client.Delete, "/"+r.x.state+"/_doc/"+url.PathEscape(h.ID), nil, nil)
			if err != nil && !isNotThere(err) {
				return r.x.failed("removing what was going on", err)
			}
		}
		if err := r.x.refreshIndex(ctx, r.x.state); err != nil {
			return err
		}
	}
}

// verify verifies all that was restored, as the job of that name.
func (r *restoring) verify(ctx context.Context, at *place) (index.Verification, error) {
	v := newVerifier(r.x, nil)
	if err := v.Look(ctx); err != nil {
		return v.Now().Verification, err
	}
	s, doc, _ := v.Known()
	s.begin("it was restored", false)
	held, err := v.Take(ctx, s, doc, func(*verification) {})
	if err != nil {
		return v.Now().Verification, err
	}
	w := &verifying{Held: held, x: r.x, began: time.Now(), tell: r.tell}
	if err := w.verifyAt(ctx, at); err != nil {
		return v.Now().Verification, err
	}
	phase, verdict := w.State.verdict()
	err = w.Save(ctx, func(v *verification) { v.end(phase, verdict) })
	return w.State.Verification, err
}
