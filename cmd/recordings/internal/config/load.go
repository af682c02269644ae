package config

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Sources is what a configuration is made from.
type Sources struct {
	File     string            // path of the YAML file
	Optional bool              // a file that does not exist is as good as an empty one
	Environ  []string          // as os.Environ returns it; variables without EnvPrefix are none of ours
	Flags    map[string]string // by the path of the setting, which is also the name of the flag: listen, data
}

// EnvPrefix begins the name of every environment variable that is a setting: RECORDINGS_LISTEN for
// listen, RECORDINGS_TLS_KEY for tls.key.
const EnvPrefix = "RECORDINGS_"

// maxFile bounds the size of the file. The longest sensible one has a few thousand users.
const maxFile = 4 << 20 // bytes

// Load reads the configuration. The error is a [Problems] when the configuration is what is wrong.
// unknown names the environment variables that look like settings and are none; they are no error,
// since whoever starts the service may set some of their own (Kubernetes does, for a service that
// is called recordings).
func Load(s Sources) (c *Config, unknown []string, err error) {
	data, found, err := readFile(s)
	if err != nil {
		return nil, nil, err
	}

	c, r, unknown := parse(data, s)
	// Where the environment has everything, no file is no problem.
	if !found && len(r.problems) > 0 {
		r.problem(place{source: s.File}, "", "is not there; `recordings help configuration` prints an example")
	}

	r.checkCertificate(c)
	if err := r.result(); err != nil {
		return nil, unknown, err
	}
	c.Hash = fmt.Sprintf("%x", sha256.Sum256(data))
	return c, unknown, nil
}

// Parse is Load for a file that has been read already, and whatever the files that it names hold.
func Parse(data []byte, s Sources) (*Config, error) {
	c, r, _ := parse(data, s)
	if err := r.result(); err != nil {
		return nil, err
	}
	return c, nil
}

// parse takes the sources in turn, the weakest first, and validates what they make together.
func parse(data []byte, s Sources) (*Config, *reader, []string) {
	c, r := Defaults(), newReader(s.File)
	table := settings(c)
	r.mapping("", parseYAML(r, data, place{source: s.File, line: 1}), table)
	unknown := r.environ(s.Environ, table)
	for path, value := range s.Flags {
		r.single(path, node{place: place{source: "--" + path}, kind: plain, text: value}, table)
	}

	// After a file that is no YAML, every required setting would seem to be missing.
	if !r.unread {
		r.validate(c)
	}
	return c, r, unknown
}

// result is all problems, in the order in which somebody would mend them, or nil.
func (r *reader) result() error {
	if len(r.problems) == 0 {
		return nil
	}
	r.problems.sort(r.file)
	return r.problems
}

// readFile reads the file, and reports whether there is one.
func readFile(s Sources) (data []byte, found bool, err error) {
	f, err := os.Open(s.File)
	if errors.Is(err, fs.ErrNotExist) && s.Optional {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, Problems{{Source: s.File, Message: "cannot be read: " + cause(err)}}
	}
	defer f.Close()

	data, err = io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, false, Problems{{Source: s.File, Message: "cannot be read: " + cause(err)}}
	}
	if len(data) > maxFile {
		return nil, false, Problems{{Source: s.File, Message: fmt.Sprintf("is longer than %d bytes", maxFile)}}
	}

	return data, true, nil
}

// cause is the error without the path, which the message tells already.
func cause(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return err.Error()
}

// environ takes the variables that are settings, and returns the names of those that only look so.
// An empty variable counts as one that is not there.
func (r *reader) environ(environ []string, table []setting) (unknown []string) {
	names := map[string]string{} // variable → path
	paths("", table, func(path string) {
		names[EnvPrefix+strings.ToUpper(strings.ReplaceAll(path, ".", "_"))] = path
	})

	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		path, ok := names[name]
		if ok && value != "" {
			r.single(path, node{place: place{source: name}, kind: plain, text: value}, table)
		} else if !ok && strings.HasPrefix(name, EnvPrefix) && !forClients[name] {
			unknown = append(unknown, name)
		}
	}

	slices.Sort(unknown)
	return unknown
}

// forClients are variables that commands which call a running service read; they are not settings
// of the service.
var forClients = map[string]bool{
	EnvPrefix + "USER": true, EnvPrefix + "PASSWORD": true, EnvPrefix + "TOKEN": true, EnvPrefix + "SERVER": true,
	EnvPrefix + "CONTACT_CENTER": true, EnvPrefix + "PROFILE": true, EnvPrefix + "PLAYER": true,
}

// paths tells the paths of all settings that hold a value.
func paths(path string, table []setting, tell func(string)) {
	for _, s := range table {
		at := join(path, s.key)
		if s.take != nil {
			tell(at)
		}
		paths(at, s.group, tell)
	}
}

// single takes one setting by its path.
func (r *reader) single(path string, n node, table []setting) {
	for _, key := range strings.Split(path, ".") {
		i := slices.IndexFunc(table, func(s setting) bool { return s.key == key })
		if i < 0 {
			r.problem(n.place, path, "is not known")
			return
		}

		if table[i].take != nil {
			r.places[path] = n.place
			table[i].take(r, path, n)
			return
		}

		table = table[i].group
	}
}

// checkCertificate looks at the files of the certificate, so that a wrong one is told with
// everything else that is wrong.
func (r *reader) checkCertificate(c *Config) {
	if c.TLS.Certificate == "" || c.TLS.Key == "" {
		return
	}
	if _, err := tls.LoadX509KeyPair(c.TLS.Certificate, c.TLS.Key); err != nil {
		r.check(false, "tls", "the certificate and its key cannot be used: "+err.Error())
	}
}
