package api_test

import (
	"testing"

	"recordings/api"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{Version: "1.2.3"})
	if a := s.do(t, "POST", opsPath, "ops", nil, string(encode(t, exampleRecording(t)))); a.status != 200 {
		t.Fatal(a.body)
	}
	a := s.do(t, "GET", "/api/v2/ops/status", "ops", nil, "")
	checkEnvelope(t, "GET", a)
	status := at(decode(t, a.body), "status")
	for path, want := range map[string]any{
		"ready": true, "broken": false, "version": "1.2.3", "region": "test", "recordings": 1.0, "diskFull": false,
		"exports": 0.0, "storageErrors": 0.0, "backup.phase": "idle",
	} {
		if got := at(status, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	for _, path := range []string{"uptime", "diskUsed", "diskFree"} {
		if n, _ := at(status, path).(float64); n <= 0 {
			t.Errorf("%s is %v", path, at(status, path))
		}
	}
	checkAnswer(t, s.do(t, "GET", opsPath+"?startTime=0", "ops", nil, ""), 200, 0, "")
	checkAnswer(t, s.do(t, "GET", opsPath+"/?startTime=0", "ops", nil, ""), 200, 0, "")
	checkAnswer(t, s.do(t, "GET", opsPath+"/histogram?startTime=0&interval=day", "ops", nil, ""), 200, 0, "") // none
	hour := at(decode(t, s.do(t, "GET", "/api/v2/ops/status", "ops", nil, "").body), "status.lastHour")
	for name, want := range map[string]float64{"searches": 2, "posts": 1, "errors": 0} {
		sum := 0.0 // the minute may have ended meanwhile
		for _, n := range at(hour, name).([]any) {
			sum += n.(float64)
		}
		if n := len(at(hour, name).([]any)); n != 60 || sum != want {
			t.Errorf("%s of the last hour are %v in %d minutes, want %v in 60", name, sum, n, want)
		}
	}
	checkAnswer(t, s.do(t, "GET", "/api/v2/ops/status", "alice", nil, ""), 403, 5, "role")
	checkAnswer(t, s.do(t, "GET", "/api/v2/ops/status?x=1", "ops", nil, ""), 400, 2, "x")
}
