package main

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestWhatLogoutEnds(t *testing.T) {
	t.Parallel()
	const session = "0::/user.slice/user-1000.slice/session-3.scope\n"
	for name, c := range map[string]struct {
		files map[string]string
		fine  string // a part of it
		wrong string
	}{
		"no systemd at all":     {files: map[string]string{}, fine: "no login session of systemd"},
		"a service of the user": {files: map[string]string{"proc/self/cgroup": "0::/user.slice/user-1000.slice/user@1000.service/app.slice/sitrep.service\n", "etc/systemd/logind.conf": "KillUserProcesses=yes\n"}, fine: "no login session of systemd"},
		"nothing set":           {files: map[string]string{"proc/self/cgroup": session, "etc/systemd/logind.conf": "[Login]\n#KillUserProcesses=yes\n"}, fine: "is not set"},
		"off":                   {files: map[string]string{"proc/self/cgroup": session, "etc/systemd/logind.conf": "[Login]\nKillUserProcesses = no\n"}, fine: "left alone"},
		"on": {
			files: map[string]string{"proc/self/cgroup": session, "etc/systemd/logind.conf": "[Login]\nKillUserProcesses=yes\n"},
			wrong: "loginctl enable-linger ana; systemd-run --user",
		},
		"on, lingering": {
			files: map[string]string{"proc/self/cgroup": session, "etc/systemd/logind.conf": "[Login]\nKillUserProcesses=yes\n", "var/lib/systemd/linger/ana": ""},
			wrong: "lingering is on for ana",
		},
		"a piece turns it on": {
			files: map[string]string{"proc/self/cgroup": session, "etc/systemd/logind.conf": "KillUserProcesses=no\n", "etc/systemd/logind.conf.d/50-kill.conf": "KillUserProcesses=true\n"},
			wrong: "KillUserProcesses=yes",
		},
		"a piece of the same name hides one": {
			files: map[string]string{"proc/self/cgroup": session, "usr/lib/systemd/logind.conf.d/50-kill.conf": "KillUserProcesses=yes\n", "etc/systemd/logind.conf.d/50-kill.conf": "KillUserProcesses=no\n"},
			fine:  "left alone",
		},
		"on, but not for her":      {files: map[string]string{"proc/self/cgroup": session, "etc/systemd/logind.conf": "KillUserProcesses=yes\nKillExcludeUsers=root ana\n"}, fine: "KillExcludeUsers"},
		"on, but only for another": {files: map[string]string{"proc/self/cgroup": session, "etc/systemd/logind.conf": "KillUserProcesses=yes\nKillOnlyUsers=bob\n"}, fine: "KillOnlyUsers"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{}
			for path, text := range c.files {
				files[path] = &fstest.MapFile{Data: []byte(text)}
			}
			fine, err := logout{files, "ana"}.survives()
			if c.wrong != "" {
				require.ErrorContains(t, err, c.wrong)
				return
			}
			require.NoError(t, err)
			require.Contains(t, fine, c.fine)
		})
	}
}
