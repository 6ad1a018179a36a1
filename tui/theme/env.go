package theme

import "strings"

// FromEnv reads what the terminal can do from its environment (os.Getenv, or
// that of an SSH session). NO_COLOR of any value but the empty one means no
// colour (no-color.org; the libraries parse it as a boolean and miss "yes").
// TERM=dumb and the Linux console get ASCII, for lack of glyphs.
func FromEnv(getenv func(string) string) Options {
	term := getenv("TERM")
	o := Options{Name: "auto", Profile: profileOf(term, getenv("COLORTERM")), Dark: darkOf(getenv("COLORFGBG"))}
	if getenv("NO_COLOR") != "" {
		o.Profile = NoColour
	}
	if term == "" || term == "dumb" || term == "linux" || strings.HasPrefix(term, "vt") {
		o.Glyphs = ASCII
	}
	return o
}

func profileOf(term, colorterm string) Profile {
	switch {
	case term == "" || term == "dumb" || strings.HasPrefix(term, "vt"):
		return NoColour
	case colorterm == "truecolor" || colorterm == "24bit" || strings.HasSuffix(term, "-direct"):
		return TrueColour
	case strings.Contains(term, "256color"):
		return Colour256
	}
	return Colour16
}

// darkOf reads rxvt's "foreground;background"; unknown is dark, as most are.
func darkOf(colorfgbg string) bool {
	i := strings.LastIndexByte(colorfgbg, ';')
	bg := colorfgbg[i+1:]
	return i < 0 || bg != "7" && bg != "15"
}
