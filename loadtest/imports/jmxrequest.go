package imports

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// harmless are properties of a request that change nothing of what is sent, or repeat it.
var harmless = []string{
	"TestPlan.comments", "HTTPSampler.implementation", "HTTPSampler.concurrentPool", "HTTPSampler.concurrentDwn", "HTTPSampler.mimetype", "HTTPSampler.FILE_FIELD",
	"HTTPSampler.BROWSER_COMPATIBLE_MULTIPART", "GraphQLHTTPSampler.query", "GraphQLHTTPSampler.variables", "GraphQLHTTPSampler.operationName",
}

// request takes a request over.
func (g *group) request(p pair, s scope) {
	e := p.e
	where := g.at(e)
	if g.tried++; g.full() || g.tried > 2*mostSteps {
		where("not carried over: a plan has at most %d steps", mostSteps)
		return
	}
	g.delays(s)
	g.vars.braces = false
	get := func(name string) string {
		text, _ := g.vars.text(inherited(e, s, name), where)
		return text
	}
	st := step{name: e.attrs["testname"]}
	st.Method = cmp.Or(strings.ToUpper(get("HTTPSampler.method")), "GET")
	args := e.child("HTTPsampler.Arguments")
	if args == nil || len(args.list("Arguments.arguments")) == 0 {
		for _, d := range slices.Backward(s.defaults) {
			if of := d.child("HTTPsampler.Arguments"); of != nil && len(of.list("Arguments.arguments")) > 0 {
				args = of
				break
			}
		}
	}
	query, body, form := g.arguments(e, args, st.Method)
	st.URL, st.missing = address(get("HTTPSampler.protocol"), get("HTTPSampler.domain"), get("HTTPSampler.port"), get("HTTPSampler.path"), query)
	st.Body = body
	g.headers(&st, s, form)
	g.authorize(&st, s)
	g.files(e)
	g.asserts(&st, s)
	g.settings(e, get)
	for _, c := range e.children {
		if value := strings.TrimSpace(c.text()); !c.read && value != "" && value != "false" && !slices.Contains(harmless, c.attrs["name"]) {
			g.draft.note(c.line, c.column, e.named(), "%s: not carried over", cut(c.attrs["name"]))
		}
	}
	if g.vars.braces {
		where("%s", braces)
		return
	}
	if bad := st.wrong(); bad != "" {
		where("not carried over: %s", bad)
		return
	}
	if st.missing != "" {
		where("nobody knows its host: it is marked FILL IN")
	}
	g.used.requests++
	g.add(st)
	g.extract(s)
}

// inherited is a property of a request, or else of the nearest defaults.
func inherited(e *element, s scope, name string) string {
	value := strings.TrimSpace(e.prop(name))
	for i := len(s.defaults) - 1; value == "" && i >= 0; i-- {
		value = strings.TrimSpace(s.defaults[i].prop(name))
	}
	return value
}

// address is the URL of a request, or what is missing of it.
func address(protocol, domain, port, path, query string) (whole, missing string) {
	if strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://") { // as recorders write it
		return withQuery(path, query), ""
	}
	protocol = cmp.Or(strings.ToLower(protocol), "http")
	if path = strings.ReplaceAll(path, " ", "%20"); !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if port != "" && port != "0" && !(protocol == "http" && port == "80" || protocol == "https" && port == "443") {
		port = ":" + port
	} else {
		port = ""
	}
	if domain == "" || strings.ContainsAny(domain+port, "${}") {
		return "", "url: '" + protocol + "://HOST" + withQuery(path, query) + "'"
	}
	return protocol + "://" + domain + port + withQuery(path, query), ""
}

func withQuery(path, query string) string {
	switch {
	case query == "":
		return path
	case strings.Contains(path, "?"):
		return path + "&" + query
	}
	return path + "?" + query
}

// arguments are what a request sends: in its query, or in its body, as a form or as it is.
func (g *group) arguments(e, args *element, method string) (query, body string, form bool) {
	if args == nil {
		return "", "", false
	}
	list := args.list("Arguments.arguments")
	raw := e.flag("HTTPSampler.postBodyRaw") || len(list) > 0 && !slices.ContainsFunc(list, func(a *element) bool { return a.prop("Argument.name") != "" })
	withBody := slices.Contains([]string{"POST", "PUT", "PATCH", "DELETE"}, method)
	var parts []string
	for _, a := range list {
		if !a.enabled() {
			continue
		}
		name, _ := g.vars.text(a.prop("Argument.name"), g.at(e))
		value, _ := g.vars.text(a.prop("Argument.value"), g.at(e))
		if raw {
			parts = append(parts, value)
			continue
		}
		if secretName(name) && value != "" && !placeholders.MatchString(value) {
			g.note(e, "the argument %s may be a secret, and is written as it stands; a column of data keeps it out of the plan", cut(name))
		}
		if a.flag("HTTPArgument.always_encode") {
			name, value = encoded(name), encoded(value)
		}
		if name != "" || value != "" {
			parts = append(parts, name+cmp.Or(a.prop("Argument.metadata"), "=")+value)
		}
	}
	switch {
	case raw && withBody:
		return "", strings.Join(parts, ""), false
	case raw:
		if strings.Join(parts, "") != "" {
			g.note(e, "a %s carries no body here; it is left out", cut(method))
		}
		return "", "", false
	case withBody && method != "DELETE":
		return "", strings.Join(parts, "&"), len(parts) > 0
	}
	return strings.ReplaceAll(strings.Join(parts, "&"), " ", "%20"), "", false
}

// encoded is a text as a form has it, its placeholders left as they are.
func encoded(text string) string {
	var b strings.Builder
	at := 0
	for _, m := range placeholders.FindAllStringIndex(text, -1) {
		b.WriteString(url.QueryEscape(text[at:m[0]]) + text[m[0]:m[1]])
		at = m[1]
	}
	return b.String() + url.QueryEscape(text[at:])
}

// headers takes over the headers of all managers in scope: of two for one header the nearer
// counts.
func (g *group) headers(st *step, s scope, form bool) {
	st.Headers = map[string]string{}
	for _, m := range s.headers {
		for _, h := range m.list("HeaderManager.headers") {
			name := strings.TrimSpace(h.prop("Header.name"))
			value, _ := g.vars.text(h.prop("Header.value"), g.at(m))
			if name == "" {
				continue
			}
			for have := range st.Headers {
				if strings.EqualFold(have, name) {
					delete(st.Headers, have)
				}
			}
			if engineHeader(name) {
				g.note(m, "the header %s is the engine's; it is left out", cut(name))
				continue
			}
			st.Headers[name] = strings.TrimSpace(value)
		}
	}
	if form && !has(st.Headers, "Content-Type") {
		st.Headers["Content-Type"] = "application/x-www-form-urlencoded"
	}
	g.draft.credentials(st, g.secrets, g.at(g.p.e))
}

func has(headers map[string]string, name string) bool {
	for have := range headers {
		if strings.EqualFold(have, name) {
			return true
		}
	}
	return false
}

// engineHeader is one that a plan may not set.
func engineHeader(name string) bool {
	return slices.Contains([]string{"content-length", "transfer-encoding", "connection", "expect", "upgrade"}, strings.ToLower(name))
}

// authorize takes over the user that an authorization manager has for the request's URL.
func (g *group) authorize(st *step, s scope) {
	for _, m := range slices.Backward(s.auth) {
		for _, a := range m.list("AuthManager.auth_list") {
			of, _ := g.vars.text(a.prop("Authorization.url"), g.at(m))
			user, _ := g.vars.text(a.prop("Authorization.username"), g.at(m))
			password, _ := g.vars.text(a.prop("Authorization.password"), g.at(m))
			if user == "" || !strings.HasPrefix(st.URL, of) || st.Auth != (loadtest.Auth{}) {
				continue
			}
			st.Auth = loadtest.Auth{User: user, Password: secretOf(g.secrets, "LOAD_PASSWORD", password)}
			g.note(m, "the password is not carried over; it is read from %s", st.Auth.Password)
		}
	}
}

// files notes what is uploaded.
func (g *group) files(e *element) {
	if of := e.child("HTTPsampler.Files"); of != nil && len(of.list("HTTPFileArgs.files")) > 0 || e.prop("HTTPSampler.FILE_NAME") != "" {
		g.note(e, "the files that it uploads are not carried over")
	}
	if e.flag("HTTPSampler.DO_MULTIPART_POST") {
		g.note(e, "it is sent as a form in one part, not in several")
	}
}

// settings counts what is the whole plan's here.
func (g *group) settings(e *element, get func(string) string) {
	if e.flag("HTTPSampler.follow_redirects") || e.flag("HTTPSampler.auto_redirects") {
		g.used.redirects++
	}
	if e.child("HTTPSampler.use_keepalive") != nil && !e.flag("HTTPSampler.use_keepalive") {
		g.used.fresh++
	}
	if ms, err := strconv.ParseFloat(get("HTTPSampler.connect_timeout"), 64); err == nil && ms >= 1 {
		g.used.connect[milliseconds(ms)] = true
	}
	if ms, err := strconv.ParseFloat(get("HTTPSampler.response_timeout"), 64); err == nil && ms >= 1 {
		g.used.response[milliseconds(ms)] = true
	}
	if charset := get("HTTPSampler.contentEncoding"); !slices.Contains([]string{"", "utf-8", "utf8"}, strings.ToLower(charset)) {
		g.note(e, "its body is in %s there, and in UTF-8 here", cut(charset))
	}
}

// known are the statuses that have a name.
func known(fits func(code string) bool) (all []int) {
	for code := 100; code < 600; code++ {
		if http.StatusText(code) != "" && fits(strconv.Itoa(code)) {
			all = append(all, code)
		}
	}
	return all
}
