package query

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// SparkPoints is the length of a signal's spark line.
const SparkPoints = 60

// Signal is a panel in one number, as it is frozen into the evidence of an
// event: what it was, against what, where it was going, and how to ask again.
type Signal struct {
	Name      string
	Unit      string
	Value     float64  // of the worst series; Absent if there is none
	Threshold *float64 // crossed, or the next to be; nil = the panel has none
	State     State
	Trend     int       // +1 getting worse, -1 getting better, 0 neither
	Spark     []float64 // the window in SparkPoints pieces, the worst of each; Absent = none
	Query     string    // PromQL as it was sent
	Step      time.Duration
	At        time.Time // of Value on the grid; compare with the event's time to see its age
}

// Signals are the panels of the board that are marked as signals, in its order.
// The worst series speaks for its panel. A panel without an answer, or without
// a point in the last three steps, is NoData.
func Signals(s *Snapshot) []Signal {
	var out []Signal
	for i := range s.Board.Panels {
		if p := &s.Board.Panels[i]; p.Signal {
			out = append(out, signal(p, &s.Panels[i]))
		}
	}
	return out
}

// recent is how many points back a last value may lie: a scrape may be late.
const recent = 3

func signal(p *Panel, d *PanelData) Signal {
	sig := Signal{
		Name: p.Title, Unit: p.Unit, Value: Absent(), State: NoData,
		Step: d.Frame.Grid.Step, At: d.Frame.Grid.End(), Query: p.Queries[0].Expr,
	}
	var worst *Series
	for i := range d.Frame.Series {
		if d.Frame.Series[i].Ago > 0 {
			continue // it is how it was
		}
		v, at := d.Frame.Series[i].Last(recent)
		if math.IsNaN(v) || worst != nil && !p.worse(v, sig.Value) {
			continue
		}
		worst, sig.Value, sig.At = &d.Frame.Series[i], v, d.Frame.Grid.Time(at)
	}
	if len(d.Frame.Series) > 0 && d.Frame.Series[0].Expr != "" {
		sig.Query = d.Frame.Series[0].Expr
	}
	if worst == nil {
		if len(p.Thresholds) > 0 {
			_, next := p.Judge(math.Inf(sign(p.Better == Higher)))
			sig.Threshold = &next.Value
		}
		return sig
	}
	if worst.Expr != "" {
		sig.Query = worst.Expr
	}
	state, line := p.Judge(sig.Value)
	sig.State = state
	if line != nil {
		sig.Threshold = &line.Value
	}
	sig.Trend = p.trend(worst.Values, sig.Threshold)
	sig.Spark = p.spark(worst.Values)
	return sig
}

// sign is +1 or -1: the good end of the axis.
func sign(up bool) int {
	if up {
		return 1
	}
	return -1
}

// trend compares the median of the youngest twelfth of the window (at least
// three points) with that of the twelfth before it. A change counts if it is
// more than 5 % of the threshold, or of the larger median where there is none:
// a chart's noise must not turn the arrow.
func (p *Panel) trend(values []float64, line *float64) int {
	n := max(3, len(values)/12)
	var have []float64
	for i := len(values) - 1; i >= 0 && len(have) < 2*n; i-- {
		if v := values[i]; !math.IsNaN(v) && !math.IsInf(v, 0) {
			have = append(have, v)
		}
	}
	if len(have) < 4 {
		return 0
	}
	half := len(have) / 2
	now, before := median(have[:half]), median(have[half:])
	size := max(math.Abs(now), math.Abs(before))
	if line != nil && *line != 0 {
		size = math.Abs(*line)
	}
	switch {
	case math.Abs(now-before) <= 0.05*size:
		return 0
	case p.worse(now, before):
		return 1
	}
	return -1
}

func median(values []float64) float64 {
	v := slices.Clone(values)
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return v[n/2-1]/2 + v[n/2]/2
	}
	return v[len(v)/2]
}

// spark reduces the window to SparkPoints values, the worst of each piece, so
// that a short peak survives. Six digits are enough for a line of characters.
func (p *Panel) spark(values []float64) []float64 {
	n := min(SparkPoints, len(values))
	out := make([]float64, n)
	for i := range out {
		out[i] = Absent()
		for _, v := range values[i*len(values)/n : (i+1)*len(values)/n] {
			if !math.IsNaN(v) && (IsAbsent(out[i]) || p.worse(v, out[i])) {
				out[i] = v
			}
		}
		if !IsAbsent(out[i]) {
			out[i], _ = strconv.ParseFloat(strconv.FormatFloat(out[i], 'g', 6, 64), 64)
		}
	}
	return out
}

// signalJSON is the frozen form. Its keys are stored and never change.
type signalJSON struct {
	Name      string   `json:"name"`
	Unit      string   `json:"unit,omitempty"`
	Value     number   `json:"value"`
	Threshold *number  `json:"threshold,omitempty"`
	State     State    `json:"state"`
	Trend     int      `json:"trend"`
	Spark     []number `json:"spark,omitempty"`
	Query     string   `json:"query"`
	Step      number   `json:"step_seconds"`
	At        string   `json:"at"`
}

// MarshalJSON writes what JSON has no numbers for as null (absent) and as the
// strings "NaN", "+Inf" and "-Inf", like Prometheus.
func (s Signal) MarshalJSON() ([]byte, error) {
	j := signalJSON{
		Name: s.Name, Unit: s.Unit, Value: number(s.Value), Threshold: (*number)(s.Threshold), State: s.State,
		Trend: s.Trend, Query: s.Query, Step: number(s.Step.Seconds()), At: s.At.UTC().Format(time.RFC3339Nano),
	}
	for _, v := range s.Spark {
		j.Spark = append(j.Spark, number(v))
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Signal) UnmarshalJSON(b []byte) error {
	var j signalJSON
	j.Value = number(Absent()) // null leaves it
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("read a frozen signal: %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, j.At)
	if err != nil {
		return fmt.Errorf("read a frozen signal: %w", err)
	}
	*s = Signal{
		Name: j.Name, Unit: j.Unit, Value: float64(j.Value), Threshold: (*float64)(j.Threshold), State: j.State,
		Trend: j.Trend, Query: j.Query, Step: time.Duration(math.Round(float64(j.Step) * 1e9)), At: at.UTC(),
	}
	for _, v := range j.Spark {
		s.Spark = append(s.Spark, float64(v))
	}
	return nil
}

// number is a float64 that survives JSON.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	switch {
	case IsAbsent(v):
		return []byte("null"), nil
	case math.IsNaN(v):
		return []byte(`"NaN"`), nil
	case math.IsInf(v, 1):
		return []byte(`"+Inf"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-Inf"`), nil
	}
	return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
}

func (n *number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = number(Absent())
		return nil
	}
	v, err := strconv.ParseFloat(string(bytes.Trim(b, `"`)), 64)
	if err != nil {
		return err
	}
	*n = number(v)
	return nil
}
