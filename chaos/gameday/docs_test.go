package gameday

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
)

// The example of the guide is a game day.
func TestDocumentedDayIsOne(t *testing.T) {
	text, err := os.ReadFile("../../docs/gameday.md")
	require.NoError(t, err)
	src := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)[1]
	d, err := Load("gameday.md", src, Known{
		Plans: []loadtest.Plan{{Name: "shop"}}, Experiments: []chaos.Experiment{{Name: "payments-latency"}, {Name: "payments-pause"}},
		Roles: []string{"commander", "operations", "scribe"}, Severities: []string{"SEV-3", "SEV-4"},
	})
	require.NoError(t, err)
	require.Len(t, d.Steps, 5)
}
