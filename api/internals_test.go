package api

import "github.com/gorilla/mux"

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
