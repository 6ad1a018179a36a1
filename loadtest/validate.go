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
	for _, check := range []func() *fault{p.validateSettings, p.validateTargets, p.validateStages} {
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

func (p Plan) validateTargets() *fault {
	if len(p.Targets) == 0 {
		return faultf("targets", "a plan needs at least one target")
	}
	if len(p.Targets) > maxTargets {
		return faultf("targets", "%d targets; at most %d are allowed", len(p.Targets), maxTargets)
	}
	for i, t := range p.Targets {
		if bad := t.validate(i); bad != nil {
			return bad
		}
	}
	return nil
}

func (t Target) validate(i int) *fault {
	switch t.Method {
	case "", "GET", "HEAD":
		if t.Body != "" {
			return faultf(at("targets", i, "body"), "a %s request carries no body; did you mean method: POST?", cmpOr(t.Method, "GET"))
		}
	case "POST", "PUT", "PATCH", "DELETE":
	default:
		return faultf(at("targets", i, "method"), "method %q is not known; use GET, HEAD, POST, PUT, PATCH or DELETE", t.Method)
	}
	if _, bad := parseTargetURL(t.URL); bad != "" {
		return faultf(at("targets", i, "url"), "%s", bad)
	}
	if len(t.Body) > maxBody {
		return faultf(at("targets", i, "body"), "the body has %d bytes; at most %d are allowed", len(t.Body), maxBody)
	}
	if t.Weight < 0 || t.Weight > maxWeight {
		return faultf(at("targets", i, "weight"), "weight is %d; it must be between 1 and %d", t.Weight, maxWeight)
	}
	if bad := validateHeaders(t.Headers); bad != "" {
		return faultf(at("targets", i, "headers"), "%s", bad)
	}
	return nil
}

// parseTargetURL is the URL, or what is wrong with it.
func parseTargetURL(raw string) (*url.URL, string) {
	if raw == "" {
		return nil, "a target needs a url"
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, fmt.Sprintf("url %q cannot be read: %v", raw, err)
	case u.Scheme != "http":
		return nil, fmt.Sprintf("url %q: only http:// is spoken", raw)
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
	var total time.Duration
	for i, s := range p.Stages {
		for key, rate := range map[string]float64{"from": s.From, "to": s.To} {
			if s.From == s.To {
				key = "rate"
			}
			if math.IsNaN(rate) || rate < 0 || rate > MaxRate {
				return faultf(at("stages", i, key), "%s is %v; it must be between 0 and %d per second", key, rate, MaxRate)
			}
		}
		if s.For <= 0 {
			return faultf(at("stages", i, "for"), "a stage needs for, such as for: 10s")
		}
		if total += s.For; s.For > MaxDuration || total > MaxDuration {
			return faultf(at("stages", i, "for"), "the stages last longer than %v", MaxDuration)
		}
	}
	if NewSchedule(p.Stages).Total() == 0 {
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

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
