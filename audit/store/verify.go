package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"recordings/audit"
	"recordings/internal/guard"
	"recordings/internal/pebblehost"
)

// Verify proves the chain of a log that no service has open, such as that of a backup.
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
		return r.chain(ctx, audit.Query{Chain: true}, meta, v.Add)
	})
	if failed != nil {
		return audit.Report{}, failed
	}
	return v.End()
}
