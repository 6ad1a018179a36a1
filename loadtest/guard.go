package loadtest

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Guard ends a run when AbortWhen has held for For evaluations in a row. It asks a
// query, or how fast the error budget of an objective burns over Window (1 spends it in
// exactly its period). The words are those of guards of experiments.
type Guard struct {
	Name      string              `yaml:"name" json:"name"`
	PromQL    string              `yaml:"promql" json:"promql,omitempty"`
	SLO       string              `yaml:"slo" json:"slo,omitempty"`
	Window    strictyaml.Duration `yaml:"window" json:"window,omitempty"`
	AbortWhen Condition           `yaml:"abort_when" json:"abort_when"`
	Interval  strictyaml.Duration `yaml:"interval" json:"interval"`
	For       int                 `yaml:"for" json:"for"`
	NoData    string              `yaml:"no_data" json:"no_data"` // abort (the default) counts as a breach, hold keeps the count, ignore counts as fine
	Reason    string              `yaml:"reason" json:"reason,omitempty"`
}

// Condition is a comparison with a number, such as "> 0.05".
type Condition struct {
	Op    string // one of < <= > >=
	Value float64
}

// UnmarshalYAML reads it.
func (c *Condition) UnmarshalYAML(n ast.Node) error {
	written := strings.TrimSpace(n.GetToken().Value)
	number := strings.TrimLeft(written, "<>=")
	op := written[:len(written)-len(number)]
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || op != "<" && op != "<=" && op != ">" && op != ">=" {
		return &yaml.SyntaxError{Message: fmt.Sprintf("%q is not a condition; write an operator (< <= > >=) and a number, for example \"> 0.05\"", written), Token: n.GetToken()}
	}
	*c = Condition{op, v}
	return nil
}

func (c Condition) String() string { return c.Op + " " + strconv.FormatFloat(c.Value, 'g', -1, 64) }

// MarshalText writes the form that files use.
func (c Condition) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// holds says whether v satisfies the condition.
func (c Condition) holds(v float64) bool {
	return compare(v, c.Op, c.Value)
}

func compare(v float64, op string, limit float64) bool {
	switch op {
	case "<":
		return v < limit
	case "<=":
		return v <= limit
	case ">":
		return v > limit
	case ">=":
		return v >= limit
	}
	return false
}

// Prober answers what guards and baselines ask with one number. It must return soon after
// ctx ends and is called from several goroutines. ok is false when there is no data.
type Prober interface {
	Probe(ctx context.Context, promql string, at time.Time) (value float64, ok bool, err error)
	// Burn is how fast the error budget of an objective burns over the window.
	Burn(ctx context.Context, slo string, window time.Duration, at time.Time) (value float64, ok bool, err error)
}

// defaults completes guard number i.
func (g *Guard) defaults(i int) {
	g.Name = cmpOr(g.Name, cmpOr(g.SLO, strconv.Itoa(i+1)))
	g.NoData = cmpOr(g.NoData, "abort")
	if g.SLO != "" && g.Window == 0 {
		g.Window = strictyaml.Duration(5 * time.Minute)
	}
	if g.Interval == 0 {
		g.Interval = strictyaml.Duration(time.Second)
	}
	if g.For == 0 {
		g.For = 1
	}
}

func (p Plan) validateGuards() *fault {
	if len(p.Guards) > maxGuards {
		return faultf("guards", "%d guards; at most %d are allowed", len(p.Guards), maxGuards)
	}
	for i, g := range p.Guards {
		if bad := g.validate(at("guards", i, "")); bad != nil {
			return bad
		}
	}
	return nil
}

func (g Guard) validate(where string) *fault {
	switch {
	case (g.PromQL == "") == (g.SLO == ""):
		return faultf(where, "%s: a guard has either promql or slo", g.Name)
	case g.SLO == "" && g.Window != 0:
		return faultf(where+".window", "%s: window is for guards with slo; a query has its own", g.Name)
	case g.SLO != "" && (g.Window.D() < time.Minute || g.Window.D() > 72*time.Hour):
		return faultf(where+".window", "%s: a window of %s; want 1m to 3d", g.Name, g.Window)
	case g.AbortWhen.Op == "":
		return faultf(where+".abort_when", "%s: no abort_when; write for example abort_when: \"> 0.05\"", g.Name)
	case g.Interval.D() < 250*time.Millisecond || g.Interval.D() > time.Minute:
		return faultf(where+".interval", "%s: an interval of %s; want 250ms to 1m", g.Name, g.Interval)
	case g.For < 1 || g.For > 60:
		return faultf(where+".for", "%s: for counts evaluations in a row, 1 to 60; this is %d", g.Name, g.For)
	case g.NoData != "abort" && g.NoData != "hold" && g.NoData != "ignore":
		return faultf(where+".no_data", "%q is not one of abort, hold, ignore", g.NoData)
	case g.NoData != "abort" && strings.TrimSpace(g.Reason) == "":
		return faultf(where+".no_data", "%s: no_data: %s lets a blind guard pass; say why in reason:, or leave it out", g.Name, g.NoData)
	}
	return nil
}

// guardPatience is how long one look of a guard may take.
const guardPatience = 3 * time.Second

// ask looks once. Nil is no data, of which err may say why; so is NaN (0/0: no requests).
func (g Guard) ask(ctx context.Context, p Prober) (*float64, error) {
	ctx, cancel := context.WithTimeout(ctx, guardPatience)
	defer cancel()
	var v float64
	var ok bool
	var err error
	if g.SLO != "" {
		v, ok, err = p.Burn(ctx, g.SLO, g.Window.D(), time.Now())
	} else {
		v, ok, err = p.Probe(ctx, g.PromQL, time.Now())
	}
	if err != nil || !ok || math.IsNaN(v) {
		return nil, err
	}
	return &v, nil
}

// count is a guard's memory: breaches in a row.
type count struct {
	Guard
	row int
}

// step takes one look, and says whether it is the one that ends the run.
func (g *count) step(v *float64) bool {
	switch {
	case v == nil && g.NoData == "hold":
		return false
	case v == nil && g.NoData == "abort", v != nil && g.AbortWhen.holds(*v):
		g.row++
	default:
		g.row = 0
	}
	return g.row >= g.For
}

// says is what a guard has seen, in words.
func (g Guard) says(v *float64, err error) string {
	switch {
	case v != nil:
		return fmt.Sprintf("guard %s: %.4g is %s", g.Name, *v, g.AbortWhen)
	case err != nil:
		return fmt.Sprintf("guard %s: no data: %v", g.Name, err)
	}
	return fmt.Sprintf("guard %s: no data", g.Name)
}

// watch looks until ctx ends or the guard trips, which it tells once; trip has room.
func (g Guard) watch(ctx context.Context, p Prober, trip chan<- string) {
	c := count{Guard: g}
	ticker := time.NewTicker(g.Interval.D())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		v, err := g.ask(ctx, p)
		if ctx.Err() != nil {
			return
		}
		if c.step(v) {
			trip <- g.says(v, err)
			return
		}
	}
}
