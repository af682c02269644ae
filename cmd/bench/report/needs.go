package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"recordings/cmd/bench/measure"
)

// WriteNeeds writes what the program needs at each size, as a table of Markdown.
func WriteNeeds(w io.Writer, needs []measure.Need) error {
	t := table{header: []string{"recordings"}}
	for i := range needs {
		t.header = append(t.header, count(needs[i].Recordings))
	}
	row := func(name string, cell func(n *measure.Need) string) {
		cells := []string{name}
		for i := range needs {
			cells = append(cells, cell(&needs[i]))
		}
		t.add(cells...)
	}
	two := func(a, b string) string { return a + "; " + b }
	perSize := func(of func(n *measure.Need) measure.Latency) func(n *measure.Need) string {
		return func(n *measure.Need) string { return two(milliseconds(of(n).P50), milliseconds(of(n).P99)) }
	}

	row("disk, GB", func(n *measure.Need) string { return fmt.Sprintf("%.1f", float64(n.DiskBytes)/1e9) })
	row("disk, bytes of a recording", func(n *measure.Need) string {
		return grouped(n.DiskBytes / int64(n.Recordings))
	})
	row("memory, MiB: at rest; at most", func(n *measure.Need) string {
		return two(mebibytes(n.Idle), mebibytes(n.Memory))
	})
	row("the same with files that the system keeps for it, MiB", func(n *measure.Need) string {
		return mebibytes(n.Mapped)
	})
	row("from its start to the first answer, s", func(n *measure.Need) string {
		return fmt.Sprintf("%.1f", n.Start.Seconds())
	})
	row("the slowest first search of its kind, ms", func(n *measure.Need) string { return milliseconds(n.First) })
	row("searches/s of 2 clients", func(n *measure.Need) string { return perSecond(n.SearchRate) })
	row("a search of these: median; 99%, ms", perSize(func(n *measure.Need) measure.Latency { return n.Search }))
	row("processor time of one, ms", func(n *measure.Need) string { return milliseconds(n.SearchTime) })
	row("posts/s of 16 clients", func(n *measure.Need) string { return perSecond(n.PostRate) })
	row("processor time of one, ms", func(n *measure.Need) string { return milliseconds(n.PostTime) })
	row("posts/s while 2 clients search", func(n *measure.Need) string { return perSecond(n.BusyRate) })
	row("a search of these: median; 99%, ms", perSize(func(n *measure.Need) measure.Latency { return n.Busy }))
	row("putting in many, recordings/s", func(n *measure.Need) string { return perSecond(n.LoadRate) })
	row("processor time of one, ms", func(n *measure.Need) string {
		return fmt.Sprintf("%.2f", float64(n.LoadTime)/float64(time.Millisecond))
	})

	var b strings.Builder
	writeMarkdown(&b, &t)
	_, err := io.WriteString(w, b.String())
	return err
}
