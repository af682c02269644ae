package firsthour

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
)

const aboutAll = "# The configuration of `recordings serve`, as `recordings init` wrote it. " +
	"`recordings help configuration` prints all\n" +
	"# settings, each explained; `recordings check-config` says everything that is wrong; " +
	"`recordings doctor` looks whether\n" +
	"# everything is there that it needs.\n\n" +
	"# The region of this server: recordings of other regions are stored, but neither found nor read here.\n"

// yaml is the configuration of the answers. It is put together from lines, as a template would keep the linker from
// leaving out what is never called of all that the program is made of, a quarter of its size.
func (a *answers) yaml() ([]byte, error) {
	y := new(outline)
	y.text(aboutAll)
	y.line("region: %s", a.Region)
	y.text("\n")
	y.line("listen: %s", a.Listen)
	y.line("data: %s", a.Data)
	if a.Backups != "" {
		y.line("backup_directory: %s", a.Backups)
	} else {
		y.text(`# backup_directory: ""         # where backups are made, best on a disk of its own; without it, none are
`)
	}

	y.text("\nusers:\n")
	if a.Ops != "" {
		y.line("  - {name: %s, role: ops, password_hash: %s}", a.Ops, a.OpsHash)
	}
	if a.Admin != "" {
		const admin = "  - {name: %s, role: admin, contact_center: %s, password_hash: %s}"
		y.line(admin, a.Admin, a.ContactCenter, a.AdminHash)
	}

	y.text("\n# The storages of media that may be contacted: what is not listed here never is.\nstorage:\n")
	a.s3(y)
	a.webDAV(y)
	if y.err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", y.err)
	}
	return []byte(y.b.String()), nil
}

func (a *answers) s3(y *outline) {
	y.text("  awsS3:\n")
	if len(a.Buckets) == 0 {
		y.line("    buckets: []")
		return
	}

	y.line("    buckets: ["+strings.TrimPrefix(strings.Repeat(", %s", len(a.Buckets)), ", ")+"]", a.Buckets...)
	y.line("    region: %s", a.S3Region)
	if a.S3Endpoint != "" {
		y.line("    endpoint: %s", a.S3Endpoint)
		y.line("    path_style: true")
	}
	if a.S3Key != "" {
		y.line("    access_key: %s", a.S3Key)
		y.line("    secret_key: %s", a.S3Secret)
	}
}

func (a *answers) webDAV(y *outline) {
	y.text("  webDAV:\n")
	if a.WebDAV == "" {
		y.line("    origins: []")
		return
	}

	y.line("    default: %s", a.WebDAV)
	y.line("    origins: [{url: %s, username: %s, password: %s}]", a.WebDAV, a.WebDAVUser, a.WebDAVPassword)
}

// outline is a configuration that is being written.
type outline struct {
	b   strings.Builder
	err error // the first
}

func (y *outline) text(s string) { y.b.WriteString(s) }

// line writes a line with values, of which each comes in quotes: what JSON puts into quotes, YAML reads the same.
func (y *outline) line(format string, values ...string) {
	quoted := make([]any, len(values))
	for i, value := range values {
		b, err := json.Marshal(value)
		if err != nil && y.err == nil {
			y.err = err
		}
		quoted[i] = string(b)
	}
	fmt.Fprintf(&y.b, format+"\n", quoted...)
}
