package api

import (
	"context"
	"net/http"
	"strings"

	"recordings/index"
	"recordings/mapping"
)

// paramRepair asks for what is derived to be rebuilt if it is damaged.
const paramRepair = "repair"

// maxBackups bounds how many backups an answer lists: those behind the newest ones are left out.
const maxBackups = 1000

// operations are the handlers of running the index: backups, building the search index anew, and
// verifying.
type operations struct {
	bodies     *bodies
	operations index.Operations
	backups    index.Backups
	reread     func(context.Context) (needRestart []string, err error) // nil: there is no configuration
}

type (
	backupAnswer struct {
		StatusCode int                `json:"statusCode"`
		Backup     index.BackupStatus `json:"backup"`
	}
	backupsAnswer struct {
		StatusCode int                `json:"statusCode"`
		Backup     index.BackupStatus `json:"backup"`
		Backups    []index.Backup     `json:"backups"`
	}
	reindexAnswer struct {
		StatusCode int           `json:"statusCode"`
		Reindex    index.Reindex `json:"reindex"`
	}
	verifyAnswer struct {
		StatusCode int                `json:"statusCode"`
		Verify     index.Verification `json:"verify"`
	}
)

// backupStatus is the progress of the backup, and which ones there are.
func (h *operations) backupStatus(ctx context.Context, _ struct{}) (backupsAnswer, error) {
	all, err := h.backups.Backups(ctx)
	if all = all[:min(len(all), maxBackups)]; all == nil {
		all = []index.Backup{}
	}
	return backupsAnswer{Backup: h.backups.BackupStatus(), Backups: all}, err
}

// backupBody says what a backup is to be.
type backupBody struct {
	Name  *string `json:"name,omitzero"`
	Index bool    `json:"index,omitzero"`
}

// decodeBackup reads what a backup is to be. An empty body asks for one named by the time, with the
// search index.
func (h *operations) decodeBackup(r *http.Request) (in index.BackupRequest, err error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return in, err
	}
	text, err := h.bodies.read(r)
	if err != nil {
		return in, err
	}

	body := backupBody{Index: true}
	if strings.TrimSpace(string(text)) != "" {
		if err := decodeObject(text, &body, namesOf[backupBody]()); err != nil {
			return in, err
		}
	}
	if body.Name != nil {
		if in.Name = *body.Name; !index.ValidBackupName(in.Name) {
			return in, mapping.Problems{{Path: "name", Message: "is not " + index.BackupNameRule}}
		}
	}

	in.WithoutIndex = !body.Index
	return in, nil
}

// startBackup begins a backup, which goes on when this has returned.
func (h *operations) startBackup(_ context.Context, in index.BackupRequest) (backupAnswer, error) {
	status, err := h.backups.StartBackup(in)
	return backupAnswer{Backup: status}, err
}

// reload reads the configuration again.
func (h *operations) reload(ctx context.Context, _ struct{}) (doneAnswer, error) {
	if h.reread == nil {
		return doneAnswer{}, &index.StateError{Message: "this service has no configuration that could be read again"}
	}

	needRestart, err := h.reread(ctx)
	if err != nil {
		return doneAnswer{}, err
	}
	var answer doneAnswer
	if len(needRestart) > 0 {
		answer.Notice = notices{"changed, but only a restart puts it into force: " + strings.Join(needRestart, ", ")}
	}
	return answer, nil
}

// reindexStatus is the progress of building the search index anew.
func (h *operations) reindexStatus(context.Context, struct{}) (reindexAnswer, error) {
	return reindexAnswer{Reindex: h.operations.Reindex()}, nil
}

// controlReindex returns what starts, pauses, resumes or cancels it.
func (h *operations) controlReindex(a index.Action) func(context.Context, struct{}) (reindexAnswer, error) {
	return func(ctx context.Context, _ struct{}) (reindexAnswer, error) {
		state, err := h.operations.ControlReindex(ctx, a)
		return reindexAnswer{Reindex: state}, err
	}
}

// verifyStatus is the progress of verifying, or what was found.
func (h *operations) verifyStatus(context.Context, struct{}) (verifyAnswer, error) {
	return verifyAnswer{Verify: h.operations.Verification()}, nil
}

// decodeVerify reads whether what is damaged is to be repaired.
func decodeVerify(r *http.Request) (repair bool, err error) {
	params, problems := parseQuery(r.URL.RawQuery, []string{paramRepair})
	_, repair, wrong := takeFlag(params, paramRepair)
	if problems = append(problems, wrong...); len(problems) > 0 {
		return false, problems
	}
	return repair, nil
}

// startVerify begins to verify everything that is stored.
func (h *operations) startVerify(ctx context.Context, repair bool) (verifyAnswer, error) {
	state, err := h.operations.ControlVerify(ctx, index.Start, repair)
	return verifyAnswer{Verify: state}, err
}

// cancelVerify ends it before everything was compared.
func (h *operations) cancelVerify(ctx context.Context, _ struct{}) (verifyAnswer, error) {
	state, err := h.operations.ControlVerify(ctx, index.Cancel, false)
	return verifyAnswer{Verify: state}, err
}
