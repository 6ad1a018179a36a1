package chaos

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Sources say what may be hurt on this host: the list behind a URL on loopback (the
// lab's), processes that the configuration names, and what it names of the host itself.
// Whatever is in none of them is never hurt.
type Sources struct {
	URL       string        `json:"url,omitempty"`
	Processes []ProcessFind `json:"processes,omitempty"`
	// Control is the way to whatever sees and ends an experiment (Prometheus,
	// Alertmanager), as host:port. No fault of the network touches it.
	Control []string      `json:"control,omitempty"`
	Hosts   []HostTarget  `json:"hosts,omitempty"`
	Proxies []ProxyTarget `json:"proxies,omitempty"`

	Containers []ContainerFind `json:"containers,omitempty"`
	Docker     string          `json:"docker,omitempty"` // path of its socket

	Config string `json:"config,omitempty"` // file of the configuration, absolute, whose policy says which programs may be run

	Toxiproxies []ToxicTarget `json:"toxiproxies,omitempty"`
	Toxiproxy   string        `json:"toxiproxy,omitempty"` // URL of its API
	Keep        []string      `json:"keep,omitempty"`      // directories of sitrep's own files
}

// None says that there is nothing that could be hurt.
func (s Sources) None() bool {
	return s.URL == "" && len(s.Processes)+len(s.Hosts)+len(s.Proxies)+len(s.Containers)+len(s.Toxiproxies) == 0
}

// Find lists the targets as they are now.
func (s Sources) Find(ctx context.Context) ([]Target, error) {
	var all []Target
	var problems error
	if s.URL != "" {
		list, err := Targets(ctx, s.URL)
		all, problems = list, err
	}
	for _, f := range s.Processes {
		list, err := f.find()
		all, problems = append(all, list...), errors.Join(problems, err)
	}
	for _, h := range s.Hosts {
		all = append(all, h.target(s.Keep))
	}
	for _, p := range s.Proxies {
		all = append(all, p.target())
	}
	for _, c := range s.Containers {
		all = append(all, c.find(ctx, s.Docker)...)
	}
	for _, x := range s.Toxiproxies {
		all = append(all, x.target(s.Toxiproxy))
	}
	if problems != nil {
		return nil, problems
	}
	seen := map[string]bool{}
	for i, t := range all {
		all[i].Control, all[i].Config = s.Control, s.Config
		if seen[t.Name] {
			return nil, fmt.Errorf("read targets: two targets are named %s", t.Name)
		}
		seen[t.Name] = true
	}
	return all, nil
}

// Named are the places of the configuration that name something.
func (s Sources) Named() string {
	var places []string
	for _, p := range []struct {
		name string
		is   bool
	}{
		{"targets", s.URL != ""},
		{"processes", len(s.Processes) > 0},
		{"hosts", len(s.Hosts) > 0},
		{"proxies", len(s.Proxies) > 0},
		{"containers", len(s.Containers) > 0},
		{"toxiproxies", len(s.Toxiproxies) > 0},
	} {
		if p.is {
			places = append(places, "chaos."+p.name)
		}
	}
	return strings.Join(places, ", ")
}

// numbered is what tells targets of one entry from each other: see ProcessFind.Name.
var numbered = regexp.MustCompile(`-[0-9]+$`)

// Fits says whether an entry of the configuration is what a selection wants, whatever of
// it runs now. What stands behind the URL is not looked at.
func (s Sources) Fits(sel Selection) bool {
	var all []Target
	several := map[string]bool{} // may become name-1, name-2
	for _, f := range s.Processes {
		all, several[f.Name] = append(all, Target{Name: f.Name, Service: f.Service, Labels: f.Labels}), true
	}
	for _, c := range s.Containers {
		all, several[c.Name] = append(all, Target{Name: c.Name, Service: c.Service, Labels: c.Labels}), true
	}
	for _, h := range s.Hosts {
		all = append(all, Target{Name: h.Name, Service: h.Service, Labels: h.Labels})
	}
	for _, p := range s.Proxies {
		all = append(all, Target{Name: p.Name, Service: p.Service, Labels: p.Labels})
	}
	for _, x := range s.Toxiproxies {
		all = append(all, Target{Name: x.Name, Service: x.Service, Labels: x.Labels})
	}
	return slices.ContainsFunc(all, func(t Target) bool {
		if base := numbered.ReplaceAllString(sel.Select["name"], ""); several[t.Name] && base == t.Name {
			t.Name = sel.Select["name"]
		}
		return t.Matches(sel.Select)
	})
}
