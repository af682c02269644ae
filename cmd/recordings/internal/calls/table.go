package calls

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/mapping"
)

// column is a column of a table of recordings.
type column struct {
	name  string
	keep  int // where a terminal is too narrow, those with the least go first
	least int // columns of the terminal that it may be cut to; 0: it is never cut
	value func(p *cli.Program, r *client.Recording) string
}

// allColumns are those that there are. The id is what other commands want, so it is never cut.
var allColumns = []column{
	{"time", 9, 0, func(p *cli.Program, r *client.Recording) string { return p.Moment(r.StartTime) }},
	{"length", 6, 0, func(_ *cli.Program, r *client.Recording) string { return cli.Lasting(r.Seconds()) }},
	{"caller", 7, 12, func(_ *cli.Program, r *client.Recording) string { return r.CallerPhoneNumber }},
	{"dialed", 3, 12, func(_ *cli.Program, r *client.Recording) string { return r.DialedPhoneNumber }},
	{"agents", 5, 12, func(_ *cli.Program, r *client.Recording) string { return strings.Join(agents(r), ", ") }},
	{"labels", 2, 8, func(_ *cli.Program, r *client.Recording) string { return labels(r) }},
	{"files", 1, 0, func(_ *cli.Program, r *client.Recording) string { return fmt.Sprint(len(r.MediaFiles)) }},
	{"id", 10, 0, func(_ *cli.Program, r *client.Recording) string { return r.ID }},
}

// defaultColumns are those of a table that nobody has chosen.
var defaultColumns = []string{"time", "length", "caller", "dialed", "agents", "id"}

// columnNames are the names of all columns.
func columnNames() []string {
	names := make([]string, len(allColumns))
	for i := range allColumns {
		names[i] = allColumns[i].name
	}
	return names
}

// agents are the names of the agents in a call, in the order in which they joined.
func agents(r *client.Recording) (names []string) {
	for i := range r.EventHistory {
		c := r.EventHistory[i].Contact
		if c == nil || c.Type != mapping.ContactUser {
			continue
		}
		name := strings.TrimSpace(c.FirstName + " " + c.LastName)
		if name == "" {
			name = c.UserName
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// labels are those of a recording, and whether it is held.
func labels(r *client.Recording) string {
	var all []string
	if r.NonDelete != nil {
		all = append(all, "held")
	}
	for _, l := range r.Labels {
		all = append(all, l.Name)
	}
	return strings.Join(all, ", ")
}

// table writes recordings for people. On a terminal every recording has one line: columns that do not
// fit are left out.
type table struct {
	*cli.Program
	w       io.Writer
	chosen  bool // the columns are those that the user wants
	columns []column
	widths  []int // of the columns; nil: nothing is written yet
}

func newTable(p *cli.Program, w io.Writer, names []string) *table {
	t := &table{Program: p, w: w, chosen: len(names) > 0}
	if !t.chosen {
		names = defaultColumns
	}
	for _, name := range names {
		i := slices.IndexFunc(allColumns, func(c column) bool { return c.name == name })
		t.columns = append(t.columns, allColumns[i])
	}
	return t
}

// page implements recordingWriter.
func (t *table) page(all []*client.Recording) error {
	if len(all) == 0 {
		return nil
	}
	rows := make([][]string, len(all))
	for i, r := range all {
		for _, c := range t.columns {
			rows[i] = append(rows[i], cli.Printable(c.value(t.Program, r)))
		}
	}

	var b strings.Builder
	if t.widths == nil {
		rows = t.fit(rows)
		head := make([]string, len(t.columns))
		for i, c := range t.columns {
			head[i] = strings.ToUpper(c.name)
		}
		b.WriteString(t.Styled(cli.Bold, t.row(head)) + "\n")
	}
	for _, row := range rows {
		b.WriteString(t.row(row) + "\n")
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

// gap is what stands between two columns.
const gap = "  "

// fit chooses the widths of the columns by the first page, and leaves out what does not fit.
func (t *table) fit(rows [][]string) [][]string {
	t.widths = make([]int, len(t.columns))
	for i, c := range t.columns {
		t.widths[i] = len(c.name)
		for _, row := range rows {
			t.widths[i] = max(t.widths[i], cli.Columns(row[i]))
		}
	}

	width := t.Width()
	for width > 0 && !t.chosen && t.shortest() > width && len(t.columns) > 1 {
		out := 0
		for i := range t.columns {
			if t.columns[i].keep < t.columns[out].keep {
				out = i
			}
		}
		t.columns = slices.Delete(slices.Clone(t.columns), out, out+1)
		t.widths = slices.Delete(t.widths, out, out+1)
		for i := range rows {
			rows[i] = slices.Delete(rows[i], out, out+1)
		}
	}
	if width > 0 {
		t.narrow(width)
	}
	return rows
}

// shortest is how narrow the table can be made without leaving out a column.
func (t *table) shortest() int {
	n := len(gap) * (len(t.columns) - 1)
	for i, c := range t.columns {
		if c.least > 0 {
			n += min(t.widths[i], c.least)
		} else {
			n += t.widths[i]
		}
	}
	return n
}

// narrow takes columns of the terminal away from where there are most, until the table fits.
func (t *table) narrow(width int) {
	for {
		n, widest := len(gap)*(len(t.columns)-1), -1
		for i, c := range t.columns {
			n += t.widths[i]
			if c.least > 0 && t.widths[i] > c.least && (widest < 0 || t.widths[i] > t.widths[widest]) {
				widest = i
			}
		}
		if n <= width || widest < 0 {
			return
		}
		t.widths[widest]--
	}
}

// row is a line of the table.
func (t *table) row(cells []string) string {
	var b strings.Builder
	for i, cell := range cells {
		if t.Width() > 0 && t.columns[i].least > 0 {
			cell = cli.Cut(cell, t.widths[i])
		}
		if i < len(cells)-1 {
			cell = cli.Pad(cell, t.widths[i]) + gap
		}
		b.WriteString(cell)
	}
	return b.String()
}
