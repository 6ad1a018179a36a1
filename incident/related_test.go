package incident_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

func TestRelatedSaysWhy(t *testing.T) {
	one := func(id incident.ID, hour int, service string, labels map[string]string) incident.Incident {
		return incident.Incident{ID: id, Service: service, Labels: labels, Clocks: incident.Clocks{Declared: three.Add(time.Duration(hour) * time.Hour)}}
	}
	alert := map[string]string{"alertname": "HighErrorRate", "service": "checkout", "severity": "critical", "region": "eu"}
	inc := one("INC-9", 9, "checkout", alert)
	byName := one("INC-3", 3, "search", map[string]string{"severity": "critical"})
	byName.Clocks.DetectedBy = "HighErrorRate"
	duplicate := one("INC-7", 7, "", nil)
	duplicate.MergedInto = "INC-9"
	part := one("INC-8", 8, "", nil)
	part.SplitFrom = "INC-9"
	all := []incident.Incident{
		inc, part, duplicate, one("INC-6", 6, "search", map[string]string{"severity": "critical", "service": "search"}), one("INC-5", 5, "checkout", map[string]string{"region": "eu", "team": "a"}),
		one("INC-4", 4, "checkout", alert), byName, one("INC-2", 2, "", map[string]string{"region": ""}), one("INC-1", 1, "", nil),
	}
	var got [][]string
	for _, r := range inc.Related(all) {
		got = append(got, append([]string{string(r.Incident.ID)}, r.Why...))
	}
	require.Equal(t, [][]string{
		{"INC-8", "split from this one"},
		{"INC-7", "merged into this one"},
		{"INC-5", "same service checkout", "label region=eu"},
		{"INC-4", "same alert HighErrorRate with the same labels"},
		{"INC-3", "same alert HighErrorRate"},
	}, got)
	require.Empty(t, one("INC-1", 1, "", nil).Related(all), "nothing in common with what says nothing")
	require.Equal(t, "this one was merged into it", duplicate.Related(all)[0].Why[0])
}
