package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// demonstration starts the demonstration, and returns its URL and the environments of its users.
func demonstration(t *testing.T) (admin, ops []string) {
	t.Helper()
	r := start(t, nil, "serve", "--demo", "--listen", "127.0.0.1:0")
	server := "RECORDINGS_SERVER=" + r.url(t)
	home, zone := "HOME="+t.TempDir(), "TZ=UTC"
	return []string{server, home, zone, "RECORDINGS_USER=admin", "RECORDINGS_PASSWORD=admin"},
		[]string{server, home, zone, "RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=ops",
			"RECORDINGS_CONTACT_CENTER=" + contactCenter}
}

// found are the ids of a search.
func found(t *testing.T, environ []string, args ...string) (ids []string) {
	t.Helper()
	s, stdout, stderr := runProgram(t, "", environ, append([]string{"search", "--format", "ndjson"}, args...)...)
	if s != done {
		t.Fatalf("status %d: %s", s, stderr)
	}
	for line := range strings.Lines(stdout) {
		var r struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.ID == "" {
			t.Fatalf("%q: %v", line, err)
		}
		ids = append(ids, r.ID)
	}
	return ids
}

// TestCalls finds, reads, plays and deletes calls as people do.
func TestCalls(t *testing.T) {
	admin, ops := demonstration(t)

	t.Run("search", func(t *testing.T) { testSearch(t, admin, ops) })
	t.Run("over time", func(t *testing.T) { testSearchBy(t, admin, ops) })
	t.Run("refused", func(t *testing.T) { testSearchRefused(t, admin, ops) })
	t.Run("get", func(t *testing.T) { testGet(t, admin) })
	t.Run("play", func(t *testing.T) { testPlay(t, admin, ops) })
	t.Run("download", func(t *testing.T) { testDownload(t, admin, ops) })
	t.Run("saved", func(t *testing.T) { testSaved(t, admin, ops) })
	t.Run("comment", func(t *testing.T) { testComment(t, admin, ops) })
	t.Run("delete", func(t *testing.T) { testDelete(t, admin, ops) })
}

func testSearch(t *testing.T, admin, ops []string) {
	newest := found(t, admin)
	if len(newest) != 100 {
		t.Fatalf("the newest are %d", len(newest))
	}
	all := found(t, admin, "--all")
	if len(all) < 1000 || all[0] != newest[0] {
		t.Errorf("all are %d", len(all))
	}
	oldest := found(t, admin, "--sort", "startTime", "--limit", "150")
	if slices.Reverse(all); !slices.Equal(oldest, all[:150]) {
		t.Errorf("%d, the oldest first, are not the last of all", len(oldest))
	}
	if of := found(t, ops, "--limit", "250"); len(of) != 250 || of[0] != newest[0] {
		t.Errorf("operations find %d", len(of))
	}
	if some := found(t, admin, "--agent", "müller", "--since", "3w", "--min-duration", "10s"); len(some) == 0 {
		t.Error("nothing of Müller")
	}
	if none := found(t, admin, "--until", "1999-12-31"); len(none) != 0 {
		t.Errorf("%d of the last century", len(none))
	}

	s, table, _ := runProgram(t, "", admin, "search", "--limit", "3")
	lines := strings.Split(table, "\n")
	if s != done || len(lines) != 5 || !strings.HasPrefix(lines[0], "TIME ") || strings.Contains(table, "\x1b") ||
		!strings.HasSuffix(lines[1], newest[0]) {
		t.Errorf("status %d, the table is\n%s", s, table)
	}
	s, count, _ := runProgram(t, "", admin, "search", "--count", "--agent", "müller")
	if s != done || strings.TrimSpace(count) == "0" || strings.Trim(count, "0123456789\n") != "" {
		t.Errorf("status %d, the count is %q", s, count)
	}

	file := filepath.Join(t.TempDir(), "calls.csv")
	s, _, stderr := runProgram(t, "", admin, "search", "--format", "csv", "--agent", "müller", "-o", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if s != done || err != nil || len(rows) < 3 {
		t.Errorf("status %d, %d rows, %v\n%s", s, len(rows), err, stderr)
	}
}

// testSearchBy counts by time. All formats have the same numbers, and these are all calls.
func testSearchBy(t *testing.T, admin, ops []string) {
	_, count, _ := runProgram(t, "", admin, "search", "--count")
	for _, by := range []string{"hour", "day", "week", "month"} {
		args, want := []string{"search", "--by", by}, strings.TrimSpace(count)
		if by == "hour" {
			args = append(args, "--since", time.Now().AddDate(0, 0, -21).Format(time.DateOnly))
			_, text, _ := runProgram(t, "", admin, append([]string{"search", "--count"}, args[3:]...)...)
			want = strings.TrimSpace(text)
		}

		s, table, stderr := runProgram(t, "", admin, args...)
		if s != done || sumOf(t, strings.Fields(table)[2:]) != want || !strings.HasPrefix(table, strings.ToUpper(by)) {
			t.Errorf("by %s: status %d, %s, want %s in all\n%s", by, s, stderr, want, table)
		}
		s, lines, stderr := runProgram(t, "", ops, append(args, "--format", "ndjson")...)
		var counts []string
		for line := range strings.Lines(lines) {
			var b struct {
				From  string `json:"from"`
				Until string `json:"until"`
				Count int    `json:"count"`
			}
			if err := json.Unmarshal([]byte(line), &b); err != nil || b.From >= b.Until {
				t.Fatalf("%q: %v", line, err)
			}
			counts = append(counts, fmt.Sprint(b.Count))
		}
		if s != done || sumOf(t, counts) != want {
			t.Errorf("by %s: status %d, %s, want %s in all\n%s", by, s, stderr, want, lines)
		}

		file := filepath.Join(t.TempDir(), "counts.csv")
		args = append(args, "--format", "csv", "--zone", "Asia/Kolkata", "-o", file)
		s, _, stderr = runProgram(t, "", admin, args...)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err, stderr)
		}
		rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
		if s != done || err != nil || strings.Join(rows[0], ",") != "from (Asia/Kolkata),from (UTC),recordings" {
			t.Fatalf("by %s: status %d, %v, %s\n%q", by, s, err, stderr, rows)
		}
		counts = nil
		for _, row := range rows[1:] {
			counts = append(counts, row[2])
			if by != "hour" && !strings.HasSuffix(row[0], "T00:00:00+05:30") {
				t.Errorf("by %s: one begins at %s", by, row[0])
			}
		}
		if sumOf(t, counts) != want {
			t.Errorf("by %s: want %s in all\n%q", by, want, rows)
		}
	}

	s, stdout, stderr := runProgram(t, "", admin, "search", "--by", "day", "--until", "1999-12-31")
	if s != done || stdout != "" || !strings.Contains(stderr, "nothing matches") {
		t.Errorf("of the last century: status %d, %q, %q", s, stdout, stderr)
	}
}

// sumOf is the sum of those of the words that are nothing but a number, as people write it.
func sumOf(t *testing.T, words []string) string {
	t.Helper()
	sum := 0
	for _, word := range words {
		if n, err := strconv.Atoi(strings.ReplaceAll(word, ",", "")); err == nil {
			sum += n
		}
	}
	return fmt.Sprint(sum)
}

// testSearchRefused: whatever is wrong is told by the flag that it was given by, with what is accepted.
func testSearchRefused(t *testing.T, admin, ops []string) {
	without := ops[:len(ops)-1]
	for _, c := range []struct {
		environ []string
		args    string
		status  status
		want    string
	}{
		{admin, "--since soon", misused, `--since "soon" is not a time such as 2h (ago), today, yesterday`},
		{admin, "--since 1747511132", misused, "did you mean 1747511132000?"},
		{admin, "--min-duration long", misused, `--min-duration "long" is not a duration in seconds, such as 90, 2m`},
		{admin, "--caller ****************** ", misused, "--caller has more than 16 wildcards"},
		{admin, `--agent "Tom`, misused, "--agent "},
		{admin, "userNam=alice", misused, `"userNam" is no criterion; did you mean userName?`},
		{admin, "alice", misused, `"alice" is no criterion; write a flag such as --agent alice`},
		{admin, "startTime=0 --since today", misused, "--since and startTime= are the same criterion"},
		{admin, "startTime=x", misused, "--since is not an ISO 8601 date"},
		{admin, "--format xml", misused, `--format "xml" is none of table, ndjson, csv and xlsx, as in --format csv`},
		{admin, "--by months", misused, `--by "months" is none of hour, day, week and month; did you mean month?`},
		{admin, "--by day --limit 5", misused, "--by day counts all that match"},
		{admin, "--by day --all", misused, "--all is for a list of them"},
		{admin, "--by week --format xlsx -o x", misused, "--by week is written as table, ndjson or csv"},
		{admin, "--by day startTime=x", misused, "--since is not an ISO 8601 date"},
		{admin, "--limit 0", misused, "--limit 10 finds the newest ten"},
		{admin, "--sort starttime", misused, `--sort "starttime" is neither startTime (oldest first) nor changedTime`},
		{admin, "--limit x", misused, `--limit "x" is not a whole number`},
		{admin, "--colums time", misused, "there is no flag --colums; did you mean --columns?"},
		{admin, "--columns tme", misused, `there is no column "tme"; did you mean time?`},
		{admin, "-agent x", misused, "flags are spelled with two dashes: --agent"},
		{admin, "--agent", misused, "--agent needs a value"},
		{admin, "--zone Mars", misused, `--zone "Mars" is not the name of a time zone`},
		{without, "", failed, "the service answered 403: the role of this user does not permit this; a user with " +
			"the role ops names the contact center: --contact-center ID, or RECORDINGS_CONTACT_CENTER"},
		{append(admin, "RECORDINGS_PASSWORD=wrong"), "", failed, "(it was the user admin, from RECORDINGS_USER)"},
		{append(admin, "RECORDINGS_SERVER=127.0.0.1:1"), "", failed,
			"no service answers at http://127.0.0.1:1; is it running?"},
		{append(admin, "RECORDINGS_SERVER=ftp://x"), "", misused, `"ftp://x" is not the URL of a service`},
	} {
		s, stdout, stderr := runProgram(t, "", c.environ, append([]string{"search"}, strings.Fields(c.args)...)...)
		if s != c.status || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: status %d, %q; want %d, %q", c.args, s, stderr, c.status, c.want)
		}
		for _, inside := range []string{"dial tcp", "context canceled", "strconv", "parsing", "Get \"", "lstat"} {
			if strings.Contains(stderr, inside) {
				t.Errorf("%s: it shows how it is made: %s", c.args, stderr)
			}
		}
	}

	// Who has set nothing is told what to set.
	s, _, stderr := runProgram(t, "", []string{"HOME=" + t.TempDir()}, "search")
	if s != misused || !strings.Contains(stderr, "no user is known for http://127.0.0.1:8080") ||
		!strings.Contains(stderr, "recordings login") || !strings.Contains(stderr, "RECORDINGS_TOKEN") ||
		!strings.Contains(stderr, "machine 127.0.0.1") {
		t.Errorf("without credentials: status %d, %s", s, stderr)
	}
}

func testGet(t *testing.T, admin []string) {
	id := found(t, admin, "--limit", "1", "--agent", "müller")[0]
	s, text, _ := runProgram(t, "", admin, "get", id)
	if s != done || !strings.Contains(text, id) || !strings.Contains(text, "Müller") ||
		!strings.Contains(text, "file 1") {
		t.Errorf("status %d\n%s", s, text)
	}
	s, line, _ := runProgram(t, "", admin, "get", "--json", id, id)
	if s != done || strings.Count(line, "\n") != 2 || !strings.HasPrefix(line, `{"id":"`+id) {
		t.Errorf("status %d: %s", s, line)
	}

	if s, _, stderr := runProgram(t, "", admin, "get", "none"); s != failed || !strings.Contains(stderr, "none: ") ||
		!strings.Contains(stderr, "no such recording") {
		t.Errorf("status %d: %s", s, stderr)
	}
	if s, _, stderr := runProgram(t, "", admin, "get"); s != misused || !strings.Contains(stderr, "recordings get ID") {
		t.Errorf("status %d: %s", s, stderr)
	}
}

func testPlay(t *testing.T, admin, ops []string) {
	ids, dir := found(t, admin, "--limit", "20", "mediaId=*"), t.TempDir()
	if len(ids) == 0 {
		ids = found(t, admin, "--limit", "20")
	}

	// The first that has media, as some of the demonstration have none.
	var id string
	for _, one := range ids {
		s, _, _ := runProgram(t, "", admin, "play", one, "--file", "1", "-o", filepath.Join(dir, "one.wav"))
		if s == done {
			id = one
			break
		}
	}
	one, err := os.ReadFile(filepath.Join(dir, "one.wav"))
	if err != nil || !strings.HasPrefix(string(one), "RIFF") {
		t.Fatalf("of %d recordings none has media: %.10q, %v", len(ids), one, err)
	}

	s, stdout, stderr := runProgram(t, "", ops, "play", id, "--file", "1")
	if s != done || stdout != string(one) {
		t.Errorf("in a pipe: status %d, %d bytes: %s", s, len(stdout), stderr)
	}
	s, names, stderr := runProgram(t, "", admin, "play", id, "-o", filepath.Join(dir, "calls")+"/")
	for name := range strings.Lines(names) {
		name = strings.TrimSpace(name)
		if _, err := os.Stat(name); err != nil || !strings.HasSuffix(name, ".wav") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if s != done || names == "" {
		t.Errorf("into a directory: status %d: %s", s, stderr)
	}

	heard := filepath.Join(dir, "heard")
	path := "PATH=" + os.Getenv("PATH")
	player := writeFile(t, dir, "player", "#!/bin/sh\ncat > "+heard+"\n")
	if err := os.Chmod(player, 0o700); err != nil {
		t.Fatal(err)
	}
	s, _, stderr = runProgram(t, "", append(admin, path), "play", id, "--file", "1", "--player", player+" -")
	if text, err := os.ReadFile(heard); s != done || err != nil || string(text) != string(one) {
		t.Errorf("by a player: status %d, %d bytes, %v: %s", s, len(text), err, stderr)
	}

	for args, want := range map[string]string{
		"none":                          "no such recording",
		id + " --file 99":               "--file 99: the recording has ",
		id + " -o x --player y":         "exclude each other",
		id + " --player no-such":        "there is no player no-such here",
		"":                              "recordings play ID",
		id + " x":                       `play takes no argument "x"`,
		id + " --player false --file 1": "the player false has ended with the status 1",
	} {
		s, _, stderr := runProgram(t, "", append(admin, path), append([]string{"play"}, strings.Fields(args)...)...)
		if s == done || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d: %s; want %q", args, s, stderr, want)
		}
	}
}

func testDownload(t *testing.T, admin, ops []string) {
	ids, dir := found(t, admin, "--limit", "12"), t.TempDir()
	path := filepath.Join(dir, "case.zip")
	s, stdout, stderr := runProgram(t, "", admin, append([]string{"download", "-o", path}, ids...)...)
	if s != done && s != partly || stdout != path+"\n" || !strings.Contains(stderr, "of 12 recordings, compared") {
		t.Fatalf("status %d: %s%s", s, stdout, stderr)
	}
	again, _, words := runProgram(t, "", nil, "download", "--check", path)
	if again != s || !strings.HasSuffix(stderr, words) || words == "" {
		t.Errorf("once more: status %d: %s, want %d: %s", again, words, s, stderr)
	}

	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(whole), "RIFF") // the first byte of some media
	if at < 0 {
		t.Fatal("there is no media in it")
	}
	whole[at] = 'X'
	other := writeFile(t, dir, "other.zip", string(whole))
	if s, _, stderr := runProgram(t, "", nil, "download", "--check", other); s != failed ||
		!strings.Contains(stderr, "0001 ") {
		t.Errorf("of a byte that is another: status %d: %s", s, stderr)
	}

	s, stdout, stderr = runProgram(t, "", ops, "download", "-o", filepath.Join(dir, "some")+"/", "--sort", "startTime",
		"--criteria", "callerPhoneNumber=none")
	if s != done || !strings.HasPrefix(filepath.Base(stdout), "recordings-2") ||
		!strings.Contains(stderr, "0 media files of 0 recordings") {
		t.Errorf("of none: status %d: %s%s", s, stdout, stderr)
	}

	for args, want := range map[string]string{
		"":                                   "recordings download ID",
		"r1 --since yesterday":               "ask for others",
		"r1 --sort startTime":                "--sort is for",
		"--check x r1":                       "--check is about",
		"--check " + dir + "/none":           "none",
		"-o " + path + " --since 2000-01-01": "1000",
		"--sort x --since 1d":                "--sort",
	} {
		s, _, stderr := runProgram(t, "", admin, append([]string{"download"}, strings.Fields(args)...)...)
		if s == done || s == partly || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d: %s; want %q", args, s, stderr, want)
		}
	}
	if now, err := os.ReadFile(path); err != nil || len(now) != len(whole) {
		t.Errorf("what was refused has left %d bytes, %v", len(now), err)
	}
}

func testDelete(t *testing.T, admin, ops []string) {
	ids := found(t, admin, "--limit", "3")
	s, stdout, stderr := runProgram(t, "", ops, "delete", ids[0], "none", ids[1])
	if s != partly || stdout != "deleted "+ids[0]+"\ndeleted "+ids[1]+"\n" ||
		!strings.Contains(stderr, "none: no such") {
		t.Errorf("status %d, %q, %q", s, stdout, stderr)
	}
	if left := found(t, admin, "--limit", "1"); left[0] != ids[2] {
		t.Errorf("the newest is %q now", left)
	}

	s, stdout, stderr = runProgram(t, "", ops, "delete", "--since", "2h", "--until", "1h", "--dry-run")
	if s != done || !strings.Contains(stdout, "match") {
		t.Errorf("status %d, %q, %q", s, stdout, stderr)
	}
	s, stdout, stderr = runProgram(t, "", ops, "delete", "--media", "--expected", "0", "--criteria", "userName=nobody")
	if s != done || !strings.Contains(stdout, "done") {
		t.Errorf("status %d, %q, %q", s, stdout, stderr)
	}

	for args, want := range map[string]string{
		"":                       "recordings delete ID, or --criteria startTime=0 for all",
		"x --since today":        `"x" is the id of a recording, and the flags ask for others`,
		"userName=alice":         "all that match are deleted by --criteria userName=alice",
		ids[2] + " --dry-run":    "are for deletions of all that match",
		"--criteria x=1":         `"x" is no criterion`,
		"--criteria startTime=x": "--since is not an ISO 8601 date",
	} {
		s, _, stderr := runProgram(t, "", ops, append([]string{"delete"}, strings.Fields(args)...)...)
		if s == done || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d: %s; want %q", args, s, stderr, want)
		}
	}
	if s, _, stderr := runProgram(t, "", admin, "delete", "x"); s != misused ||
		!strings.Contains(stderr, "--contact-center is required") {
		t.Errorf("an administrator: status %d, %s", s, stderr)
	}
}

// testComment writes comments, finds the call by them, and changes and deletes them.
func testComment(t *testing.T, admin, ops []string) {
	id := found(t, admin, "--limit", "1", "startTime=0")[0]
	run := func(want status, environ []string, args ...string) string {
		t.Helper()
		s, stdout, stderr := runProgram(t, "", environ, append([]string{"comment"}, args...)...)
		if s != want {
			t.Fatalf("recordings comment %q: status %d, want %d: %s%s", args, s, want, stdout, stderr)
		}
		return strings.TrimSpace(stdout + stderr)
	}

	first := run(done, admin, "add", "--at", "1m23.25s", id, "Zebra asks\nfor a refund!")
	if again := run(done, admin, "add", "--at", "83.25", id, "Zebra asks\nfor a refund!"); again != first {
		t.Errorf("the same again is %s, not %s", again, first)
	}
	second := run(done, ops, "add", id, "unicorn")
	if ids := found(t, admin, "--comment", "zebra AND unicorn"); !slices.Equal(ids, []string{id}) {
		t.Errorf("found %q, want %s", ids, id)
	}
	lines := strings.Split(run(done, admin, "list", id), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], first+"\t") ||
		!strings.HasSuffix(lines[0], "\tadmin\t83.25\tZebra asks for a refund!") ||
		!strings.HasSuffix(lines[1], "\tops\t-\tunicorn") {
		t.Errorf("the comments are %q", lines)
	}
	s, stdout, stderr := runProgram(t, "", admin, "get", id)
	if s != done || !strings.Contains(stdout, "Zebra asks for a") {
		t.Errorf("status %d: %s%s", s, stdout, stderr)
	}

	if told := run(failed, admin, "change", id, second, "dragon"); !strings.Contains(told, "somebody else's") {
		t.Errorf("changing another's: %s", told)
	}
	run(done, admin, "change", id, first, "dragon")
	run(done, admin, "delete", id, second)
	if ids := found(t, admin, "comment=zebra unicorn"); len(ids) > 0 {
		t.Errorf("%q are found by what is gone", ids)
	}
	run(done, admin, "delete", id, first)
	if list := run(done, admin, "list", id); list != "" {
		t.Errorf("the comments are %q", list)
	}

	for _, wrong := range [][]string{
		{}, {"what", id}, {"add", id}, {"add", "--at", "later", id, "x"}, {"add", "--at", "-1", id, "x"},
		{"add", "--at", "NaN", id, "x"}, {"change", id, "x"}, {"delete", id},
	} {
		run(misused, admin, wrong...)
	}
}

// testSaved saves searches, makes them again, and lists and removes them.
func testSaved(t *testing.T, admin, ops []string) {
	run := func(want status, environ []string, args ...string) string {
		t.Helper()
		s, stdout, stderr := runProgram(t, "", environ, args...)
		if s != want {
			t.Fatalf("recordings %q: status %d, want %d: %s%s", args, s, want, stdout, stderr)
		}
		return strings.TrimSpace(stdout + stderr)
	}

	long := found(t, admin, "--min-duration", "10", "--sort", "startTime")
	run(done, admin, "search", "saved", "save", "Long calls", "--min-duration", "10", "--sort", "startTime")
	if again := found(t, admin, "--saved", "long CALLS"); len(long) < 2 || !slices.Equal(again, long) {
		t.Errorf("the saved search finds %q, and without its name %q", again, long)
	}
	if fewer := found(t, admin, "--saved", "Long calls", "--max-duration", "0"); len(fewer) > 0 {
		t.Errorf("with another criterion it finds %q", fewer)
	}
	run(done, admin, "search", "saved", "save", "days", "--period", "7days", "--zone", "Asia/Kolkata", "label=none")
	if none := found(t, admin, "--saved", "days"); len(none) > 0 {
		t.Errorf("without any that match it finds %q", none)
	}
	want := "days\t7days Asia/Kolkata label=none\nLong calls\tminDuration=10 by startTime"
	if got := run(done, admin, "search", "saved", "list"); got != want {
		t.Errorf("saved are %q, want %q", got, want)
	}
	if got := run(done, ops, "search", "saved", "list"); got != "" {
		t.Errorf("of another user are %q", got)
	}

	run(done, admin, "search", "saved", "delete", "days")
	run(failed, admin, "search", "saved", "delete", "days")
	run(failed, admin, "search", "--saved", "days")
	for _, wrong := range [][]string{
		{"saved"}, {"saved", "delete"}, {"saved", "what"}, {"saved", "save"}, {"saved", "save", "x"},
		{"saved", "save", "x", "--period", "decade"}, {"saved", "save", " x", "--agent", "a"},
		{"--saved", "Long calls", "--min-duration", "5"},
	} {
		run(misused, admin, append([]string{"search"}, wrong...)...)
	}
}
