package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// TestChaosPolicy: the configuration may change the defaults, and what the system's file
// says only ever becomes stricter.
func TestChaosPolicy(t *testing.T) {
	dir := t.TempDir()
	config, system := filepath.Join(dir, "sitrep.yaml"), filepath.Join(dir, "policy.yaml")
	require.NoError(t, os.WriteFile(config, []byte("chaos: {policy: {limits: {percent: 50, targets: 2}}}"), 0o600))
	c, err := loadConfig(config)
	require.NoError(t, err)
	p, err := chaosPolicy(c, system, 1000)
	require.NoError(t, err)
	require.Equal(t, 50.0, p.Limits.Percent)
	require.Equal(t, chaos.DefaultPolicy().Limits.Duration, p.Limits.Duration)

	require.NoError(t, os.WriteFile(system, []byte("limits: {targets: 3}"), 0o600))
	p, err = chaosPolicy(c, system, 1000)
	require.NoError(t, err)
	require.Equal(t, 25.0, p.Limits.Percent, "the system's default holds")
	require.Equal(t, 2, p.Limits.Targets)

	require.NoError(t, os.WriteFile(system, []byte("limit: {}"), 0o600))
	_, err = chaosPolicy(c, system, 1000)
	require.ErrorContains(t, err, `unknown key "limit"`)
	require.NoError(t, os.Remove(system))
	require.NoError(t, os.Chmod(config, 0o666))
	_, err = chaosPolicy(c, system, 0)
	require.ErrorContains(t, err, "refused R13 policy: "+config+" holds a policy")
}

// TestOpenIncidents makes no store where there is none.
func TestOpenIncidents(t *testing.T) {
	t.Parallel()
	none := openIncidents{&laterStore{path: filepath.Join(t.TempDir(), "none.db")}}
	open, err := none.Open(t.Context())
	require.NoError(t, err)
	require.Empty(t, open)
	require.NoFileExists(t, none.path)
}
