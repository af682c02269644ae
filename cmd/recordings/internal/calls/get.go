package calls

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/mapping"
)

// maxIDs is how many recordings a command takes at a time.
const maxIDs = 10_000

// get is one run of the command.
type get struct {
	*cli.Program
	connection    *cli.Connection
	contactCenter string
	json          bool
}

// Get is the command that shows recordings.
func Get(p *cli.Program) *cobra.Command {
	g := get{Program: p}
	c := &cobra.Command{
		Use:     "get ID… [--json] [flags]",
		GroupID: Group,
		Short:   "show a recording",
		Long: `Shows all there is to know of recordings: when and who, the agents who joined and left,
what data was attached, and the media files. Times are in your zone; with --json they are in UTC, and
each recording is a line of JSON. Exit status 1 if one is not there.`,
		Example: `  recordings get 1KIULSQ9357SD5VM
  recordings get 1KIULSQ9357SD5VM --json | jq .mediaFiles`,

		DisableFlagsInUseLine: true,
		Args:                  cli.Operands(maxIDs),
		RunE:                  func(c *cobra.Command, ids []string) error { return g.run(c.Context(), ids) },
	}

	c.Flags().BoolVar(&g.json, "json", false, "a line of JSON for each")
	g.connection = p.AddServer(c)
	g.connection.AddCenter(c, &g.contactCenter, " (role ops)")
	return c
}

func (g *get) run(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return cli.Usage("which recording? recordings get ID; `recordings search` shows the ids")
	}

	center, c, err := g.connection.Center(ctx)
	if err != nil {
		return err
	}
	defer c.Close()

	for i, id := range ids {
		r, err := center.Get(ctx, id)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}

		if g.json {
			err = g.Line(r)
		} else {
			text := g.text(r)
			if i > 0 {
				text = "\n" + text
			}
			_, err = fmt.Fprint(g.Stdout, text)
		}
		if err != nil {
			return fmt.Errorf("writing a recording: %w", err)
		}
	}
	return nil
}

// text is a recording for people.
func (g *get) text(r *client.Recording) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s %s\n", g.Styled(cli.Faint, fmt.Sprintf("%-9s", name)), cli.Printable(value))
		}
	}

	line("id", r.ID)
	line("time", g.Moment(r.StartTime)+" to "+g.Moment(r.StopTime)+", "+cli.Lasting(r.Seconds()))
	line("caller", r.CallerPhoneNumber)
	line("dialed", r.DialedPhoneNumber)
	line("agents", strings.Join(agents(r), ", "))
	line("region", r.Region)
	if h := r.NonDelete; h != nil {
		line("held", "since "+g.Moment(h.Time)+" by "+h.User+reason(h.Reason))
	}
	for _, l := range r.Labels {
		line("label", strings.TrimSuffix(l.Name+" = "+l.Value, " = ")+", by "+l.User)
	}
	for _, c := range r.Comments {
		line("comment", g.Moment(c.Time)+", "+c.User+commentAt(c.At)+": "+c.Text)
	}
	for _, name := range members(r.Extra) {
		line(name[0], name[1])
	}

	for i := range r.MediaFiles {
		fmt.Fprintf(&b, "\n%s", g.media(i+1, &r.MediaFiles[i]))
	}

	b.WriteString("\n")
	for i := range r.EventHistory {
		b.WriteString(g.event(&r.EventHistory[i]))
	}
	return b.String()
}

// commentAt is the moment of a call that a comment is about, if it is about one.
func commentAt(at *float64) string {
	if at == nil {
		return ""
	}
	return ", at " + cli.Lasting(int64(*at))
}

// reason is why, if somebody has said so.
func reason(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// media is a media file for people, by its number.
func (g *get) media(number int, m *client.MediaFile) string {
	parts := []string{
		g.Moment(m.StartTime) + " to " + g.Moment(m.StopTime), cli.Lasting(mapping.Seconds(m.StartTime, m.StopTime)),
		m.Type,
	}
	if n, err := strconv.ParseInt(m.Size, 10, 64); err == nil {
		parts = append(parts, cli.Bytes(n))
	}
	if m.PKCS7 != "" {
		parts = append(parts, "encrypted")
	}
	switch m.State {
	case "missing":
		parts = append(parts, g.Styled(cli.Red, "MISSING in its storage"))
	case "otherSize":
		parts = append(parts, g.Styled(cli.Red, "of ANOTHER SIZE in its storage"))
	}

	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	text := fmt.Sprintf("%s %s\n", g.Styled(cli.Bold, fmt.Sprintf("file %-4d", number)), strings.Join(parts, ", "))
	if m.Original != nil {
		place := m.Original.Storage + " " + m.Original.Bucket() + " " + m.Original.Path
		text += fmt.Sprintf("%9s %s\n", "", cli.Printable(place))
	}
	return text + fmt.Sprintf("%9s %s\n", "", cli.Printable(m.URI))
}

// event is a line of the history for people.
func (g *get) event(e *mapping.Event) string {
	text := g.Moment(e.OccurredAt) + "  " + e.Event
	if c := e.Contact; c != nil {
		name := strings.TrimSpace(c.FirstName + " " + c.LastName)
		if name == "" {
			name = c.UserName
		}
		text += "  " + strings.TrimSpace(name+" "+c.PhoneNumber)
	}
	for _, m := range data(e.Data) {
		text += "  " + m[0] + "=" + m[1]
	}
	return cli.Printable(text) + "\n"
}

// data is what was attached by an event: what was added and what was changed, or all of it.
func data(value jsontext.Value) (all [][2]string) {
	top := members(value)
	var added map[string]jsontext.Value
	if json.Unmarshal(value, &added) != nil {
		return top
	}
	nested := false
	for _, name := range []string{"added", "updated", "deleted"} {
		for _, m := range members(added[name]) {
			nested = true
			if name == "deleted" {
				m[0] = "deleted " + m[0]
			}
			all = append(all, m)
		}
	}
	if !nested {
		return top
	}
	return all
}

// members are the names and values of a JSON object, in the order of their names.
func members(value jsontext.Value) (all [][2]string) {
	var object map[string]jsontext.Value
	if len(value) == 0 || json.Unmarshal(value, &object) != nil {
		return nil
	}
	for name, v := range object {
		text := string(v)
		if v.Kind() == '"' {
			_ = json.Unmarshal(v, &text) // it is a text
		}
		all = append(all, [2]string{name, text})
	}
	slices.SortFunc(all, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return all
}
