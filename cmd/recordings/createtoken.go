package main

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"recordings/api/auth"
)

// tokenEntry is a token as the configuration has it.
type tokenEntry struct {
	Name           string   `json:"name"`
	Hash           string   `json:"hash"`
	Role           string   `json:"role"`
	ContactCenters []string `json:"contact_centers,omitzero"`
	Expires        string   `json:"expires,omitzero"`
}

func (p *program) createTokenCommand() *cobra.Command {
	var t auth.Token
	var role string
	var asJSON bool
	c := &cobra.Command{
		Use:     "create-token --name NAME --role ROLE --contact-center ID… [--expires DATE] [--json]",
		GroupID: groupService,
		Short:   "make the token of a machine, and its entry for the configuration",
		Long: `Makes a token for a machine, such as a recorder, and prints it with the entry that the configuration
wants below tokens. The token is shown this once: the entry has its hash only. The machine sends it as
Authorization: Bearer, or as the password of the user NAME. A service that is running takes it after
` + "`recordings reload`" + `, until the end of the day --expires (in UTC), or until the entry is removed.

The role recorder posts recordings, auditor reads the audit log, admin finds and reads recordings, each in
its contact centers; ops needs none, and then has all of them.`,
		Example: `  recordings create-token --name pbx-7 --role recorder --contact-center berlin
  recordings create-token --name nightly --role ops --expires 2027-12-31 --json`,

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE: func(*cobra.Command, []string) error {
			t.Role = auth.Role(role)
			return p.createToken(t, asJSON)
		},
	}

	flags := c.Flags()
	flags.StringVar(&t.Name, "name", "", "the `NAME` of the machine, for the configuration and the log")
	flags.StringVar(&role, "role", "", "the `ROLE`, what it may do: recorder, auditor, admin or ops")
	flags.StringArrayVar(&t.ContactCenters, "contact-center", nil, "the `ID` of a contact center; may be repeated")
	flags.StringVar(&t.Expires, "expires", "", "the last `DATE` on which it is good, such as 2027-12-31")
	flags.BoolVar(&asJSON, "json", false, "one line of JSON")
	return c
}

// createToken makes a token and writes it with its entry.
func (p *program) createToken(t auth.Token, asJSON bool) error {
	var token string
	token, t.Hash = auth.NewToken()
	if err := t.Problems().Err(); err != nil {
		return usage("%v", err)
	}

	entry := tokenEntry{t.Name, t.Hash, string(t.Role), t.ContactCenters, t.Expires}
	if asJSON {
		return p.line(struct {
			Token string     `json:"token"`
			Entry tokenEntry `json:"entry"`
		}{token, entry})
	}

	yaml, err := entry.yaml()
	if err != nil {
		return fmt.Errorf("writing the entry: %w", err)
	}
	_, err = fmt.Fprintf(p.stdout, "The token, which is shown this once:\n\n  %s\n\n"+
		"Its entry in the configuration, below tokens:\n\n  - %s\n", token, yaml)
	return err
}

// yaml is the entry on one line. What JSON puts into quotes, YAML reads the same.
func (e *tokenEntry) yaml() (string, error) {
	name, err := json.Marshal(e.Name)
	if err != nil {
		return "", err
	}
	parts := []string{"name: " + string(name), fmt.Sprintf("hash: %q", e.Hash), "role: " + e.Role}

	if len(e.ContactCenters) > 0 {
		centers, err := json.Marshal(e.ContactCenters)
		if err != nil {
			return "", err
		}
		parts = append(parts, "contact_centers: "+string(centers))
	}
	if e.Expires != "" {
		parts = append(parts, fmt.Sprintf("expires: %q", e.Expires))
	}
	return "{" + strings.Join(parts, ", ") + "}", nil
}
