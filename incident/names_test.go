package incident_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

func TestNamesAsPeopleTypeThem(t *testing.T) {
	for in, want := range map[string]incident.ID{"INC-7": "INC-7", "inc-7": "INC-7", " 7 ": "INC-7", "0": "", "-1": "", "INC-": "", "INC-07": "", "7; drop": ""} {
		got, err := incident.ParseID(in)
		require.Equal(t, want, got, in)
		require.Equal(t, want == "", err != nil, in)
	}
	for in, want := range map[string]incident.Severity{"SEV-1": "SEV-1", "sev2": "SEV-2", "3": "SEV-3", "sev 4": "SEV-4", "5": "", "": "", "critical": ""} {
		got, err := incident.ParseSeverity(in)
		require.Equal(t, want, got, in)
		require.Equal(t, want == "", err != nil, in)
	}
	for in, want := range map[string]incident.Role{"ic": incident.Commander, "Comms": incident.Communications, "scribe": incident.Scribe, "boss": ""} {
		got, _ := incident.ParseRole(in)
		require.Equal(t, want, got, in)
	}
	_, err := incident.ParseStatus("resolved")
	require.ErrorContains(t, err, "sitrep incident resolve")
	require.True(t, incident.Sev1.WorseThan(incident.Sev2))
	require.False(t, incident.Severity("SEV-9").WorseThan(incident.Sev4))
}

func TestNotesCarryTheirTime(t *testing.T) {
	now := time.Date(2026, 11, 24, 3, 12, 0, 0, time.UTC)
	for in, want := range map[string]struct {
		at   string
		text string
	}{
		"-7m rollback started":     {"2026-11-24T03:05:00Z", "rollback started"},
		"-1h30m first complaint":   {"2026-11-24T01:42:00Z", "first complaint"},
		"02:05 paged the db team":  {"2026-11-24T02:05:00Z", "paged the db team"},
		"23:50 deploy":             {"2026-11-23T23:50:00Z", "deploy"}, // not yet today: yesterday
		"03:05:30Z pool exhausted": {"2026-11-24T03:05:30Z", "pool exhausted"},
		"-7 dwarfs came":           {"2026-11-24T03:12:00Z", "-7 dwarfs came"},
		"- a dash":                 {"2026-11-24T03:12:00Z", "- a dash"},
		"hello":                    {"2026-11-24T03:12:00Z", "hello"},
	} {
		at, text, err := incident.ParseNote(in, now)
		require.NoError(t, err)
		require.Equal(t, want.at, at.Format(time.RFC3339), in)
		require.Equal(t, want.text, text)
	}
	_, _, err := incident.ParseNote("-200h too long ago", now)
	require.ErrorContains(t, err, "more than a week ago")
}

func TestATimeThatIsNoneIsNotTakenForWords(t *testing.T) {
	for _, text := range []string{"-2d long ago", "-4x odd unit"} {
		_, _, err := incident.ParseNote(text, three)
		require.ErrorContains(t, err, "is no time that was: write -7m")
	}
	for _, text := range []string{"-5 degrees outside", "-x is a flag", "- a dash", "--due is odd"} {
		at, rest, err := incident.ParseNote(text, three)
		require.NoError(t, err)
		require.Equal(t, three, at)
		require.Equal(t, text, rest)
	}
}
