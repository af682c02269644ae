package store

import (
	"context"
	"errors"
	"fmt"

	"recordings/index/embedded/internal/fault"
)

// Inspect returns how far a store reaches that nobody uses, such as a checkpoint. It leaves no lock
// file behind.
func Inspect(o Options) (log ChangeLog, err error) {
	o = o.withFS()
	at, err := OpenStopped(o, nil)
	if err != nil {
		return log, err
	}
	defer func() {
		err = errors.Join(err, at.Close(), o.FS.Remove(o.FS.PathJoin(o.recordsDir(), "LOCK")))
	}()

	err = fault.Guard(func() (err error) {
		log, err = at.ChangeLog()
		return err
	})
	return log, err
}

// Recount opens a store that nobody uses as a service does, reads all of its recordings, and
// returns how far it reaches. The Count is what was found, not what the change log says.
func Recount(ctx context.Context, o Options) (log ChangeLog, err error) {
	o = o.withFS()
	db, err := openPebble(o, o.FS, nil)
	if err != nil {
		return log, err
	}
	defer func() { err = errors.Join(err, fault.Guard(db.Close)) }()

	if log, err = readChangeLog(db); err != nil {
		return log, err
	}
	log.Count = 0
	at := &Snapshot{reader: db}
	err = at.Scan(ctx, RecordPrefix, func(string, []byte) error {
		log.Count++
		return nil
	})
	if err != nil {
		return log, fmt.Errorf("counting the recordings: %w", err)
	}
	return log, nil
}
