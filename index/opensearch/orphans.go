package opensearch

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"recordings/index"
	"recordings/index/opensearch/client"
	"recordings/mapping"
)

// The list of orphaned media. A cluster changes one document at a time, so a deletion writes first what it
// intends to put on the list, then deletes the recording, then makes entries of the intentions. Of an
// intention that is left, the recording tells what has become of it: while there is one that names the
// media, it is not orphaned; else it is.
const (
	kindOrphan   = "orphan"
	kindIntended = "intended"
)

// orphanDoc is the id of an entry, or of an intention.
func orphanDoc(kind, contactCenter, id string) string {
	sum := sha256.Sum256([]byte(strconv.Itoa(len(contactCenter)) + ":" + contactCenter + id))
	return kind + "-" + base64.RawURLEncoding.EncodeToString(sum[:18])
}

// orphanWrite writes an entry or an intention; without media it removes it.
func (x *records) orphanWrite(kind, contactCenter, id string, o *index.OrphanedMedia) (write, error) {
	w := write{index: x.state, doc: orphanDoc(kind, contactCenter, id), always: true}
	if o == nil {
		return w, nil
	}
	body, err := json.Marshal(o)
	if err != nil {
		return w, fmt.Errorf("encoding orphaned media: %w", err)
	}
	w.body = &note{Kind: kind, ContactCenter: contactCenter, Name: id, Body: string(body)}
	return w, nil
}

// writeAll makes writes that take effect whatever is there, and again those of which that is not known.
func (x *engine) writeAll(ctx context.Context, writes []write) error {
	for len(writes) > 0 {
		results, _, err := x.bulk(ctx, writes, "")
		if err != nil {
			return err
		}
		var left []write
		for i, r := range results {
			switch r.verdict {
			case written, conflict: // the latter had nothing to remove
			case full:
				return index.ErrDiskFull
			case failed, elsewhere:
				return r.err
			default:
				left = append(left, writes[i])
			}
		}
		if writes = left; len(writes) > 0 && !x.again(ctx, errPartial) {
			return x.failed("writing the state", context.Cause(ctx))
		}
	}
	return nil
}

// DeleteSeen removes a recording that is as it was seen, and lists orphaned media; see [index.Orphans].
func (x *Index) DeleteSeen(
	ctx context.Context, contactCenter string, seen *mapping.Recording, orphaned []index.OrphanedMedia,
) error {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()

	var intend, remove, list []write
	for i := range orphaned {
		for _, w := range []struct {
			to   *[]write
			kind string
			o    *index.OrphanedMedia
		}{{&intend, kindIntended, &orphaned[i]}, {&list, kindOrphan, &orphaned[i]}, {&remove, kindIntended, nil}} {
			write, err := x.orphanWrite(w.kind, contactCenter, orphaned[i].ID, w.o)
			if err != nil {
				return err
			}
			*w.to = append(*w.to, write)
		}
	}

	if err := x.writeAll(ctx, intend); err != nil {
		return err
	}
	unchanged := func(now *mapping.Recording) error { return checkSeen(now, seen) }
	err = x.delete(ctx, keyOf(contactCenter, seen.ID), unchanged)
	switch {
	case err == nil:
		return errors.Join(x.writeAll(ctx, list), x.writeAll(ctx, remove))
	case errors.Is(err, index.ErrChanged), errors.Is(err, index.ErrHeld), errors.Is(err, index.ErrNotFound):
		return errors.Join(err, x.writeAll(ctx, remove))
	}
	return err // whether it was deleted is not known: the intentions are looked at later
}

// listed is an entry or an intention as it was found.
type listed struct {
	ID     string `json:"_id"`
	Source note   `json:"_source"`
	Sort   []any  `json:"sort"`
}

// Orphaned lists orphaned media; see [index.Orphans].
func (x *Index) Orphaned(
	ctx context.Context, contactCenter, after string, limit int,
) (all []index.OrphanedMedia, err error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := x.refreshIndex(ctx, x.state); err != nil {
		return nil, err
	}

	// An intention may be of media that has an entry as well.
	for len(all) < limit {
		body := object{
			"size": limit + 1, "track_total_hits": false, "sort": []object{{"name": "asc"}, {"kind": "desc"}},
			"query": object{"bool": object{"filter": []object{
				{"term": object{"contactCenter": contactCenter}},
				{"terms": object{"kind": []string{kindOrphan, kindIntended}}},
				{"range": object{"name": object{"gt": after}}},
			}}},
		}
		var answer struct {
			TimedOut bool   `json:"timed_out"`
			Shards   shards `json:"_shards"`
			Hits     struct {
				Hits []listed `json:"hits"`
			} `json:"hits"`
		}
		path := "/" + x.state + "/_search?allow_partial_search_results=false"
		err := x.ask(ctx, client.Post, path, body, &answer)
		if err == nil && (answer.TimedOut || answer.Shards.Failed > 0) {
			err = errPartial
		}
		if err != nil {
			if x.again(ctx, err) {
				continue
			}
			return nil, x.failed("listing orphaned media", err)
		}
		for i := range answer.Hits.Hits {
			l := &answer.Hits.Hits[i]
			o, is, err := x.orphan(ctx, contactCenter, &l.Source)
			if err != nil {
				return nil, err
			}
			after = l.Source.Name
			if !is || slices.ContainsFunc(all, func(a index.OrphanedMedia) bool { return a.ID == o.ID }) {
				continue
			}
			if all = append(all, *o); len(all) == limit {
				return all, nil
			}
		}
		if len(answer.Hits.Hits) <= limit {
			return all, nil
		}
	}
	return all, nil
}

// orphan reads an entry, and reports whether its media is orphaned. An intention that has come true becomes
// an entry.
func (x *records) orphan(
	ctx context.Context, contactCenter string, n *note,
) (o *index.OrphanedMedia, is bool, err error) {
	o = new(index.OrphanedMedia)
	if err := json.Unmarshal([]byte(n.Body), o); err != nil {
		return nil, false, fmt.Errorf("decoding orphaned media: %w", err)
	}
	if n.Kind == kindOrphan {
		return o, true, nil
	}

	docs, err := x.readAll(ctx, []key{keyOf(contactCenter, o.RecordingID)})
	if err != nil || docs[0].err != nil {
		return nil, false, errors.Join(err, docs[0].err)
	}
	if r := docs[0].recording; r != nil {
		names := func(m mapping.MediaFile) bool {
			return strings.EqualFold(m.Descriptor.UUID(contactCenter, o.RecordingID), o.ID)
		}
		if slices.ContainsFunc(r.MediaFiles, names) {
			return nil, false, nil
		}
	}
	entry, err := x.orphanWrite(kindOrphan, contactCenter, o.ID, o)
	if err != nil {
		return nil, false, err
	}
	intended, err := x.orphanWrite(kindIntended, contactCenter, o.ID, nil)
	if err != nil {
		return nil, false, err
	}
	if err := x.writeAll(ctx, []write{entry}); err != nil {
		return nil, false, err
	}
	return o, true, x.writeAll(ctx, []write{intended})
}

// IsOrphaned looks for orphaned media; see [index.Orphans].
func (x *Index) IsOrphaned(ctx context.Context, contactCenter, id string) (bool, error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	for _, kind := range []string{kindOrphan, kindIntended} {
		doc, err := x.readNote(ctx, orphanDoc(kind, contactCenter, id))
		if err != nil {
			return false, err
		}
		if !doc.Found || doc.Source.ContactCenter != contactCenter || doc.Source.Name != id {
			continue
		}
		if _, is, err := x.orphan(ctx, contactCenter, &doc.Source); is || err != nil {
			return is, err
		}
	}
	return false, nil
}

// SettleOrphaned changes the list of orphaned media; see [index.Orphans].
func (x *Index) SettleOrphaned(
	ctx context.Context, contactCenter string, gone []string, orphaned []index.OrphanedMedia,
) error {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()

	var writes []write
	for _, id := range gone {
		for _, kind := range []string{kindOrphan, kindIntended} {
			w, err := x.orphanWrite(kind, contactCenter, id, nil)
			if err != nil {
				return err
			}
			writes = append(writes, w)
		}
	}
	for i := range orphaned {
		w, err := x.orphanWrite(kindOrphan, contactCenter, orphaned[i].ID, &orphaned[i])
		if err != nil {
			return err
		}
		writes = append(writes, w)
	}
	return x.writeAll(ctx, writes)
}
