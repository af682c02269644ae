package measure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"time"

	"recordings/cmd/bench/corpus"
	"recordings/cmd/bench/engine"
	"recordings/cmd/bench/shapes"
)

// run measures the engines of one process: one, or our index in process and over HTTP.
type run struct {
	plan     Plan
	progress io.Writer
	corpus   *corpus.Corpus
	shapes   []shapes.Shape
	engines  []engine.Engine
	results  []Result
	loaded   *loaded // what is in Dir already; nil: nothing
	written  int     // recordings made so far that are not in the corpus
}

// Run measures one engine, or ours both in process and over HTTP, and returns a result for each. It
// tells on progress how it goes.
func Run(ctx context.Context, p Plan, progress io.Writer) (_ []Result, err error) {
	r := &run{plan: p, progress: progress, corpus: corpus.New(p.Corpus)}
	all, err := shapes.All(r.corpus)
	if err != nil {
		return nil, err
	}

	for _, s := range all {
		if strings.Contains(s.Name, p.Only) {
			r.shapes = append(r.shapes, s)
		}
	}

	if r.loaded, err = readLoaded(p.Loaded); err != nil {
		return nil, err
	}

	if err := r.open(ctx, all[0].Region); err != nil {
		return nil, err
	}
	defer func() {
		for i := len(r.engines) - 1; i >= 0; i-- {
			err = errors.Join(err, r.engines[i].Close())
		}
	}()

	if err := r.measure(ctx); err != nil {
		return nil, err
	}

	return r.results, nil
}

func (r *run) open(ctx context.Context, region string) (err error) {
	o := engine.Options{Dir: r.plan.Dir, Loaded: r.loaded != nil, Cap: r.plan.Cap, Region: region,
		ContactCenters: r.corpus.CenterIDs()}
	var e engine.Engine
	switch r.plan.Engine {
	case engine.OursName, engine.HTTPName:
		return r.openOurs(ctx, o)
	case engine.BleveName:
		e, err = engine.OpenBleve(o)
	case engine.SQLiteName:
		e, err = engine.OpenSQLite(o)
	case engine.PostgresName:
		e, err = engine.OpenPostgres(ctx, o)
	case engine.ClusterName:
		e, err = engine.OpenClustered(ctx, o)
	case engine.OpenSearchName:
		e, err = engine.OpenOpenSearch(ctx, o)
	default:
		err = fmt.Errorf("there is no engine %q", r.plan.Engine)
	}

	if err == nil {
		r.add(r.plan.Engine, e)
	}

	return err
}

// openOurs opens our index, and for the engine "http" serves it as well: both are measured then.
func (r *run) openOurs(ctx context.Context, o engine.Options) error {
	ours, err := engine.OpenOurs(ctx, o)
	if err != nil {
		return err
	}

	r.add(engine.OursName, ours)
	if r.plan.Engine == engine.OursName {
		return nil
	}

	served, err := engine.OpenHTTP(ctx, ours)
	if err != nil {
		return errors.Join(err, ours.Close())
	}

	r.add(engine.HTTPName, served)
	return nil
}

func (r *run) add(name string, e engine.Engine) {
	r.engines = append(r.engines, e)
	r.results = append(r.results, Result{Engine: name, Recordings: r.corpus.Len()})
}

func (r *run) say(format string, a ...any) {
	fmt.Fprintf(r.progress, "%s %-9s %s\n", time.Now().Format(time.TimeOnly), r.plan.Engine, fmt.Sprintf(format, a...))
}

func (r *run) measure(ctx context.Context) error {
	facts, err := r.engines[0].Facts(ctx)
	if err != nil {
		return err
	}

	memory := watchMemory(facts.Process)
	defer memory.stop()
	if err := r.build(ctx, facts.Process); err != nil {
		return err
	}

	peaks := Memory{Loading: memory.peak()}
	if facts.Process == 0 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peaks.GoHeap = int64(m.HeapAlloc)
	}

	if peaks, err = r.keep(peaks); err != nil || r.plan.LoadOnly {
		return err
	}

	if err := r.search(ctx); err != nil {
		return err
	}

	peaks.Searching = memory.peak()
	if r.plan.Writes > 0 {
		// What was loaded is not what it was from now on.
		if err := r.spend(); err != nil {
			return err
		}
		if err := r.write(ctx); err != nil {
			return err
		}
	}
	if facts.Process == 0 {
		peaks.Mapped = mappedPeak()
	}

	for i := range r.results {
		r.results[i].Memory = peaks
	}

	return nil
}

// build loads the corpus and waits until nothing that this began is still going on.
func (r *run) build(ctx context.Context, server int) error {
	if r.loaded != nil {
		r.say("was loaded before")
		return nil
	}

	r.say("loading %d recordings", r.corpus.Len())
	begin := time.Now()
	if err := r.engines[0].Load(ctx, r.observed(begin, 0)); err != nil {
		return err
	}

	rest, err := waitRest(ctx, server)
	if err != nil {
		return err
	}

	facts, err := r.engines[0].Facts(ctx)
	if err != nil {
		return err
	}

	r.loaded = &loaded{Version: facts.Version, DiskBytes: facts.DiskBytes, Build: rest.Sub(begin)}
	n := float64(r.corpus.Len())
	r.say("loaded %.0f recordings/s, %.0f bytes each", n/rest.Sub(begin).Seconds(), float64(facts.DiskBytes)/n)
	return nil
}

// observed yields the corpus without the first ones, and tells how it goes.
func (r *run) observed(begin time.Time, first int) iter.Seq[corpus.Call] {
	const every = 15 * time.Second
	return func(yield func(corpus.Call) bool) {
		i, said := first, begin
		for c := range r.corpus.From(first) {
			if !yield(c) {
				return
			}
			if i++; time.Since(said) > every {
				said = time.Now()
				rate := float64(i-first) / said.Sub(begin).Seconds()
				r.say("%d of %d taken, %.0f/s, %.0f s left", i, r.corpus.Len(), rate, float64(r.corpus.Len()-i)/rate)
			}
		}
	}
}
