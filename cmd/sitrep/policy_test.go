package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// However people, sinks and services are called, a picture fits 80 columns and
// holds nothing that a terminal would obey; without glyphs it is ASCII where the
// names are.
func TestPictureFits(t *testing.T) {
	for _, term := range []string{"xterm", "dumb"} {
		t.Setenv("TERM", term)
		rapid.Check(t, func(t *rapid.T) {
			name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z]{0,200}`), rapid.Just("管理者 \x1b[31m マネージャ"))
			p := escalation.Default()
			rungs := p.Ladders["default"]
			for i := range rungs {
				rungs[i].Who = []incident.Person{incident.Person(name.Draw(t, "who"))}
				rungs[i].Notify = append(rungs[i].Notify, "webhook:"+name.Draw(t, "sink"))
			}
			x := explanation{
				policy: p, horizon: rapid.SampledFrom([]time.Duration{0, time.Hour, 100 * time.Hour}).Draw(t, "horizon"),
				script: escalation.Script{At: time.Date(2026, 12, 24, 23, 0, 0, 0, time.UTC), Service: name.Draw(t, "service"), Drill: rapid.Bool().Draw(t, "drill")},
			}
			for _, sev := range incident.Severities() {
				pic := picture{explanation: x, sev: sev, phones: phonebook{rungs[0].Who[0]: name.Draw(t, "phone")}, brief: rapid.Bool().Draw(t, "brief")}
				for line := range strings.Lines(pic.draw()) {
					line = strings.TrimSuffix(line, "\n")
					require.LessOrEqual(t, safe.New(line, maxLine).Width(), pictureWidth, line)
					require.Equal(t, safe.New(line, maxLine).String(), line)
					if term == "dumb" {
						require.NotContains(t, line, "┌")
					}
				}
			}
		})
	}
}

// A moment is what people type, in UTC if they do not say otherwise.
func TestMomentOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 3, 0, 0, 5, time.UTC)
	for text, want := range map[string]string{
		"": "2026-11-24T03:00:00Z", "2026-12-24T03:00Z": "2026-12-24T03:00:00Z", "2026-12-24T03:00:07Z": "2026-12-24T03:00:07Z",
		"2026-12-24T03:00+01:00": "2026-12-24T02:00:00Z", "2026-12-24T03:00": "2026-12-24T03:00:00Z", "2026-12-24 03:00": "2026-12-24T03:00:00Z", "2026-12-24": "2026-12-24T00:00:00Z",
	} {
		at, err := momentOf(text, now)
		require.NoError(t, err, text)
		require.Equal(t, want, at.Format(time.RFC3339Nano), text)
	}
	_, err := momentOf("3 o'clock", now)
	require.EqualError(t, err, `"3 o'clock" is not a moment; write for example 2026-12-24T03:00Z`)
}
