package store

import (
	"time"
)

// The log tells its newest hash so often: whoever keeps a copy of that elsewhere can prove that
// nothing before it was cut off or made up later.
const tellInterval = time.Hour

// upkeepInterval is how often the old end is looked at.
const upkeepInterval = time.Hour

// work syncs what nobody waits for, tells the newest hash, and cuts off the old end, until the log is
// closed.
func (l *Log) work() {
	l.tell("the audit log is open")
	l.upkeep()
	telling := time.NewTicker(tellInterval)
	defer telling.Stop()
	upkeep := time.NewTicker(upkeepInterval)
	defer upkeep.Stop()

	for {
		select {
		case <-l.unsynced:
			select {
			case <-time.After(syncDelay): // for more to arrive
			case <-l.closing.Done():
			}
			_ = l.sync() // breakDown has told why not
		case <-telling.C:
			l.tell("the audit log")
		case <-upkeep.C:
			l.upkeep()
		case <-l.closing.Done():
			return
		}
	}
}

// tell logs the newest hash.
func (l *Log) tell(message string) {
	head := l.Head()
	l.o.Log.Info().Uint64("sequence", head.Sequence).Str("hash", head.Hash).Msg(message)
}

// upkeep cuts off what is older than is to be kept, and erases what should have been erased. What was begun
// since the last time may be under way.
func (l *Log) upkeep() {
	head := l.Head().Sequence
	if err := l.finishErasing(l.closing, l.looked); err != nil && l.closing.Err() == nil {
		l.o.Log.Error().Err(err).Msg("erasing details of recordings that are not there")
	}
	l.looked = head

	const day = 24 * time.Hour
	now := l.o.Now().Truncate(day) // lest each hour have its entry that says so
	before := time.Time{}          // of all entries: what was cut off when that was still to be done is removed
	if l.o.Keep > 0 {
		before = now.Add(-l.o.Keep)
	}
	if err := l.CutOff(l.closing, before); err != nil && l.closing.Err() == nil {
		l.o.Log.Error().Err(err).Msg("cutting off the old end of the audit log")
	}
	if l.o.KeepDetails > 0 {
		if err := l.EraseOldDetails(now.Add(-l.o.KeepDetails)); err != nil {
			l.o.Log.Error().Err(err).Msg("erasing old details of the audit log")
		}
	}
}
