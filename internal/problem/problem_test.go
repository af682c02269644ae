package problem_test

import (
	"strings"
	"testing"

	"recordings/internal/problem"
)

func TestCheckURL(t *testing.T) {
	for text, ok := range map[string]bool{
		"http://a": true, "https://a:8443/b/c": true, "http://[::1]:80/": true,
		"": false, "a": false, "//a": false, "ftp://a": false, "http://": false, "http://u@a": false,
		"http://a?b": false,
		"http://a#b": false, "http://a:b": false, "http://a:99999": false, `http://a\b`: false,
	} {
		var l problem.List
		if l.CheckURL("url", text) != ok || (len(l) == 0) != ok {
			t.Errorf("%q: %v, want it accepted: %t", text, l, ok)
		}
	}
}

func TestCheckNames(t *testing.T) {
	var l problem.List
	l.CheckNames("names", []string{"a", "b", "", "a", " c"})
	var at []string
	for _, p := range l {
		at = append(at, p.Setting)
	}
	if got := strings.Join(at, " "); got != "names[2] names[3] names[4]" {
		t.Errorf("wrong are %s", got)
	}
}

func TestList(t *testing.T) {
	var inner, l problem.List
	if inner.Check(true, "a", "x") && !inner.Check(false, "b", "is wrong") {
		l.Add("storage", inner)
	}
	if l.Err() == nil || l.Err().Error() != "storage.b is wrong" {
		t.Errorf("the error is %v", l.Err())
	}
	if err := (problem.List{}).Err(); err != nil {
		t.Errorf("no problem is the error %v", err)
	}
}
