package imports_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/loadtest/imports"
)

// imported are the plans of a file that says src, in a directory of its own.
func imported(t *testing.T, name, src string, properties map[string]string) (list []imports.Imported, dir string) {
	t.Helper()
	dir = t.TempDir()
	list, err := imports.Import(filepath.Join(dir, name), []byte(src), imports.Options{To: dir, Properties: properties})
	require.NoError(t, err)
	return list, dir
}

func one(t *testing.T, name, src string) (imports.Imported, string) {
	t.Helper()
	list, dir := imported(t, name, src, nil)
	require.Len(t, list, 1)
	return list[0], dir
}

// plan is the plan as it will be read, with what it names beside it.
func plan(t *testing.T, dir string, one imports.Imported) loadtest.Plan {
	t.Helper()
	require.Empty(t, one.Refused, noted(one))
	for name, src := range one.Files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), src, 0o600))
	}
	p, err := loadtest.LoadPlan(filepath.Join(dir, one.Name+".yaml"), []byte(one.YAML))
	require.NoError(t, err, one.YAML)
	return p
}

func noted(one imports.Imported) string {
	var b strings.Builder
	for _, n := range one.Notes {
		fmt.Fprintf(&b, "%d:%d %s: %s\n", n.Line, n.Column, n.Key, n.Text)
	}
	return b.String()
}

// jmx is a plan of JMeter with these elements below its test plan.
func jmx(elements string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<jmeterTestPlan version="1.2" properties="5.0"><hashTree><TestPlan testclass="TestPlan" testname="Shop"/><hashTree>
` + elements + `
</hashTree></hashTree></jmeterTestPlan>`
}

// threads is a group of so many, with these elements below it.
func threads(settings, elements string) string {
	return `<ThreadGroup testclass="ThreadGroup" testname="Users">` + settings + `</ThreadGroup><hashTree>` + elements + `</hashTree>`
}

func prop(name, value string) string {
	return `<stringProp name="` + name + `">` + value + `</stringProp>`
}

// sampler is a request, with elements below it.
func sampler(name, props, below string) string {
	return `<HTTPSamplerProxy testclass="HTTPSamplerProxy" testname="` + name + `">` + props + `</HTTPSamplerProxy><hashTree>` + below + `</hashTree>`
}

func element(class, props string) string {
	return `<` + class + ` testclass="` + class + `" testname="a ` + class + `">` + props + `</` + class + `><hashTree/>`
}

func arguments(pairs ...string) string {
	var b strings.Builder
	b.WriteString(`<elementProp name="HTTPsampler.Arguments" elementType="Arguments"><collectionProp name="Arguments.arguments">`)
	for i := 0; i < len(pairs); i += 2 {
		b.WriteString(`<elementProp name="` + pairs[i] + `" elementType="HTTPArgument"><boolProp name="HTTPArgument.always_encode">true</boolProp>` + prop("Argument.value", pairs[i+1]) + prop("Argument.metadata", "=") + prop("Argument.name", pairs[i]) + `</elementProp>`)
	}
	b.WriteString(`</collectionProp></elementProp>`)
	return b.String()
}

// The plan that the examples have becomes users with a ramp, and an expected status.
func TestJMXOfTheExamples(t *testing.T) {
	src, err := os.ReadFile("../../templates/examples/api-load-test.jmx")
	require.NoError(t, err)
	got, dir := one(t, "api-load-test.jmx", string(src))
	p := plan(t, dir, got)
	require.True(t, p.Closed)
	require.Equal(t, []loadtest.Stage{{From: 0, To: 100, For: 10 * time.Second}, {From: 100, To: 100, For: 30 * time.Second}}, p.Stages)
	st := p.Scenarios[0].Steps[0]
	require.Equal(t, "https://api.example.com/api/users", st.URL)
	require.Equal(t, []int{200}, st.Expect.Status)
	require.Equal(t, 10, p.HTTP.Redirects)
	require.Contains(t, noted(got), "14:7 ThreadGroup \"User Group\": each user does it 10 times there")
}

// What a plan of JMeter says is what the server gets: everything of it at once, run against a
// server of the test's own.
func TestJMXRuns(t *testing.T) {
	var mu sync.Mutex
	got := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, _, _ := r.BasicAuth()
		mu.Lock()
		defer mu.Unlock()
		switch r.URL.Path {
		case "/login":
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "s1"})
			fmt.Fprintf(w, `{"token": "t7", "next": {"id": 42}}`)
		case "/moved":
			http.Redirect(w, r, "/login", http.StatusFound)
		}
		cookie, _ := r.Cookie("session")
		got[fmt.Sprintf("%s %s %s %s X-Token=%s cookie=%v user=%s", r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"), body, r.Header.Get("X-Token"), cookie != nil, user)]++
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	src := jmx(element("Arguments", `<collectionProp name="Arguments.arguments"><elementProp name="shop" elementType="Argument">`+prop("Argument.name", "shop")+prop("Argument.value", "${__P(host,127.0.0.1)}")+`</elementProp></collectionProp>`) +
		`<ConfigTestElement guiclass="HttpDefaultsGui" testclass="ConfigTestElement" testname="Defaults">` + prop("HTTPSampler.domain", "${shop}") + prop("HTTPSampler.port", u.Port()) + prop("HTTPSampler.connect_timeout", "3000") + prop("HTTPSampler.response_timeout", "20000") + `</ConfigTestElement><hashTree/>` +
		element("CookieManager", "") +
		element("HeaderManager", `<collectionProp name="HeaderManager.headers"><elementProp name="" elementType="Header">`+prop("Header.name", "X-Token")+prop("Header.value", "none")+`</elementProp><elementProp name="" elementType="Header">`+prop("Header.name", "Connection")+prop("Header.value", "keep-alive")+`</elementProp></collectionProp>`) +
		element("AuthManager", `<collectionProp name="AuthManager.auth_list"><elementProp name="" elementType="Authorization">`+prop("Authorization.url", s.URL+"/login")+prop("Authorization.username", "ann")+prop("Authorization.password", "hunter2")+`</elementProp></collectionProp>`) +
		element("CSVDataSet", prop("filename", "users.txt")+prop("variableNames", "user-name,term")+prop("delimiter", ";")) +
		threads(prop("ThreadGroup.num_threads", "4")+prop("ThreadGroup.ramp_time", "0")+`<boolProp name="ThreadGroup.scheduler">true</boolProp>`+prop("ThreadGroup.duration", "${__P(time,1)}"),
			element("UniformRandomTimer", prop("ConstantTimer.delay", "1")+prop("RandomTimer.range", "2.0"))+
				sampler("login", prop("HTTPSampler.path", "login")+prop("HTTPSampler.method", "POST")+arguments("name", "${user-name}", "keep", "a b&amp;c"),
					element("JSONPostProcessor", prop("JSONPostProcessor.referenceNames", "token;id")+prop("JSONPostProcessor.jsonPathExprs", "$.token;$.next.id"))+
						element("ResponseAssertion", `<collectionProp name="Asserion.test_strings"><stringProp name="1">200</stringProp></collectionProp>`+prop("Assertion.test_field", "Assertion.response_code")+`<intProp name="Assertion.test_type">8</intProp>`))+
				`<GenericController testclass="GenericController" testname="in"/><hashTree>`+
				sampler("search", prop("HTTPSampler.path", "/find")+prop("HTTPSampler.method", "GET")+arguments("q", "${term}", "id", "${id}"),
					element("HeaderManager", `<collectionProp name="HeaderManager.headers"><elementProp name="" elementType="Header">`+prop("Header.name", "x-token")+prop("Header.value", "${token}")+`</elementProp></collectionProp>`)+
						element("DurationAssertion", prop("DurationAssertion.duration", "15000")))+
				`</hashTree>`+
				`<LoopController testclass="LoopController" testname="twice">`+prop("LoopController.loops", "2")+`</LoopController><hashTree>`+
				sampler("body", prop("HTTPSampler.path", "/raw")+prop("HTTPSampler.method", "PUT")+`<boolProp name="HTTPSampler.postBodyRaw">true</boolProp><boolProp name="HTTPSampler.follow_redirects">true</boolProp>`+
					`<elementProp name="HTTPsampler.Arguments" elementType="Arguments"><collectionProp name="Arguments.arguments"><elementProp name="" elementType="HTTPArgument">`+prop("Argument.value", `{&quot;u&quot;: &quot;${user-name}&quot;,
 &quot;l&quot;: &quot;it&apos;s&quot;}`)+`</elementProp></collectionProp></elementProp>`, "")+`</hashTree>`))
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "users.txt"), []byte("bob;socks, red\n"), 0o600))
	list, err := imports.Import(filepath.Join(dir, "shop.jmx"), []byte(src), imports.Options{To: dir})
	require.NoError(t, err)
	require.Len(t, list, 1)
	p := plan(t, dir, list[0])
	require.Equal(t, []loadtest.Stage{{From: 4, To: 4, For: time.Second}}, p.Stages)
	require.Equal(t, 3*time.Second, p.HTTP.ConnectTimeout)
	require.Equal(t, 20*time.Second, p.Timeout)
	require.Equal(t, "max < 15s", p.Thresholds[0].Expr)
	require.Equal(t, loadtest.Think{Min: time.Millisecond, Max: 3 * time.Millisecond}, p.Scenarios[0].Steps[0].Think)
	require.Equal(t, loadtest.Secret("env:LOAD_PASSWORD"), p.Scenarios[0].Steps[0].Auth.Password)
	require.NotContains(t, list[0].YAML+noted(list[0]), "hunter2")
	for _, said := range []string{"the property host is written as 127.0.0.1; -J host=VALUE gives another", "the header Connection is the engine's", "the password is not carried over; it is read from env:LOAD_PASSWORD"} {
		require.Contains(t, noted(list[0]), said)
	}

	t.Setenv("LOAD_PASSWORD", "hunter2")
	r, err := loadtest.Means{Reveal: func(_ context.Context, _ string, s loadtest.Secret) (string, error) {
		return os.Getenv(strings.TrimPrefix(string(s), "env:")), nil
	}}.Run(t.Context(), p)
	require.NoError(t, err)
	require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
	require.Positive(t, r.Requests)
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, got, 3, "%v", got)
	for _, want := range []string{
		"POST /login application/x-www-form-urlencoded name=bob&keep=a+b%26c X-Token=none cookie=false user=ann",
		"GET /find?q=socks%2C+red&id=42   X-Token=t7 cookie=true user=",
		"PUT /raw  {\"u\": \"bob\",\n \"l\": \"it's\"} X-Token=none cookie=true user=",
	} {
		require.Positive(t, got[want], "%s\nof %v", want, got)
	}
}

// Timers that let so much through make a rate, and a group of the open model its stages.
func TestJMXThatIsOpen(t *testing.T) {
	two := sampler("a", prop("HTTPSampler.domain", "localhost"), "") + sampler("b", prop("HTTPSampler.domain", "localhost"), "")
	got, dir := one(t, "x.jmx", jmx(threads(prop("ThreadGroup.num_threads", "20")+prop("ThreadGroup.ramp_time", "10")+`<boolProp name="ThreadGroup.scheduler">true</boolProp>`+prop("ThreadGroup.duration", "70"),
		`<ConstantThroughputTimer testclass="ConstantThroughputTimer" testname="60 a minute"><doubleProp><name>throughput</name><value>600.0</value><savedValue>0.0</savedValue></doubleProp><intProp name="calcMode">2</intProp></ConstantThroughputTimer><hashTree/>`+two)))
	p := plan(t, dir, got)
	require.False(t, p.Closed)
	require.Equal(t, []loadtest.Stage{{From: 0, To: 5, For: 10 * time.Second}, {From: 5, To: 5, For: time.Minute}}, p.Stages)
	require.Equal(t, 20, p.Connections)
	require.Contains(t, noted(got), "5 passes per second arrive")

	got, dir = one(t, "x.jmx", jmx(`<OpenModelThreadGroup testclass="OpenModelThreadGroup" testname="Open">`+prop("OpenModelThreadGroup.schedule", "rate(0) random_arrivals(1 min) rate(10/sec) random_arrivals(2 min) pause(5 s) even_arrivals(10) rate(120/min)")+`</OpenModelThreadGroup><hashTree>`+two+`</hashTree>`))
	require.Equal(t, []loadtest.Stage{{From: 0, To: 10, For: time.Minute}, {From: 10, To: 10, For: 2 * time.Minute}, {From: 0, To: 0, For: 5 * time.Second}, {From: 10, To: 2, For: 10 * time.Second}}, plan(t, dir, got).Stages)
}

// What there is no word for is told, one by one, with its place.
func TestJMXTellsWhatItLeavesOut(t *testing.T) {
	assertion := func(field, kind, text string) string {
		return element("ResponseAssertion", `<collectionProp name="Asserion.test_strings"><stringProp name="1">`+text+`</stringProp></collectionProp>`+prop("Assertion.test_field", "Assertion."+field)+`<intProp name="Assertion.test_type">`+kind+`</intProp>`)
	}
	src := jmx(`<SetupThreadGroup testclass="SetupThreadGroup" testname="before"/><hashTree>` + sampler("s", "", "") + `</hashTree>` +
		threads(prop("ThreadGroup.num_threads", "9999")+prop("ThreadGroup.ramp_time", "1")+prop("ThreadGroup.on_sample_error", "stoptest"),
			sampler("home", prop("HTTPSampler.domain", "localhost")+prop("HTTPSampler.path", "/${nothing}/${__UUID}")+prop("HTTPSampler.image_parser", "true"),
				assertion("response_code", "2", "2..")+assertion("response_data", "16", "a.b")+assertion("response_data", "6", "never")+assertion("response_headers", "16", "x")+
					element("RegexExtractor", prop("RegexExtractor.useHeaders", "true")+prop("RegexExtractor.refname", "where")+prop("RegexExtractor.regex", "Location: (/x/(\\d+))")+prop("RegexExtractor.template", "$2$")+prop("RegexExtractor.match_number", "1"))+
					element("RegexExtractor", prop("RegexExtractor.refname", "both")+prop("RegexExtractor.regex", "(a)(b)")+prop("RegexExtractor.template", "$1$-$2$"))+
					element("JSR223PostProcessor", prop("script", "rm -rf /")))+
				`<HTTPSamplerProxy testclass="HTTPSamplerProxy" testname="off" enabled="false"/><hashTree/>`+
				sampler("options", prop("HTTPSampler.domain", "localhost")+prop("HTTPSampler.method", "OPTIONS"), "")+
				sampler("braces", prop("HTTPSampler.domain", "localhost")+prop("HTTPSampler.method", "POST")+arguments("", "{{x}}"), "")+
				`<IfController testclass="IfController" testname="perhaps"/><hashTree>`+sampler("in", "", "")+sampler("in too", "", "")+`</hashTree>`+
				element("JDBCSampler", "")+element("ResultCollector", "")))
	got, dir := one(t, "x.jmx", src)
	p := plan(t, dir, got)
	st := p.Scenarios[0].Steps[0]
	require.Len(t, p.Scenarios[0].Steps, 1)
	require.Equal(t, "http://localhost/${nothing}/{{.seq}}", st.URL)
	require.Equal(t, []int{200, 201, 202, 203, 204, 205, 206, 207, 208, 226}, st.Expect.Status)
	require.Equal(t, `a\.b`, st.Expect.Body)
	require.Equal(t, map[string]loadtest.Extract{"where": {Header: "Location", Regexp: `/x/([0-9]+)`}}, st.Extract)
	require.EqualValues(t, loadtest.MaxConnections, p.Stages[0].To)
	for _, said := range []string{
		`SetupThreadGroup "before": not carried over, nor is the request in it`, "9999 threads are more than the most users", "(stoptest)", "what ${nothing} is",
		"HTTPSampler.image_parser: not carried over", "not what it must not hold", "it looks at response_headers", `it makes "$1$-$2$" of the match`,
		`JSR223PostProcessor "a JSR223PostProcessor": not carried over: it is a program; it is never executed`, `"off": not carried over`, "it is disabled",
		`"options": not carried over: method "OPTIONS" is not known`, `"braces": not carried over: it holds "{{"`,
		`IfController "perhaps": not carried over, nor are the 2 requests in it: a plan has no such element`, `JDBCSampler "a JDBCSampler": not carried over: it is no request of HTTP`,
		"sitrep keeps and shows results itself", "it goes on until somebody ends it there; here for 5m",
	} {
		require.Contains(t, noted(got), said)
	}
	require.NotContains(t, got.YAML+noted(got), "rm -rf")
}

// A host that only the command line has is marked, and -J gives it.
func TestJMXWithoutAHost(t *testing.T) {
	src := jmx(threads("", sampler("a", prop("HTTPSampler.domain", "${__P(host)}")+prop("HTTPSampler.path", "/x"), "")+
		sampler("b", prop("HTTPSampler.domain", "${__property(there,,)}"), "")))
	got, dir := one(t, "x.jmx", src)
	require.Contains(t, noted(got), "the property host is written as 1; -J host=VALUE gives another", "which JMeter does, too")
	require.Contains(t, got.YAML, "# FILL IN: url: 'http://HOST/'")
	require.ErrorContains(t, got.Check(filepath.Join(dir, "x.yaml")), "a target needs a url")
	list, dir := imported(t, "x.jmx", src, map[string]string{"host": "localhost:1", "there": "127.0.0.1"})
	require.Equal(t, "http://127.0.0.1/", plan(t, dir, list[0]).Scenarios[0].Steps[1].URL)
}

// Of a controller that chooses, each choice is a scenario; of groups, each is a plan.
func TestJMXThatChooses(t *testing.T) {
	request := func(name string) string {
		return sampler(name, prop("HTTPSampler.domain", "localhost")+prop("HTTPSampler.path", name), "")
	}
	list, dir := imported(t, "x.jmx", jmx(threads("", request("first")+
		`<InterleaveControl testclass="InterleaveControl" testname="one of"/><hashTree>`+request("a")+element("ConstantTimer", prop("ConstantTimer.delay", "2000"))+request("b")+`</hashTree>`+request("last"))+threads("", request("other"))), nil)
	require.Len(t, list, 2)
	p := plan(t, dir, list[0])
	var paths []string
	for _, s := range p.Scenarios {
		for _, st := range s.Steps {
			paths = append(paths, strings.TrimPrefix(st.URL, "http://localhost")+" "+st.Think.Max.String())
		}
	}
	require.Equal(t, []string{"/first 2s", "/a 0s", "/last 0s", "/first 2s", "/b 0s", "/last 0s"}, paths)
	require.Contains(t, noted(list[0]), "2 thread groups run at the same time there")
	require.Equal(t, "x-users-2", list[1].Name)
}

func TestTargetsOfVegeta(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "new.json"), []byte(`{"n": 1}`), 0o600))
	src := `# get a dragon ball
GET http://127.0.0.1:9090/path/to/dragon?item=ball
# specify a test account
X-Account-ID: 99

GET http://127.0.0.1:9090/path/to/dragon?item=ball
X-Account-ID: 99
POST http://ann:hunter2@127.0.0.1:9090/things
Content-Type: application/json
@new.json
DELETE http://127.0.0.1:9090/things/1
Authorization: Token DEADBEEF
PATCH http://127.0.0.1:9090/things/1
@nowhere.json
OPTIONS http://127.0.0.1:9090/
`
	list, err := imports.Import(filepath.Join(dir, "targets.txt"), []byte(src), imports.Options{To: dir})
	require.NoError(t, err)
	require.Contains(t, list[0].YAML, "# FILL IN: the file nowhere.json\n")
	require.ErrorContains(t, list[0].Check(filepath.Join(dir, "x.yaml")), "the body cannot be read")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nowhere.json"), []byte(`{}`), 0o600))
	p := plan(t, dir, list[0])
	require.Len(t, p.Targets, 4)
	require.Equal(t, 2, p.Targets[0].Weight, "it is there twice")
	require.Equal(t, map[string]string{"X-Account-ID": "99"}, p.Targets[0].Headers)
	require.Equal(t, "http://127.0.0.1:9090/things", p.Targets[1].URL)
	require.Equal(t, "new.json", p.Targets[1].BodyFile)
	require.Equal(t, loadtest.Auth{User: "ann", Password: "env:LOAD_PASSWORD"}, p.Targets[1].Auth)
	require.Equal(t, []loadtest.Stage{{From: 50, To: 50, For: time.Minute}}, p.Stages)
	for _, said := range []string{"neither rate nor time", "Authorization is not carried over", `method "OPTIONS" is not known`} {
		require.Contains(t, noted(list[0]), said)
	}
	require.NotContains(t, list[0].YAML+noted(list[0]), "hunter2")

	got, dir := one(t, "targets.json", `{"method": "POST", "url": "http://127.0.0.1:1/", "body": "UHVuY2gh", "header": {"Content-Type": ["text/plain"]}}
{"method": "POST", "url": "http://127.0.0.1:1/", "body": "/wA="}
`)
	p = plan(t, dir, got)
	require.Equal(t, "Punch!", p.Targets[0].Body)
	require.Equal(t, []byte{0xff, 0}, got.Files[p.Targets[1].BodyFile])

	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, "GET http://127.0.0.1:1/%d\n", i)
	}
	got, dir = one(t, "many.txt", many.String())
	require.Len(t, plan(t, dir, got).Targets, 256)
	require.Contains(t, noted(got), "44 targets are not carried over")
}

// Targets that were imported are what the server gets.
func TestTargetsRun(t *testing.T) {
	var mu sync.Mutex
	got := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got[r.Method+" "+r.URL.Path+" "+string(body)]++
	}))
	t.Cleanup(s.Close)
	one, dir := one(t, "targets.txt", "GET "+s.URL+"/a\n\nGET "+s.URL+"/a\n\nPUT "+s.URL+"/b\n")
	p := plan(t, dir, one)
	p.Stages = []loadtest.Stage{{From: 100, To: 100, For: 300 * time.Millisecond}}
	r, err := loadtest.Run(t.Context(), p, nil)
	require.NoError(t, err)
	require.Zero(t, r.Errors, "%v", r.ErrorsByClass)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, map[string]int{"GET /a ": 20, "PUT /b ": 10}, got)
}

// What JMeter may be let run: all that it does is seen to be of HTTP, and to whom.
func TestReach(t *testing.T) {
	reach := func(elements string) imports.Reach {
		r, err := imports.ReachOf("x.jmx", []byte(jmx(elements)), imports.Options{Properties: map[string]string{"host": "127.0.0.1"}})
		require.NoError(t, err)
		return r
	}
	home := sampler("home", prop("HTTPSampler.domain", "${__P(host)}")+prop("HTTPSampler.path", "/x"), "")
	r := reach(threads(prop("ThreadGroup.num_threads", "3"), home) + threads(prop("ThreadGroup.num_threads", "4"), home))
	require.Equal(t, imports.Reach{URLs: []string{"http://127.0.0.1/x", "http://127.0.0.1/x"}, Threads: 7}, r)
	for name, c := range map[string][2]string{
		"a script":           {element("JSR223Sampler", ""), "it is a program"},
		"a script after it":  {sampler("home", prop("HTTPSampler.domain", "localhost"), element("BeanShellPostProcessor", "")), "it is a program"},
		"another protocol":   {element("JDBCSampler", ""), "cannot be seen"},
		"another file":       {element("IncludeController", ""), "cannot be seen"},
		"nobody knows where": {sampler("home", prop("HTTPSampler.domain", "${where}"), ""), "nobody knows its host"},
		"through a proxy":    {sampler("home", prop("HTTPSampler.domain", "localhost")+prop("HTTPSampler.proxyHost", "p"), ""), "goes through a proxy"},
	} {
		r := reach(threads("", c[0]))
		require.Len(t, r.Unseen, 1, name)
		require.Contains(t, r.Unseen[0].Text, c[1], name)
	}
	require.Empty(t, reach(threads("", `<JSR223Sampler testclass="JSR223Sampler" enabled="false"/><hashTree/>`)).Unseen, "what is disabled does nothing")
}

// hostile is what nobody should write.
var hostile = []string{
	"<", "<a/>", "<jmeterTestPlan/>", "<jmeterTestPlan><hashTree>", "hello", "GET", "GET \n", "{", "{}", `{"method": "GET", "url": "http://h/", "body": 3}`, "GET http://h/ x\nA: \x01b\n",
	`<!DOCTYPE x [<!ENTITY a "b">]><jmeterTestPlan>&a;</jmeterTestPlan>`,
	jmx(threads(prop("ThreadGroup.num_threads", "1e300")+prop("ThreadGroup.ramp_time", "-5"), sampler("a'\n- b: [", prop("HTTPSampler.domain", "h'\nx: y")+prop("HTTPSampler.method", "GET\nevil: 1")+prop("HTTPSampler.path", "\x7f{{.x}}"), ""))),
	jmx(threads("", `<LoopController testclass="LoopController">`+prop("LoopController.loops", "1e12")+`</LoopController><hashTree>`+sampler("a", prop("HTTPSampler.domain", "localhost"), "")+`</hashTree>`)),
	jmx(element("Arguments", `<collectionProp name="Arguments.arguments"><elementProp>`+prop("Argument.name", "a")+prop("Argument.value", strings.Repeat("${b}", 5000))+`</elementProp><elementProp>`+prop("Argument.name", "b")+prop("Argument.value", strings.Repeat("${c}", 5000))+`</elementProp><elementProp>`+prop("Argument.name", "c")+prop("Argument.value", strings.Repeat("${d}", 5000))+`</elementProp><elementProp>`+prop("Argument.name", "d")+prop("Argument.value", "")+`</elementProp></collectionProp>`) + threads("", sampler("${a}", prop("HTTPSampler.domain", "h${a}"), ""))),
	jmx(threads("", strings.Repeat(sampler("a", prop("HTTPSampler.domain", "localhost"), ""), 150))),
	jmx(element("Arguments", `<collectionProp name="Arguments.arguments"><elementProp>`+prop("Argument.name", "a")+prop("Argument.value", "${a}${a}")+`</elementProp></collectionProp>`) + threads("", sampler("${a}", prop("HTTPSampler.domain", "${a}"), ""))),
	jmx(threads("", sampler("a", prop("HTTPSampler.domain", "localhost"), element("RegexExtractor", prop("RegexExtractor.refname", "1 x")+prop("RegexExtractor.regex", "((((")+prop("RegexExtractor.template", "$9$"))+element("ConstantTimer", prop("ConstantTimer.delay", "NaN"))+element("ConstantThroughputTimer", prop("throughput", "1e99"))))),
}

// check holds that whatever a file says, it is refused with its place, or makes plans that are
// read, but for what a person is to fill in.
func check(t *testing.T, dir string, src []byte) {
	list, err := imports.Import(filepath.Join(dir, "theirs"), src, imports.Options{To: dir})
	if err != nil {
		return
	}
	for _, one := range list {
		require.True(t, one.Refused != "" != (one.YAML != ""), "either a plan or a reason")
		if one.YAML == "" {
			continue
		}
		for name, src := range one.Files {
			require.Equal(t, name, filepath.Base(name))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), src, 0o600))
		}
		if err := one.Check(filepath.Join(dir, "x.yaml")); err != nil {
			require.Contains(t, one.YAML, "# FILL IN: ", "%v\n%s", err, one.YAML)
		}
	}
}

func TestHostileFiles(t *testing.T) {
	for _, src := range hostile {
		check(t, t.TempDir(), []byte(src))
	}
	for src, want := range map[string]string{
		strings.Repeat("<a>", 200):                    "more than 100 deep",
		"<a>" + strings.Repeat("<b/>", 300_000):       "more than 200000 elements",
		strings.Repeat("#", 17<<20):                   "larger than 16 MiB",
		`<!DOCTYPE x [<!ENTITY a "b">]><a>&a;</a>`:    "theirs:1:",
		"<testResults/>":                              "no plan of JMeter: <testResults>",
		`<?xml version="1.0" encoding="latin9"?><a/>`: "encoding",
		"":                          "the file is empty",
		"hello\n":                   "theirs:1:1: it is neither a plan of JMeter nor targets of vegeta",
		"GET http://h/\nnonsense\n": `theirs:2:1: "nonsense" is no header`,
		"{\"method\": \"GET\"}\n{\"method\": \"GET\", \"x\": 1}": `theirs:2:1: it is no target of vegeta`,
	} {
		_, err := imports.Import("theirs", []byte(src), imports.Options{})
		require.ErrorContains(t, err, want, "%.60q", src)
	}
	headers := strings.Repeat(element("HeaderManager", ""), 30_000)
	check(t, t.TempDir(), []byte(jmx(threads("", headers+strings.Repeat(sampler("a", prop("HTTPSampler.method", "x"), ""), 10_000)))))
	check(t, t.TempDir(), []byte(jmx(threads("", `<RandomController testclass="RandomController"/><hashTree>`+strings.Repeat(sampler("a", prop("HTTPSampler.method", "x"), ""), 20_000)+`</hashTree>`))))
	slow := `<a>` + strings.Repeat("x<!-- -->", 1<<19) + `</a>`
	_, err := imports.Import("theirs", []byte(slow), imports.Options{})
	require.ErrorContains(t, err, "no plan of JMeter")
}

func FuzzImport(f *testing.F) {
	for _, src := range hostile {
		f.Add([]byte(src))
	}
	src, err := os.ReadFile("../../templates/examples/api-load-test.jmx")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(src)
	f.Add(bytes.ReplaceAll(src, []byte("/api/users"), []byte("${x}/{{.y}}")))
	f.Add([]byte("GET http://127.0.0.1/\nA: b\n@/etc/hostname\n\nPOST http://h/\n"))
	f.Fuzz(func(t *testing.T, src []byte) { check(t, t.TempDir(), src) })
}
