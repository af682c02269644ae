package auth_test

import (
	"fmt"
	"testing"
	"time"

	"recordings/api/auth"
)

// TestSignIns: the last of each kind are kept, of a bounded number of users.
func TestSignIns(t *testing.T) {
	t.Parallel()
	var s auth.SignIns
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	if got := s.Last("alice"); len(got) != 0 {
		t.Fatalf("before any: %v", got)
	}

	s.Note("alice", auth.SignIn{Time: at, Address: "192.0.2.1"})
	for i := range 1000 { // who guesses does not push out who knows
		s.Note("alice", auth.SignIn{Time: at.Add(time.Duration(i+1) * time.Second), Refused: true})
	}
	got := s.Last("alice")
	if len(got) != 11 || !got[0].Time.Equal(at.Add(1000*time.Second)) || got[10].Address != "192.0.2.1" {
		t.Fatalf("after many that were refused: %v", got)
	}

	for i := range 10_000 {
		s.Note(fmt.Sprint(i), auth.SignIn{Time: at.Add(time.Duration(i-1) * time.Hour)})
	}
	if len(s.Last("alice")) != 11 || len(s.Last("0")) != 0 || len(s.Last("9999")) != 1 {
		t.Fatal("another user made room than the one who signed in longest ago")
	}
}
