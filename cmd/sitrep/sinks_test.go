package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/store"
)

// What cannot work is said at its place before anything is sent.
func TestSinksThatCannotWork(t *testing.T) {
	t.Parallel()
	for src, says := range map[string]string{
		"webhooks: {a: {}}\n":                                                   "a webhook needs a url",
		"webhooks: {a: {url: ftp://x/}}\n":                                      ":1:21: a webhook needs a url",
		"webhooks: {a: {url: http://u:hunter2@x/}}\n":                           "a webhook needs a url",
		"webhooks: {a: {url: http://x/, secret: hunter2}}\n":                    "a secret is not written into the configuration",
		"webhooks: {'a b': {url: http://x/}}\n":                                 `"a b" cannot be the name of a sink`,
		"webhooks: {a: {url: http://x/, headers: {\"x y\": z}}}\n":              `"x y" cannot be a header`,
		"webhooks: {a: {url: http://x/, headers: {X-Api-Key: hunter2}}}\n":      "X-Api-Key sounds like a secret",
		"webhooks: {a: {url: http://x/, headers: {Cookie: hunter2}}}\n":         "Cookie sounds like a secret",
		"webhooks: {a: {url: http://x/, bearer: env:A, user: u}}\n":             "either bearer, or user and password",
		"webhooks: {a: {url: http://x/, body: '{\"text\": \"{{.Text}}\"}'}}\n":  "write {{json .Text}}",
		"webhooks: {a: {url: http://x/, content_type: json please, body: x}}\n": "not a content type",
		"webhooks: {a: {url: http://x/, tmeout: 3s}}\n":                         `unknown key "tmeout"`,
		"commands: {a: {}}\n":                                                   "a command needs argv",
		"commands: {a: {argv: []}}\n":                                           "a command needs argv",
		"commands: {a: {argv: [x], timeout: 1m}}\n":                             "timeout is 1m; it can be 100ms to 10s",
		"commands: {a: {argv: [x], env: {1A: x}}}\n":                            `"1A" cannot be a variable`,
		"commands: {a: {argv: [x], env: {SITREP_ID: x}}}\n":                     "SITREP_* are sitrep's own",
		"commands: {a: {argv: [x], env: {TOKEN: hunter2}}}\n":                   "TOKEN sounds like a secret",
		"statuspages: {a: {page_id: x}}\n":                                      "a status page needs page_id and token",
		"statuspages: {a: {page_id: x, token: hunter2}}\n":                      "a secret is not written into the configuration",
		"statuspages: {a: {page_id: x, token: env:T, api_url: 'api.x.io'}}\n":   "is not a URL",
	} {
		_, err := loadConfig(writeConfig(t, src))
		require.ErrorContains(t, err, says, src)
		require.ErrorContains(t, err, "sitrep.yaml:1:", src)
		require.NotContains(t, err.Error(), "hunter2", src)
	}
}

// A policy that names what the configuration has not is found out.
func TestSinksThatAreMissing(t *testing.T) {
	t.Parallel()
	p, err := escalation.LoadPolicy("p", []byte(`
ladders: {default: [{level: L1, until: acknowledged, notify: ["pagerduty:a", "pagerduty:b", "slack:#x", "slack:#y", "webhook:ops", "webhook:sms", "command:call"]}]}
audiences: {engineering: ["webhook:ops", "webhook:news"]}
`))
	require.NoError(t, err)
	c, err := loadConfig(writeConfig(t, "pagerduty: {routing_keys: {a: env:A}}\nwebhooks: {sms: {url: http://x/}}\n"))
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"pagerduty": "pagerduty.routing_keys.b", "slack": "slack.bot_token", "webhook": "webhooks.news, webhooks.ops", "command": "commands.call",
	}, c.missing(p))
}

// Targets are made of the configuration, secrets read when they are needed.
func TestSinkTargets(t *testing.T) {
	file := writeConfig(t, `
webhooks:
  ops:
    url: file:url
    secret: env:SITREP_TEST_SECRET
    bearer: env:SITREP_TEST_SECRET
    headers: {X-Team: sre, X-Token: cmd:echo tok-4711}
commands:
  call: {argv: [./call.sh, --now], timeout: 3s, env: {TOKEN: file:url, REGION: eu}}
  plain: {argv: [true]}
people: {bob: {phone: "+15550100"}}
`)
	dir := filepath.Dir(file)
	c, err := loadConfig(file)
	require.NoError(t, err)
	require.Len(t, c.sinkSecrets(), 5)
	require.Equal(t, "+15550100", c.phone("bob"))

	_, err = c.webhookTarget(t.Context(), "ops")
	require.ErrorContains(t, err, "secret file:url")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "url"), []byte("not a url\n"), 0o600))
	_, err = c.webhookTarget(t.Context(), "ops")
	require.EqualError(t, err, "webhooks.ops.url is not a URL")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "url"), []byte("https://hooks.example.com/T0/B0\n"), 0o600))
	_, err = c.webhookTarget(t.Context(), "ops")
	require.ErrorContains(t, err, "SITREP_TEST_SECRET")
	t.Setenv("SITREP_TEST_SECRET", "hunter2")
	target, err := c.webhookTarget(t.Context(), "ops")
	require.NoError(t, err)
	require.Equal(t, "https://hooks.example.com/T0/B0", target.URL)
	require.Equal(t, []string{"hunter2", "hunter2"}, []string{target.Secret, target.Bearer})
	require.Equal(t, map[string]string{"X-Team": "sre", "X-Token": "tok-4711"}, target.Headers)
	require.Equal(t, []string{"tok-4711"}, target.Hidden)
	_, err = c.webhookTarget(t.Context(), "nobody")
	require.EqualError(t, err, "the configuration has no webhooks.nobody")

	call, err := c.commandTarget(t.Context(), "call")
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "call.sh"), "--now"}, call.Argv)
	require.Equal(t, []string{"https://hooks.example.com/T0/B0"}, call.Hidden)
	plain, err := c.commandTarget(t.Context(), "plain")
	require.NoError(t, err)
	require.Equal(t, []string{"true"}, plain.Argv, "looked for in PATH")

	found := c.examineCommands()
	require.Equal(t, []bool{false, true}, []bool{found[0].OK, found[1].OK})
	require.Contains(t, found[0].Detail, "./call.sh cannot be run")
}

// A page leads to the headline where the workspace's address is known, and to the
// channel before.
func TestPagesLeadToTheHeadline(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := store.Open(ctx, filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	learn := func(home string, ok bool) {
		learnWorkspace(ctx, db, func() (string, bool) { return home, ok })
	}
	learn("", false)
	require.Empty(t, slackHome(ctx, db))
	learn("https://shop.slack.com/", true)
	learn("https://other.slack.com/", true)
	require.Equal(t, "https://shop.slack.com/", slackHome(ctx, db), "it is not asked for again within a day")
	require.Empty(t, chatLinks(ctx, db, "INC-1"))
}
