package main

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// managerConfig is where Alertmanager is, and where it may tell us of alerts.
type managerConfig struct {
	URL      addresses           `yaml:"url"` // of one, or of the members of a cluster
	Headers  map[string]string   `yaml:"headers"`
	Bearer   secret              `yaml:"bearer"`
	User     string              `yaml:"user"`
	Password secret              `yaml:"password"`
	Timeout  strictyaml.Duration `yaml:"timeout"`
	Interval strictyaml.Duration `yaml:"interval"` // between two looks; 0 = 15 s
	Webhook  webhookInConfig     `yaml:"webhook"`
}

// webhookInConfig is where notifications are taken in; nowhere without Listen.
type webhookInConfig struct {
	Listen string `yaml:"listen"`
	Token  secret `yaml:"token"`
}

// addresses is one URL or a list of them.
type addresses []string

// UnmarshalYAML reads either.
func (a *addresses) UnmarshalYAML(n ast.Node) error {
	switch n := n.(type) {
	case *ast.StringNode:
		*a = addresses{n.Value}
		return nil
	case *ast.SequenceNode:
		for _, v := range n.Values {
			s, ok := v.(*ast.StringNode)
			if !ok {
				return fmt.Errorf("each is a URL such as http://127.0.0.1:9093")
			}
			*a = append(*a, s.Value)
		}
		return nil
	}
	return fmt.Errorf("give a URL such as http://127.0.0.1:9093, or a list of the members of a cluster")
}

func (m managerConfig) check(doc *strictyaml.Doc) error {
	for i, u := range m.URL {
		if err := checkURL(u); err != nil {
			path := "alertmanager.url"
			if len(m.URL) > 1 {
				path = fmt.Sprintf("alertmanager.url[%d]", i)
			}
			return doc.Errorf(path, "%v", err)
		}
	}
	if m.Webhook.Listen == "" {
		if m.Webhook.Token != "" {
			return doc.Errorf("alertmanager.webhook.token", "there is no alertmanager.webhook.listen that it would be for")
		}
		return nil
	}
	host, _, err := net.SplitHostPort(m.Webhook.Listen)
	if err != nil {
		return doc.Errorf("alertmanager.webhook.listen", "%q is no address such as 127.0.0.1:9095", m.Webhook.Listen)
	}
	if m.Webhook.Token == "" && !loopback(host) {
		return doc.Errorf("alertmanager.webhook.listen", "%s can be reached from other hosts: set alertmanager.webhook.token, or listen on 127.0.0.1", m.Webhook.Listen)
	}
	return nil
}

// loopback says that nobody from elsewhere can come to host.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// alertsConfig is how alerts are put together.
type alertsConfig struct {
	Storm    stormConfig `yaml:"storm"`
	Flapping flapConfig  `yaml:"flapping"`
}

type stormConfig struct {
	Window strictyaml.Duration `yaml:"window"` // 0: every alert opens its own incident
	By     []string            `yaml:"by"`
}

type flapConfig struct {
	Times  int                 `yaml:"times"` // 0: never
	Within strictyaml.Duration `yaml:"within"`
	Hold   strictyaml.Duration `yaml:"hold"`
}

func defaultAlerts() alertsConfig {
	return alertsConfig{
		Storm:    stormConfig{Window: strictyaml.Duration(5 * time.Minute), By: []string{"service", "cluster", "region"}},
		Flapping: flapConfig{Times: 4, Within: strictyaml.Duration(time.Hour), Hold: strictyaml.Duration(10 * time.Minute)},
	}
}

func (a alertsConfig) check(doc *strictyaml.Doc) error {
	switch f := a.Flapping; {
	case a.Storm.Window < 0:
		return doc.Errorf("alerts.storm.window", "it cannot be negative; 0 has every alert open its own incident")
	case f.Times < 0 || f.Times == 1:
		return doc.Errorf("alerts.flapping.times", "%d: an alert flaps from 2 firings on; 0 is never", f.Times)
	case f.Times > 0 && (f.Within <= 0 || f.Hold <= 0):
		return doc.Errorf("alerts.flapping", "within and hold have to be longer than nothing")
	}
	return nil
}

func (a alertsConfig) rules() alert.Rules {
	return alert.Rules{
		Window: a.Storm.Window.D(), By: a.Storm.By, Times: a.Flapping.Times, Within: a.Flapping.Within.D(), Hold: a.Flapping.Hold.D(),
	}
}
