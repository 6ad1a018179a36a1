package postmortem

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// experiment is the end of a run of chaos as its event tells it; what an earlier
// sitrep did not record is empty.
type experiment struct {
	Run        string `json:"run"`
	Experiment string `json:"experiment"`
	Outcome    *struct {
		Verdict    string            `json:"verdict"`
		Reason     string            `json:"reason"`
		Hypothesis string            `json:"hypothesis"`
		Score      *float64          `json:"score"`
		Recovery   *float64          `json:"recovery_seconds"`
		StartedAt  time.Time         `json:"started_at"`
		Faults     []experimentFault `json:"faults"`
		Probes     []experimentProbe `json:"probes"`
		Guards     []experimentGuard `json:"guards"`
	} `json:"outcome"`
}

type experimentFault struct {
	Kind       string    `json:"kind"`
	Target     string    `json:"target"`
	InjectedAt time.Time `json:"injected_at"`
	GoneAt     time.Time `json:"gone_at"`
	Effect     string    `json:"effect"`
}

type experimentProbe struct {
	Name        string   `json:"name"`
	Expect      string   `json:"expect"`
	Before      *float64 `json:"before"`
	During      *float64 `json:"during"`
	After       *float64 `json:"after"`
	Evaluations int      `json:"evaluations"`
	Within      int      `json:"within"`
	Series      []struct {
		At    float64  `json:"t"`
		Value *float64 `json:"v"`
	} `json:"series"`
}

type experimentGuard struct {
	Name      string `json:"name"`
	AbortWhen string `json:"abort_when"`
	Tripped   bool   `json:"tripped"`
}

// atOnce is less than anybody calls a recovery, in seconds.
const atOnce = 0.05

// mostExperiments is how many runs are told in full.
const mostExperiments = 8

// experiments is what was tried on purpose and what the probes saw of it; empty if
// nothing was, or was refused.
func (f *facts) experiments() string {
	var b strings.Builder
	n := 0
	for _, e := range f.faults {
		var x experiment
		if e.Kind != incident.ChaosFinished || e.Payload(&x) != nil || x.Outcome == nil || x.Outcome.Verdict == "refused" {
			continue // damaged, or nothing was touched: the event itself is listed
		}
		if n++; n > mostExperiments {
			continue
		}
		if n > 1 {
			b.WriteString("\n\n")
		}
		x.tell(&b, f.inc.Clocks.Detected.Sub(e.At))
	}
	if n > mostExperiments {
		fmt.Fprintf(&b, "\n\n%s more, under Every event.", count(n-mostExperiments, "run"))
	}
	return b.String()
}

// tell writes a run, which was over so long before the detection, if it was: a line, what it was to show, what was done, and a block of what
// its probes saw.
func (x experiment) tell(b *strings.Builder, before time.Duration) {
	o := x.Outcome
	fmt.Fprintf(b, "**%s %s**: %s", escape(x.Run), escape(x.Experiment), escape(strings.ReplaceAll(o.Verdict, "_", " ")))
	if o.Score != nil {
		fmt.Fprintf(b, ", score %s %%", figure(100**o.Score))
	}
	switch {
	case o.Recovery != nil && *o.Recovery < atOnce:
		b.WriteString(", the steady state was back at once")
	case o.Recovery != nil:
		fmt.Fprintf(b, ", the steady state was back after %s s", figure(*o.Recovery))
	}
	fmt.Fprintf(b, ". %s", escape(o.Reason))
	if before > 0 {
		fmt.Fprintf(b, "; over %s before the detection, which may still be its doing", span(before))
	}
	var items []string
	if o.Hypothesis != "" {
		items = append(items, "Hypothesis: "+escape(o.Hypothesis))
	}
	for _, fault := range o.Faults {
		items = append(items, fault.text())
	}
	for _, g := range o.Guards {
		if g.Tripped {
			items = append(items, fmt.Sprintf("The guard %s tripped: abort when %s", escape(g.Name), escape(g.AbortWhen)))
		}
	}
	b.WriteString("\n")
	for _, it := range items {
		b.WriteString("\n- " + it)
	}
	if len(o.Probes) == 0 {
		return
	}
	b.WriteString("\n\n```text\n")
	for _, p := range o.Probes {
		p.tell(b, o.StartedAt, o.Faults)
	}
	b.WriteString("```")
}

func (f experimentFault) text() string {
	text := fmt.Sprintf("%s on %s: ", escape(f.Kind), escape(f.Target))
	switch {
	case f.InjectedAt.IsZero():
		return text + "not injected"
	case f.GoneAt.IsZero():
		return text + "injected " + clock(f.InjectedAt) + ", not proven gone"
	}
	text += "injected " + clock(f.InjectedAt) + ", gone " + clock(f.GoneAt)
	if f.Effect != "" {
		text += " (" + escape(f.Effect) + ")"
	}
	return text
}

// tell writes a probe: its figures, what it saw over the run, and below that from
// where to where a fault was in place.
func (p experimentProbe) tell(b *strings.Builder, began time.Time, faults []experimentFault) {
	known := func(v *float64) string {
		if v == nil {
			return noData
		}
		return figure(*v)
	}
	fmt.Fprintf(b, "  %s, expected %s: before %s, during %s, after %s; %d of %d within\n", inBlock(p.Name), inBlock(p.Expect),
		known(p.Before), known(p.During), known(p.After), p.Within, p.Evaluations)
	const most = 120 // this sitrep keeps half of that
	if len(p.Series) < 2 || len(p.Series) > most {
		return
	}
	var values []*float64
	var lo, hi *float64
	marks := []rune(strings.Repeat(" ", len(p.Series)))
	for i, pt := range p.Series {
		values = append(values, pt.Value)
		if v := pt.Value; v != nil {
			if lo == nil || *v < *lo {
				lo = v
			}
			if hi == nil || *v > *hi {
				hi = v
			}
		}
		at := began.Add(time.Duration(min(max(pt.At, 0), 1e6) * float64(time.Second)))
		for _, f := range faults {
			if !f.InjectedAt.IsZero() && !at.Before(f.InjectedAt) && (f.GoneAt.IsZero() || at.Before(f.GoneAt)) {
				marks[i] = '^'
			}
		}
	}
	if line := sparkline(values, lo, hi); line != "" {
		fmt.Fprintf(b, "    %s\n    %s\n", line, string(marks))
	}
}

// figure is a number whose unit nobody knows.
func figure(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }
