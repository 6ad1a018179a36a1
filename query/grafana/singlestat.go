package grafana

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// singlestat reads the number of Grafana before version 7, which may be a gauge.
func (p *panel) singlestat() {
	s := p.json
	p.board.Type = query.Stat
	if s.at("gauge", "show").yes() {
		p.board.Type = query.Gauge
		p.board.Min, p.board.Max = s.at("gauge", "minValue").pointer(), s.at("gauge", "maxValue").pointer()
		p.bounds(&p.board.Field)
	}
	p.board.Unit, p.board.NoValue = p.im.unit(s.at("format").line()), s.at("nullText").line()
	p.property(&p.board.Field, "decimals", s.at("decimals"))
	p.board.Spark = p.board.Type == query.Stat && s.at("sparkline", "show").yes()
	if name := s.at("valueName").text(); name == "name" && p.board.Type == query.Stat {
		p.board.Show = query.ShowName
	} else {
		p.reduceByName(cmp.Or(name, "avg"))
	}
	for _, key := range []string{"prefix", "postfix"} {
		if text := s.at(key).line(); text != "" {
			p.report.lacks("the %s %q", key, text)
		}
	}
	if column := s.at("tableColumn").line(); column != "" && column != "Value" && !strings.HasPrefix(column, "Value #") {
		p.singleColumn(column)
	}
	if s.at("colorValue").yes() || s.at("colorBackground").yes() || s.at("gauge", "show").yes() {
		p.oldThresholds(&p.board.Field, strings.Split(s.at("thresholds").line(), ","), s.at("colors").texts())
	}
	if s.at("mappingType").whole(0, 9, 1) == 2 {
		for _, m := range s.at("rangeMaps").list() {
			p.board.Mappings = append(p.board.Mappings, p.mappings([]value{with(m, "type", "2")})...)
		}
		return
	}
	p.board.Mappings = p.mappings(s.at("valueMaps").list())
}

// singleColumn shows a label in the place of the value.
func (p *panel) singleColumn(column string) {
	if !labelName.MatchString(column) || len(p.board.Queries) != 1 || p.board.Type != query.Stat || p.board.Queries[0].Format != query.AsTable {
		if len(p.board.Queries) == 1 && p.board.Queries[0].Format == query.AsTable {
			p.report.lacks("the column %q in the place of the value", column)
		}
		return
	}
	p.board.Name, p.board.Show = "{{"+column+"}}", query.ShowName
}

// with is v with one key more, for reading it as its newer form.
func with(v value, key string, to any) value {
	m := map[string]any{key: to}
	for _, k := range v.keys() {
		if k != key {
			m[k] = v.at(k).any
		}
	}
	return value{m}
}

// oldThresholds reads the two values and three colours of old panels.
func (p *panel) oldThresholds(f *query.Field, values, colours []string) {
	var all []step
	for i, colour := range colours {
		s := step{colour: colour}
		if i > 0 {
			if i > len(values) {
				break
			}
			at, err := strconv.ParseFloat(strings.TrimSpace(values[i-1]), 64)
			if err != nil || at-at != 0 {
				break
			}
			s.from = at
		}
		all = append(all, s)
	}
	thresholds, better, why := judged(all)
	switch {
	case why != "":
		p.report.lacks("%s", why)
	case thresholds == nil:
	case p.judged && better != p.board.Better:
		p.report.lacks("thresholds of a column that get worse the other way than those of the others")
	default:
		f.Thresholds, p.board.Better, p.judged = thresholds, better, true
	}
}
