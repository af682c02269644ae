package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpColumns is how wide a help is: as wide as the narrowest terminal that is in use.
const helpColumns = 80

// Help is all there is to know of a command, on one screen.
func Help(c *cobra.Command) string {
	c.InitDefaultHelpFlag()
	c.Flags().Lookup("help").Hidden = true // who reads this has found it

	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", hanging("Usage: ", c.UseLine()), Wrap(strings.TrimSpace(c.Long)))
	if c.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}

	if flags := c.LocalFlags().FlagUsagesWrapped(helpColumns); flags != "" {
		fmt.Fprintf(&b, "\nFlags:\n%s", flags)
	}
	return b.String()
}

// hanging is a text whose further lines are indented as far as its name.
func hanging(name, text string) string {
	lines := fill(text, helpColumns-len(name))
	return name + strings.Join(lines, "\n"+strings.Repeat(" ", len(name)))
}

// Wrap breaks the lines of a text, whose paragraphs are divided by empty lines. Lines that are indented
// stay as they are.
func Wrap(text string) string {
	var out []string
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			out = append(out, "")
		}
		if strings.HasPrefix(paragraph, "  ") {
			out = append(out, paragraph)
			continue
		}
		out = append(out, fill(paragraph, helpColumns)...)
	}
	return strings.Join(out, "\n")
}

// Folded is a text for standard error, broken into lines if that is a terminal; see [Folded].
func (p *Program) Folded(text string, indent int) string {
	return Folded(text, indent, width(p.Stderr))
}

// Folded breaks the lines of a text for so many columns; 0: it stays as it is. Broken lines go on at the
// column indent, or where they began if that is further to the right.
func Folded(text string, indent, columns int) string {
	if columns < 20+indent {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if Columns(line) <= columns {
			continue
		}
		begin := line[:len(line)-len(strings.TrimLeft(line, " "))]
		rest := strings.Repeat(" ", max(indent, len(begin)))
		words := strings.Split(strings.TrimLeft(line, " "), " ") // several blanks stay

		var out []string
		at := begin + words[0]
		for _, word := range words[1:] {
			if Columns(at)+1+Columns(word) > columns && strings.TrimSpace(at) != "" {
				out, at = append(out, strings.TrimRight(at, " ")), rest+word
				continue
			}
			at += " " + word
		}
		lines[i] = strings.Join(append(out, at), "\n")
	}
	return strings.Join(lines, "\n")
}

// fill puts the words of a text on lines of so many columns.
func fill(text string, columns int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case Columns(line)+1+Columns(word) > columns:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
