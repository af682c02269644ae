//go:build integration

package console_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
)

// loud is how loud each second of the audio of these tests is: neighbours differ, so that a second that
// is heard or drawn in the place of another is noticed.
var loud = []float64{
	0.9, 0.3, 0.7, 0.2, 0.8, 0.4, 1, 0.25, 0.6, 0.35, 0.75, 0.5, 0.95, 0.15, 0.65, 0.45, 0.85, 0.1, 0.55, 0.3,
}

// soft is the same for a second channel.
var soft = []float64{0.2, 0.8, 0.35, 1, 0.15, 0.7, 0.3, 0.9, 0.1, 0.6}

const sampleRate = 8000

// wave is a WAV file: a tone of 400 Hz, as loud in each second and channel as it is said. claimed is how
// many seconds its header claims.
func wave(claimed int, channels ...[]float64) []byte {
	var samples bytes.Buffer
	for n := range len(channels[0]) * sampleRate {
		tone := math.Sin(2 * math.Pi * 400 * float64(n) / sampleRate)
		for _, levels := range channels {
			_ = binary.Write(&samples, binary.LittleEndian, int16(tone*levels[n/sampleRate]*32000))
		}
	}

	var b bytes.Buffer
	frame := 2 * len(channels)
	size := claimed * sampleRate * frame
	b.WriteString("RIFF")
	_ = binary.Write(&b, binary.LittleEndian, uint32(36+size))
	b.WriteString("WAVEfmt ")
	for _, field := range []any{uint32(16), uint16(1), uint16(len(channels)), uint32(sampleRate),
		uint32(sampleRate * frame), uint16(frame), uint16(16)} {
		_ = binary.Write(&b, binary.LittleEndian, field)
	}
	b.WriteString("data")
	_ = binary.Write(&b, binary.LittleEndian, uint32(size))
	b.Write(samples.Bytes())
	return b.Bytes()
}

// tones is the audio of so many seconds.
func tones(seconds int) []byte { return wave(seconds, loud[:seconds]) }

// soundCase is a call with one file, and where its audio must be on the axis.
type soundCase struct {
	name  string
	span  int    // seconds from startTime to stopTime
	pause [2]int // seconds; none if both are 0
	data  []byte
	size  string // as posted

	axis  int         // seconds
	sound map[int]int // by second of the call, the second of the audio that is heard there
	quiet []int       // seconds of the call without sound
	says  []string
	lines [][]float64 // how loud the seconds of each channel are
}

func soundCases() []soundCase {
	mono := [][]float64{loud}
	return []soundCase{
		{name: "no-span", data: tones(12), axis: 12, sound: map[int]int{0: 0, 3: 3, 7: 7, 11: 11}, lines: mono,
			says: []string{"0:00 long", "0:12 of audio"}},
		{name: "missing", span: 20, data: tones(4), axis: 20, sound: map[int]int{0: 0, 1: 1, 3: 3},
			quiet: []int{4, 10, 19}, says: []string{"The last 16 s are missing"}, lines: mono},
		{name: "longer", span: 5, data: tones(12), axis: 12, sound: map[int]int{1: 1, 4: 4, 8: 8, 11: 11}, lines: mono,
			says: []string{"0:05 long", "0:12 of audio"}},
		{name: "pause-left-out", span: 20, pause: [2]int{5, 13}, data: tones(12), axis: 20,
			sound: map[int]int{0: 0, 4: 4, 13: 5, 14: 6, 19: 11}, quiet: []int{5, 9, 12}, lines: mono},
		{name: "pause-kept", span: 20, pause: [2]int{5, 13}, data: tones(20), axis: 20,
			sound: map[int]int{4: 4, 13: 13, 16: 16}, lines: mono},
		{name: "cut-off", span: 20, data: wave(20, loud[:6]), size: strconv.Itoa(len(tones(20))), axis: 20,
			sound: map[int]int{0: 0, 5: 5}, quiet: []int{6, 15}, lines: mono,
			says: []string{"The last 14 s are missing", "96,044 bytes, and 320,044 were posted"}},
		{name: "stereo", span: 10, data: wave(10, loud[:10], soft), axis: 10, lines: [][]float64{loud, soft},
			sound: map[int]int{0: 0, 1: 1, 3: 3, 4: 4, 7: 7, 9: 9}},
		{name: "unsized", span: 12, data: tones(12), axis: 12, sound: map[int]int{0: 0, 1: 1, 6: 6, 11: 11},
			lines: mono},
		{name: "empty", span: 10, data: []byte{}, axis: 10, says: []string{"empty: its storage has 0 bytes"}},
		{name: "header", span: 10, data: tones(1)[:44], axis: 10,
			says: []string{"no audio: its 44 bytes are a header"}},
	}
}

// soundStorage serves the files of cases; of one called unsized it never tells the length.
func soundStorage(t *testing.T, cases []soundCase) *storage {
	t.Helper()
	s := newStorage(t)
	for _, c := range cases {
		if err := os.WriteFile(filepath.Join(s.dir, c.name+".wav"), c.data, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	files := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/unsized.wav" {
			files.ServeHTTP(w, r)
			return
		}
		r.Header.Del("Range")
		rec := httptest.NewRecorder()
		files.ServeHTTP(rec, r)
		w.Header().Set("Content-Type", "audio/wav")
		w.Header().Set("Transfer-Encoding", "chunked")
		if r.Method == http.MethodGet {
			_, _ = io.Copy(w, rec.Body)
		}
	})
	return s
}

// listener lets a test hear what the page plays, and read what it draws.
const listener = `window.sounds = [];
window.Audio = class extends window.Audio {
	constructor(...args) { super(...args); window.sounds.push(this); }
};
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const tap = (audio) => {
	if (audio.tapped) return audio.tapped;
	window.context ??= new AudioContext();
	const source = window.context.createMediaElementSource(audio);
	const splitter = window.context.createChannelSplitter(2);
	source.connect(splitter);
	audio.tapped = [0, 1].map((i) => {
		const analyser = window.context.createAnalyser();
		analyser.fftSize = 1024;
		splitter.connect(analyser, i);
		return analyser;
	});
	return audio.tapped;
};
const press = (second, axis) => {
	const slider = document.querySelector('[role=slider]');
	const box = slider.getBoundingClientRect();
	slider.dispatchEvent(new PointerEvent('pointerdown', { clientX: box.left + box.width * second / axis,
		clientY: box.top + 5, button: 0, pointerId: 1, bubbles: true }));
};
// hear clicks on a second and plays: where that is by the clock and in the audio, and how loud each
// channel is in the part of a second that follows.
window.hear = async (second, axis) => {
	press(second, axis);
	const now = document.querySelector('.now').textContent;
	const button = document.querySelector('.play');
	button.click();
	const audio = window.sounds.at(-1);
	const analysers = tap(audio);
	await window.context.resume();
	const end = performance.now() + 60000;
	while ((audio.paused || audio.seeking || audio.readyState < 3) && performance.now() < end) await wait(5);
	const start = audio.currentTime;
	const most = [0, 0];
	const buffer = new Float32Array(1024);
	while (audio.currentTime < start + 0.5 && !audio.ended && performance.now() < end) {
		await wait(10);
		if (audio.currentTime < start + 0.2) continue; // until what is heard is what is played
		analysers.forEach((a, i) => {
			a.getFloatTimeDomainData(buffer);
			most[i] = buffer.reduce((m, x) => Math.max(m, Math.abs(x)), most[i]);
		});
	}
	if (button.getAttribute('aria-label') === 'Pause') button.click();
	return { now, start, most };
};
// seen is how tall the drawing of each channel is at a second, as a part of its line.
window.seen = (second, axis, channels) => {
	const box = document.querySelector('[role=slider]').getBoundingClientRect();
	const canvas = document.querySelector('.file > canvas.wave');
	const place = canvas.getBoundingClientRect();
	const x = Math.round((box.left + box.width * second / axis - place.left) * canvas.width / place.width);
	const ratio = canvas.height / place.height;
	const line = Math.floor(canvas.height / channels);
	return Array.from({ length: channels }, (_, c) => {
		let most = 0;
		for (let i = x - 2; i <= x + 2; i++) {
			const pixels = canvas.getContext('2d').getImageData(i, c * line, 1, line).data;
			let rows = 0;
			for (let n = 3; n < pixels.length; n += 4) rows += pixels[n] > 127;
			most = Math.max(most, rows);
		}
		return most / (line - 6 * ratio);
	});
};`

// TestSound plays calls whose metadata and audio disagree, and calls with two channels: what is drawn at
// a second is what sounds there, and what is not there is said.
func TestSound(t *testing.T) {
	cases := soundCases()
	files := soundStorage(t, cases)
	s := serveWith(t, build(t), files)
	b := newBrowser(t)
	start := time.Date(2026, 5, 17, 10, 0, 0, 0, time.UTC)
	for _, c := range cases {
		at := func(second int) string { return start.Add(time.Duration(second) * time.Second).Format(time.RFC3339) }
		s.call(t, "ops", "POST", opsPath, recording(c.name, start, func(r map[string]any) {
			m := r["mediaFiles"].([]any)[0].(map[string]any)
			m["mediaDescriptor"] = map[string]any{"storage": "webDAV", "path": c.name + ".wav"}
			m["stopTime"] = at(c.span)
			if c.size != "" {
				m["size"] = c.size
			}
			if c.pause[1] > 0 {
				m["masks"] = []any{map[string]any{"time": at(c.pause[0]), "type": "paused"},
					map[string]any{"time": at(c.pause[1]), "type": "resumed"}}
			}
			r["eventHistory"] = r["eventHistory"].([]any)[:1] // which lies at the start
		}))
	}

	p := b.open(t, s, laptop)
	p.expect("willReadFrequently") // this test does
	p.expect("416")                // of a browser's own cache, for a range of an empty file
	send(p, page.AddScriptToEvaluateOnNewDocument,
		page.AddScriptToEvaluateOnNewDocumentParams{Source: listener})
	p.signIn(s, "admin", "/")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p.t = t
			c.test(p)
		})
	}

	p.t = t
	testLinkIntoPause(p)
	testNextFile(p, s, start)
	testLooks(p)
}

// test opens the call, and compares what is said, drawn and heard.
func (c *soundCase) test(p *tab) {
	p.visit("/?recording=" + c.name)
	for _, text := range c.says {
		p.wait(fmt.Sprintf("document.querySelector('.file-problems').innerText.includes(%q)", text))
	}
	if len(c.sound) == 0 {
		p.wait("document.querySelector('.play').disabled")
		p.shot("sound-" + c.name)
		return
	}

	clock := func(second int) string { return fmt.Sprintf("0:%02d", second) }
	p.wait(fmt.Sprintf("document.querySelector('.times').innerText.includes('/ %s')", clock(c.axis)))
	p.wait(fmt.Sprintf("window.seen(%d.5, %d, %d)[0] > 0", first(c.sound), c.axis, len(c.lines)))
	if len(c.says) == 0 {
		if said := p.text(".file-problems"); said != "" {
			p.t.Errorf("it is said that %s", said)
		}
	}
	p.shot("sound-" + c.name)

	drawn := func(second int) []float64 {
		return evaluate[[]float64](p, fmt.Sprintf("window.seen(%d.5, %d, %d)", second, c.axis, len(c.lines)))
	}
	for _, second := range c.quiet {
		if got := drawn(second); got[0] != 0 {
			p.t.Errorf("at %d something is drawn: %v", second, got)
		}
	}

	for second, want := range c.sound {
		seen := drawn(second)
		heard := evaluate[struct {
			Now   string    `json:"now"`
			Start float64   `json:"start"`
			Most  []float64 `json:"most"`
		}](p, fmt.Sprintf("window.hear(%d.2, %d)", second, c.axis))
		if heard.Now != clock(second) || math.Abs(heard.Start-float64(want)-0.2) > 0.2 {
			p.t.Errorf("second %d: the clock says %s, the audio is at %.2f, want %d.2", second, heard.Now, heard.Start,
				want)
		}

		for i, levels := range c.lines {
			loudness := heard.Most[i] * 32768 / 32000
			if math.Abs(seen[i]-levels[want]/c.loudest()) > 0.08 || math.Abs(loudness-levels[want]) > 0.08 {
				p.t.Errorf("second %d, channel %d: drawn as %.2f, heard as %.2f, want %.2f", second, i, seen[i],
					loudness, levels[want])
			}
		}
	}
}

// loudest is the level to which a drawing is scaled: the greatest of all channels of what there is.
func (c *soundCase) loudest() float64 {
	seconds := (len(c.data) - 44) / sampleRate / 2 / len(c.lines)
	most := 0.0
	for _, levels := range c.lines {
		most = max(most, slices.Max(levels[:seconds]))
	}
	return most
}

func first(m map[int]int) int {
	least := math.MaxInt
	for k := range m {
		least = min(least, k)
	}
	return least
}

// testLinkIntoPause follows a link to a moment behind what was left out, plays on from before it, and
// plays from within it.
func testLinkIntoPause(p *tab) {
	p.visit("/?recording=pause-left-out#t=13")
	stands := func(clock string, second int) {
		p.wait(fmt.Sprintf("document.querySelector('.now').textContent === %q && "+
			"Math.abs(window.sounds.at(-1).currentTime - %d) < 0.1", clock, second))
	}
	stands("0:13", 5)
	p.do("press(4.7, 20); document.querySelector('.play').click()")
	p.wait("document.querySelector('.now').textContent === '0:13'") // it goes on there
	p.do("document.querySelector('.play').click(); press(8, 20)")
	p.wait("document.querySelector('.now').textContent === '0:08'")
	p.do("document.querySelector('.play').click()")
	p.wait("document.querySelector('.now').textContent === '0:13'")

	// What lies behind the end of the metadata can be linked to as well.
	p.visit("/?recording=no-span#t=7")
	stands("0:07", 7)
	p.visit("/?recording=missing#t=10")
	p.wait("document.querySelector('.now').textContent === '0:10' && " +
		"document.querySelector('.absent').title.startsWith('Missing from 0:04 to 0:20')")
	href := evaluate[string](p, "document.querySelector('[data-file].button').href")
	if !strings.HasSuffix(href, "?download=1") {
		p.t.Errorf("the link for downloading is %s", href)
	}
}

// testNextFile plays a call of two files, of which the first ends early: what is missing is skipped, or
// waited for, and then the second is heard.
func testNextFile(p *tab, s *service, start time.Time) {
	s.call(p.t, "ops", "POST", opsPath, recording("two", start, func(r map[string]any) {
		var files []any
		for i, name := range []string{"missing", "no-span"} {
			from := start.Add(time.Duration(i) * 20 * time.Second)
			files = append(files, map[string]any{
				"mediaDescriptor": map[string]any{"storage": "webDAV", "path": name + ".wav"}, "callUUID": "u1",
				"startTime": from.Format(time.RFC3339), "stopTime": from.Add(20 * time.Second).Format(time.RFC3339),
				"type": "audio/wav",
			})
		}
		r["mediaFiles"] = files
	}))

	p.visit("/?recording=two")
	p.wait("document.querySelectorAll('.absent').length === 2 && " +
		"document.querySelector('.file-problems').innerText.includes('File 2: The last 8 s are missing')")
	p.do("press(3.6, 40); document.querySelector('.play').click()")
	p.wait("document.querySelector('.now').textContent === '0:20'")
	if at := evaluate[float64](p, "window.sounds.at(-1).currentTime"); at > 1.5 {
		p.t.Errorf("the second file is heard from %.2f s on", at)
	}

	p.do("document.querySelector('.play').click(); document.querySelector('#skip').click(); press(18.5, 40); " +
		"document.querySelector('.play').click()")
	p.wait("document.querySelector('.now').textContent === '0:19'")
	p.wait("document.querySelector('.now').textContent === '0:20'")
	p.do("document.querySelector('.play').click(); document.querySelector('#skip').click()")
}

// testLooks keeps pictures of what is not as usual, in both themes and on a telephone, and has axe look
// at it.
func testLooks(p *tab) {
	inspect := p.inspector()
	for theme, how := range map[string]look{"light": laptop, "dark": night, "phone": phone} {
		p.look(how)
		for _, name := range []string{"cut-off", "stereo", "empty"} {
			p.visit("/?recording=" + name)
			p.wait("document.querySelector('.file-problem, .channels')")
			p.wait("document.querySelector('.file.silent') || " +
				"[...document.querySelectorAll('.file .wave')].every((w) => w.height !== 150)")
			inspect("sound-" + name + "-" + theme)
			if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
				p.t.Errorf("%s in the %s look is %d too wide", name, theme, wide)
			}
		}
	}
}
