package front

import (
	"net/http"

	"github.com/rs/cors"
)

// CenterHeader chooses one of several contact centers of an administrator.
const CenterHeader = "ContactCenterId"

// corsMaxAge is how long a browser may remember what was allowed, in seconds.
const corsMaxAge = 600

// Sharing lets the browser applications of some origins read answers, and ask beforehand what they
// may send. Without any origins it is next itself.
func Sharing(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next // the library takes none for all
	}

	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
			http.MethodDelete},
		AllowedHeaders: []string{
			"Accept", "Authorization", CenterHeader, "Content-Type", "If-Modified-Since", "If-None-Match",
			"If-Range", "Range", "Traceparent", "Tracestate", RequestIDHeader, "X-Requested-With",
		},
		ExposedHeaders: []string{
			"Accept-Ranges", "Content-Disposition", "Content-Length", "Content-Range", "ETag", "Last-Modified",
			"Retry-After", RequestIDHeader,
		},
		AllowCredentials: true,
		MaxAge:           corsMaxAge,
	}).Handler(next)
}
