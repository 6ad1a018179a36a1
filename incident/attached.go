package incident

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// String is "HighLatency ×10, TargetDown ×2, 3 others", the most first.
func (a Attached) String() string {
	names := slices.SortedFunc(maps.Keys(a.Names), func(x, y string) int {
		return cmp.Or(a.Names[y]-a.Names[x], strings.Compare(x, y))
	})
	const shown = 5
	var parts []string
	for _, n := range names[:min(len(names), shown)] {
		if a.Names[n] > 1 {
			n = fmt.Sprintf("%s ×%d", n, a.Names[n])
		}
		parts = append(parts, n)
	}
	if rest := len(names) - shown; rest > 0 {
		parts = append(parts, fmt.Sprintf("%d others", rest))
	}
	return strings.Join(parts, ", ")
}
