package index

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"recordings/mapping"
)

// Suggestion is a value that completes what somebody types.
type Suggestion struct {
	Value      string // as the newest recording with it has it, in one line
	Recordings int    // how many of those looked at have it, however it is written
}

// Suggested is what completes a text.
type Suggested struct {
	Suggestions []Suggestion // what most recordings have is first; of as many, what a newer one has
	LookedAt    int          // how many recordings these are from: the newest ones that match
	More        bool         // there are older ones, which may have other values
}

// maxTallied is how many different values are counted, so that memory is bounded, whatever was posted:
// with the texts and the map, some 4 MB. More than that come up in data that nobody chooses from.
const maxTallied = 4096

// Suggest returns the values that complete a text, at most so many, from the first recordings that a
// query finds and that have such a value: Limit of q is how many recordings are looked at, and Order and
// Offset say which. Of more than 4,096 different values those of the first recordings are counted. It has
// the errors of Search, and [mapping.Problems] where a criterion is in the way (see
// [mapping.Completion.AddTo]).
func Suggest(ctx context.Context, x Index, q Query, c *mapping.Completion, most int) (Suggested, error) {
	if err := c.AddTo(&q.Criteria); err != nil {
		return Suggested{}, err
	}

	t := tally{places: make(map[string]int)}
	sink := Sink{
		Encode: func(b []byte, s *mapping.Stored) ([]byte, error) {
			if err := ctx.Err(); err != nil {
				return b, err
			}
			r, err := s.Recording()
			if err != nil {
				return b, err
			}
			return appendCompleted(b, c.Of(r)), nil
		},
		Write: t.add,
	}
	page, err := x.Search(ctx, q, sink)
	if err != nil {
		return Suggested{}, err
	}
	return Suggested{Suggestions: t.first(most), LookedAt: t.recordings, More: page.More}, nil
}

// appendCompleted appends how many values there are, and each with its length in front.
func appendCompleted(b []byte, all []mapping.Completed) []byte {
	b = binary.AppendUvarint(b, uint64(len(all)))
	for _, v := range all {
		for _, text := range []string{v.Value, v.Same} {
			b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
		}
	}
	return b
}

// tally counts values.
type tally struct {
	recordings int
	values     []Suggestion   // in the order in which they came
	places     map[string]int // of those, by what is the same for the same values
}

// add is the Write of a [Sink].
func (t *tally) add(b []byte, recordings int) error {
	c := cutter{b: b}
	for range recordings {
		for n := c.number(); n > 0 && !c.failed; n-- {
			value, same := c.text(), c.text()
			place, known := t.places[string(same)]
			if !known && len(t.values) == maxTallied {
				continue
			}
			if !known {
				place = len(t.values)
				t.places[string(same)] = place
				t.values = append(t.values, Suggestion{Value: string(value)})
			}
			t.values[place].Recordings++
		}
	}
	t.recordings += recordings
	if c.failed || len(c.b) > 0 {
		return errors.New("values that complete a text are cut short")
	}
	return nil
}

// first returns the values that most recordings have.
func (t *tally) first(most int) []Suggestion {
	slices.SortStableFunc(t.values, func(a, b Suggestion) int { return cmp.Compare(b.Recordings, a.Recordings) })
	return t.values[:min(most, len(t.values))]
}

// cutter takes off what appendCompleted made.
type cutter struct {
	b      []byte
	failed bool
}

func (c *cutter) number() uint64 {
	n, size := binary.Uvarint(c.b)
	if size <= 0 {
		c.failed = true
		return 0
	}
	c.b = c.b[size:]
	return n
}

func (c *cutter) text() []byte {
	n := c.number()
	if n > uint64(len(c.b)) {
		c.failed = true
		return nil
	}
	text := c.b[:n]
	c.b = c.b[n:]
	return text
}
