package strictyaml_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Each of these took minutes and gigabytes, or ended the process.
func TestDecodeBoundsSizeAndDepth(t *testing.T) {
	const n = 100 << 10
	for name, c := range map[string]struct{ src, want string }{
		"lists":          {strings.Repeat("[", n), "p.yaml:1:65: nested more than 64 deep"},
		"maps":           {"name: " + strings.Repeat("{a: ", n/4), "p.yaml:1:"},
		"dashes":         {strings.Repeat("- ", n/2), "p.yaml:1:129: nested more than 64 deep"},
		"question marks": {strings.Repeat("? ", n/2), "p.yaml:1:129: nested more than 64 deep"},
		"indented":       {indented(200), "p.yaml:65:65: nested more than 64 deep"},
		"below a list":   {"stages:\n- " + strings.Repeat("[", n), "p.yaml:2:"},
		"size":           {"# " + strings.Repeat("x", strictyaml.MaxSize), "p.yaml: the file is larger than 256 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			var p plan
			began := time.Now()
			_, err := strictyaml.Decode("p.yaml", []byte(c.src), &p)
			require.ErrorContains(t, err, c.want)
			require.Less(t, time.Since(began), 10*time.Second)
			require.Less(t, len(err.Error()), 2000, "an excerpt is no copy of the file")
		})
	}
}

func indented(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// Brackets and dashes that are text do not nest.
func TestDepthIsNotText(t *testing.T) {
	open := strings.Repeat("[", 100)
	for _, src := range []string{
		"name: '" + open + "'\n", "name: \"" + open + "\"\n", "name: a # " + open + "\n", "name: |\n  " + open + "\n", "name: x" + open + "\n",
		"name: a\nthresholds:\n" + strings.Repeat("- a\n", 100), "name: a\nstages:\n" + strings.Repeat("- rate: 1\n  for: 1s\n", 100),
		"name: a\nthresholds: [" + strings.Repeat("'[', ", 100) + "x]\n",
	} {
		var p plan
		_, err := strictyaml.Decode("p.yaml", []byte(src), &p)
		require.NoError(t, err, src)
	}
}

// A caret is below its character where a line is too long to be shown.
func TestExcerptOfALongLine(t *testing.T) {
	var p plan
	_, err := strictyaml.Decode("p.yaml", []byte("thresholds: ["+strings.Repeat("a, ", 300)+"{b: c}]\n"), &p)
	var e *strictyaml.Error
	require.ErrorAs(t, err, &e)
	lines := strings.Split(e.Excerpt, "\n")
	require.Len(t, lines, 2)
	require.Equal(t, "{", lines[0][len(lines[1])-1:len(lines[1])])
}
