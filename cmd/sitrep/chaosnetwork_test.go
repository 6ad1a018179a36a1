package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestControlPath is what no fault of the network may touch.
func TestControlPath(t *testing.T) {
	a := &app{flags: globals{prometheus: "http://127.0.0.1:9091/prom"}}
	c := &config{
		Prometheus: prometheusConfig{URL: "https://prom.example"}, Manager: managerConfig{URL: addresses{"http://[::1]:9093", "http://am.example"}},
		Sources: map[string]prometheusConfig{"b": {URL: "http://127.0.0.1:9091"}, "a": {URL: "http://10.0.0.9:9090"}, "c": {URL: "::"}},
	}
	require.Equal(t, []string{"prom.example:443", "127.0.0.1:9091", "[::1]:9093", "am.example:80", "10.0.0.9:9090"}, a.controlPath(c))
	require.Empty(t, (&app{}).controlPath(&config{}))

	t.Setenv("HTTPS_PROXY", "http://10.0.0.1")
	t.Setenv("NO_PROXY", "in.example")
	c = &config{Prometheus: prometheusConfig{URL: "https://prom.example"}, Sources: map[string]prometheusConfig{
		"a": {URL: "https://in.example"}, "b": {URL: "https://other.example", Proxy: "socks5://10.0.0.2"}, "c": {URL: "http://plain.example"},
	}}
	require.Equal(t, []string{"10.0.0.1:80", "in.example:443", "10.0.0.2:1080", "plain.example:80"}, (&app{}).controlPath(c), "whom sitrep asks, it asks through them")
}
