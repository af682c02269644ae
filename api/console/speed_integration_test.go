//go:build integration

package console_test

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
)

// TestTyping logs how long it takes from the last key to its results, among as many recordings as
// RECORDINGS_TYPING says.
func TestTyping(t *testing.T) {
	n := 5000
	if text := os.Getenv("RECORDINGS_TYPING"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("RECORDINGS_TYPING: %v", err)
		}
	}

	s := serveWith(t, build(t), newStorage(t))
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for from := 0; from < n; from += 2000 {
		var part []string
		for i := from; i < min(n, from+2000); i++ {
			part = append(part,
				recording(fmt.Sprint(i), start.Add(time.Duration(i)*time.Minute), func(r map[string]any) {
					r["callerPhoneNumber"] = fmt.Sprintf("+1415%07d", i*7919%10_000_000)
					e := r["eventHistory"].([]any)
					e[0].(map[string]any)["contact"].(map[string]any)["lastName"] = fmt.Sprint("Amber", i%400)
					e[1].(map[string]any)["data"] = map[string]any{"Queue": []string{"Billing", "Sales",
						"Support"}[i%3],
						"Case": fmt.Sprint("case-", i)}
				}))
		}

		s.postAll(t, part)
	}

	p := newBrowser(t).open(t, s, laptop)
	p.signIn(s, "admin", "/")
	p.settled()
	p.do(`new MutationObserver(() => { window.shown = performance.now(); }` +
		`).observe(document.querySelector('.grid-body'), { childList: true });
		document.querySelector('form').addEventListener('input', () => { window.typed = performance.now(); })`)
	var all []float64
	for _, c := range []struct{ field, typed, value string }{
		{"callerPhoneNumber", "+141512*", "+141512*"}, {"callerPhoneNumber", "*5550", "*5550"},
		{"callerPhoneNumber", "7", "*7*"}, {"callerPhoneNumber", "77", "*77*"},
		{"callerPhoneNumber", "41512", "*41512*"}, {"callerPhoneNumber", "+1415123", "*+1415123*"},
		{"dialedPhoneNumber", "1800", "*1800*"}, {"phoneNumber", "41512", "*41512*"}, {"userName", "a", "a*"},
		{"userName", "amber7", "amber7*"},
		{"userName", "AMBER12 OR amber13 OR amber14", "AMBER12 OR amber13 OR amber14*"},
		{"userName", "*er39*", "*er39*"},
		{"userName", `"amber77"`, `"amber77"`}, {"userData", "bil", "bil*"}, {"userData", "case-77", "case-77*"},
		{"userData", "case-1", "case-1*"}, {"userData", "sales AND case-4", "sales AND case-4*"},
	} {
		var took []float64
		for range 3 {
			p.fill("#"+c.field, c.typed)
			p.showsResult(s, c.field+"="+url.QueryEscape(c.value))
			p.wait("window.shown > window.typed")
			took = append(took, evaluate[float64](p, "window.shown - window.typed"))
			p.fill("#"+c.field, "")
			p.showsResult(s, "startTime=0")
		}

		slices.Sort(took)
		all = append(all, took...)
		t.Logf("%s %s: %.0f ms from the last key to its results, at most %.0f", c.field, c.typed, took[len(took)/2],
			took[len(took)-1])
	}

	slices.Sort(all)
	t.Logf("among %d recordings: %.0f ms from the last key to its results, 95 %% within %.0f", n, all[len(all)/2],
		all[len(all)*95/100])
}

// memory is what the page's objects take when there is no garbage among them, in MB.
func (p *tab) memory() float64 {
	p.t.Helper()
	send(p, heapprofiler.CollectGarbage, cdp.Empty{})
	return evaluate[float64](p, "performance.memory.usedJSHeapSize") / 1e6
}
