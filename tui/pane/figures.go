package pane

import (
	"cmp"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
)

// Figures are the statistics as they stood At, worked out beside the screen.
type Figures struct {
	At     time.Time
	Ranges []Span // the shortest first
}

// Span is the statistics of a stretch of time up to now.
type Span struct {
	Name     string // 30d
	All      Part
	Services []Part // those with most incidents first
}

// Part is the statistics of all incidents, or of those of a service.
type Part struct {
	Service string       // "" is that of incidents that name none
	Report  stats.Report // by severity
	Months  []stats.Group
	Weeks   []stats.Week
}

// FiguresOf works the statistics out. It may take a while for many incidents and
// is not called from Update.
func FiguresOf(incidents []incident.Incident, now time.Time) *Figures {
	const day = 24 * time.Hour
	byService := map[string][]incident.Incident{}
	for _, inc := range incidents {
		byService[inc.Service] = append(byService[inc.Service], inc)
	}
	out := &Figures{At: now}
	for _, r := range []struct {
		name string
		back time.Duration
	}{{"30d", 30 * day}, {"90d", 90 * day}, {"1y", 365 * day}} {
		sp := Span{Name: r.name, All: partOf("", incidents, r.back, now)}
		for service, list := range byService {
			if p := partOf(service, list, r.back, now); p.Report.All.Incidents > 0 {
				sp.Services = append(sp.Services, p)
			}
		}
		slices.SortFunc(sp.Services, func(a, b Part) int {
			return cmp.Or(cmp.Compare(b.Report.All.Incidents, a.Report.All.Incidents), cmp.Compare(a.Service, b.Service))
		})
		out.Ranges = append(out.Ranges, sp)
	}
	return out
}

func partOf(service string, incidents []incident.Incident, back time.Duration, now time.Time) Part {
	q := stats.Question{Since: now.Add(-back), Now: now, By: stats.BySeverity}
	p := Part{Service: service, Report: stats.Of(incidents, q), Weeks: stats.Weeks(incidents, q)}
	q.By = stats.ByMonth
	p.Months = months(stats.Of(incidents, q).Groups, q)
	return p
}

// months are the groups with those months in between that had no incident: a
// trend over months that are left out is none.
func months(groups []stats.Group, q stats.Question) []stats.Group {
	if len(groups) == 0 {
		return nil
	}
	since := q.Since.UTC()
	var out []stats.Group
	for at := time.Date(since.Year(), since.Month(), 1, 0, 0, 0, 0, time.UTC); !at.After(q.Now); at = at.AddDate(0, 1, 0) {
		g := stats.Group{Name: at.Format("2006-01")}
		if i := slices.IndexFunc(groups, func(have stats.Group) bool { return have.Name == g.Name }); i >= 0 {
			g = groups[i]
		}
		out = append(out, g)
	}
	return out
}
