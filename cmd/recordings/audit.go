package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"recordings/api/auth"
	"recordings/api/client"
	"recordings/audit"
	auditstore "recordings/audit/store"
	"recordings/internal/durable"
)

func (p *program) auditCommand() *cobra.Command {
	a := auditRun{program: p, query: url.Values{}}
	c := &cobra.Command{
		Use:     "audit [flags] | audit --verify FILE [--known SEQUENCE:HASH]… | audit --data DIR [--known …]",
		GroupID: groupOperations,
		Short:   "show who did what, or prove that nobody has changed that",
		Long: `Shows the entries of the audit log, the newest last, one line of JSON each: all that the
user may see, or those that the flags ask for. The last line says that these were all.

With --chain it shows every entry (behind --after), so that the chain can be proven: of those that the
user may not see only the hashes. --verify proves what --chain has written; --data a stopped service's
log, or that of a backup, and that entries are found by their recordings. That the end was not cut off, and
what a part follows, only a hash proves that was kept elsewhere: the service logs the newest one hourly.

Exit status: 0 proven, 1 not, 3 all but what it follows, or an older known hash.`,
		Example: `  recordings audit --recording bf697521-3ffc-46f1-b840-f7230e940df3 --text
  recordings audit --chain -o audit.ndjson
  recordings audit --verify audit.ndjson --known 81234:5f0c…`,

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE:                  func(c *cobra.Command, _ []string) error { return a.run(c.Context()) },
	}

	flags := c.Flags()
	flags.StringVar(&a.verify, "verify", "", "prove the chain in the `FILE`, - for standard input")
	flags.StringVar(&a.data, "data", "", "prove the chain in the data `DIR` of a stopped service, or in a backup")
	flags.StringArrayVar(&a.known, "known", nil, "a `SEQUENCE:HASH` that was kept elsewhere")
	flags.StringVarP(&a.file, "output", "o", "", "the `FILE` to write (default standard output)")
	flags.BoolVar(&a.text, "text", false, "for people: a short line each")
	flags.BoolVar(&a.chain, "chain", false, "every entry, so that the chain can be proven")
	flags.StringVar(&a.contactCenter, "contact-center", "", "only of the contact center with this `ID`")
	for _, f := range []struct{ name, usage string }{
		{"from", "only at this `TIME` or later"},
		{"to", "only before this `TIME`"},
		{"user", "only of the user with this `NAME`"},
		{"action", "only of this `ACTION`, such as play"},
		{"recording", "only about the recording with this `ID`"},
		{"after", "only behind the entry with this `SEQUENCE`"},
		{"newest", "only so many, the newest: a `NUMBER`"},
	} {
		flags.Func(f.name, f.usage, func(value string) error {
			a.query.Set(f.name, value)
			return nil
		})
	}
	a.service = p.addServer(c)
	return c
}

// auditRun is one run of the command.
type auditRun struct {
	*program
	query               url.Values
	verify, data        string
	known               []string
	file, contactCenter string
	text, chain         bool
	service             func() (*client.Client, error)
}

func (a *auditRun) run(ctx context.Context) error {
	proving := a.verify != "" || a.data != ""
	switch {
	case a.verify != "" && a.data != "":
		return usage("--verify and --data exclude each other")
	case proving && (len(a.query) > 0 || a.chain || a.text || a.file != "" || a.contactCenter != ""):
		return usage("--verify and --data take no other flag than --known: they prove all that is there")
	case proving:
		return a.prove(ctx)
	case len(a.known) > 0:
		return usage("--known is for --verify and --data only")
	case a.chain && a.text:
		return usage("--chain and --text exclude each other")
	}

	c, err := a.service()
	if err != nil {
		return err
	}
	defer c.Close()
	path, err := a.path(ctx, c)
	if err != nil {
		return err
	}
	if a.chain {
		a.query.Set("chain", "true")
	}

	show := func(w io.Writer) error { return a.show(ctx, c, path, w) }
	if a.file == "" || a.file == "-" {
		return show(a.stdout)
	}
	return durable.ReplaceBy(a.file, show)
}

// path is where the service has the log for this user.
func (a *auditRun) path(ctx context.Context, c *client.Client) (string, error) {
	var me struct {
		User struct {
			Role auth.Role `json:"role"`
		} `json:"user"`
	}
	if err := c.Call(ctx, http.MethodGet, "/api/v2/me", nil, &me); err != nil {
		return "", err
	}

	ops := me.User.Role == auth.RoleOps
	switch {
	case a.contactCenter != "" && !ops:
		return "", usage("--contact-center is for users with the role ops")
	case a.contactCenter != "":
		a.query.Set("contactCenter", a.contactCenter)
	}
	if ops {
		return "/api/v2/ops/audit", nil
	}
	return "/api/v2/audit", nil
}

// show writes the entries, and makes sure that these are all.
func (a *auditRun) show(ctx context.Context, c *client.Client, path string, w io.Writer) error {
	body, err := c.Open(ctx, path, a.query)
	if err != nil {
		return err
	}
	defer body.Close()

	lines := bufio.NewReader(body)
	var count uint64
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("the answer broke off after %d entries", count)
		}
		var t audit.Trailer
		if json.Unmarshal(line, &t, json.RejectUnknownMembers(true)) == nil && t.Hash != "" && t.Count == count {
			if !a.text {
				_, err = w.Write(line)
			}
			return err
		}
		count++
		if a.text {
			line = entryText(line)
		}
		if _, err := w.Write(line); err != nil {
			return fmt.Errorf("writing the entries: %w", err)
		}
	}
}

// entryText is an entry for a person to read.
func entryText(line []byte) []byte {
	var l audit.Line
	if err := json.Unmarshal(line, &l); err != nil {
		return line
	}
	parts := []string{
		strconv.FormatUint(l.Sequence, 10), l.Time.String(), orDash(l.User), orDash(l.Address), string(l.Action),
		string(l.Outcome),
	}
	for _, part := range []string{l.ContactCenter, l.Recording, string(l.Facts), string(l.Detail)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return []byte(strings.Join(parts, "  ") + "\n")
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// prove proves a chain, and says what is proven.
func (a *auditRun) prove(ctx context.Context) error {
	known, err := parseKnown(a.known)
	if err != nil {
		return err
	}

	report, err := a.proven(ctx, known)
	if err != nil {
		return err
	}
	text, partial := provenText(report)
	if _, err := fmt.Fprintln(a.stdout, text); err != nil {
		return err
	}
	if partial {
		return errPartly
	}
	return nil
}

// provenText says what is proven, and whether there is something that is not: what comes before a part, or
// hashes that are known of entries before all that is there.
func provenText(r audit.Report) (text string, partial bool) {
	switch {
	case r.Last == 0 && r.After > 0:
		text = fmt.Sprintf("There are no entries after %d.", r.After)
	case r.Last == 0:
		text = "There are no entries."
	default:
		text = fmt.Sprintf("Proven: entries %d to %d are a chain; the last has the hash %s.", r.First, r.Last, r.Hash)
	}
	if r.Cut {
		text += fmt.Sprintf(" Those before %d were cut off, which was signed off.", r.First)
	}
	if r.Erased > 0 {
		text += fmt.Sprintf(" %d details were erased.", r.Erased)
	}
	if r.Hidden > 0 {
		text += fmt.Sprintf(" %d entries are not shown.", r.Hidden)
	}

	switch {
	case r.Last == 0 || r.After == 0:
	case r.Joined:
		text += fmt.Sprintf(" They follow entry %d, whose hash is known.", r.After)
	default:
		partial = true
		const part = " They are a part: entry %d refers to an entry %d with the hash %s, and of that and those " +
			"before nothing is proven. --known %d:HASH joins them to what was proven, or kept, elsewhere."
		text += fmt.Sprintf(part, r.First, r.After, r.Before, r.After)
	}
	for _, sequence := range r.Unused {
		partial = true
		text += fmt.Sprintf(" The hash that is known of entry %d proves nothing: what is here begins later.", sequence)
	}
	return text, partial
}

// proven proves the chain of a file, or of a directory.
func (a *auditRun) proven(ctx context.Context, known map[uint64]string) (audit.Report, error) {
	switch a.verify {
	case "":
		return auditstore.Verify(ctx, filepath.Join(a.data, auditstore.Dir), known)
	case "-":
		return audit.VerifyExport(a.stdin, known)
	}
	f, err := os.Open(a.verify)
	if err != nil {
		return audit.Report{}, err
	}
	report, err := audit.VerifyExport(f, known)
	return report, errors.Join(err, f.Close())
}

// parseKnown reads the hashes that were kept elsewhere.
func parseKnown(all []string) (map[uint64]string, error) {
	known := map[uint64]string{}
	for _, text := range all {
		sequence, hash, ok := strings.Cut(text, ":")
		n, err := strconv.ParseUint(sequence, 10, 64)
		if !ok || err != nil || n == 0 || len(hash) != len(audit.Genesis) {
			return nil, usage("--known %q is not of the form SEQUENCE:HASH, as the status and the log show them", text)
		}
		known[n] = strings.ToLower(hash)
	}
	return known, nil
}
