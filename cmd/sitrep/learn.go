package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func (a *app) learnCommand() *cobra.Command {
	var since string
	var q stats.Question
	c := &cobra.Command{
		Use: "learn", Short: "what incidents teach together: what comes again, what was promised, what cost most", Args: cobra.NoArgs,
		Long: "Learn reads the incidents declared since then: what two of them or more have in common, whose action items are open and how\n" +
			"old, which took most of an error budget, and how often a signal was really out of its band within the five minutes before\n" +
			"somebody was called (of incidents whose boards were kept). Action items count whenever their incident was. Drills are left out.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			back, err := strictyaml.ParseDuration(since)
			if err != nil || back <= 0 {
				return usage("learn: --since %s: give a time to look back, such as 90d", since)
			}
			q.Now = time.Now()
			q.Since = q.Now.Add(-back)
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				list, err := db.Incidents(cmd.Context(), false, 0)
				if err != nil {
					return err
				}
				events, err := db.OfKinds(cmd.Context(), q.Since, q.Now, incident.EvidenceCaptured, incident.EscalationEntered)
				if err != nil {
					return err
				}
				return a.printLessons(stats.Learn(list, events, q), q)
			})
		},
	}
	c.Flags().StringVar(&since, "since", "90d", "how far to look `back`")
	c.Flags().BoolVar(&q.Drills, "drills", false, "drills too")
	return c
}

// lessonsView is `learn --json`.
type lessonsView struct {
	Since     time.Time    `json:"since"`
	Incidents int          `json:"incidents"`
	Factors   []factorView `json:"factors"`
	Owners    []ownerView  `json:"owners"`
	Costs     []dearView   `json:"costs"`
	Pages     pagesView    `json:"pages"`
}

type (
	factorView struct {
		What      string        `json:"what"`
		Incidents []incident.ID `json:"incidents"`
	}
	ownerView struct {
		Owner   incident.Person `json:"owner"`
		Open    int             `json:"open"`
		Overdue int             `json:"overdue"`
		Oldest  float64         `json:"oldest_seconds"`
		Item    string          `json:"oldest_item"`
	}
	dearView struct {
		Incident  incident.ID `json:"incident"`
		Title     string      `json:"title"`
		Objective string      `json:"objective"`
		Ratio     float64     `json:"budget_ratio"`
		Minutes   float64     `json:"minutes"`
	}
	pagesView struct {
		Incidents int           `json:"incidents"` // that somebody was called for
		Known     int           `json:"known"`     // of which it is known what the signals did
		Out       int           `json:"out_of_band"`
		Not       []incident.ID `json:"not_out_of_band"`
	}
)

func (a *app) printLessons(l stats.Lessons, q stats.Question) error {
	if !a.flags.json {
		_, err := fmt.Fprint(a.stdout, sanitise(lessonsText(l, q)))
		return err
	}
	v := lessonsView{
		Since: q.Since.UTC(), Incidents: l.Incidents, Factors: []factorView{}, Owners: []ownerView{}, Costs: []dearView{},
		Pages: pagesView{l.Woken.Incidents, l.Woken.Known, l.Woken.Out, append([]incident.ID{}, l.Woken.Not...)},
	}
	for _, f := range l.Factors {
		v.Factors = append(v.Factors, factorView(f))
	}
	for _, o := range l.Owners {
		v.Owners = append(v.Owners, ownerView{o.Name, o.Open, o.Overdue, o.Oldest.Seconds(), o.OldestItem})
	}
	for _, c := range l.Costs {
		v.Costs = append(v.Costs, dearView{c.Incident, c.Title, c.Objective, c.Ratio, c.Minutes})
	}
	return a.print(v)
}

// mostLearnt is how many lines of a list a person reads.
const mostLearnt = 10

func lessonsText(l stats.Lessons, q stats.Question) string {
	var b strings.Builder
	fmt.Fprintf(&b, "since %s: %s\n", q.Since.UTC().Format(time.DateOnly), count(l.Incidents, "incident"))
	list := func(title, none string, n int, line func(int) string) {
		fmt.Fprintf(&b, "\n%s\n", title)
		if n == 0 {
			fmt.Fprintf(&b, "  %s\n", none)
		}
		for i := range min(n, mostLearnt) {
			fmt.Fprintf(&b, "  %s\n", line(i))
		}
		if n > mostLearnt {
			fmt.Fprintf(&b, "  and %d more (--json lists them)\n", n-mostLearnt)
		}
	}
	list("what comes again", "nothing that two incidents have in common", len(l.Factors), func(i int) string {
		f := l.Factors[i]
		return fmt.Sprintf("%d of %d  %s (%s)", len(f.Incidents), l.Incidents, f.What, firstIDs(f.Incidents))
	})
	list("promised, and not done", "no action item is open", len(l.Owners), func(i int) string {
		o := l.Owners[i]
		name := string(o.Name)
		if name == "" {
			name = "nobody"
		}
		return fmt.Sprintf("%s: %d open, %d overdue, the oldest is %s since %s", name, o.Open, o.Overdue, o.OldestItem, span(o.Oldest))
	})
	list("what cost most of an error budget", "no cost is known", len(l.Costs), func(i int) string {
		c := l.Costs[i]
		return fmt.Sprintf("%.1f%% of %s  %s %s", 100*c.Ratio, c.Objective, c.Incident, c.Title)
	})
	w := l.Woken
	fmt.Fprintf(&b, "\nwhen somebody was called\n  for %s; of %d it was kept what the signals did", count(w.Incidents, "incident"), w.Known)
	if w.Known > 0 {
		fmt.Fprintf(&b, ": out of their band in %d", w.Out)
	}
	if len(w.Not) > 0 {
		fmt.Fprintf(&b, ", and not in %s", firstIDs(w.Not))
	}
	b.WriteByte('\n')
	return b.String()
}

// firstIDs is the first of them.
func firstIDs(ids []incident.ID) string {
	const most = 5
	var words []string
	for _, id := range ids[:min(len(ids), most)] {
		words = append(words, string(id))
	}
	if n := len(ids) - most; n > 0 {
		words = append(words, fmt.Sprintf("%d more", n))
	}
	return strings.Join(words, ", ")
}
