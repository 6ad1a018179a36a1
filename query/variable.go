package query

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Variable is a name in a board's expressions and titles ($name, ${name:format},
// [[name]]) whose value a person chooses while looking.
type Variable struct {
	Name    string       `json:"name"`
	Label   string       `json:"label,omitempty"` // what a person sees; default the name
	Type    VariableType `json:"type,omitempty"`  // default query
	Query   string       `json:"query,omitempty"` // query: label_values(metric, label), label_values(label), label_names(), metrics(regex), query_result(expr)
	Options []Option     `json:"options,omitempty"`
	Value   []string     `json:"value,omitempty"` // at first; empty is the first option, or All where there is one. $__all is All
	Multi   bool         `json:"multi,omitempty"` // several at once
	All     bool         `json:"all,omitempty"`   // "All" can be chosen
	// AllValue is what All stands for, as it is; empty is every option.
	AllValue string `json:"all_value,omitempty"`
	// Regex keeps the options that match, and of those its group, or the groups
	// named text and value. Also which sources a source variable offers.
	Regex string `json:"regex,omitempty"`
	Sort  Sort   `json:"sort,omitempty"` // default as they come
	Hide  bool   `json:"hide,omitempty"` // not offered
	// Auto adds the option $__auto to an interval: the range in so many steps,
	// none shorter than AutoMin.
	Auto    int                 `json:"auto,omitempty"`
	AutoMin strictyaml.Duration `json:"auto_min,omitempty"`
	Source  string              `json:"source,omitempty"` // as Panel.Source
}

// AllOptions is the value that stands for All.
const AllOptions = "$__all"

// Option is one value of a variable and what a person sees of it.
type Option struct {
	Text  string `json:"text,omitempty"` // default the value
	Value string `json:"value"`
}

// VariableType is where a variable's options come from.
type VariableType string

// The types of variables.
const (
	QueryVariable    VariableType = "query"
	CustomVariable   VariableType = "custom"
	ConstantVariable VariableType = "constant"
	IntervalVariable VariableType = "interval"
	SourceVariable   VariableType = "source" // Grafana's datasource
	TextVariable     VariableType = "textbox"
)

func variableTypes() []VariableType {
	return []VariableType{QueryVariable, CustomVariable, ConstantVariable, IntervalVariable, SourceVariable, TextVariable}
}

// Sort is the order of options.
type Sort string

// The orders; letters without their case.
const (
	SortAlpha       Sort = "alpha"
	SortAlphaDesc   Sort = "alpha_desc"
	SortNumber      Sort = "number"
	SortNumberDesc  Sort = "number_desc"
	SortNatural     Sort = "natural"
	SortNaturalDesc Sort = "natural_desc"
)

func sorts() []Sort {
	return []Sort{SortAlpha, SortAlphaDesc, SortNumber, SortNumberDesc, SortNatural, SortNaturalDesc}
}

// variableName is what may stand after a $.
var variableName = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// declare checks the variables of a board and remembers them by name.
func (l *loader) declare(all []Variable) error {
	if len(all) > maxVariables {
		return l.doc.Errorf("variables", "%d variables: a board has at most %d", len(all), maxVariables)
	}
	for i := range all {
		v, at := &all[i], fmt.Sprintf("variables[%d]", i)
		if v.Type == "" {
			v.Type = QueryVariable
		}
		switch {
		case !variableName.MatchString(v.Name):
			return l.doc.Errorf(at+".name", "a variable's name is letters, digits and _, not %q", v.Name)
		case strings.HasPrefix(v.Name, "__"):
			return l.doc.Errorf(at+".name", "names that begin with __ are sitrep's own")
		case l.variables[v.Name] != nil:
			return l.doc.Errorf(at+".name", "there are two variables %q", v.Name)
		case !slices.Contains(variableTypes(), v.Type):
			return l.doc.Errorf(at+".type", "the type of a variable is %s, not %q", oneOf(variableTypes()...), v.Type)
		case v.Sort != "" && !slices.Contains(sorts(), v.Sort):
			return l.doc.Errorf(at+".sort", "sort is %s, not %q", oneOf(sorts()...), v.Sort)
		case v.Type == QueryVariable && v.Query == "":
			return l.doc.Errorf(at, "variable %s has no query; write query: label_values(METRIC, LABEL)", v.Name)
		case (v.Type == CustomVariable || v.Type == IntervalVariable) && len(v.Options) == 0:
			return l.doc.Errorf(at, "variable %s has no options", v.Name)
		case len(v.Value) > 1 && !v.Multi:
			return l.doc.Errorf(at+".value", "%s has one value, unless it is multi", v.Name)
		}
		if err := l.regex(at+".regex", strings.Trim(v.Regex, "/")); err != nil {
			return err
		}
		l.variables[v.Name] = v
	}
	return nil
}
