package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/capacity"
)

// outlookView is a line of `capacity --json`. Figures are in the resource's unit, null
// where nothing is known.
type outlookView struct {
	Resource string   `json:"resource"`
	Service  string   `json:"service,omitempty"`
	Labels   string   `json:"labels,omitempty"`
	Unit     string   `json:"unit"`
	Days     int      `json:"days"`
	Now      *float64 `json:"now"`
	Limit    *float64 `json:"limit"`
	Room     *float64 `json:"usable"` // the limit without the headroom
	Growth   struct {
		PerYear *float64 `json:"per_year"` // 0.5 is half as much again
		Low     *float64 `json:"low"`
		High    *float64 `json:"high"`
		Kind    string   `json:"kind"`    // linear, exponential, or either
		Counted bool     `json:"counted"` // false: too unsure to go on with, so forecasts stay where the usage is
	} `json:"growth"`
	Full struct {
		Already  bool       `json:"already"`
		Expected *time.Time `json:"expected"` // null: not within three years
		Earliest *time.Time `json:"earliest"`
		Latest   *time.Time `json:"latest"`
	} `json:"full"`
	BackTest *backTestView `json:"back_test"`
	Cost     *costView     `json:"cost,omitempty"`
	Faults   []string      `json:"faults,omitempty"`
}

type backTestView struct {
	Days   int     `json:"days"`
	Error  float64 `json:"median_error"`
	Worst  float64 `json:"worst_error"`
	Within float64 `json:"within_interval"`
	Naive  float64 `json:"last_week_median_error"` // of saying that every week is as the last one known
}

type costView struct {
	Currency string      `json:"currency"`
	Region   string      `json:"region"`
	Amount   float64     `json:"paid_for"`
	Assumed  bool        `json:"usage_assumed"` // what is used, for what is paid for is not known
	Now      float64     `json:"monthly"`
	Later    []laterView `json:"forecast"`
	Savings  []savedView `json:"savings"`
}

type laterView struct {
	Months int     `json:"months"`
	Cost   float64 `json:"monthly"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

type savedView struct {
	Name    string  `json:"name"`
	Monthly float64 `json:"monthly"`
	Assumes string  `json:"assumes"`
}

func viewOfOutlook(o *capacity.Outlook) outlookView {
	r := o.Resource
	v := outlookView{
		Resource: r.Name, Service: r.Service, Labels: o.Labels, Unit: string(r.Unit), Days: len(o.Days),
		Now: orNull(o.Now()), Limit: orNull(o.Limit), Room: orNull(o.Room),
	}
	growth, low, high := o.Model.PerYear(o.Days[len(o.Days)-1].Start)
	v.Growth.PerYear, v.Growth.Low, v.Growth.High, v.Growth.Kind = orNull(growth), orNull(low), orNull(high), kindOf(&o.Model)
	v.Growth.Counted = o.Model.Counted
	v.Full.Already, v.Full.Expected, v.Full.Earliest, v.Full.Latest = o.Meets.Already, moment(o.Meets.Expected), moment(o.Meets.Earliest), moment(o.Meets.Latest)
	if b := o.Test; b != nil {
		v.BackTest = &backTestView{b.Held, b.Error, b.Worst, b.Within, b.Naive}
	}
	if c := o.Cost; c != nil {
		v.Cost = &costView{Currency: c.Currency, Region: c.Region, Amount: c.Amount, Assumed: c.Assumed, Now: c.Now, Later: []laterView{}, Savings: []savedView{}}
		for _, l := range c.Later {
			v.Cost.Later = append(v.Cost.Later, laterView(l))
		}
		for _, s := range c.Savings {
			v.Cost.Savings = append(v.Cost.Savings, savedView{s.Name, s.Monthly, s.Assumes})
		}
	}
	return v
}

func kindOf(m *capacity.Model) string {
	switch {
	case m.Or != nil:
		return "either"
	case m.Log:
		return "exponential"
	}
	return "linear"
}

// orNull is a number as JSON has it; null for none.
func orNull(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// printForecasts prints all of them. It ends with 5 if something could not be said.
func (a *app) printForecasts(all []forecast) error {
	views := []outlookView{}
	rows := [][]string{{"RESOURCE", "NOW", "LIMIT", "USED", "A YEAR", "FULL", "BETWEEN", "DAYS", "OFF BY"}}
	var costs, savings [][]string
	missing := false
	for _, f := range all {
		for i := range f.outlooks {
			o := &f.outlooks[i]
			views = append(views, viewOfOutlook(o))
			rows = append(rows, outlookRow(o))
			if o.Cost != nil {
				costs = append(costs, costRow(o))
				for _, s := range o.Cost.Savings {
					savings = append(savings, []string{nameOf(o), s.Name, money(s.Monthly, o.Cost.Currency), sanitise(s.Assumes)})
				}
			}
		}
		if len(f.outlooks) == 0 {
			views = append(views, outlookView{Resource: f.resource.Name, Service: f.resource.Service, Unit: string(f.resource.Unit), Faults: f.faults})
		}
		for _, fault := range f.faults {
			missing = true
			fmt.Fprintf(a.stderr, "sitrep: %s: %s\n", f.resource.Name, sanitise(fault))
		}
	}
	err := a.printed(views, rows, costs, savings)
	if err == nil && missing {
		err = withCode(exitInconclusive, errors.New("not everything can be said"))
	}
	return err
}

func (a *app) printed(views []outlookView, rows, costs, savings [][]string) error {
	if a.flags.json {
		return a.print(views)
	}
	var err error
	if len(rows) > 1 {
		err = table(a.stdout, rows)
	}
	if err == nil && len(costs) > 0 {
		fmt.Fprintln(a.stdout)
		err = table(a.stdout, append([][]string{{"COST A MONTH", "PAID FOR", "NOW", "IN 3 MONTHS", "IN 6 MONTHS", "IN 12 MONTHS"}}, costs...))
	}
	if err == nil && len(savings) > 0 {
		fmt.Fprintln(a.stdout)
		err = table(a.stdout, append([][]string{{"COULD BE SAVED", "BY", "A MONTH", "IF"}}, savings...))
	}
	return err
}

func nameOf(o *capacity.Outlook) string {
	if o.Labels == "" {
		return o.Resource.Name
	}
	return sanitise(o.Resource.Name + " " + o.Labels)
}

func outlookRow(o *capacity.Outlook) []string {
	row := []string{nameOf(o), amount(o.Resource.Unit, o.Now()), amount(o.Resource.Unit, o.Limit), "-", "-", "-", "-", fmt.Sprint(len(o.Days)), "-"}
	if o.Limit > 0 {
		row[3] = fmt.Sprintf("%.0f %%", 100*o.Now()/o.Limit)
	}
	if growth, low, high := o.Model.PerYear(o.Days[len(o.Days)-1].Start); !math.IsNaN(growth) {
		row[4] = fmt.Sprintf("%+.0f %% (%s to %s)", 100*growth, signed(low), signed(high))
		if !o.Model.Counted {
			row[4] = fmt.Sprintf("unsure (%s to %s)", signed(low), signed(high))
		}
	}
	switch e := o.Meets; {
	case math.IsNaN(o.Limit):
	case e.Already:
		row[5] = "now"
	default:
		row[5] = cmp.Or(date(e.Expected), "not in 3 years")
		row[6] = cmp.Or(date(e.Earliest), "later") + " and " + cmp.Or(date(e.Latest), "never")
		if e.Earliest.IsZero() {
			row[6] = "-"
		}
	}
	if o.Test != nil {
		row[8] = fmt.Sprintf("%.1f %% over %d d (last week: %.1f)", 100*o.Test.Error, o.Test.Held, 100*o.Test.Naive)
	}
	return row
}

func signed(v float64) string {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return "?"
	}
	return fmt.Sprintf("%+.0f", 100*v)
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// amount is a number in a resource's unit.
func amount(u capacity.Unit, v float64) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case u == "bytes":
		return query.FormatValue("bytes", v)
	case u == "ratio":
		return query.FormatValue("percentunit", v)
	case u == "":
		return query.FormatValue("short", v)
	}
	return query.FormatValue("short", v) + " " + string(u)
}

func costRow(o *capacity.Outlook) []string {
	c := o.Cost
	paid := amount(o.Resource.Unit, c.Amount)
	if c.Assumed {
		paid += " (used)"
	}
	row := []string{nameOf(o), paid, money(c.Now, c.Currency)}
	for _, l := range c.Later {
		row = append(row, fmt.Sprintf("%s (%.0f to %.0f)", money(l.Cost, c.Currency), l.Low, l.High))
	}
	for len(row) < 6 {
		row = append(row, "-")
	}
	return row
}

func money(v float64, currency string) string { return fmt.Sprintf("%.2f %s", v, currency) }
