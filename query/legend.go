package query

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

var placeholder = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)

// maxLegend bounds a legend in bytes: a label value may be a megabyte.
const maxLegend = 256

// setLegends writes the legend of every series of one query. The template is
// Grafana's: {{label}} stands for the label's value, __auto for the labels in
// which the series differ, and the empty template for all labels. A series
// without labels is called by fallback.
func setLegends(template, fallback string, series []Series) {
	var differ []string
	if template == "__auto" {
		differ = differing(series)
	}
	for i := range series {
		s := &series[i]
		switch template {
		case "":
			s.Legend = s.Labels.String()
		case "__auto":
			s.Legend = only(s.Labels, differ)
		default:
			s.Legend = fill(template, s.Labels)
		}
		if s.Legend == "" || s.Legend == "{}" {
			s.Legend = fallback
		}
		s.Legend = cut(s.Legend, maxLegend)
	}
}

// Apart names samples by the labels that tell each from the others: by the value
// alone where one label does. A single one is named by all its labels.
func Apart(samples []Sample) []string {
	series := make([]Series, len(samples))
	for i, s := range samples {
		series[i].Labels = s.Labels
	}
	template := "__auto"
	if len(samples) == 1 {
		template = ""
	}
	for _, name := range differing(series) {
		if unique(name, series) {
			template = "{{" + name + "}}"
			break
		}
	}
	setLegends(template, "", series)
	names := make([]string, len(samples))
	for i, s := range series {
		names[i] = s.Legend
	}
	return names
}

// unique says that a label alone tells every series from the others.
func unique(name string, series []Series) bool {
	seen := map[string]bool{"": true}
	for _, s := range series {
		if seen[s.Labels[name]] {
			return false
		}
		seen[s.Labels[name]] = true
	}
	return true
}

// fill replaces every {{label}}; a label that the series has not is empty.
func fill(template string, l Labels) string {
	if !strings.Contains(template, "{{") {
		return template
	}
	return placeholder.ReplaceAllStringFunc(template, func(m string) string {
		return l[placeholder.FindStringSubmatch(m)[1]]
	})
}

// differing are the label names whose value is not the same in all series.
func differing(series []Series) []string {
	if len(series) < 2 {
		return nil
	}
	seen := Labels{}
	for _, s := range series {
		for k := range s.Labels {
			seen[k] = ""
		}
	}
	var names []string
	for _, k := range seen.Names() {
		for _, s := range series[1:] {
			if s.Labels[k] != series[0].Labels[k] {
				names = append(names, k)
				break
			}
		}
	}
	return names
}

// only shows the named labels: one alone by its value, several with names.
func only(l Labels, names []string) string {
	if len(names) == 1 && l[names[0]] != "" {
		return l[names[0]]
	}
	part := Labels{}
	for _, k := range names {
		if v, ok := l[k]; ok {
			part[k] = v
		}
	}
	return part.String()
}

// cut shortens s to at most n bytes, at a rune, and says so.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n -= len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
