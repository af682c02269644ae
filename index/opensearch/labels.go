package opensearch

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// definitions are the labels of a contact center.
type definitions = []mapping.LabelDefinition

// labelsDoc is the document of the labels of a contact center, which are one: a JSON array.
func labelsDoc(contactCenter string) string {
	sum := sha256.Sum256([]byte(contactCenter))
	return "labels-" + base64.RawURLEncoding.EncodeToString(sum[:15])
}

// readLabels reads the labels of a contact center.
func (x *marker) readLabels(ctx context.Context, contactCenter string) (definitions, *kept[note], error) {
	doc, err := x.readNote(ctx, labelsDoc(contactCenter))
	if err != nil || !doc.Found {
		return nil, doc, err
	}
	if doc.Source.ContactCenter != contactCenter {
		return nil, nil, errors.New("two contact centers share a key of the cluster")
	}
	var all []mapping.LabelDefinition
	if err := json.Unmarshal([]byte(doc.Source.Body), &all); err != nil {
		return nil, nil, fmt.Errorf("decoding labels: %w", err)
	}
	return all, doc, nil
}

// changeLabels changes the labels of a contact center, unless change returns an error. It calls change again
// where another node was faster.
func (x *marker) changeLabels(
	ctx context.Context, contactCenter string, change func(definitions) (definitions, error),
) error {
	for {
		all, doc, err := x.readLabels(ctx, contactCenter)
		if err != nil {
			return err
		}
		if all, err = change(all); err != nil {
			return err
		}
		body, err := json.Marshal(all)
		if err != nil {
			return fmt.Errorf("encoding labels: %w", err)
		}
		if doc.Found && doc.Source.Body == string(body) {
			return nil
		}
		n := &note{Kind: "labels", ContactCenter: contactCenter, Body: string(body)}
		if ok, err := x.writeNote(ctx, labelsDoc(contactCenter), n, doc); ok || err != nil {
			return err
		}
	}
}

// Labels returns the labels of a contact center; see [index.Labels].
func (x *Index) Labels(ctx context.Context, contactCenter string) ([]mapping.LabelDefinition, error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	all, _, err := x.marks.readLabels(ctx, contactCenter)
	return all, err
}

// DefineLabel keeps the definition of a label; see [index.Labels].
func (x *Index) DefineLabel(
	ctx context.Context, contactCenter string, d mapping.LabelDefinition, replace bool,
) error {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return x.marks.definingLabels(ctx, contactCenter, func() error {
		tried := false
		return x.marks.changeLabels(ctx, contactCenter, func(all definitions) (definitions, error) {
			if tried && slices.Contains(all, d) {
				return all, nil // an earlier try took effect
			}
			tried = true
			return index.Define(all, d, replace)
		})
	})
}

// definingLabels keeps others from putting labels of a contact center on recordings, and from changing them.
func (x *marker) definingLabels(ctx context.Context, contactCenter string, do func() error) error {
	release, err := x.leases.lock(ctx, []string{labelsClaim(contactCenter)})
	if err != nil {
		return err
	}
	defer release()
	return do()
}

// DropLabel removes the definition of a label; see [index.Labels].
func (x *Index) DropLabel(ctx context.Context, contactCenter, name string, force bool) error {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	is := func(d mapping.LabelDefinition) bool { return mapping.SameLabel(d.Name, name) }
	return x.marks.definingLabels(ctx, contactCenter, func() error {
		// While it goes, nobody puts it on a recording.
		all, _, err := x.marks.readLabels(ctx, contactCenter)
		switch {
		case err != nil:
			return err
		case !slices.ContainsFunc(all, is):
			return index.ErrNoLabel
		}
		bearing, err := x.marks.bearing(ctx, contactCenter, name)
		switch {
		case err != nil:
			return err
		case len(bearing) > 0 && !force:
			return &index.LabelBorneError{Recordings: min(len(bearing), maxBorne), More: len(bearing) > maxBorne}
		}
		if err := x.marks.takeOff(ctx, name, bearing); err != nil {
			return err
		}
		return x.marks.changeLabels(ctx, contactCenter, func(all definitions) (definitions, error) {
			return slices.DeleteFunc(all, is), nil
		})
	})
}

// maxBorne is how many recordings are told that keep a label from being dropped.
const maxBorne = 1000

// bearing returns the recordings of a contact center that bear a label.
func (x *marker) bearing(ctx context.Context, contactCenter, name string) (keys []key, err error) {
	if err := x.refreshed(ctx); err != nil {
		return nil, err
	}
	filter := object{"bool": object{"filter": []object{
		{"term": object{schema.FieldContactCenter: contactCenter}},
		{"term": object{schema.FieldLabel: mapping.Fold(name)}},
	}}}
	err = x.scan(ctx, filter, func(contactCenter string, r *mapping.Recording) error {
		if r.Label(name) != nil {
			keys = append(keys, keyOf(contactCenter, r.ID))
		}
		return nil
	})
	return keys, err
}

// takeOff takes a label off recordings. The caller keeps others from putting it on.
func (x *marker) takeOff(ctx context.Context, name string, keys []key) error {
	remove := func(r *mapping.Recording) error { r.RemoveLabel(name); return nil }
	for some := range slices.Chunk(keys, maxGroup) {
		ops := make([]*op, len(some))
		for i, k := range some {
			ops[i] = &op{key: k, apply: func(before state) (state, error) { return x.marked(before, nil, remove) }}
		}
		x.change(ops)
		for _, o := range ops {
			if err := x.wait(ctx, o); err != nil && !errors.Is(err, index.ErrNotFound) {
				return err
			}
		}
	}
	return nil
}

// labelSet reads the labels of a contact center.
func (x *marker) labelSet(ctx context.Context, contactCenter string) (index.LabelSet, error) {
	all, _, err := x.readLabels(ctx, contactCenter)
	if err != nil {
		return nil, err
	}
	set := make(index.LabelSet, len(all))
	for _, d := range all {
		set[mapping.Fold(d.Name)] = d
	}
	return set, nil
}
