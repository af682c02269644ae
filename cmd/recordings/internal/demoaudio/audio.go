// Package demoaudio is the media of the demonstration: a WebDAV server whose files are made up
// while they are read.
//
// A file sounds a little like two people on a telephone line who speak in turn. Every sample
// follows from the name of the file and its own position alone, so any part of a file can be read
// without the parts before it, and nothing is stored.
package demoaudio

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"math"
	"time"
)

// The form of the audio: WAV, one channel of 16-bit samples.
const (
	sampleRate  = 8000 // per second
	sampleSize  = 2    // bytes
	headerSize  = 44   // bytes
	syllable    = sampleRate / 5
	turn        = 14 // syllables before the other one speaks
	loudness    = 5000
	lineNoise   = 60
	soundOfMask = 0 // a recorder that is paused records silence
)

// interval is a part of a recording, from its beginning.
type interval struct{ from, to time.Duration }

// sound is one file.
type sound struct {
	seed    uint64
	samples int64
	masked  []interval
}

func newSound(name string, length time.Duration, masked []interval) sound {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name) // a hash takes everything
	return sound{seed: h.Sum64(), samples: int64(length.Seconds() * sampleRate), masked: masked}
}

// size is the size of the file in bytes.
func (s *sound) size() int64 { return headerSize + s.samples*sampleSize }

// readAt fills p with the bytes of the file at an offset, as far as there are some.
func (s *sound) readAt(p []byte, offset int64) int {
	// A piece may begin within the header, or in the middle of a sample.
	n := 0
	if offset < headerSize {
		n = copy(p, s.header()[offset:])
	}

	for n < len(p) && offset+int64(n) < s.size() {
		at := offset + int64(n) - headerSize
		var b [sampleSize]byte
		binary.LittleEndian.PutUint16(b[:], uint16(s.sample(at/sampleSize)))
		n += copy(p[n:], b[at%sampleSize:])
	}
	return n
}

// header is that of a RIFF file with a fmt and a data chunk.
func (s *sound) header() []byte {
	le := binary.LittleEndian
	data := uint32(s.samples * sampleSize)
	h := append(make([]byte, 0, headerSize), "RIFF"...)
	h = le.AppendUint32(h, headerSize-8+data)
	h = append(h, "WAVEfmt "...)
	h = le.AppendUint32(h, 16)                    // bytes of this chunk
	h = le.AppendUint16(h, 1)                     // PCM
	h = le.AppendUint16(h, 1)                     // channels
	h = le.AppendUint32(h, sampleRate)            // samples per second
	h = le.AppendUint32(h, sampleRate*sampleSize) // bytes per second
	h = le.AppendUint16(h, sampleSize)            // bytes per sample of all channels
	h = le.AppendUint16(h, 8*sampleSize)          // bits per sample
	h = append(h, "data"...)
	return le.AppendUint32(h, data)
}

// vowels are the first two formants of some, in hertz.
var vowels = [...][2]float64{{270, 2290}, {390, 1990}, {530, 1840}, {660, 1720}, {730, 1090}, {570, 840}, {300, 870}}

// sample is the n-th sample.
func (s *sound) sample(n int64) int16 {
	at := time.Duration(n) * time.Second / sampleRate
	for _, m := range s.masked {
		if at >= m.from && at < m.to {
			return soundOfMask
		}
	}

	k := n / syllable
	chance := mix(s.seed + uint64(k))
	noise := float64(int64(mix(s.seed^uint64(n))%(2*lineNoise)) - lineNoise)
	if chance%7 == 0 || k%turn == turn-1 { // a pause within a sentence, or between the speakers
		return int16(noise)
	}

	pitch := 115.0 // hertz, of the lower of the two voices
	if k/turn%2 == 1 {
		pitch = 205
	}

	pitch *= 1 + float64(chance>>8%100)/600
	formants := vowels[chance>>16%uint64(len(vowels))]
	t := float64(n%syllable) / sampleRate
	voice := math.Sin(2*math.Pi*pitch*t) + 0.6*harmonic(formants[0], pitch, t) + 0.3*harmonic(formants[1], pitch, t)
	// Each syllable begins and ends in silence, or the cut between two would click.
	swell := math.Sin(math.Pi * float64(n%syllable) / syllable)
	return int16(loudness*swell*voice + noise)
}

// harmonic is the multiple of the pitch that is nearest to a formant.
func harmonic(formant, pitch, t float64) float64 {
	return math.Sin(2 * math.Pi * math.Round(formant/pitch) * pitch * t)
}

// mix turns a number into one that looks like chance.
func mix(x uint64) uint64 {
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
