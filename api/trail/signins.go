package trail

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/audit"
)

// By is the fact of a sign-in that was not on the page: by which credentials it was.
const By = "by"

// How somebody has signed in.
const (
	ByPage     = "page"
	ByPassword = "password" // with a request of the API
	ByToken    = "token"    // a machine's
	ByBearer   = "bearer"   // a token of the identity provider
)

// SignIn is one attempt to sign in.
type SignIn struct {
	Sequence uint64 // of its entry
	Time     time.Time
	Address  string        // of the network it came from; empty: not known
	By       string        // ByPage and so on
	Outcome  audit.Outcome // done or refused
}

// maxLooked is how many entries are looked at for the last sign-ins of somebody: all are theirs, but where a
// token has the name of a person, whose sign-ins are not for each other.
const maxLooked = 1000

// SignIns returns the last sign-ins of a user, or of the token of that name, that were done, or those that were
// refused, the newest first: so many at most. They are read from the audit log: so they are durable, and
// are kept for as long as the log keeps its entries. A nil log has none.
func SignIns(
	ctx context.Context, log audit.Log, name string, token bool, o audit.Outcome, most int,
) (all []SignIn, err error) {
	if log == nil {
		return nil, nil
	}
	looked := 0
	var odd error
	err = log.SignIns(ctx, name, o, func(l *audit.Line) bool {
		var by string
		if by, odd = signedInBy(l); odd != nil {
			return false
		}
		if (by == ByToken) == token {
			all = append(all, SignIn{l.Sequence, time.UnixMilli(int64(l.Time)), l.Address, by, l.Outcome})
		}
		looked++
		return len(all) < most && looked < maxLooked
	})
	if err == nil {
		err = odd
	}
	if err != nil {
		return nil, fmt.Errorf("reading the last sign-ins: %w", err)
	}
	return all, nil
}

// signedInBy is how the sign-in of an entry was.
func signedInBy(l *audit.Line) (string, error) {
	facts := struct {
		By string `json:"by"`
	}{ByPage}
	if len(l.Facts) == 0 {
		return facts.By, nil
	}
	if err := json.Unmarshal(l.Facts, &facts); err != nil {
		return "", fmt.Errorf("the facts of entry %d: %w", l.Sequence, err)
	}
	return facts.By, nil
}
