package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident/stats"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

func (a *app) statsCommand() *cobra.Command {
	var since, by string
	var q stats.Question
	c := &cobra.Command{
		Use: "stats", Short: "how long incidents took, how many there were, who found them, what is left to do", Args: cobra.NoArgs,
		Long: `Stats counts the incidents declared since then. Times are from the declaration
(to detect: from when the alert's condition became true, so it is known of
incidents that an alert found); one that never happened is not counted, and N
says how many were. Drills are left out.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			back, err := strictyaml.ParseDuration(since)
			if err != nil {
				return usage("stats: --since: %w", err)
			}
			if back <= 0 {
				return usage("stats: --since %s: give a time to look back, such as 90d", since)
			}
			if q.By, err = stats.ParseGrouping(by); err != nil {
				return usage("stats: --by: %w", err)
			}
			q.Now = time.Now()
			q.Since = q.Now.Add(-back)
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				list, err := db.Incidents(cmd.Context(), false, 0)
				if err != nil {
					return err
				}
				r := stats.Of(list, q)
				if a.flags.json {
					return a.print(statsViewOf(r, q.By))
				}
				_, err = fmt.Fprint(a.stdout, statsText(r, q.By))
				return err
			})
		},
	}
	c.Flags().StringVar(&since, "since", "90d", "how far to look `back`")
	c.Flags().StringVar(&by, "by", string(stats.BySeverity), "severity, service or month")
	c.Flags().BoolVar(&q.Drills, "drills", false, "drills too")
	return c
}

// widestName is how much of a service's name the table shows: with it, the table
// fits into 80 columns.
const widestName = 25

// statsText is a report for people.
func statsText(r stats.Report, by stats.Grouping) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s to %s: %s", r.From.UTC().Format(time.DateOnly), r.To.UTC().Format(time.DateOnly), count(r.All.Incidents, "incident"))
	if r.HasPerWeek {
		fmt.Fprintf(&b, ", %.1f a week", r.PerWeek)
	}
	if r.DrillsLeft > 0 {
		fmt.Fprintf(&b, " (%s left out)", count(r.DrillsLeft, "drill"))
	}
	b.WriteByte('\n')
	if n := r.All.Incidents; n > 0 {
		fmt.Fprintf(&b, "found by a person before an alert: %d of %d (%.0f %%)\n\n", r.ByHuman, n, 100*float64(r.ByHuman)/float64(n))
		b.WriteString(statsTable(r, by))
	}
	b.WriteByte('\n')
	b.WriteString(itemsLines(r.Items))
	return b.String()
}

func statsTable(r stats.Report, by stats.Grouping) string {
	var b strings.Builder
	width := len("SEVERITY")
	for _, g := range r.Groups {
		width = max(width, safe.New(groupName(g), widestName).Width())
	}
	line := func(cells ...string) {
		name := safe.New(cells[0], widestName)
		fmt.Fprintf(&b, "%s%s  %9s  %4s  %-11s  %9s  %7s  %3s\n", name, strings.Repeat(" ", width-name.Width()), cells[1], cells[2], cells[3], cells[4], cells[5], cells[6])
	}
	line(strings.ToUpper(string(by)), "INCIDENTS", "OPEN", "TIME TO", "MEDIAN", "P90", "N")
	groups := r.Groups
	if len(groups) > 1 {
		groups = append([]stats.Group{r.All}, groups...)
	}
	for _, g := range groups {
		head := []string{groupName(g), fmt.Sprint(g.Incidents), fmt.Sprint(g.Open)}
		for _, m := range measures(g) {
			median, p90 := "-", "-"
			switch {
			case m.N > 0:
				median = span(m.Median)
			case m.name == detect:
				median = "not known" // it happened, or there would be no incident
			}
			if m.N > 1 {
				p90 = span(m.P90)
			}
			line(append(head, m.name, median, p90, fmt.Sprint(m.N))...)
			head = []string{"", "", ""}
		}
	}
	return b.String()
}

const detect = "detect"

type measure struct {
	name string
	stats.Spread
}

func measures(g stats.Group) []measure {
	return []measure{{detect, g.Detect}, {"acknowledge", g.Acknowledge}, {"mitigate", g.Mitigate}, {"resolve", g.Resolve}}
}

func groupName(g stats.Group) string { return orDash(g.Name) }

func itemsLines(items stats.Items) string {
	if items.Open == 0 {
		return "action items: none open\n"
	}
	parts := make([]string, 0, len(items.Ages))
	for _, a := range items.Ages {
		switch {
		case a.N == 0:
		case a.Below == 0:
			parts = append(parts, fmt.Sprintf("%d older", a.N))
		default:
			parts = append(parts, fmt.Sprintf("%d under %dw", a.N, int(a.Below.Hours()/24/7)))
		}
	}
	return fmt.Sprintf("action items: %d open, %d overdue, the oldest for %s\nby age: %s\n", items.Open, items.Overdue, span(items.Oldest), strings.Join(parts, ", "))
}

// count is a number of things: "1 event", "2 events".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// statsView is `stats --json`; what is not known is null.
type statsView struct {
	From       *time.Time  `json:"from"`
	To         *time.Time  `json:"to"`
	By         string      `json:"by"`
	All        groupView   `json:"all"`
	Groups     []groupView `json:"groups"`
	PerWeek    *float64    `json:"incidents_per_week"`
	ByHuman    int         `json:"found_by_human"`
	HumanShare *float64    `json:"found_by_human_ratio"`
	DrillsLeft int         `json:"drills_left_out"`
	Items      itemsView   `json:"action_items"`
}

type groupView struct {
	Name      string               `json:"name"`
	Incidents int                  `json:"incidents"`
	Open      int                  `json:"open"`
	TimeTo    map[string]timesView `json:"time_to"`
}

type timesView struct {
	N      int      `json:"n"`
	Median *float64 `json:"median_seconds"`
	P90    *float64 `json:"p90_seconds"`
}

type itemsView struct {
	Open    int       `json:"open"`
	Overdue int       `json:"overdue"`
	Oldest  *float64  `json:"oldest_seconds"`
	Ages    []ageView `json:"by_age"`
}

type ageView struct {
	Below *float64 `json:"below_seconds"`
	Open  int      `json:"open"`
}

func statsViewOf(r stats.Report, by stats.Grouping) statsView {
	v := statsView{
		From: moment(r.From), To: moment(r.To), By: string(by), All: groupViewOf(r.All), Groups: []groupView{}, ByHuman: r.ByHuman, DrillsLeft: r.DrillsLeft,
		Items: itemsView{Open: r.Items.Open, Overdue: r.Items.Overdue, Oldest: seconds(r.Items.Oldest, r.Items.Open > 0), Ages: []ageView{}},
	}
	for _, g := range r.Groups {
		v.Groups = append(v.Groups, groupViewOf(g))
	}
	if r.HasPerWeek {
		v.PerWeek = &r.PerWeek
	}
	if n := r.All.Incidents; n > 0 {
		share := float64(r.ByHuman) / float64(n)
		v.HumanShare = &share
	}
	for _, a := range r.Items.Ages {
		v.Items.Ages = append(v.Items.Ages, ageView{seconds(a.Below, a.Below > 0), a.N})
	}
	return v
}

func groupViewOf(g stats.Group) groupView {
	v := groupView{Name: g.Name, Incidents: g.Incidents, Open: g.Open, TimeTo: map[string]timesView{}}
	for _, m := range measures(g) {
		v.TimeTo[m.name] = timesView{m.N, seconds(m.Median, m.N > 0), seconds(m.P90, m.N > 1)}
	}
	return v
}
