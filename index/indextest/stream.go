package indextest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"recordings/index"
	"recordings/mapping"
)

// stream returns what a Stream gives, as lines of (id, JSON).
func stream(ctx context.Context, x Index, q index.Query) (lines []string, err error) {
	var all []byte
	count := 0
	err = x.Stream(ctx, q, index.Sink{
		Encode: func(b []byte, s *mapping.Stored) ([]byte, error) {
			r, err := s.Recording()
			if err != nil {
				return b, err
			}
			data, err := mapping.Encode(unstamped(r))
			return fmt.Appendf(b, "%q %s\n", s.ID(), data), err
		},
		Write: func(b []byte, recordings int) error {
			if n := strings.Count(string(b), "\n"); n != recordings || n == 0 {
				return fmt.Errorf("%d recordings are said to be %d", n, recordings)
			}
			all = append(all, b...)
			count += recordings
			return nil
		},
	})

	for line := range strings.Lines(string(all)) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return lines, err
}

// checkStream compares a Stream with what it must be, given all recordings of the contact center by
// their ids.
func checkStream(ctx context.Context, x Index, recordings map[string]*mapping.Recording, q index.Query) error {
	got, err := stream(ctx, x, q)
	if err != nil {
		return err
	}
	q.Offset, q.Limit = 0, len(recordings)+1
	ids, _, _ := expect(recordings, q)
	var want []string
	for _, id := range ids {
		data, err := mapping.Encode(unstamped(recordings[id]))
		if err != nil {
			return err
		}
		want = append(want, fmt.Sprintf("%q %s", id, data))
	}

	if !slices.Equal(got, want) {
		return fmt.Errorf("streamed %d recordings, want %d; the first that differs is %s",
			len(got), len(want), firstDifference(got, want))
	}
	return nil
}

// firstDifference says where two lists begin to differ.
func firstDifference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%d: %s, want %s", i, got[i], want[i])
		}
	}
	return "behind the last"
}

// testStream streams many recordings, of which some are pending, changed, deleted or simultaneous.
func testStream(t *testing.T, fresh Opener) {
	n := Sized(3000, 300)
	x := start(t, fresh)
	recordings := make(map[string]*mapping.Recording)
	var all []*mapping.Recording
	for i := range n {
		r := New(fmt.Sprintf("%05d", i*7919%n), region, mapping.Time(i/3*40_000_000))
		r.CallerPhoneNumber = fmt.Sprintf("+%05d", i)
		recordings[r.ID] = r
		all = append(all, r)
	}

	putAll(t, x, all)
	check := func() {
		t.Helper()
		for _, params := range [][]string{
			{"startTime=0"}, {"callerPhoneNumber=*1*"}, {"callerPhoneNumber=*1*2*"}, {"callerPhoneNumber=+changed"},
			{"userName=zoe"}, {"endTime=1971-01-01T00:00:00Z"},
		} {
			for _, in := range []string{region, "elsewhere"} {
				q := pageOf(t, in, 5, 5, params...)
				for _, q.Order = range []index.Order{index.NewestFirst, index.OldestFirst} {
					if err := checkStream(t.Context(), x, recordings, q); err != nil {
						t.Errorf("%q in %s, order %q: %v", params, in, q.Order, err)
					}
				}
			}
		}
	}

	bothWays(t, x, check)
	var changed []*mapping.Recording
	for i, r := range all {
		switch {
		case i%11 == 0:
			if err := x.Delete(t.Context(), center, r.ID); err != nil {
				t.Fatal(err)
			}
			delete(recordings, r.ID)
		case i%11 == 1:
			r.CallerPhoneNumber = "+changed"
			changed = append(changed, r)
		case i%11 == 2:
			r.Region = "elsewhere"
			changed = append(changed, r)
		}
	}

	putAll(t, x, changed)
	bothWays(t, x, check)
}

// putAll stores recordings, as fast as that goes.
func putAll(t testing.TB, x Index, all []*mapping.Recording) {
	t.Helper()
	for _, result := range x.PutAll(t.Context(), center, all, index.PutOptions{}) {
		if result.Err != nil {
			t.Fatalf("PutAll: %v", result.Err)
		}
	}
}

// testStreamState: a Stream shows the state in which it began, and ends with what its sink or its
// context says.
func testStreamState(t *testing.T, fresh Opener) {
	n := Sized(2000, 600)
	x := start(t, fresh)
	var all []*mapping.Recording
	for i := range n {
		all = append(all, New(fmt.Sprintf("%05d", i), region, mapping.Time(i)))
	}
	putAll(t, x, all)
	Settle(t, x)
	q := index.Query{Scope: here}
	encode := func(b []byte, s *mapping.Stored) ([]byte, error) {
		r, err := s.Recording()
		return append(b, r.CallerPhoneNumber...), err
	}

	count, first := 0, true
	err := x.Stream(t.Context(), q, index.Sink{Encode: encode, Write: func(b []byte, recordings int) error {
		if strings.Contains(string(b), "later") {
			t.Error("the stream shows what was changed after it began")
		}
		if first {
			first = false
			for i := range n {
				all[i].CallerPhoneNumber = "later"
			}
			putAll(t, x, all)
			if err := x.Delete(t.Context(), center, "00000"); err != nil {
				return err
			}
			Settle(t, x)
		}
		count += recordings
		return nil
	}})
	if err != nil || count != n {
		t.Errorf("%d recordings, %v; want %d", count, err, n)
	}

	enough := errors.New("enough")
	full := index.Sink{Encode: encode, Write: func([]byte, int) error { return enough }}
	if err := x.Stream(t.Context(), q, full); !errors.Is(err, enough) {
		t.Errorf("the error of Write came back as %v", err)
	}
	refuse := func(b []byte, _ *mapping.Stored) ([]byte, error) { return b, enough }
	refusing := index.Sink{Encode: refuse, Write: func([]byte, int) error { return nil }}
	if err := x.Stream(t.Context(), q, refusing); !errors.Is(err, enough) {
		t.Errorf("the error of Encode came back as %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = x.Stream(ctx, q, index.Sink{Encode: encode, Write: func([]byte, int) error {
		cancel()
		return nil
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a stream that was given up: %v", err)
	}
}
