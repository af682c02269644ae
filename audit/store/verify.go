package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"recordings/audit"
	"recordings/internal/guard"
	"recordings/internal/pebblehost"
)

// Verify proves the log that is in a directory, and that no service has open, such as that of a backup:
// its chain, and that what is kept beside that belongs to it. In particular each entry about a recording
// is found by it, and nothing else is.
func Verify(ctx context.Context, dir string, known map[uint64]string) (report audit.Report, err error) {
	if _, err := vfs.Default.Stat(dir); err != nil {
		return report, fmt.Errorf("there is no audit log: %w", err)
	}
	o := pebbleOptions(vfs.Default, zerolog.Nop())
	o.ReadOnly = true
	o.Logger = pebblehost.Logger(zerolog.Nop())
	var db *pebble.DB
	err = guard.Guard(func() (err error) {
		db, err = pebble.Open(dir, o)
		return err
	})
	if err != nil {
		return report, fmt.Errorf("opening the audit log in %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	v := audit.NewVerifier(known)
	failed := guard.Guard(func() error {
		meta, err := readMeta(db)
		if err != nil {
			return err
		}
		r := &reader{db, meta.secret, meta.first}
		if err := r.chain(ctx, audit.Query{Chain: true}, meta, v.Add); err != nil {
			return err
		}
		return r.checkKeys(ctx)
	})
	if failed != nil {
		return audit.Report{}, failed
	}
	return v.End()
}

// checkKeys makes sure that what is kept beside the entries is as they say: for each that is about a
// recording there is the key by which it is found, those of sign-ins lead to these, and details and what
// is to be erased are of entries that have them. The entries are gone through in their order, and so is
// what is beside them.
//
// Keys of recordings are in another order. Looking each of them up would take hours where there are many;
// so those that should be there, and those that are, are summed up, and only where the sums differ it is
// looked for the key that is wrong.
func (r *reader) checkKeys(ctx context.Context) error {
	details, err := r.follow(detailPrefix)
	if err != nil {
		return err
	}
	defer details.Close()
	unerased, err := r.follow(unerasedPrefix)
	if err != nil {
		return err
	}
	defer unerased.Close()

	should, are, err := newKeySums()
	if err != nil {
		return err
	}
	err = r.scan(ctx, 0, func(line *audit.Line) error {
		if line.Recording != "" {
			should.add(recordingKey(line.Recording, line.Sequence))
		}
		if err := details.upTo(line.Sequence, line.DetailHash != ""); err != nil {
			return fmt.Errorf("a detail, %w", err)
		}
		if err := unerased.upTo(line.Sequence, awaitsErasing(line)); err != nil {
			return fmt.Errorf("a note that something is to be erased, %w", err)
		}
		return nil
	})
	if err == nil {
		err = errors.Join(details.end("a detail"), unerased.end("a note that something is to be erased"))
	}
	if err != nil {
		return err
	}

	err = r.recordingKeys(ctx, func(key []byte) error {
		are.add(key)
		return nil
	})
	if err != nil {
		return err
	}
	if !should.equal(are) {
		return r.findWrongKey(ctx)
	}
	return r.checkSignIns(ctx)
}

// checkSignIns makes sure that by the name of a user only their own sign-ins are found. There are few keys
// of these. That one is missing proves nothing: an entry may be older than such keys.
func (r *reader) checkSignIns(ctx context.Context) error {
	return r.keysOf(ctx, signInPrefix, func(key []byte) error {
		line, err := r.line(sequenceOf(key))
		if err != nil {
			return err
		}
		if line == nil {
			return fmt.Errorf("a key of a sign-in leads to entry %d, which is not there", sequenceOf(key))
		}
		if !bytes.Equal(key, signInKey(line)) {
			return fmt.Errorf("entry %d: it is found as a sign-in that it is not", line.Sequence)
		}
		return nil
	})
}

// recordingKeys gives all keys by which entries about recordings are found.
func (r *reader) recordingKeys(ctx context.Context, fn func(key []byte) error) error {
	return r.keysOf(ctx, recordingPrefix, fn)
}

// keysOf gives all keys with a prefix.
func (r *reader) keysOf(ctx context.Context, prefix string, fn func(key []byte) error) error {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte(prefix), UpperBound: after(prefix)})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := fn(it.Key()); err != nil {
			return err
		}
	}
	return it.Error()
}

// after is the bound behind all keys with a prefix.
func after(prefix string) []byte {
	bound := []byte(prefix)
	bound[len(bound)-1]++
	return bound
}

// findWrongKey returns an error that names a key which is missing, or one that should not be there.
func (r *reader) findWrongKey(ctx context.Context) error {
	err := r.scan(ctx, 0, func(line *audit.Line) error {
		if line.Recording == "" {
			return nil
		}
		_, closer, err := r.Get(recordingKey(line.Recording, line.Sequence))
		if errors.Is(err, pebble.ErrNotFound) {
			return fmt.Errorf("entry %d: it is not found by its recording %q: its key is missing", line.Sequence,
				line.Recording)
		}
		if err != nil {
			return err
		}
		return closer.Close()
	})
	if err != nil {
		return err
	}

	err = r.recordingKeys(ctx, func(key []byte) error {
		line, err := r.line(sequenceOf(key))
		if err != nil {
			return err
		}
		switch {
		case line == nil:
			return fmt.Errorf("a key of a recording leads to entry %d, which is not there", sequenceOf(key))
		case line.Recording == "" || !bytes.Equal(key, recordingKey(line.Recording, line.Sequence)):
			return fmt.Errorf("entry %d: it is found by a recording that it is not about", line.Sequence)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return errors.New("the keys by which entries are found are not those of the entries")
}

// follower goes through keys that end with a sequence, while the entries are gone through.
type follower struct {
	*pebble.Iterator
	valid bool
}

// follow goes through the keys of a kind.
func (r *reader) follow(prefix string) (*follower, error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte(prefix), UpperBound: after(prefix)})
	if err != nil {
		return nil, err
	}
	return &follower{it, it.First()}, nil
}

// upTo goes on behind the key of an entry, which may be there or not.
func (f *follower) upTo(sequence uint64, may bool) error {
	if !f.valid {
		return nil
	}
	at := sequenceOf(f.Key())
	switch {
	case len(f.Key()) != len(sequenceKey(detailPrefix, at)), at < sequence, at == sequence && !may:
		return fmt.Errorf("of entry %d, is there, and does not belong to it", at)
	case at == sequence:
		f.valid = f.Next()
	}
	return nil
}

// end makes sure that nothing is left behind the last entry.
func (f *follower) end(what string) error {
	if f.valid {
		return fmt.Errorf("%s, of entry %d, is there without the entry", what, sequenceOf(f.Key()))
	}
	return f.Error()
}

// keySum sums up different keys, whatever their order. Two sums are equal if the keys are the same; that
// others have the same sum nobody can bring about who does not know the salt.
type keySum struct {
	salt []byte
	hash hash.Hash
	sum  [sha256.Size / 8]uint64
}

// newKeySums returns two sums that can be compared.
func newKeySums() (a, b *keySum, err error) {
	salt := make([]byte, sha256.Size)
	if _, err := rand.Read(salt); err != nil {
		return nil, nil, err
	}
	return &keySum{salt: salt, hash: sha256.New()}, &keySum{salt: salt, hash: sha256.New()}, nil
}

// add adds a key.
func (s *keySum) add(key []byte) {
	s.hash.Reset()
	_, _ = s.hash.Write(s.salt) // a hash takes everything
	_, _ = s.hash.Write(key)
	var room [sha256.Size]byte
	sum := s.hash.Sum(room[:0])
	for i := range s.sum {
		s.sum[i] += binary.BigEndian.Uint64(sum[8*i:])
	}
}

// equal reports whether the same keys were added to another sum.
func (s *keySum) equal(other *keySum) bool { return s.sum == other.sum }
