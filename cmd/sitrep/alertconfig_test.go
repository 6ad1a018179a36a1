package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAlertConfiguration(t *testing.T) {
	t.Parallel()
	read := func(text string) (*config, error) {
		file := filepath.Join(t.TempDir(), "sitrep.yaml")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return loadConfig(file)
	}
	for text, says := range map[string]string{
		"alertmanager: {url: 5}":                                            "a list of the members",
		"alertmanager: {url: [http://a, ftp://b]}":                          "1:32: ",
		"alertmanager: {url: http://ana:s3cret@a}":                          "does not belong into a URL",
		"alertmanager: {webhook: {listen: nowhere}}":                        "no address",
		"alertmanager: {webhook: {listen: \"0.0.0.0:9095\"}}":               "set alertmanager.webhook.token",
		"alertmanager: {webhook: {token: env:X}}":                           "no alertmanager.webhook.listen",
		"alertmanager: {webhook: {listen: \"[::1]:9095\", token: literal}}": "not written into the configuration",
		"alerts: {flapping: {times: 1}}":                                    "from 2 firings on",
		"alerts: {flapping: {hold: 0s}}":                                    "longer than nothing",
		"alerts: {strom: {}}":                                               "storm",
	} {
		_, err := read(text)
		require.ErrorContains(t, err, says, text)
		require.NotContains(t, err.Error(), "s3cret")
	}
	c, err := read("alertmanager: {url: http://a:9093, webhook: {listen: \"localhost:9095\"}}\nalerts: {storm: {window: 0s}}")
	require.NoError(t, err)
	require.Equal(t, addresses{"http://a:9093"}, c.Manager.URL)
	require.Zero(t, c.Alerts.rules().Window)
	require.Equal(t, 4, c.Alerts.rules().Times, "what is not said stays")
}
