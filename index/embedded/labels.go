package embedded

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"recordings/index"
	"recordings/index/embedded/newest"
	"recordings/index/embedded/pending"
	"recordings/index/embedded/schema"
	"recordings/index/gate"
	"recordings/mapping"
)

// definitions are what a contact center keeps beside its recordings: the labels that may be put on these, and the
// saved searches of its users.
type definitions struct {
	gate    *gate.Gate
	writer  *writer
	lookups lookups
}

// Labels returns the labels of a contact center; see [index.Labels].
func (d *definitions) Labels(ctx context.Context, contactCenter string) ([]mapping.LabelDefinition, error) {
	_, leave, err := d.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return d.writer.labels(contactCenter)
}

// DefineLabel keeps the definition of a label; see [index.Labels].
func (d *definitions) DefineLabel(
	ctx context.Context, contactCenter string, l mapping.LabelDefinition, replace bool,
) error {
	_, leave, err := d.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	w := d.writer
	w.defining.Lock()
	defer w.defining.Unlock()

	all, err := w.labels(contactCenter)
	if err != nil {
		return err
	}
	if w.dropping[labelInCenter{contactCenter, mapping.Fold(l.Name)}] {
		return fmt.Errorf("the label is just being dropped: %w", index.ErrUnavailable)
	}
	if _, err := index.Define(all, l, replace); err != nil {
		return err
	}
	data, err := json.Marshal(&l)
	if err != nil {
		return fmt.Errorf("encoding a label: %w", err)
	}
	return w.store.SetLabel(contactCenter, mapping.Fold(l.Name), data)
}

// DropLabel removes the definition of a label; see [index.Labels].
func (d *definitions) DropLabel(ctx context.Context, contactCenter, name string, force bool) error {
	ctx, leave, err := d.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()

	// From here on nobody puts it on a recording. Those that bear it by then are looked for once.
	w, key := d.writer, labelInCenter{contactCenter, mapping.Fold(name)}
	if err := w.beginDrop(key); err != nil {
		return err
	}
	defer w.endDrop(key)

	if force {
		err = d.lookups.bearing(ctx, contactCenter, name, func(keys []string) error {
			return w.takeOff(ctx, contactCenter, name, keys)
		})
	} else {
		err = d.lookups.checkBorne(ctx, contactCenter, name)
	}
	if err != nil {
		return err
	}

	w.defining.Lock()
	defer w.defining.Unlock()
	return w.store.SetLabel(contactCenter, key.folded, nil)
}

// labelInCenter is a label of a contact center.
type labelInCenter struct{ contactCenter, folded string }

// beginDrop has a label that is defined be put on no recording any more, and not be changed, until
// endDrop. What is being put on recordings at the moment is durable when it returns.
func (w *writer) beginDrop(key labelInCenter) error {
	w.defining.Lock()
	defer w.defining.Unlock()
	all, err := w.labels(key.contactCenter)
	if err != nil {
		return err
	}
	defined := func(d mapping.LabelDefinition) bool { return mapping.Fold(d.Name) == key.folded }
	if !slices.ContainsFunc(all, defined) || w.dropping[key] {
		return index.ErrNoLabel
	}
	w.dropping[key] = true
	return nil
}

func (w *writer) endDrop(key labelInCenter) {
	w.defining.Lock()
	defer w.defining.Unlock()
	delete(w.dropping, key)
}

// maxBorne is how many recordings are counted that keep a label from being dropped.
const maxBorne = 1000

// checkBorne returns a [*index.LabelBorneError] if recordings of a contact center bear a label.
func (l *lookups) checkBorne(ctx context.Context, contactCenter, name string) error {
	seen := map[string]bool{}
	err := l.bearing(ctx, contactCenter, name, func(keys []string) error {
		for _, key := range keys {
			r, err := l.stored(ctx, key)
			if err != nil {
				return err
			}
			if r != nil && r.Label(name) != nil {
				seen[key] = true
			}
		}
		if len(seen) > maxBorne {
			return errEnough
		}
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, errEnough):
		return err
	case len(seen) > 0:
		return &index.LabelBorneError{Recordings: min(len(seen), maxBorne), More: len(seen) > maxBorne}
	}
	return nil
}

// bearing calls fn with the keys of the recordings of a contact center that bear a label, some at a
// time. Some of them may not bear it any more, and some come twice.
func (l *lookups) bearing(ctx context.Context, contactCenter, name string, fn func(keys []string) error) error {
	folded := mapping.Fold(name)
	terms := []newest.Term{
		{Field: schema.FieldContactCenter, Value: contactCenter}, {Field: schema.FieldLabel, Value: folded},
	}
	var some []string
	err := l.having(ctx, terms, func(c *pending.Change) bool {
		return c.ContactCenter == contactCenter && slices.Contains(c.Searchable.Labels, folded)
	}, func(key string) error {
		if some = append(some, key); len(some) < maxGroup {
			return nil
		}
		err := fn(some)
		some = some[:0]
		return err
	})
	if err != nil || len(some) == 0 {
		return err
	}
	return fn(some)
}

// takeOff takes a label off a group of recordings. The caller keeps others from putting it on.
func (w *writer) takeOff(ctx context.Context, contactCenter, name string, keys []string) error {
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	end, err := w.begin(ctx, keys...)
	if err != nil {
		return err
	}
	defer end()

	g := w.group(contactCenter, new(index.DryRun))
	defer g.close()
	for _, key := range keys {
		err := g.mark(key, func(r *mapping.Recording) error { r.RemoveLabel(name); return nil })
		if err != nil && !errors.Is(err, index.ErrNotFound) {
			return err
		}
	}
	if len(g.changes) == 0 {
		return nil
	}
	return w.commit(g.changes)
}

// labels reads the definitions of a contact center.
func (w *writer) labels(contactCenter string) ([]mapping.LabelDefinition, error) {
	stored, err := w.store.Labels(contactCenter)
	if err != nil {
		return nil, err
	}
	all := make([]mapping.LabelDefinition, len(stored))
	for i, data := range stored {
		if err := json.Unmarshal(data, &all[i]); err != nil {
			return nil, fmt.Errorf("decoding a label: %w", err)
		}
	}
	return all, nil
}

// readLabels has a group know the labels of its contact center. The caller holds defining, if for
// reading.
func (w *writer) readLabels(g *group) error {
	all, err := w.labels(g.contactCenter)
	if err != nil {
		return err
	}
	g.labels = make(index.LabelSet, len(all))
	for _, d := range all {
		folded := mapping.Fold(d.Name)
		if !w.dropping[labelInCenter{g.contactCenter, folded}] {
			g.labels[folded] = d
		}
	}
	return nil
}

// SavedSearches returns the saved searches of a user; see [index.SavedSearches].
func (d *definitions) SavedSearches(ctx context.Context, contactCenter, user string) ([]index.SavedSearch, error) {
	_, leave, err := d.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return d.writer.savedSearches(contactCenter, user)
}

// ChangeSavedSearches changes them; see [index.SavedSearches].
func (d *definitions) ChangeSavedSearches(
	ctx context.Context, contactCenter, user string, change func([]index.SavedSearch) ([]index.SavedSearch, error),
) error {
	_, leave, err := d.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	w := d.writer
	w.saving.Lock()
	defer w.saving.Unlock()

	before, err := w.savedSearches(contactCenter, user)
	if err != nil {
		return err
	}
	after, err := change(before)
	switch {
	case err != nil:
		return err
	case slices.EqualFunc(before, after, func(a, b index.SavedSearch) bool { return a.Equal(&b) }):
		return nil
	case len(after) == 0:
		return w.store.SetSavedSearches(contactCenter, user, nil)
	}
	data, err := json.Marshal(after, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encoding saved searches: %w", err)
	}
	return w.store.SetSavedSearches(contactCenter, user, data)
}

// SavedSearchUsers lists who has saved searches; see [index.SavedSearches].
func (d *definitions) SavedSearchUsers(ctx context.Context, contactCenter string) ([]string, error) {
	_, leave, err := d.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return d.writer.store.SavedSearchUsers(contactCenter)
}

// savedSearches reads the saved searches of a user.
func (w *writer) savedSearches(contactCenter, user string) (all []index.SavedSearch, err error) {
	data, err := w.store.SavedSearches(contactCenter, user)
	if err != nil || data == nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("decoding saved searches: %w", err)
	}
	return all, nil
}
