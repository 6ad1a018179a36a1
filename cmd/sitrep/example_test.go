package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/health"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/capacity"
	"github.com/sitrep-dev/sitrep/query/slo"
)

// reads says whether load takes a file.
func reads[T any](load func(file string, src []byte) (T, error)) func(file string, src []byte) error {
	return func(file string, src []byte) error {
		_, err := load(file, src)
		return err
	}
}

// Every example is taken by what reads its kind, and surprises nobody.
func TestExamplesAreRead(t *testing.T) {
	t.Parallel()
	kinds := map[string]func(file string, src []byte) error{
		"boards/checkout.yaml": reads(query.LoadBoard), "capacity/checkout.yaml": reads(capacity.Load),
		"checks/checkout.yaml": reads(func(file string, src []byte) ([]health.Check, error) {
			return health.Load(file, src, (&config{dir: t.TempDir()}).reveal())
		}),
		"gamedays/checkout-day.yaml":      func(string, []byte) error { return nil }, // TestTheExampleConfigurationNamesTheOthers
		"experiments/payments-pause.yaml": reads(loadExperiment), "plans/checkout-peak.yaml": reads(loadtest.LoadPlan),
		"policy.yaml": func(file string, src []byte) error {
			_, warnings, err := escalation.CheckPolicy(file, src, escalation.Surroundings{})
			require.Empty(t, warnings)
			return err
		},
		"prices.yaml": reads(func(file string, src []byte) (capacity.Prices, error) {
			return capacity.LoadPrices(file, src, "eu-central-1", "EUR")
		}),
		"runbooks/checkout-errors.md": reads(loadRunbook), "slos/checkout-availability.yaml": reads(slo.Load), "slos/checkout-latency.yaml": reads(slo.Load),
		"sitrep.yaml": func(string, []byte) error { return nil }, // TestTheExampleConfigurationNamesTheOthers
	}
	all, err := examples()
	require.NoError(t, err)
	for _, e := range all {
		require.Contains(t, kinds, e.Name, "say what reads it")
		require.NoError(t, kinds[e.Name](e.Name, []byte(e.Text)), e.Name)
		require.NotEmpty(t, e.What, e.Name)
		delete(kinds, e.Name)
	}
	require.Empty(t, kinds)
}

// The configuration names all of the others, and they fit each other.
func TestTheExampleConfigurationNamesTheOthers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "shop")
	all, err := examples()
	require.NoError(t, err)
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer out.Close()
	a := &app{stdout: out, flags: globals{config: filepath.Join(dir, "sitrep.yaml")}}
	require.NoError(t, a.writeExamples(dir, all))
	require.ErrorContains(t, a.writeExamples(dir, all), "is there already, and nothing is overwritten")
	c, err := a.config()
	require.NoError(t, err)
	named := []string{filepath.Join(dir, "sitrep.yaml"), c.path(c.Policy.path), c.path(c.Prices.File)}
	for section, patterns := range map[string][]string{
		"boards": c.Boards, "slos": c.SLOs, "checks": c.Checks, "capacity": c.Capacity, "experiments": c.Experiments, "plans": c.Plans, "runbooks": c.Runbooks, "gamedays": c.Gamedays,
	} {
		files, err := c.files(section, patterns)
		require.NoError(t, err)
		named = append(named, files...)
	}
	for _, e := range all {
		require.Contains(t, named, filepath.Join(dir, e.Name))
	}
	for _, f := range append(a.examineFiles(c), check("ui and daemon", "", c.settings())) {
		require.True(t, f.OK, "%s: %s", f.What, f.Detail)
	}
}
