package report

import (
	"fmt"
	"image/color"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"recordings/cmd/bench/engine"
	"recordings/cmd/bench/measure"
)

// colors of the engines can be told apart by those who see few colors, and stay readable on paper.
var colors = map[string]color.Color{
	engine.OursName:     color.RGBA{R: 0, G: 114, B: 178, A: 255},
	engine.HTTPName:     color.RGBA{R: 86, G: 180, B: 233, A: 255},
	engine.BleveName:    color.RGBA{R: 204, G: 121, B: 167, A: 255},
	engine.SQLiteName:   color.RGBA{R: 230, G: 159, B: 0, A: 255},
	engine.PostgresName: color.RGBA{R: 0, G: 158, B: 115, A: 255},
}

// Plot draws, as SVG, how the latency of the mix of all searches grows with the corpus: p99 as a
// line, p50 dashed. With fewer than two sizes there is nothing to draw.
func (r *Report) Plot(path string) error {
	if len(r.Sizes) < 2 {
		return nil
	}

	p := plot.New()
	p.Title.Text = "Mix of all searches, 2 clients: p99 (lines) and p50 (dashed)"
	p.X.Label.Text, p.Y.Label.Text = "recordings", "ms"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = r.sizeTicks(), plot.LogTicks{Prec: -1}
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	for _, name := range Engines {
		if err := r.plotEngine(p, name); err != nil {
			return fmt.Errorf("drawing %s: %w", name, err)
		}
	}

	if err := p.Save(20*vg.Centimeter, 13*vg.Centimeter, path); err != nil {
		return fmt.Errorf("writing the plot: %w", err)
	}

	return nil
}

func (r *Report) plotEngine(p *plot.Plot, name string) error {
	high := r.points(name, func(l measure.Latency) time.Duration { return l.P99 })
	if len(high) == 0 {
		return nil
	}

	line, points, err := plotter.NewLinePoints(high)
	if err != nil {
		return err
	}

	line.Color, line.Width = colors[name], vg.Points(2)
	points.Color, points.Shape = colors[name], draw.CircleGlyph{}
	median, err := plotter.NewLine(r.points(name, func(l measure.Latency) time.Duration { return l.P50 }))
	if err != nil {
		return err
	}

	median.Color, median.Dashes = colors[name], []vg.Length{vg.Points(4), vg.Points(3)}
	p.Add(line, points, median)
	p.Legend.Add(titles[name], line, points)
	return nil
}

func (r *Report) points(name string, of func(measure.Latency) time.Duration) (points plotter.XYs) {
	for i := range r.Sizes {
		if m := r.Sizes[i].find(name); m != nil && m.Mix.N > 0 {
			points = append(points,
				plotter.XY{X: float64(r.Sizes[i].Recordings), Y: float64(of(m.Mix)) / float64(time.Millisecond)})
		}
	}
	return points
}

func (r *Report) sizeTicks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for i := range r.Sizes {
		ticks = append(ticks, plot.Tick{Value: float64(r.Sizes[i].Recordings), Label: count(r.Sizes[i].Recordings)})
	}
	return ticks
}
