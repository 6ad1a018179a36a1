package imports_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/fault"
	"github.com/sitrep-dev/sitrep/chaos/imports"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func imported(t *testing.T, src string) imports.Imported {
	t.Helper()
	list, err := imports.Import("theirs.yaml", []byte(src), fault.All())
	require.NoError(t, err)
	require.Len(t, list, 1)
	return list[0]
}

func noted(one imports.Imported) string {
	var b strings.Builder
	for _, n := range one.Notes {
		fmt.Fprintf(&b, "%d:%d %s: %s\n", n.Line, n.Column, n.Key, n.Text)
	}
	return b.String()
}

// read is the experiment as it will be read.
func read(t *testing.T, one imports.Imported) chaos.Experiment {
	t.Helper()
	require.Empty(t, one.Refused)
	require.Empty(t, one.Missing, one.YAML)
	e, err := chaos.Load(one.Name+".yaml", []byte(one.YAML), fault.All())
	require.NoError(t, err, one.YAML)
	return e
}

// What the ChaosEngine of the examples watches is watched here for the first time.
func TestLitmusMonitorIsObserved(t *testing.T) {
	src, err := os.ReadFile("../../templates/examples/chaos-engine.yaml")
	require.NoError(t, err)
	one := imported(t, string(src))
	require.Equal(t, "pod-kill-with-monitoring", one.Name)
	require.Contains(t, one.YAML, "fault: process.kill\n    with: {signal: 'TERM'}\n    duration: 1m")
	require.Contains(t, one.YAML, `rate(http_requests_total{job="api",code=~"5.."}[5m])`)
	require.Contains(t, one.YAML, "targets: {select: {app: 'api-service'}, max: 1}")
	require.Contains(t, noted(one), "LitmusChaos itself ignores this block")
	require.Contains(t, noted(one), "CHAOS_INTERVAL is not carried over")
	require.Contains(t, noted(one), "waiting for a Kubernetes backend")
	require.Contains(t, one.Missing, "want 1 to 20 guards", "nothing of it may run without a guard")
	require.Contains(t, one.YAML, "# FILL IN: what ends it")
}

func TestLitmusProbeGuards(t *testing.T) {
	e := read(t, imported(t, `apiVersion: litmuschaos.io/v1alpha1
kind: ChaosEngine
metadata: {name: slow}
spec:
  appinfo: {applabel: app=shop}
  experiments:
    - name: pod-network-latency
      spec:
        probe:
          - name: errors
            type: promProbe
            mode: Continuous
            promProbe/inputs: {endpoint: "http://p:9090", query: 'sum(rate(errors[1m]))', comparator: {type: float, criteria: "<=", value: "0.05"}}
        components:
          env:
            - {name: NETWORK_LATENCY, value: "300"}
            - {name: DESTINATION_IPS, value: 10.0.3.7}
            - {name: TOTAL_CHAOS_DURATION, value: "60"}
            - {name: PODS_AFFECTED_PERC, value: "50"}
`))
	require.Equal(t, "> 0.05", e.Guards[0].AbortWhen.String())
	require.Equal(t, "net.delay", e.Method[0].Fault)
	require.Equal(t, chaos.With{"peer": "10.0.3.7", "latency": "300ms", "jitter": "0s"}, e.Method[0].With)
	require.EqualValues(t, 50, e.Targets.Percent)
}

func TestChaosToolkit(t *testing.T) {
	one := imported(t, `{
	"title": "We survive", "secrets": {"x": {"token": "hunter2"}}, "configuration": {"url": {"type": "env", "key": "URL"}},
	"controls": [{"name": "tracing", "provider": {"type": "python", "module": "evil"}}],
	"steady-state-hypothesis": {"title": "fine", "probes": [
		{"type": "probe", "name": "errors", "tolerance": {"type": "range", "range": [0, 0.5]}, "provider": {"type": "python", "module": "chaosprometheus.probes", "func": "query", "arguments": {"query": "sum(up)"}}},
		{"type": "probe", "name": "up", "tolerance": [200, 204], "provider": {"type": "http", "url": "http://shop/health", "headers": {"Authorization": "Bearer hunter2"}}}]},
	"method": [{"type": "action", "name": "kill", "provider": {"type": "python", "module": "chaosk8s.pod.actions", "func": "terminate_pods", "arguments": {"label_selector": "app=shop", "qty": 2}}, "pauses": {"after": 15}},
		{"type": "action", "name": "sh", "provider": {"type": "process", "path": "rm", "arguments": "-rf /"}}],
	"rollbacks": [{"type": "action", "name": "back", "provider": {"type": "process", "path": "x"}}]
}`)
	e := read(t, one)
	require.Equal(t, "fine", e.Hypothesis)
	require.Len(t, e.SteadyState, 3)
	require.Equal(t, []int{200, 204}, e.SteadyState[2].HTTP.Status)
	require.Equal(t, 2, e.Targets.Max)
	require.Equal(t, "15s", e.Method[1].Wait.String())
	for _, said := range []string{`the action "sh" runs a program`, `the rollback "back"`, `the control "tracing"`, "secrets: not carried over", "configuration: not carried over", "headers: not carried over"} {
		require.Contains(t, noted(one), said)
	}
	require.NotContains(t, one.YAML+noted(one), "hunter2")
}

// What leaves a range on either side ends the run, as it is no steady state on either.
func TestARangeKeepsBothBounds(t *testing.T) {
	one := imported(t, `{"title": "t", "steady-state-hypothesis": {"title": "fine", "probes": [
		{"type": "probe", "name": "up", "tolerance": 200, "provider": {"type": "http", "url": "http://shop/health"}},
		{"type": "probe", "name": "errors", "tolerance": {"type": "range", "range": [0, 0.05]}, "provider": {"type": "python", "module": "chaosprometheus.probes", "func": "query", "arguments": {"query": "sum(errors)"}}},
		{"type": "probe", "name": "other", "tolerance": {"type": "range", "range": [1, 2]}, "provider": {"type": "python", "module": "chaosprometheus.probes", "func": "query", "arguments": {"query": "sum(up)"}}}]},
	"method": [{"type": "action", "name": "kill", "provider": {"type": "python", "module": "chaosk8s.pod.actions", "func": "terminate_pods", "arguments": {"label_selector": "app=shop"}}}]}`)
	e := read(t, one)
	var expected, ends []string
	for _, p := range e.SteadyState {
		expected = append(expected, p.PromQL+" "+p.Expect.String())
	}
	for _, g := range e.Guards {
		ends = append(ends, g.PromQL+" "+g.AbortWhen.String())
	}
	require.Equal(t, []string{" == 1", "sum(errors) >= 0", "sum(errors) <= 0.05", "sum(up) >= 1", "sum(up) <= 2"}, expected)
	require.Equal(t, []string{"sum(errors) < 0", "sum(errors) > 0.05"}, ends)
}

// Nothing of a probe is left out in silence.
func TestChaosToolkitProbes(t *testing.T) {
	probe := func(more, tolerance string) string {
		return `{"title": "t", "steady-state-hypothesis": {"title": "fine", "probes": [
			{"type": "probe", "name": "errors", "tolerance": 0, "background": true, "provider": {"type": "python", "module": "chaosprometheus.probes", "func": "query", "arguments": {"query": "sum(errors)", "when": "5 minutes ago"}}},
			{"type": "probe", "name": "up", "tolerance": ` + tolerance + `, "provider": {"type": "http", "url": "http://shop/health"` + more + `}}]},
			"method": [{"type": "action", "name": "kill", "provider": {"type": "python", "module": "chaosk8s.pod.actions", "func": "terminate_pods", "arguments": {"label_selector": "app=shop"}}}]}`
	}
	one := imported(t, probe(`, "timeout": 2, "method": "GET"`, "200"))
	require.Equal(t, "2s", read(t, one).SteadyState[1].HTTP.Timeout.String())
	require.NotContains(t, noted(one), "timeout")
	require.NotContains(t, noted(one), "provider.method")
	require.Contains(t, noted(one), "probes[].background: not carried over")
	require.Contains(t, noted(one), "provider.arguments.when: not carried over")
	one = imported(t, probe(`, "timeout": [3, 30], "verify_tls": false, "method": "POST"`, `{"type": "regex", "pattern": "x"}`))
	require.Zero(t, read(t, one).SteadyState[1].HTTP.Timeout)
	for _, said := range []string{"provider.timeout: not carried over: a probe here waits", "provider.verify_tls: not carried over", "provider.method: not carried over", "tolerance: not carried over: 200 to 299 is well"} {
		require.Contains(t, noted(one), said)
	}
}

// A probe of Litmus that stops the experiment is the guard, not the first one of the file.
func TestLitmusStopOnFailure(t *testing.T) {
	probe := func(name, query, stop string) string {
		return "{name: " + name + ", type: promProbe, mode: Continuous, runProperties: {stopOnFailure: " + stop + "}, promProbe/inputs: {query: " + query + ", comparator: {type: float, criteria: '<', value: '1'}}}"
	}
	e := read(t, imported(t, "apiVersion: litmuschaos.io/v1alpha1\nkind: ChaosEngine\nmetadata: {name: k}\nspec: {appinfo: {applabel: app=shop}, experiments: [{name: pod-delete, spec: {probe: ["+
		probe("a", "sum(a)", "false")+", "+probe("b", "sum(b)", "true")+"]}}]}\n"))
	require.Len(t, e.Guards, 1)
	require.Equal(t, "sum(b) >= 1", e.Guards[0].PromQL+" "+e.Guards[0].AbortWhen.String())
}

func TestChaosToolkitToxics(t *testing.T) {
	one := imported(t, `{"title": "slow db", "steady-state-hypothesis": {"title": "fine", "probes": [
		{"type": "probe", "name": "errors", "tolerance": {"type": "range", "range": [0, 0.5]}, "provider": {"type": "python", "module": "chaosprometheus.probes", "func": "query", "arguments": {"query": "sum(up)"}}}]},
	"method": [
		{"type": "action", "name": "proxy", "provider": {"type": "python", "module": "chaostoxi.proxy.actions", "func": "create_proxy", "arguments": {"proxy_name": "db", "upstream_host": "h", "upstream_port": 1}}},
		{"type": "action", "name": "slow", "provider": {"type": "python", "module": "chaostoxi.toxic.actions", "func": "create_latency_toxic", "arguments": {"for_proxy": "db", "toxic_name": "slow", "latency": 300, "jitter": 20}}, "pauses": {"after": 45}},
		{"type": "action", "name": "fast", "provider": {"type": "python", "module": "chaostoxi.toxic.actions", "func": "delete_toxic", "arguments": {"for_proxy": "db", "toxic_name": "slow"}}, "pauses": {"after": 5}},
		{"type": "action", "name": "slice", "provider": {"type": "python", "module": "chaostoxi.toxic.actions", "func": "create_toxic", "arguments": {"for_proxy": "db", "toxic_name": "x", "toxic_type": "slicer", "stream": "upstream", "toxicity": 0.5, "attributes": {"average_size": 64, "size_variation": 8, "delay": 10}}}},
		{"type": "action", "name": "limit", "provider": {"type": "python", "module": "chaostoxi.toxic.actions", "func": "create_limiter_toxic", "arguments": {"for_proxy": "db", "toxic_name": "x", "bytes_limit": 2000}}},
		{"type": "action", "name": "other", "provider": {"type": "python", "module": "chaostoxi.proxy.actions", "func": "disable_proxy", "arguments": {"proxy_name": "cache"}}},
		{"type": "action", "name": "sh", "provider": {"type": "process", "path": "/usr/bin/pkill", "arguments": "shop"}}]}`)
	e := read(t, one)
	require.Equal(t, map[string]string{"name": "db"}, e.Targets.Select)
	require.Len(t, e.Method, 4)
	require.Equal(t, chaos.With{"latency": "300ms", "jitter": "20ms"}, e.Method[0].With)
	require.Equal(t, "45s", e.Method[0].Duration.String(), "until it is taken away")
	require.Equal(t, "5s", e.Method[1].Wait.String())
	require.Equal(t, chaos.With{"average_size": "64B", "size_variation": "8B", "delay": "10us", "stream": "upstream", "toxicity": "0.5"}, e.Method[2].With)
	require.Equal(t, chaos.With{"bytes": "2000B"}, e.Method[3].With)
	for _, said := range []string{
		`the action "proxy" (chaostoxi.proxy.actions.create_proxy) is not carried over`, `name it under chaos.toxiproxies`,
		`the proxy "cache" is not carried over`, `the action "sh" runs a program; it is not carried over, and never executed; here process.kill or process.pause does that`,
	} {
		require.Contains(t, noted(one), said)
	}
}

func TestChaosMesh(t *testing.T) {
	one := imported(t, `apiVersion: chaos-mesh.org/v1alpha1
kind: NetworkChaos
metadata: {name: delay}
spec:
  action: delay
  mode: fixed-percent
  value: "20"
  selector: {namespaces: [shop], labelSelectors: {app: shop}}
  delay: {latency: 90ms, correlation: "25", jitter: 0ms}
  externalTargets: ["10.0.3.7:5432"]
  duration: 400s
  surprise: true
`)
	require.Contains(t, one.YAML, "fault: net.delay\n    with: {latency: '90ms', peer: '10.0.3.7:5432'}\n    duration: 6m40s")
	require.Contains(t, one.YAML, "percent: 20, min_one: true, max: 5")
	for _, said := range []string{"spec.delay.correlation: ", "spec.selector.namespaces: ", "spec.surprise: not carried over"} {
		require.Contains(t, noted(one), said)
	}
	for kind, why := range map[string]string{"Schedule": "one experiment at a time", "Workflow": "one experiment at a time", "JVMChaos": "no fault here does that"} {
		require.Contains(t, imported(t, "apiVersion: chaos-mesh.org/v1alpha1\nkind: "+kind+"\nspec: {}\n").Refused, why)
	}
}

func TestFaultInjectionService(t *testing.T) {
	one := imported(t, `{"description": "busy", "targets": {}, "roleArn": "arn", "stopConditions": [{"source": "none"}], "actions": {
	"cpu": {"actionId": "aws:ssm:send-command", "parameters": {"documentArn": "arn:aws:ssm:eu::document/AWSFIS-Run-CPU-Stress", "documentParameters": "{\"LoadPercent\": \"40\"}", "duration": "PT5M"}},
	"stop": {"actionId": "aws:ec2:stop-instances"}}}`)
	require.Contains(t, one.YAML, "fault: cpu.burn\n    with: {percent: '40'}\n    duration: 5m")
	require.Contains(t, noted(one), `the action "stop" (aws:ec2:stop-instances) is not carried over: waiting for an AWS backend`)
	require.Contains(t, noted(one), "it has no stop condition")
	require.Contains(t, one.YAML, "# FILL IN: whom it hurts")
}

func TestToxiproxy(t *testing.T) {
	one := imported(t, `[{"name": "redis", "listen": "[::]:1", "upstream": "127.0.0.1:6379", "enabled": true, "toxics": [
	{"name": "slow", "type": "latency", "stream": "upstream", "toxicity": 0.5, "attributes": {"latency": 100, "jitter": 10}},
	{"name": "cut", "type": "slicer", "attributes": {"average_size": 64}}, {"name": "odd", "type": "noise", "attributes": {}},
	{"name": "late", "type": "timeout", "attributes": {"timeout": 300}}]}]`)
	require.Contains(t, one.YAML, "with: {jitter: '10ms', latency: '100ms', peer: '127.0.0.1:6379'}")
	require.Contains(t, noted(one), `the toxic "cut" (slicer) is not carried over: no fault of the network does that; toxic.slicer has the Toxiproxy do it: `+
		`name the proxy under chaos.toxiproxies, and write {fault: toxic.slicer, with: {average_size: 64B}, duration: 30s}`)
	require.Contains(t, noted(one), `the toxic "odd" (noise) is not carried over: no fault here does that`)
	require.Contains(t, noted(one), `toxics[].attributes.timeout: not carried over: net.drop has nothing like it`)
	require.Contains(t, noted(one), "a toxicity of 0.5 is not carried over")
	secret := imported(t, `[{"name": "redis", "upstream": "redis://me:hunter2@h:1", "enabled": false}]`)
	require.Contains(t, secret.Refused, "looks like a password")
	require.NotContains(t, secret.YAML+noted(secret), "hunter2")
	require.Contains(t, imported(t, `[{"name": "redis", "listen": "a", "upstream": "b:1", "enabled": true}]`).Refused, "nothing of what it does")
}

// hostile is what nobody should write.
var hostile = []string{
	"", "{}", "[]", "- [", "\x00", "a: &a [*a]\nb: *a", "{{ .Values.x }}: 1", strings.Repeat("[", 100), "apiVersion: chaos-mesh.org/v1alpha1\nkind: [1]\nspec: x",
	"apiVersion: litmuschaos.io/v1\nkind: ChaosEngine\nspec: {experiments: [{name: pod-delete, spec: {components: {env: [{name: FORCE, value: *x}]}}}]}",
	"a: 1\na: 2", "title: x\nmethod: 3", `[{"upstream": {"a": [1]}, "toxics": 7}]`, "title: \"a\\nb: c\"\nmethod: [{type: action, provider: {module: chaosk8s.x, func: delete_pods, arguments: {name: \"x'\\n- y\"}}}]",
	"title: t\nmethod: []\nsteady-state-hypothesis: {probes: [{provider: {type: http, url: 'http://u:p@h/'}}]}", "actions: {a: {}}\nroleArn: x\nstopConditions: 1",
	"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]",
}

// Whatever a file holds, it is refused with its place, or makes a file that is read as
// it is meant, or fails where a person is to fill something in.
func check(t *testing.T, src []byte) {
	list, err := imports.Import("theirs.yaml", src, fault.All())
	if err != nil {
		return
	}
	for _, one := range list {
		require.True(t, one.Refused != "" != (one.YAML != ""), "either an experiment or a reason")
		if one.YAML == "" {
			continue
		}
		require.Equal(t, one.YAML, strictyaml.Hide(one.YAML))
		_, err := chaos.Load("x.yaml", []byte(one.YAML), fault.All())
		require.Equal(t, one.Missing == "", err == nil, "%v\n%s", err, one.YAML)
		if err != nil {
			require.Contains(t, one.YAML, "# FILL IN: ")
		}
	}
}

func TestHostileFiles(t *testing.T) {
	for _, src := range hostile {
		check(t, []byte(src))
	}
	_, err := imports.Import("theirs.yaml", []byte("a: {{ .Values.x }\n  b: ["), fault.All())
	require.ErrorContains(t, err, "render it first")
	_, err = imports.Import("theirs.yaml", []byte(strings.Repeat("#", 300<<10)), fault.All())
	require.ErrorContains(t, err, "larger than")
	_, err = imports.Import("theirs.yaml", []byte("a: 1\na: 2\n"), fault.All())
	require.ErrorContains(t, err, "theirs.yaml:2:1")
}

func FuzzImport(f *testing.F) {
	for _, src := range hostile {
		f.Add([]byte(src))
	}
	if src, err := os.ReadFile("../../templates/examples/chaos-engine.yaml"); err == nil {
		f.Add(src)
	}
	f.Add([]byte(`[{"name": "a", "upstream": "b:1", "toxics": [{"name": "s", "type": "latency", "attributes": {"latency": 1e5}}]}]`))
	f.Add([]byte("apiVersion: chaos-mesh.org/v1alpha1\nkind: StressChaos\nspec: {stressors: {cpu: {workers: 9999999}, memory: {size: 1PB}}, duration: 900h}"))
	f.Fuzz(func(t *testing.T, src []byte) { check(t, src) })
}

// TestSelectorsThatCannotBeSaid are refused: without what is left out of one, others would
// be hurt than the file was written for.
func TestSelectorsThatCannotBeSaid(t *testing.T) {
	toolkit := func(selectors ...string) string {
		var actions []string
		for _, s := range selectors {
			actions = append(actions, fmt.Sprintf(`{"type": "action", "name": "kill", "provider": {"type": "python", "module": "chaosk8s.pod.actions", "func": "terminate_pods", "arguments": {"label_selector": %q}}}`, s))
		}
		return `{"title": "k", "description": "d", "steady-state-hypothesis": {"title": "fine", "probes": []}, "method": [` + strings.Join(actions, ", ") + `]}`
	}
	litmus := func(selector string) string {
		return "apiVersion: litmuschaos.io/v1alpha1\nkind: ChaosEngine\nmetadata: {name: k}\nspec: {appinfo: {applabel: '" + selector + "'}, experiments: [{name: pod-delete}]}"
	}
	for _, selector := range []string{"app=shop,tier!=prod", "tier in (canary)", "tier notin (a, b)", "app", "!app", "app=shop,app=cart", "tier=a,Tier=b"} {
		for _, source := range []string{toolkit(selector), litmus(selector)} {
			got := imported(t, source)
			require.NotEmpty(t, got.Refused, source)
			require.Contains(t, got.Refused, "selector", source)
		}
	}
	require.Contains(t, imported(t, toolkit("app=shop", "app=other")).Refused, "its actions choose their targets differently")
	for _, source := range []string{toolkit("app==shop, tier=web", "tier=web,app=shop"), litmus("app==shop,tier=web")} {
		got := imported(t, source)
		require.Empty(t, got.Refused, source)
		require.Contains(t, got.YAML, "targets: {select: {app: 'shop', tier: 'web'}, max: 1}", source)
	}
}
