package client

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
)

// wholeCheck looks at an export as it passes by, and knows in the end whether it is whole.
type wholeCheck interface {
	add(b []byte)      // looks at the next bytes
	recordings() int64 // how many there were so far; 0: nobody knows
	amount() string    // how much there was so far, in words
	whole() error      // says, at the end, what is missing
}

// newWholeCheck is the check of a format.
func newWholeCheck(o ExportOptions) wholeCheck {
	switch {
	case o.Format == XLSX:
		return new(workbookCheck)
	case o.Format == NDJSON:
		return new(lineCheck)
	case o.Separator == "semicolon":
		return &lineCheck{separator: ';'}
	case o.Separator == "tab":
		return &lineCheck{separator: '\t'}
	}
	return &lineCheck{separator: ','}
}

// workbookCheck checks a workbook, which ends with the list of its parts.
type workbookCheck struct {
	bytes int64
	end   []byte // the last bytes
}

const (
	endOfParts     = "PK\x05\x06" // begins the end of the list
	endOfPartsSize = 22
)

func (c *workbookCheck) add(b []byte) {
	c.bytes += int64(len(b))
	c.end = append(c.end, b[max(0, len(b)-endOfPartsSize):]...)
	c.end = c.end[max(0, len(c.end)-endOfPartsSize):]
}

func (c *workbookCheck) recordings() int64 { return 0 }

func (c *workbookCheck) amount() string { return amount(c.bytes, "bytes") }

func (c *workbookCheck) whole() error {
	if len(c.end) < endOfPartsSize || !bytes.HasPrefix(c.end, []byte(endOfParts)) {
		return fmt.Errorf("the workbook has %d bytes and not its end: it is not whole", c.bytes)
	}
	return nil
}

// lineCheck checks NDJSON or a CSV, whose last line says how many recordings there are.
type lineCheck struct {
	separator rune // of a CSV; 0: it is NDJSON

	lines  int64  // that have ended
	quoted bool   // within quotes of a CSV, where a line feed ends no line
	line   []byte // the beginning of the present line
	last   []byte // the beginning of the one before
}

func (c *lineCheck) amount() string { return amount(c.recordings(), "recordings") }

func (c *lineCheck) csv() bool { return c.separator != 0 }

// maxLastLine is more than the last line of an export has, in bytes.
const maxLastLine = 1024

// add looks at the next bytes.
func (c *lineCheck) add(b []byte) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		piece := b[:i+1]
		if i < 0 {
			piece = b
		}

		b = b[len(piece):]

		// An escaped quote is two quotes, so counting them is enough to know which side one is on.
		if c.csv() && bytes.Count(piece, []byte{'"'})%2 == 1 {
			c.quoted = !c.quoted
		}

		// The last line is short, so only the beginning of each is kept, in the memory of two lines.
		c.line = append(c.line, piece[:min(len(piece), maxLastLine-len(c.line))]...)
		if i >= 0 && !c.quoted {
			c.lines++
			c.line, c.last = c.last[:0], c.line
		}
	}
}

// recordings is how many there were so far: the lines but for those around them.
func (c *lineCheck) recordings() int64 {
	n := c.lines
	if c.csv() {
		n-- // the names of the columns
	}
	if _, err := c.count(); err == nil {
		n-- // the line with the count
	}
	return max(0, n)
}

// errNotWhole is the reason where the last line is missing, or is something else.
var errNotWhole = errors.New("it does not end with the number of recordings: it is not whole")

// whole says, at the end of an export, what is missing.
func (c *lineCheck) whole() error {
	count, err := c.count()
	if err != nil || len(c.line) > 0 {
		return fmt.Errorf("the export has %d recordings; %w", c.recordings(), errNotWhole)
	}
	if got := c.recordings(); got != count {
		return fmt.Errorf("the export has %d recordings instead of %d: it is not whole", got, count)
	}
	return nil
}

// count is what the last line says.
func (c *lineCheck) count() (int64, error) {
	if c.csv() {
		r := csv.NewReader(bytes.NewReader(c.last))
		r.Comma = c.separator
		record, err := r.Read()
		if err != nil || len(record) < 2 || record[0] != "#count" {
			return 0, errNotWhole
		}
		return strconv.ParseInt(record[1], 10, 64)
	}

	var line struct {
		StatusCode *int   `json:"statusCode"`
		Count      *int64 `json:"count"`
	}

	if json.Unmarshal(c.last, &line) != nil || line.StatusCode == nil || *line.StatusCode != 0 || line.Count == nil {
		return 0, errNotWhole
	}

	return *line.Count, nil
}
