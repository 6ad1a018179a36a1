package query

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// panel checks one panel of the file.
func (l *loader) panel(path string, f *panelFile) (Panel, error) {
	fail := func(key, format string, args ...any) (Panel, error) {
		return Panel{}, l.doc.Errorf(path+key, format, args...)
	}
	if f.Type == "" {
		f.Type = TimeSeries
	}
	if f.Better == "" {
		f.Better = Lower
	}
	switch {
	case strings.TrimSpace(f.Title) == "" && f.Type != Text:
		return fail("", "this panel has no title")
	case !slices.Contains(panelTypes(), f.Type):
		return fail(".type", "panel type %q is not known; known are %s", f.Type, oneOf(panelTypes()...))
	case f.Better != Lower && f.Better != Higher:
		return fail(".better", "better is lower or higher, not %q", f.Better)
	case f.Log != 0 && f.Log != 2 && f.Log != 10:
		return fail(".log", "log is the base of the axis, 2 or 10, not %d", f.Log)
	case f.Top < 0 || f.Top > 1000:
		return fail(".top", "top is 1 to 1000, not %d", f.Top)
	case f.Reduce != "" && !slices.Contains(reducers(), f.Reduce):
		return fail(".reduce", "reduce is %s, not %q", oneOf(reducers()...), f.Reduce)
	case f.Show != "" && f.Show != ShowValue && f.Show != ShowName && f.Show != ShowBoth:
		return fail(".show", "show is %s, not %q", oneOf(ShowValue, ShowName, ShowBoth), f.Show)
	case f.Signal && !f.Type.Asks():
		return fail(".signal", "a panel of type %s is no signal: it has no values", f.Type)
	case f.Type == Text && strings.TrimSpace(f.Markdown) == "":
		return fail("", "a panel of type text needs markdown: TEXT")
	case len(f.Compare) > 3:
		return fail(".compare", "%d comparisons: a chart has at most 3", len(f.Compare))
	}
	for _, r := range append([]Reducer{f.Legend.Sort}, f.Legend.Calc...) {
		if r != "" && !slices.Contains(reducers(), r) {
			return fail(".legend_box", "the figures of a legend are %s, not %q", oneOf(reducers()...), r)
		}
	}
	if pl := f.Place; pl != nil && (pl.X < 0 || pl.W < 1 || pl.X+pl.W > GridColumns || pl.H < 1 || pl.H > highestPlace || pl.Y < 0 || pl.Y > farthestPlace) {
		return fail(".place", "a place is x and w within %d columns, y from 0, and a height h from 1", GridColumns)
	}
	for _, err := range []error{
		l.field(path, &f.Field), l.overrides(path+".overrides", f.Overrides), l.repeats(path+".repeat", f.Repeat), l.step(path+".min_step", f.MinStep),
	} {
		if err != nil {
			return Panel{}, err
		}
	}
	var err error
	if f.Queries, err = l.queries(path, f); err != nil {
		return Panel{}, err
	}
	return f.Panel, nil
}

// field checks the field that stands at path.
func (l *loader) field(path string, f *Field) error {
	fail := func(key, format string, args ...any) error { return l.doc.Errorf(path+key, format, args...) }
	for key, v := range map[string]*float64{".min": f.Min, ".max": f.Max, ".soft_min": f.SoftMin, ".soft_max": f.SoftMax} {
		if !finite(v) {
			return fail(key, "%s must be a finite number", key[1:])
		}
	}
	switch {
	case f.Decimals != nil && (*f.Decimals < 0 || *f.Decimals > 9):
		return fail(".decimals", "decimals are 0 to 9, not %d", *f.Decimals)
	case f.Min != nil && f.Max != nil && *f.Min >= *f.Max:
		return fail(".max", "max (%v) must be above min (%v)", *f.Max, *f.Min)
	case f.Draw != "" && !slices.Contains([]Draw{Line, Area, Bars, Points, StepLine}, f.Draw):
		return fail(".draw", "draw is %s, not %q", oneOf(Line, Area, Bars, Points, StepLine), f.Draw)
	case f.Stack != "" && f.Stack != StackNone && f.Stack != StackNormal && f.Stack != StackPercent:
		return fail(".stack", "stack is %s, not %q", oneOf(StackNone, StackNormal, StackPercent), f.Stack)
	case f.Nulls != "" && f.Nulls != Gap && f.Nulls != Connect && f.Nulls != Zero:
		return fail(".nulls", "nulls is %s, not %q", oneOf(Gap, Connect, Zero), f.Nulls)
	case f.Cell != "" && !slices.Contains([]CellForm{CellText, CellColour, CellBackground, CellGauge}, f.Cell):
		return fail(".cell", "cell is %s, not %q", oneOf(CellText, CellColour, CellBackground, CellGauge), f.Cell)
	case f.Width < 0:
		return fail(".width", "a width is above 0")
	}
	for i, t := range f.Thresholds {
		at := fmt.Sprintf(".thresholds[%d]", i)
		switch {
		case !l.doc.Has(path+at+".value") || !finite(&t.Value):
			return fail(at, "a threshold needs a value, a finite number")
		case t.State != OK && t.State != Warn && t.State != Crit:
			return fail(at+".state", "the state of a threshold is ok, warn or crit, not %q", t.State)
		}
	}
	for i := range f.Mappings {
		if err := l.mapping(fmt.Sprintf("%s.mappings[%d]", path, i), &f.Mappings[i]); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) mapping(path string, m *Mapping) error {
	ways := 0
	for _, has := range []bool{m.Value != "", m.From != nil || m.To != nil, m.Regex != "", m.Special != ""} {
		if has {
			ways++
		}
	}
	specials := []Special{SpecialNull, SpecialNaN, SpecialNullAndNaN, SpecialTrue, SpecialFalse, SpecialEmptyString}
	switch {
	case ways != 1:
		return l.doc.Errorf(path, "a mapping is for a value, from and to, a regex or special: one of them")
	case m.Special != "" && !slices.Contains(specials, m.Special):
		return l.doc.Errorf(path+".special", "special is %s, not %q", oneOf(specials...), m.Special)
	case m.State != "" && m.State != OK && m.State != Warn && m.State != Crit:
		return l.doc.Errorf(path+".state", "the state of a mapping is ok, warn or crit, not %q", m.State)
	}
	return l.regex(path+".regex", m.Regex)
}

func (l *loader) overrides(path string, overrides []Override) error {
	for i := range overrides {
		o, at := &overrides[i], fmt.Sprintf("%s[%d]", path, i)
		ways := 0
		for _, has := range []bool{o.Match.Name != "", len(o.Match.Names) > 0, len(o.Match.Except) > 0, o.Match.Regex != "", o.Match.Ref != "", o.Match.Type != "", o.Match.Value != nil} {
			if has {
				ways++
			}
		}
		if ways != 1 {
			return l.doc.Errorf(at, "an override matches a name, names, all except some, a regex, a ref, a type or a value: one of them")
		}
		if err := l.regex(at+".match.regex", o.Match.Regex); err != nil {
			return err
		}
		if err := l.field(at+".set", &o.Set); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) regex(path, text string) error {
	if _, err := regexp.Compile(text); err != nil {
		return l.doc.Errorf(path, "the regular expression cannot be read: %v", err)
	}
	return nil
}

// step checks a min_step: a duration or a variable.
func (l *loader) step(path, text string) error {
	if text == "" || strings.HasPrefix(text, "$") {
		return nil
	}
	if _, err := strictyaml.ParseDuration(text); err != nil {
		return l.doc.Errorf(path, "min_step is a duration such as 30s, or a $variable: %v", err)
	}
	return nil
}

// repeats checks that a name that panels repeat by is a variable.
func (l *loader) repeats(path, name string) error {
	if name != "" && l.variables[name] == nil {
		return l.doc.Errorf(path, "the board has no variable %q", name)
	}
	return nil
}

// oneOf lists words as a person would.
func oneOf[T ~string](words ...T) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}

func finite(v *float64) bool { return v == nil || !math.IsNaN(*v) && !math.IsInf(*v, 0) }
