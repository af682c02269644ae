package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// dialing is what the library puts in front of why a connection was not made, where that is text already.
var dialing = regexp.MustCompile(`dial (tcp|udp)\d? \S+: (connect: )?`)

// Words is an error for who has typed the command: it says what was asked for, and nothing of how the
// program is made.
func Words(err error) string {
	text := err.Error()
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		text = strings.ReplaceAll(text, path.Error(), path.Path+": "+cause(path.Err))
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		text = strings.ReplaceAll(text, link.Error(), link.New+": "+cause(link.Err))
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		text = strings.ReplaceAll(text, call.Error(), cause(call.Err))
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		text = strings.ReplaceAll(text, op.Error(), cause(op.Err))
	}
	text = dialing.ReplaceAllString(text, "")
	if errors.Is(err, context.Canceled) {
		text = strings.ReplaceAll(text, context.Canceled.Error(), "interrupted")
		text = strings.ReplaceAll(text, "interrupted: interrupted", "interrupted")
	}
	return text
}

// cause is why the system refused, in words.
func cause(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file or directory"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not do that"
	case errors.Is(err, syscall.EISDIR):
		return "it is a directory"
	case errors.Is(err, syscall.ENOTDIR):
		return "a part of the path is no directory"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full"
	case errors.Is(err, syscall.EADDRINUSE):
		return "the address is in use"
	}
	return err.Error()
}

// Suggest returns which of the names may have been meant by another.
func Suggest(name string, names []string) []string {
	// The library compares the names of commands; whatever else is to be compared borrows that.
	// Of a short name, two letters are too many.
	c := &cobra.Command{SuggestionsMinimumDistance: min(2, len(name)/3)}
	for _, n := range names {
		c.AddCommand(&cobra.Command{Use: n, Run: func(*cobra.Command, []string) {}})
	}
	return c.SuggestionsFor(name)
}

// DidYouMean completes a refusal by what may have been meant; empty: nobody knows.
func DidYouMean(name string, names []string) string {
	if s := Suggest(name, names); len(s) > 0 {
		return "; did you mean " + strings.Join(s, " or ") + "?"
	}
	return ""
}

// FlagError is the refusal of a flag, with what may have been meant.
func FlagError(c *cobra.Command, err error) error {
	help := fmt.Sprintf("; `recordings help %s` lists the flags", c.Name())

	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })

		name := unknown.GetSpecifiedName()
		if shorthands := unknown.GetSpecifiedShortnames(); shorthands != "" {
			word, _, _ := strings.Cut(shorthands, "=")
			if c.Flags().Lookup(word) != nil {
				return Usage("flags are spelled with two dashes: --%s%s", word, help)
			}
			return Usage("there is no flag -%s%s%s", shorthands, dashed(word, names), help)
		}
		return Usage("there is no flag --%s%s%s", name, dashed(name, names), help)
	}

	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return Usage("--%s needs a value%s", missing.GetFlag().Name, help)
	}
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return Usage("--%s %s", wrong.GetFlag().Name, wrongValue(wrong))
	}
	return Usage("%v%s", err, help)
}

// dashed is DidYouMean for flags.
func dashed(name string, names []string) string {
	all := Suggest(name, names)
	for i := range all {
		all[i] = "--" + all[i]
	}
	if len(all) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(all, " or ") + "?"
}

// wrongValue says what is wrong with the value of a flag, and what is accepted.
func wrongValue(wrong *pflag.InvalidValueError) string {
	f, value := wrong.GetFlag(), wrong.GetValue()
	switch f.Value.Type() {
	case "int", "int64", "uint":
		return fmt.Sprintf("%q is not a whole number, such as 10", value)
	case "duration":
		return fmt.Sprintf("%q is not a duration, such as 90s, 10m or 1h30m", value)
	case "bool":
		return fmt.Sprintf("%q is not true or false", value)
	}
	return fmt.Sprintf("%q %v", value, errors.Unwrap(wrong))
}
