package fault_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// TestCustomPlan is what a person reads before anything is run.
func TestCustomPlan(t *testing.T) {
	with := chaos.With{
		"inject": chaos.ListOf("/opt/lose", "--leader", "two words"), "observe": "/opt/lost", "undo": chaos.ListOf("/opt/find"), "gone": "/opt/found", "timeout": "3s",
	}
	target := host(chaos.HostTarget{CPU: true})
	target.Config = "/etc/sitrep.yaml"
	inj := plan(t, target, "custom.exec", "", with)
	require.Equal(t, []string{`/opt/lose --leader "two words"   for 30s`, "/opt/lost   which exits with 0 when it works"}, inj.Preview)
	require.Equal(t, "[/opt/find]", fmt.Sprint(inj.Undo))
	require.Equal(t, "/opt/found exits with 0", inj.Gone.String())
	require.Equal(t, chaos.TierDeadMan, inj.Tier)
	require.Equal(t, []string{"/opt/lose", "/opt/lost", "/opt/find", "/opt/found"}, inj.Programs)
	require.Equal(t, "/etc/sitrep.yaml", inj.Undo[0].Exec.Config)
	require.Equal(t, []string{"SITREP_FAULT=f-1", "SITREP_TARGET=host", "SITREP_SERVICE=host"}, inj.Undo[0].Exec.Env)
	require.Contains(t, refused(t, chaos.Target{Name: "shop-1"}, "custom.exec", "", with), "refused R7 not-named: shop-1 is named by a list of others")
	delete(with, "undo")
	require.Contains(t, refused(t, target, "custom.exec", "", with), "refused R10 no-undo: custom.exec has no undo")
	for want, bad := range map[string]chaos.With{
		"inject: missing; write for example inject: [": {},
		"observe: missing": {"inject": "/opt/lose"},
		"inject: a call begins with the absolute path": {"inject": "lose", "observe": "/opt/lost"},
		"inject: /bin/sh runs whatever it is told":     {"inject": chaos.ListOf("/bin/sh", "-c", "id"), "observe": "/opt/lost"},
		"timeout: 5s is more than the cap of 4s":       {"inject": "/opt/lose", "observe": "/opt/lost", "timeout": "5s"},
		`unknown parameter "argv"`:                     {"argv": "/opt/lose"},
	} {
		require.ErrorContains(t, kind(t, "custom.exec").Check(bad), want)
	}
}
