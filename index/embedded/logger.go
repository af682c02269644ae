package embedded

import (
	"fmt"

	"github.com/rs/zerolog"
)

// storeLogger hands Pebble's messages on. Pebble calls Fatalf where it cannot go on, and relies on it not to return.
type storeLogger struct{ log zerolog.Logger }

func (l storeLogger) Infof(format string, args ...any) {
	l.log.Debug().Str("store", "pebble").Msgf(format, args...)
}

func (l storeLogger) Errorf(format string, args ...any) {
	l.log.Error().Str("store", "pebble").Msgf(format, args...)
}

// Fatalf panics. In a call of ours the panic is caught, and the store is broken from then on (see guard). In Pebble's own
// goroutines, where it cannot write its manifest, it ends the process: going on would lose what was promised.
func (l storeLogger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	l.log.Error().Str("store", "pebble").Err(err).Msg("the store cannot go on")
	panic(err)
}
