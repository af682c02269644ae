package api

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/rs/cors"
)

// corsMaxAge is how long a browser may remember what was allowed, in seconds.
const corsMaxAge = 600

// trust makes the rule by which other origins cannot change anything, but for these.
func (o *Options) trust() (*http.CrossOriginProtection, error) {
	origins := slices.Clone(o.Origins)
	if o.PublicURL != nil { // behind a proxy, the Host header may not be what the browser sees
		origins = append(origins, o.PublicURL.Scheme+"://"+o.PublicURL.Host)
	}

	rule := http.NewCrossOriginProtection()
	for _, origin := range origins {
		if err := rule.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("trusting an origin: %w", err)
		}
	}
	return rule, nil
}

// sharing lets the browser applications of some origins read answers, and ask beforehand what they
// may send. Without any origins it is next itself.
func sharing(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next // the library takes none for all
	}

	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete},
		AllowedHeaders: []string{
			"Accept", "Authorization", "Content-Type", "If-Modified-Since", "If-None-Match", "If-Range", "Range",
			"X-Request-Id", "X-Requested-With",
		},
		ExposedHeaders: []string{
			"Accept-Ranges", "Content-Disposition", "Content-Length", "Content-Range", "ETag", "Last-Modified",
			"Retry-After", "X-Request-Id",
		},
		AllowCredentials: true,
		MaxAge:           corsMaxAge,
	}).Handler(next)
}
