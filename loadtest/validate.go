package loadtest

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
)

// fault is something wrong in a plan, at the path of the value in its file.
type fault struct{ path, message string }

func faultf(path, format string, args ...any) *fault {
	return &fault{path, fmt.Sprintf(format, args...)}
}

// at is the path of a value in a list of the plan file.
func at(list string, i int, key string) string {
	if key == "" {
		return fmt.Sprintf("%s[%d]", list, i)
	}
	return fmt.Sprintf("%s[%d].%s", list, i, key)
}

// validate is the first thing wrong with the plan, or nil.
func (p Plan) validate() *fault {
	for _, check := range []func() *fault{p.validateSettings, p.validateHTTP, p.validateTargets, p.validateScenarios, p.validateStages, p.validateThresholds, p.validateGuards, p.validateResources} {
		if bad := check(); bad != nil {
			return bad
		}
	}
	return nil
}

func (p Plan) validateSettings() *fault {
	switch {
	case strings.TrimSpace(p.Name) == "":
		return faultf("name", "a plan needs a name")
	case len(p.Name) > 100 || strings.ContainsFunc(p.Name, isControl):
		return faultf("name", "the name must be one line of at most 100 bytes")
	case p.Connections < 0 || p.Connections > MaxConnections:
		return faultf("connections", "connections is %d; it must be between 1 and %d", p.Connections, MaxConnections)
	case p.Timeout < 0 || p.Timeout > MaxTimeout:
		return faultf("timeout", "timeout is %v; it must be between 1ms and %v", p.Timeout, MaxTimeout)
	case p.Timeout > 0 && p.Timeout < time.Millisecond:
		return faultf("timeout", "timeout is %v; it must be between 1ms and %v", p.Timeout, MaxTimeout)
	case p.Pin != "" && !slices.Contains([]string{"F5", "F6", "F7", "F8", "F9"}, p.Pin):
		return faultf("pin", "pin is %q; it must be one of F5 to F9", p.Pin)
	}
	return nil
}

func (p Plan) validateResources() *fault {
	seen := map[string]bool{}
	for i, r := range p.Resources {
		switch {
		case strings.TrimSpace(r.Name) == "" || len(r.Name) > 40 || strings.ContainsFunc(r.Name, isControl):
			return faultf(at("resources", i, "name"), "a resource needs a name of at most 40 bytes, such as cpu")
		case seen[r.Name]:
			return faultf(at("resources", i, "name"), "two resources are called %q", r.Name)
		case strings.TrimSpace(r.PromQL) == "":
			return faultf(at("resources", i, "promql"), "resource %s needs promql for the share of it that is used, 0 to 1", r.Name)
		}
		seen[r.Name] = true
	}
	if len(p.Resources) > maxGuards {
		return faultf("resources", "%d resources; at most %d are allowed", len(p.Resources), maxGuards)
	}
	return nil
}

func (p Plan) validateTargets() *fault {
	if len(p.Targets) == 0 && len(p.Scenarios) == 0 {
		return faultf("targets", "a plan needs at least one target, or scenarios")
	}
	if len(p.Targets) > maxTargets {
		return faultf("targets", "%d targets; at most %d are allowed", len(p.Targets), maxTargets)
	}
	for i, t := range p.Targets {
		if bad := t.validate(at("targets", i, "")); bad != nil {
			return bad
		}
	}
	return nil
}

// validate checks one target, which stands at where in the file.
func (t Target) validate(where string) *fault {
	switch t.Method {
	case "", "GET", "HEAD":
		if t.Body != "" || t.BodyFile != "" {
			return faultf(where+".body", "a %s request carries no body; did you mean method: POST?", cmpOr(t.Method, "GET"))
		}
	case "POST", "PUT", "PATCH", "DELETE":
	default:
		return faultf(where+".method", "method %q is not known; use GET, HEAD, POST, PUT, PATCH or DELETE", t.Method)
	}
	if _, bad := parseTargetURL(t.URL); bad != "" {
		return faultf(where+".url", "%s", bad)
	}
	switch bad := t.Auth.fault(); {
	case len(t.Body) > maxBody:
		return faultf(where+".body", "the body has %d bytes; at most %d are allowed", len(t.Body), maxBody)
	case t.Body != "" && t.BodyFile != "":
		return faultf(where+".body_file", "a target has either body or body_file")
	case t.Weight < 0 || t.Weight > maxWeight:
		return faultf(where+".weight", "weight is %d; it must be between 1 and %d", t.Weight, maxWeight)
	case bad != "":
		return faultf(where+".auth", "%s", bad)
	}
	if bad := validateHeaders(t.Headers); bad != "" {
		return faultf(where+".headers", "%s", bad)
	}
	if _, bad := t.Expect.ready(); bad != nil {
		return faultf(strings.TrimSuffix(where+".expect."+bad.path, "."), "%s", bad.message)
	}
	return nil
}

func (p Plan) validateScenarios() *fault {
	steps := 0
	for i, s := range p.Scenarios {
		where := at("scenarios", i, "")
		if steps += len(s.Steps); steps > maxSteps {
			return faultf(where, "the scenarios have more than %d steps", maxSteps)
		}
		switch {
		case strings.TrimSpace(s.Name) == "" || len(s.Name) > 100 || strings.ContainsFunc(s.Name, isControl):
			return faultf(where+".name", "a scenario needs a name, of one line")
		case len(s.Steps) == 0:
			return faultf(where+".steps", "scenario %s has no steps", s.Name)
		case s.Weight < 0 || s.Weight > maxWeight:
			return faultf(where+".weight", "weight is %d; it must be between 1 and %d", s.Weight, maxWeight)
		}
		for j, st := range s.Steps {
			if bad := st.validate(fmt.Sprintf("%s.steps[%d]", where, j)); bad != nil {
				return bad
			}
		}
	}
	return nil
}

func (s Step) validate(where string) *fault {
	if s.Think.Min < 0 || s.Think.Max < s.Think.Min || s.Think.Max > maxThink {
		return faultf(where+".think", "think is %v to %v; want up to %v, the lesser first", s.Think.Min, s.Think.Max, maxThink)
	}
	for _, name := range sortedKeys(s.Extract) {
		if !nameForm.MatchString(name) || name == seqName {
			return faultf(where+".extract", "%q is no name for a value; use letters, digits and _, and not %s", name, seqName)
		}
		if _, err := s.Extract[name].ready(name); err != nil {
			return faultf(where+".extract", "%v", err)
		}
	}
	return s.Target.validate(where)
}

func (p Plan) validateHTTP() *fault {
	h := p.HTTP
	switch bad := p.Auth.fault(); {
	case bad != "":
		return faultf("auth", "%s", bad)
	case h.Protocol != "" && h.Protocol != "http1" && h.Protocol != "http2":
		return faultf("http.protocol", "protocol is %q; want http1, http2 or auto", h.Protocol)
	case h.Redirects < 0 || h.Redirects > maxHops:
		return faultf("http.redirects", "redirects is %d; want 0 (none is followed) to %d", h.Redirects, maxHops)
	case h.DNS != "" && h.DNS != "once" && h.DNS != DNSPerRequest:
		return faultf("http.dns", "dns is %q; want once or %s", h.DNS, DNSPerRequest)
	case h.ConnectTimeout < 0 || h.ConnectTimeout > MaxTimeout:
		return faultf("http.connect_timeout", "connect_timeout is %v; want up to %v", h.ConnectTimeout, MaxTimeout)
	case h.HeaderTimeout < 0 || h.HeaderTimeout > MaxTimeout:
		return faultf("http.header_timeout", "header_timeout is %v; want up to %v", h.HeaderTimeout, MaxTimeout)
	case (h.TLS.Cert == "") != (h.TLS.Key == ""):
		return faultf("tls", "a certificate needs cert and key")
	case p.Data.Order != "" && p.Data.Order != "round" && p.Data.Order != "random":
		return faultf("data.order", "order is %q; want round or random", p.Data.Order)
	case p.Data.File == "" && p.Data != (Data{}):
		return faultf("data", "data needs a file")
	}
	return nil
}

func (p Plan) validateThresholds() *fault {
	for i, t := range p.Thresholds {
		if p.Closed && t.Metric == "achieved" {
			return faultf(at("thresholds", i, ""), "users ask for no rate, so none of it is achieved; use rate")
		}
		if t.After < 0 || t.After > MaxDuration {
			return faultf(at("thresholds", i, "after"), "after is %v; want up to %v", t.After, MaxDuration)
		}
	}
	return nil
}

// parseTargetURL is the URL, or what is wrong with it.
func parseTargetURL(raw string) (*url.URL, string) {
	if raw == "" {
		return nil, "a target needs a url"
	}
	u, err := url.Parse(placeholder.ReplaceAllString(raw, "x"))
	_, rest, _ := strings.Cut(raw, "://")
	switch {
	case err != nil:
		return nil, fmt.Sprintf("url %q cannot be read: %v", raw, err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Sprintf("url %q: only http:// and https:// are spoken", raw)
	case placeholder.MatchString(rest[:max(0, strings.IndexAny(rest+"/", "/?#"))]):
		return nil, fmt.Sprintf("url %q: the host is no place for a placeholder: it is looked up before the run", raw)
	case u.Hostname() == "":
		return nil, fmt.Sprintf("url %q has no host", raw)
	case u.User != nil:
		return nil, "the url carries a user name; use an Authorization header"
	case len(u.RequestURI()) > 8192:
		return nil, "the url is longer than 8192 bytes"
	case strings.ContainsFunc(u.RequestURI()+u.Host, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return nil, fmt.Sprintf("url %q contains a space or control character", raw)
	}
	return u, ""
}

// validateHeaders refuses what would end a header early (CR, LF) and what the
// engine sets itself because a wrong value would break the framing.
func validateHeaders(headers map[string]string) string {
	seen, total := map[string]string{}, 0
	for _, name := range sortedKeys(headers) {
		lower := strings.ToLower(name)
		switch {
		case name == "" || strings.ContainsFunc(name, notToken):
			return fmt.Sprintf("header name %q is not a token", name)
		case slices.Contains([]string{"content-length", "transfer-encoding", "connection", "expect", "upgrade"}, lower):
			return fmt.Sprintf("header %s is set by the engine; leave it out", name)
		case strings.ContainsFunc(headers[name], isControl):
			return fmt.Sprintf("header %s: the value contains a control character", name)
		case seen[lower] != "":
			return fmt.Sprintf("headers %s and %s are the same header", seen[lower], name)
		}
		seen[lower] = name
		total += len(name) + len(headers[name])
	}
	if total > 32<<10 {
		return "the headers have more than 32 KiB"
	}
	return ""
}

func (p Plan) validateStages() *fault {
	if len(p.Stages) == 0 {
		return faultf("stages", "a plan needs at least one stage, such as {rate: 100, for: 10s}")
	}
	if len(p.Stages) > maxStages {
		return faultf("stages", "%d stages; at most %d are allowed", len(p.Stages), maxStages)
	}
	most, unit := float64(MaxRate), "per second"
	switch {
	case p.Closed && p.Baseline != "":
		return faultf("baseline", "users are not counted in multiples of a baseline")
	case p.Closed:
		most, unit = MaxConnections, "users"
	case p.Baseline != "":
		most, unit = maxTimes, "times the baseline"
	}
	var total time.Duration
	for i, s := range p.Stages {
		for key, rate := range map[string]float64{"from": s.From, "to": s.To} {
			if s.From == s.To {
				key = "rate"
			}
			if math.IsNaN(rate) || rate < 0 || rate > most {
				return faultf(at("stages", i, key), "%s is %v; it must be between 0 and %.0f %s", key, rate, most, unit)
			}
		}
		if s.For <= 0 {
			return faultf(at("stages", i, "for"), "a stage needs for, such as for: 10s")
		}
		if total += s.For; s.For > MaxDuration || total > MaxDuration {
			return faultf(at("stages", i, "for"), "the stages last longer than %v", MaxDuration)
		}
	}
	if p.PeakRate() == 0 || p.Baseline == "" && NewSchedule(p.Stages).Total() == 0 {
		return faultf("stages", "no request ever arrives: every rate is 0")
	}
	if p.Warmup < 0 || p.Warmup > 0 && p.Warmup >= total {
		return faultf("warmup", "warmup is %v, but the stages last only %v: nothing would be measured", p.Warmup, total)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// notToken holds for what RFC 9110, section 5.6.2, keeps out of header names.
func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

func cmpOr(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
