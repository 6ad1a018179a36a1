package strictyaml_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// places is every error without its excerpt, one a line.
func places(err error) (all []string) {
	for line := range strings.Lines(err.Error()) {
		if strings.HasPrefix(line, "p.yaml:") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

func TestDecodeAllTellsAllAtOnce(t *testing.T) {
	var p plan
	doc, err := strictyaml.DecodeAll("p.yaml", []byte("nam: a\nstages:\n- rate: fast\n  fro: 3s\n- rate: -4\n  for: 10\n- rate: -5\n  for: 1s\n"), &p)
	require.Equal(t, []string{
		`p.yaml:1:1: unknown key "nam"; did you mean "name"?`,
		`p.yaml:3:9: want a number; this is text`,
		`p.yaml:4:3: unknown key "fro"; did you mean "for"?`,
		`p.yaml:6:8: "10" is not a duration; write for example 300ms, 30s, 5m, 2h, 1d or 1w`,
	}, places(err))
	require.Equal(t, -5.0, p.Stages[2].Rate, "what is left can be checked")
	require.NoError(t, doc.Errorf("name", "no name"), "it was told what stands in its place")
	require.NoError(t, doc.Errorf("stages[1].for", "no time"))
	require.ErrorContains(t, doc.Errorf("stages[2].rate", "too little"), "p.yaml:7:9: too little")

	p = plan{Name: "kept"}
	_, err = strictyaml.DecodeAll("p.yaml", []byte("stages: []\n"), &p)
	require.NoError(t, err)
	require.Equal(t, "kept", p.Name)
	for _, src := range []string{"", "# hi\n", "a: [", "name: !x [\n", "- 1\n", "a: 1\n---\nb: 1\n", "name: a\nname: b\n"} {
		_, err = strictyaml.DecodeAll("p.yaml", []byte(src), &p)
		require.Error(t, err, src)
	}
}

func TestErrorInPointsIntoTheText(t *testing.T) {
	for src, want := range map[string]string{
		"name: 'abc ( d'\n":           "p.yaml:1:12: bad",
		"name: \"äbc ( d\"\n":         "p.yaml:1:12: bad",
		"name: abc ( d\n":             "p.yaml:1:11: bad",
		"name: |\n    abc\n    ( d\n": "p.yaml:3:5: bad",
		"{name: 'it''s ( d'}\n":       "p.yaml:1:8: bad", // written otherwise than it reads
	} {
		var p plan
		doc, err := strictyaml.Decode("p.yaml", []byte(src), &p)
		require.NoError(t, err)
		require.ErrorContains(t, doc.ErrorIn("name", strings.IndexByte(p.Name, '('), "bad"), want, src)
	}
}

func FuzzDecodeAll(f *testing.F) {
	f.Add("nam: a\nstages: [{rat: 1, for: 1}]\n")
	f.Add("a: &a [*a]\nb: |\n  x\n")
	f.Fuzz(func(t *testing.T, src string) {
		var p, q plan
		doc, err := strictyaml.DecodeAll("f.yaml", []byte(src), &p)
		_, strict := strictyaml.Decode("f.yaml", []byte(src), &q)
		require.Equal(t, strict == nil, err == nil)
		if doc != nil {
			_ = doc.ErrorIn("name", len(p.Name), "x")
		}
	})
}
