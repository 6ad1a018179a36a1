package strictyaml_test

import (
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// within is a section that somebody else reads.
type within struct{ node ast.Node }

func (w *within) UnmarshalYAML(n ast.Node) error {
	w.node = n
	return nil
}

type whole struct {
	Before []string `yaml:"before"`
	Plan   within   `yaml:"plan"`
	After  []string `yaml:"after"`
}

func TestCutKeepsThePlace(t *testing.T) {
	for src, want := range map[string]string{
		"before: []\nplan:\n  name: a\n  thresholds: [b]\n# c\nafter: []\n": "\n\n  name: a\n  thresholds: [b]\n# c\n",
		"before: []\nplan: {name: a} # c\nafter: []\n":                      "\n      {name: a}\n",
		"{before: [ü], plan: {name: ü,\n stages: []}, after: []}\n":         "                    {name: ü,\n stages: []}\n",
		"plan: {}\n":                       "      {}\n",
		"before: []\nplan: &a\n name: a\n": "\n\n name: a\n",
	} {
		var w whole
		_, err := strictyaml.Decode("w.yaml", []byte(src), &w)
		require.NoError(t, err, src)
		require.Equal(t, want, string(strictyaml.Cut([]byte(src), w.Plan.node)), src)
	}
}

func FuzzCut(f *testing.F) {
	for _, src := range []string{
		"plan: {name: a}\n", "plan:\n  name: a\n", "? plan\n: name: a\n", "plan: [a]\n", "plan: !x {a: b}\n", "plan: \"a\n\n b\"", "plan: &a {b: c}\nafter: *a", "before: é\tplan: {\té: ü}",
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		var w whole
		if doc, err := strictyaml.Decode("w.yaml", []byte(src), &w); err == nil && w.Plan.node != nil {
			var p plan
			_, _ = strictyaml.Decode("w.yaml", strictyaml.Cut([]byte(src), w.Plan.node), &p)
			require.Error(t, doc.Errorf("plan", "x"))
		}
	})
}
