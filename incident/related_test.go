package incident_test

import (
	"maps"
	"slices"
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
	for _, r := range inc.Related(all, map[incident.ID][]string{"INC-2": {"pool", "exhausted"}, "INC-9": {"itself"}}) {
		got = append(got, append([]string{string(r.Incident.ID)}, r.Why...))
	}
	require.Equal(t, [][]string{
		{"INC-8", "split from this one"},
		{"INC-7", "merged into this one"},
		{"INC-4", "same alert HighErrorRate with the same labels"},
		{"INC-3", "same alert HighErrorRate"},
		{"INC-2", "same words pool, exhausted"},
		{"INC-5", "same service checkout", "label region=eu"},
	}, got)
	require.Empty(t, one("INC-1", 1, "", nil).Related(all, nil), "nothing in common with what says nothing")
	require.Equal(t, "this one was merged into it", duplicate.Related(all, nil)[0].Why[0])
}

// What can teach something comes first: what is over, before what is open now,
// and drills last.
func TestWhatIsOverIsRelatedFirst(t *testing.T) {
	one := func(id incident.ID, status incident.Status, drill bool) incident.Incident {
		return incident.Incident{ID: id, Service: "checkout", Status: status, Drill: drill, Clocks: incident.Clocks{Declared: three}}
	}
	inc := one("INC-9", incident.StatusOpen, false)
	all := []incident.Incident{
		one("INC-1", incident.StatusResolved, true), one("INC-2", incident.StatusOpen, false), one("INC-3", incident.StatusResolved, false), inc,
	}
	var got []incident.ID
	for _, r := range inc.Related(all, map[incident.ID][]string{"INC-1": {"pool", "exhausted"}, "INC-2": {"pool"}}) {
		got = append(got, r.Incident.ID)
	}
	require.Equal(t, []incident.ID{"INC-3", "INC-2", "INC-1"}, got)
}

func TestWordsAreThoseThatSaySomething(t *testing.T) {
	words := func(title string) []string { return incident.Incident{Title: title}.Words() }
	require.Equal(t, []string{"payments", "pool", "exhausted", "5xx", "p99"}, words("The payments pool is exhausted: 5xx & p99 of payments > 5 s"))
	require.Equal(t, []string{"größe", "перегруз"}, words("Größe ПЕРЕГРУЗ"))
	require.Len(t, words("b1 b2 b3 b4 b5 b6 b7 b8 b9 b10 b11 b12 b13 b14"), 12)
	require.Empty(t, words("\x00 \xff - 5 %"))
}

func TestAlikeWeighsWhatIsRare(t *testing.T) {
	spoken := map[string][]incident.ID{
		"payments": {"INC-1", "INC-2", "INC-3", "INC-4", "INC-5"}, "slow": {"INC-1", "INC-2", "INC-3", "INC-6"},
		"pool": {"INC-1", "INC-7"}, "exhausted": {"INC-1", "INC-8"},
	}
	got := incident.Alike([]string{"payments", "slow", "pool", "exhausted"}, spoken, 100)
	require.Equal(t, map[incident.ID][]string{
		"INC-1": {"pool", "exhausted", "slow", "payments"},
		"INC-2": {"slow", "payments"}, "INC-3": {"slow", "payments"},
	}, got)
	require.Equal(t, []incident.ID{"INC-1"}, slices.Collect(maps.Keys(incident.Alike([]string{"payments", "slow", "pool", "exhausted", "nowhere"}, spoken, 100))), "what nobody ever said weighs most")
	require.Empty(t, incident.Alike([]string{"pool"}, spoken, 100), "one word is chance")
	require.Empty(t, incident.Alike(nil, nil, 0))
}
