package measure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"recordings/cmd/bench/corpus"
	"recordings/cmd/bench/engine"
	"recordings/cmd/bench/shapes"
)

// SizingPlan says of which sizes to tell what the program needs. One data directory grows from each to the next, as
// it does where calls come in.
type SizingPlan struct {
	Program string // that is measured
	Sizes   []int  // how many recordings there are, ascending
	Corpus  corpus.Options
	Dir     string        // existing; the data directory and what was measured are kept there
	Cap     time.Duration // how long one search may take
	Mix     time.Duration // how long is searched, and searched while is posted
	Writes  time.Duration // how long is posted; 0: not at all
	Cold    bool          // the system forgets what it holds of files before the program starts, which root may tell it
}

// Need is what the program needs for so many recordings.
type Need struct {
	Recordings int
	LoadRate   float64       // recordings per second while all since the size before were put in
	LoadTime   time.Duration // of a processor, for one of them
	DiskBytes  int64

	Start  time.Duration // until a search was answered
	Idle   int64         // bytes of memory after that, without files that are mapped
	Memory int64         // the same, the most while it was searched and posted to
	Mapped int64         // the most with mapped files, which the system may take away

	First      time.Duration // that the slowest first search of a kind took
	FirstOf    string
	Search     Latency       // of two clients, in all kinds of searches that people make
	SearchRate float64       // per second
	SearchTime time.Duration // of a processor, for one of them
	PostRate   float64       // per second, of 16 clients
	PostTime   time.Duration // of a processor, for one of them, until it is in the search index
	Busy       Latency       // of searches while is posted
	BusyRate   float64       // posts per second meanwhile
}

// sizing is what a directory that grows has.
type sizing struct {
	Of     int // recordings that it grows to
	Posted int // those that were posted while something was measured: they come after all that it grows to
	Needs  []Need
}

// Sizes measures what a plan says, and tells on progress how it goes. A size that the directory has reached before is
// measured again; one that it has left behind is not.
func Sizes(ctx context.Context, p SizingPlan, progress io.Writer) ([]Need, error) {
	kept, err := readSizing(p.Dir)
	if err != nil {
		return nil, err
	}
	last := p.Sizes[len(p.Sizes)-1]
	if kept.Of == 0 {
		kept.Of = last
	}
	if last > kept.Of {
		return nil, fmt.Errorf("the directory %s was made to grow to %d recordings, not to %d", p.Dir, kept.Of, last)
	}

	for _, n := range p.Sizes {
		has := 0
		if len(kept.Needs) > 0 {
			has = kept.Needs[len(kept.Needs)-1].Recordings
		}
		if n < has {
			continue
		}

		c := p.Corpus
		c.Recordings, c.Part = kept.Of, n
		s, err := newSize(p, c, progress)
		if err != nil {
			return nil, err
		}
		if n > has {
			need, err := s.grow(ctx, has)
			if err != nil {
				return nil, err
			}
			kept.Needs = append(kept.Needs, need)
			if err := kept.write(p.Dir); err != nil {
				return nil, err
			}
		}

		s.need, s.written = &kept.Needs[len(kept.Needs)-1], kept.Posted
		err = s.measure(ctx)
		kept.Posted = s.written
		if err := errors.Join(err, kept.write(p.Dir)); err != nil {
			return nil, err
		}
	}
	return kept.Needs, nil
}

// needsFile is where it is told what a directory has.
const needsFile = "needs.json"

func readSizing(dir string) (s sizing, err error) {
	data, err := os.ReadFile(filepath.Join(dir, needsFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return s, fmt.Errorf("reading what was measured before: %w", err)
	}
	return s, nil
}

func (s *sizing) write(dir string) error {
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, needsFile), data, 0o644)
}

// size measures one size.
type size struct {
	*run
	program string
	options engine.Options
	cold    bool
	need    *Need
}

func newSize(p SizingPlan, c corpus.Options, progress io.Writer) (*size, error) {
	s := &size{program: p.Program, cold: p.Cold, run: &run{
		plan:     Plan{Engine: fmt.Sprint(c.Part), Mix: p.Mix, Writes: p.Writes},
		progress: progress, corpus: corpus.New(c),
	}}
	all, err := shapes.All(s.corpus)
	if err != nil {
		return nil, err
	}
	s.shapes = slices.DeleteFunc(all, func(s shapes.Shape) bool { return s.Adversarial })
	s.options = engine.Options{Dir: filepath.Join(p.Dir, "files"), Cap: p.Cap, Region: s.shapes[0].Region,
		ContactCenters: s.corpus.CenterIDs()}
	return s, os.MkdirAll(s.options.Dir, 0o700)
}

// grow puts in the recordings that come after those that are there. Where that is interrupted, the directory is of
// no use any more.
func (s *size) grow(ctx context.Context, has int) (need Need, err error) {
	o := s.options
	o.Loaded = has > 0
	ours, err := engine.OpenOurs(ctx, o)
	if err != nil {
		return need, err
	}
	defer func() { err = errors.Join(err, ours.Close()) }()

	begin, used := time.Now(), cpuTime(0)
	if err := ours.Load(ctx, s.observed(begin, has)); err != nil {
		return need, err
	}
	rest, err := waitRest(ctx, 0)
	if err != nil {
		return need, err
	}

	n := s.corpus.Len() - has
	facts, err := ours.Facts(ctx)
	need = Need{
		Recordings: s.corpus.Len(), DiskBytes: facts.DiskBytes,
		LoadRate: float64(n) / rest.Sub(begin).Seconds(), LoadTime: (cpuTime(0) - used) / time.Duration(n),
	}
	s.say("loaded %.0f recordings/s", need.LoadRate)
	return need, err
}

// measure starts the program, searches, posts, and does both at once.
func (s *size) measure(ctx context.Context) (err error) {
	if s.cold {
		if err := forgetFiles(); err != nil {
			return fmt.Errorf("having the system forget files: %w", err)
		}
	}

	begin := time.Now()
	service, err := engine.StartService(ctx, s.program, s.options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	s.add(s.plan.Engine, service)
	if err := s.firstSearch(ctx, service); err != nil {
		return err
	}
	s.need.Start = time.Since(begin)
	s.say("searched %s after its start", s.need.Start)

	facts, err := service.Facts(ctx)
	if err != nil {
		return err
	}
	if _, err := waitRest(ctx, facts.Process); err != nil {
		return err
	}
	s.need.Idle = status(facts.Process)["RssAnon"]
	memory := watchMemory(facts.Process)
	defer memory.stop()

	if err := s.use(ctx, service, facts.Process); err != nil {
		return err
	}
	s.need.Memory, s.need.Mapped = memory.peak(), status(facts.Process)["VmHWM"]
	s.say("%+v", *s.need)
	return nil
}

// forgetFiles has the system forget what it holds of files.
func forgetFiles() error {
	syscall.Sync()
	return os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0)
}

// firstSearch waits until searches are answered.
func (s *size) firstSearch(ctx context.Context, service *engine.Service) error {
	for {
		_, err := service.Search(ctx, s.shapes[0].Query)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if !strings.Contains(err.Error(), "503") {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// use measures searches and posts.
func (s *size) use(ctx context.Context, service *engine.Service, process int) error {
	each := make([]Shape, 0, len(s.shapes))
	for _, shape := range s.shapes {
		m, err := s.shape(ctx, service, shape)
		if err == nil && m.Problem != "" {
			err = errors.New(m.Problem)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", shape.Name, err)
		}
		if m.Latency.First > s.need.First {
			s.need.First, s.need.FirstOf = m.Latency.First, shape.Name
		}
		each = append(each, m)
	}

	var err error
	begin, used := time.Now(), timeOf(family(process))
	if s.need.Search, err = s.mix(ctx, service, each); err != nil {
		return err
	}
	n := s.need.Search.N
	s.need.SearchRate = float64(n) / time.Since(begin).Seconds()
	s.need.SearchTime = (timeOf(family(process)) - used) / time.Duration(n)

	if s.plan.Writes == 0 {
		return nil
	}
	used = timeOf(family(process))
	if n, err = s.writeFor(ctx, service, pacedWriters, s.plan.Writes, nil); err != nil {
		return err
	}
	s.need.PostRate = float64(n) / s.plan.Writes.Seconds()
	if _, err := waitRest(ctx, process); err != nil { // what was posted is in the search index, too
		return err
	}
	s.need.PostTime = (timeOf(family(process)) - used) / time.Duration(n)

	var result Result
	result.Shapes = each
	err = s.mixWhileWriting(ctx, service, &result)
	s.need.Busy, s.need.BusyRate = result.MixWriting, result.WritingRate
	return err
}
