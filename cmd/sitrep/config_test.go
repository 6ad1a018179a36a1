package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/query"
)

func writeConfig(t *testing.T, src string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sitrep.yaml")
	require.NoError(t, os.WriteFile(file, []byte(src), 0o600))
	return file
}

// No mistake in a configuration brings a secret of it to the screen.
func TestConfigKeepsSecretsToItself(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		"prometheus: {url: \"http://u:hunter2@127.0.0.1:9090\"}\n",
		"prometheus: {url: \"htp://u:hunter2@127.0.0.1:9090\"}\n",
		"prometheus: {url: \"http://u:hunter2@127.0.0.1:9090\", timeout: soon}\n",
		"pagerduty: {routing_keys: hunter2}\n",
		"pagerduty:\n  routing_keys:\n    primary: hunter2\n  api_url: 'x\n",
		"slack:\n  bot_token: xoxb-hunter2\n  channel: [\n",
		"slack:\n  bot_token: hunter2\nboards: 7\n",
		"slack:\n  bot_token hunter2\n  app_token: env:A\n",
	} {
		_, err := loadConfig(writeConfig(t, src))
		require.ErrorContains(t, err, "sitrep.yaml:", src)
		require.NotContains(t, err.Error(), "hunter2", src)
	}
}

// An inline policy is read where it stands.
func TestConfigInlinePolicyHasItsOwnLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ src, at string }{
		"a block":             {"boards: []\npolicy:\n  severities:\n    SEV-1: {page: shout}\ndaemon: {listen: ''}\n", ":4:19"},
		"after a comment":     {"policy:\n  # ours\n\n  severities:\n    SEV-1: {page: shout}\n# end\nboards: []\n", ":5:19"},
		"in braces":           {"boards: []\npolicy: {severities: {SEV-1: {page: shout}}}\nplans: []\n", ":2:37"},
		"in braces, two":      {"policy: {severities: {SEV-1: {page: error},\n  SEV-2: {page: shout}}} # end\nplans: []\n", ":2:17"},
		"all in braces":       {"{boards: [], policy: {severities: {SEV-1: {page: shout}}}, plans: []}\n", ":1:50"},
		"two keys":            {"policy:\n  declare: []\n  severities:\n    SEV-1:\n      page: shout\n", ":5:13"},
		"Windows, and a mark": {"\ufeffpolicy:\r\n  severities:\r\n    SEV-1: {page: shout}\r\nboards: []\r\n", ":3:19"},
	} {
		t.Run(name, func(t *testing.T) {
			c1, err := loadConfig(writeConfig(t, c.src))
			require.NoError(t, err)
			_, err = escalation.LoadPolicy("p", c1.Policy.inline)
			require.ErrorContains(t, err, "p"+c.at+": page is \"shout\"")
			c2, err := loadConfig(writeConfig(t, strings.ReplaceAll(c.src, "shout", "critical")))
			require.NoError(t, err)
			_, err = escalation.LoadPolicy("p", c2.Policy.inline)
			require.NoError(t, err)
		})
	}
}

// A file of a list that is not to be had is pointed at.
func TestConfigFilesSayWhereAndWhat(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for pattern, want := range map[string]string{
		"nope.yaml": "there is no file ",
		`"a["`:      `"a[" is not a file pattern: a [ is not closed, or a \ ends it`,
		dir:         dir + " is a directory; for the files in it write " + dir + "/*.yaml",
		"/dev/null": "/dev/null is not a file but a device, a pipe or a socket",
	} {
		file := writeConfig(t, "plans: []\nboards: [\"*.none\", "+pattern+"]\n")
		c, err := loadConfig(file)
		require.NoError(t, err)
		_, err = c.files("boards", c.Boards)
		require.ErrorContains(t, err, file+":2:20: boards: "+want)
	}
}

func TestConfigSaysWhatIsNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := loadConfig(dir)
	require.EqualError(t, err, "read the configuration: "+dir+" is a directory; give a file such as "+dir+"/sitrep.yaml")
	_, err = loadConfig("/dev/zero")
	require.ErrorContains(t, err, "/dev/zero: the file is larger than 256 KiB")
}

// The region names both addresses; one that is given is left alone.
func TestConfigPagerDutysRegion(t *testing.T) {
	t.Parallel()
	for src, want := range map[string][2]string{
		"ui: {timezone: UTC}\n":                                      {eventsURL, apiURL},
		"pagerduty: {region: us}\n":                                  {eventsURL, apiURL},
		"pagerduty: {region: eu}\n":                                  {"https://events.eu.pagerduty.com", "https://api.eu.pagerduty.com"},
		"pagerduty: {region: eu, api_url: \"http://127.0.0.1:1\"}\n": {eventsURLEU, "http://127.0.0.1:1"},
	} {
		c, err := loadConfig(writeConfig(t, src))
		require.NoError(t, err)
		require.Equal(t, want, [2]string{c.PagerDuty.EventsURL, c.PagerDuty.APIURL}, src)
	}
	for src, says := range map[string]string{
		"region: mars":                                   `:1:21: "mars" is no region of PagerDuty: us or eu`,
		"from: ana":                                      `:1:19: "ana" is not the e-mail address of a PagerDuty user`,
		`from: "ana <ana@example.com>"`:                  "is not the e-mail address",
		"escalation_policies: {lead: P1}":                `pagerduty.routing_keys has no "lead"`,
		"links: [{text: x, url: 'javascript:alert(1)'}]": "pagerduty.links[0]",
		"images: [{alt: x, url: 'http://h/x.png'}]":      "is not one of https",
	} {
		_, err := loadConfig(writeConfig(t, "pagerduty: {"+src+"}\n"))
		require.ErrorContains(t, err, strings.TrimPrefix(says, "pagerduty.links[0]"), src)
	}
}

// What is wrong with a source is said where it stands.
func TestConfigSources(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(writeConfig(t, `
prometheus: {url: "https://p:9090", ca_file: ca.pem, cert_file: c.pem, key_file: k.pem, server_name: p, proxy: "socks5://127.0.0.1:1080"}
sources:
  mimir: {url: "https://mimir/prometheus", headers: {X-Scope-OrgID: b}, timeout: 30s}
`))
	require.NoError(t, err)
	require.Equal(t, "b", c.Sources["mimir"].Headers["X-Scope-OrgID"])
	for src, want := range map[string]string{
		"prometheus:\n  cert_file: c.pem\n":                  ":2:14: key_file is missing",
		"prometheus:\n  key_file: c.pem\n":                   ":2:13: cert_file is missing",
		"prometheus:\n  proxy: proxy:3128\n":                 ":2:10: ",
		"prometheus:\n  proxy: http://bob:hunter2@p:3128\n":  "set HTTPS_PROXY in the environment instead",
		"sources:\n  a: {timeout: 3s}\n":                     ":2:7: url is missing",
		"sources:\n  a: {url: mimir}\n":                      "\"mimir\" is not a URL",
		"sources:\n  a: {url: \"http://a\", tenant: team}\n": "unknown key \"tenant\"",
	} {
		_, err := loadConfig(writeConfig(t, src))
		require.ErrorContains(t, err, want, src)
		require.NotContains(t, err.Error(), "hunter2")
	}
	a := &app{cfg: c}
	_, err = a.server(t.Context(), "mirim")
	require.EqualError(t, err, `there is no source "mirim"; there are prometheus, mimir`)
	first, err := a.server(t.Context(), "prometheus") // as boards call it
	require.NoError(t, err)
	require.Equal(t, mustServer(t, a).URL(), first.URL())
	sources, closeAll, err := a.boardSources(t.Context(), mustServer(t, a))
	require.NoError(t, err)
	defer closeAll()
	_, err = sources.Named("mimir")
	require.NoError(t, err)
}

func mustServer(t *testing.T, a *app) *query.Client {
	t.Helper()
	client, err := a.server(t.Context(), "")
	require.NoError(t, err)
	return client
}

// A PID file is where the configuration is, as every other path, wherever the process
// that looks for it stands.
func TestAPIDFileIsRelativeToTheConfiguration(t *testing.T) {
	t.Parallel()
	file := writeConfig(t, "chaos: {processes: [{name: a, service: a, pid_file: run/a.pid}, {name: b, service: b, pid_file: /run/b.pid}]}\n")
	c, err := loadConfig(file)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(filepath.Dir(file), "run/a.pid"), c.Chaos.Processes[0].PIDFile)
	require.Equal(t, "/run/b.pid", c.Chaos.Processes[1].PIDFile)
}
