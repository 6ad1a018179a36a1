package capacity

import (
	"maps"
	"slices"
	"strings"
)

// Unit is what a usage or a price counts.
type Unit string

// scale is how many of its base a unit is. Units of one base can be compared.
type scale struct {
	base Unit
	of   float64
}

var scales = map[Unit]scale{
	"":      {"", 1},
	"cores": {"cores", 1}, "millicores": {"cores", 0.001},
	"bytes": {"bytes", 1}, "KiB": {"bytes", 1 << 10}, "MiB": {"bytes", 1 << 20}, "GiB": {"bytes", 1 << 30}, "TiB": {"bytes", 1 << 40},
	"kB": {"bytes", 1e3}, "MB": {"bytes", 1e6}, "GB": {"bytes", 1e9}, "TB": {"bytes", 1e12},
	"requests/s": {"requests/s", 1}, "connections": {"connections", 1}, "percent": {"percent", 1}, "ratio": {"ratio", 1},
}

func known(u Unit) bool { _, ok := scales[u]; return ok }

func units() string {
	var list []string
	for _, u := range slices.Sorted(maps.Keys(scales)) {
		if u != "" {
			list = append(list, string(u))
		}
	}
	return strings.Join(list, ", ")
}

// In is how many of another unit one of u is; false if they count different things.
func (u Unit) In(other Unit) (float64, bool) {
	a, b := scales[u], scales[other]
	if a.base != b.base || a.of == 0 || b.of == 0 {
		return 0, false
	}
	return a.of / b.of, true
}
