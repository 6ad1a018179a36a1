package grafana

import (
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// stateOf reads a colour as people mean it: red is trouble, yellow and orange are
// a warning, green and blue are fine. Of others (purple, grey, black) nothing can
// be said, and they are none.
func stateOf(colour string) (query.State, bool) {
	colour = strings.ToLower(strings.TrimSpace(colour))
	for _, word := range []struct {
		name  string
		state query.State
	}{
		{"red", query.Crit},
		{"orange", query.Warn},
		{"yellow", query.Warn},
		{"green", query.OK},
		{"blue", query.OK},
		{"transparent", query.OK},
		{"text", query.OK},
		{"semantic-critical", query.Crit},
		{"semantic-warning", query.Warn},
	} {
		if strings.Contains(colour, word.name) {
			return word.state, true
		}
	}
	r, g, b, ok := rgb(colour)
	if !ok {
		return "", false
	}
	return stateOfHue(r, g, b)
}

// stateOfHue goes around the wheel of colours, in degrees from red. Grafana's
// oranges are at 24 to 40, its yellows at 43 to 60, its reds at 350 to 10.
func stateOfHue(r, g, b float64) (query.State, bool) {
	high, low := max(r, g, b), min(r, g, b)
	if high-low < 40 {
		return "", false // grey
	}
	var hue float64
	switch high {
	case r:
		hue = 60 * (g - b) / (high - low)
	case g:
		hue = 120 + 60*(b-r)/(high-low)
	default:
		hue = 240 + 60*(r-g)/(high-low)
	}
	if hue < 0 {
		hue += 360
	}
	switch {
	case hue < 18 || hue >= 340:
		return query.Crit, true
	case hue < 66:
		return query.Warn, true
	case hue < 265:
		return query.OK, true
	}
	return "", false
}

// rgb reads #rgb, #rrggbb, #rrggbbaa, rgb(...) and rgba(...).
func rgb(colour string) (r, g, b float64, ok bool) {
	if hex, found := strings.CutPrefix(colour, "#"); found {
		if len(hex) == 3 || len(hex) == 4 {
			hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
		}
		if len(hex) != 6 && len(hex) != 8 {
			return 0, 0, 0, false
		}
		n, err := strconv.ParseUint(hex[:6], 16, 32)
		return float64(n >> 16), float64(n >> 8 & 0xff), float64(n & 0xff), err == nil
	}
	_, inner, found := strings.Cut(colour, "(")
	if !found || !strings.HasPrefix(colour, "rgb") {
		return 0, 0, 0, false
	}
	parts := strings.FieldsFunc(strings.TrimSuffix(inner, ")"), func(r rune) bool { return r == ',' || r == ' ' || r == '/' })
	if len(parts) < 3 {
		return 0, 0, 0, false
	}
	var c [3]float64
	for i := range c {
		v, err := strconv.ParseFloat(parts[i], 64)
		if err != nil {
			return 0, 0, 0, false
		}
		c[i] = v
	}
	return c[0], c[1], c[2], true
}
