package calls

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/mapping"
)

// intervals are the values of --by.
func intervals() []string {
	all := make([]string, len(client.Intervals))
	for i, interval := range client.Intervals {
		all[i] = string(interval)
	}
	return all
}

// checkBy refuses what cannot be meant beside --by. changed reports whether a flag was given.
func (s *search) checkBy(changed func(flag string) bool) error {
	if s.by == "" && !changed("by") {
		return nil
	}
	if !slices.Contains(intervals(), s.by) {
		return cli.Usage("--by %q is none of hour, day, week and month%s", s.by, cli.DidYouMean(s.by, intervals()))
	}
	if s.format == client.XLSX {
		return cli.Usage("--by %s is written as table, ndjson or csv", s.by)
	}
	for _, other := range []string{"limit", "all", "count", "sort", "columns"} {
		if changed(other) {
			return cli.Usage("--by %s counts all that match, by when they start; --%s is for a list of them",
				s.by, other)
		}
	}
	return nil
}

// zoneName is the name of the user's zone: of the program, of the variable TZ, or of the machine. It is
// empty where the zone has none that other machines know, too.
func zoneName(p *cli.Program) string {
	name, tz := p.Local().String(), strings.TrimPrefix(p.Getenv("TZ"), ":")
	if tz == "" && name == "Local" {
		tz, _ = os.Readlink("/etc/localtime")
	}
	if _, below, ok := strings.Cut(tz, "/zoneinfo/"); ok {
		tz = below
	}
	if tz != "" && (name == "Local" || name == "UTC") {
		name = tz
	}

	zone, err := time.LoadLocation(name)
	switch {
	case err != nil || name == "Local":
		return ""
	case name == "Etc/UTC":
		return time.UTC.String()
	}
	return zone.String()
}

// histogram writes how many recordings start when.
func (s *search) histogram(ctx context.Context, center *client.Center, asked client.Criteria, w io.Writer) error {
	name := cmp.Or(s.zone, zoneName(s.Program))
	if name == "" {
		name = time.UTC.String()
		s.Note("the name of your zone is not known here, so a day is one of UTC; --zone Europe/Berlin has others")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return fmt.Errorf("the zone %s: %w", name, err)
	}
	s.Zone = zone

	all, err := center.Histogram(ctx, asked, client.Interval(s.by), name)
	if err != nil {
		return err
	}
	switch {
	case s.format == client.NDJSON:
		err = writeBuckets(w, all)
	case s.format == client.CSV:
		err = s.bucketRows(w, all)
	case len(all.Buckets) > 0:
		err = s.bucketTable(w, all)
	}
	if err != nil {
		return fmt.Errorf("writing what was counted: %w", err)
	}

	switch {
	case len(all.Buckets) == 0:
		return s.nothing(ctx, center, client.Query{Criteria: asked})
	case s.Width() > 0:
		s.Note("%s in all; zone: %s", cli.Count(all.Total, "recording"), name)
	}
	return nil
}

// writeBuckets writes each bucket as a line of JSON, in the times of the API.
func writeBuckets(w io.Writer, all *client.Histogram) error {
	for i, b := range all.Buckets {
		text, err := json.Marshal(struct {
			From  mapping.Time `json:"from"`
			Until mapping.Time `json:"until"`
			Count int64        `json:"count"`
		}{b.From, all.End(i), b.Count})
		if err != nil {
			return err
		}
		if _, err := w.Write(append(text, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// bucketRows writes the buckets as a CSV. An hour may exist twice, so UTC stands beside another zone, as
// it does where recordings are exported.
func (s *search) bucketRows(w io.Writer, all *client.Histogram) error {
	zones := []*time.Location{s.Zone}
	if s.Zone.String() != time.UTC.String() {
		zones = append(zones, time.UTC)
	}

	out := csv.NewWriter(w)
	out.UseCRLF = true
	var row []string
	for _, zone := range zones {
		row = append(row, "from ("+zone.String()+")")
	}
	if err := out.Write(append(row, "recordings")); err != nil {
		return err
	}
	for _, b := range all.Buckets {
		row = row[:0]
		for _, zone := range zones {
			row = append(row, time.UnixMilli(int64(b.From)).In(zone).Format(time.RFC3339))
		}
		if err := out.Write(append(row, fmt.Sprint(b.Count))); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// bucketTable writes the buckets for people: on a terminal with a bar each, as long as there is room.
func (s *search) bucketTable(w io.Writer, all *client.Histogram) error {
	layout := s.layout(all)
	most, width := int64(1), len("RECORDINGS")
	for _, b := range all.Buckets {
		most, width = max(most, b.Count), max(width, len(cli.Number(b.Count)))
	}

	var out strings.Builder
	first := cli.Pad(strings.ToUpper(s.by), len(time.UnixMilli(0).In(s.Zone).Format(layout)))
	out.WriteString(s.Styled(cli.Bold, fmt.Sprintf("%s%s%*s", first, gap, width, "RECORDINGS")) + "\n")
	room := s.Width() - cli.Columns(first) - width - 2*len(gap)
	for _, b := range all.Buckets {
		when := time.UnixMilli(int64(b.From)).In(s.Zone).Format(layout)
		line := fmt.Sprintf("%s%s%*s", when, gap, width, cli.Number(b.Count))
		if n := barOf(b.Count, most, room); n != "" {
			line += gap + n
		}
		out.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// layout is how the beginning of a bucket is written: hours with their offset where there are several,
// since an hour may exist twice.
func (s *search) layout(all *client.Histogram) string {
	switch all.Interval {
	case client.Day:
		return "2006-01-02 Mon"
	case client.Week:
		return "2006-01-02"
	case client.Month:
		return "2006-01"
	}

	offset := func(i int) string { return time.UnixMilli(int64(all.Buckets[i].From)).In(s.Zone).Format("-07:00") }
	for i := range all.Buckets {
		if offset(i) != offset(0) {
			return "2006-01-02 15:04 -07:00"
		}
	}
	return "2006-01-02 15:04"
}

// barOf is the bar of a count, of which the greatest takes so many columns of a terminal. Any count has
// something of one.
func barOf(count, most int64, columns int) string {
	const eighths = "▏▎▍▌▋▊▉█" // three bytes each
	if columns < 1 || count == 0 {
		return ""
	}
	n := max(1, int(float64(count)/float64(most)*float64(8*columns)))
	bar := strings.Repeat("█", n/8)
	if rest := n % 8; rest > 0 {
		bar += eighths[3*(rest-1) : 3*rest]
	}
	return bar
}
