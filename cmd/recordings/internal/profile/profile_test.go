package profile_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"recordings/cmd/recordings/internal/profile"
)

// TestProfiles: what is written is read again, by the user alone.
func TestProfiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "profiles.json")
	p, err := profile.Read(path)
	if err != nil || len(p.Names()) != 0 {
		t.Fatalf("without a file there are %v, %v", p, err)
	}
	production := profile.Profile{Server: "https://a", User: "u", Password: "p", ContactCenter: "cc"}
	p.Set("production", production)
	p.Set("test", profile.Profile{Server: "https://b", Token: "t"})
	if err := p.Write(); err != nil {
		t.Fatal(err)
	}

	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	again, err := profile.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if again.Default != "production" || again.Profiles["production"] != production ||
		!slices.Equal(again.Names(), []string{"production", "test"}) || again.Path() != path {
		t.Errorf("read again: %+v", again)
	}
}

// TestDefault: there is one that is used as long as it is clear which.
func TestDefault(t *testing.T) {
	p, err := profile.Read("")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c"} {
		p.Set(name, profile.Profile{Server: "https://" + name})
	}
	p.Set("d", profile.Profile{Server: "https://a"})
	if name, ok := p.Of("https://a"); !ok || name != "a" {
		t.Errorf("of https://a it is %q, %t", name, ok)
	}
	if name, ok := p.Of("https://c"); !ok || name != "c" {
		t.Errorf("of https://c it is %q, %t", name, ok)
	}
	if name, ok := p.Of("https://e"); ok {
		t.Errorf("of https://e it is %q", name)
	}

	for _, step := range []struct{ remove, left string }{{"b", "a"}, {"a", ""}, {"c", ""}, {"d", ""}} {
		if p.Remove(step.remove); p.Default != step.left {
			t.Errorf("without %s the one that is used is %q, want %q", step.remove, p.Default, step.left)
		}
	}
	p.Set("x", profile.Profile{})
	p.Set("y", profile.Profile{})
	if p.Remove("x"); p.Default != "y" {
		t.Errorf("the only one that is left is not used, but %q", p.Default)
	}
	if err := p.Write(); err == nil || !strings.Contains(err.Error(), "HOME is not set") {
		t.Errorf("written to nowhere: %v", err)
	}
}

// TestRefused: a file that others may read, or that is none, is told, with what to do.
func TestRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "profiles.json")
	for _, c := range []struct {
		text string
		mode os.FileMode
		want string
	}{
		{"{}", 0o640, "chmod 600"},
		{"{", 0o600, "`recordings login` makes it anew"},
		{strings.Repeat(" ", 1<<20+1), 0o600, "is longer than"},
	} {
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := profile.Read(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want %s", err, c.want)
		}
	}
}

// TestPath is where the user's other configurations are.
func TestPath(t *testing.T) {
	for _, c := range []struct{ xdg, home, want string }{
		{"/x", "/h", "/x/recordings/profiles.json"},
		{"", "/h", "/h/.config/recordings/profiles.json"},
		{"", "", ""},
	} {
		getenv := func(name string) string { return map[string]string{"XDG_CONFIG_HOME": c.xdg, "HOME": c.home}[name] }
		if got := profile.Path(getenv); got != c.want {
			t.Errorf("it is %q, want %q", got, c.want)
		}
	}
}
