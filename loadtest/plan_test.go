package loadtest

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

const smoke = `name: smoke
targets: [{method: GET, url: "http://127.0.0.1:8080/"}]
stages: [{rate: 400, for: 10s}]
thresholds: ["p95 < 200ms", "errors < 1%"]
pin: F7
`

func TestLoadPlan(t *testing.T) {
	p, err := LoadPlan("smoke.yaml", []byte(smoke))
	require.NoError(t, err)
	require.Equal(t, Plan{
		Name: "smoke", Targets: []Target{{Method: "GET", URL: "http://127.0.0.1:8080/", Weight: 1}},
		Stages: []Stage{{400, 400, 10 * time.Second}}, Connections: DefaultConnections, Timeout: DefaultTimeout,
		Thresholds: []Threshold{{Expr: "p95 < 200ms", Metric: "p95", Op: "<", Limit: 0.2}, {Expr: "errors < 1%", Metric: "errors", Op: "<", Limit: 0.01}}, Pin: "F7", Dir: ".",
	}, p)

	p, err = LoadPlan("mix.yaml", []byte(`
name: mix
targets:
- {url: "http://localhost:1/a?b=c", weight: 3}
- method: POST
  url: http://[::1]:1/pay
  headers: {Content-Type: application/json}
  body: '{"n":1}'
stages: [{from: 0, to: 100, for: 5s}, {rate: 100, for: 1m}]
connections: 10
timeout: 2s
warmup: 5s
`))
	require.NoError(t, err)
	require.Equal(t, 65*time.Second, p.Duration())
	require.InDelta(t, 100, p.PeakRate(), 0)
	require.Equal(t, []int{3, 1}, []int{p.Targets[0].Weight, p.Targets[1].Weight})
	require.Equal(t, 5*time.Second, p.Warmup)
}

func TestLoadPlanSaysWhereAndWhat(t *testing.T) {
	change := func(old, new string) string {
		require.Contains(t, smoke, old)
		return strings.Replace(smoke, old, new, 1)
	}
	for want, src := range map[string]string{
		`p.yaml:3:11: unknown key "rat"; did you mean "rate"?`:       change("rate:", "rat:"),
		`p.yaml:1:1: a plan needs a name`:                            change("name: smoke\n", ""),
		`p.yaml:2:10: targets`:                                       change(`[{method: GET, url: "http://127.0.0.1:8080/"}]`, "[]") + "# targets",
		`p.yaml:2:20: method "FETCH" is not known`:                   change("GET", "FETCH"),
		`only http:// and https:// are spoken`:                       change("http://", "ftp://"),
		`has no host`:                                                change("http://127.0.0.1:8080/", "http:///x"),
		`a target needs a url`:                                       change("http://127.0.0.1:8080/", ""),
		`the url carries a user name`:                                change("http://", "http://a:b@"),
		`a GET request carries no body`:                              change(`GET,`, `GET, body: x,`),
		`weight is 0`:                                                change(`GET,`, `GET, weight: 0,`),
		`the value contains a control character`:                     change(`GET,`, `GET, headers: {A: "b\r\nC: d"},`),
		`header name "A B" is not a token`:                           change(`GET,`, `GET, headers: {A B: c},`),
		`header Content-Length is set by the engine`:                 change(`GET,`, `GET, headers: {Content-Length: "3"},`),
		`headers A and a are the same header`:                        change(`GET,`, `GET, headers: {A: b, a: c},`),
		`p.yaml:3:17: rate is 1e+09`:                                 change("400", "1e9"),
		`rate is -4`:                                                 change("400", "-4"),
		`from is -1`:                                                 change("rate: 400", "from: -1, to: 4"),
		`a ramp needs both from and to`:                              change("rate: 400", "from: 1"),
		`a stage has either rate, or from and to`:                    change("rate: 400", "rate: 1, to: 4"),
		`a stage needs rate`:                                         change("rate: 400, ", ""),
		`a stage needs for`:                                          change(", for: 10s", ""),
		`last longer than 24h`:                                       change("10s", "2d"),
		`no request ever arrives`:                                    change("400", "0"),
		`connections is 0`:                                           smoke + "connections: 0\n",
		`connections is 100000`:                                      smoke + "connections: 100000\n",
		`timeout is 2m0s`:                                            smoke + "timeout: 2m\n",
		`p.yaml:6:9: warmup is 10s`:                                  smoke + "warmup: 10s\n",
		`pin is "F1"`:                                                change("F7", "F1"),
		`p.yaml:4:29: threshold "errs < 1%": "errs" is not measured`: change("errors", "errs"),
	} {
		_, err := LoadPlan("p.yaml", []byte(src))
		var e *strictyaml.Error
		require.ErrorAs(t, err, &e, "wanted %s", want)
		if want == "p.yaml:2:10: targets" {
			want = "a plan needs at least one target"
		}
		require.ErrorContains(t, err, want)
		require.Positive(t, e.Line)
	}
}

func TestThresholds(t *testing.T) {
	totals := Totals{
		RequestedRate: 100, AchievedRate: 95, Requests: 1000, Errors: 10, ErrorRatio: 0.01,
		Latency: Latency{P50: time.Millisecond, P90: 2 * time.Millisecond, P95: 3 * time.Millisecond, P99: 4 * time.Millisecond, P999: 5 * time.Millisecond, Max: 6 * time.Millisecond, Mean: 7 * time.Millisecond},
	}
	for expr, want := range map[string]ThresholdResult{
		"p50 < 2ms":       {"p50 < 2ms", 0.001, true},
		"p90<2ms":         {"p90<2ms", 0.002, false},
		"p90 <= 2ms":      {"p90 <= 2ms", 0.002, true},
		"p95 > 1s":        {"p95 > 1s", 0.003, false},
		"p99 >= 4ms":      {"p99 >= 4ms", 0.004, true},
		"p99.9 < 6ms":     {"p99.9 < 6ms", 0.005, true},
		"p999 < 6ms":      {"p999 < 6ms", 0.005, true},
		"max < 1s":        {"max < 1s", 0.006, true},
		"mean < 1s":       {"mean < 1s", 0.007, true},
		"errors < 1 %":    {"errors < 1 %", 0.01, false},
		"errors <= 1%":    {"errors <= 1%", 0.01, true},
		"achieved > 95%":  {"achieved > 95%", 0.95, false},
		"achieved >= 95%": {"achieved >= 95%", 0.95, true},
		" rate > 94.5/s ": {"rate > 94.5/s", 95, true},
	} {
		th, err := ParseThreshold(expr)
		require.NoError(t, err)
		require.Equal(t, want, th.Evaluate(totals), expr)
	}
	th, err := ParseThreshold("p95 < 200ms")
	require.NoError(t, err)
	require.False(t, th.Evaluate(Totals{}).OK, "nothing measured holds nothing")

	for _, bad := range []string{"", "p95", "p95 200ms", "p95 < 200", "p95 == 2ms", "errors < 1", "errors < x%", "errors < -1%", "errors < NaN%", "rate > 5", "p42 < 1s", "p95 < 1%"} {
		_, err := ParseThreshold(bad)
		require.Error(t, err, bad)
	}
}

type names map[string][]string

func (n names) LookupNetIP(_ context.Context, _, host string) (all []netip.Addr, err error) {
	for _, a := range n[host] {
		all = append(all, netip.MustParseAddr(a))
	}
	if all == nil {
		err = errors.New("no such host")
	}
	return all, err
}

func TestOnlyLoopbackIsLoaded(t *testing.T) {
	dns := names{
		"localhost": {"::1", "127.0.0.1"}, "shop.example": {"127.0.0.1", "203.0.113.7"}, "prod.example": {"203.0.113.7"}, "mapped": {"::ffff:127.0.0.1"},
	}
	for host, refused := range map[string]string{
		"localhost": "", "127.0.0.1:8080": "", "127.9.9.9": "", "[::1]:99": "", "mapped": "", "[::ffff:127.0.0.1]:1": "",
		"shop.example":     "203.0.113.7 is not a loopback address", // one stray address is enough
		"prod.example":     "203.0.113.7 is not a loopback address",
		"nowhere":          "cannot be looked up: no such host",
		"10.0.0.1":         "10.0.0.1 is not a loopback address",
		"0.0.0.0":          "0.0.0.0 is not a loopback address",
		"[::]":             ":: is not a loopback address",
		"169.254.1.1":      "is not a loopback address",
		"127.0.0.1:0":      "is not a port",
		"127.0.0.1:999999": "is not a port",
		"2130706433":       "cannot be looked up", // 127.0.0.1 to some programs, a name to us
	} {
		p := planOf(1, time.Second)
		p.Targets[0].URL = "http://" + host + "/"
		ends, of, err := p.resolve(t.Context(), dns)
		if refused == "" {
			require.NoError(t, err, host)
			require.Equal(t, []int{0}, of)
			for _, a := range ends[0].addrs {
				require.True(t, a.Addr().IsLoopback())
			}
			continue
		}
		require.ErrorIs(t, err, ErrRefused, host)
		require.ErrorContains(t, err, refused)
	}
	p := planOf(1, time.Second)
	p.Targets = []Target{{URL: "http://localhost/a"}, {URL: "http://127.0.0.1:81"}, {URL: "http://localhost:80/b"}}
	ends, of, err := p.resolve(t.Context(), dns)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 0}, of)
	require.Equal(t, "127.0.0.1:80", ends[0].addrs[0].String(), "IPv4 first")

	p.Targets[0].URL = "http://192.0.2.1/"
	_, err = Run(t.Context(), p, nil)
	require.ErrorIs(t, err, ErrRefused)
	require.ErrorIs(t, p.Check(t.Context()), ErrRefused)
	_, err = Run(t.Context(), Plan{Name: "x"}, nil)
	require.EqualError(t, err, "plan x: targets: a plan needs at least one target, or scenarios")
}

func TestRequestBytes(t *testing.T) {
	for want, target := range map[string]Target{
		"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: sitrep-load\r\n\r\n": {Method: "GET", URL: "http://127.0.0.1:8080"},
		"POST /a%20b?c=d HTTP/1.1\r\nUser-Agent: me\r\nhost: shop\r\nContent-Length: 2\r\n\r\nhi": {
			Method: "POST", URL: "http://localhost/a%20b?c=d#frag", Headers: map[string]string{"host": "shop", "User-Agent": "me"}, Body: "hi",
		},
		"POST / HTTP/1.1\r\nHost: h\r\nUser-Agent: sitrep-load\r\nContent-Length: 0\r\n\r\n": {Method: "POST", URL: "http://h/"},
	} {
		require.Equal(t, want, string(newRequest(target, 0).bytes))
	}
}

func FuzzLoadPlan(f *testing.F) {
	f.Add(smoke)
	f.Add("name: a\ntargets: [{url: \"http://h/\", headers: {A: b}}]\nstages: [{from: 1, to: 2e4, for: 1w}]\nwarmup: 1s\n")
	f.Add("name: a\ntargets: [{url: \"http://h/\"}]\nstages: [{rate: .nan, for: 1s}]\n")
	f.Fuzz(func(t *testing.T, src string) {
		p, err := LoadPlan("f.yaml", []byte(src))
		if err != nil {
			var e *strictyaml.Error
			require.ErrorAs(t, err, &e)
			return
		}
		require.Nil(t, p.validate(), "what was loaded can be run")
		require.Positive(t, NewSchedule(p.Stages).Total())
		for i, target := range p.Targets {
			head, _, found := strings.Cut(string(newRequest(target, i).bytes), "\r\n\r\n")
			require.True(t, found)
			for _, line := range strings.Split(head, "\r\n") {
				require.NotContains(t, line, "\n")
				require.NotContains(t, line, "\r")
			}
		}
	})
}
