package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"recordings/api/auth"
)

// userView is a user as /api/v2/me tells it.
type userView struct {
	UserName      string    `json:"userName"`
	Role          auth.Role `json:"role"`
	ContactCenter string    `json:"contactCenter,omitzero"` // of an administrator
	Region        string    `json:"region"`                 // of the server
}

// caller decodes a request that says no more than who calls: nil if it was not asked.
func caller(r *http.Request) (*auth.User, error) { return exchangeOf(r).user, nil }

func (s *Server) me(_ context.Context, u *auth.User) (userAnswer, error) {
	return userAnswer{User: userView{UserName: u.Name, Role: u.Role, ContactCenter: u.ContactCenter, Region: s.o.Region}}, nil
}

func (s *Server) version(context.Context, *auth.User) (versionAnswer, error) {
	return versionAnswer{Version: s.o.Version}, nil
}

// alive tells that requests are answered, and that only time can help where they are not: an index that cannot be
// written any more needs a restart, for which a supervisor looks here.
func (s *Server) alive(context.Context, *auth.User) (doneAnswer, error) {
	if s.o.Health.Status().Broken {
		return doneAnswer{}, &notReadyError{"nothing can be written any more; restart the service, and see its log for the cause"}
	}
	return doneAnswer{}, nil
}

// ready tells whether searches are answered, and if not, why and how far it is.
func (s *Server) ready(context.Context, *auth.User) (doneAnswer, error) {
	status := s.o.Health.Status()
	if status.Ready {
		return doneAnswer{}, nil
	}
	return doneAnswer{}, &notReadyError{fmt.Sprintf("not ready: %s; %d of %d recordings done", cmp.Or(status.Reason, "the index is not open"), status.Done, status.Total)}
}
