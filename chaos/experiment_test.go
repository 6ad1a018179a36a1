package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// fake is a fault that does what a test tells it.
type fake struct {
	kind string
	plan func(id string, step Step, target Target) (Injection, error)
}

func (f fake) Kind() string { return f.kind }

func (f fake) Check(with With) error {
	if f.kind != "http.latency" {
		return with.Only()
	}
	if err := with.Only("latency", "jitter"); err != nil {
		return err
	}
	_, err := with.Duration("latency", -1, time.Minute)
	return err
}

func (f fake) Plan(_ context.Context, id string, step Step, target Target) (Injection, error) {
	return f.plan(id, step, target)
}

func fakes() []Fault { return []Fault{fake{kind: "http.latency"}, fake{kind: "process.pause"}} }

const whole = `name: payments-latency
hypothesis: people can pay
steady_state:
  - {name: errors, promql: 'errors', expect: "< 0.01"}
guards:
  - {promql: same, abort_when: "> 0.05"}
targets:
  select: {service: payments}
method:
  - fault: http.latency
    with: {latency: 300ms}
    duration: 30s
`

func TestLoad(t *testing.T) {
	e, err := Load("e.yaml", []byte(whole), fakes())
	require.NoError(t, err)
	require.Equal(t, Experiment{
		Name: "payments-latency", Hypothesis: "people can pay",
		SteadyState: []Probe{{Name: "errors", PromQL: "errors", Expect: Condition{Op: "<", Value: 0.01}}},
		Guards: []Guard{{
			Name: "errors", PromQL: "errors", AbortWhen: Condition{Op: ">", Value: 0.05}, // same is the first probe's
			Interval: strictyaml.Duration(time.Second), For: 1, NoData: NoDataAbort,
		}},
		Targets:  Selection{Select: map[string]string{"service": "payments"}, Max: 1, Percent: 100},
		Method:   []Step{{Fault: "http.latency", With: With{"latency": "300ms"}, Duration: strictyaml.Duration(30 * time.Second)}},
		Recovery: strictyaml.Duration(30 * time.Second),
	}, e)
	require.Equal(t, 30*time.Second, e.Length())

	e, err = Load("e.yaml", []byte(strings.NewReplacer("name: errors, ", "", `"> 0.05"`, `"> 0.05", no_data: hold, reason: it is scraped late, for: 3, interval: 2s, name: pain`).Replace(whole)+"recovery: 5m\npin: F9\n"), fakes())
	require.NoError(t, err)
	require.Equal(t, "steady state 1", e.SteadyState[0].Name)
	require.Equal(t, Guard{Name: "pain", PromQL: "errors", AbortWhen: Condition{Op: ">", Value: 0.05}, Interval: strictyaml.Duration(2 * time.Second), For: 3, NoData: NoDataHold, Reason: "it is scraped late"}, e.Guards[0])
	require.Equal(t, 5*time.Minute, e.Recovery.D())
	require.Equal(t, "F9", e.Pin)
}

// TestLoadComplains lists what a person gets wrong, and what they are told: where,
// what, and what to write instead.
func TestLoadComplains(t *testing.T) {
	for _, c := range []struct{ old, with, want string }{
		{"name: payments-latency", "name: Payments latency", "1:7: an experiment needs a name of small letters"},
		{"name: payments-latency\n", "", "an experiment needs a name"},
		{"hypothesis:", "hypotesis:", `2:1: unknown key "hypotesis"; did you mean "hypothesis"?`},
		{"name: payments-latency", "name: a\npin: F1", `2:6: "F1" cannot be pinned; the keys are F5 to F9`},
		{"name: payments-latency", "name: a\nrecovery: 11m", "2:11: 11m is more than the cap of 10m"},
		{"name: payments-latency", "name: a\nrecovery: 0s", "2:11: 0 leaves health no time to return"},
		{"name: payments-latency", "name: a\nrecovery: soon", `2:11: "soon" is not a duration`},
		{`{name: errors, promql: 'errors', expect: "< 0.01"}`, "", "4:4: steady state 1: no promql"},
		{"promql: 'errors', ", "", "errors: no promql"},
		{`, expect: "< 0.01"`, "", `4:6: errors: no expect; write for example expect: "< 0.01"`},
		{"< 0.01", "around 1", `4:46: "around 1" is not a condition`},
		{`{promql: same, abort_when: "> 0.05"}`, "{promql: same}", "6:6: errors: no abort_when"},
		{`{promql: same, abort_when: "> 0.05"}`, `{abort_when: "> 0.05"}`, "6:6: guard 1: no promql"},
		{`"> 0.05"`, `"> 0.05", interval: 100ms`, "errors: an interval of 100ms; want 250ms to 1m"},
		{`"> 0.05"`, `"> 0.05", interval: 2m`, "errors: an interval of 2m; want 250ms to 1m"},
		{`"> 0.05"`, `"> 0.05", for: 61`, "errors: for counts evaluations in a row, 1 to 60; this is 61"},
		{`"> 0.05"`, `"> 0.05", for: -1`, "errors: for counts evaluations in a row, 1 to 60; this is -1"},
		{`"> 0.05"`, `"> 0.05", no_data: panic`, `"panic" is not one of abort, hold, ignore`},
		{"guards:\n  - {promql: same, abort_when: \"> 0.05\"}\n", "", "want 1 to 20 guards that end the experiment"},
		{"  select: {service: payments}", "  max: 1", "8:3: no targets.select"},
		{"{service: payments}", "{service: payments}\n  max: 0", "9:8: want 1 to 5 targets; this is 0"},
		{"{service: payments}", "{service: payments}\n  max: 6", "9:8: want 1 to 5 targets; this is 6"},
		{"{service: payments}", "{service: payments}\n  percent: 101", "9:12: want a share above 0 and up to 100; this is 101"},
		{"{service: payments}", "{service: payments}\n  percent: .nan", "9:12: want a share above 0 and up to 100; this is NaN"},
		{"fault: http.latency", "fault: http.latancy", `10:12: unknown fault "http.latancy"; did you mean "http.latency"?`},
		{"fault: http.latency", "fault: process.puse", `10:12: unknown fault "process.puse"; did you mean "process.pause"?`},
		{"fault: http.latency", "fault: earthquake", `10:12: unknown fault "earthquake"; known are http.latency, process.pause`},
		{"fault: http.latency", "fault: ''", "no fault; known are http.latency, process.pause"},
		{"    duration: 30s\n", "", "10:5: http.latency has no duration; every fault has an end"},
		{"duration: 30s", "duration: 50ms", "12:15: 50ms is too short to observe anything"},
		{"duration: 30s", "duration: 11m", "12:15: 11m is more than the cap of 10m"},
		{"duration: 30s\n", "duration: 6m\n  - {fault: process.pause, duration: 5m}\n", "the steps last 11m in all; the cap is 10m"},
		{"{latency: 300ms}", "{latencey: 300ms}", `11:22: http.latency: unknown parameter "latencey"; did you mean "latency"?`},
		{"{latency: 300ms}", "{}", "http.latency: missing; write for example latency: 300ms"},
		{"{latency: 300ms}", "{latency: 2m}", "11:21: http.latency: 2m is more than the cap of 1m"},
		{"{latency: 300ms}", "{latency: [1, 2]}", "want a plain value here, such as 300ms, 0.5 or 503"},
		{"{latency: 300ms}", "{latency: {of: 1}}", "want a plain value here, such as 300ms, 0.5 or 503"},
		{"{latency: 300ms}", "{latency: [[1]]}", "want a plain value here, such as 300ms, 0.5 or 503"},
		{"{latency: 300ms}", "{latency: []}", "an empty list says nothing; leave it out"},
		{"{latency: 300ms}", `{latency: "1\0"}`, "a zero byte is no text"},
		{"{latency: 300ms}", `{"a b[0].c": 1}`, `http.latency: a b[0].c: unknown parameter "a b[0].c"`},
		{"name: payments-latency", "name: a\non_disconnect: carry on", `2:16: "carry on" is not one of abort, continue`},
		{"name: payments-latency", "name: a\nlabels: {Env: prod}", `2:10: "Env": a label's name is small letters`},
		{"name: payments-latency", "name: a\nowner: \"a\\nb\"", `2:8: "a\nb" is not a name on one line`},
		{"name: payments-latency", "name: a\nwindow: {days: [monday]}", `2:17: "monday" is no day; the days are mon, tue`},
		{"name: payments-latency", "name: a\nwindow: {hours: 9-16}", `2:17: "9-16" are no hours; write them as 09:30-16:00`},
		{"name: payments-latency", "name: a\nwindow: {tz: Mars}", `2:14: "Mars" is no time zone`},
		{"name: payments-latency", "name: a\nwindow: {hour: 9-16}", `2:10: unknown key "hour"; did you mean "hours"?`},
		{"name: payments-latency", "name: a\nbaseline: {for: 6m}", "2:17: 6m is more than the cap of 5m"},
		{"name: payments-latency", "name: a\nbaseline: {for: 3s, min_samples: 4}", "2:34: 4 samples, one a second, do not fit into 3s"},
		{"name: payments-latency", "name: a\nbaseline: {min_samples: -1}", "2:25: -1 is no number of samples"},
		{"promql: 'errors', expect", "load: {figure: p42}, expect", `errors: "p42" is not one of p50, p90, p95, p99, p99.9, max, mean, errors, achieved, rate`},
		{"promql: 'errors', expect", "load: {figure: p95, over: 1500ms}, expect", "errors: over the last 1.5s; want whole seconds, 1s to 1m"},
		{"promql: 'errors', expect", "load: {figure: p95, over: 2m}, expect", "errors: over the last 2m; want whole seconds, 1s to 1m"},
		{"promql: 'errors', expect", "load: {figures: p95}, expect", `unknown key "figures"; did you mean "figure"?`},
		{"promql: 'errors', expect: \"< 0.01\"", "load: {figure: p95}", "errors: no expect"},
		{"promql: 'errors', expect", "promql: errors, tcp: {address: 'a:1'}, expect", "errors: one probe looks at one thing"},
		{"promql: 'errors', expect", "tcp: {address: nowhere}, expect", `4:26: errors: "nowhere" is no address; write host:port`},
		{"promql: 'errors', expect", "tcp: {addres: 'a:1'}, expect", `4:26: unknown key "addres"; did you mean "address"?`},
		{"promql: 'errors', expect", "http: {url: 'ftp://x'}, expect", "4:27: errors: url is no http:// or https:// address"},
		{"promql: 'errors', expect", "http: {url: 'http://bob:hunter2@x/'}, expect", "errors: url holds a user or a password"},
		{"promql: 'errors', expect", "http: {url: 'http://x/', status: [20]}, expect", "errors: 20 is no status of HTTP"},
		{"promql: 'errors', expect", "http: {url: 'http://x/', timeout: 11s}, expect", "errors: a timeout of 11s; want 10ms to 10s"},
		{"promql: 'errors', expect", "exec: {argv: [smoke]}, expect", "errors: argv begins with the absolute path of a program"},
		{"promql: 'errors', expect", "exec: {argv: []}, expect", "errors: argv begins with the absolute path of a program"},
		{`expect: "< 0.01"}`, `expect: "< 0.01", phases: [sometimes]}`, `4:65: "sometimes" is not one of before, during, after`},
		{`expect: "< 0.01"}`, `expect: "< 0.01", phases: [during]}`, "4:6: no probe looks before"},
		{`expect: "< 0.01"}`, `expect: "< 2x baseline", phases: [during]}`, "errors: what is compared with the baseline must be looked at before"},
		{`expect: "< 0.01"}`, `expect: "< 0.01", weight: 0}`, "4:64: errors: a weight is a number above 0 and up to 100"},
		{`expect: "< 0.01"}`, `expect: "< 0.01", stale_after: 100ms}`, "errors: no server scrapes so often"},
		{`"> 0.05"`, `"> 2x baseline"`, "errors: a guard compares with a number"},
		{`"> 0.05"`, `"> 0.05", no_data: ignore`, "errors: no_data: ignore lets a blind guard pass; say why in reason:"},
		{`"> 0.05"`, `"> 0.05", stale_after: 1ms`, "errors: no server scrapes so often"},
		{`"> 0.05"`, "\"> 0.05\"}\n  - {promql: x, incident: SEV-2", "7:14: incident: promql is for guards that are queries"},
		{`{promql: same, abort_when: "> 0.05"}`, "{incident: SEV-2}", "at least one of them with promql"},
		{"guards:", "guards:\n  - incident: SEV-9", `6:15: "SEV-9" is no severity`},
		{"guards:", "guards:\n  - incident: SEV-1", "6:15: SEV-1 is less strict than what is always on"},
		{"guards:", "guards:\n  - operator: {every: 1ms}", "operator: every 1ms; want 500ms to 1m"},
		{"guards:", "guards:\n  - operator: {misses: 21}", "operator: 21 misses; want 1 to 20"},
		{"guards:", "on_disconnect: continue\nguards:\n  - operator: {misses: 2}", "operator: with on_disconnect: continue nobody needs to be there"},
		{"guards:", "guards:\n  - {incident: SEV-2, operator: {misses: 2}}", "incident and operator are two guards"},
		{"{service: payments}", "{service: payments}\n  group_by: az\n  percent: 50", "with group_by all targets of one az are hurt; leave percent out"},
		{"{service: payments}", "{service: payments}\n  max_duration: 29s", "9:17: the steps last 30s in all; max_duration is 29s"},
		{"    duration: 30s\n", "    duration: 30s\n    wait: 3s\n", "13:11: a step waits or hurts, not both"},
		{"    duration: 30s\n", "    duration: 30s\n    weight: 101\n", "13:13: a weight is a number above 0 and up to 100"},
		{"    duration: 30s\n", "    duration: 30s\n    id: Slow DB\n", "13:9: an id is small letters"},
		{"    duration: 30s\n", "    duration: 30s\n    id: a\n  - {id: a, wait: 1s}\n", `14:10: two steps have the id "a"`},
		{"    duration: 30s\n", "    duration: 30s\n  - {wait: 1s, weight: 2}\n", "13:6: a step that waits takes nothing else but an id"},
		{"    duration: 30s\n", "    duration: 30s\n    recover_within: 11m\n", "13:21: 11m is more than the cap of 10m"},
		{"  - fault: http.latency\n    with: {latency: 300ms}\n    duration: 30s\n", "  - wait: 3s\n", "it only waits; at least one step needs a fault"},
		{whole, "", "the file is empty"},
		{whole, "[]", ""},
		{whole, strings.Repeat("#", 65<<10), "an experiment of 66560 bytes; the most is 65536"},
		{whole, "name: \x00", "not a text file"},
	} {
		file := strings.Replace(whole, c.old, c.with, 1)
		require.NotEqual(t, whole, file, "%s: the case changes nothing", c.want)
		e, err := Load("e.yaml", []byte(file), fakes())
		var at *strictyaml.Error
		require.ErrorAs(t, err, &at, "%s\n%s", c.want, file)
		require.True(t, strings.HasPrefix(err.Error(), "e.yaml:"), err)
		require.Contains(t, err.Error(), c.want)
		require.Zero(t, e, "an experiment that cannot be run has no name to go by")
	}
}

const everything = `name: checkout-db
hypothesis: people can pay
owner: payments-oncall
labels: {service: checkout, env: staging}
steady_state:
  - {name: errors, promql: errors, expect: "< 0.01", phases: [before, during, after], weight: 5, stale_after: 30s}
  - {name: p95, promql: p95, expect: "<= 1.5x baseline"}
  - {name: health, http: {url: "http://127.0.0.1:8080/healthz", status: [200, 204], timeout: 2s}}
  - {name: port, tcp: {address: "127.0.0.1:5432"}, phases: [after]}
  - {name: smoke, exec: {argv: [/usr/local/bin/smoke, --fast]}}
baseline: {for: 60s, min_samples: 5}
guards:
  - {name: pain, promql: errors, abort_when: "> 0.05", interval: 1s, for: 2, no_data: hold, reason: it is scraped late, stale_after: 30s}
  - incident: SEV-3
  - operator: {every: 1s}
targets: {select: {service: checkout}, max: 2, seed: 7, group_by: az, max_duration: 5m}
method:
  - {id: slow-db, fault: http.latency, with: {latency: 100ms}, duration: 120s, weight: 5, recover_within: 60s}
  - {id: settle, wait: 30s}
  - {id: hang, fault: process.pause, duration: 10s}
recovery: 120s
on_disconnect: abort
window: {days: [Mon, Tue], hours: "09:30-16:00", tz: Europe/Berlin}
pin: F6
`

// TestLoadEverything reads a file that uses all there is.
func TestLoadEverything(t *testing.T) {
	e, err := Load("e.yaml", []byte(everything), fakes())
	require.NoError(t, err)
	require.Equal(t, "payments-oncall", e.Owner)
	require.Equal(t, Condition{Op: "<=", Value: 1.5, OfBaseline: true}, e.SteadyState[1].Expect)
	require.Equal(t, Condition{Op: "==", Value: 1}, e.SteadyState[2].Expect, "a request is well or not")
	require.Equal(t, "GET http://127.0.0.1:8080/healthz gives 200, 204 within 2s", e.SteadyState[2].What())
	require.False(t, e.SteadyState[3].in(During))
	require.Equal(t, `/usr/local/bin/smoke --fast ends with 0 within 1s`, e.SteadyState[4].What())
	require.Equal(t, Calibration{For: strictyaml.Duration(time.Minute), MinSamples: 5}, e.Baseline)
	require.Equal(t, Guard{Name: "incident", Incident: "SEV-3"}, e.Guards[1])
	require.Equal(t, &Operator{Every: strictyaml.Duration(time.Second), Misses: 3}, e.Guards[2].Operator)
	require.Equal(t, 160*time.Second, e.Length(), "with the wait")
	require.Equal(t, 400*time.Second, e.Longest())
	require.Equal(t, "checkout-db 100%", e.ConfirmText())

	e, err = Load("e.yaml", []byte(strings.Replace(whole, `"< 0.01"`, `"< 2x baseline"`, 1)), fakes())
	require.NoError(t, err)
	require.Equal(t, Calibration{For: strictyaml.Duration(10 * time.Second), MinSamples: 5}, e.Baseline, "one look is no measure")
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(everything))
	f.Add([]byte("name: a\nsteady_state: [{promql: 1, expect: '<1'}]\nmethod: [{fault: x}]"))
	f.Fuzz(func(t *testing.T, src []byte) {
		e, err := Load("e.yaml", src, fakes())
		if err != nil {
			require.Zero(t, e)
			return
		}
		require.LessOrEqual(t, e.Length(), maxDuration)
		require.NotEmpty(t, e.Guards)
		require.NotEmpty(t, e.SteadyState)
		require.NotEmpty(t, e.Targets.Select)
	})
}

func TestConditions(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		text       string
		holds, not []float64
	}{
		{"< 0.01", []float64{0, -1, math.Inf(-1)}, []float64{0.01, 1, nan, math.Inf(1)}},
		{"<=0.01", []float64{0.01, 0}, []float64{0.02, nan}},
		{">5e-2", []float64{0.06, math.Inf(1)}, []float64{0.05, nan}},
		{" >= -1 ", []float64{-1, 0}, []float64{-2, nan}},
		{"== 0", []float64{0, math.Copysign(0, -1)}, []float64{1, nan}},
		{"!= 0", []float64{1, math.Inf(1)}, []float64{0, nan}},
	} {
		cond, err := ParseCondition(c.text)
		require.NoError(t, err)
		for _, v := range c.holds {
			require.True(t, cond.Holds(v), "%g %s", v, cond)
		}
		for _, v := range c.not {
			require.False(t, cond.Holds(v), "%g %s", v, cond)
		}
	}
	for _, text := range []string{"", "1", "<", "< ", "< x", "<> 1", "=< 1", "= 1", "< NaN", "> Inf", "< 1 2", "is 1"} {
		_, err := ParseCondition(text)
		require.ErrorContains(t, err, "is not a condition; write an operator", text)
	}
	require.False(t, Condition{}.Holds(0), "no condition holds for nothing")
}

// TestConditionTravels goes through JSON, as reports and journals do.
func TestConditionTravels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Condition{rapid.SampledFrom([]string{"<", "<=", ">", ">=", "==", "!="}).Draw(t, "op"), rapid.Float64().Draw(t, "value"), rapid.Bool().Draw(t, "of the baseline")}
		if math.IsInf(c.Value, 0) || math.IsNaN(c.Value) {
			c.Value = 0
		}
		if c.OfBaseline {
			c.Value = math.Abs(c.Value) + 1
		}
		b, err := json.Marshal(Guard{AbortWhen: c})
		require.NoError(t, err)
		var back Guard
		require.NoError(t, json.Unmarshal(b, &back))
		require.Equal(t, c, back.AbortWhen)
	})
	var none Guard
	require.NoError(t, json.Unmarshal([]byte(`{"abort_when": ""}`), &none))
	require.Error(t, json.Unmarshal([]byte(`{"abort_when": "so so"}`), &none))
}

func TestParameters(t *testing.T) {
	w := With{"wait": "2s", "share": "0.5", "status": "503", "how": "hard"}
	d, err := w.Duration("wait", 0, time.Minute)
	require.NoError(t, err)
	require.Equal(t, 2*time.Second, d)
	d, err = w.Duration("pause", time.Hour, time.Minute)
	require.NoError(t, err)
	require.Equal(t, time.Hour, d)
	share, err := w.Ratio("share", 1)
	require.NoError(t, err)
	require.Equal(t, 0.5, share)
	status, err := w.Int("status", 500, 400, 599)
	require.NoError(t, err)
	require.Equal(t, 503, status)
	how, err := w.Word("how", "soft", "hard")
	require.NoError(t, err)
	require.Equal(t, "hard", how)
	how, err = w.Word("where", "here", "there")
	require.NoError(t, err)
	require.Equal(t, "here", how)
	lists := With{"argv": ListOf("/bin/undo", "", "a, b"), "one": "x"}
	require.NoError(t, lists.Only("one", "argv[]"))
	require.ErrorContains(t, lists.Only("one", "argv"), "argv: want a plain value")
	require.Equal(t, []string{"/bin/undo", "", "a, b"}, lists.List("argv"))
	require.Equal(t, []string{"x"}, lists.List("one"))
	require.Empty(t, lists.List("none"))
	require.Equal(t, "[/bin/undo, , a, b]", lists["argv"].String())

	for _, c := range []struct {
		key, value, want string
		read             func(With) error
	}{
		{"wait", "2", "is not a duration", func(w With) error { _, err := w.Duration("wait", 0, time.Minute); return err }},
		{"wait", "2m", "2m is more than the cap of 1m", func(w With) error { _, err := w.Duration("wait", 0, time.Minute); return err }},
		{"share", "0", "is not a share", func(w With) error { _, err := w.Ratio("share", 1); return err }},
		{"share", "1.1", "is not a share", func(w With) error { _, err := w.Ratio("share", 1); return err }},
		{"share", "NaN", "is not a share", func(w With) error { _, err := w.Ratio("share", 1); return err }},
		{"status", "200", "is not a whole number from 400 to 599", func(w With) error { _, err := w.Int("status", 500, 400, 599); return err }},
		{"status", "4e2", "is not a whole number from 400 to 599", func(w With) error { _, err := w.Int("status", 500, 400, 599); return err }},
		{"how", "so", "is not one of soft, hard", func(w With) error { _, err := w.Word("how", "soft", "hard"); return err }},
	} {
		err := c.read(With{c.key: Value(c.value)})
		var param *ParamError
		require.True(t, errors.As(err, &param), c.want)
		require.Equal(t, c.key, param.Key)
		require.Contains(t, err.Error(), c.want)
	}
}

// TestNearest finds what was meant, and does not guess wildly.
func TestNearest(t *testing.T) {
	known := []string{"http.error", "http.latency", "process.kill", "process.pause"}
	for word, want := range map[string]string{
		"http.latency": "http.latency", "HTTP.Latency": "http.latency", "http.latencyy": "http.latency", "process.puse": "process.pause",
		"kill": "", "": "", "disk.fill": "", strings.Repeat("http.latency", 50): "",
	} {
		require.Equal(t, want, nearest(word, known), word)
	}
}

// A file with mistakes is mended in one round, those in its queries too.
func TestLoadTellsAllMistakes(t *testing.T) {
	_, err := LoadWith("e.yaml", []byte(`name: bad
steady_state:
  - {name: errors, promql: 'sum(rate(x[1m])', expect: "< 0.01"}
  - {name: x, promql: 'up', expct: "< 0.01"}
guards:
  - {name: pain, promql: same, abort_wen: "> 0.05"}
  - {promql: 'up', abort_when: "> 0.05", for: 99}
targets: {select: {service: wroker}, max: 9}
method:
  - {fault: nosuch, duration: 10s}
  - {fault: nosuch, duration: 10}
`), fakes(), func(promql string) (int, string) {
		if promql == "sum(rate(x[1m])" {
			return 3, "unclosed left parenthesis"
		}
		return 0, ""
	})
	var told []string
	for line := range strings.Lines(err.Error()) {
		if strings.HasPrefix(line, "e.yaml:") {
			told = append(told, strings.Join(strings.SplitN(line, ":", 4)[1:3], ":"))
		}
	}
	require.Equal(t, []string{"4:29", "6:32", "11:31", "3:32", "7:47", "8:43", "10:13", "11:13"}, told, err)
}
