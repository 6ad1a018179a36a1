package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// embeddedConfig is what sitrep scrapes itself: in place of a Prometheus, or while
// that one does not answer.
type embeddedConfig struct {
	Scrape       []string                    `yaml:"scrape"`        // URLs: no Prometheus at all
	ScrapeConfig string                      `yaml:"scrape_config"` // a prometheus.yml: likewise
	Rules        []string                    `yaml:"rules"`         // files of rules to evaluate then
	Interval     strictyaml.Duration         `yaml:"interval"`      // of scrapes, where nothing else says it
	Fallback     string                      `yaml:"fallback"`      // cold, warm or off
	WarmInterval strictyaml.Duration         `yaml:"warm_interval"`
	Retention    strictyaml.Duration         `yaml:"retention"`
	MaxSeries    int                         `yaml:"max_series"`
	CapsuleMB    int                         `yaml:"capsule_mb"` // of samples that are kept with an incident at the most
	Auth         map[string]targetAuthConfig `yaml:"auth"`       // by job: ways in that the server does not tell
}

// targetAuthConfig is how to be let in to the targets of a job.
type targetAuthConfig struct {
	User       string            `yaml:"user"`
	Password   secret            `yaml:"password"`
	Bearer     secret            `yaml:"bearer"`
	Headers    map[string]string `yaml:"headers"`
	CertFile   string            `yaml:"cert_file"`
	KeyFile    string            `yaml:"key_file"`
	CAFile     string            `yaml:"ca_file"`
	ServerName string            `yaml:"server_name"`
	Insecure   bool              `yaml:"insecure_skip_verify"`
	Proxy      string            `yaml:"proxy"`
}

// defaultCapsuleMB is the capsule_mb of who says none.
const defaultCapsuleMB = 16

// scrapes says that there is no Prometheus.
func (e embeddedConfig) scrapes() bool { return len(e.Scrape) > 0 || e.ScrapeConfig != "" }

func (c *config) checkEmbedded() error {
	e := c.Embedded
	for i, u := range e.Scrape {
		if err := checkURL(u); err != nil {
			return c.doc.Errorf(fmt.Sprintf("embedded.scrape[%d]", i), "%v", err)
		}
	}
	switch {
	case !slices.Contains([]string{"", "cold", "warm", "off"}, e.Fallback):
		return c.doc.Errorf("embedded.fallback", "%q is not cold, warm or off", e.Fallback)
	case e.MaxSeries < 0:
		return c.doc.Errorf("embedded.max_series", "a number of series is not negative")
	case e.CapsuleMB < 0:
		return c.doc.Errorf("embedded.capsule_mb", "a size is not negative")
	case e.scrapes() && c.doc.Has("prometheus.url"):
		return c.doc.Errorf("embedded", "scrape and scrape_config are in place of a Prometheus, and prometheus.url names one: take one out")
	case len(e.Rules) > 0 && !e.scrapes():
		return c.doc.Errorf("embedded.rules", "rules are evaluated with scrape or scrape_config; those of a Prometheus are learned from it")
	}
	for _, name := range slices.Sorted(maps.Keys(e.Auth)) {
		a := e.Auth[name]
		place := "embedded.auth." + name
		if (a.CertFile == "") != (a.KeyFile == "") {
			return c.doc.Errorf(place, "cert_file and key_file go together")
		}
		if a.Bearer != "" && (a.User != "" || a.Password != "") {
			return c.doc.Errorf(place, "give bearer, or user and password")
		}
	}
	return nil
}

// server is the part of the scraper's configuration that stands in the file.
func (e embeddedConfig) server() embedded.Config {
	return embedded.Config{ScrapeInterval: e.Interval.D(), Retention: e.Retention.D(), MaxSeries: e.MaxSeries}
}

// keys are the ways in to the targets of jobs.
func (c *config) keys(ctx context.Context) embedded.Keys {
	read := func(s secret) func() (string, error) {
		if s == "" {
			return nil
		}
		return func() (string, error) { return s.read(ctx, c.dir) }
	}
	file := func(name string) string {
		if name == "" {
			return ""
		}
		return c.path(name)
	}
	return func(job string) (embedded.Auth, bool) {
		a, ok := c.Embedded.Auth[job]
		return embedded.Auth{
			User: a.User, Password: read(a.Password), Bearer: read(a.Bearer), Headers: a.Headers, ProxyURL: a.Proxy,
			Certificates: query.Certificates{
				CertFile: file(a.CertFile), KeyFile: file(a.KeyFile), CAFile: file(a.CAFile), ServerName: a.ServerName, Insecure: a.Insecure,
			},
		}, ok
	}
}
