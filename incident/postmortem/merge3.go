package postmortem

import "slices"

// hunk replaces the lines [from, to) of a base by others. An insertion has
// from == to.
type hunk struct {
	from, to int
	lines    []string
	mine     bool
}

// merge3 applies to base what both mine and theirs changed. Two changes of the
// same lines contradict each other, two that only touch do not; lines that both
// sides insert at the same place are kept, theirs first. In a contradiction
// clash says what stands and whether it still is one; without it mine stands.
//
// No line that mine added is ever missing from the result but for what clash
// leaves out.
func merge3(base, mine, theirs []string, clash settler) (merged []string, conflict bool) {
	changes := append(diff(base, theirs, false), diff(base, mine, true)...)
	slices.SortStableFunc(changes, func(a, b hunk) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return a.to - b.to
	})
	done := 0
	for len(changes) > 0 {
		n, end := 1, changes[0].to
		for n < len(changes) && overlap(changes[0].from, end, changes[n]) {
			end = max(end, changes[n].to)
			n++
		}
		group := changes[:n]
		changes = changes[n:]
		merged = append(merged, base[done:group[0].from]...)
		lines, contradiction := settle(base, group, end, clash)
		merged, conflict, done = append(merged, lines...), conflict || contradiction, end
	}
	return append(merged, base[done:]...), conflict
}

// overlap says whether h changes lines within [from, to), which is where the
// hunks before it reach. Insertions at one place overlap as well.
func overlap(from, to int, h hunk) bool {
	if h.from == h.to && from == to {
		return h.from == from
	}
	return h.from < to && h.to > from && (h.from != h.to || h.from > from)
}

// settler decides what becomes of lines that both sides changed, and whether
// they contradict each other.
type settler func(base, mine, theirs []string) (lines []string, conflict bool)

// settle is what becomes of the base lines [group[0].from, to), which the
// hunks of a group change.
func settle(base []string, group []hunk, to int, clash settler) (lines []string, conflict bool) {
	from := group[0].from
	apply := func(mine bool) (out []string, any bool) {
		at := from
		for _, h := range group {
			if h.mine == mine {
				out = append(append(out, base[at:h.from]...), h.lines...)
				at, any = h.to, true
			}
		}
		return append(out, base[at:to]...), any
	}
	mine, mineChanged := apply(true)
	theirs, theirsChanged := apply(false)
	switch {
	case !mineChanged:
		return theirs, false
	case !theirsChanged, slices.Equal(mine, theirs):
		return mine, false
	case from == to: // insertions
		return append(theirs, mine...), false
	case clash != nil:
		return clash(base[from:to], mine, theirs)
	}
	return mine, true
}

// without is the lines of a that b lacks.
func without(a, b []string) []string {
	have := make(map[string]bool, len(b))
	for _, l := range b {
		have[l] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(l string) bool { return have[l] })
}

// diff is how a becomes b, in as few lines as can be found (Myers, An O(ND)
// Difference Algorithm, 1986). Texts that differ in more than maxEdits lines
// are replaced as a whole between their common ends.
func diff(a, b []string, mine bool) []hunk {
	lead := 0
	for lead < len(a) && lead < len(b) && a[lead] == b[lead] {
		lead++
	}
	tail := 0
	for tail < len(a)-lead && tail < len(b)-lead && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	x, y := a[lead:len(a)-tail], b[lead:len(b)-tail]
	if len(x) == 0 && len(y) == 0 {
		return nil
	}
	var out []hunk
	i, j := 0, 0
	for _, m := range append(common(x, y), [2]int{len(x), len(y)}) {
		if m[0] > i || m[1] > j {
			out = append(out, hunk{lead + i, lead + m[0], y[j:m[1]], mine})
		}
		i, j = m[0]+1, m[1]+1
	}
	return out
}

const maxEdits = 1000

// common is the pairs of equal lines of a shortest edit script, in order.
func common(a, b []string) (pairs [][2]int) {
	n, m := len(a), len(b)
	limit := min(n+m, maxEdits)
	reach := make([]int, 2*limit+3) // the furthest line of a on each diagonal
	mid := limit + 1
	var trace [][]int
	for d := 0; d <= limit; d++ {
		trace = append(trace, slices.Clone(reach[mid-d:mid+d+1]))
		for k := -d; k <= d; k += 2 {
			i := reach[mid+k-1] + 1
			if k == -d || k != d && reach[mid+k-1] < reach[mid+k+1] {
				i = reach[mid+k+1]
			}
			for i < n && i-k < m && i-k >= 0 && a[i] == b[i-k] {
				i++
			}
			reach[mid+k] = i
			if i >= n && i-k >= m {
				return walkBack(trace, a, b, d)
			}
		}
	}
	return nil
}

// walkBack follows the trace of common from the end to the start.
func walkBack(trace [][]int, a, b []string, d int) (pairs [][2]int) {
	i, j := len(a), len(b)
	for ; d > 0; d-- {
		at := func(k int) int { // reach before step d
			if k < -d || k > d {
				return 0
			}
			return trace[d][k+d]
		}
		k := i - j
		prev := k - 1
		if k == -d || k != d && at(k-1) < at(k+1) {
			prev = k + 1
		}
		pi := at(prev)
		pj := pi - prev
		for i > pi && j > pj && i > 0 && j > 0 && a[i-1] == b[j-1] {
			i, j = i-1, j-1
			pairs = append(pairs, [2]int{i, j})
		}
		i, j = pi, pj
	}
	for i > 0 && j > 0 {
		i, j = i-1, j-1
		pairs = append(pairs, [2]int{i, j})
	}
	slices.Reverse(pairs)
	return pairs
}
