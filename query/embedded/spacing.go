package embedded

import (
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// mostSpacings bounds how many samples are looked at to learn how far they are apart.
const mostSpacings = 10_000

// Spacing is how far apart the scrapes of what was recorded are, as most of them were;
// 0 if nothing tells. A capsule has no targets that could say it.
func (s *Server) Spacing() time.Duration {
	var gaps []int64
	s.store.mu.RLock()
	var ups [][]chunk
	for _, one := range s.store.postings[model.MetricNameLabel]["up"] {
		ups = append(ups, one.view(math.MinInt64, math.MaxInt64))
	}
	s.store.mu.RUnlock()
	for _, chunks := range ups {
		before := int64(0)
		for _, c := range chunks {
			it := c.data.Iterator(nil)
			for it.Next() != chunkenc.ValNone && len(gaps) < mostSpacings {
				t, _ := it.At()
				if before != 0 {
					gaps = append(gaps, t-before)
				}
				before = t
			}
		}
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return (time.Duration(gaps[len(gaps)/2]) * time.Millisecond).Round(time.Second / 2)
}
