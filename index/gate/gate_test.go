package gate_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"recordings/index"
	"recordings/index/gate"
)

// TestClose closes while a call is inside: its context ends, Close waits for it, and nobody gets
// in.
func TestClose(t *testing.T) {
	g := gate.New()
	ctx, leave, err := g.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	var left atomic.Bool
	go func() {
		<-ctx.Done()
		left.Store(true)
		leave()
	}()
	if !g.Close() {
		t.Error("the first Close is not the first")
	}
	if !left.Load() {
		t.Error("Close has not waited")
	}
	if !errors.Is(context.Cause(ctx), gate.ErrClosed) || g.Closing().Err() == nil {
		t.Errorf("the context has ended with %v", context.Cause(ctx))
	}

	_, _, err = g.Enter(t.Context())
	if !errors.Is(err, index.ErrUnavailable) || !errors.Is(err, gate.ErrClosed) {
		t.Errorf("behind a closed gate: %v", err)
	}
	if g.Close() {
		t.Error("the second Close is the first")
	}
}

// TestLeave: a call that is through ends its context, and keeps nobody waiting.
func TestLeave(t *testing.T) {
	g := gate.New()
	ctx, leave, err := g.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	leave()
	if ctx.Err() == nil {
		t.Error("the context goes on")
	}
	g.Close()
}
