package mapping

import "strings"

// Problem is one thing wrong with what a client sent.
type Problem struct {
	Path    string // the JSON path (mediaFiles[0].startTime) or the name of the parameter; empty: the whole
	Message string // what is wrong and what is accepted; with the path before it, a sentence
	Missing bool   // a required attribute or parameter is not there
}

// Problems is everything wrong with a body or a query; as an error it tells all of it.
type Problems []Problem

// maxProblems bounds how many problems one answer tells. No more than one above it are looked for.
const maxProblems = 20

// Error implements [error].
func (p Problems) Error() string {
	var b strings.Builder
	for i, x := range p {
		if i == maxProblems {
			b.WriteString("; and more")
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		if x.Path != "" {
			b.WriteString(x.Path + " ")
		}

		b.WriteString(x.Message)
	}

	return b.String()
}

// Told are the problems that Error tells one by one.
func (p Problems) Told() Problems { return p[:min(len(p), maxProblems)] }

// Missing reports whether all that is wrong is that something is missing.
func (p Problems) Missing() bool {
	for _, x := range p {
		if !x.Missing {
			return false
		}
	}
	return len(p) > 0
}
