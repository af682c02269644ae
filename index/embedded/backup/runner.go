package backup

import (
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
	"recordings/mapping"
)

// measurable is how long something has to go on for the time left to be known.
const measurable = time.Second

// Runner lets one backup be made at a time, and knows its status, or that of the last one. Its zero
// value has seen none. All methods may be called concurrently.
type Runner struct {
	mu      sync.Mutex
	status  index.BackupStatus
	copying time.Time // since when
}

// Begin makes a backup in a directory the running one. It returns an [*index.StateError] if another
// is.
func (r *Runner) Begin(dir string) (index.BackupStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status.Phase != "" && !r.status.Phase.Ended() {
		message := fmt.Sprintf("the backup %s is being made; only one is at a time", r.status.Name)
		return r.status, &index.StateError{Message: message}
	}

	r.status = index.BackupStatus{Phase: index.Preparing, Name: filepath.Base(dir), Directory: dir, Began: now()}
	return r.status, nil
}

// Progress notes how many bytes are done; see [Options].
func (r *Runner) Progress(done, total int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status.Phase != index.Copying {
		r.status.Phase, r.copying = index.Copying, time.Now()
	}

	r.status.Done, r.status.Total = done, total
	if took := time.Since(r.copying); took >= measurable && done > 0 {
		rate := float64(done) / took.Seconds()
		r.status.Rate, r.status.SecondsLeft = int64(rate), int64(float64(total-done)/rate+0.5)
	}
}

// End notes how the backup has ended: it was made, or err says why not.
func (r *Runner) End(made *Made, withoutIndex bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.Ended, r.status.SecondsLeft = now(), 0
	if err != nil {
		r.status.Phase = index.Failed
		r.status.Verdict = "The backup has failed, nothing of it is left: " + fault.Line(err) + "."
		return
	}
	r.status.Phase, r.status.Verdict = index.Done, Verdict(made, withoutIndex)
}

// Status is that of the backup that is running, or was the last one.
func (r *Runner) Status() index.BackupStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status.Phase == "" {
		return index.BackupStatus{Phase: index.Idle}
	}
	return r.status
}

// Verdict says in one sentence what a backup has become.
func Verdict(made *Made, withoutIndex bool) string {
	text := fmt.Sprintf("The backup has %d recordings in %d files of %d bytes", made.Recordings, made.Files, made.Bytes)
	if made.With != "" {
		text += fmt.Sprintf(", of which %d bytes are shared with the backup %s", made.Shared, made.With)
	}
	if !made.Index && !withoutIndex {
		text += "; the search index was not ready and is not in it"
	}
	return text + "."
}

// now is the time as it is stored and shown, in milliseconds.
func now() mapping.Time { return mapping.Time(time.Now().UnixMilli()) }
