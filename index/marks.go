package index

import (
	"context"
	"errors"
	"fmt"

	"recordings/mapping"
)

// Marks keeps what the service itself notes of recordings, which nobody posts: holds, labels and
// comments. All methods may be called concurrently; what they return nil for is durable, and is seen by every Get
// and Search that begins afterwards.
type Marks interface {
	// Mark lets change change the NonDelete, Labels and Comments of the stored recording of any region,
	// and nothing else, in one durable step: nobody else changes the recording meanwhile. It may be
	// called more than once. What change returns is returned, and nothing is written then, nor where
	// nothing has changed. It returns [ErrNotFound], [ErrNoLabel] for a label that was added and is not
	// defined, [ErrHeld] for a comment that is changed or removed under a hold, and [ErrTooLarge].
	//
	// A hold waits for the Claim of its recording to end, for some seconds at most: then it returns
	// [ErrUnavailable].
	Mark(ctx context.Context, contactCenter, id string, change func(*mapping.Recording) error) error

	// MarkAll does what a Mark of each id in turn would do, and returns its errors in the same order.
	// They become durable in groups.
	MarkAll(ctx context.Context, contactCenter string, ids []string, change func(*mapping.Recording) error) []error

	// Claim makes sure that a recording, whose media is about to be deleted, is not under a hold, nor
	// gets under one until release is called, and has its media alone, as ClaimMedia does: named is
	// asked what its media may be called. It returns the recording as it is then, of any region. The
	// recording may be put meanwhile, but for its hold and for media that it names. It returns
	// [ErrNotFound] or [ErrHeld].
	Claim(
		ctx context.Context, contactCenter, id string, named func(*mapping.MediaDescriptor) Media,
	) (r *mapping.Recording, release func(), err error)
}

// Labels keeps the labels that recordings may bear, one set for each contact center. Names are the
// same whatever their letter case. All methods may be called concurrently.
type Labels interface {
	// Labels returns the definitions of a contact center, ordered by their folded names.
	Labels(ctx context.Context, contactCenter string) ([]mapping.LabelDefinition, error)

	// DefineLabel adds a definition, or returns [ErrLabelExists] if there is one of its name; with
	// replace, it takes the place of that, or [ErrNoLabel] is returned if there is none. It returns
	// [ErrDisplayName] if another label has its display name, and [ErrTooManyLabels].
	DefineLabel(ctx context.Context, contactCenter string, d mapping.LabelDefinition, replace bool) error

	// DropLabel removes a definition, or returns [ErrNoLabel]. If recordings of any region bear the
	// label, that is a [*LabelBorneError]; with force it is taken off them, too. It has the errors of
	// Search. It takes as long as many recordings bear it; meanwhile it cannot be put on any.
	DropLabel(ctx context.Context, contactCenter, name string, force bool) error
}

// The errors of labels.
var (
	ErrNoLabel     = errors.New("no such label is defined")
	ErrLabelExists = errors.New("a label of this name is defined already")
	ErrDisplayName = errors.New("another label has this display name")

	ErrTooManyLabels = fmt.Errorf("the contact center has %d labels, which is as many as there may be",
		MaxLabelDefinitions)
)

// LabelBorneError says that recordings bear a label.
type LabelBorneError struct {
	Recordings int
	More       bool // there are more than these
}

// Error implements [error].
func (e *LabelBorneError) Error() string {
	if e.More {
		return fmt.Sprintf("more than %d recordings bear the label", e.Recordings)
	}
	if e.Recordings == 1 {
		return "1 recording bears the label"
	}
	return fmt.Sprintf("%d recordings bear the label", e.Recordings)
}

// Media is a media file as recordings name it: by descriptors that may differ and mean the same.
type Media struct {
	Hashes []string                            // of all of these, see [mapping.MediaDescriptor.Hash]
	Same   func(*mapping.MediaDescriptor) bool // whether a descriptor that has one of the hashes is of it
}

// MediaOf is the media that a descriptor names, as far as that can be said without its storage.
func MediaOf(d *mapping.MediaDescriptor) Media {
	return Media{
		Hashes: []string{d.Hash()},
		Same:   func(other *mapping.MediaDescriptor) bool { return mapping.SameMedia(d, other) },
	}
}

// MediaNames knows which recordings name a media file. All methods may be called concurrently.
type MediaNames interface {
	// NamedBy returns recordings of all contact centers and regions that name a media file: at most
	// limit of them, in no order. One that is put or deleted meanwhile may be among them or not; while
	// the media is claimed none is put that names it. It has the errors of Search.
	NamedBy(ctx context.Context, m Media, limit int) ([]Naming, error)

	// ClaimMedia waits until nobody else has claimed the media, nor is putting a recording that names
	// it, and keeps both out until release is called. Puts, and holds of recordings that name it, wait
	// for that some seconds at most, and then return [ErrUnavailable].
	ClaimMedia(ctx context.Context, m ...Media) (release func(), err error)
}

// Naming is a recording that names a media file.
type Naming struct {
	ContactCenter string
	ID            string
	Held          bool // it is under a hold
}
