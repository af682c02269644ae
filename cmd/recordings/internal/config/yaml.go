package config

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// place is where a value was written.
type place struct {
	source string // the file, the environment variable or the flag
	line   int    // of the file; 0 where there is none
}

// kind is what a value was written as. Settings accept some kinds only, so that a region 007 or a
// user named true is not taken for something else.
type kind int

// The kinds of values.
const (
	absent  kind = iota // nothing, or null: the setting is not given
	text                // a string
	plain               // the text of a variable or a flag, whose type is that of its setting
	boolean             // true or false
	number              // an integer
	other               // a scalar that no setting has, such as a fraction
	refused             // what was told already that it cannot be read
	list
	mapping
)

// node is a value of the configuration with its place, whatever it was written in.
type node struct {
	place
	kind    kind
	text    string  // of a scalar, as written, without quotes
	items   []node  // of a list
	entries []entry // of a mapping, in the order of the file, duplicates included
}

// entry is a key with its value.
type entry struct {
	place // of the key
	key   string
	value node
}

// parseYAML reads one YAML document. at is the place of its first line. What cannot be read is told
// to r, and is absent from the result.
func parseYAML(r *reader, data []byte, at place) node {
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.problem(syntaxPlace(err, at), "", "is not YAML: "+syntaxMessage(err))
		r.unread = r.unread || at.source == r.file
		return node{place: at, kind: refused}
	}

	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			r.problem(linePlace(doc.Body, at), "", "only one YAML document is accepted")
			break
		}
		root = doc.Body
	}

	c := converter{r: r, at: at}
	return c.node(root, 0)
}

// syntaxMessage is what is wrong, without the piece of the file that the library shows around it: that
// may hold a secret.
func syntaxMessage(err error) string {
	if e, ok := errors.AsType[*yaml.SyntaxError](err); ok {
		return e.Message
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

// syntaxPlace is where the error is, or where the document begins if the library does not say.
func syntaxPlace(err error, at place) place {
	if e, ok := errors.AsType[*yaml.SyntaxError](err); ok {
		return tokenPlace(e.Token, at)
	}
	return at
}

func linePlace(n ast.Node, at place) place { return tokenPlace(n.GetToken(), at) }

// tokenPlace adds the line of a token, which counts from 1, to the place of the document.
func tokenPlace(t *token.Token, at place) place {
	if at.line > 0 && t != nil && t.Position != nil && t.Position.Line > 0 {
		at.line += t.Position.Line - 1
	}
	return at
}

// maxDepth is how deep the values of a file may lie within each other. The deepest setting lies 5
// deep.
const maxDepth = 20

// converter turns the library's nodes into ours. References (anchors, aliases, merge keys) and tags
// are refused: no setting needs them, and a value that is written elsewhere has no place of its
// own.
type converter struct {
	r  *reader
	at place
}

// node converts a value, and what it is made of.
func (c *converter) node(n ast.Node, depth int) node {
	if n == nil {
		return node{place: c.at}
	}
	if depth > maxDepth {
		return c.refuse(n, "lies too deep")
	}

	here := node{place: linePlace(n, c.at)}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.StringNode:
		here.kind, here.text = text, n.Value
	case *ast.LiteralNode:
		here.kind, here.text = text, n.Value.Value
	case *ast.BoolNode:
		here.kind, here.text = boolean, n.Token.Value
	case *ast.IntegerNode:
		here.kind, here.text = number, n.Token.Value
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		here.kind = other
	case *ast.SequenceNode:
		here.kind = list
		for _, v := range n.Values {
			here.items = append(here.items, c.node(v, depth+1))
		}
	case *ast.MappingNode:
		here.kind = mapping
		for _, v := range n.Values {
			here.entries = c.entry(here.entries, v, depth)
		}
	case *ast.MappingValueNode:
		here.kind = mapping
		here.entries = c.entry(nil, n, depth)
	default:
		return c.refuse(n, "is not accepted: anchors, aliases and tags have no place in this file")
	}

	return here
}

// entry appends a key with its value, unless the key is none that could be a setting.
func (c *converter) entry(to []entry, n *ast.MappingValueNode, depth int) []entry {
	var key string
	switch k := n.Key.(type) {
	case *ast.StringNode:
		key = k.Value
	case *ast.IntegerNode:
		key = k.Token.Value
	default:
		c.refuse(n.Key, "is not accepted as a key")
		return to
	}

	value := c.node(n.Value, depth+1)
	return append(to, entry{place: linePlace(n.Key, c.at), key: key, value: value})
}

// refuse tells a problem, and returns a value that nobody says more about.
func (c *converter) refuse(n ast.Node, why string) node {
	here := linePlace(n, c.at)
	c.r.problem(here, "", "what is written here "+why)
	return node{place: here, kind: refused}
}
