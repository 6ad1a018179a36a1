package embedded

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is learned of targets is written to the store: no password, and no value of a
// parameter that may be one. What is in use meanwhile stays whole.
func TestNoSecretOfATargetsAddressIsKept(t *testing.T) {
	l := Learned{Targets: []LearnedTarget{
		{Job: "plain", URL: "http://10.0.0.1:9100/metrics"},
		{Job: "probe", URL: "http://10.0.0.2:9115/probe?module=http_2xx&target=https%3A%2F%2Fshop.example"},
		{Job: "token", URL: "http://10.0.0.3/metrics?target=a&token=swordfish"},
		{Job: "within", URL: "http://10.0.0.6/probe?module=http_2xx&target=https%3A%2F%2Fana:swordfish@shop.example"},
		{Job: "user", URL: "http://ana:swordfish@10.0.0.4/metrics"},
		{Job: "odd", URL: "http://10.0.0.5/metrics?a=%zzswordfish"},
		{Job: "broken", URL: "http://[::1swordfish/metrics"},
	}}
	kept := l.withoutSecrets()
	text, err := json.Marshal(kept)
	require.NoError(t, err)
	require.NotContains(t, string(text), "swordfish")
	require.Contains(t, l.Targets[2].URL, "swordfish", "whoever scrapes now has it")
	require.Equal(t, l.Targets[:2], kept.Targets[:2])

	p := kept.plan(func(string) (Auth, bool) { return Auth{}, false })
	require.Len(t, p.targets, 2, "the others are not asked with half an address")
	require.Equal(t, map[string]string{"token": "params.token", "user": "params.user", "within": "params.target", "odd": "params.query", "broken": "params.address"}, p.shut)
	require.Contains(t, p.shutText(), "job token needs its parameter token, which is not kept: it is scraped when the server has told it again")
	require.Len(t, l.plan(func(string) (Auth, bool) { return Auth{}, false }).targets, 6, "all but the address that nobody can read")
}
