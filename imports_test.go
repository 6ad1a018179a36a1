// Package sitrep holds the test of the house rules: who may import whom.
package sitrep

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/sitrep-dev/sitrep/"

// free are the two tools that every room may use.
var free = []string{"strictyaml", "plot"}

// allowed says, for every package of ours, which others its non-test files may
// import besides the free ones. A package without a line fails the test too:
// a new room is a decision. See ARCHITECTURE.md.
var allowed = map[string][]string{
	"strictyaml": {},
	"plot":       {},

	"incident":  {},
	"query":     {},
	"chaos":     {},
	"loadtest":  {},
	"templates": {"incident"},

	"escalation":                   {"incident", "templates"},
	"escalation/pagerduty":         {"escalation", "incident"},
	"escalation/slack":             {"escalation", "incident"},
	"escalation/webhook":           {"escalation", "incident"},
	"escalation/command":           {"escalation", "incident"},
	"escalation/statuspage":        {"escalation", "incident"},
	"chaos/chaostest":              {},
	"escalation/sinktest":          {"escalation", "incident"},
	"incident/postmortem":          {"incident", "templates"},
	"incident/runbook":             {"incident"},
	"incident/stats":               {"incident"},
	"incident/tracker":             {},
	"incident/tracker/trackertest": {},
	"query/alert":                  {"query"},
	"query/embedded":               {"query"},
	"query/grafana":                {"query"},
	"query/slo":                    {"query"},
	"query/capacity":               {"query"},
	"chaos/fault":                  {"chaos"},
	"chaos/gameday":                {"chaos", "loadtest"},
	"loadtest/compare":             {"loadtest"},
	"loadtest/knee":                {"loadtest"},
	"loadtest/imports":             {"loadtest"},
	"loadtest/external":            {"loadtest"},
	"chaos/imports":                {"chaos"},
	"health":                       {},
	"readiness":                    {},

	"store":           {"incident", "incident/postmortem", "escalation", "chaos", "loadtest", "loadtest/knee", "query/slo"},
	"store/storetest": {"incident", "incident/postmortem", "escalation", "chaos", "loadtest"},

	"tui/safe":   {},
	"tui/theme":  {},
	"tui/keys":   {},
	"tui/frame":  {"tui/safe", "tui/theme", "tui/keys"},
	"tui/chart":  {"tui/safe", "tui/theme", "tui/keys", "tui/frame"},
	"tui/pane":   slices.Concat(screen, rooms),
	"tui/dialog": slices.Concat(screen, rooms),
	"tui":        slices.Concat(screen, rooms, []string{"tui/pane", "tui/dialog"}),

	"cmd/sitrep/lab": slices.Concat(rooms, []string{"store", "query/embedded", "chaos/fault", "templates"}),
	"cmd/sitrep": slices.Concat(screen, rooms, []string{
		"tui", "tui/pane", "tui/dialog", "store", "templates", "query/embedded", "query/grafana", "chaos/fault", "chaos/imports", "loadtest/imports", "loadtest/external",
		"escalation/pagerduty", "escalation/slack", "escalation/webhook", "escalation/command", "escalation/statuspage", "cmd/sitrep/lab",
	}),
}

var (
	screen = []string{"tui/safe", "tui/theme", "tui/keys", "tui/frame", "tui/chart"}
	rooms  = []string{"incident", "incident/postmortem", "incident/runbook", "incident/stats", "incident/tracker", "escalation", "query", "query/alert", "query/slo", "query/capacity", "chaos", "chaos/gameday", "loadtest", "loadtest/compare", "loadtest/knee", "health", "readiness"}
)

func TestWhoImportsWhom(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	require.NoError(t, err, "go list")
	seen := map[string]bool{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		room, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours {
			continue // this package
		}
		seen[room] = true
		doors, known := allowed[room]
		require.True(t, known, "%s has no line in the table of imports_test.go: decide which doors it may open", room)
		for _, path := range p.Imports {
			if door, ours := strings.CutPrefix(path, module); ours && !slices.Contains(doors, door) && !slices.Contains(free, door) {
				t.Errorf("%s may not import %s", room, door)
			}
		}
	}
	for room := range allowed {
		require.True(t, seen[room], "the table has a line for %s, which does not exist", room)
	}
}

// The embedded metrics engine stays small by never importing the parts of
// Prometheus that pull in every cloud's client.
func TestPrometheusStaysSmall(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./...").Output()
	require.NoError(t, err, "go list")
	heavy := []string{"tsdb", "scrape", "config", "web", "rules", "notifier"}
	for path := range strings.FieldsSeq(string(out)) {
		if sub, ok := strings.CutPrefix(path, "github.com/prometheus/prometheus/"); ok {
			require.NotContains(t, heavy, sub, "%s is in the binary", path)
		}
	}
}
