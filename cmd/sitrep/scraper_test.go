package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A file of rules that --rules and the prometheus.yml both name is read once: each of
// its alerts stood in the list twice.
func TestRulesThatAreNamedTwiceAreReadOnce(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.yml", "b.yml"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("groups: []\n"), 0o600))
	}
	c := &config{dir: dir}
	c.Embedded.Rules = []string{"a.yml"}
	rules, err := c.ruleFiles([]string{filepath.Join(dir, "*.yml"), filepath.Join(dir, ".", "b.yml")})
	require.NoError(t, err)
	require.Len(t, rules, 2)
}
