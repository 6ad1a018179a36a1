package query

import "slices"

// span is a run of grid points, both ends included. The number of a point is
// its time divided by the step, so it does not depend on any window.
type span struct{ lo, hi int64 }

func (s span) len() int64 { return s.hi - s.lo + 1 }

// spans are runs in order, apart from each other by at least one point.
type spans []span

// add takes s in and joins what touches.
func (all spans) add(s span) spans {
	if s.hi < s.lo {
		return all
	}
	from, _ := slices.BinarySearchFunc(all, s.lo, func(x span, lo int64) int { return int(x.hi + 1 - lo) })
	to := from
	for ; to < len(all) && all[to].lo <= s.hi+1; to++ {
		s.lo, s.hi = min(s.lo, all[to].lo), max(s.hi, all[to].hi)
	}
	return slices.Replace(all, from, to, s)
}

// within are the parts of all that lie in s.
func (all spans) within(s span) spans {
	var out spans
	for _, x := range all {
		if x = (span{max(x.lo, s.lo), min(x.hi, s.hi)}); x.lo <= x.hi {
			out = append(out, x)
		}
	}
	return out
}

// gaps are the parts of s that are not in all.
func (all spans) gaps(s span) spans {
	var out spans
	for _, x := range all {
		if x.hi < s.lo {
			continue
		}
		if x.lo > s.hi {
			break
		}
		if x.lo > s.lo {
			out = append(out, span{s.lo, x.lo - 1})
		}
		s.lo = x.hi + 1
	}
	if s.lo <= s.hi {
		out = append(out, s)
	}
	return out
}

// has reports whether point k is in all.
func (all spans) has(k int64) bool {
	_, found := slices.BinarySearchFunc(all, k, func(x span, k int64) int {
		switch {
		case x.hi < k:
			return -1
		case x.lo > k:
			return 1
		}
		return 0
	})
	return found
}
