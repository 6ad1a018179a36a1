package strictyaml_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

func TestShares(t *testing.T) {
	var f struct {
		Share strictyaml.Share `yaml:"share"`
	}
	for text, want := range map[string]float64{"90%": 0.9, "0.25": 0.25, `" 5 % "`: 0.05, "1": 1, "0": 0} {
		_, err := strictyaml.Decode("f.yaml", []byte("share: "+text+"\n"), &f)
		require.NoError(t, err, text)
		require.InDelta(t, want, float64(f.Share), 1e-12, text)
	}
	for _, text := range []string{"130%", "-1", "lots", ".nan", "[1]"} {
		_, err := strictyaml.Decode("f.yaml", []byte("share: "+text+"\n"), &f)
		require.ErrorContains(t, err, "f.yaml:1:", text)
	}
}
