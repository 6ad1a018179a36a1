package postmortem

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

// pageStory makes the events of pages out of lines "SECOND KIND ID ERROR".
func pageStory(lines string) (events []incident.Event) {
	for line := range strings.Lines(lines) {
		var sec int
		words := strings.SplitN(strings.TrimSpace(line), " ", 4)
		if len(words) < 3 {
			continue
		}
		_ = json.Unmarshal([]byte(words[0]), &sec)
		data := map[string]any{"message": words[2], "sink": "pagerduty:primary", "operation": "trigger", "level": "L1", "round": 1}
		if strings.HasPrefix(words[2], "u") {
			data["sink"], data["operation"], data["level"] = "slack:#a|b", "announce", ""
		}
		if strings.HasPrefix(words[2], "chat") {
			data["sink"], data["operation"] = "slack:#incidents", "post"
		}
		if len(words) > 3 {
			data["error"] = words[3]
		}
		events = append(events, incident.Event{
			ID: line, Kind: incident.Kind("page." + words[1]), At: time.Date(2026, 3, 1, 3, 0, sec, 0, time.UTC), Data: incident.Payload(data),
		})
	}
	return events
}

// What became of a page is the last thing that says so, whatever happened beside
// it; the numbers count the same.
func TestDeliveryTable(t *testing.T) {
	f := &facts{pages: pagesOf(pageStory(`
		0 queued sure
		1 attempted sure
		2 accepted sure
		42 acknowledged sure
		0 queued found
		1 attempted found
		11 ambiguous found no answer in time
		13 attempted found
		14 reconciled found
		0 queued diverted
		1 attempted diverted
		2 failed diverted 401: check pagerduty.routing_keys.primary
		2 diverted diverted passed on to slack:#incidents
		2 queued chat
		3 accepted chat
		0 queued doubt
		1 attempted doubt
		11 ambiguous doubt no answer in time
		12 diverted doubt passed on to slack:#incidents
		20 attempted doubt
		0 queued late
		9 superseded late ana has acknowledged
		0 queued fresh
		5 queued update
		6 attempted update
		6 accepted update
	`))}
	require.Equal(t, strings.Join([]string{
		"| queued | what | to | tries | attempted | in doubt | accepted | acknowledged | outcome |",
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
		"| 03:00:00 | page L1 | `pagerduty:primary` | 1 | 1s | - | 2s | 40s | accepted |",
		"| 03:00:00 | page L1 | `pagerduty:primary` | 2 | 1s | 11s | 14s | - | reconciled |",
		"| 03:00:00 | page L1 | `pagerduty:primary` | 1 | 1s | - | - | - | failed: 401: check pagerduty.routing_keys.primary, taken by another channel |",
		"| 03:00:00 | page L1 | `pagerduty:primary` | 2 | 1s | 11s | - | - | ambiguous: no answer in time, no other channel took it |",
		"| 03:00:00 | page L1 | `pagerduty:primary` | 0 | - | - | - | - | superseded: ana has acknowledged |",
		"| 03:00:00 | page L1 | `pagerduty:primary` | 0 | - | - | - | - | queued |",
		"| 03:00:05 | update | `slack:#a\\|b` | 1 | 1s | - | 1s | - | accepted |",
	}, "\n"), strings.SplitN(f.delivery(), "\n\n", 2)[0])
	require.Equal(t, PageCount{Queued: 6, Accepted: 2, Acknowledged: 1, Ambiguous: 1, Diverted: 1, NobodyTold: 1, Failed: 1, Superseded: 1}, countPages(f.pages))
	worst, which := slowest(f.pages)
	require.Equal(t, 14*time.Second, worst)
	require.Equal(t, "found", which.id)

	require.Equal(t, "Nobody was paged, and no update went to an audience.", (&facts{}).delivery())
	var many strings.Builder
	for i := range 130 {
		many.WriteString("1 queued p" + time.Duration(i).String() + "\n")
	}
	require.Contains(t, (&facts{pages: pagesOf(pageStory(many.String()))}).delivery(), "30 more are among the events.")
}
