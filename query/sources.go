package query

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Sources are servers by the names that boards and panels use; the one of the
// empty name is meant where none is named.
type Sources map[string]Source

// Named is the source of a name; the error of one that is not there names those
// that are.
func (s Sources) Named(name string) (Source, error) {
	source, ok := s[name]
	if !ok && name == mainSource {
		source, ok = s[""]
	}
	if ok {
		return source, nil
	}
	if known := s.names(); len(known) > 1 {
		return nil, fmt.Errorf("there is no source %q; there are %s", oneLine(name), strings.Join(known, ", "))
	}
	return nil, fmt.Errorf("there is no source %q: the configuration has no sources section", oneLine(name))
}

// mainSource is what a person calls the source of the empty name.
const mainSource = "prometheus"

// names are what a source can be called, the main one first.
func (s Sources) names() []string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(s)), func(n string) bool { return n == "" || n == mainSource })
	return append([]string{mainSource}, names...)
}
