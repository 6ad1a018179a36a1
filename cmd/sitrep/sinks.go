package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/command"
	"github.com/sitrep-dev/sitrep/escalation/statuspage"
	"github.com/sitrep-dev/sitrep/escalation/webhook"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// The sinks of somebody's own, by the names that the policy knows them by:
// webhook:NAME, command:NAME and statuspage:NAME. docs/sinks.md describes them.
type (
	webhookConfig struct {
		URL         setting            `yaml:"url"`
		Secret      secret             `yaml:"secret"` // that signs
		Bearer      secret             `yaml:"bearer"`
		User        string             `yaml:"user"`
		Password    secret             `yaml:"password"`
		Headers     map[string]setting `yaml:"headers"`
		ContentType string             `yaml:"content_type"`
		Body        string             `yaml:"body"` // a template over escalation.Notice; empty is the notice itself

		body *webhook.Body
	}

	commandConfig struct {
		Argv    []string            `yaml:"argv"`
		Timeout strictyaml.Duration `yaml:"timeout"`
		Env     map[string]setting  `yaml:"env"`
	}

	statuspageConfig struct {
		APIURL   string                   `yaml:"api_url"`
		PageID   string                   `yaml:"page_id"`
		Token    secret                   `yaml:"token"`
		Title    string                   `yaml:"title"`
		Resolved string                   `yaml:"resolved"`
		Services map[string]publicService `yaml:"services"` // by the name that incidents know them by
		Deliver  *bool                    `yaml:"deliver_notifications"`
	}

	publicService struct {
		Title      string   `yaml:"title"`
		Components []string `yaml:"components"`
	}
)

// setting is a value that may be a secret: if it has the form of a reference to
// one it is read when it is needed, else it is what it says.
type setting string

func (s setting) secret() bool {
	kind, rest, _ := strings.Cut(string(s), ":")
	return rest != "" && (kind == "env" || kind == "file" || kind == "cmd")
}

func (s setting) read(ctx context.Context, dir string) (string, error) {
	if s.secret() {
		return secret(s).read(ctx, dir)
	}
	return string(s), nil
}

var (
	sinkName   = regexp.MustCompile(`^[^\s:]+$`) // what a policy can name
	headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	varName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// What sounds like a secret has to be one.
	secretName = regexp.MustCompile(`(?i)token|key|secret|passw|bearer|credential|authori[sz]ation|cookie`)
)

// checkSinks looks at what can be wrong with the sinks before a message meets it.
func (c *config) checkSinks() error {
	for _, name := range slices.Sorted(maps.Keys(c.Webhooks)) {
		w := c.Webhooks[name]
		if err := c.checkWebhook("webhooks."+name, name, &w); err != nil {
			return err
		}
		c.Webhooks[name] = w
	}
	for _, name := range slices.Sorted(maps.Keys(c.Commands)) {
		if err := c.checkCommand("commands."+name, name, c.Commands[name]); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Statuspages)) {
		p := c.Statuspages[name]
		if err := c.checkStatuspage("statuspages."+name, name, &p); err != nil {
			return err
		}
		c.Statuspages[name] = p
	}
	return nil
}

func (c *config) checkStatuspage(path, name string, p *statuspageConfig) error {
	if err := c.checkSinkName(path, name); err != nil {
		return err
	}
	if p.PageID == "" || p.Token == "" {
		return c.doc.Errorf(path, "a status page needs page_id and token, such as {page_id: kctbh9vrtdwd, token: env:STATUSPAGE_TOKEN}")
	}
	if p.APIURL == "" {
		p.APIURL = "https://api.statuspage.io"
	}
	if err := checkURL(p.APIURL); err != nil {
		return c.doc.Errorf(path+".api_url", "%v", err)
	}
	return nil
}

func (c *config) checkWebhook(path, name string, w *webhookConfig) error {
	if err := c.checkSinkName(path, name); err != nil {
		return err
	}
	if err := checkURL(string(w.URL)); w.URL == "" || !w.URL.secret() && err != nil {
		return c.doc.Errorf(path+".url", "a webhook needs a url, such as https://ntfy.example.com/ or env:HOOK_URL for one that is secret")
	}
	if (w.User != "" || w.Password != "") && w.Bearer != "" {
		return c.doc.Errorf(path+".bearer", "either bearer, or user and password")
	}
	for _, header := range slices.Sorted(maps.Keys(w.Headers)) {
		if !headerName.MatchString(header) || strings.ContainsAny(string(w.Headers[header]), "\r\n\x00") {
			return c.doc.Errorf(path+".headers", "%q cannot be a header of a request", header)
		}
		if err := c.checkSetting(path+".headers", header, w.Headers[header]); err != nil {
			return err
		}
	}
	if w.ContentType == "" {
		w.ContentType = "application/json"
	}
	if w.Body == "" {
		return nil
	}
	var err error
	if w.body, err = webhook.ParseBody(w.Body, w.ContentType); err != nil {
		return c.doc.Errorf(path+".body", "%v", err)
	}
	return nil
}

func (c *config) checkCommand(path, name string, cmd commandConfig) error {
	if err := c.checkSinkName(path, name); err != nil {
		return err
	}
	if len(cmd.Argv) == 0 || cmd.Argv[0] == "" {
		return c.doc.Errorf(path, "a command needs argv: the program and its arguments, such as [./sms.sh, --team, sre]; no shell reads them")
	}
	if t := cmd.Timeout.D(); t != 0 && (t < 100*time.Millisecond || t > command.DefaultTimeout) {
		return c.doc.Errorf(path+".timeout", "timeout is %s; it can be 100ms to %s", cmd.Timeout, strictyaml.Duration(command.DefaultTimeout))
	}
	for _, v := range slices.Sorted(maps.Keys(cmd.Env)) {
		if !varName.MatchString(v) || strings.HasPrefix(v, "SITREP_") || strings.Contains(string(cmd.Env[v]), "\x00") {
			return c.doc.Errorf(path+".env", "%q cannot be a variable of a command; SITREP_* are sitrep's own", v)
		}
		if err := c.checkSetting(path+".env", v, cmd.Env[v]); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) checkSinkName(path, name string) error {
	if !sinkName.MatchString(name) {
		return c.doc.Errorf(path, "%q cannot be the name of a sink: no spaces, no colons", name)
	}
	return nil
}

// checkSetting refuses a secret that is written out, without repeating it.
func (c *config) checkSetting(path, name string, s setting) error {
	if !secretName.MatchString(name) || s == "" || s.secret() {
		return nil
	}
	err := c.doc.Errorf(path+"."+name, "%s sounds like a secret: %s", name, secretHelp)
	var at *strictyaml.Error
	if errors.As(err, &at) {
		at.Excerpt = ""
	}
	return err
}

// webhook is the way to addresses of somebody's own.
func (c *config) webhook() *webhook.Sender {
	return webhook.New(webhook.Config{Target: c.webhookTarget, Phone: c.phone})
}

func (c *config) webhookTarget(ctx context.Context, name string) (t webhook.Target, err error) {
	w, ok := c.Webhooks[name]
	if !ok {
		return t, fmt.Errorf("the configuration has no webhooks.%s", name)
	}
	t = webhook.Target{URLIsSecret: w.URL.secret(), User: w.User, Headers: map[string]string{}, ContentType: w.ContentType, Body: w.body}
	if t.URL, err = w.URL.read(ctx, c.dir); err != nil {
		return t, err
	}
	if err := checkURL(t.URL); err != nil {
		return t, fmt.Errorf("webhooks.%s.url is not a URL", name)
	}
	for _, one := range []struct {
		s  secret
		to *string
	}{{w.Secret, &t.Secret}, {w.Bearer, &t.Bearer}, {w.Password, &t.Password}} {
		if one.s == "" {
			continue
		}
		if *one.to, err = one.s.read(ctx, c.dir); err != nil {
			return t, err
		}
	}
	t.Headers, t.Hidden, err = c.readAll(ctx, w.Headers)
	return t, err
}

// command is the way to programs of somebody's own.
func (c *config) command() *command.Sender {
	return command.New(command.Config{Target: c.commandTarget, Phone: c.phone})
}

func (c *config) commandTarget(ctx context.Context, name string) (t command.Target, err error) {
	cmd, ok := c.Commands[name]
	if !ok {
		return t, fmt.Errorf("the configuration has no commands.%s", name)
	}
	t = command.Target{Argv: slices.Clone(cmd.Argv), Timeout: cmd.Timeout.D()}
	if t.Dir, err = filepath.Abs(c.dir); err != nil {
		return t, err
	}
	t.Argv[0] = program(t.Dir, t.Argv[0])
	t.Env, t.Hidden, err = c.readAll(ctx, cmd.Env)
	return t, err
}

// program is the file that a command runs: a path is relative to the configuration
// in dir, which is absolute; a bare name is looked for in PATH.
func program(dir, argv0 string) string {
	if strings.ContainsRune(argv0, filepath.Separator) && !filepath.IsAbs(argv0) {
		return filepath.Join(dir, argv0)
	}
	return argv0
}

// statuspage is the way to public status pages.
func (c *config) statuspage() *statuspage.Sender {
	return statuspage.New(statuspage.Config{Page: c.statusPage})
}

func (c *config) statusPage(ctx context.Context, name string) (page statuspage.Page, err error) {
	p, ok := c.Statuspages[name]
	if !ok {
		return page, fmt.Errorf("the configuration has no statuspages.%s", name)
	}
	page = statuspage.Page{
		APIURL: p.APIURL, ID: p.PageID, Title: p.Title, Resolved: p.Resolved, Silent: p.Deliver != nil && !*p.Deliver,
		Services: map[string]statuspage.Service{},
	}
	for service, public := range p.Services {
		page.Services[service] = statuspage.Service(public)
	}
	page.Token, err = p.Token.read(ctx, c.dir)
	return page, err
}

// readAll reads settings, and says which values are secret.
func (c *config) readAll(ctx context.Context, all map[string]setting) (values map[string]string, hidden []string, err error) {
	values = map[string]string{}
	for name, s := range all {
		if values[name], err = s.read(ctx, c.dir); err != nil {
			return values, hidden, err
		}
		if s.secret() {
			hidden = append(hidden, values[name])
		}
	}
	return values, hidden, nil
}

// phone is the telephone number of a person, empty if there is none.
func (c *config) phone(p incident.Person) string { return c.People[string(p)].Phone }

// missing is the keys that a policy wants and the configuration has not, by kind
// of sink.
func (c *config) missing(p escalation.Policy) map[string]string {
	missing := map[string]string{}
	for _, sink := range p.Sinks() {
		kind, _, _ := strings.Cut(sink, ":")
		if key := c.lacks(sink); key != "" && !slices.Contains(strings.Split(missing[kind], ", "), key) {
			missing[kind] = join(missing[kind], key)
		}
	}
	return missing
}

// lacks is the key of the configuration without which a sink reaches nobody; empty if it
// is there.
func (c *config) lacks(sink string) string {
	kind, name, _ := strings.Cut(sink, ":")
	key, has := "", true
	switch kind {
	case "pagerduty":
		key, has = "pagerduty.routing_keys."+name, c.PagerDuty.RoutingKeys[name] != ""
	case "slack":
		key, has = "slack.bot_token", c.Slack.BotToken != ""
	case "webhook":
		_, has = c.Webhooks[name]
		key = "webhooks." + name
	case "command":
		_, has = c.Commands[name]
		key = "commands." + name
	case "statuspage":
		_, has = c.Statuspages[name]
		key = "statuspages." + name
	}
	if has {
		return ""
	}
	return key
}

// sinkSecrets are the secrets of the sinks of somebody's own, by their place in
// the configuration.
func (c *config) sinkSecrets() map[string]secret {
	all := map[string]secret{}
	add := func(place string, s setting) {
		if s.secret() {
			all[place] = secret(s)
		}
	}
	for name, w := range c.Webhooks {
		place := "webhooks." + name + "."
		add(place+"url", w.URL)
		add(place+"secret", setting(w.Secret))
		add(place+"bearer", setting(w.Bearer))
		add(place+"password", setting(w.Password))
		for header, s := range w.Headers {
			add(place+"headers."+header, s)
		}
	}
	for name, cmd := range c.Commands {
		for v, s := range cmd.Env {
			add("commands."+name+".env."+v, s)
		}
	}
	for name, p := range c.Statuspages {
		add("statuspages."+name+".token", setting(p.Token))
	}
	return all
}

// examineCommands says which programs cannot be found.
func (c *config) examineCommands() (found []finding) {
	for _, name := range slices.Sorted(maps.Keys(c.Commands)) {
		what := "commands." + name
		cmd := c.Commands[name]
		var path string
		dir, err := filepath.Abs(c.dir) // as delivery does
		if err == nil {
			path, err = exec.LookPath(program(dir, cmd.Argv[0]))
		}
		if err != nil {
			err = fmt.Errorf("%s cannot be run; put it there, executable, or write its whole path [%w]", cmd.Argv[0], err)
		}
		found = append(found, check(what, path, err))
	}
	return found
}
