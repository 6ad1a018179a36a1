package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// valuesOf reads NAME=VALUE. Several of one name are several values.
func valuesOf(b *query.Board, args []string) (query.Values, error) {
	values := query.Values{}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--var %s: write it as NAME=VALUE, such as job=api", arg)
		}
		values[name] = append(values[name], value)
	}
	values, err := b.Choosing(values, nil)
	if err != nil {
		return nil, fmt.Errorf("--var: %w", err)
	}
	return values, nil
}

// offered says what is wrong with values that were chosen before it was known what
// is offered, and which variables could not be had.
func (a *app) offered(b *query.Board, chosen query.Values, snap *query.Snapshot) error {
	for _, o := range snap.Offers {
		if o.Err != nil {
			fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(o.Err.Error()))
		}
	}
	if snap.Offers == nil {
		return nil
	}
	again, err := b.Choosing(chosen, snap.Offers)
	if err != nil {
		return withCode(exitUsage, fmt.Errorf("--var: %w", err))
	}
	for name, values := range again { // by another name of the option
		if !slices.Equal(values, chosen[name]) {
			return usage("--var: %s: write %s as it is offered: %s", name, strings.Join(chosen[name], ", "), strings.Join(values, ", "))
		}
	}
	return nil
}
