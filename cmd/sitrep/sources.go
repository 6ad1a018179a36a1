package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// prometheusConfig is one server: the one under prometheus, or one of sources.
type prometheusConfig struct {
	URL      string              `yaml:"url"`
	Headers  map[string]string   `yaml:"headers"`
	Bearer   secret              `yaml:"bearer"`
	User     string              `yaml:"user"`
	Password secret              `yaml:"password"`
	Timeout  strictyaml.Duration `yaml:"timeout"`

	CertFile   string `yaml:"cert_file"` // a client certificate and its key
	KeyFile    string `yaml:"key_file"`
	CAFile     string `yaml:"ca_file"`
	ServerName string `yaml:"server_name"`
	Proxy      string `yaml:"proxy"` // instead of the environment's
}

// checkSources looks at what the sections prometheus and sources say, beside the
// URL of the first.
func (c *config) checkSources() error {
	errs := []error{c.checkSource("prometheus", c.Prometheus)}
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		place := "sources." + name
		switch s := c.Sources[name]; {
		case name == "":
			errs = append(errs, c.doc.Errorf("sources", "a source needs a name"))
		case name == checksSource:
			errs = append(errs, c.doc.Errorf(place, "the source %q is what sitrep's own checks found: give the server another name", name))
		case s.URL == "":
			errs = append(errs, c.doc.Errorf(place, "url is missing"))
		default:
			if err := checkURL(s.URL); err != nil {
				errs = append(errs, c.doc.Errorf(place+".url", "%v", err))
			}
			errs = append(errs, c.checkSource(place, s))
		}
	}
	return errors.Join(errs...)
}

func (c *config) checkSource(place string, p prometheusConfig) error {
	switch {
	case p.CertFile != "" && p.KeyFile == "":
		return c.doc.Errorf(place+".cert_file", "key_file is missing: a client certificate is nothing without its key")
	case p.KeyFile != "" && p.CertFile == "":
		return c.doc.Errorf(place+".key_file", "cert_file is missing: a key is nothing without its certificate")
	case p.Proxy == "":
		return nil
	}
	u, err := url.Parse(p.Proxy)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return c.doc.Errorf(place+".proxy", "%q is not the URL of a proxy, such as http://proxy:3128 or socks5://127.0.0.1:1080", strictyaml.Hide(p.Proxy))
	}
	if u.User != nil {
		return c.doc.Errorf(place+".proxy", "a user or password does not belong into the file: set HTTPS_PROXY in the environment instead")
	}
	return nil
}

// client is the client of a server that the configuration describes.
func (c *config) client(ctx context.Context, p prometheusConfig) (*query.Client, error) {
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
	return query.NewClient(query.Config{
		URL: p.URL, Headers: p.Headers, User: p.User, Bearer: read(p.Bearer), Password: read(p.Password), Timeout: p.Timeout.D(),
		CertFile: file(p.CertFile), KeyFile: file(p.KeyFile), CAFile: file(p.CAFile), ServerName: p.ServerName, ProxyURL: p.Proxy,
	})
}

// prometheus is the client of the first server.
func (a *app) prometheus(ctx context.Context) (*query.Client, error) { return a.server(ctx, "") }

// server is the client of a server by its name among the sources; the empty name
// is the one under prometheus.
func (a *app) server(ctx context.Context, name string) (*query.Client, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	if _, other := c.Sources[name]; name == "prometheus" && !other {
		name = ""
	}
	if name == "" && c.Embedded.scrapes() {
		return a.scrapedOnce(ctx)
	}
	if name == "" {
		return c.client(ctx, c.Prometheus)
	}
	if name == checksSource {
		return a.checksOnce(ctx)
	}
	p, ok := c.Sources[name]
	if !ok {
		names := query.Sources{}
		if len(c.Checks) > 0 {
			names[checksSource] = nil
		}
		for n := range c.Sources {
			names[n] = nil
		}
		_, err := names.Named(name)
		return nil, withCode(exitUsage, err)
	}
	client, err := c.client(ctx, p)
	if err != nil {
		return nil, withCode(exitUsage, fmt.Errorf("sources.%s: %w", name, err))
	}
	return client, nil
}

// boardSources are all servers by name, each behind a cache of what panels have
// shown already; the first one is the given client. The checks are among them, if there
// are some, and have not been looked at.
func (a *app) boardSources(ctx context.Context, first *query.Client) (sources query.Sources, closeAll func(), err error) {
	c, err := a.config()
	if err != nil {
		return nil, nil, err
	}
	sources = query.Sources{"": query.NewCache(first, query.CacheConfig{})}
	clients := []*query.Client{first}
	for name := range c.Sources {
		client, err := a.server(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		clients = append(clients, client)
		sources[name] = query.NewCache(client, query.CacheConfig{})
	}
	if len(c.Checks) > 0 {
		sources[checksSource] = notLooked{}
	}
	return sources, func() {
		for _, client := range clients {
			client.CloseIdle()
		}
	}, nil
}
