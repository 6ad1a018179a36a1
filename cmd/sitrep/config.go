package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// config is sitrep.yaml. docs/configuration.md describes every key.
type config struct {
	Prometheus  prometheusConfig            `yaml:"prometheus"`
	Sources     map[string]prometheusConfig `yaml:"sources"` // other servers, by the names that boards use
	Embedded    embeddedConfig              `yaml:"embedded"`
	Manager     managerConfig               `yaml:"alertmanager"`
	Alerts      alertsConfig                `yaml:"alerts"`
	Grafana     grafanaConfig               `yaml:"grafana"`
	PagerDuty   pagerdutyConfig             `yaml:"pagerduty"`
	Slack       slackConfig                 `yaml:"slack"`
	Webhooks    map[string]webhookConfig    `yaml:"webhooks"`
	Commands    map[string]commandConfig    `yaml:"commands"`
	Statuspages map[string]statuspageConfig `yaml:"statuspages"`
	Policy      policyRef                   `yaml:"policy"`
	Boards      []string                    `yaml:"boards"`
	SLOs        []string                    `yaml:"slos"`
	Capacity    []string                    `yaml:"capacity"`
	Prices      pricesConfig                `yaml:"prices"`
	Experiments []string                    `yaml:"experiments"`
	Plans       []string                    `yaml:"plans"`
	Gamedays    []string                    `yaml:"gamedays"`
	Runbooks    []string                    `yaml:"runbooks"`
	Checks      []string                    `yaml:"checks"` // what sitrep looks at itself
	Contexts    map[string]contextConfig    `yaml:"contexts"`
	People      map[string]personConfig     `yaml:"people"`
	Chaos       chaosConfig                 `yaml:"chaos"`
	Load        loadingConfig               `yaml:"load"`
	Evidence    evidenceConfig              `yaml:"evidence"`
	GitHub      githubConfig                `yaml:"github"` // where action items become issues
	GitLab      gitlabConfig                `yaml:"gitlab"`
	Redact      redactConfig                `yaml:"redact"` // what does not leave with a post-mortem
	Daemon      daemonConfig                `yaml:"daemon"`
	UI          uiConfig                    `yaml:"ui"`
	Links       []linkTemplate              `yaml:"links"` // that lead from a chart to elsewhere
	Explore     exploreConfig               `yaml:"explore"`
	Services    map[string]serviceConfig    `yaml:"services"`

	file string          // "" where there is none
	dir  string          // that relative paths start from
	doc  *strictyaml.Doc // of file, to point at a line of it
}

// grafanaConfig is where dashboards are imported from. The token goes to that
// address and nowhere else.
type grafanaConfig struct {
	URL   string `yaml:"url"`
	Token secret `yaml:"token"` // of a service account that may read
}

type pagerdutyConfig struct {
	Region      string            `yaml:"region"` // us or eu: where the account is
	EventsURL   string            `yaml:"events_url"`
	APIURL      string            `yaml:"api_url"`
	RoutingKeys map[string]secret `yaml:"routing_keys"`
	APIToken    secret            `yaml:"api_token"`
	From        string            `yaml:"from"`                // e-mail of the user in whose name things are done that people.NAME.email does not name
	Policies    map[string]string `yaml:"escalation_policies"` // their IDs by the names of routing keys; others are looked up
	Links       []linkConfig      `yaml:"links"`
	Images      []imageConfig     `yaml:"images"`
	Changes     changesConfig     `yaml:"changes"`
}

// The addresses of PagerDuty's two service regions.
const (
	eventsURL, apiURL     = "https://events.pagerduty.com", "https://api.pagerduty.com"
	eventsURLEU, apiURLEU = "https://events.eu.pagerduty.com", "https://api.eu.pagerduty.com"
)

// settle puts the region into the addresses that are not given.
func (p *pagerdutyConfig) settle(doc *strictyaml.Doc) error {
	switch p.Region {
	case "", "us":
		p.EventsURL, p.APIURL = cmp.Or(p.EventsURL, eventsURL), cmp.Or(p.APIURL, apiURL)
	case "eu":
		p.EventsURL, p.APIURL = cmp.Or(p.EventsURL, eventsURLEU), cmp.Or(p.APIURL, apiURLEU)
	default:
		return doc.Errorf("pagerduty.region", "%q is no region of PagerDuty: us or eu", p.Region)
	}
	if p.From != "" && !isAddress(p.From) {
		return doc.Errorf("pagerduty.from", "%q is not the e-mail address of a PagerDuty user", p.From)
	}
	for name := range p.Policies {
		if p.RoutingKeys[name] == "" {
			return doc.Errorf("pagerduty.escalation_policies."+name, "pagerduty.routing_keys has no %q", name)
		}
	}
	for i, l := range p.Links {
		if err := checkURL(l.URL); err != nil {
			return doc.Errorf(fmt.Sprintf("pagerduty.links[%d]", i), "url: %v", err)
		}
	}
	for i, im := range p.Images {
		if !strings.HasPrefix(im.URL, "https://") {
			return doc.Errorf(fmt.Sprintf("pagerduty.images[%d]", i), "url: %q is not one of https, and PagerDuty shows no other", strictyaml.Hide(im.URL))
		}
	}
	return nil
}

// isAddress says whether text could be sent mail to; it goes into a header.
func isAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text
}

// linkConfig is shown with every page; {incident}, {service} and {severity} in the
// URL are the incident's.
type linkConfig struct {
	Text string `yaml:"text"`
	URL  string `yaml:"url"`
}

// imageConfig likewise.
type imageConfig struct {
	Alt string `yaml:"alt"`
	URL string `yaml:"url"`
}

// changesConfig is which way changes go between PagerDuty and the timeline.
type changesConfig struct {
	SendTo  string `yaml:"send_to"` // the routing key's name; none sends nothing
	Receive bool   `yaml:"receive"` // needs api_token
}

type slackConfig struct {
	APIURL   string `yaml:"api_url"`
	BotToken secret `yaml:"bot_token"`
	AppToken secret `yaml:"app_token"`
	Channel  string `yaml:"channel"`

	Rooms        roomsConfig         `yaml:"incident_channels"`
	DeadMan      bool                `yaml:"dead_man"` // Slack says by itself that nobody runs the ladder
	DeadManGrace strictyaml.Duration `yaml:"dead_man_grace"`
	Pictures     bool                `yaml:"pictures"`
	NoteEmoji    string              `yaml:"note_emoji"`  // puts a message on the timeline; none does if empty
	AllowUsers   []string            `yaml:"allow_users"` // who may act besides people; empty: the whole workspace
}

type contextConfig struct {
	Match map[string]string `yaml:"match"`
	Prod  bool              `yaml:"prod"`
}

type personConfig struct {
	OSUser    string `yaml:"os_user"`
	Slack     string `yaml:"slack"`
	Phone     string `yaml:"phone"`
	PagerDuty string `yaml:"pagerduty"` // ID of the user there
	Email     string `yaml:"email"`     // of that user: things are done in PagerDuty in its name
}

type chaosConfig struct {
	Targets   string              `yaml:"targets"`   // URL of the lab's list
	Processes []chaos.ProcessFind `yaml:"processes"` // what may be hurt on this host
	Policy    chaos.Policy        `yaml:"policy"`    // what may be done at the most
	Hosts     []chaos.HostTarget  `yaml:"hosts"`     // what of the host itself
	Proxies   []chaos.ProxyTarget `yaml:"proxies"`   // that clients are pointed at

	Containers []chaos.ContainerFind `yaml:"containers"`
	Docker     dockerConfig          `yaml:"docker"`

	Toxiproxies []chaos.ToxicTarget `yaml:"toxiproxies"`
	Toxiproxy   toxiproxyConfig     `yaml:"toxiproxy"`
}

type loadingConfig struct {
	Hosts []loadtest.Outside `yaml:"hosts"` // that load may be sent to, beside this machine
}

// checkLoadHosts refuses what names no host, or sets no cap.
func (c *config) checkLoadHosts() error {
	for i, o := range c.Load.Hosts {
		if key, err := o.Valid(); err != nil {
			return c.doc.Errorf(fmt.Sprintf("load.hosts[%d].%s", i, key), "%v", err)
		}
	}
	return nil
}

type toxiproxyConfig struct {
	URL string `yaml:"url"` // of its API; without it chaos.DefaultToxiproxy
}

type dockerConfig struct {
	Socket string `yaml:"socket"` // absolute; without it that of $DOCKER_HOST, or the usual one
}

// checkChaos refuses entries that could not find anything, and a policy that could not
// be held.
func (c *config) checkChaos() error {
	for i, f := range c.Chaos.Processes {
		if key, err := f.Valid(); err != nil {
			return c.doc.Errorf(fmt.Sprintf("chaos.processes[%d].%s", i, key), "%v", err)
		}
	}
	for i, h := range c.Chaos.Hosts {
		if key, err := h.Valid(); err != nil {
			return c.doc.Errorf(fmt.Sprintf("chaos.hosts[%d].%s", i, key), "%v", err)
		}
	}
	for i, p := range c.Chaos.Proxies {
		if key, err := p.Valid(); err != nil {
			return c.doc.Errorf(fmt.Sprintf("chaos.proxies[%d].%s", i, key), "%v", err)
		}
	}
	for i, f := range c.Chaos.Containers {
		if key, err := f.Valid(); err != nil {
			return c.doc.Errorf(fmt.Sprintf("chaos.containers[%d].%s", i, key), "%v", err)
		}
	}
	if socket := c.Chaos.Docker.Socket; socket != "" && !filepath.IsAbs(socket) {
		return c.doc.Errorf("chaos.docker.socket", "%q is not an absolute path", socket)
	}
	for i, x := range c.Chaos.Toxiproxies {
		if key, err := x.Valid(); err != nil {
			return c.doc.Errorf(fmt.Sprintf("chaos.toxiproxies[%d].%s", i, key), "%v", err)
		}
	}
	if u := c.Chaos.Toxiproxy.URL; u != "" {
		if err := (chaos.Toxiproxy{URL: u}).Valid(); err != nil {
			return c.doc.Errorf("chaos.toxiproxy.url", "%v", err)
		}
	}
	return c.Chaos.Policy.Valid(c.doc, "chaos.policy")
}

// evidenceConfig is how long evidence is kept in full, and how long at all. What is
// not set is for ever: a record does not become less because nobody said otherwise.
type evidenceConfig struct {
	CompactAfter strictyaml.Duration `yaml:"compact_after"`
	DropAfter    strictyaml.Duration `yaml:"drop_after"`
}

type daemonConfig struct {
	Listen string `yaml:"listen"` // of /health, /metrics and /changes
	Token  secret `yaml:"token"`  // that POST /changes asks for; none takes nothing in
}

type uiConfig struct {
	Theme    string `yaml:"theme"`
	Timezone string `yaml:"timezone"`
}

// policyRef is either the path of a policy file or the policy itself.
type policyRef struct {
	path   string
	inline []byte
	node   ast.Node // of the inline policy
}

// UnmarshalYAML keeps an inline policy to be read by the escalation room's own
// loader.
func (p *policyRef) UnmarshalYAML(n ast.Node) error {
	if s, ok := n.(*ast.StringNode); ok {
		p.path = s.Value
		return nil
	}
	p.node = n
	p.inline = []byte(n.String())
	return nil
}

// defaults is the configuration of somebody who wrote none.
func defaults() config {
	return config{
		Prometheus: prometheusConfig{URL: "http://127.0.0.1:9090"},
		PagerDuty:  pagerdutyConfig{EventsURL: eventsURL, APIURL: apiURL},
		Slack:      slackConfig{APIURL: "https://slack.com/api/", NoteEmoji: "pushpin"},
		GitHub:     githubConfig{APIURL: "https://api.github.com"},
		GitLab:     gitlabConfig{APIURL: "https://gitlab.com/api/v4"},
		Daemon:     daemonConfig{Listen: "127.0.0.1:9096"},
		Alerts:     defaultAlerts(),
		UI:         uiConfig{Theme: "auto", Timezone: "UTC"},
	}
}

// findConfig is the file to read: the one asked for, ./sitrep.yaml, or the
// user's; "" if there is none.
func findConfig(asked string) (string, error) {
	if asked != "" {
		return asked, nil
	}
	candidates := []string{"sitrep.yaml"}
	if dir, err := os.UserConfigDir(); err == nil {
		candidates = append(candidates, filepath.Join(dir, "sitrep", "sitrep.yaml"))
	}
	for _, c := range candidates {
		if _, err := os.Stat(c); err == nil {
			return c, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("read the configuration: %w", err)
		}
	}
	return "", nil
}

// loadConfig reads file over the defaults; "" is the defaults.
func loadConfig(file string) (*config, error) {
	c := defaults()
	if file == "" {
		c.dir = "."
		return &c, nil
	}
	src, err := readConfig(file)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	c.file, c.dir = file, filepath.Dir(file)
	c.PagerDuty.EventsURL, c.PagerDuty.APIURL = "", "" // by the region
	doc, err := strictyaml.Decode(file, src, &c)
	if err != nil {
		return nil, err
	}
	c.doc = doc
	for i, f := range c.Chaos.Processes {
		if f.PIDFile != "" {
			c.Chaos.Processes[i].PIDFile = absolute(c.path(f.PIDFile)) // its runner may be elsewhere
		}
	}
	if c.Policy.node != nil {
		c.Policy.inline = strictyaml.Cut(src, c.Policy.node)
	}
	if err := c.PagerDuty.settle(doc); err != nil {
		return nil, err
	}
	for name, p := range c.People {
		if p.Email != "" && !isAddress(p.Email) {
			return nil, doc.Errorf("people."+name+".email", "%q is not an e-mail address", p.Email)
		}
	}
	for path, raw := range map[string]string{
		"prometheus.url": c.Prometheus.URL, "grafana.url": c.Grafana.URL, "pagerduty.events_url": c.PagerDuty.EventsURL, "pagerduty.api_url": c.PagerDuty.APIURL,
		"slack.api_url": c.Slack.APIURL, "github.api_url": c.GitHub.APIURL, "gitlab.api_url": c.GitLab.APIURL, "chaos.targets": c.Chaos.Targets,
	} {
		if err := checkURL(raw); raw != "" && err != nil {
			return nil, doc.Errorf(path, "%v", err)
		}
	}
	if name := c.PagerDuty.Changes.SendTo; name != "" && c.PagerDuty.RoutingKeys[name] == "" {
		return nil, doc.Errorf("pagerduty.changes.send_to", "pagerduty.routing_keys has no %q", name)
	}
	if c.PagerDuty.Changes.Receive && c.PagerDuty.APIToken == "" {
		return nil, doc.Errorf("pagerduty.changes.receive", "pagerduty.api_token is needed to receive changes")
	}
	if err := errors.Join(c.checkSources(), c.checkEmbedded(), c.checkSlack(), c.checkSinks(), c.checkLinks(), c.checkChaos(), c.checkLoadHosts(), c.checkServices(), c.Redact.check(&c), c.checkTrackers()); err != nil {
		return nil, err
	}
	if err := errors.Join(c.Manager.check(doc), c.Alerts.check(doc)); err != nil {
		return nil, err
	}
	if err := c.Evidence.check(); err != nil {
		return nil, doc.Errorf("evidence", "%v", err)
	}
	if !strings.HasSuffix(c.Slack.APIURL, "/") {
		c.Slack.APIURL += "/"
	}
	return &c, nil
}

// openNow opens a file, and does not wait for whoever may write into a pipe one
// day: no signal would end that.
func openNow(file string) (*os.File, error) {
	return os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// readConfig reads a file, and no more of it than could be a configuration.
func readConfig(file string) (_ []byte, err error) {
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a directory; give a file such as %s", file, filepath.Join(file, "sitrep.yaml"))
	}
	f, err := openNow(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, strictyaml.MaxSize+1))
}

func checkURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is not a URL such as http://127.0.0.1:9090", strictyaml.Hide(raw))
	}
	if u.User != nil {
		return errors.New("a user or password does not belong into a URL: use the keys user, password or bearer")
	}
	return nil
}

// path is a path of the configuration as the process can open it.
func (c *config) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.dir, p)
}

// files expands the globs of a section, relative to the configuration, sorted;
// a pattern without wildcards must exist.
func (c *config) files(section string, patterns []string) ([]string, error) {
	var all []string
	ending := ".yaml"
	if section == "runbooks" {
		ending = ".md"
	}
	for i, p := range patterns {
		found, err := c.glob(p, ending)
		if err != nil {
			return nil, c.doc.Errorf(fmt.Sprintf("%s[%d]", section, i), "%s: %v", section, err)
		}
		all = append(all, found...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func (c *config) glob(pattern, ending string) ([]string, error) {
	p := c.path(pattern)
	found, err := filepath.Glob(p)
	if err != nil {
		return nil, fmt.Errorf("%q is not a file pattern: a [ is not closed, or a \\ ends it", pattern)
	}
	if len(found) == 0 && !strings.ContainsAny(p, "*?[") {
		return nil, fmt.Errorf("there is no file %s", p)
	}
	for _, f := range found {
		if err := regular(f, ending); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// regular refuses what is there but is no file; ending is that of the files that
// were meant.
func regular(file, ending string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is a link to a file that is not there", file)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a directory; for the files in it write %s", file, filepath.Join(file, "*"+ending))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file but a device, a pipe or a socket", file)
	}
	return nil
}

// pagerdutyAPI is PagerDuty's REST API; nil without a token.
func (c *config) pagerdutyAPI() *pagerduty.API {
	if c.PagerDuty.APIToken == "" {
		return nil
	}
	return pagerduty.NewAPI(c.PagerDuty.APIURL, func(ctx context.Context) (string, error) { return c.PagerDuty.APIToken.read(ctx, c.dir) }, nil)
}
