package grafana

import (
	"cmp"
	"slices"

	"github.com/sitrep-dev/sitrep/query"
)

// mappings reads value mappings of both forms: since Grafana 8 an object of
// options, before it one object a mapping with a numeric type.
func (p *panel) mappings(list []value) (all []query.Mapping) {
	for _, m := range list {
		switch m.at("type").text() {
		case "value":
			all = append(all, p.valueMappings(m.at("options"))...)
		case "range":
			all = append(all, p.rangeMapping(m.at("options"), m.at("options", "result")))
		case "regex":
			if re, ok := p.regex(m.at("options", "pattern").text(), "a mapping"); ok && re != "" {
				all = append(all, said(query.Mapping{Regex: re}, m.at("options", "result")))
			}
		case "special":
			if special := specialOf(m.at("options", "match").text()); special != "" {
				all = append(all, said(query.Mapping{Special: special}, m.at("options", "result")))
			} else if m.at("options", "match").any != nil { // null matches nothing
				p.report.lacks("a mapping of the special value %q", m.at("options", "match").line())
			}
		case "1", "":
			all = append(all, oldValue(m.at("value").line(), m)...)
		case "2":
			all = append(all, p.rangeMapping(m, m))
		default:
			p.report.lacks("a mapping of the type %q", m.at("type").line())
		}
	}
	return slices.DeleteFunc(all, func(m query.Mapping) bool {
		return m.Value == "" && m.From == nil && m.To == nil && m.Regex == "" && m.Special == "" || m.Text == "" && m.State == ""
	})
}

// valueMappings are in the order of their indexes.
func (p *panel) valueMappings(options value) (all []query.Mapping) {
	keys := options.keys()
	index := func(k string) float64 { n, _ := options.at(k, "index").number(); return n }
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(index(a), index(b)) })
	for _, k := range keys {
		m := query.Mapping{Value: value{k}.line()}
		if k == "" {
			m = query.Mapping{Special: query.SpecialEmptyString}
		}
		all = append(all, said(m, options.at(k)))
	}
	return all
}

func (p *panel) rangeMapping(bounds, result value) query.Mapping {
	m := query.Mapping{From: bounds.at("from").pointer(), To: bounds.at("to").pointer()}
	if m.From != nil && m.To != nil && *m.From > *m.To {
		p.report.lacks("a mapping from %v to %v, which holds nothing", *m.From, *m.To)
		return query.Mapping{}
	}
	return said(m, result)
}

// oldValue is a mapping of one value, in which null was a word.
func oldValue(of string, result value) []query.Mapping {
	switch of {
	case "":
		return nil
	case "null":
		return []query.Mapping{said(query.Mapping{Special: query.SpecialNull}, result)}
	}
	return []query.Mapping{said(query.Mapping{Value: of}, result)}
}

// said is m with the words and the state of its result.
func said(m query.Mapping, result value) query.Mapping {
	m.Text = result.at("text").line()
	if colour := result.at("color").line(); colour != "" {
		m.State, _ = stateOf(colour)
	}
	return m
}

func specialOf(match string) query.Special {
	return map[string]query.Special{
		"null": query.SpecialNull, "nan": query.SpecialNaN, "null+nan": query.SpecialNullAndNaN,
		"true": query.SpecialTrue, "false": query.SpecialFalse, "empty": query.SpecialEmptyString,
	}[match]
}
