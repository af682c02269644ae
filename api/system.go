package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"recordings/api/auth"
	"recordings/api/load"
	"recordings/api/users"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/erase/reconcile"
	"recordings/index"
	"recordings/mapping"
)

// system are the handlers that say how the service itself is doing.
type system struct {
	*pipeline
	health          index.Health
	operations      index.Operations
	backups         index.Backups
	exports         *exports
	region, version string
	began           time.Time

	deletions       *deletion.Deletions
	reconciliations *reconcile.Reconciliations

	seen    *users.Seen
	earlier users.Earlier
}

// statusView is how the service is doing, as operations see it.
type statusView struct {
	Ready         bool    `json:"ready"`
	Reason        string  `json:"reason,omitzero"` // why not, or what is wrong
	Broken        bool    `json:"broken"`          // nothing can be written until a restart
	Version       string  `json:"version"`
	Region        string  `json:"region"`
	Uptime        float64 `json:"uptime"`  // seconds
	Pending       int     `json:"pending"` // changes that the search index does not have yet
	DiskFull      bool    `json:"diskFull"`
	Exports       int     `json:"exports"`       // that are running
	StorageErrors int     `json:"storageErrors"` // of the last 15 minutes
	index.Usage

	Rebuild *rebuildView       `json:"rebuild,omitzero"` // while searches wait for it
	Reindex index.Reindex      `json:"reindex"`
	Verify  verifyView         `json:"verify"`
	Backup  index.BackupStatus `json:"backup"`
	Jobs    *jobsView          `json:"jobs,omitzero"`
	Cluster *index.Cluster     `json:"cluster,omitzero"` // that keeps the index
	Audit   *auditView         `json:"audit,omitzero"`

	LastHour load.Minutes `json:"lastHour"`
}

// jobsView is how many jobs have not ended, of all contact centers.
type jobsView struct {
	Deletions       jobCounts `json:"deletions"`
	Reconciliations jobCounts `json:"reconciliations"`
}

// jobCounts are how many jobs of a kind there are by what they do.
type jobCounts struct {
	Running     int `json:"running"`
	Waiting     int `json:"waiting"`     // for others, or for their time
	Unconfirmed int `json:"unconfirmed"` // somebody has to say that they are really meant
	Paused      int `json:"paused"`
}

// add counts a job.
func (c *jobCounts) add(p jobs.Phase) {
	switch {
	case p.Ended():
	case p == jobs.Waiting:
		c.Waiting++
	case p == jobs.Unconfirmed:
		c.Unconfirmed++
	case p == jobs.Paused:
		c.Paused++
	default: // what they do while they run, they name themselves
		c.Running++
	}
}

// jobsPatience is how long the status waits for the jobs: where a cluster keeps them, it may be away.
const jobsPatience = 2 * time.Second

// countJobs counts the jobs that have not ended; nil: they cannot be read now.
func (h *system) countJobs(ctx context.Context) *jobsView {
	ctx, cancel := context.WithTimeout(ctx, jobsPatience)
	defer cancel()
	deletions, err := h.deletions.All(ctx, "")
	if err != nil {
		return nil
	}
	reconciliations, err := h.reconciliations.All(ctx, "")
	if err != nil {
		return nil
	}

	v := new(jobsView)
	for i := range deletions {
		v.Deletions.add(deletions[i].Phase)
	}
	for i := range reconciliations {
		v.Reconciliations.add(reconciliations[i].Phase)
	}
	return v
}

// rebuildView is the progress of the search index without which searches are not answered.
type rebuildView struct {
	Done  uint64 `json:"done"`
	Total uint64 `json:"total"`
}

// verifyView is a verification without its findings, which have a path of their own.
type verifyView struct {
	index.Verification
	Findings hidden `json:"findings,omitzero"` // takes the place of the embedded ones
}

type (
	statusAnswer struct {
		StatusCode int        `json:"statusCode"`
		Status     statusView `json:"status"`
	}
	versionAnswer struct {
		StatusCode int    `json:"statusCode"`
		Version    string `json:"version"`
	}
)

// status shows operations at one glance what there is to know.
func (h *system) status(ctx context.Context, _ struct{}) (statusAnswer, error) {
	st := h.health.Status()
	v := statusView{
		Ready: st.Ready, Reason: st.Reason, Broken: st.Broken, Pending: st.Pending, DiskFull: st.DiskFull,
		Version: h.version, Region: h.region, Uptime: time.Since(h.began).Seconds(),
		Exports: h.exports.running.Taken(), StorageErrors: h.metrics.recent.count(time.Now()),

		Usage:   h.operations.Usage(),
		Reindex: h.operations.Reindex(),
		Verify:  verifyView{Verification: h.operations.Verification()},
		Backup:  h.backups.BackupStatus(),
		Jobs:    h.countJobs(ctx),
		Cluster: st.Cluster,
		Audit:   h.auditStatus(),

		LastHour: h.metrics.hour.Last(time.Now()),
	}
	if !st.Ready {
		v.Rebuild = &rebuildView{Done: st.Done, Total: st.Total}
	}
	return statusAnswer{Status: v}, nil
}

// usersAnswer has who may call the service.
type usersAnswer struct {
	StatusCode int               `json:"statusCode"`
	Since      mapping.Time      `json:"since"` // when the service was started
	Users      []users.KnownUser `json:"users"`
}

// users lists who may call the service, and when each has done so last.
func (h *system) users(ctx context.Context, _ struct{}) (usersAnswer, error) {
	all, err := h.seen.List(ctx, infoFrom(ctx).access, time.Now(), h.earlier)
	if err != nil {
		return usersAnswer{}, err
	}
	return usersAnswer{Since: mapping.Time(h.began.UnixMilli()), Users: all}, nil
}

// showVersion answers which version of the service this is. It needs no credentials.
func (h *system) showVersion(context.Context, *auth.User) (versionAnswer, error) {
	return versionAnswer{Version: h.version}, nil
}

// alive reports that requests are answered, and that only time can help where they are not: an
// index that cannot be written any more needs a restart, for which a supervisor looks here.
func (h *system) alive(context.Context, *auth.User) (doneAnswer, error) {
	if h.health.Status().Broken {
		reason := "nothing can be written any more; restart the service, and see its log for the cause"
		return doneAnswer{}, &notReadyError{reason}
	}
	return doneAnswer{}, nil
}

// ready reports whether searches are answered, and if not, why and how far it is.
func (h *system) ready(context.Context, *auth.User) (doneAnswer, error) {
	st := h.health.Status()
	if st.Ready {
		return doneAnswer{}, nil
	}
	reason := cmp.Or(st.Reason, "the index is not open")
	reason = fmt.Sprintf("not ready: %s; %d of %d recordings done", reason, st.Done, st.Total)
	return doneAnswer{}, &notReadyError{reason}
}

// metricsPage answers GET /metrics.
func (h *system) metricsPage(w http.ResponseWriter, r *http.Request) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	h.metrics.handler.ServeHTTP(w, r)
}

// contactCenters is the handler of which contact centers there are.
type contactCenters struct {
	*scope
	index   index.Index
	list    index.ContactCenters
	timeout time.Duration
}

type (
	contactCentersAnswer struct {
		StatusCode     int                 `json:"statusCode"`
		ContactCenters []contactCenterView `json:"contactCenters"`
	}
	contactCenterView struct {
		ID         string `json:"id"`
		Recordings int    `json:"recordings"` // that searches of this server can find
	}
)

// read lists the contact centers that the configuration names, and those that have recordings of
// the region of this server, as far as they are the caller's. What is only in another region is not
// told of here, either.
func (h *contactCenters) read(ctx context.Context, u *auth.User) (contactCentersAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	stored, err := h.list.ContactCenters(ctx)
	if err != nil {
		return contactCentersAnswer{}, err
	}

	named := infoFrom(ctx).access.Named()
	all := slices.DeleteFunc(slices.Concat(named, stored), func(id string) bool { return !u.Reaches(id) })
	slices.Sort(all)
	answer := contactCentersAnswer{ContactCenters: []contactCenterView{}}
	for _, id := range slices.Compact(all) {
		n, err := h.index.Count(ctx, index.Query{Scope: h.seenBy(u, id)})
		if err != nil {
			return contactCentersAnswer{}, err
		}
		if n > 0 || slices.Contains(named, id) {
			answer.ContactCenters = append(answer.ContactCenters, contactCenterView{id, n})
		}
	}
	return answer, nil
}

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
