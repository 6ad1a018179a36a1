package pane

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// AlertRecord is what the timeline tells of the alerts of the last 90 days.
type AlertRecord struct {
	Rules  map[string]stats.Precision // by the alert's name
	Week   map[string]int             // firings of the last seven days, by alert.Alert.Known
	Said   map[string]Said            // of firings, by alert.Alert.Recorded
	Storms map[incident.ID]Said       // of all alerts of an incident
}

// Said is what a person says that an alert was worth.
type Said struct {
	Verdict stats.Verdict
	By      incident.Person
	At      time.Time
	Reason  string
}

// said is what holds of an alert: what was said of itself, else of its storm.
func (r *AlertRecord) said(a *alert.Alert) (Said, bool) {
	if r == nil {
		return Said{}, false
	}
	if s, is := r.Said[a.Recorded]; is {
		return s, true
	}
	s, is := r.Storms[incident.ID(a.Incident)]
	return s, is
}

// week is how often the alerts have fired in the last seven days.
func (r *AlertRecord) week(list []alert.Alert) (n int) {
	if r == nil {
		return 0
	}
	for i := range list {
		n += r.Week[list[i].Known()]
	}
	return n
}

// rule is the record of the alerts of that name; zero if nothing is known.
func (r *AlertRecord) rule(name string) stats.Precision {
	if r == nil {
		return stats.Precision{}
	}
	return r.Rules[name]
}

// PrecisionText is a precision with the number of its samples: "75 % of 8", of few
// "2 of 3", of none "-".
func PrecisionText(p stats.Precision) string {
	share, known := p.Share()
	switch {
	case known:
		return fmt.Sprintf("%.0f %% of %d", 100*share, p.Judged)
	case p.Judged > 0:
		return fmt.Sprintf("%d of %d", p.Worth, p.Judged)
	}
	return "-"
}

// recordText is the record of a rule in words.
func recordText(p stats.Precision) string {
	if p.Firings == 0 {
		return ""
	}
	text := fmt.Sprintf("%d in 90 days, %d at night, %d in incidents, %d acted on", p.Firings, p.Night, p.Attached, p.Acted)
	if p.Flapping > 0 {
		text += fmt.Sprintf(", %d flapping", p.Flapping)
	}
	if p.Ended > 0 {
		text += fmt.Sprintf("; half of them over within %s", strictyaml.FormatDuration(p.Median.Round(time.Second)))
	}
	return text
}

// worthText is the precision of a rule in words.
func worthText(p stats.Precision) string {
	if p.Judged == 0 {
		return "not known: none of its firings is judged yet"
	}
	text := fmt.Sprintf("%s judged firings worth having", PrecisionText(p))
	if p.Samples < p.Judged {
		text += fmt.Sprintf(", from %d incidents", p.Samples)
		if p.Samples == 1 {
			text = strings.TrimSuffix(text, "s")
		}
	}
	if _, known := p.Share(); !known {
		text += ": too few for a percentage"
	}
	if n := p.Noise; n > 0 {
		text += fmt.Sprintf("; %d marked noise", n)
	}
	if p.MostlyNoise() {
		text += ": mostly noise, mend the rule"
	}
	return text
}

// saidText is what was said of an alert, by whom and when.
func saidText(x Said, s *Screen) string {
	text := fmt.Sprintf("%s, said %s at %s", cmp.Or(string(x.Verdict), "nothing"), x.By, x.At.In(s.Zone).Format("Jan 2 15:04 MST"))
	if x.Reason != "" {
		text += ": " + x.Reason
	}
	return text
}
