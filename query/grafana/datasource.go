package grafana

import (
	"slices"
	"strings"
)

// source is what is known of where a query goes.
type source struct {
	kind string // prometheus, loki, ... ; "" is not known
	name string // as the file calls it: a name, a uid, a $variable
}

// isPrometheus reports whether the source speaks Prometheus' API and language, or
// nothing is known of it.
func (s source) isPrometheus() bool {
	return slices.Contains([]string{
		"", "prometheus", "grafana-amazonprometheus-datasource", "grafana-azureprometheus-datasource",
		"victoriametrics-datasource", "victoriametrics-metrics-datasource",
	}, s.kind)
}

// variable is the name behind a $, if the source is one.
func (s source) variable() string {
	if !strings.HasPrefix(s.name, "$") && !strings.HasPrefix(s.name, "[[") {
		return ""
	}
	name, _, _ := strings.Cut(strings.Trim(s.name, "${}[]"), ":")
	return name
}

// sourceOf reads a datasource: a name, or its type and uid.
func (im *importer) sourceOf(v value) source {
	s := source{name: v.line()}
	if v.isObject() {
		s = source{kind: v.at("type").line(), name: v.at("uid").line()}
	}
	if name := s.variable(); name != "" {
		if kind, ok := im.sources[name]; ok && s.kind == "" {
			s.kind = kind
		}
		if kind, ok := im.inputs[name]; ok {
			s.kind, s.name = kind, "" // whoever imports gives it
		}
	}
	if s.kind == "datasource" {
		s.kind = strings.Trim(s.name, "- ")
	}
	switch s.name {
	case "-- Mixed --", "-- Dashboard --", "-- Grafana --", "grafana":
		s.kind = strings.ToLower(strings.Trim(s.name, "- "))
	case "__expr__":
		s.kind = "__expr__"
	case "default", "null":
		s.name = ""
	}
	return s
}

// language is what is said of a query that is not PromQL.
func language(kind string) string {
	switch {
	case kind == "loki":
		return "LogQL"
	case kind == "__expr__":
		return "an expression of Grafana's server over other queries"
	case kind == "grafana":
		return "Grafana's own data"
	case strings.Contains(kind, "sql") || strings.Contains(kind, "postgres") || strings.Contains(kind, "clickhouse"):
		return "SQL (" + kind + ")"
	case kind == "":
		return "a query of a kind that is not known"
	}
	return "a query for " + kind
}
