package config

import (
	"reflect"
	"strings"
	"unicode"
)

// reloaded are the settings that a running service takes over when it reads its configuration again.
var reloaded = map[string]bool{
	"users": true, "tokens": true, "contact_centers": true, "tls": true, "oidc": true, "retention": true,
}

// NeedRestart names the settings that differ and that a running service does not take over. Plain
// HTTP does not become HTTPS without a restart, nor the other way.
func NeedRestart(running, read *Config) (keys []string) {
	a, b := reflect.ValueOf(*running), reflect.ValueOf(*read)
	for i := range a.NumField() {
		key := keyOf(a.Type().Field(i))
		differs := !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface())
		if key == notAKey {
			continue
		}
		if key == "tls" {
			differs = (running.TLS == TLS{}) != (read.TLS == TLS{})
		} else if reloaded[key] {
			continue
		}
		if differs {
			keys = append(keys, key)
		}
	}
	return keys
}

// notAKey is the tag of what is no setting of its own.
const notAKey = "-"

// keyOf is the key of a field in the file: its tag, or its name in small letters with underlines.
func keyOf(f reflect.StructField) string {
	if key := f.Tag.Get("key"); key != "" {
		return key
	}

	var b strings.Builder
	name := []rune(f.Name)
	for i, c := range name {
		begins := i > 0 && unicode.IsUpper(c) &&
			(unicode.IsLower(name[i-1]) || i+1 < len(name) && unicode.IsLower(name[i+1]))
		if begins {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
