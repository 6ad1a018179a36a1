package external

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/loadtest/compare"
)

var written = time.Date(2026, 11, 28, 11, 13, 37, 0, time.UTC)

func read(t *testing.T, src string) loadtest.Result {
	t.Helper()
	r, err := Read(strings.NewReader(src), "shop", written)
	require.NoError(t, err)
	return r
}

func recorded(t *testing.T, file string) string {
	t.Helper()
	src, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return string(src)
}

// The lines are what k6 1.8.1 wrote of eight requests: one refused, one that was answered
// otherwise than it expected, and an iteration that found no user.
func TestPointsOfK6(t *testing.T) {
	r := read(t, recorded(t, "k6-points.json"))
	require.EqualValues(t, 8, r.Requests)
	require.Equal(t, "k6", r.Engine)
	require.Equal(t, "closed", r.Model)
	require.EqualValues(t, 1, r.ErrorsByClass[loadtest.ClassRefused].Count)
	require.Equal(t, "GET http://127.0.0.1:1/refused: dial: connection refused", r.ErrorsByClass[loadtest.ClassRefused].Sample)
	require.EqualValues(t, 1, r.ErrorsByClass[loadtest.ClassExpect].Count)
	require.Equal(t, loadtest.GeneratorInvalid, r.Generator)
	require.Equal(t, loadtest.Invalid, r.Verdict)
	require.Contains(t, strings.Join(r.Reasons, "\n"), "coordinated omission")
	require.Contains(t, strings.Join(r.Reasons, "\n"), "k6 has dropped 1 iterations")
	require.Equal(t, "21.919ms", r.Latency.Max.String(), "21.914322 ms, to the width of a bucket")
	require.Equal(t, "2026-11-28T11:13:34Z", r.StartedAt.Format(time.RFC3339))
	sum(t, r)
}

// sum holds that seconds and rows are the whole.
func sum(t *testing.T, r loadtest.Result) {
	t.Helper()
	response, _, lag, err := loadtest.MergeRows(r.Rows)
	require.NoError(t, err)
	require.Equal(t, r.Latency, response.Latency())
	require.Equal(t, r.Requests, response.Count())
	require.Zero(t, lag.Count())
	var sent, done, failed int64
	for _, s := range r.Seconds {
		sent, done, failed = sent+s.Sent, done+s.Requests, failed+s.Errors
		require.EqualValues(t, sent-done, s.InFlight)
	}
	require.Equal(t, []int64{r.Requests, r.Requests, r.Errors}, []int64{sent, done, failed})
}

func TestSummariesOfK6(t *testing.T) {
	export, handled := read(t, recorded(t, "k6-summary-export.json")), read(t, recorded(t, "k6-handled.json"))
	for _, r := range []loadtest.Result{export, handled} {
		require.EqualValues(t, 8, r.Requests)
		require.EqualValues(t, 2, r.Errors)
		require.InDelta(t, 2.007, r.DurationSeconds, 0.001)
		require.Equal(t, []loadtest.ThresholdResult{
			{Expr: "http_req_duration max<1", Value: 21.914322},
			{Expr: "http_req_duration p(95)<500", Value: 20.267465599999998, OK: true},
			{Expr: "http_req_failed rate<0.5", Value: 0.25, OK: true},
		}, r.Thresholds)
		require.Equal(t, "6.324164ms", r.Latency.P50.String())
		require.Equal(t, r.Latency.Max, r.Latency.P99, "what k6 was not asked for is at most that")
		require.Contains(t, strings.Join(r.Reasons, "\n"), "p99, p99.9: not in the summary")
		require.Empty(t, r.Seconds)
		_, err := compare.Runs(r, r, compare.Options{})
		require.Error(t, err)
	}
	for src, want := range map[string]string{
		`{"metrics": {}}`: "neither lines of k6 nor a summary",
		`{"metrics": {"iterations": {"count": 3}}}`:                                "there is no request of HTTP in it",
		`{"metrics": {"http_req_duration": {"thresholds": {"p(95)<1": "maybe"}}}}`: "cannot unmarshal",
		`{"metrics": 3}`: "cannot unmarshal",
		`{"met`:          "unexpected end",
	} {
		_, err := Read(strings.NewReader(src), "shop", written)
		require.ErrorContains(t, err, want, src)
	}
}

const jtlHead = "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,grpThreads,allThreads,URL,Latency,IdleTime,Connect\n"

func TestCSVOfJMeter(t *testing.T) {
	src := jtlHead + `1700000000100,250,Home,200,OK,u 1-1,text,true,,1,1,1,1,null,0,0,0
1700000000400,900,Home,503,Busy,u 1-2,text,false,,1,1,1,1,null,0,0,0
1700000001500,40,Home-0,302,Found,u 1-1,text,true,,1,1,1,1,null,0,0,0
1700000001500,90,Home-1,200,OK,u 1-1,text,true,,1,1,1,1,null,0,0,0
1700000002000,10,Cart,200,OK,u 1-1,text,false,"Test failed: text expected to contain /a ""b""
c/",1,1,1,1,null,0,0,0
1700000002100,5,Pay,Non HTTP response code: java.net.SocketTimeoutException,Non HTTP response message: Read timed out,u 1-1,text,false,,1,1,1,1,null,0,0,0
1700000002200,5,Pay,Non HTTP response code: org.apache.http.conn.HttpHostConnectException,refused,u 1-1,text,false,,1,1,1,1,null,0,0,0
1700000000100,1200,All,200,"Number of samples in transaction : 2, number of failing samples : 0",u 1-1,,true,,1,1,1,1,null,0,0,0
1700000003000,7,step-1,200,OK,u 1-1,text,true,,1,1,1,1,null,0,0,0
1700000003000,oops,Home,200,OK,u 1-1,text,true,,1,1,1,1,null,0,0,0
`
	for name, text := range map[string]string{"commas": src, "a mark and tabs": "\ufeff" + strings.ReplaceAll(jtlHead, ",", "\t") + strings.ReplaceAll(strings.TrimPrefix(src, jtlHead), ",", "\t")} {
		if name == "a mark and tabs" {
			text = strings.ReplaceAll(text, "2\t number", "2, number")
		}
		r := read(t, text)
		require.EqualValues(t, 6, r.Requests, name)
		require.Equal(t, map[loadtest.Class]int64{loadtest.ClassServer: 1, loadtest.ClassExpect: 1, loadtest.ClassTimeout: 1, loadtest.ClassRefused: 1}, counts(r))
		require.Contains(t, r.ErrorsByClass[loadtest.ClassExpect].Sample, `Cart: 200 Test failed: text expected to contain /a "b"`)
		notes := strings.Join(r.Notes, "\n")
		require.Contains(t, notes, "3 samples were left out, because others hold them")
		require.Contains(t, notes, "1 rows of JMeter could not be read")
		require.Equal(t, "2023-11-14T22:13:20.1Z", r.StartedAt.Format(time.RFC3339Nano))
		require.Equal(t, []int{0, 1, 2}, []int{r.Seconds[0].Second, r.Seconds[1].Second, r.Seconds[2].Second})
		require.EqualValues(t, 2, r.Seconds[0].Sent)
		require.Equal(t, 1, r.Seconds[0].InFlight, "one is answered in the next second")
		sum(t, r)
	}
}

func counts(r loadtest.Result) map[loadtest.Class]int64 {
	out := map[loadtest.Class]int64{}
	for c, e := range r.ErrorsByClass {
		out[c] = e.Count
	}
	return out
}

func TestXMLOfJMeter(t *testing.T) {
	src := `<?xml version="1.0" encoding="UTF-8"?>
<testResults version="1.2">
<httpSample t="200" lt="90" ts="1700000000000" s="true" lb="Home" rc="200" rm="OK" tn="u 1-1" dt="text">
  <httpSample t="80" ts="1700000000000" s="true" lb="Home-0" rc="302" rm="Found"/>
  <httpSample t="110" ts="1700000000080" s="true" lb="Home-1" rc="200" rm="OK"/>
  <responseData class="java.lang.String">&lt;html&gt;</responseData>
</httpSample>
<sample t="900" ts="1700000001000" s="false" lb="Buy" rc="" rm="Number of samples in transaction : 2, number of failing samples : 1">
  <httpSample t="300" ts="1700000001000" s="true" lb="Cart" rc="200" rm="OK"/>
  <httpSample t="500" ts="1700000001400" s="false" lb="Pay" rc="500" rm="Oops"/>
</sample>
<httpSample t="1" ts="1700000002000" s="false" lb="x" rc="Non HTTP response code: java.net.UnknownHostException" rm="no"/>
</testResults>
`
	r := read(t, src)
	require.EqualValues(t, 4, r.Requests)
	require.Equal(t, map[loadtest.Class]int64{loadtest.ClassServer: 1, loadtest.ClassDNS: 1}, counts(r))
	sum(t, r)
	cut := read(t, src[:strings.Index(src, "<sample t=")+30])
	require.EqualValues(t, 1, cut.Requests)
	require.Contains(t, strings.Join(cut.Notes, "\n"), "the file ends in the middle")

	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(src))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.Equal(t, r, read(t, packed.String()))
}

// Whatever a file holds, reading it ends, with a result or with what is wrong.
func TestHostileResults(t *testing.T) {
	for src, want := range map[string]string{
		"":                                   "the file is empty",
		"\x00\x01":                           "it is neither JSON of k6",
		"a,b\n1,2\n":                         "it is neither JSON of k6",
		"\x1f\x8bxxx":                        "gzip",
		"timeStamp,label\n1700000000000,x\n": "names no column elapsed",
		jtlHead:                              "there is no request in it",
		"<testResults><httpSample t='1' ts='1700000000000'>&lol;</httpSample>": "invalid character entity",
		"<!DOCTYPE x [<!ENTITY lol 'lol'>]><testResults>&lol;</testResults>":   "invalid character entity",
		"<testResults><responseData>" + strings.Repeat("x", 9<<20):             "more than 8 MiB",
		jtlHead + "1700000000000,5,\"" + strings.Repeat("x\n", 5<<20):          "more than 8 MiB",
		jtlHead + "1700000000000,5,a,200\n1800000000000,5,a,200\n":             "that is no run, whose most is 1d",
		jtlHead + "1700000000000,99999999999999,a,200\n":                       "took 24h0m0.001s",
		jtlHead + "0,5,a,200\n": "began at 1970",
		`{"metric":"http_req_duration","type":"Point"` + strings.Repeat(" ", 2<<20):                       "line 1 has more than",
		`{"metric":"http_req_duration","type":"Point","data":{"time":"2026-01-01T00:00:00Z","value":-1}}`: "took -1ms",
	} {
		_, err := Read(strings.NewReader(src), "shop", written)
		require.ErrorContains(t, err, want, "%.60q", src)
	}
	r := read(t, recorded(t, "k6-points.json")+`{"metric":"http_req_duration","type":"Point","data":{"ti`)
	require.EqualValues(t, 8, r.Requests, "k6 was killed as it wrote")
	require.Contains(t, strings.Join(r.Notes, "\n"), "1 lines of k6 could not be read")
}

// Two runs of one engine can be compared, those of two cannot.
func TestResultsCompare(t *testing.T) {
	var a, b strings.Builder
	a.WriteString(jtlHead)
	b.WriteString(jtlHead)
	for i := range 4000 {
		fmt.Fprintf(&a, "%d,%d,a,200,OK,u,text,true\n", 1_700_000_000_000+i*10, 20+i%7)
		fmt.Fprintf(&b, "%d,%d,a,200,OK,u,text,true\n", 1_700_000_000_000+i*10, 60+i%7)
	}
	base, slow := read(t, a.String()), read(t, b.String())
	base.Run, slow.Run = "LT-1", "LT-2"
	c, err := compare.Runs(base, slow, compare.Options{})
	require.NoError(t, err)
	require.Equal(t, compare.Regressed, c.Verdict)
	other := slow
	other.Engine = "k6 v1.8.1"
	_, err = compare.Runs(base, other, compare.Options{})
	require.ErrorContains(t, err, "was measured by JMeter and LT-2 by k6")
	newer := slow
	newer.Engine = "JMeter 5.6.3"
	_, err = compare.Runs(base, newer, compare.Options{})
	require.NoError(t, err)
}

func FuzzRead(f *testing.F) {
	for _, file := range []string{"k6-points.json", "k6-summary-export.json", "k6-handled.json"} {
		src, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte(jtlHead + "1700000000100,250,Home,200,OK,u 1-1,text,true\n"))
	f.Add([]byte(`<testResults><httpSample t="200" ts="1700000000000" s="true" lb="Home" rc="200"/></testResults>`))
	f.Fuzz(func(t *testing.T, src []byte) {
		r, err := Read(bytes.NewReader(src), "shop", written)
		if err != nil || len(r.Seconds) == 0 {
			return
		}
		sum(t, r)
	})
}

// A file need not be in order: seconds are told from the earliest on.
func TestOrderDoesNotMatter(t *testing.T) {
	r := read(t, jtlHead+"1700000005500,100,b,200,OK,u,text,true\n1700000000200,50,a,200,OK,u,text,true\n1700000003000,10,a,200,OK,u,text,true\n")
	require.Equal(t, "2023-11-14T22:13:19.5Z", r.StartedAt.Format(time.RFC3339Nano), "whole seconds before the first that was read")
	require.Equal(t, []int{0, 3, 6}, []int{r.Seconds[0].Second, r.Seconds[1].Second, r.Seconds[2].Second})
	require.InDelta(t, 5.4, r.DurationSeconds, 1e-9)
	sum(t, r)
}
