package slo

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func imported(t *testing.T, src string) ([]Imported, []ImportNote) {
	t.Helper()
	list, notes, err := Import("theirs.yaml", []byte(src))
	require.NoError(t, err)
	return list, notes
}

// read is the objective of what was imported, as the file will be read.
func read(t *testing.T, one Imported) Objective {
	t.Helper()
	require.Empty(t, one.Refused)
	o, err := Load(one.Name+".yaml", []byte(one.YAML))
	require.NoError(t, err, one.YAML)
	return o
}

func noted(one Imported) string {
	var b strings.Builder
	for _, n := range one.Notes {
		fmt.Fprintf(&b, "%d:%d %s %s\n", n.Line, n.Column, n.Key, n.Text)
	}
	return b.String()
}

func TestImportSloth(t *testing.T) {
	t.Parallel()
	list, _ := imported(t, `version: prometheus/v1
service: shop
labels: {owner: team, "bad.name": x}
slos:
  - name: availability
    objective: 99.9
    sli:
      events:
        error_query: sum(rate(x_total{code=~"5.."}[{{.window}}])) - sum(rate(y_total[{{ .window }}])) / 2
        total_query: sum(rate(x_total[{{.window}}])) or vector(0)
    alerting:
      name: Odd
      page_alert: {disable: true}
  - name: wifi
    objective: 95
    sli: {raw: {error_ratio_query: '1 - sum(sum_over_time(s[{{.window}}])) / sum(count_over_time(s[{{.window}}]))'}}
    alerting: {page_alert: {disable: true}, ticket_alert: {disable: true}}
  - name: plugged
    objective: 99
    sli: {plugin: {id: sloth-common/x, options: {job: a}}}
`)
	require.Len(t, list, 3)
	o := read(t, list[0])
	require.Equal(t, "sum(increase(x_total{code=~\"5..\"}[$window])) - sum(increase(y_total[$window])) / 2", o.SLI.Events.Bad, "events a second are counted")
	require.Equal(t, "sum(increase(x_total[$window])) or vector(0)", o.SLI.Events.Total)
	require.Equal(t, map[string]string{"owner": "team"}, o.Labels)
	require.Equal(t, "shop", o.Service)
	for _, r := range o.Rules {
		require.Equal(t, Ticket, r.Do, "it pages nobody there")
	}
	require.Contains(t, noted(list[0]), `3:23 labels.bad.name the label "bad.name" is not carried over`)
	require.Contains(t, noted(list[0]), "12:7 slos[].alerting.name not carried over")
	require.Empty(t, read(t, list[1]).Rules, "no alert there, none here")
	require.Contains(t, noted(list[1]), "every minute weighs the same")
	require.Contains(t, list[2].Refused, "20:11: the SLI is made by the plugin sloth-common/x")
}

func TestImportPyrra(t *testing.T) {
	t.Parallel()
	list, notes := imported(t, `apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: errors, namespace: shop, labels: {pyrra.dev/team: a, role: rules}}
spec:
  target: "99.5"
  window: 4w
  indicator: {ratio: {errors: {metric: 'x_total{code="500"}'}, total: {metric: x_total}, grouping: [handler]}}
  alerting: {disabled: true}
---
apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: errors}
spec: {target: "99", window: 2w, indicator: {latencyNative: {latency: 200ms, total: {metric: h_seconds}}}}
---
apiVersion: apps/v1
kind: Deployment
`)
	require.Len(t, list, 2)
	o := read(t, list[0])
	require.Equal(t, map[string]string{"namespace": "shop", "team": "a"}, o.Labels)
	require.Equal(t, 28*day, o.Window.Length)
	require.Empty(t, o.Rules)
	require.Contains(t, noted(list[0]), "an objective for each handler")
	require.Contains(t, noted(list[0]), "metadata.labels.role not carried over")
	require.Equal(t, "errors-2", list[1].Name, "names are unique")
	require.Contains(t, noted(list[1]), "this one is errors-2 now")
	require.True(t, read(t, list[1]).SLI.Latency.Native)
	require.Len(t, notes, 1)
	require.Contains(t, notes[0].Text, "a document of apps/v1 Deployment is not carried over")
	require.Equal(t, 15, notes[0].Line)
}

func TestImportOpenSLO(t *testing.T) {
	t.Parallel()
	list, _ := imported(t, `apiVersion: openslo/v1
kind: SLI
metadata: {name: good-ones}
spec:
  ratioMetric:
    counter: true
    good: {metricSource: {type: Prometheus, metricSourceRef: main, spec: {query: 'sum(x_total{code!~"5.."})'}}}
    total: {metricSource: {type: Prometheus, spec: {query: 'sum(rate(x_total[5m]))'}}}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: shop, displayName: The shop}
spec:
  service: checkout
  indicatorRef: good-ones
  timeWindow: [{duration: 1M, isRolling: false, calendar: {startTime: "2022-01-01 12:00:00", timeZone: Europe/Zurich}}]
  budgetingMethod: Occurrences
  objectives: [{displayName: internal, target: 0.999}, {displayName: contract, targetPercent: 99}]
  alertPolicies: [fast]
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: slices}
spec:
  indicator:
    spec:
      ratioMetric:
        bad: {metricSource: {type: prometheus, spec: {query: 'bad_total'}}}
        total: {metricSource: {type: prometheus, spec: {query: 'all_total'}}}
  timeWindow: [{duration: 1Q, isRolling: true}]
  budgetingMethod: Timeslices
  objectives: [{target: 0.995, timeSliceTarget: 0.9, timeSliceWindow: 5m}]
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: limit}
spec:
  indicator: {spec: {thresholdMetric: {metricSource: {type: Prometheus, spec: {query: 'max(queue_length)'}}}}}
  timeWindow: [{duration: 1w, isRolling: true}]
  objectives: [{op: lte, value: 100, target: 0.99}]
`)
	require.Len(t, list, 4)
	o := read(t, list[0])
	require.Equal(t, "shop-internal", o.Name)
	require.Equal(t, `x_total{code!~"5.."}`, o.SLI.Events.Good)
	require.Equal(t, "sum(increase(x_total[$window]))", o.SLI.Events.Total)
	require.Equal(t, Month, o.Window.Calendar)
	require.Equal(t, "Europe/Zurich", o.Window.Zone)
	require.InDelta(t, 0.999, o.Target, 1e-12)
	for _, want := range []string{"its range of 5m is replaced", "alertPolicies not carried over", "startTime not carried over", "metricSourceRef not carried over"} {
		require.Contains(t, noted(list[0]), want)
	}
	require.InDelta(t, 0.99, read(t, list[1]).Target, 1e-12)
	sliced := read(t, list[2])
	require.Equal(t, "((sum(increase(bad_total[$window]))) / (sum(increase(all_total[$window])))) > bool 0.1", sliced.SLI.ErrorRatio.PromQL)
	require.True(t, sliced.SLI.Timesliced())
	require.Equal(t, 90*day, sliced.Window.Length)
	require.Contains(t, noted(list[2]), "slices are of a minute here, not of 5m")
	require.Equal(t, "(max(queue_length)) <= bool 100", read(t, list[3]).SLI.Probe.PromQL)
	require.Contains(t, noted(list[3]), "minutes are counted, not occurrences")
}

func TestImportConfigs(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("../../templates/examples/slo_configs.yaml")
	require.NoError(t, err)
	list, _ := imported(t, string(src))
	require.Len(t, list, 5)
	for _, one := range list {
		read(t, one)
	}
	o := read(t, list[1])
	require.InDelta(t, 0.95, o.Target, 1e-12)
	require.InDelta(t, 0.5, o.SLI.Latency.Below.Float(), 1e-12)
	require.Contains(t, noted(list[0]), "measurement_window not carried over")
}

// A file that only looks like one says where, and ends nothing.
func TestImportBadFiles(t *testing.T) {
	t.Parallel()
	for _, src := range []string{"", "# nothing\n", "a: [\n"} {
		_, _, err := Import("x.yaml", []byte(src))
		require.Error(t, err, "%q", src)
	}
	for src, want := range map[string]string{
		"apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: a}\nspec: {indicatorRef: gone, objectives: [{target: 0.9}]}\n": `4:8: the SLI "gone" is not in this file`,
		"version: prometheus/v1\nslos: [{name: a, objective: 100, sli: {events: {error_query: a, total_query: b}}}]\n":      "leaves no budget",
		"version: prometheus/v1\nslos: [{name: a, sli: {events: {error_query: a, total_query: b}}}]\n":                      "there is no target",
		"slo_configs: {a: {sli_type: wonder}}\n": `the sli_type "wonder" is not known`,
	} {
		list, _ := imported(t, src)
		require.Len(t, list, 1, src)
		require.Contains(t, list[0].Refused, want)
		require.Empty(t, list[0].YAML)
	}
}

// Whatever keys a file has: each is in the objective or in a note.
func TestNothingIsLeftOutInSilence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		extra := func(place string) string {
			key := rapid.StringMatching(`zz[a-z]{3,8}`).Draw(t, place)
			return key + ": {deep: [1, {er: 2}]}"
		}
		keys := map[string]string{}
		for _, place := range []string{"top", "slo", "sli", "events", "alerting"} {
			if rapid.Bool().Draw(t, place+" has one") {
				keys[place] = extra(place)
			}
		}
		with := func(place string) string {
			if keys[place] == "" {
				return ""
			}
			return ", " + keys[place]
		}
		src := fmt.Sprintf("{version: prometheus/v1%s, slos: [{name: a, objective: 99, sli: {events: {error_query: a_total, total_query: b_total%s}%s}, alerting: {name: x%s}%s}]}",
			with("top"), with("events"), with("sli"), with("alerting"), with("slo"))
		list, notes, err := Import("x.yaml", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		said := fmt.Sprint(notes)
		for _, one := range list {
			said += noted(one)
		}
		for place, key := range keys {
			if name, _, _ := strings.Cut(key, ":"); !strings.Contains(said, name) {
				t.Fatalf("%s of %s is left out in silence:\n%s\n%s", name, place, src, said)
			}
		}
	})
}

func FuzzImport(f *testing.F) {
	f.Add([]byte("version: prometheus/v1\nslos: [{name: a, objective: 99, sli: {events: {error_query: a, total_query: b}}}]"))
	f.Add([]byte("apiVersion: openslo/v1\nkind: SLO\nspec: {objectives: [{target: .9}]}"))
	f.Add([]byte("slo_configs: {a: {sli_type: latency, thresholds: {p95: 1s}}}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		list, _, err := Import("x.yaml", src)
		if err != nil {
			return
		}
		for _, one := range list {
			if (one.YAML == "") == (one.Refused == "") {
				t.Fatalf("%+v", one)
			}
		}
	})
}
