package query

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LinkPlace is what an address can be filled with: the place on a chart that a
// person looks at.
type LinkPlace struct {
	Service, Incident string
	From, To          time.Time
	At                time.Time // of the crosshair; zero is To
	Labels            Labels    // of the leading series
	Expr              string    // its query
	Variables         map[string][]string
	TraceID           string // of the exemplar nearest to At; empty if there is none
}

// ErrUnfilled says that an address wants something that is not known here.
var ErrUnfilled = errors.New("not known here")

// blank is a place in an address that is filled: $name, ${name} or ${name:form}. A $$
// is a $.
var blank = regexp.MustCompile(`\$\$|\$\{([A-Za-z_][\w.]*)(?::([\w:-]+))?\}|\$([A-Za-z_]\w*)`)

// unwritten escapes what a person may write into a template and an address may not
// hold: the JSON of Grafana's panes, for example.
var unwritten = strings.NewReplacer(`"`, "%22", "{", "%7B", "}", "%7D", " ", "%20", "<", "%3C", ">", "%3E", "`", "%60", "|", "%7C", `\`, "%5C", "^", "%5E")

// NeedsTrace says that the address wants a trace's ID: an exemplar has to be asked
// for.
func (l Link) NeedsTrace() bool {
	return slices.ContainsFunc(blank.FindAllStringSubmatch(l.URL, -1), func(m []string) bool { return m[1]+m[3] == "trace_id" })
}

// Fill makes the address. Whatever is put in is escaped, so that no label can lead
// elsewhere than the template does. The error is ErrUnfilled, or says what is wrong
// with the address.
func (l Link) Fill(p LinkPlace) (string, error) {
	var errs []error
	text := blank.ReplaceAllStringFunc(l.URL, func(was string) string {
		if was == "$$" {
			return "$"
		}
		m := blank.FindStringSubmatch(was)
		value, err := p.value(m[1]+m[3], m[2])
		errs = append(errs, err)
		return value
	})
	if err := errors.Join(errs...); err != nil {
		return "", fmt.Errorf("link %q: %w", oneLine(l.Title), err)
	}
	u, err := url.Parse(unwritten.Replace(text))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("link %q: what it is filled to is no http(s) address", oneLine(l.Title))
	}
	return u.String(), nil
}

// CheckLink says what is wrong with a template, filled with anything: a place that
// nothing fills is told by its name when it is opened.
func CheckLink(l Link) error {
	text := blank.ReplaceAllString(l.URL, "x")
	u, err := url.Parse(text)
	switch {
	case strings.TrimSpace(l.Title) == "":
		return errors.New("a link needs a title")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("link %q: its url is not one of http or https, such as https://grafana.example.com/explore?from=${__from}&to=${__to}", oneLine(l.Title))
	case u.User != nil:
		return fmt.Errorf("link %q: a user or password does not belong into a URL", oneLine(l.Title))
	}
	return nil
}

// value is what stands at a place of the address, escaped.
func (p LinkPlace) value(name, form string) (string, error) {
	missing := fmt.Errorf("${%s} is %w", name, ErrUnfilled)
	one := func(value string) (string, error) {
		if value == "" {
			return "", missing
		}
		return shaped(value, form)
	}
	at := p.At
	if at.IsZero() {
		at = p.To
	}
	switch name {
	case "__from":
		return moment(p.From, form)
	case "__to":
		return moment(p.To, form)
	case "__at":
		return moment(at, form)
	case "__url_time_range":
		return fmt.Sprintf("from=%d&to=%d", p.From.UnixMilli(), p.To.UnixMilli()), nil
	case "__all_variables":
		return p.allVariables(), nil
	case "service":
		return one(p.Service)
	case "incident":
		return one(p.Incident)
	case "expr":
		return one(p.Expr)
	case "trace_id":
		return one(p.TraceID)
	}
	for _, prefix := range []string{"label.", "__field.labels."} {
		if label, is := strings.CutPrefix(name, prefix); is {
			return one(p.Labels[label])
		}
	}
	values, known := p.Variables[name]
	if !known {
		return "", missing
	}
	if form == "queryparam" {
		return queryParam(name, values), nil
	}
	return shaped(strings.Join(values, ","), form)
}

func (p LinkPlace) allVariables() string {
	var parts []string
	for name := range p.Variables {
		if len(p.Variables[name]) > 0 {
			parts = append(parts, queryParam(name, p.Variables[name]))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

func queryParam(name string, values []string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = "var-" + escape(name) + "=" + escape(v)
	}
	return strings.Join(parts, "&")
}

// moment writes a time: milliseconds, as Grafana does, or in another form.
func moment(t time.Time, form string) (string, error) {
	if t.IsZero() {
		return "", fmt.Errorf("the time is %w", ErrUnfilled)
	}
	switch form {
	case "", "ms":
		return strconv.FormatInt(t.UnixMilli(), 10), nil
	case "s", "date:seconds":
		return strconv.FormatInt(t.Unix(), 10), nil
	case "us":
		return strconv.FormatInt(t.UnixMicro(), 10), nil
	case "ns":
		return strconv.FormatInt(t.UnixNano(), 10), nil
	case "rfc3339", "date", "date:iso":
		return escape(t.UTC().Format("2006-01-02T15:04:05.000Z")), nil
	}
	return "", fmt.Errorf("%q is no form of a time: ms, s, us, ns, rfc3339", form)
}

// shaped is a value in a form, escaped: as it is, within the quotes of JSON (or of a
// query language that has the same), or as X-Ray writes a trace.
func shaped(value, form string) (string, error) {
	switch form {
	case "", "raw", "percentencode", "text":
		return escape(value), nil
	case "json", "doublequote":
		quoted, err := json.Marshal(value)
		if err != nil {
			return "", err
		}
		return escape(string(quoted[1 : len(quoted)-1])), nil
	case "rison": // Kibana's: ! and ' are escaped by !
		return escape(strings.NewReplacer("!", "!!", "'", "!'").Replace(value)), nil
	case "xray":
		if len(value) != 32 {
			return "", fmt.Errorf("%q is not 32 hexadecimal digits, which X-Ray makes its trace of", cut(value, 40))
		}
		return escape("1-" + value[:8] + "-" + value[8:]), nil
	}
	return "", fmt.Errorf("%q is no form of a value: json, rison, queryparam, xray", form)
}

// escape is for a path as well as for a query.
func escape(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}

// NearestTrace is the trace of the exemplar nearest to a moment; empty without one.
func NearestTrace(exemplars []Exemplar, at time.Time) string {
	best, distance := "", time.Duration(1<<63-1)
	for _, e := range exemplars {
		id := traceOf(e.Labels)
		if d := e.At.Sub(at).Abs(); id != "" && d < distance {
			best, distance = id, d
		}
	}
	return best
}

// traceOf is the ID under the names that clients give it.
func traceOf(l Labels) string {
	for _, name := range []string{"trace_id", "traceID", "traceId", "TraceID", "trace"} {
		if id := l[name]; id != "" && len(id) <= 128 {
			return id
		}
	}
	return ""
}
