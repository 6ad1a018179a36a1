package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A sink without its key is no ok: the doctor says what is missing. Where only chaos is
// meant, nobody is missed.
func TestTheDoctorNamesTheKeysThatSinksLack(t *testing.T) {
	h := newHost(t)
	file := filepath.Join(h.state, "sitrep.yaml")
	require.NoError(t, os.WriteFile(file, []byte("people: {ana: {phone: '+15550100'}}\n"), 0o600))
	out, _, code := h.sitrep("--config", file, "doctor")
	require.Equal(t, exitNotHeld, code)
	require.Regexp(t, `(?m)^slack:\S+ +WRONG +nothing goes out by it: the configuration has no slack.bot_token$`, out)
	require.Regexp(t, `(?m)^pagerduty:primary +WRONG +nothing goes out by it: the configuration has no pagerduty.routing_keys.primary$`, out)
	require.NoError(t, os.WriteFile(file, []byte("chaos: {processes: []}\n"), 0o600))
	out, _, _ = h.sitrep("--config", file, "doctor")
	require.NotRegexp(t, `(?m)^(slack|pagerduty):`, out)
}
