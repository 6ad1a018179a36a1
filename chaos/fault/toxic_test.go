package fault_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// throughToxiproxy is a target behind a proxy "db" of a Toxiproxy that answers so.
func throughToxiproxy(t *testing.T, does http.HandlerFunc) chaos.Target {
	srv := httptest.NewServer(does)
	t.Cleanup(srv.Close)
	return toxicAt(t, srv.URL)
}

func toxicAt(t *testing.T, url string) chaos.Target {
	all, err := chaos.Sources{
		Toxiproxy: url, Toxiproxies: []chaos.ToxicTarget{{Name: "db", Service: "db", Proxy: "db"}}, Control: []string{"127.0.0.1:9090", "prom.example:9090"},
	}.Find(t.Context())
	require.NoError(t, err)
	return all[0]
}

// TestToxicPlans is what a person reads before anything is done.
func TestToxicPlans(t *testing.T) {
	target := throughToxiproxy(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			panic("planning touches nothing")
		}
		fmt.Fprint(w, `{"name": "db", "listen": "127.0.0.1:26379", "upstream": "10.0.0.7:6379", "enabled": true}`)
	})
	for _, c := range []struct {
		name string
		with chaos.With
		want string
	}{
		{"latency", chaos.With{"latency": "1s", "jitter": "100ms"}, "latency downstream jitter=100 latency=1000"},
		{"timeout", nil, "timeout downstream timeout=0"},
		{"reset_peer", chaos.With{"timeout": "2s"}, "reset_peer downstream timeout=2000"},
		{"bandwidth", chaos.With{"rate": "64kB", "stream": "upstream"}, "bandwidth upstream rate=64"},
		{"slow_close", chaos.With{"delay": "1s", "toxicity": "0.25"}, "slow_close downstream delay=1000, of 25 % of the connections"},
		{"slicer", chaos.With{"average_size": "64B", "size_variation": "16B", "delay": "1ms"}, "slicer downstream average_size=64 delay=1000 size_variation=16"},
		{"limit_data", chaos.With{"bytes": "1KiB"}, "limit_data downstream bytes=1024"},
	} {
		inj := plan(t, target, "toxic."+c.name, "", c.with)
		server := target.Toxic.Server.URL
		require.Equal(t, []string{"POST " + server + "/proxies/db/toxics: " + c.want + ", for 30s"}, inj.Preview)
		require.Equal(t, "[DELETE "+server+"/proxies/db/toxics/f-1]", fmt.Sprint(inj.Undo))
		require.Equal(t, "GET "+server+"/proxies/db/toxics/f-1 is 404", inj.Gone.String())
		require.Equal(t, chaos.TierDeadMan, inj.Tier)
	}
	inj := plan(t, target, "toxic.down", "", nil)
	server := target.Toxic.Server.URL
	require.Equal(t, []string{"POST " + server + `/proxies/db {"enabled": false} for 30s: nobody listens on 127.0.0.1:26379`}, inj.Preview)
	require.Equal(t, "[POST "+server+`/proxies/db {"enabled": true}]`, fmt.Sprint(inj.Undo))
	require.Equal(t, "GET "+server+"/proxies/db says enabled", inj.Gone.String())
}

// TestHostileToxiproxy: whatever answers, the run is refused, and says why.
func TestHostileToxiproxy(t *testing.T) {
	say := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
	}
	for _, c := range []struct {
		does http.HandlerFunc
		why  string
	}{
		{say("<html>"), "refused R10 unreachable: db: toxiproxy: GET SERVER/proxies/db: this is not Toxiproxy's answer: "},
		{say(`{"name": "other"}`), `asked for db, it tells of "other"`},
		{say(`{"name": "db", "enabled": false}`), "refused R7 stopped-already: db: proxy db is disabled already"},
		{say(`{"name": "db", "enabled": true, "upstream": "localhost:9090"}`), "refused R8 control-path: db: proxy db is on the way to localhost:9090"},
		{say(`{"name": "db", "enabled": true, "upstream": "PROM.example:9090"}`), "refused R8 control-path: "},
		{func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"error": "no"}`, http.StatusNotFound) }, "refused R10 no-proxy: db: Toxiproxy has no proxy db"},
		{func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error": "too busy"}`, http.StatusTeapot)
		}, "418 I'm a teapot: too busy"},
		{func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.com/", http.StatusFound)
		}, "302 Found"},
		{func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}, "its answer has no end"},
		{func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "context deadline exceeded"},
	} {
		target := throughToxiproxy(t, c.does)
		require.Contains(t, refused(t, target, "toxic.down", "", nil), strings.ReplaceAll(c.why, "SERVER", target.Toxic.Server.URL))
	}
	require.Contains(t, refused(t, toxicAt(t, "http://127.0.0.1:1"), "toxic.timeout", "", nil), "connect: connection refused; start Toxiproxy, or set chaos.toxiproxy.url")
	require.Contains(t, refused(t, toxicAt(t, "ftp://x"), "toxic.timeout", "", nil), `refused R10 unreachable: db: "ftp://x" is not the address of Toxiproxy`)
	require.Contains(t, refused(t, toxicAt(t, "http://127.0.0.1:1"), "process.pause", "", nil), "refused R10 no-process: ")
	_, other := program(t, "sleep", "1000")
	require.Contains(t, refused(t, other, "toxic.down", "", nil), "refused R7 not-named: job is no proxy of Toxiproxy")
}

// TestToxicOps: a journal that somebody else has written removes nothing of theirs.
func TestToxicOps(t *testing.T) {
	ours := chaos.ToxicRef{Server: "http://127.0.0.1:8474", Proxy: "db", Toxic: "01hzzzzzzzzzzzzzzzzzzzzzzz-1"}
	require.NoError(t, chaos.RemoveToxic(ours).Valid())
	for _, r := range []chaos.ToxicRef{
		{Server: ours.Server, Proxy: "db", Toxic: "latency_downstream"},
		{Server: ours.Server, Proxy: "db/../..", Toxic: ours.Toxic},
		{Server: ours.Server, Proxy: "", Toxic: ours.Toxic},
		{Server: ours.Server + "/x?", Proxy: "db", Toxic: ours.Toxic},
		{Server: "http://u:p@127.0.0.1", Proxy: "db", Toxic: ours.Toxic},
		{Server: "file:///", Proxy: "db", Toxic: ours.Toxic},
		{Server: ours.Server, Proxy: "db"},
	} {
		require.Error(t, chaos.RemoveToxic(r).Valid(), r)
		require.Error(t, chaos.ToxicAbsent(r).Valid(), r)
	}
	require.Error(t, chaos.EnableProxy(ours).Valid(), "a toxic is none")
	require.Error(t, chaos.Op{Do: "toxic-enable"}.Valid())
	for want, c := range map[string]struct {
		name string
		with chaos.With
	}{
		"latency: missing":                    {"latency", nil},
		"latency: want at least 1ms":          {"latency", chaos.With{"latency": "1ms", "jitter": "2ms"}},
		"rate: missing":                       {"bandwidth", nil},
		"rate: less than 1000 B cannot":       {"bandwidth", chaos.With{"rate": "1B"}},
		"delay: missing":                      {"slow_close", nil},
		"size_variation: it must be less":     {"slicer", chaos.With{"average_size": "1B", "size_variation": "1B"}},
		"bytes: missing":                      {"limit_data", nil},
		`stream: "both" is not one of`:        {"timeout", chaos.With{"stream": "both"}},
		`toxicity: "2" is not a share`:        {"timeout", chaos.With{"toxicity": "2"}},
		`unknown parameter "latency"`:         {"timeout", chaos.With{"latency": "1s"}},
		"timeout: 2m is more than the cap of": {"reset_peer", chaos.With{"timeout": "2m"}},
	} {
		require.ErrorContains(t, kind(t, "toxic."+c.name).Check(c.with), want)
	}
	require.ErrorContains(t, kind(t, "toxic.down").Check(chaos.With{"stream": "upstream"}), `unknown parameter "stream"`)
}
