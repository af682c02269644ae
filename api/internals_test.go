package api

import (
	"github.com/gorilla/mux"

	"recordings/api/auth"
)

// Paths are the templates of all paths that the server routes.
func (s *Server) Paths() (all []string) {
	walk := func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		template, err := route.GetPathTemplate()
		all = append(all, template)
		return err
	}
	if err := s.router.Walk(walk); err != nil {
		panic(err)
	}
	return all
}

// HeldMemory is how many bytes are reserved for answers.
func (s *Server) HeldMemory() int64 {
	for n := int64(0); ; n += 1 << 10 {
		if s.memory.free.TryAcquire(s.memory.size - n) {
			s.memory.free.Release(s.memory.size - n)
			return n
		}
	}
}

// Line is a line of the table of routes, as tests see it.
type Line struct {
	Method, Path string
	Roles        []auth.Role
	Callers      bool // it is about the contact center that the caller chooses
	Named        bool // about the one in the path
	Service      bool // about the service as a whole
}

// Table is the table of routes.
func Table() (all []Line) {
	for _, r := range allRoutes() {
		all = append(all, Line{r.method, r.path, r.roles, r.reach == callers, r.reach == named, r.reach == service})
	}
	return all
}

// Describe is the description of the API.
func Describe() ([]byte, error) { return describeAPI(allRoutes(), "1.2.3", "/") }
