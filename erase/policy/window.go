package policy

import (
	"errors"
	"fmt"
	"time"
)

// Window is a part of every day, in the time of the machine. The zero value is the whole day.
type Window struct {
	From  int `json:"from"` // minutes since midnight
	Until int `json:"until"`
}

// ParseWindow reads a window such as 01:00-05:00. One that ends before it begins ends on the next day.
func ParseWindow(text string) (Window, error) {
	wrong := errors.New(`is not a part of the day; accepted is one such as "01:00-05:00", in the time of the machine`)
	var h1, m1, h2, m2 int
	if n, err := fmt.Sscanf(text, "%2d:%2d-%2d:%2d", &h1, &m1, &h2, &m2); n != 4 || err != nil {
		return Window{}, wrong
	}
	w := Window{60*h1 + m1, 60*h2 + m2}
	if w.String() != text || h1 > 23 || h2 > 24 || m1 > 59 || m2 > 59 || w.Until > 24*60 || w.From == w.Until {
		return Window{}, wrong
	}
	return w, nil
}

// String is the window as [ParseWindow] reads it.
func (w Window) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", w.From/60, w.From%60, w.Until/60, w.Until%60)
}

// Contains reports whether a moment lies in the window.
func (w Window) Contains(t time.Time) bool {
	minute := 60*t.Hour() + t.Minute()
	switch {
	case w == Window{}:
		return true
	case w.From < w.Until:
		return w.From <= minute && minute < w.Until
	}
	return minute >= w.From || minute < w.Until
}
