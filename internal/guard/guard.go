// Package guard turns panics of the libraries below into errors.
package guard

import (
	"fmt"
	"runtime/debug"
)

// Guard calls fn and returns its error, or what it panicked with. A fault while reading a mapped
// file that was cut short is a panic, too.
func Guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("panic: %w", r)
		default:
			err = fmt.Errorf("panic: %v", r)
		}
	}()

	return fn()
}
