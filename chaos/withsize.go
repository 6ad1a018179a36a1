package chaos

import (
	"fmt"
	"strconv"
	"strings"
)

// sizeUnits are the units of sizes in bytes, the longer names first, so that "MiB" is
// not taken for "B".
var sizeUnits = []struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"kB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
}

// maxSize is the largest size that a file may say, so that sums do not overflow.
const maxSize = 1 << 50

// Size is the parameter in bytes, such as 64MiB or 1.5GB; absent it is fallback, and
// a negative fallback makes it required.
func (w With) Size(key string, fallback int64) (int64, error) {
	text, ok := w[key]
	if !ok && fallback < 0 {
		return 0, &ParamError{key, fmt.Sprintf("missing; write for example %s: 64MiB", key)}
	}
	if !ok {
		return fallback, nil
	}
	number, unit := string(text), 1.0
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !(v >= 0 && v*unit <= maxSize) {
		return 0, &ParamError{key, fmt.Sprintf("%q is not a size; write a number and B, KiB, MiB, GiB or TiB, such as 64MiB", text)}
	}
	return int64(v * unit), nil
}

// Percent is the parameter as a number above 0 and up to 100, or 0 if it is absent.
func (w With) Percent(key string) (float64, error) {
	text, ok := w[key]
	if !ok {
		return 0, nil
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(string(text), "%")), 64)
	if err != nil || !(v > 0 && v <= 100) {
		return 0, &ParamError{key, fmt.Sprintf("%q is not a percentage; write a number above 0 and up to 100", text)}
	}
	return v, nil
}

// Bool is the parameter as true or false; absent it is false.
func (w With) Bool(key string) (bool, error) {
	switch text := w[key]; text {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	default:
		return false, &ParamError{key, fmt.Sprintf("%q is neither true nor false", text)}
	}
}

// FormatSize writes bytes for people: 512 B, 1.5 GiB.
func FormatSize(bytes int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if bytes >= u.size {
			return strings.TrimSuffix(strconv.FormatFloat(float64(bytes)/float64(u.size), 'f', 1, 64), ".0") + " " + u.name
		}
	}
	return strconv.FormatInt(bytes, 10) + " B"
}
