package lab

import (
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/query/embedded"
)

// instance is one process of the shop and its place, which outlives the process.
type instance struct {
	name, service string
	proxied       bool // others ask it through a fault proxy
	reservation
}

func (in instance) url() string { return "http://" + in.addr }

// asks are the services that a service asks.
func asks(service string) []string {
	switch service {
	case "storefront":
		return []string{"checkout"}
	case "checkout":
		return []string{"payments", "inventory"}
	}
	return nil
}

// reserveShop gives every process of the shop a port for as long as the lab
// lives. After an error the list holds what has to be released.
func reserveShop() ([]instance, error) {
	shop := []instance{
		{name: "storefront", service: "storefront"},
		{name: "checkout", service: "checkout", proxied: true},
		{name: "payments-1", service: "payments", proxied: true},
		{name: "payments-2", service: "payments", proxied: true},
		{name: "inventory", service: "inventory", proxied: true},
	}
	for i := range shop {
		r, err := reserve()
		if err != nil {
			return shop[:i], fmt.Errorf("reserve a port for %s: %w", shop[i].name, err)
		}
		shop[i].reservation = r
	}
	return shop, nil
}

// environment is the label that everything of the lab carries.
const environment = "lab"

// Lab time: a second is a minute.
const (
	scrapeEvery = time.Second
	retention   = 2 * time.Hour
	maxSeries   = 10_000
)

// newPrometheus watches the shop once a second.
func (l *Lab) newPrometheus() (*embedded.Server, error) {
	rules, err := labFile("rules.yaml")
	if err != nil {
		return nil, err
	}
	server, err := embedded.New(embedded.Config{
		ScrapeInterval: scrapeEvery, EvaluationInterval: scrapeEvery, Retention: retention, MaxSeries: maxSeries, Rules: rules, RulesFile: "rules.yaml",
	})
	if err != nil {
		return nil, err
	}
	var targets []embedded.Target
	for _, c := range l.children {
		targets = append(targets, embedded.Target{Job: c.service, Instance: c.name, URL: c.url() + "/metrics", Labels: map[string]string{"env": environment}})
	}
	server.SetTargets(targets)
	return server, nil
}
