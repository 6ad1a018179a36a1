package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// About is what a server says of itself.
type About struct {
	Kind    string // Prometheus, Thanos, Grafana Mimir, VictoriaMetrics, Cortex, ...
	Version string // empty if it does not say

	// Stores are where a Thanos has its samples from, in order. It leaves those out
	// that do not answer (Silent), after the first seconds without any warning.
	Stores, Silent []string
}

// String is kind and version, and how many stores there are.
func (a About) String() string {
	text := strings.TrimSpace(a.Kind + " " + a.Version)
	switch n := len(a.Stores); {
	case len(a.Silent) > 0:
		text += ", " + a.Missing()
	case n > 0:
		text += fmt.Sprintf(" with %d stores", n)
	}
	return text
}

// mostNamed is how many stores are told by name.
const mostNamed = 3

// Missing says which parts of the storage do not answer; empty if all do.
func (a About) Missing() string {
	n := len(a.Silent)
	if n == 0 {
		return ""
	}
	names, more := a.Silent, ""
	if n > mostNamed {
		names, more = names[:mostNamed], ", …"
	}
	return fmt.Sprintf("%d of %d stores do not answer (%s%s): what only they have is missing", n, len(a.Stores), strings.Join(names, ", "), more)
}

// same says that the same parts of the storage answer.
func (a About) same(b About) bool {
	return slices.Equal(a.Stores, b.Stores) && slices.Equal(a.Silent, b.Silent)
}

// Known is what the server said of itself to the last Identity or About.
func (c *Client) Known() About {
	if a := c.known.Load(); a != nil {
		return *a
	}
	return About{}
}

// About asks what the server is.
func (c *Client) About(ctx context.Context) (About, error) {
	_, err := c.Identity(ctx)
	return c.Known(), err
}

// rollCall asks for the stores. Only Thanos has such a list, by which it is known.
func (c *Client) rollCall(ctx context.Context, a *About) error {
	var byKind map[string][]struct {
		Name      string
		LastError any
	}
	var refused *Error
	switch err := c.get(ctx, "/api/v1/stores", nil, &byKind); {
	case errors.As(err, &refused) && refused.Status != 0:
		return nil // it has no such list, or keeps it to itself
	case err != nil:
		return err
	}
	a.Kind = "Thanos"
	for kind, list := range byKind {
		for _, one := range list {
			name := oneLine(kind + " " + one.Name)
			a.Stores = append(a.Stores, name)
			if one.LastError != nil && one.LastError != "" {
				a.Silent = append(a.Silent, name)
			}
		}
	}
	slices.Sort(a.Stores)
	slices.Sort(a.Silent)
	return nil
}
