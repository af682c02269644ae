package auth

import (
	"testing"
	"time"
)

func TestSessions(t *testing.T) {
	t.Parallel()
	c := &clock{t: time.Now()}
	s := NewSessions(time.Hour, 3*time.Hour)
	s.now = c.now
	u := &User{Name: "ops"}
	token := s.Begin(u, "")
	if len(token) < 26 || s.User(token) != u || s.User(token+"x") != nil || s.User("") != nil {
		t.Fatalf("the session of %q", token)
	}
	for range 3 {
		c.add(50 * time.Minute)
		if s.User(token) != u {
			t.Fatal("a session in use has ended")
		}
	}
	c.add(50 * time.Minute)
	if s.User(token) != nil {
		t.Error("a session lasts for longer than it may")
	}
	token = s.Begin(u, "")
	c.add(time.Hour)
	if s.User(token) != nil {
		t.Error("a session that is not used does not end")
	}
	token = s.Begin(u, "")
	s.End(token)
	if s.User(token) != nil {
		t.Error("an ended session goes on")
	}
	first := s.Begin(u, "")
	for range maxSessions {
		c.add(time.Second)
		s.Begin(u, "")
	}
	if s.User(first) != nil || len(s.all) != maxSessions {
		t.Errorf("%d sessions of one user, the first among them: %t", len(s.all), s.User(first) != nil)
	}
}
