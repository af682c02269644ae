package schema

import (
	"errors"
	"os"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	index "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	zap "github.com/blevesearch/zapx/v17"
)

// Plugin is Bleve's format of segments, under its own name, but for how a segment is made of
// documents and of other segments: Bleve's own way, through a map of terms for each field of each
// document and maps of all terms, takes four times as long, and writes a frequency for each document
// of each term, which nobody asks for. All else is Bleve's own, and so are documents and segments of
// others.
type Plugin struct{ zap.ZapPlugin }

// SegmentType and SegmentVersion are the options forceSegmentType and forceSegmentVersion of an
// index.
const (
	SegmentType    = zap.Type
	SegmentVersion = zap.Version
)

// RegisterPlugin makes the Bleve of this process use the plugin in the place of its own. It is
// called before the first index is opened.
func RegisterPlugin() { scorch.RegisterSegmentPlugin(&Plugin{}, true) }

// New implements [scorch.SegmentPlugin].
func (p *Plugin) New(docs []index.Document) (segment.Segment, uint64, error) {
	return p.NewUsing(docs, nil)
}

// NewUsing implements [scorch.SegmentPlugin].
func (p *Plugin) NewUsing(docs []index.Document, config map[string]any) (segment.Segment, uint64, error) {
	own := make([]*Document, len(docs))
	for i, d := range docs {
		var ok bool
		if own[i], ok = d.(*Document); !ok {
			return p.ZapPlugin.NewUsing(docs, config)
		}
	}

	b := newSegmentBuilder(own)
	if err := b.build(); err != nil {
		return nil, 0, err
	}

	stats, ok := config[segment.StatsKey].(*segment.Stats)
	if !ok {
		stats = new(segment.Stats)
	}

	s, err := b.out.segment(config, stats)
	return s, uint64(len(b.out.b)), err
}

// Merge implements [scorch.SegmentPlugin].
func (p *Plugin) Merge(
	segments []segment.Segment, drops []*roaring.Bitmap, path string, closed chan struct{}, stats segment.StatsReporter,
) (numbers [][]uint64, size uint64, err error) {
	return p.MergeUsing(segments, drops, path, closed, stats, nil)
}

// MergeUsing implements [scorch.SegmentPlugin].
func (p *Plugin) MergeUsing(
	segments []segment.Segment, drops []*roaring.Bitmap, path string, closed chan struct{}, stats segment.StatsReporter,
	config map[string]any,
) (numbers [][]uint64, size uint64, err error) {
	m, numbers, docs, err := newMerger(segments, drops, closed)
	if errors.Is(err, errForeign) || err == nil && docs == 0 {
		err := guard(func() (err error) {
			numbers, size, err = p.ZapPlugin.MergeUsing(segments, drops, path, closed, stats, config)
			return err
		})
		if err != nil {
			_ = os.Remove(path) // of a merge that panicked; Zap removes the others
			return nil, 0, err
		}
		return numbers, size, nil
	}
	if err != nil {
		return nil, 0, err
	}

	size, err = m.mergeTo(path, docs)
	if errors.Is(err, segment.ErrClosed) {
		return nil, 0, segment.ErrClosed // scorch compares it
	}
	if err == nil && stats != nil {
		stats.ReportBytesWritten(size)
	}
	return numbers, size, err
}
