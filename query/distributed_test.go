package query_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// cluster answers as the contracts of Mimir, Cortex and Thanos say, from a table: the
// value of a series at a time is known to everybody. It is asked in the process, so that
// its time is that of the bubble.
type cluster struct {
	kind   string // Mimir, Cortex, Thanos; Prometheus
	prefix string // of its paths
	tenant string // that has to be named
	align  time.Duration
	ahead  time.Duration                                     // its clock
	answer func(w http.ResponseWriter, r *http.Request) bool // instead of an answer, where it says so
	value  func(series int, at time.Time, start time.Time, step time.Duration) float64
	since  func() time.Time // nothing is older

	mu      sync.Mutex
	started string
	stores  []*clusterStore
	asked   []int // points
	headers http.Header
}

// clusterStore has one series.
type clusterStore struct {
	name   string
	failed time.Time // zero: it is well
	from   time.Time // the samples after it are elsewhere too; zero: none are
}

const (
	inTheSet = 5 * time.Second // a store that fails is still asked, and missed
	onList   = 5 * time.Minute // and so long on the list, with its error
)

func (c *cluster) now() time.Time { return time.Now().Add(c.ahead) }

// RoundTrip implements http.RoundTripper.
func (c *cluster) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	w.Header().Set("Date", c.now().UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")
	if r.Body == nil {
		r.Body = http.NoBody
	}
	c.ServeHTTP(w, r)
	return w.Result(), r.Body.Close()
}

// ServeHTTP implements http.Handler.
func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path, ours := strings.CutPrefix(r.URL.Path, c.prefix)
	switch {
	case !ours:
		http.NotFound(w, r)
	case c.tenant != "" && r.Header.Get("X-Scope-OrgID") != c.tenant:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "no org id\n")
	case c.answer != nil && c.answer(w, r):
	case path == "/api/v1/status/buildinfo":
		c.say(w, map[string]string{
			"Mimir":      `{"application":"Grafana Mimir","version":"2.14.0","revision":"r","goVersion":"go1.23","features":{"ruler_config_api":"true"}}`,
			"Thanos":     `{"version":"0.36.1","revision":"r","branch":"HEAD","buildUser":"u","buildDate":"d","goVersion":"go1.22"}`,
			"Cortex":     `{"version":"1.18.1","revision":"r","branch":"HEAD","goVersion":"go1.22"}`,
			"Prometheus": `{"version":"2.42.0","revision":"r","goVersion":"go1.19"}`,
		}[c.kind])
	case path == "/api/v1/status/runtimeinfo" && c.kind == "Prometheus":
		c.say(w, `{"startTime":"`+c.started+`"}`)
	case path == "/api/v1/targets" && c.kind == "Prometheus":
		c.say(w, `{"activeTargets":[{"scrapeTimeout":"10s","scrapeInterval":"15s"}]}`)
	case path == "/api/v1/rules" && c.kind == "Prometheus":
		c.say(w, `{"groups":[]}`)
	case path == "/api/v1/stores" && c.kind == "Thanos":
		c.say(w, c.roll())
	case path == "/api/v1/query_range":
		c.headers = r.Header
		c.rangeQuery(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (c *cluster) say(w io.Writer, data string, warnings ...string) {
	said, _ := json.Marshal(warnings) //nolint:errchkjson // of strings
	if warnings == nil {
		said = []byte("[]")
	}
	fmt.Fprintf(w, `{"status":"success","data":%s,"warnings":%s}`, data, said)
}

// roll is the list of stores: who failed is on it for a while.
func (c *cluster) roll() string {
	list := []map[string]any{}
	for _, s := range c.stores {
		switch failed := time.Since(s.failed); {
		case s.failed.IsZero(), failed < inTheSet:
			list = append(list, map[string]any{"name": s.name, "lastError": nil, "labelSets": []any{}, "minTime": 0, "maxTime": int64(1) << 62})
		case failed < onList:
			list = append(list, map[string]any{"name": s.name, "lastError": "rpc error: code = Unavailable", "labelSets": []any{}, "minTime": 0, "maxTime": 0})
		}
	}
	text, _ := json.Marshal(map[string]any{"store": list}) //nolint:errchkjson // of plain values
	return string(text)
}

func (c *cluster) rangeQuery(w io.Writer, r *http.Request) {
	number := func(key string) time.Duration {
		v, _ := strconv.ParseFloat(r.FormValue(key), 64)
		return time.Duration(v * float64(time.Second)).Round(time.Millisecond)
	}
	start, end, step := number("start"), number("end"), number("step")
	if c.align > 0 {
		start, end = start/c.align*c.align, end/c.align*c.align
	}
	c.asked = append(c.asked, int((end-start)/step)+1)
	var warnings []string
	var out []string
	for i := range max(1, len(c.stores)) {
		var from time.Time
		if len(c.stores) > 0 {
			s := c.stores[i]
			if !s.failed.IsZero() {
				from = s.from
				if time.Since(s.failed) < inTheSet {
					warnings = append(warnings, "receive series from "+s.name+": rpc error: code = Unavailable")
				}
				if from.IsZero() {
					continue
				}
			}
		}
		var points []string
		for at := start; at <= end; at += step {
			t := time.Unix(0, int64(at))
			if t.After(c.now()) || !from.IsZero() && t.Before(from) || c.since != nil && t.Before(c.since()) {
				continue
			}
			points = append(points, fmt.Sprintf(`[%.3f,"%v"]`, at.Seconds(), c.value(i, t, time.Unix(0, int64(start)), step)))
		}
		if points != nil {
			out = append(out, fmt.Sprintf(`{"metric":{"replica":"%d"},"values":[%s]}`, i, strings.Join(points, ",")))
		}
	}
	c.say(w, `{"resultType":"matrix","result":[`+strings.Join(out, ",")+`]}`, warnings...)
}

// seconds is a value that tells its time.
func secondsOf(series int, at, _ time.Time, _ time.Duration) float64 {
	return float64(at.Unix()) + float64(series)/10
}

func (c *cluster) client(t *testing.T, headers map[string]string) *query.Client {
	t.Helper()
	client, err := query.NewClient(query.Config{URL: "http://cluster.example" + c.prefix, HTTP: c, Headers: headers})
	require.NoError(t, err)
	return client
}

func (c *cluster) points() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.asked
	c.asked = nil
	return n
}

// wrong is how many points of a frame are not what the table says.
func (c *cluster) wrong(f query.Frame) (n int) {
	count := max(1, len(c.stores))
	if len(f.Series) != count {
		n += f.Grid.N
	}
	for _, s := range f.Series {
		i, _ := strconv.Atoi(s.Labels["replica"])
		for j, v := range s.Values {
			at := f.Grid.Time(j)
			there := !at.After(c.now()) && (c.since == nil || !at.Before(c.since()))
			if there == query.IsAbsent(v) || there && v != c.value(i, at, f.Grid.Start, f.Grid.Step) {
				n++
			}
		}
	}
	return n
}

func TestMimirAndCortexBehindTheirPrefix(t *testing.T) {
	for _, kind := range []string{"Mimir", "Cortex"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &cluster{kind: kind, prefix: "/prometheus", tenant: "shop", value: secondsOf}
				nobody := s.client(t, nil)
				g := query.Align(time.Now(), time.Hour, 240)
				_, err := nobody.Range(t.Context(), "x", g)
				require.ErrorIs(t, err, query.ErrDenied)
				require.ErrorContains(t, err, "it wants to know the tenant: set headers: {X-Scope-OrgID: NAME}")
				root, err := query.NewClient(query.Config{URL: "http://cluster.example", HTTP: s})
				require.NoError(t, err)
				_, err = root.Range(t.Context(), "x", g)
				require.ErrorIs(t, err, query.ErrNotPrometheus)
				require.ErrorContains(t, err, "is the path right? Mimir and Cortex have it under /prometheus")

				client := s.client(t, map[string]string{"X-Scope-OrgID": "shop"})
				about, err := client.About(t.Context())
				require.NoError(t, err)
				require.Equal(t, map[string]string{"Mimir": "Grafana Mimir 2.14.0", "Cortex": "Thanos or Cortex 1.18.1"}[kind], about.String())
				c := query.NewCache(client, query.CacheConfig{Rand: middle})
				s.points()
				for range 40 {
					f := mustRange(t, c, "x", query.Align(time.Now(), time.Hour, 240))
					require.Empty(t, f.Warnings)
					require.Zero(t, s.wrong(f))
					time.Sleep(30 * time.Second)
				}
				require.Less(t, slices.Max(s.points()[1:30]), 46, "what is older than 10 minutes is known")
				for _, conditional := range []string{"If-None-Match", "If-Modified-Since", "Range"} {
					require.Empty(t, s.headers.Get(conditional))
				}
			})
		})
	}
}

// The errors of the three, as they send them; what can be set is said, however long
// their text is.
func TestLimitsOfClustersSayWhatToSet(t *testing.T) {
	const mimir = " Consider reducing the time range and/or number of series selected by the query. One way to reduce the number of selected series is to add more label matchers to the query. Otherwise, to adjust the related per-tenant limit, configure "
	for name, c := range map[string]struct {
		status     int
		typ, text  string
		kind       error
		says, not_ string
	}{
		"series": {
			422, "execution", "expanding series: the query exceeded the maximum number of series (limit: 3 series) (err-mimir-max-series-per-query)." + mimir + "-querier.max-fetched-series-per-query, or contact your service administrator.",
			query.ErrQuery, "(limit: 3 series) (err-mimir-max-series-per-query): select fewer series or a shorter time, or raise -querier.max-fetched-series-per-query of the server", "administrator",
		},
		"chunks of a shard": {
			422, "execution", "the query exceeded the maximum number of chunks (limit: 11 chunks) (err-mimir-max-chunks-per-query)." + mimir + "-querier.max-fetched-chunks-per-query, or contact your service administrator.",
			query.ErrQuery, "or raise -querier.max-fetched-chunks-per-query of the server", "One way",
		},
		"memory": {
			422, "execution", "the query exceeded the maximum allowed estimated amount of memory consumed by a single query (limit: 8 bytes) (err-mimir-max-estimated-memory-consumption-per-query). To adjust the related per-tenant limit, configure -querier.max-estimated-memory-consumption-per-query, or contact your service administrator.",
			query.ErrQuery, "or raise -querier.max-estimated-memory-consumption-per-query of the server", "contact",
		},
		"length": {
			400, "bad_data", "the total query time range exceeds the limit (query length: 1h0m0s, limit: 1m0s) (err-mimir-max-total-query-length). To adjust the related per-tenant limit, configure -query-frontend.max-total-query-length, or contact your service administrator.",
			query.ErrQuery, "or raise -query-frontend.max-total-query-length of the server", "contact",
		},
		"a store is away": {
			500, "internal", "expanding series: failed to fetch some blocks (err-mimir-store-consistency-check-failed). The failed blocks are: 01H", query.ErrServer,
			"a part of its storage is away, and it gives no half answers", "The failed blocks",
		},
		"blocked": {
			422, "execution", "the request has been blocked by the cluster administrator (err-mimir-query-blocked)", query.ErrQuery, "blocked_queries", "contact",
		},
		"queue": {429, "too_many_requests", "too many outstanding requests", query.ErrBusy, "429 Too Many Requests: too many outstanding requests", "contact"},
		"Cortex's series": {
			422, "execution", "the query hit the max number of series limit (limit: 100000 series)", query.ErrQuery, "or raise -querier.max-fetched-series-per-query of the server", "contact",
		},
		"Cortex's length": {
			422, "execution", "the query time range exceeds the limit (query length: 8h0m0s, limit: 1h0m0s)", query.ErrQuery, "raise -store.max-query-length of the server", "contact",
		},
		"a store of Thanos": {
			422, "execution", "expanding series: proxy Series(): rpc error: code = ResourceExhausted desc = exceeded series limit: limit 1 violated (got 2)", query.ErrQuery,
			"(got 2): select fewer series or a shorter time, or raise --store.limits.request-series of the server", "contact",
		},
		"Thanos that may not be partial": {
			422, "execution", "expanding series: proxy Series(): rpc error: code = Aborted desc = receive series from Addr: a: rpc error: code = Unavailable", query.ErrQuery, "code = Unavailable", "contact",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &cluster{kind: "Mimir", value: secondsOf, answer: func(w http.ResponseWriter, _ *http.Request) bool {
				text, err := json.Marshal(map[string]string{"status": "error", "errorType": c.typ, "error": c.text})
				require.NoError(t, err)
				w.WriteHeader(c.status)
				_, _ = w.Write(text)
				return true
			}}
			_, err := s.client(t, nil).Range(t.Context(), "x", query.Align(time.Now(), time.Hour, 240))
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), c.not_)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// A server that aligns windows by itself never puts a value in a wrong place without
// saying so, and nothing of that is held.
func TestAlignedWindows(t *testing.T) {
	for name, c := range map[string]struct {
		align, step time.Duration
		says        string
	}{
		"to our step":           {15 * time.Second, 15 * time.Second, ""},
		"to what divides it":    {5 * time.Second, 15 * time.Second, ""},
		"to 10 s, with 15":      {10 * time.Second, 15 * time.Second, "were between the steps and moved to the nearest"},
		"to a minute, with 15s": {time.Minute, 15 * time.Second, "lie before or after the time that was asked for and are left out"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &cluster{kind: "Mimir", align: c.align, value: secondsOf}
				cache := query.NewCache(s.client(t, nil), query.CacheConfig{Rand: middle})
				seen := 0
				for range 100 {
					now := time.Now()
					f := mustRange(t, cache, "x", query.Steps(now.Add(-time.Hour), now, c.step))
					if len(f.Warnings) == 0 {
						require.Zero(t, s.wrong(f))
					} else {
						require.Contains(t, strings.Join(f.Warnings, "\n"), c.says)
						seen++
					}
					time.Sleep(5 * time.Second)
				}
				require.Equal(t, c.says != "", seen > 0)
			})
		})
	}
}

// A store gateway is away for a while, and takes the older samples of one replica along:
// it is said while Thanos knows it, and nothing of what was learned meanwhile stays.
func TestAStoreOfThanosThatIsAway(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 1))
				s := &cluster{kind: "Thanos", value: secondsOf, stores: []*clusterStore{{name: "a:10901"}, {name: "b:10901"}, {name: "c:10901"}}}
				client := s.client(t, nil)
				c := query.NewCache(client, query.CacheConfig{Rand: r.Float64})
				look := func() (query.Frame, int) {
					spans := []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour}
					f := mustRange(t, c, "x", query.Align(time.Now(), spans[r.IntN(3)], 240))
					return f, s.wrong(f)
				}
				for range 4 {
					for range 20 {
						f, wrong := look()
						require.Empty(t, f.Warnings)
						require.Zero(t, wrong)
						time.Sleep(time.Duration(1+r.IntN(20)) * time.Second)
					}
					away := s.stores[r.IntN(3)]
					away.failed = time.Now()
					if r.IntN(2) == 0 { // its younger samples are elsewhere too
						away.from = time.Now().Add(-time.Duration(r.IntN(120)) * time.Minute)
					}
					for began, length := time.Now(), time.Duration(1+r.IntN(10))*time.Minute; time.Since(began) < length; {
						f, _ := look()
						if since := time.Since(began); since < inTheSet || since > 31*time.Second && since < onList {
							require.NotEmpty(t, f.Warnings, "after %v", since)
						}
						time.Sleep(time.Duration(1+r.IntN(15)) * time.Second)
					}
					away.failed, away.from = time.Time{}, time.Time{}
					look() // now it is asked who is there
					time.Sleep(31 * time.Second)
				}
				s.stores[1].failed = time.Now().Add(-time.Minute)
				about, err := client.About(t.Context())
				require.NoError(t, err)
				require.Equal(t, "Thanos 0.36.1, 1 of 3 stores do not answer (store b:10901): what only they have is missing", about.String())
			})
		})
	}
}

// With automatic downsampling the resolution of what is looked at grows with the step:
// an answer to a coarse step is no thinned answer to a fine one.
func TestResolutionsOfThanosAreNotMixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &cluster{kind: "Thanos", stores: []*clusterStore{{name: "a"}}, value: func(_ int, at, _ time.Time, step time.Duration) float64 {
			for _, resolution := range []time.Duration{time.Hour, 5 * time.Minute} {
				if step/5 >= resolution {
					return float64(at.Unix()) + resolution.Minutes()
				}
			}
			return float64(at.Unix())
		}}
		c := query.NewCache(s.client(t, nil), query.CacheConfig{Rand: middle})
		for _, columns := range []int{1440, 360, 24, 2, 24, 1440} { // from a minute to 12 hours
			s.points()
			for i := range 3 {
				f := mustRange(t, c, "x", query.Align(time.Now(), 24*time.Hour, columns))
				require.Zero(t, s.wrong(f), columns)
				if i == 0 {
					require.LessOrEqual(t, len(s.points()), 2, "one question for the window, and one for the moment")
				}
				time.Sleep(10 * time.Second)
			}
		}
	})
}

// A pair of replicas is deduplicated from the beginning of the window, so that two
// windows may tell of different ones: what contradicts itself again and again is not
// joined, and costs one question.
func TestWindowsOfADeduplicatedPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &cluster{kind: "Thanos", stores: []*clusterStore{{name: "a"}}, value: func(_ int, at, start time.Time, _ time.Duration) float64 {
			return float64(at.Unix() + start.Unix()/15%2)
		}}
		c := query.NewCache(s.client(t, nil), query.CacheConfig{Rand: middle})
		questions := 0
		for range 60 {
			f := mustRange(t, c, "x", query.Align(time.Now(), time.Hour, 240))
			for _, v := range f.Series[0].Values {
				require.False(t, query.IsAbsent(v))
			}
			questions += len(s.points())
			time.Sleep(15 * time.Second)
		}
		require.Less(t, questions, 68)
	})
}
