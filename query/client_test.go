package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers every request with h and gives a client for it.
func serve(t *testing.T, h http.HandlerFunc, change ...func(*Config)) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	cfg := Config{URL: s.URL}
	for _, c := range change {
		c(&cfg)
	}
	c, err := NewClient(cfg)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdle)
	return c
}

func body(status int, kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

var hour = Align(time.Unix(1_700_000_000, 0), time.Minute, 4) //nolint:gochecknoglobals // a fixed window for tests

// As Prometheus 2.42 and 3.x answer (3.x adds infos and moves nothing).
const (
	matrix242 = `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"b"},"values":[[1699999935,"1"],[1699999950,"0"],[1699999965,"NaN"],[1699999980,"+Inf"]]},{"metric":{"__name__":"up","job":"a"},"values":[[1699999950,"0.25"]]}]}}`
	matrix3   = `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"job":"a"},"histograms":[[1699999935,{"count":"3","sum":"4","buckets":[[0,"1","2","3"]]}]]},{"metric":{"job":"b\u001b[2J"},"values":[[1699999935.000,"1e3"],[1699999950,"-2"]]}]},"infos":["PromQL info: metric might not be a counter"],"warnings":["partial response"]}`
	vector242 = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"job":"a"},"value":[1700000000.781,"5"]}]}}`
	scalar242 = `{"status":"success","data":{"resultType":"scalar","result":[1700000000.781,"42"]}}`
	string242 = `{"status":"success","data":{"resultType":"string","result":[1700000000.781,"hello"]}}`
	parse242  = `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis"}`
)

func TestRangePutsPointsOnTheGrid(t *testing.T) {
	var form atomic.Value
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form.Store(r.Method + " " + r.URL.Path + " " + r.Form.Encode())
		body(200, "application/json", matrix242)(w, r)
	})
	f, err := c.Range(context.Background(), "up", hour)
	require.NoError(t, err)
	require.Equal(t, "POST /api/v1/query_range end=1699999995&query=up&start=1699999935&step=15&timeout=10.000", form.Load())
	require.Equal(t, hour, f.Grid)
	require.Len(t, f.Series, 2)
	require.Equal(t, "a", f.Series[0].Labels["job"], "sorted by labels")
	require.Equal(t, `up{job="a"}`, f.Series[0].Legend)
	require.Equal(t, "up", f.Series[0].Expr)
	a, b := f.Series[0].Values, f.Series[1].Values
	require.Len(t, a, 5)
	require.True(t, IsAbsent(a[0]))
	require.Equal(t, 0.25, a[1])
	require.Equal(t, []float64{1, 0}, b[:2])
	require.True(t, math.IsNaN(b[2]) && !IsAbsent(b[2]), "a computed NaN is not absence")
	require.True(t, math.IsInf(b[3], 1))
	require.True(t, IsAbsent(b[4]))
	require.False(t, f.At.IsZero())
}

func TestRangeOfPrometheus3(t *testing.T) {
	f, err := serve(t, body(200, "application/json", matrix3)).Range(context.Background(), "x", hour)
	require.NoError(t, err)
	require.Len(t, f.Series, 2)
	require.Equal(t, &Histogram{Count: 3, Sum: 4, Buckets: []Bucket{{Lower: 1, Upper: 2, Count: 3}}}, f.Series[0].Histogram(0))
	require.True(t, IsAbsent(f.Series[0].Values[0]), "it is no number")
	require.Equal(t, 1000.0, f.Series[1].Values[0])
	require.Nil(t, f.Series[1].Histograms)
	require.Equal(t, "b\x1b[2J", f.Series[1].Labels["job"], "kept as it came; drawing makes it safe")
	require.Equal(t, []string{"partial response"}, f.Warnings)
}

func TestInstant(t *testing.T) {
	got, _, err := serve(t, body(200, "application/json", vector242)).Instant(context.Background(), "x", time.Time{})
	require.NoError(t, err)
	require.Equal(t, []Sample{{Labels: Labels{"job": "a"}, Value: 5, At: time.UnixMilli(1700000000781).UTC()}}, got)

	got, _, err = serve(t, body(200, "application/json", scalar242)).Instant(context.Background(), "42", time.Time{})
	require.NoError(t, err)
	require.Equal(t, 42.0, got[0].Value)

	_, _, err = serve(t, body(200, "application/json", string242)).Instant(context.Background(), `"hello"`, time.Time{})
	require.ErrorIs(t, err, ErrQuery)
	require.ErrorContains(t, err, "gives a string, not numbers")
}

func TestDataIsUntouched(t *testing.T) {
	odd := `{"resultType": "vector",  "result": [ {"metric":{}, "value":[1,"5.000"]} ], "stats": 1}`
	c := serve(t, body(200, "application/json", `{"status":"success","data":`+odd+`,"warnings":["w"]}`))
	data, warnings, err := c.Data(context.Background(), "x", time.Time{}, time.Unix(5, 0), 0)
	require.NoError(t, err)
	require.Equal(t, odd, string(data))
	require.Equal(t, []string{"w"}, warnings)
}

func TestAnAnswerThatIsNoneIsExplained(t *testing.T) {
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		kind error
		says string
	}{
		"html":           {body(200, "text/html", "<!doctype html><title>Login</title>"), ErrNotPrometheus, "answered HTML, not the Prometheus API: is the URL right?"},
		"html 404":       {body(404, "text/html", "<html>nginx"), ErrNotPrometheus, "404 Not Found: no Prometheus API under this URL: is the path right? Mimir and Cortex have it under /prometheus"},
		"text":           {body(200, "text/plain", "hello \x1b[2J\nyou"), ErrNotPrometheus, `answered "hello �[2J you", not the Prometheus API: is the URL right?`},
		"nothing":        {body(200, "application/json", ""), ErrNotPrometheus, "answered nothing at all, not the Prometheus API: is the URL right?"},
		"other json":     {body(200, "application/json", `{"hello":1}`), ErrNotPrometheus, "answered JSON that is broken or not the Prometheus API: is the URL right, or a proxy in between?"},
		"truncated json": {body(200, "application/json", matrix242[:200]), ErrNotPrometheus, "answered JSON that is broken or not the Prometheus API: is the URL right, or a proxy in between?"},
		"trailing":       {body(200, "application/json", matrix242+"}"), ErrNotPrometheus, "answered JSON that is broken or not the Prometheus API: is the URL right, or a proxy in between?"},
		"401":            {body(401, "text/plain", "no"), ErrDenied, "401 Unauthorized: the user, password or token is missing or wrong"},
		"no tenant":      {body(401, "text/plain", "no org id"), ErrDenied, "401 Unauthorized: no org id: it wants to know the tenant: set headers: {X-Scope-OrgID: NAME}"},
		"403":            {body(403, "text/plain", "no"), ErrDenied, "403 Forbidden: these credentials may not query"},
		"parse error":    {body(400, "application/json", parse242), ErrQuery, "1:5: parse error: unclosed left parenthesis"},
		"execution":      {body(422, "application/json", `{"status":"error","errorType":"execution","error":"found duplicate series"}`), ErrQuery, "found duplicate series"},
		"VictoriaMetrics": {
			body(422, "application/json", `{"status":"error","errorType":"422","error":"error when executing query=\"sum(\" for (time=1795799492555, step=300000): singleExpr: unexpected token"}`),
			ErrQuery, "singleExpr: unexpected token",
		},
		"too slow":       {body(503, "application/json", `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`), ErrTimeout, "the server gave up: query timed out in expression evaluation"},
		"error in a 200": {body(200, "application/json", `{"status":"error","errorType":"bad_data","error":"odd backend"}`), ErrQuery, "odd backend"},
		"starting":       {body(503, "text/plain", "Service Unavailable"), ErrStarting, "503 Service Unavailable: starting up (it replays its log), or overloaded"},
		"500":            {body(500, "text/plain", "panic: \x00boom"), ErrServer, `500 Internal Server Error: "panic: �boom"`},
		"429":            {body(429, "text/plain", "slow down"), ErrBusy, `429 Too Many Requests: "slow down": it limits how much it is asked: raise refresh, or ask for less`},
		"login redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://sso.example.com/login?state=s3cret", http.StatusFound)
		}, ErrNotPrometheus, "302 Found: it redirects to https://sso.example.com/login: a login page, or the URL to use instead?"},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "{")
		}, ErrUnreachable, "the connection broke before the answer was complete"},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, c.h)
			_, err := client.Range(context.Background(), "sum(", hour)
			require.ErrorIs(t, err, c.kind)
			require.Equal(t, "prometheus "+client.URL()+": "+c.says, err.Error())
			_, _, err = client.Instant(context.Background(), "sum(", time.Time{})
			require.ErrorIs(t, err, c.kind)
			_, _, err = client.Data(context.Background(), "sum(", time.Time{}, time.Unix(9, 0), time.Second)
			require.ErrorIs(t, err, c.kind)
			_, err = client.Alerts(context.Background())
			require.Error(t, err)
			require.Contains(t, err.Error(), client.URL())
		})
	}
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	c, err := NewClient(Config{URL: "http://bob:s3cret@" + addr + "/prom?dedup=true"})
	require.NoError(t, err)
	_, err = c.Range(context.Background(), "up", hour)
	require.ErrorIs(t, err, ErrUnreachable)
	require.EqualError(t, err, "prometheus http://"+addr+"/prom: connection refused: is Prometheus running there?")

	tls, err := NewClient(Config{URL: strings.Replace(serve(t, body(200, "text/plain", "")).URL(), "http:", "https:", 1)})
	require.NoError(t, err)
	_, err = tls.Ready(context.Background())
	require.ErrorContains(t, err, "it does not speak TLS: write http:// instead of https://?")
}

func TestBadURLsAreRefusedWithoutTheirSecrets(t *testing.T) {
	for in, want := range map[string]string{
		"":                                `prometheus URL "": write it as http://host:9090 or https://host/path`,
		"localhost:9090":                  `prometheus URL "localhost:9090": write it as http://host:9090 or https://host/path`,
		"ftp://u:s3cret@h":                `prometheus URL "ftp://u:xxxxx@h": write it as http://host:9090 or https://host/path`,
		"http://u:s3cret@h:99999999/\x7f": "prometheus URL: cannot be read; write http://host:9090",
		"http://h/prom/graph/":            `prometheus URL "http://h/prom/graph/": leave out /graph`,
		"http://h/api/v1":                 `prometheus URL "http://h/api/v1": leave out /api/v1`,
	} {
		_, err := NewClient(Config{URL: in})
		require.EqualError(t, err, want)
	}
}

func TestAServerThatHangsIsLeft(t *testing.T) {
	gone := make(chan struct{})
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		close(gone)
	}, func(c *Config) { c.Timeout = 50 * time.Millisecond })
	_, err := c.Range(context.Background(), "up", hour)
	require.ErrorIs(t, err, ErrTimeout)
	require.ErrorContains(t, err, "no answer within 50ms")
	<-gone // the server was told

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = c.Range(ctx, "up", hour)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, errors.Is(err, ErrUnreachable), "our own wish is no fault of the server")
}

func TestFiftyMegabytesAreNotRead(t *testing.T) {
	var sent atomic.Int64
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"matrix","result":[`)
		chunk := []byte(strings.Repeat(" ", 1<<20))
		for range 50 {
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}, func(c *Config) { c.Timeout = time.Minute })
	_, err := c.Range(context.Background(), "up", hour)
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorContains(t, err, "the answer is larger than 32 MiB: aggregate the query (sum by, topk) or take a larger step")
	require.Less(t, sent.Load(), int64(50<<20))
}

func TestCredentials(t *testing.T) {
	type seen struct{ auth, tenant string }
	var last atomic.Value
	echo := func(w http.ResponseWriter, r *http.Request) {
		last.Store(seen{r.Header.Get("Authorization"), r.Header.Get("X-Scope-OrgID")})
		body(200, "application/json", vector242)(w, r)
	}
	ask := func(c *Client) seen {
		_, _, err := c.Instant(context.Background(), "x", time.Time{})
		require.NoError(t, err)
		return last.Load().(seen)
	}
	secret := func(s string) func() (string, error) { return func() (string, error) { return s, nil } }
	require.Equal(t, seen{"Bearer t0ken", "team-a"}, ask(serve(t, echo, func(c *Config) {
		c.Bearer, c.Headers = secret("t0ken"), map[string]string{"X-Scope-OrgID": "team-a"}
	})))
	require.Equal(t, seen{auth: "Basic Ym9iOnB3"}, ask(serve(t, echo, func(c *Config) { c.User, c.Password = "bob", secret("pw") })))
	require.Equal(t, seen{auth: "Basic Ym9iOnB3"}, ask(serve(t, echo, func(c *Config) { c.URL = strings.Replace(c.URL, "//", "//bob:pw@", 1) })))

	_, _, err := serve(t, echo, func(c *Config) {
		c.Bearer = func() (string, error) { return "", errors.New("open token: no such file") }
	}).Instant(context.Background(), "x", time.Time{})
	require.ErrorIs(t, err, ErrDenied)
	require.ErrorContains(t, err, "read the bearer token: open token: no such file")
}

func TestATokenThatRotatedIsReadAgain(t *testing.T) {
	var requests, reads atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.FormValue("query") != "x" || r.Header.Get("Authorization") != "Bearer 2" {
			w.WriteHeader(401)
			return
		}
		body(200, "application/json", vector242)(w, r)
	}, func(c *Config) {
		c.Bearer = func() (string, error) { return fmt.Sprint(min(2, reads.Add(1))), nil }
	})
	for range 3 {
		_, _, err := c.Instant(context.Background(), "x", time.Time{})
		require.NoError(t, err)
	}
	require.EqualValues(t, 4, requests.Load(), "one refusal, then the new token at once and from then on")
}

func TestPostThenGet(t *testing.T) {
	var got atomic.Value
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		got.Store(r.URL.Query().Get("query") + " " + r.URL.Query().Get("dedup"))
		body(200, "application/json", vector242)(w, r)
	}, func(c *Config) { c.URL += "/base?dedup=true" })
	_, _, err := c.Instant(context.Background(), "x+1", time.Time{})
	require.NoError(t, err)
	require.Equal(t, "x+1 true", got.Load())
}

func TestClockSkew(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		body(200, "application/json", vector242)(w, r)
	})
	_, known := c.Skew()
	require.False(t, known)
	_, _, err := c.Instant(context.Background(), "x", time.Time{})
	require.NoError(t, err)
	skew, known := c.Skew()
	require.True(t, known)
	require.InDelta(t, time.Hour.Seconds(), skew.Seconds(), 60)
}

func TestMeta(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/alerts":
			body(200, "application/json", `{"status":"success","data":{"alerts":[{"labels":{"alertname":"Down","job":"a"},"annotations":{"summary":"s"},"state":"firing","activeAt":"2026-11-24T04:00:00.123456789Z","value":"1e+00"}]}}`)(w, r)
		case "/api/v1/rules":
			body(200, "application/json", `{"status":"success","data":{"groups":[{"name":"g","file":"f.yml","rules":[{"state":"inactive","name":"Down","query":"up == 0","duration":60,"labels":{"severity":"page"},"annotations":{},"alerts":[],"health":"err","lastError":"many-to-many","evaluationTime":0.0002,"lastEvaluation":"2026-11-24T04:00:00Z","type":"alerting"},{"name":"r","query":"up","health":"ok","evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z","type":"recording"}],"interval":15,"limit":0,"evaluationTime":0,"lastEvaluation":"2026-11-24T04:00:00Z"}]}}`)(w, r)
		case "/api/v1/status/buildinfo":
			body(200, "application/json", `{"status":"success","data":{"version":"2.42.0","revision":"r","branch":"b","buildUser":"u","buildDate":"d","goVersion":"go1.19"}}`)(w, r)
		case "/api/v1/targets":
			body(200, "application/json", `{"status":"success","data":{"activeTargets":[{"scrapeInterval":"15s"},{"scrapeInterval":"1m"},{"scrapeInterval":"15s"},{"scrapeInterval":"?"},{}],"droppedTargets":[]}}`)(w, r)
		default:
			body(200, "application/json", scalar242)(w, r)
		}
	})
	ctx := context.Background()
	alerts, err := c.Alerts(ctx)
	require.NoError(t, err)
	require.Equal(t, []RawAlert{{
		State: "firing", Labels: Labels{"alertname": "Down", "job": "a"}, Annotations: Labels{"summary": "s"},
		ActiveAt: time.Date(2026, 11, 24, 4, 0, 0, 123456789, time.UTC), Value: 1,
	}}, alerts)
	rules, err := c.Rules(ctx)
	require.NoError(t, err)
	require.Len(t, rules, 1)
	require.Equal(t, "Down err many-to-many 1m0s g", fmt.Sprint(rules[0].Name, " ", rules[0].Health, " ", rules[0].LastError, " ", rules[0].For, " ", rules[0].Group))
	info, err := c.Ready(ctx)
	require.NoError(t, err)
	require.Equal(t, BuildInfo{Version: "2.42.0", Revision: "r", GoVersion: "go1.19"}, info)
	every, err := c.ScrapeInterval(ctx)
	require.NoError(t, err)
	require.Equal(t, 15*time.Second, every)
}

func TestReadyWithoutBuildInfo(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "buildinfo") {
			http.NotFound(w, r)
			return
		}
		body(200, "application/json", vector242)(w, r)
	})
	info, err := c.Ready(context.Background())
	require.NoError(t, err)
	require.Zero(t, info)
}

func TestRangeRefusesMoreThanAServerAnswers(t *testing.T) {
	c := serve(t, body(200, "application/json", matrix242))
	_, err := c.Range(context.Background(), "up", Grid{Step: time.Second, N: maxPoints + 1})
	require.ErrorContains(t, err, "11001 points")
	_, err = c.Range(context.Background(), "up", Grid{})
	require.Error(t, err)
}
