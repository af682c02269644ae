package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with the configuration.
type Problem struct {
	Source  string // the file, the environment variable or the flag that says it
	Line    int    // line of the file, from 1; 0 where there is none
	Path    string // which setting, such as users[1].role; empty: the whole
	Message string // what is wrong and what to write instead
}

// String is the problem on one line, in the form that editors find their way by: file:line.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Source)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}

	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}

	b.WriteString(p.Message)
	return b.String()
}

// Problems is everything wrong with the configuration; as an error it tells one problem a line.
type Problems []Problem

// Error implements [error].
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, x := range p {
		lines[i] = x.String()
	}
	return strings.Join(lines, "\n")
}

// sort puts the problems of the file first, by line, then those of the variables and flags by name.
func (p Problems) sort(file string) {
	slices.SortStableFunc(p, func(a, b Problem) int {
		if (a.Source == file) != (b.Source == file) {
			if a.Source == file {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Line, b.Line))
	})
}
