package query

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var shapeGrid = Grid{Start: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), Step: time.Minute, N: 3}

// disks are sizes and uses of two disks, as the answers of two queries.
func disks() *Frame {
	one := func(ref, name, disk string, values ...float64) Series {
		return Series{Labels: Labels{"__name__": name, "disk": disk}, Legend: name + " " + disk, Ref: ref, Values: values}
	}
	return &Frame{Grid: shapeGrid, Series: []Series{
		one("A", "size", "sda", 100, 100, 100), one("A", "size", "sdb", 50, 50, 50),
		one("B", "used", "sda", 10, 20, 40), one("B", "used", "sdb", 1, 2, 3),
	}}
}

func diskPanel(format Format, steps ...Transform) *Panel {
	return &Panel{Type: Table, Transforms: steps, Queries: []Query{{Expr: "size", Instant: true, Format: format}, {Expr: "used", Instant: true, Format: format}}}
}

// cells is a table as words, a line a row below the names.
func cells(t *Sheet) [][]string {
	out := [][]string{{}}
	for i := range t.Columns {
		out[0] = append(out[0], t.Columns[i].Name)
	}
	for row := range t.Rows() {
		line := []string{}
		for i := range t.Columns {
			line = append(line, t.Columns[i].text(row))
		}
		out = append(out, line)
	}
	return out
}

func TestTransforms(t *testing.T) {
	organize := Transform{Organize: &Organize{Exclude: []string{"Time", "__name__"}, Rename: map[string]string{"Value #A": "size", "Value #B": "used"}, Order: []string{"disk", "Value #B"}}}
	all := struct{}{}
	for name, c := range map[string]struct {
		panel *Panel
		want  [][]string
	}{
		"merge, organize, calculate, sort, limit": {
			diskPanel(AsTable, Transform{Columns: &Columns{Exclude: "^__name__$"}}, Transform{Merge: &all}, organize,
				Transform{Calculate: &Calculate{As: "free", Left: "size", Op: "-", Right: "used"}}, Transform{Sort: &SortBy{Column: "free", Desc: true}}, Transform{Limit: 1}),
			[][]string{{"disk", "used", "size", "free"}, {"sda", "40", "100", "60"}},
		},
		"join": {
			diskPanel(AsTable, Transform{Join: &Join{By: "disk"}}, Transform{Columns: &Columns{Names: []string{"disk", "Value #A", "Value #B", "Time 2"}}}, Transform{Convert: &Convert{Columns: map[string]string{"Time 2": "string"}}}),
			[][]string{{"disk", "Value #A", "Time 2", "Value #B"}, {"sda", "100", "1772334120", "40"}, {"sdb", "50", "1772334120", "3"}},
		},
		"reduce": {
			diskPanel(AsSeries, Transform{ReduceTo: &ReduceTo{Calc: []Reducer{ReduceLast, ReduceMean}}}, Transform{Rename: &Rename{Regex: "^(.)ast$", To: "$1atest"}}, Transform{Where: &Where{If: []Condition{{Column: "Field", Regex: "used"}}}}),
			[][]string{{"Field", "Latest", "Mean"}, {"used sda", "40", "23.333333333333332"}, {"used sdb", "3", "2"}},
		},
		"group": {
			diskPanel(AsTable, Transform{Concatenate: &all}, Transform{GroupBy: &GroupBy{By: []string{"__name__ 1"}, Calc: map[string][]Reducer{"Value #A": {ReduceSum}, "disk 1": {ReduceCount}}}}),
			[][]string{{"__name__ 1", "disk 1 (count)", "Value #A (sum)"}, {"size", "2", "150"}},
		},
		"labels": {
			diskPanel(AsSeries, Transform{LabelsToFields: &LabelsToField{ValueLabel: "__name__"}}, Transform{Where: &Where{If: []Condition{{Column: "used", Op: ">", Value: 2}}}}, Transform{Columns: &Columns{Exclude: "Time"}}),
			[][]string{{"disk", "size", "used"}, {"sda", "100", "10"}, {"sda", "100", "20"}, {"sda", "100", "40"}, {"sdb", "50", "3"}},
		},
		"rows of samples": {
			diskPanel(AsSeries, Transform{SeriesToRows: &all}, Transform{Limit: 2}),
			[][]string{{"Time", "Metric", "Value"}, {"1772334120", "size sda", "100"}, {"1772334120", "size sdb", "50"}},
		},
		"a row of series without any step": {diskPanel(AsSeries), [][]string{{"Field", "Last"}, {"size sda", "100"}, {"size sdb", "50"}, {"used sda", "40"}, {"used sdb", "3"}}},
		"across a row": {
			diskPanel(AsSeries, Transform{Join: &Join{}}, Transform{Calculate: &Calculate{Reduce: ReduceSum, Replace: true}}, Transform{Limit: 1}),
			[][]string{{"Time", "Total"}, {"1772334000", "161"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.panel.Shape(disks())
			require.NoError(t, s.Err)
			require.Equal(t, c.want, cells(&s.Sheet))
		})
	}
}

func TestAStepThatCannotBeDoneSaysWhich(t *testing.T) {
	for want, step := range map[string]Transform{
		`transform 1, calculate: no column "size"; there are Time, __name__, disk, Value #A`: {Calculate: &Calculate{Left: "size", Op: "/", Right: "Value #A"}},
		"transform 1, rename: the regular expression cannot be read":                         {Rename: &Rename{Regex: "("}},
		`transform 1, where: op is > >= < <= == != null or notnull, not "~"`:                 {Where: &Where{If: []Condition{{Column: "Value #A", Op: "~"}}}},
		`transform 1, join: no table has a column "x"`:                                       {Join: &Join{By: "x"}},
		`transform 1, convert: "disk" is read as`:                                            {Convert: &Convert{Columns: map[string]string{"disk": "colour"}}},
	} {
		s := diskPanel(AsTable, step).Shape(disks())
		require.ErrorContains(t, s.Err, want)
		require.Empty(t, s.Sheet.Columns)
	}
	empty := diskPanel(AsTable, Transform{Calculate: &Calculate{Left: "size", Op: "/", Right: "x"}}).Shape(&Frame{})
	require.NoError(t, empty.Err, "no answer is no fault of the board")
}

func TestTransformedSeriesStaySeries(t *testing.T) {
	p := diskPanel(AsSeries, Transform{Rename: &Rename{Regex: "(.*) sda", To: "$1, first"}}, Transform{Columns: &Columns{Regex: "first"}})
	p.Type = TimeSeries
	p.Overrides = []Override{{Match: Match{Name: "used, first"}, Set: Field{Name: "used of {{disk}}", Percent: true, Thresholds: []Threshold{{50, Crit}}}}}
	s := p.Shape(disks())
	require.NoError(t, s.Err)
	require.Len(t, s.Lines, 2)
	require.Equal(t, "size, first", s.Lines[0].Legend)
	require.Equal(t, "used of sda", s.Lines[1].Legend)
	require.Equal(t, []float64{10, 20, 40}, s.Lines[1].Values)
	require.Equal(t, []Threshold{{55, Crit}}, s.Lines[1].Field.Thresholds, "half the way from 10 to 100")
}

func TestWords(t *testing.T) {
	one, two := 1.0, 2.0
	f := Field{Unit: "s", NoValue: "-", Mappings: []Mapping{
		{Value: "0", Text: "down", State: Crit}, {From: &one, To: &two, State: Warn}, {Special: SpecialNaN, Text: "broken"}, {Regex: `^(\d)7$`, Text: "$1 and seven"}, {Value: "up", Text: "fine", State: OK},
	}}
	for _, c := range []struct {
		v     float64
		text  string
		state State
	}{{0, "down", Crit}, {1.5, "1.50 s", Warn}, {math.NaN(), "broken", ""}, {Absent(), "-", NoData}, {37, "3 and seven", ""}, {9, "9.00 s", ""}} {
		text, state := f.Words(c.v)
		require.Equal(t, c.state, state)
		require.Contains(t, []string{c.text, "9 s", "1.5 s"}, text)
	}
	text, state := f.WordsOf("up")
	require.Equal(t, []any{"fine", OK}, []any{text, state})
}

func TestHeat(t *testing.T) {
	bucket := func(le, pod string, values ...float64) Series {
		return Series{Labels: Labels{"le": le, "pod": pod}, Legend: le, Ref: "A", Values: values}
	}
	f := &Frame{Grid: shapeGrid, Series: []Series{
		bucket("+Inf", "a", 10, 10, Absent()), bucket("0.1", "a", 2, 5, Absent()), bucket("0.5", "a", 6, 4, Absent()), bucket("0.1", "b", 1, Absent(), Absent()),
	}}
	p := &Panel{Type: Heatmap, Queries: []Query{{Format: AsHeatmap}}}
	s := p.Shape(f)
	h := p.Buckets(&s)
	require.Len(t, h.Rows, 3)
	require.Equal(t, []float64{3, 5}, h.Rows[0].Values[:2], "pods are summed")
	require.Equal(t, []float64{3, 0}, h.Rows[1].Values[:2], "a bucket below the one under it holds nothing")
	require.Equal(t, []float64{4, 5}, h.Rows[2].Values[:2])
	require.True(t, IsAbsent(h.Rows[0].Values[2]))
	require.Equal(t, "+Inf", h.Rows[2].Name)
	require.InDelta(t, 5, h.Max, 0)
	plain := p.Shape(disks())
	require.Len(t, p.Buckets(&plain).Rows, heatRows, "series that are no buckets are counted")
}

func TestRunsAndTop(t *testing.T) {
	f := &Frame{Grid: Grid{Step: time.Minute, N: 6}, Series: []Series{{Legend: "a", Values: []float64{1, 1, 0, Absent(), Absent(), 1}}, {Legend: "b", Values: []float64{9, 9, 9, 9, 9, 9}}, {Legend: "gone", Values: []float64{99, 1, 1, Absent(), Absent(), Absent()}}}}
	p := &Panel{Queries: []Query{{}}, Top: 1, Field: Field{Mappings: []Mapping{{Value: "1", Text: "up", State: OK}, {Value: "0", Text: "down", State: Crit}}}}
	s := p.Shape(f)
	require.Equal(t, []Run{{0, 1, "up", OK}, {2, 2, "down", Crit}, {3, 4, "", NoData}, {5, 5, "up", OK}}, p.Runs(&s.Lines[0]))
	top, others, largest := p.Largest(&s)
	require.Equal(t, []any{1, "b", 2, 1.0}, []any{len(top), top[0].Name, others, largest}, "what ended is not the newest")
}

// Whatever is asked of whatever answer: no panic, rows of one length, and no
// series that the grid does not hold.
func TestAnyShape(t *testing.T) {
	names := rapid.SampledFrom([]string{"", "Time", "Value", "Value #A", "a", "b", "le", "Field", "Last *", "(", "1"})
	value := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, Absent(), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64}))
	reducer := rapid.SampledFrom(append(reducers(), "", "?"))
	list := rapid.SliceOfN(names, 0, 3)
	step := rapid.Custom(func(t *rapid.T) (x Transform) {
		switch rapid.IntRange(0, 14).Draw(t, "step") {
		case 0:
			x.Organize = &Organize{list.Draw(t, "exclude"), list.Draw(t, "order"), map[string]string{names.Draw(t, "from"): names.Draw(t, "to")}}
		case 1:
			x.Merge = &struct{}{}
		case 2:
			x.Join = &Join{names.Draw(t, "by"), rapid.Bool().Draw(t, "inner")}
		case 3:
			x.Rename = &Rename{names.Draw(t, "regex"), "$1" + names.Draw(t, "to")}
		case 4:
			x.Columns = &Columns{list.Draw(t, "names"), names.Draw(t, "regex"), names.Draw(t, "exclude")}
		case 5:
			x.ReduceTo = &ReduceTo{rapid.SliceOfN(reducer, 0, 3).Draw(t, "calc"), rapid.Bool().Draw(t, "fields")}
		case 6:
			x.Sort = &SortBy{names.Draw(t, "column"), rapid.Bool().Draw(t, "desc")}
		case 7:
			x.Calculate = &Calculate{"", names.Draw(t, "left"), rapid.SampledFrom([]string{"", "+", "/", "%", "^"}).Draw(t, "op"), names.Draw(t, "right"), reducer.Draw(t, "reduce"), list.Draw(t, "of"), rapid.Bool().Draw(t, "replace")}
		case 8:
			x.GroupBy = &GroupBy{list.Draw(t, "by"), map[string][]Reducer{names.Draw(t, "of"): rapid.SliceOfN(reducer, 0, 2).Draw(t, "calc")}}
		case 9:
			x.LabelsToFields = &LabelsToField{names.Draw(t, "label"), list.Draw(t, "keep")}
		case 10:
			x.Where = &Where{rapid.Bool().Draw(t, "any"), rapid.Bool().Draw(t, "drop"), []Condition{{names.Draw(t, "column"), rapid.SampledFrom([]string{">", "null", "", "=~"}).Draw(t, "op"), value.Draw(t, "value"), names.Draw(t, "regex"), names.Draw(t, "text")}}}
		case 11:
			x.Limit = rapid.IntRange(-1, 3).Draw(t, "limit")
		case 12:
			x.Convert = &Convert{map[string]string{names.Draw(t, "column"): rapid.SampledFrom([]string{"number", "string", "time", "bool", "x"}).Draw(t, "kind")}}
		case 13:
			x.SeriesToRows = &struct{}{}
		case 14:
			x.Concatenate = &struct{}{}
		}
		return x
	})
	rapid.Check(t, func(t *rapid.T) {
		f := &Frame{Grid: Grid{Start: shapeGrid.Start, Step: time.Duration(rapid.SampledFrom([]int64{0, 1, 1e9, 6e10}).Draw(t, "grid step")), N: rapid.IntRange(0, 5).Draw(t, "n")}}
		for range rapid.IntRange(0, 5).Draw(t, "series") {
			f.Series = append(f.Series, Series{Labels: Labels{names.Draw(t, "label"): names.Draw(t, "value")}, Legend: names.Draw(t, "legend"), Ref: rapid.SampledFrom([]string{"A", "B", ""}).Draw(t, "ref"), Values: rapid.SliceOfN(value, 0, 6).Draw(t, "values")})
		}
		p := &Panel{
			Type: rapid.SampledFrom(panelTypes()).Draw(t, "type"), Transforms: rapid.SliceOfN(step, 0, 4).Draw(t, "steps"), Every: rapid.Bool().Draw(t, "every"), Top: rapid.IntRange(0, 2).Draw(t, "top"), Reduce: reducer.Draw(t, "reduce"),
			Field:     Field{Percent: rapid.Bool().Draw(t, "percent"), Thresholds: []Threshold{{value.Draw(t, "line"), Crit}}, Mappings: []Mapping{{Regex: names.Draw(t, "mapping"), Text: "$1"}, {Special: SpecialNull, State: Warn}}},
			Overrides: []Override{{Match{Regex: names.Draw(t, "match")}, Field{Name: "{{a}}", Hidden: rapid.Bool().Draw(t, "hidden")}}},
		}
		for range rapid.IntRange(0, 3).Draw(t, "queries") {
			p.Queries = append(p.Queries, Query{Format: rapid.SampledFrom([]Format{"", AsTable, AsSeries, AsHeatmap}).Draw(t, "format"), Instant: rapid.Bool().Draw(t, "instant"), Hidden: rapid.Bool().Draw(t, "not asked")})
		}
		s := p.Shape(f)
		if s.Err != nil {
			require.Empty(t, s.Lines)
			require.Empty(t, s.Sheet.Columns)
			return
		}
		for i := range s.Sheet.Columns {
			require.Equal(t, s.Sheet.Rows(), s.Sheet.Columns[i].Len())
		}
		require.Len(t, s.Sheet.Sorted(SortBy{Column: "a", Desc: true}), s.Sheet.Rows())
		p.Singles(&s)
		p.Largest(&s)
		for i := range s.Lines {
			next := 0
			for _, r := range p.Runs(&s.Lines[i]) {
				require.Equal(t, next, r.From)
				require.GreaterOrEqual(t, r.To, r.From)
				next = r.To + 1
			}
			require.Equal(t, len(s.Lines[i].Values), next)
		}
		for _, row := range p.Buckets(&s).Rows {
			for _, v := range row.Values {
				require.False(t, v < 0 && len(s.Lines) > 0 && s.Lines[0].Labels["le"] != "" && !math.IsNaN(row.From))
			}
		}
	})
}
