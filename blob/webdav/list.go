package webdav

import (
	"context"
	"path"
	"strings"

	"recordings/blob/internal/driver"
)

// maxListed is how deep collections may lie within each other. A server that links one into itself
// would otherwise be listed for ever.
const maxListed = 64

// List implements [driver.Lister]: it asks for one collection after the other what is in it, by PROPFIND
// with a depth of 1, for a depth of infinity is what servers refuse.
func (o *origin) List(ctx context.Context, fn func([]driver.Object) error) error {
	return o.list(ctx, o.Path, 0, fn)
}

// list lists a collection, whose path ends in a slash, and those within it.
func (o *origin) list(ctx context.Context, dir string, depth int, fn func([]driver.Object) error) error {
	if depth > maxListed {
		return o.fail(ctx, driver.Newf(driver.ErrRefused, "collections lie too deep within each other"))
	}

	c := &call{origin: o, ctx: ctx}
	members, err := c.client().ReadDir(dir)
	if err := c.result(err); err != nil {
		return err
	}

	var objects []driver.Object
	var within []string
	for _, m := range members {
		name := m.Name()
		switch {
		case name == "" || name == "/" || strings.Contains(name, "/"):
			return o.fail(ctx, driver.Newf(driver.ErrRefused, "PROPFIND tells no name of a member"))
		case m.IsDir():
			within = append(within, path.Join(dir, name)+"/")
		default:
			objects = append(objects, driver.Object{
				Key: dir + name, Info: driver.Info{Size: m.Size(), ModTime: m.ModTime()},
			})
		}
	}
	if len(objects) > 0 {
		if err := fn(objects); err != nil {
			return err
		}
	}

	for _, d := range within {
		if err := o.list(ctx, d, depth+1, fn); err != nil {
			return err
		}
	}
	return nil
}
