package conns

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// connect returns both ends of a connection whose writes must make progress within the timeout.
func connect(t *testing.T, timeout time.Duration) (server, client net.Conn) {
	t.Helper()
	l, err := Listen("127.0.0.1:0", Options{Max: 1, MaxPerAddress: 1, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.timeout = timeout

	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })

	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })

	return server, client
}

// TestClientThatDoesNotRead is cut off, however much there is to write.
func TestClientThatDoesNotRead(t *testing.T) {
	server, _ := connect(t, 50*time.Millisecond)
	n, err := server.Write(make([]byte, 256<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || n == 256<<20 {
		t.Errorf("wrote %d bytes: %v", n, err)
	}
}

// TestClientThatReadsSlowly gets all of an answer that takes much longer than any piece of it may.
func TestClientThatReadsSlowly(t *testing.T) {
	const timeout = 3 * time.Second
	server, client := connect(t, timeout)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	written := make(chan error, 1)
	go func() {
		_, err := server.Write(sent)
		server.Close()
		written <- err
	}()

	began := time.Now()
	var got bytes.Buffer
	for tick := time.NewTicker(timeout / 30); ; <-tick.C {
		_, err := io.CopyN(&got, client, int64(len(sent)/40))
		if errors.Is(err, io.EOF) {
			tick.Stop()
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}

	if err := <-written; err != nil || !bytes.Equal(got.Bytes(), sent) {
		t.Errorf("%d of %d bytes arrived: %v", got.Len(), len(sent), err)
	}

	if took := time.Since(began); took < timeout {
		t.Errorf("all was read in %v, so nothing is proven", took)
	}
}

// TestEmptyWrite is no endless loop.
func TestEmptyWrite(t *testing.T) {
	server, _ := connect(t, time.Second)
	if n, err := server.Write(nil); n != 0 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}
