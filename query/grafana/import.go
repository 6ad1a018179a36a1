package grafana

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// What a board holds at most (query.LoadBoard).
const (
	maxPanels    = 500
	maxQueries   = 50
	maxVariables = 100
)

// Result is one dashboard as a board.
type Result struct {
	Board  query.Board
	Report Report
}

// Import makes boards of the dashboards in src, the content of file: JSON as
// Grafana exports it or answers it, or YAML with such JSON in it. base is the
// Grafana that links without a host lead to; "" is not known. A board of a result
// can be written (query.Board.YAML) and read back, whatever was in the file.
func Import(file string, src []byte, base string) ([]Result, error) {
	found, err := read(file, src)
	if err != nil {
		return nil, err
	}
	results := make([]Result, 0, len(found))
	for _, d := range found {
		r, err := convert(d, strings.TrimSuffix(base, "/"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		results = append(results, r)
	}
	return results, nil
}

// importer is what is known of one dashboard while its panels are read.
type importer struct {
	json              value
	base              string
	inputs            map[string]string // kinds of the sources that whoever imports gives, by ${NAME}
	sources           map[string]string // kinds of source variables by name
	has               map[string]bool   // the board's variables
	panels            map[float64]value // by id
	board             query.Board       // as far as it has come
	usual             string            // the source that most queries go to, by its name in the file
	assumed           query.Choices     // for asking whether an expression could be PromQL
	report            Report
	coarse, exemplars int             // counts of what is said once
	unknown           map[string]bool // units
}

func convert(d dashboard, base string) (Result, error) {
	im := &importer{
		json: d.json, base: base, inputs: map[string]string{}, sources: map[string]string{}, has: map[string]bool{}, unknown: map[string]bool{}, panels: map[float64]value{},
		report: Report{Panels: []PanelReport{}, Variables: []VariableReport{}, Notes: []string{}},
	}
	title := im.json.at("title").line()
	im.report.Title = title
	im.board = query.Board{
		Name: slug(d.name), Title: title, Description: im.json.at("description").text(),
		Range: im.span(), Refresh: im.refresh(),
	}
	im.board.Name = cmp.Or(im.board.Name, slug(title), "dashboard")
	im.board.Title = cmp.Or(im.board.Title, im.board.Name)
	for _, in := range im.json.at("__inputs").list() {
		if in.at("type").text() == "datasource" {
			im.inputs[in.at("name").line()] = in.at("pluginId").line()
		}
	}
	im.variables()
	groups := im.groups()
	im.findSources(groups)
	im.assumed = im.board.Assumed()
	im.place(groups)
	im.annotations()
	im.dashboardLinks()
	if len(im.board.Panels) == 0 {
		im.board.Panels = []query.Panel{{Title: im.board.Title, Type: query.Text, Better: query.Lower, Markdown: "The dashboard had no panel that can be shown."}}
		im.board.Rows = nil
	}
	if err := im.shrink(); err != nil {
		return Result{}, err
	}
	im.counted()
	im.report.add()
	return Result{im.board, im.report}, nil
}

// counted says once what holds for many queries.
func (im *importer) counted() {
	if im.coarse > 0 {
		im.report.note("the resolution of %d queries (intervalFactor): the step follows from the width of the screen", im.coarse)
	}
	for _, unit := range slices.Sorted(maps.Keys(im.unknown)) {
		im.report.note("a meaning of the unit %q, which is none of Grafana's: it stands behind the value, which is not scaled", unit)
	}
	if im.exemplars > 0 {
		im.report.note("exemplars of %d queries are not drawn", im.exemplars)
	}
}

// shrink makes the board fit into a file: without descriptions, then without its
// last panels, each of which is named.
func (im *importer) shrink() error {
	fits := func() bool { _, err := im.board.YAML(); return err == nil }
	if fits() {
		return nil
	}
	for i := range im.board.Panels {
		im.board.Panels[i].Description = ""
	}
	im.report.note("descriptions of panels are left out: the board's file would be larger than %d KiB", strictyaml.MaxSize>>10)
	for len(im.board.Panels) > 1 && !fits() {
		im.drop(max(1, len(im.board.Panels)/16))
	}
	_, err := im.board.YAML()
	return err
}

// drop takes the last n panels off.
func (im *importer) drop(n int) {
	keep := max(1, len(im.board.Panels)-n)
	why := fmt.Sprintf("the board's file would be larger than %d KiB", strictyaml.MaxSize>>10)
	kept := 0
	for i := range im.report.Panels {
		r := &im.report.Panels[i]
		if r.As == "" {
			continue
		}
		if kept++; kept > keep {
			r.As, r.Outcome = "", NotDrawn
			r.lacks("%s", why)
			for j := range r.Queries {
				r.Queries[j].Carried, r.Queries[j].Why = false, why
			}
		}
	}
	im.board.Panels = im.board.Panels[:keep]
	for i := range im.board.Rows {
		im.board.Rows[i].From, im.board.Rows[i].To = min(im.board.Rows[i].From, keep), min(im.board.Rows[i].To, keep)
	}
}

var relative = regexp.MustCompile(`^now-(\d+[smhdwMy])$`)

// span is the range of the dashboard; one that is no length back from now is an
// hour.
func (im *importer) span() time.Duration {
	from, to := im.json.at("time", "from").line(), im.json.at("time", "to").line()
	if m := relative.FindStringSubmatch(from); m != nil && (to == "now" || to == "") {
		if d, ok := length(m[1]); ok && d >= 10*time.Second && d <= 5*365*24*time.Hour {
			return d
		}
	}
	if from != "" {
		im.report.note("the time range %q to %q: the board shows the last hour", from, to)
	}
	return time.Hour
}

// length is Grafana's duration: M is a month, y a year.
func length(text string) (time.Duration, bool) {
	text = strings.NewReplacer("M", "*30", "y", "*365").Replace(text)
	days, isDays := strings.CutSuffix(text, "*30")
	factor := 30
	if !isDays {
		days, isDays = strings.CutSuffix(text, "*365")
		factor = 365
	}
	if isDays {
		d, err := strictyaml.ParseDuration(days + "d")
		if err != nil || d > 100*365*24*time.Hour {
			return 0, false
		}
		return d * time.Duration(factor), true
	}
	d, err := strictyaml.ParseDuration(text)
	return d, err == nil
}

// refresh is that of the dashboard, at least a second; without one it is the
// board's default.
func (im *importer) refresh() time.Duration {
	text := im.json.at("refresh").line()
	d, ok := length(text)
	if !ok || d < time.Second || d > 24*time.Hour {
		return 5 * time.Second
	}
	return d
}

// findSources learns which source most queries go to.
func (im *importer) findSources(groups []group) {
	votes := map[string]int{}
	for _, g := range groups {
		for _, p := range g.panels {
			own := im.sourceOf(p.at("datasource"))
			for _, t := range p.at("targets").list() {
				s := im.sourceOf(t.at("datasource"))
				if s.name == "" {
					s = own
				}
				if s.name != "" && s.isPrometheus() {
					votes[s.name]++
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(votes)) {
		if im.usual == "" || votes[name] > votes[im.usual] {
			im.usual = name
		}
	}
	if name := (source{name: im.usual}).variable(); im.has[name] {
		im.board.Source = "$" + name
	}
}

// annotations reports what is drawn over all panels and is not here.
func (im *importer) annotations() {
	for _, a := range im.json.at("annotations", "list").list() {
		if a.at("builtIn").yes() || a.at("type").text() == "dashboard" || !a.at("enable").yes() && a.at("enable").any != nil {
			continue
		}
		im.report.note("the annotation %q: marks on charts are what is on the timeline", a.at("name").line())
	}
}

// dashboardLinks reads the links of the dashboard.
func (im *importer) dashboardLinks() {
	for _, l := range im.json.at("links").list() {
		if l.at("type").text() == "dashboards" {
			im.report.note("the link to all dashboards tagged %s", strings.Join(l.at("tags").texts(), ", "))
			continue
		}
		link, why := im.link(l)
		if why != "" {
			im.report.note("%s", why)
		} else if link.URL != "" {
			im.board.Links = append(im.board.Links, link)
		}
	}
}

// link is one link; why says that it cannot be followed.
func (im *importer) link(l value) (query.Link, string) {
	link := query.Link{Title: l.at("title").line(), URL: l.at("url").line()}
	if link.URL == "" {
		link.URL = l.at("dashUri").line()
		if link.URL != "" {
			link.URL = "/dashboard/" + link.URL
		} else if name := cmp.Or(l.at("dashboard").line(), link.Title); l.at("type").text() == "dashboard" {
			return link, fmt.Sprintf("the link to the dashboard %q", name)
		}
	}
	if link.URL == "" {
		return link, ""
	}
	link.Title = cmp.Or(link.Title, link.URL)
	scheme, _, found := strings.Cut(link.URL, ":")
	switch {
	case strings.HasPrefix(link.URL, "http://") || strings.HasPrefix(link.URL, "https://") || strings.HasPrefix(link.URL, "$"):
	case found && !strings.ContainsAny(scheme, "/?#$."):
		return link, fmt.Sprintf("the link %q: %s: is no address of the web", link.Title, scheme)
	case im.base == "":
		return link, fmt.Sprintf("the link %q leads to Grafana, whose address is not in the file", link.Title)
	default:
		u, err := url.Parse(im.base)
		if err != nil {
			return link, fmt.Sprintf("the link %q: %s is no address", link.Title, im.base)
		}
		link.URL = im.base + "/" + strings.TrimPrefix(strings.TrimPrefix(link.URL, u.Path), "/")
	}
	return link, ""
}

// links are those of a panel or a field.
func (p *panel) links(list []value) (all []query.Link) {
	for _, l := range list {
		link, why := p.im.link(l)
		if why != "" {
			p.report.lacks("%s", why)
		} else if link.URL != "" {
			all = append(all, link)
		}
	}
	return all
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// slug is a name of a file.
func slug(text string) string {
	return strings.Trim(notInName.ReplaceAllString(strings.ToLower(text), "-"), "-")
}
