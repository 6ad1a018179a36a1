package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/health"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// examineChecks names the checks, and says of each alert that they can make what the
// policy makes of it. A critical one that opens nothing is wrong: nobody would be called.
func examineChecks(checks []health.Check, policy escalation.Policy) []finding {
	found := []finding{check("checks", fmt.Sprint(len(checks)), nil)}
	var order []string
	names := map[string][]string{}
	bad := map[string]bool{}
	for i := range checks {
		c := &checks[i]
		fate, lost := fateOf(c, policy)
		if names[fate] == nil {
			order = append(order, fate)
		}
		names[fate], bad[fate] = append(names[fate], c.Name), lost
	}
	for _, fate := range order {
		text := firstNames(names[fate]) + ": " + fate
		var err error
		if bad[fate] {
			err = errors.New(text + ": add a rule to declare in the policy, or set alert: off")
		}
		found = append(found, check("alerts of checks", text, err))
	}
	return found
}

// fateOf is what becomes of the alerts of a check; lost if a critical one opens nothing.
func fateOf(c *health.Check, policy escalation.Policy) (text string, lost bool) {
	if c.Alerting.Off {
		return "no alerts", false
	}
	alerts := []health.Trouble{{Alert: health.CheckFailed, Severity: c.Alerting.Severity, Last: health.Result{Check: c}}}
	if c.Type == health.TLS {
		for _, severity := range []string{"warning", "critical"} {
			alerts = append(alerts, health.Trouble{Alert: health.CertificateExpiry, Severity: severity, Last: health.Result{Check: c}})
		}
	}
	texts := []string{"after " + strictyaml.FormatDuration(c.Alerting.For)}
	for _, t := range alerts {
		severity, auto, known := policy.DeclareFor(checkAlert(t, "").Labels)
		fate := "is only listed"
		switch {
		case auto:
			fate = "opens a " + string(severity)
		case known:
			fate = "is listed, for a person to declare a " + string(severity)
		default:
			lost = lost || t.Severity == "critical"
		}
		what := t.Severity
		if t.Alert == health.CertificateExpiry {
			within := c.Alerting.Critical
			if t.Severity == "warning" {
				within = c.Alerting.Warning
			}
			what = fmt.Sprintf("%s (ends in %s)", t.Severity, strictyaml.FormatDuration(within))
		}
		texts = append(texts, what+" "+fate)
	}
	return strings.Join(texts, ", "), lost
}

// firstNames is the first of many names.
func firstNames(names []string) string {
	const shown = 12
	if more := len(names) - shown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), more)
	}
	return strings.Join(names, ", ")
}
