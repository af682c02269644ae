// Package problem says what is wrong with settings.
//
// Each room knows the rules of its own settings, and nobody else does. What reads the configuration
// asks them, and adds which line of which file a setting comes from; whoever makes a thing of
// settings that nobody has read, as tests do, asks them, too.
package problem

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing wrong with a setting.
type Problem struct {
	Setting string // by its path in the configuration, such as buckets[1]
	Message string // what is wrong, and what is accepted; behind the setting, a sentence
}

// List is everything that is wrong.
type List []Problem

// Check adds a problem unless all is well, and reports whether it is.
func (l *List) Check(ok bool, setting, message string) bool {
	if !ok {
		*l = append(*l, Problem{setting, message})
	}
	return ok
}

// Add adds the problems of settings that stand below another; empty: beside these.
func (l *List) Add(below string, problems List) {
	if below != "" {
		below += "."
	}
	for _, p := range problems {
		*l = append(*l, Problem{below + p.Setting, p.Message})
	}
}

// CheckURL accepts http(s)://host[:port][/path] and nothing more.
func (l *List) CheckURL(setting, text string) bool {
	u, err := url.Parse(text)
	ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		!strings.ContainsAny(text, "?#\\") && (u.Port() == "" || ValidAddress(u.Host))
	return l.Check(ok, setting, URLForm)
}

// URLForm is the message about what is no URL.
const URLForm = "must be a URL such as https://host:port/path, without user, query or fragment"

// CheckNames checks a list of names: none empty, none twice.
func (l *List) CheckNames(setting string, names []string) {
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", setting, i)
		l.Check(name != "" && Trimmed(name), at, "must not be empty, nor begin or end with a space")
		l.Check(!slices.Contains(names[:i], name), at, "is in the list already")
	}
}

// Err is the list as an error, a problem a line; nil if there is none.
func (l List) Err() error {
	var errs []error
	for _, p := range l {
		errs = append(errs, fmt.Errorf("%s %s", p.Setting, p.Message))
	}
	return errors.Join(errs...)
}

// ValidAddress reports whether a text is host:port.
func ValidAddress(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// Trimmed reports whether a text neither begins nor ends with white space.
func Trimmed(s string) bool { return s == strings.TrimSpace(s) }
