package health

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Alerting is how a check that finds something wrong becomes an alert.
type Alerting struct {
	Off      bool
	For      time.Duration // something has been wrong for so long
	Severity string        // the alert's label of that name, for a check that fails

	// Of a certificate: it ends within. The severities are those words.
	Warning, Critical time.Duration
}

// The names of the alerts that checks make. All that fail share one, so that a host
// which lost its network is one storm and not one incident a check.
const (
	CheckFailed       = "CheckFailed"
	CertificateExpiry = "CertificateExpiry"
)

// The severities, as labels.
const (
	severityCritical = "critical"
	severityWarning  = "warning"
)

// What holds where a file says nothing.
const (
	usualFor      = time.Minute
	usualWarning  = 21 * 24 * time.Hour
	usualCritical = 7 * 24 * time.Hour
	longestFor    = 7 * 24 * time.Hour
)

// alertEntry is alerting as it is written: off, or a mapping.
type alertEntry struct {
	off               bool
	severity          string
	hold              *strictyaml.Duration
	warning, critical strictyaml.Duration
}

const alertForm = "write off, or for example {for: 2m, severity: critical}; of tls also {warning: 21d, critical: 7d}"

// UnmarshalYAML reads it.
func (e *alertEntry) UnmarshalYAML(n ast.Node) error {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		if text := n.GetToken().Value; text != "off" && text != "false" {
			return &yaml.SyntaxError{Message: alertForm, Token: n.GetToken()}
		}
		e.off = true
		return nil
	}
	for _, v := range values {
		if err := e.set(v); err != nil {
			return err
		}
	}
	return nil
}

func (e *alertEntry) set(v *ast.MappingValueNode) error {
	switch key := v.Key.GetToken(); key.Value {
	case "for":
		e.hold = new(strictyaml.Duration)
		return e.hold.UnmarshalYAML(v.Value)
	case "severity":
		word, ok := v.Value.(*ast.StringNode)
		if !ok || !severities.MatchString(word.Value) {
			return &yaml.SyntaxError{Message: "a severity is a word such as critical: letters, digits, _ and -, at most 40", Token: v.Value.GetToken()}
		}
		e.severity = word.Value
		return nil
	case severityWarning:
		return e.warning.UnmarshalYAML(v.Value)
	case severityCritical:
		return e.critical.UnmarshalYAML(v.Value)
	default:
		return &yaml.SyntaxError{Message: fmt.Sprintf("unknown key %q: an alert has for and severity, and of tls warning and critical", strictyaml.Hide(key.Value)), Token: key}
	}
}

var severities = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,39}$`)

// alerting is that of an entry. Twice something has to be found wrong, unless the file
// says for how long: so much is a restart or a lost packet.
func (r *reader) alerting(c *Check) (Alerting, error) {
	e := r.Alert
	a := Alerting{Off: e.off, For: max(usualFor, c.Every), Severity: cmp.Or(e.severity, c.Labels["severity"], severityCritical)}
	if e.hold != nil {
		a.For = e.hold.D()
	}
	switch {
	case a.For < 0 || a.For > longestFor:
		return a, r.errorf("alert", "for is from 0s to %s, not %s", strictyaml.FormatDuration(longestFor), strictyaml.FormatDuration(a.For))
	case c.Type != TLS && (e.warning != 0 || e.critical != 0):
		return a, r.errorf("alert", "warning and critical are how long a certificate still lasts: they mean nothing to a check of %s", c.Type)
	case c.Type != TLS:
		return a, nil
	}
	// Who has certificates of a few days says so with lasts.
	a.Critical, a.Warning = usualCritical, max(usualWarning, c.lasts)
	if r.Lasts != 0 && c.lasts < usualCritical {
		a.Critical, a.Warning = c.lasts, c.lasts
	}
	a.Critical, a.Warning = cmp.Or(e.critical.D(), a.Critical), cmp.Or(e.warning.D(), a.Warning)
	if e.warning == 0 {
		a.Warning = max(a.Warning, a.Critical)
	}
	if a.Critical < 0 || a.Warning < a.Critical {
		return a, r.errorf("alert", "warning comes before critical: %s is less than %s", strictyaml.FormatDuration(a.Warning), strictyaml.FormatDuration(a.Critical))
	}
	return a, nil
}

// Trouble is what a check has found wrong in all its looks since a first one. The zero
// value is none.
type Trouble struct {
	Alert    string // CheckFailed or CertificateExpiry
	Severity string
	Since    time.Time // of the first look; with the monotonic clock
	Looks    int
	Last     Result
}

// trouble is what of a look is worth an alert; "" is nothing. That a certificate ends
// has thresholds of its own, whatever the check calls healthy.
func (c *Check) trouble(r Result) (name, severity string) {
	if c.Type == TLS {
		switch a := c.Alerting; {
		case r.Value < a.Critical.Seconds(): // of no value neither holds
			return CertificateExpiry, severityCritical
		case r.Value < a.Warning.Seconds():
			name, severity = CertificateExpiry, severityWarning
		}
	}
	if r.Status == Unhealthy && (c.Type != TLS || !r.exceeded) {
		return CheckFailed, c.Alerting.Severity // worse than what is to come
	}
	return name, severity
}

// follow takes one more look into account. One that could not be made says nothing.
func (t Trouble) follow(r Result) Trouble {
	if r.Status == Unknown {
		return t
	}
	name, severity := r.Check.trouble(r)
	switch {
	case name == "":
		return Trouble{}
	case name != t.Alert || severity != t.Severity:
		t = Trouble{Alert: name, Severity: severity, Since: r.At}
	}
	t.Looks++
	t.Last = r
	return t
}

// Lasts says whether it is more than an accident at now: for as long as the check's
// alerts want, and where that is longer than the time between two looks in two of them.
func (t Trouble) Lasts(now time.Time) bool {
	if t.Alert == "" {
		return false
	}
	c := t.Last.Check
	return now.Sub(t.Since) >= c.Alerting.For && (t.Looks > 1 || c.Alerting.For < c.Every)
}

// Summary is what is wrong, in a line.
func (t Trouble) Summary() string {
	if t.Alert == CertificateExpiry {
		if t.Last.Value <= 0 {
			return fmt.Sprintf("the certificate of %s has ended", t.Last.Check.Place())
		}
		return fmt.Sprintf("the certificate of %s ends in %s", t.Last.Check.Place(), brief(t.Last.Value))
	}
	return short(fmt.Sprintf("%s fails: %s", t.Last.Check.Name, t.Last.Reason))
}

// Description is what was looked at, since when it is wrong, and what came of the
// latest look.
func (t Trouble) Description() string {
	c := t.Last.Check
	looks := "1 look"
	if t.Looks > 1 {
		looks = fmt.Sprintf("%d looks in a row", t.Looks)
	}
	found := cmp.Or(t.Last.Reason, t.Summary())
	return fmt.Sprintf("%s check of %s, every %s: wrong since %s, in %s; the last: %s",
		c.Type, c.Place(), strictyaml.FormatDuration(c.Every), t.Since.UTC().Format("2006-01-02 15:04:05 UTC"), looks, found)
}

// Place is what is looked at, without the parts of a URL that may hold a token.
func (c *Check) Place() string {
	if c.Type != HTTP {
		return c.Target
	}
	if u, err := url.Parse(c.Target); err == nil {
		return u.Host
	}
	return c.Name
}

// Standing is how a check stands, for whoever makes alerts of it.
type Standing struct {
	Check   *Check
	Looked  bool // some look of this process told good from bad
	Trouble Trouble
}

// Standings are those of all checks, in their order.
func (r *Runner) Standings() []Standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Standing, len(r.known))
	for i, s := range r.known {
		list[i] = Standing{Check: s.Check, Looked: s.good+s.bad > 0, Trouble: s.trouble}
	}
	return list
}
