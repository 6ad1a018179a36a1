package loadtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// loaded reads a plan that stands beside files.
func loaded(t *testing.T, src string, files map[string]string) (Plan, error) {
	t.Helper()
	return LoadPlan(filepath.Join(written(t, files), "p.yaml"), []byte(src))
}

// Every row of the file is sent once before any is sent again, escaped for where it
// stands; the file may be gone by then.
func TestRowsOfData(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		seen[r.URL.Path+"|"+r.URL.Query().Get("q")+"|"+r.Header.Get("X-User")+"|"+string(body)]++
		mu.Unlock()
	})
	files := map[string]string{
		"users.csv":   "user,q\nann,\"a b&c\"\nb/b d,\"x\r\ny\"\n",
		"users.jsonl": `{"user":"ann","q":"a b&c"}` + "\n\n" + `{"user":"b/b d","q":"x\r\ny"}` + "\n",
		"body.txt":    "{{.user}} says {{ .q }}",
	}
	for _, data := range []string{"users.csv", "users.jsonl"} {
		clear(seen)
		p, err := loaded(t, fmt.Sprintf(`
name: rows
targets: [{method: POST, url: "%s/u/{{.user}}?q={{.q}}", headers: {X-User: "{{.user}} {{.q}}"}, body_file: body.txt}]
data: {file: %s}
stages: [{rate: 100, for: 200ms}]
`, s.URL, data), files)
		require.NoError(t, err)
		r, err := Means{Progress: func(Progress) { _ = os.RemoveAll(p.Dir) }}.Run(t.Context(), p)
		require.NoError(t, err)
		require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
		second := "/u/b/b d|x\r\ny|b/b d x  y|b/b d says x\r\ny"
		if data == "users.csv" { // encoding/csv makes \r\n in quotes \n
			second = "/u/b/b d|x\ny|b/b d x y|b/b d says x\ny"
		}
		require.Equal(t, map[string]int{"/u/ann|a b&c|ann a b&c|ann says a b&c": 10, second: 10}, seen)
	}
}

func TestRandomRowsRepeatBySeed(t *testing.T) {
	one := &table{rows: make([][]string, 100), random: true, seed: 7}
	for i := range one.rows {
		one.rows[i] = []string{fmt.Sprint(i)}
	}
	two := &table{rows: one.rows, random: true, seed: 8}
	hits, same := map[string]int{}, 0
	for n := range int64(10_000) {
		hits[one.row(n)[0]]++
		require.Equal(t, one.row(n), one.row(n))
		if one.row(n)[0] == two.row(n)[0] {
			same++
		}
	}
	require.Len(t, hits, 100)
	require.InDelta(t, 100, same, 50, "another seed deals other rows")
	for _, n := range hits {
		require.InDelta(t, 100, n, 50)
	}
}

func TestPlansWithFilesSayWhereAndWhat(t *testing.T) {
	const plan = "name: p\ntargets: [{method: POST, url: \"http://127.0.0.1:1/{{.user}}\", body: \"{{.user}}\"}]\ndata: {file: u.csv}\nstages: [{rate: 1, for: 1s}]\n"
	change := func(old, new string) string {
		require.Contains(t, plan, old)
		return strings.Replace(plan, old, new, 1)
	}
	for want, c := range map[string]struct{ src, data string }{
		"p.yaml:3:14: ":           {plan, ""},
		"no such file":            {change("u.csv", "gone.csv"), "user\na\n"},
		"there are no rows in it": {plan, "user\n"},
		"{{.user}} stands for nothing; there is: name, seq": {plan, "name\na\n"},
		"wrong number of fields":                            {plan, "user\na,b\n"},
		"two columns are called a":                          {plan, "a,a\n"},
		`column 1 is called "a b"`:                          {plan, "a b\n"},
		"the name of the arrival's number":                  {plan, "seq\n1\n"},
		`order is "shuffled"`:                               {change("u.csv", "u.csv, order: shuffled"), "user\na\n"},
		"the host is no place for a placeholder":            {change("127.0.0.1:1", "{{.user}}"), "user\na\n"},
		`"{{user}}" is no placeholder`:                      {change("body: \"{{.user}}\"", "body: \"{{user}}\""), "user\na\n"},
		"the body cannot be read":                           {change("body: \"{{.user}}\"", "body_file: gone"), "user\na\n"},
		"either body or body_file":                          {change("body:", "body_file: u.csv, body:"), "user\na\n"},
		"a secret is not written into a plan":               {plan + "auth: {bearer: abc}\n", "user\na\n"},
		"auth needs user and password":                      {plan + "auth: {user: bob}\n", "user\na\n"},
		"either bearer, or user and password":               {plan + "auth: {bearer: env:A, user: bob, password: env:B}\n", "user\na\n"},
		"p.yaml:2:78: error parsing regexp":                 {change("body:", "expect: {body: '('}, body:"), "user\na\n"},
		"999 is no status":                                  {change("body:", "expect: {status: [999]}, body:"), "user\na\n"},
		"is no path into JSON":                              {change("body:", "expect: {json: {'a[': x}}, body:"), "user\na\n"},
		"no body is like that":                              {change("body:", "expect: {min_bytes: 3, max_bytes: 2}, body:"), "user\na\n"},
		"a certificate needs cert and key":                  {plan + "tls: {cert: u.csv}\n", "user\na\n"},
		"there is no certificate in u.csv":                  {plan + "tls: {ca: u.csv}\n", "user\na\n"},
		"redirects is 11":                                   {plan + "http: {redirects: 11}\n", "user\na\n"},
		`protocol is "http3"`:                               {plan + "http: {protocol: http3}\n", "user\na\n"},
		"opens a connection for every request":              {plan + "http: {dns: per_request, keep_alive: true}\n", "user\na\n"},
		"connect_timeout is 2m0s":                           {plan + "http: {connect_timeout: 2m}\n", "user\na\n"},
	} {
		files := map[string]string{"u.csv": c.data}
		if want == "p.yaml:3:14: " {
			files = nil
		}
		_, err := loaded(t, c.src, files)
		var e *strictyaml.Error
		require.ErrorAs(t, err, &e, "wanted %s", want)
		require.ErrorContains(t, err, want)
		require.Positive(t, e.Line)
		require.NotContains(t, err.Error(), "abc")
	}
}

// What is not as expected is an error of its own class; what is listed is none.
func TestExpectations(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, `{"status":"ok","items":[{"id":7}],"n":null}`)
	})
	size := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		path   string
		expect Expect
		want   Class
		sample string
	}{
		{"/", Expect{}, "", ""},
		{"/", Expect{Status: []int{200}, Body: `"id":\d`, JSON: map[string]string{"$.items[0].id": "7", "status": "ok", "n": "null"}, Least: size(10), Most: size(100)}, "", ""},
		{"/gone", Expect{Status: []int{404}}, "", ""},
		{"/gone", Expect{Status: []int{200}}, ClassClient, "status 404"},
		{"/", Expect{Status: []int{201}}, ClassExpect, "status 200"},
		{"/", Expect{Body: "error"}, ClassExpect, `does not match "error"`},
		{"/", Expect{JSON: map[string]string{"items[1].id": "7"}}, ClassExpect, "has no [1]"},
		{"/", Expect{JSON: map[string]string{"status": "bad"}}, ClassExpect, `is "ok", want "bad"`},
		{"/", Expect{Most: size(10)}, ClassExpect, "the body has 43 bytes, want 10 at the most"},
		{"/", Expect{Least: size(100)}, ClassExpect, "want 100 or more"},
	} {
		for _, h := range []HTTP{{}, {HeaderTimeout: time.Second}} { // either driver
			plan := planOf(50, 100*time.Millisecond)
			plan.HTTP = h
			plan.Targets[0] = Target{URL: s.URL + c.path, Expect: c.expect}
			r, err := Run(t.Context(), plan, nil)
			require.NoError(t, err)
			if c.want == "" {
				require.Zero(t, r.Errors, "%+v: %v", c, r.ErrorsByClass)
				continue
			}
			require.EqualValues(t, 5, r.ErrorsByClass[c.want].Count, "%+v: %v", c, r.ErrorsByClass)
			require.Contains(t, r.ErrorsByClass[c.want].Sample, c.sample)
		}
	}
}

// A body is kept up to a bound, however it is framed, and none is kept if nobody asks.
func TestWhatIsKeptOfABody(t *testing.T) {
	for _, raw := range []string{
		"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello",
	} {
		r := newResponseReader(strings.NewReader(raw))
		r.keep = keepBody | keepHeader
		got, err := r.read(false)
		require.NoError(t, err)
		require.EqualValues(t, 5, got.body)
		require.Equal(t, "hello", string(r.kept))
		require.Equal(t, []string{"b"}, answer{header: r.head}.values("a"))
	}
	long := bytes.Repeat([]byte("x"), 3*maxKept)
	r := newResponseReader(io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\n\r\n"), bytes.NewReader(long)))
	r.keep = keepBody
	got, err := r.read(false)
	require.NoError(t, err)
	require.EqualValues(t, len(long), got.body)
	require.Len(t, r.kept, maxKept)
}

func TestJSONPaths(t *testing.T) {
	const doc = `{"a":{"b":[1,{"c":"x"},[true,2.50]]},"big":12345678901234567890,"o":{"k":1}}`
	for path, want := range map[string]string{
		"a.b[0]": "1", "$.a.b[1].c": "x", "a.b[2][1]": "2.50", "a.b[2][0]": "true", "big": "12345678901234567890", "o": `{"k":1}`,
	} {
		p, err := parseJSONPath(path)
		require.NoError(t, err, path)
		got, err := p.find([]byte(doc))
		require.NoError(t, err, path)
		require.Equal(t, want, got)
	}
	for _, path := range []string{"a.c", "a.b[9]", "a[0]", "big.x"} {
		p, err := parseJSONPath(path)
		require.NoError(t, err, path)
		_, err = p.find([]byte(doc))
		require.Error(t, err, path)
	}
	for _, bad := range []string{"", "$", "a..b", "a[", "a[x]", "a[-1]", "a[0]b", "a."} {
		_, err := parseJSONPath(bad)
		require.Error(t, err, bad)
	}
}
