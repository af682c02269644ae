package api_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/rs/zerolog"
	"github.com/xuri/excelize/v2"

	"recordings/api"
	"recordings/index"
	"recordings/index/indextest"
	"recordings/mapping"
)

const opsExport = "/api/v2/ops/contact-centers/cc/export"

// openExport sends a request for an export and returns its answer, whose body is not read yet.
func (s *testServer) openExport(t testing.TB, target, user string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(user, password)
	resp, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// TestExportIsTheWholeSearch compares exports with all pages of the same search, what is pending
// included.
func TestExportIsTheWholeSearch(t *testing.T) {
	t.Parallel()
	x := openIndex(t)
	s := newServer(t, api.Options{Index: x})
	put := func(from, to int) {
		var all []*mapping.Recording
		for i := from; i < to; i++ {
			all = append(all, typical(i))
		}
		for _, result := range x.PutAll(t.Context(), "cc", all, index.PutOptions{}) {
			if result.Err != nil {
				t.Fatal(result.Err)
			}
		}
	}
	n := indextest.Sized(330, 230) // more than two pages, and the last of them pending
	put(0, n-80)
	indextest.Settle(t, x.(index.Health))
	put(n-80, n)
	for _, c := range []struct{ user, recordings, export string }{
		{"alice", "/api/v2/recordings", "/api/v2/export"},
		{"ops", opsPath, opsExport},
	} {
		for _, criteria := range []string{"startTime=0", "callerPhoneNumber=*1*", "userName=first7%20first8",
			"userData=nothing"} {
			want := s.pages(t, c.recordings+"?"+criteria, c.user)
			a := s.do(t, "GET", c.export+"?format=ndjson&"+criteria, c.user, nil, "")
			lines := slices.Collect(strings.Lines(a.body))
			if last := lines[len(lines)-1]; a.status != 200 ||
				last != fmt.Sprintf("{\"statusCode\":0,\"count\":%d}\n", len(want)) {
				t.Fatalf("%s: %d, the last line is %s", criteria, a.status, last)
			}
			var got []string
			for _, line := range lines[:len(lines)-1] {
				got = append(got, string(encode(t, decode(t, line))))
			}
			if !slices.Equal(got, want) {
				t.Errorf(
					"%s of %s: %d recordings differ from the %d of the search",
					c.export,
					criteria,
					len(got),
					len(want),
				)
			}
			if got := a.header.Get("Content-Type"); got != "application/x-ndjson" {
				t.Errorf("Content-Type: %q", got)
			}
			if got := a.header.Get("Content-Disposition"); !strings.HasPrefix(
				got,
				`attachment; filename="recordings-2`,
			) ||
				!strings.HasSuffix(got, `Z.ndjson"`) {
				t.Errorf("Content-Disposition: %q", got)
			}
		}
	}
}

// pages are the recordings of all pages of a search, each as JSON.
func (s *testServer) pages(t testing.TB, target, user string) (all []string) {
	t.Helper()
	for target != "" {
		answer := decode(t, s.do(t, "GET", target, user, nil, "").body)
		recordings, ok := at(answer, "recordings").([]any)
		if !ok {
			t.Fatalf("no recordings in %v", answer)
		}
		for _, r := range recordings {
			all = append(all, string(encode(t, r)))
		}
		next, _ := at(answer, "nextUri").(string)
		target = strings.TrimPrefix(next, s.URL)
	}
	return all
}

// readTable takes a CSV apart as a program would, and checks its frame. One that is for spreadsheets has
// a byte order mark.
func readTable(t testing.TB, body string, count int) (header []string, rows [][]string) {
	t.Helper()
	text := strings.TrimPrefix(body, "\ufeff")
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll() // refuses lines of another length
	if err != nil {
		t.Fatal(err)
	}
	last := all[len(all)-1]
	if last[0] != "#count" || last[1] != fmt.Sprint(count) || strings.Join(last[2:], "") != "" {
		t.Errorf("the last record is %q, want a count of %d", last, count)
	}
	return all[0], all[1 : len(all)-1]
}

func TestExportAsTable(t *testing.T) {
	t.Parallel()
	x := openIndex(t)
	s := newServer(t, api.Options{Index: x})
	r := typical(7)
	r.ID = `id "7", of cc`
	r.Extra = jsontext.Value(`{"callType":"Inbound"}`)
	r.EventHistory = append(r.EventHistory, mapping.Event{OccurredAt: 1, Event: mapping.EventData,
		Data: jsontext.Value(`{"deep":{"a":["x",true]},"deleted":{"gone":"gone"},"note":"Müller"}`)})
	if _, err := x.Put(t.Context(), "cc", r); err != nil {
		t.Fatal(err)
	}
	mark(t, x, r.ID)
	a := s.do(t, "GET", opsExport+"?startTime=0&format=csv&zone=Asia/Kolkata", "ops", nil, "")
	if a.status != 200 || a.header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" ||
		!strings.HasSuffix(a.header.Get("Content-Disposition"), `Z.csv"`) {
		t.Errorf("%d, %v", a.status, a.header)
	}
	if strings.Count(a.body, "\n") != 3 || strings.Count(a.body, "\r\n") != 3 {
		t.Errorf("not every line ends with CR LF: %q", a.body)
	}
	header, rows := readTable(t, a.body, 1)
	wantHeader := []string{
		"id",
		"startTime (Asia/Kolkata)",
		"startTime (UTC)",
		"stopTime (Asia/Kolkata)",
		"stopTime (UTC)",
		"duration (s)",
		"callerPhoneNumber",
		"dialedPhoneNumber",
		"userNames",
		"names",
		"userData",
		"region",
		"mediaFiles",
		"mediaUris",
		"originalMedia",
		"changedTime (Asia/Kolkata)",
		"changedTime (UTC)",
		"nonDelete (Asia/Kolkata)",
		"nonDelete (UTC)",
		"nonDeleteUser",
		"nonDeleteReason",
		"labels",
		"comments", "callType",
	}
	wantRow := []string{
		`id "7", of cc`,
		"2023-11-15T03:50:20+05:30",
		"2023-11-14T22:20:20Z",
		"2023-11-15T03:54:30+05:30",
		"2023-11-14T22:24:30Z",
		"250",
		"+16500000007",
		"+14155551234",
		"alice@example.com | agent7@example.com | agent8@example.com | agent9@example.com",
		"Alice Amber | First7 Last7 | First7 Last7 | First7 Last7",
		"account=00055433 | case=C-7 | language=en | reason=billing question 7 | segment=gold | deep.a=x | " +
			"deep.a=true | note=Müller",
		"test",
		"1",
		"",
		"awsS3 stage-recordings/" + r.MediaFiles[0].Descriptor.Path,
		"", "", // the times of the change
		"1970-01-01T05:30:00.007+05:30",
		"1970-01-01T00:00:00.007Z",
		"ops",
		"a; lawsuit",
		"VIP=gold | complaint",
		"ops @2.5: a, b | ops: c",
		"Inbound",
	}
	if !slices.Equal(header, wantHeader) {
		t.Errorf("the header is\n%q, want\n%q", header, wantHeader)
	}
	uri := 13
	if !strings.HasPrefix(rows[0][uri], s.URL+opsPath+"/id%20%227%22%2C%20of%20cc/play/") {
		t.Errorf("mediaUris is %q", rows[0][uri])
	}
	rows[0][uri] = ""
	for i := range 2 {
		cell := &rows[0][slices.Index(header, "changedTime (UTC)")-i]
		if at, err := time.Parse(time.RFC3339Nano, *cell); err != nil || time.Since(at) > time.Hour {
			t.Errorf("it was changed %q", *cell)
		}
		*cell = ""
	}
	if !slices.Equal(rows[0], wantRow) {
		t.Errorf("the row is\n%q, want\n%q", rows[0], wantRow)
	}
	header, rows = readTable(t, s.do(t, "GET", "/api/v2/export?startTime=0&format=csv", "alice", nil, "").body, 1)
	if slices.Contains(header, "originalMedia") || header[1] != "startTime (UTC)" ||
		rows[0][1] != "2023-11-14T22:20:20Z" {
		t.Errorf("for an administrator: %q\n%q", header, rows)
	}
	_, rows = readTable(t, s.do(t, "GET", "/api/v2/export?endTime=0&format=csv", "alice", nil, "").body, 0)
	if len(rows) != 0 {
		t.Errorf("an empty table has %q", rows)
	}
}

// mark puts a recording under a hold, and two labels on it.
func mark(t *testing.T, of index.Index, id string) {
	t.Helper()
	x := of.(interface {
		index.Marks
		index.Labels
	})
	for _, name := range []string{"VIP", "complaint"} {
		d := mapping.LabelDefinition{Name: name, DisplayName: name}
		if err := x.DefineLabel(t.Context(), "cc", d, false); err != nil {
			t.Fatal(err)
		}
	}
	err := x.Mark(t.Context(), "cc", id, func(r *mapping.Recording) error {
		r.NonDelete = &mapping.Hold{Time: 7, User: "ops", Reason: "a; lawsuit"}
		r.SetLabel(mapping.Label{Name: "vip", Value: "gold", Time: 8, User: "ops"})
		r.SetLabel(mapping.Label{Name: "complaint", Time: 9, User: "ops"})
		at := 2.5
		r.SetComment(mapping.Comment{ID: "1", At: &at, Text: "a, b", Time: 8, User: "ops"})
		r.SetComment(mapping.Comment{ID: "2", Text: "c", Time: 9, User: "ops"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestExportAsWorkbook: the service sends what the library opens, with the columns of the table.
func TestExportAsWorkbook(t *testing.T) {
	t.Parallel()
	x := openIndex(t)
	s := newServer(t, api.Options{Index: x})
	for i := range 30 {
		if _, err := x.Put(t.Context(), "cc", typical(i)); err != nil {
			t.Fatal(err)
		}
	}
	for target, columns := range map[string]int{
		opsExport + "?startTime=0&format=xlsx": 20, "/api/v2/export?startTime=0&format=xlsx&zone=Asia/Kolkata": 23,
	} {
		user := "alice"
		if strings.HasPrefix(target, opsExport) {
			user = "ops"
		}
		a := s.do(t, "GET", target, user, nil, "")
		if a.header.Get("Content-Type") != "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" ||
			!strings.HasSuffix(a.header.Get("Content-Disposition"), `Z.xlsx"`) {
			t.Errorf("%d, %v", a.status, a.header)
		}
		f, err := excelize.OpenReader(strings.NewReader(a.body))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := f.GetRows("recordings")
		if err != nil || len(rows) != 31 || len(rows[0]) != columns {
			t.Errorf("%s: %d rows, %d columns, %v", target, len(rows), len(rows[0]), err)
		}
		for i, row := range rows[1:] {
			if want := typical(29 - i); row[0] != want.ID || !slices.Contains(row, want.CallerPhoneNumber) {
				t.Errorf("row %d is %q", i, row)
			}
		}
	}
}

// TestTablesHoldNoFormulas: no spreadsheet, whichever separator it looks for, finds a cell that
// begins like a formula.
func TestTablesHoldNoFormulas(t *testing.T) {
	t.Parallel()
	x := openIndex(t)
	s := newServer(t, api.Options{Index: x})
	values := []string{
		"=1+1",
		"+1",
		"-1",
		"@SUM(1)",
		"\t=1",
		"\r=1",
		"\n=1",
		"'=1",
		"＝1",
		"a;=1",
		"a,@1",
		"a\t-1",
		"a\n+1",
		`a";"=1`,
		`"=1`,
		`a"",=1`,
		";=",
		"=",
		strings.Repeat("=", 40_000),
		strings.Repeat("字;=", 20_000),
	}
	for i, v := range values {
		r := typical(i)
		r.EventHistory[0].Contact.UserName = v
		r.EventHistory = r.EventHistory[:1]
		if _, err := x.Put(t.Context(), "cc", r); err != nil {
			t.Fatal(err)
		}
	}
	body := s.do(t, "GET", "/api/v2/export?startTime=0&format=csv&guard=spreadsheet", "alice", nil, "").body
	if !strings.HasPrefix(body, "\ufeff") {
		t.Errorf("there is no byte order mark: %q", body[:20])
	}
	_, rows := readTable(t, body, len(values))
	for i, row := range rows {
		cell, original := row[6], values[len(values)-1-i]
		if plain := strings.TrimSuffix(strings.ReplaceAll(cell, "'", ""), "…"); !strings.HasPrefix(
			strings.ReplaceAll(original, "'", ""),
			plain,
		) ||
			len([]rune(cell)) > 32_767 {
			t.Errorf("%.20q became %.20q, %d characters", original, cell, len([]rune(cell)))
		}
	}
	for _, separator := range []string{",", ";", "\t", "\n", "\r"} {
		for _, cell := range strings.Split(strings.TrimPrefix(body, "\ufeff"), separator) {
			if text := strings.TrimLeft(cell, `"`); text != "" && strings.ContainsRune("=+-@＝", []rune(text)[0]) {
				t.Errorf("divided by %q there is a cell %.20q", separator, cell)
			}
		}
	}
}

// broken is an index whose streams end with an error behind the first recordings.
type broken struct {
	index.Index
	err error
}

func (x *broken) Stream(_ context.Context, _ index.Query, to index.Sink) error {
	b, err := to.Encode(nil, stored(typical(1)))
	return errors.Join(err, to.Write(b, 1), x.err)
}

func TestExportBreaksOff(t *testing.T) {
	t.Parallel()
	log := new(safeBuffer)
	s := newServer(t, api.Options{Index: &broken{err: errors.New("the disk is on fire")}, Log: zerolog.New(log)})
	for _, format := range []string{"ndjson", "csv"} {
		resp := s.openExport(t, "/api/v2/export?startTime=0&format="+format, "alice")
		body, err := io.ReadAll(resp.Body)
		if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Contains(body, []byte("agent1@example.com")) ||
			bytes.Contains(body, []byte(`"count"`)) ||
			bytes.Contains(body, []byte("#count")) {
			t.Errorf("%s: %v, %s", format, err, body)
		}
	}
	s.Close()
	if text := log.String(); strings.Count(text, "the disk is on fire") != 2 || strings.Contains(text, "panic") {
		t.Errorf("the log is %s", text)
	}
}

// endlessStream is an index whose streams go on until their client is gone. Each tells when it
// ends.
type endlessStream struct {
	index.Index
	ended chan error
}

func (x *endlessStream) Stream(ctx context.Context, _ index.Query, to index.Sink) error {
	b, err := to.Encode(nil, stored(typical(1)))
	for err == nil && ctx.Err() == nil {
		err = to.Write(b, 1)
	}
	x.ended <- errors.Join(err, ctx.Err())
	return errors.Join(err, ctx.Err())
}

// TestExportsAreBounded: so many of a contact center run at a time and no more, while those of another
// go on, and one whose client hangs up makes room.
func TestExportsAreBounded(t *testing.T) {
	t.Parallel()
	const most = 2
	x := &endlessStream{ended: make(chan error, most)}
	s := newServer(t, api.Options{Index: x})
	var running []*http.Response
	for range most {
		resp := s.openExport(t, "/api/v2/export?startTime=0", "alice")
		if _, err := io.ReadFull(resp.Body, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		running = append(running, resp)
	}
	a := s.do(t, "GET", "/api/v2/export?startTime=0", "alice", nil, "")
	checkAnswer(t, a, 503, 4, "try again later")
	if a.header.Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
	other := s.openExport(t, "/api/v2/ops/contact-centers/another/export?startTime=0", "ops")
	if _, err := io.ReadFull(other.Body, make([]byte, 10)); err != nil {
		t.Errorf("an export of another contact center and user: %v", err)
	}
	other.Body.Close()
	<-x.ended
	if a := s.do(t, "HEAD", "/api/v2/export?startTime=0", "alice", nil, ""); a.status != 200 || a.body != "" {
		t.Errorf("HEAD: %d %q", a.status, a.body)
	}
	for _, resp := range running {
		resp.Body.Close()
	}
	for range most {
		select {
		case err := <-x.ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("a stream whose client is gone ended with %v", err)
			}
		case <-time.After(time.Minute):
			t.Fatal("a stream goes on without its client")
		}
	}
}

// unreadyStream is an index that is being rebuilt.
type unreadyStream struct{ index.Index }

func (unreadyStream) Stream(context.Context, index.Query, index.Sink) error {
	return &index.NotReadyError{Done: 12, Total: 345}
}

func TestExportThatCannotBegin(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{Index: unreadyStream{}})
	a := s.do(t, "GET", "/api/v2/export?startTime=0&format=csv", "alice", nil, "")
	checkEnvelope(t, "GET", a)
	checkAnswer(t, a, 503, 4, "12 of 345")
	if a.header.Get("Content-Disposition") != "" {
		t.Error("an error is sent as a file")
	}
}
