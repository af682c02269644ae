// Package pebblehost is what every Pebble of this program needs of it: a log that does not take the
// process down where the disk fails, and somebody who listens to its messages.
package pebblehost

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/rs/zerolog"
)

// logger hands Pebble's messages on. Pebble calls Fatalf where it cannot go on, and relies on it
// not to return.
type logger struct{ log zerolog.Logger }

// Logger returns who hands Pebble's messages on to a log.
func Logger(log zerolog.Logger) pebble.Logger { return logger{log} }

// Infof implements [pebble.Logger]. Pebble says much, which is of interest only to those who look
// for something.
func (l logger) Infof(format string, args ...any) {
	l.log.Debug().Str("store", "pebble").Msgf(format, args...)
}

// Errorf implements [pebble.Logger].
func (l logger) Errorf(format string, args ...any) {
	l.log.Error().Str("store", "pebble").Msgf(format, args...)
}

// Fatalf panics. In a call of ours the panic is caught, and the store is broken from then on (see
// guard.Guard). In Pebble's own goroutines, where it cannot write its manifest, it ends the
// process: going on would lose what was promised.
func (l logger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	l.log.Error().Str("store", "pebble").Err(err).Msg("the store cannot go on")
	panic(err)
}

// BackgroundErrors logs what goes wrong in the background. A failed flush is reported under
// Pebble's own lock, so nothing here may wait.
func BackgroundErrors(log zerolog.Logger) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			log.Error().Err(err).Msg("the store's work in the background")
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			log.Error().Err(info.Details).Str("file", info.Path).Msg("a file of the store is damaged")
		},
	}
}
