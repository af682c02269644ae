package index_test

import (
	"errors"
	"fmt"
	"testing"

	"recordings/index"
	"recordings/mapping"
)

// TestDefine: a contact center has each name and each display name once, in order, and not any number of labels.
func TestDefine(t *testing.T) {
	var all []mapping.LabelDefinition
	define := func(name, shown string, replace bool, want error) {
		t.Helper()
		after, err := index.Define(all, mapping.LabelDefinition{Name: name, DisplayName: shown}, replace)
		if !errors.Is(err, want) || want != nil && after != nil {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if err == nil {
			all = after
		}
	}
	define("b", "Zwei", false, nil)
	define("A", "Eins", false, nil)
	define("B", "other", false, index.ErrLabelExists)
	define("c", "EINS", false, index.ErrDisplayName)
	define("c", "c", true, index.ErrNoLabel)
	define("a", "eins", true, nil)
	if got := fmt.Sprint(all); got != "[{a eins } {b Zwei }]" {
		t.Errorf("there are %s", got)
	}

	for i := len(all); i < index.MaxLabelDefinitions; i++ {
		define(fmt.Sprint("l", i), fmt.Sprint("l", i), false, nil)
	}
	define("more", "more", false, index.ErrTooManyLabels)
	define("b", "Two", true, nil)
}
