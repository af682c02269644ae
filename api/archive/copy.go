package archive

import (
	"hash"
	"io"
)

// pieceSize is how many bytes of a media file are read before they are written. While one piece is
// summed up and sent, the next one is read.
const pieceSize = 512 << 10

// pieces are the buffers of an archive.
type pieces chan []byte

func newPieces() pieces {
	p := make(pieces, 2)
	for range cap(p) {
		p <- make([]byte, pieceSize)
	}
	return p
}

// copy copies what is left of src, and adds what was written to a sum. It tells apart whether src broke
// off, or to did. Reading, summing up and writing each have a goroutine: none waits for the other two.
func (p pieces) copy(to io.Writer, sum hash.Hash, src io.Reader) (n int64, broken, err error) {
	read, gone, written := make(chan []byte), make(chan struct{}), make(chan error)
	go func() { // waited for below
		summing, summed := make(chan []byte), make(chan struct{})
		go func() { // likewise
			for piece := range summing {
				sum.Write(piece)
				summed <- struct{}{}
			}
			close(summed)
		}()

		var failed error
		for piece := range read {
			if failed == nil {
				summing <- piece
				if _, failed = to.Write(piece); failed != nil {
					close(gone)
				}
				<-summed
				n += int64(len(piece))
			}
			p <- piece[:cap(piece)]
		}
		close(summing)
		<-summed
		written <- failed
	}()

	for broken == nil && !isClosed(gone) {
		piece, size := <-p, 0
		size, broken = fill(piece, src)
		read <- piece[:size]
	}
	close(read)
	err = <-written
	if broken == io.EOF {
		broken = nil
	}
	return n, broken, err
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// fill reads until a buffer is full, and returns the error of src as it is.
func fill(p []byte, src io.Reader) (n int, err error) {
	for n < len(p) && err == nil {
		var some int
		some, err = src.Read(p[n:])
		n += some
	}
	return n, err
}
