package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"recordings/api/auth"
	"recordings/api/load"
	"recordings/mapping"
)

// metrics are what the API counts. No label depends on what a client sends beyond the few values
// that are known here.
type metrics struct {
	handler  http.Handler
	requests *prometheus.HistogramVec // by route, method and status
	running  prometheus.Gauge
	exported prometheus.Counter
	refused  *prometheus.CounterVec   // logins, by reason
	media    *prometheus.HistogramVec // by storage and operation
	failed   *prometheus.CounterVec   // likewise
	recent   recentErrors             // of storages
	hour     load.Hour
}

// The operations on media.
const (
	mediaOpen   = "open"
	mediaRead   = "read" // behind the first bytes
	mediaDelete = "delete"
)

// The reasons for which logins are refused.
const (
	refusedCredentials = "credentials"
	refusedThrottled   = "brake"
)

// newMetrics registers the metrics of the API. A nil registry stands for one of its own.
func newMetrics(r *prometheus.Registry) (*metrics, error) {
	if r == nil {
		r = prometheus.NewRegistry()
	}
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "recordings_http_request_duration_seconds",
			Help:    "Requests that were answered, by the template of their route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60},
		}, []string{"route", "method", "status"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "recordings_http_requests_running",
			Help: "Requests that are being answered.",
		}),
		exported: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "recordings_exported_total",
			Help: "Recordings that exports have sent.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "recordings_logins_refused_total",
			Help: "Logins that were refused: for wrong credentials, or by the brake on guessing.",
		}, []string{"reason"}),
		media: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "recordings_media_duration_seconds",
			Help:    "How long storages took to give the first bytes of media, and to delete it.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60},
		}, []string{"storage", "operation"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "recordings_media_errors_total",
			Help: "What storages could not do; what a client gave up is not counted.",
		}, []string{"storage", "operation"}),
	}

	// Both are shown from the beginning, so that a rate can be made of them.
	m.refused.WithLabelValues(refusedCredentials)
	m.refused.WithLabelValues(refusedThrottled)

	for _, c := range []prometheus.Collector{m.requests, m.running, m.exported, m.refused, m.media, m.failed} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	m.handler = promhttp.HandlerFor(r, promhttp.HandlerOpts{Registry: r})
	return m, nil
}

// request counts a request that was answered.
func (m *metrics) request(info *requestInfo, sent *sentWriter, r *http.Request, took time.Duration) {
	route := info.route
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, methodName(r), strconv.Itoa(sent.status)).Observe(took.Seconds())
	m.hour.Add(time.Now(), kindOf(r.Method, route), sent.status >= http.StatusInternalServerError, took)
}

// kindOf is what a request asks for, by the path of its line in the table: recordings of a contact center are
// searched by GET, and posted, or marked, by POST.
func kindOf(method, path string) load.Kind {
	switch isCollection := strings.HasSuffix(strings.TrimSuffix(path, "/"), "/recordings"); {
	case isCollection && method == http.MethodGet:
		return load.Search
	case isCollection && method == http.MethodPost:
		return load.Post
	}
	return load.Other
}

// login counts a login that was refused.
func (m *metrics) login(err error) {
	var throttled *auth.ThrottledError
	switch {
	case errors.As(err, &throttled):
		m.refused.WithLabelValues(refusedThrottled).Inc()
	case errors.Is(err, auth.ErrUnauthenticated):
		m.refused.WithLabelValues(refusedCredentials).Inc()
	}
}

// storage counts what a storage did for a media file, since a time.
func (m *metrics) storage(d *mapping.MediaDescriptor, operation string, since time.Time, err error) {
	m.media.WithLabelValues(storageLabel(d), operation).Observe(time.Since(since).Seconds())
	if err != nil {
		m.storageFailed(d, operation, err)
	}
}

// deleted counts a media file that a storage was asked to delete.
func (m *metrics) deleted(d *mapping.MediaDescriptor, since time.Time, err error) {
	m.storage(d, mediaDelete, since, err)
}

// storageFailed counts an error of a storage, unless the client has given up.
func (m *metrics) storageFailed(d *mapping.MediaDescriptor, operation string, err error) {
	if !errors.Is(err, context.Canceled) {
		m.failed.WithLabelValues(storageLabel(d), operation).Inc()
		m.recent.add(time.Now())
	}
}

// storageLabel is the storage of a descriptor, as far as it is known: a client can post anything.
func storageLabel(d *mapping.MediaDescriptor) string {
	if d.Storage == mapping.StorageS3 || d.Storage == mapping.StorageWebDAV {
		return d.Storage
	}
	return "other"
}

// recentErrors counts errors, minute by minute.
type recentErrors struct {
	mu      sync.Mutex
	minutes [recentMinutes]struct {
		minute int64 // since 1970
		count  int
	}
}

// recentMinutes is how long an error is recent.
const recentMinutes = 15

// add counts one error.
func (t *recentErrors) add(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	minute := now.Unix() / 60
	m := &t.minutes[minute%recentMinutes]
	if m.minute != minute {
		m.minute, m.count = minute, 0
	}
	m.count++
}

// count returns how many there were in the last minutes, this one included.
func (t *recentErrors) count(now time.Time) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.minutes {
		if m.minute > now.Unix()/60-recentMinutes {
			n += m.count
		}
	}
	return n
}
