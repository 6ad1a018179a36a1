package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui"
)

// finding is one line of the doctor's.
type finding struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

func (a *app) doctorCommand() *cobra.Command {
	var send, public, gameDay bool
	var phone string
	c := &cobra.Command{
		Use: "doctor [SINK...]", Short: "look at terminal, configuration, store, Prometheus and secrets, and say what is wrong", Args: cobra.ArbitraryArgs,
		Long: "Looks at everything that the configuration names, and changes nothing. With --send-test it walks a test page, marked [TEST],\n" +
			"through every sink that the policy names, or through those that are given, and says what it saw. That wakes people: it asks\n" +
			"first, or wants --confirm send-test. A public status page is only looked at, unless --statuspage-test. Nothing is stored.",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case send:
				return a.sendTests(cmd.Context(), args, testWish{public, gameDay, phone})
			case len(args) > 0 || public || gameDay || phone != "":
				return usage("sinks are only tried with --send-test")
			}
			found := a.examine(cmd.Context())
			if err := a.printFindings(found); err != nil {
				return err
			}
			bad := 0
			for _, f := range found {
				if !f.OK {
					bad++
				}
			}
			if bad > 0 {
				return withCode(exitNotHeld, fmt.Errorf("%d of %d checks did not hold", bad, len(found)))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&send, "send-test", false, "walk a test page through every sink of the policy, or through the given ones: it wakes people")
	c.Flags().BoolVar(&public, "statuspage-test", false, "with --send-test: also write on public status pages")
	c.Flags().StringVar(&phone, "phone", "", "with --send-test: the telephone `number` that commands and webhooks are given, instead of those of the policy's people")
	c.Flags().BoolVar(&gameDay, "game-day", false, "with --send-test: the sinks that a drill calls and tells, instead of the policy's")
	return c
}

func (a *app) printFindings(found []finding) error {
	if a.flags.json {
		return a.print(found)
	}
	rows := [][]string{}
	for _, f := range found {
		state := "ok"
		if !f.OK {
			state = "WRONG"
		}
		rows = append(rows, []string{f.What, state, f.Detail})
	}
	return table(a.stdout, rows)
}

// check makes a finding of an error, or of what is right.
func check(what, fine string, err error) finding {
	if err != nil {
		return finding{what, false, withoutExcerpt(err)}
	}
	return finding{what, true, fine}
}

// inPlainWords is an error of the kernel or of a program as a finding tells it: what is
// missing and what to do first, so that a narrow terminal cuts only its own words.
func inPlainWords(err error) error {
	var exit *exec.ExitError
	var file *fs.PathError
	named := errors.As(err, &file)
	switch {
	case errors.As(err, &exit):
		return fmt.Errorf("a command failed; run it by hand to see why [%w]", err)
	case named && errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("this user may not %s %s; run sitrep as one who may, or change its mode [%w]", file.Op, file.Path, err)
	case named && errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s; make it, or name another [%w]", file.Path, err)
	}
	return err
}

// withoutExcerpt is an error without the lines of a file that it shows: a finding has one.
func withoutExcerpt(err error) string {
	text := err.Error()
	if e := (*strictyaml.Error)(nil); errors.As(err, &e) && e.Excerpt != "" {
		text = strings.TrimRight(strings.ReplaceAll(text, e.Excerpt, ""), "\n")
	}
	return text
}

func (a *app) examine(ctx context.Context) []finding {
	found := []finding{a.examineTerminal()}
	c, err := a.config()
	found = append(found, check("configuration", "defaults: there is no file", err))
	if err != nil {
		return found
	}
	if c.file != "" {
		found[len(found)-1].Detail = c.file
	}
	found = append(found, a.examineFiles(c)...)
	found = append(found, check("ui and daemon", "as configured", c.settings()))
	db, err := a.open(ctx)
	found = append(found, check("store", "", err))
	if err == nil {
		sharing, err := db.Sharing()
		found[len(found)-1] = check("store", db.Path()+", "+sharing, err)
		found = append(found, examineLadder(ctx, db))
		found = append(found, a.examineDelivery(ctx, db)...)
		_ = db.Close()
	}
	found = append(found, examineLogout(), a.examinePrometheus(ctx, "prometheus", ""))
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		found = append(found, a.examinePrometheus(ctx, "sources."+name, name))
	}
	found = append(append(found, a.examineManager(ctx)...), c.examineWebhook(ctx)...)
	found = append(append(found, c.examineSecrets(ctx)...), c.examineCommands()...)
	if api := c.pagerdutyAPI(); api != nil {
		found = append(found, c.examinePagerDuty(ctx, api))
	}
	return append(found, examineChaos(), a.examineFaults(ctx))
}

// examineTerminal looks at the terminal, if there is one: cron and pipes have none.
func (a *app) examineTerminal() finding {
	if !isTerminal(a.stdout) {
		return check("terminal", "standard output is not a terminal: not checked", nil)
	}
	return check("terminal", os.Getenv("TERM"), tui.Usable())
}

// examineFiles reads every file that the configuration names.
func (a *app) examineFiles(c *config) []finding {
	policy, err := a.policy()
	found := []finding{check("policy", "calls "+strings.Join(policy.Sinks(), ", "), cmp.Or(err, c.silent(policy)))}
	if err == nil && c.onlyChaos() {
		found[0] = check("policy", "nobody is named who could be called, only what chaos may hurt: not checked", nil)
	}
	boards, err := a.boards()
	found = append(found, check("boards", fmt.Sprint(len(boards)), err))
	runbooks, err := a.runbooks()
	found = append(found, check("runbooks", fmt.Sprint(len(runbooks)), err))
	checks, err := a.checks()
	if err != nil {
		found = append(found, check("checks", "", err))
	} else {
		found = append(found, examineChecks(checks, policy)...)
	}
	objectives, err := a.objectives()
	found = append(found, check("objectives", fmt.Sprint(len(objectives)), err), a.examineCapacity())
	ready, err := a.prepared()
	if len(ready.broken) > 0 && err == nil {
		err = ready.broken[0].err
		if n := len(ready.broken) - 1; n > 0 {
			err = fmt.Errorf("%w; sitrep chaos list names %d more", err, n)
		}
	}
	for _, e := range ready.experiments {
		err = cmp.Or(err, e.checked())
	}
	days, wrong, _, gerr := a.gamedays()
	if len(wrong) > 0 && gerr == nil {
		gerr = wrong[0].err
	}
	return append(found, check("experiments and plans", fmt.Sprintf("%d and %d", len(ready.experiments), len(ready.plans)), err), check("game days", fmt.Sprint(len(days)), gerr))
}

// examineCapacity reads what may run out, and what it costs.
func (a *app) examineCapacity() finding {
	list, err := a.resources()
	if err != nil {
		return check("capacity and prices", "", err)
	}
	prices, err := a.prices()
	if err != nil || prices == nil {
		return check("capacity and prices", fmt.Sprintf("%d, without prices", len(list)), err)
	}
	return check("capacity and prices", fmt.Sprintf("%d, %d prices in %s", len(list), len(prices.Of), prices.Currency), priced(list, prices))
}

// onlyChaos says that the configuration is for experiments, and that nobody is to be
// called by it: it names no policy and no way out.
func (c *config) onlyChaos() bool {
	chaos := len(c.Experiments) > 0 || c.doc != nil && c.doc.Has("chaos")
	ways := len(c.PagerDuty.RoutingKeys) + len(c.Webhooks) + len(c.Commands) + len(c.Statuspages) + len(c.People)
	return chaos && ways == 0 && c.Slack.BotToken == "" && c.Policy.path == "" && len(c.Policy.inline) == 0
}

// silent says which ways out of the policy lead nowhere, for want of a key.
func (c *config) silent(p escalation.Policy) error {
	missing := c.missing(p)
	if len(missing) == 0 {
		return nil
	}
	keys := slices.Sorted(maps.Values(missing))
	return fmt.Errorf("not everything can go out: the policy wants %s, which the configuration has not", strings.Join(keys, ", "))
}

func join(list, one string) string {
	if list == "" {
		return one
	}
	return list + ", " + one
}

// settings says what of the rest of the configuration cannot work.
func (c *config) settings() error {
	_, zoneErr := c.zone()
	_, themeErr := c.theme()
	_, err := net.ResolveTCPAddr("tcp", c.Daemon.Listen)
	if err != nil {
		err = fmt.Errorf("%s: daemon.listen: %w; write for example 127.0.0.1:9096", c.file, err)
	}
	return errors.Join(zoneErr, themeErr, err)
}

// examinePrometheus asks a server of the configuration what it is, and what its
// clock says.
func (a *app) examinePrometheus(ctx context.Context, place, name string) finding {
	client, err := a.server(ctx, name)
	if err != nil {
		return check(place, "", err)
	}
	defer client.CloseIdle()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err = client.Ready(ctx)
	said := client.URL()
	if about, failed := client.About(ctx); failed == nil && about.Kind != "" {
		said = strings.TrimSpace(said + " " + about.String())
	}
	if ahead, known := client.Skew(); known && ahead.Abs() >= 2*time.Second {
		which := "ahead of"
		if ahead < 0 {
			which = "behind"
		}
		said += fmt.Sprintf(", its clock is %v %s this machine's: boards end at its now", ahead.Abs().Round(time.Second), which)
	}
	if settle, failed := client.Settle(ctx); failed == nil && settle == query.Never {
		said += ": its answers to two windows need not agree, so panels ask for all of their points"
	}
	return check(place, said, err)
}

// examinePagerDuty asks PagerDuty what the API token is, and whether it knows in whose
// name things are done.
func (c *config) examinePagerDuty(ctx context.Context, api *pagerduty.API) finding {
	const what = "PagerDuty's REST API"
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	t, err := api.Token(ctx)
	if err != nil {
		return check(what, "", err)
	}
	fine := c.PagerDuty.APIURL + " knows the token: an account's"
	if t.User.ID != "" {
		fine = fmt.Sprintf("%s knows the token: that of %s (%s)", c.PagerDuty.APIURL, sanitise(t.User.Name), orDash(sanitise(t.Role)))
	}
	if t.ReadOnly() {
		fine += ", who may look and change nothing"
	}
	if !t.Requests() {
		fine += "; its plan has no requests for responders"
	}
	if c.PagerDuty.From == "" {
		return check(what, fine, nil)
	}
	if _, err := api.UserNamed(ctx, c.PagerDuty.From); err != nil {
		return check(what, "", fmt.Errorf("pagerduty.from: %w", err))
	}
	return check(what, fine, nil)
}

// examineSecrets fetches every secret, and says nothing of any.
func (c *config) examineSecrets(ctx context.Context) []finding {
	var found []finding
	try := func(name string, s secret) {
		if s != "" {
			_, err := s.read(ctx, c.dir)
			found = append(found, check(name, "can be read", inPlainWords(err)))
		}
	}
	for name, s := range c.PagerDuty.RoutingKeys {
		try("pagerduty.routing_keys."+name, s)
	}
	try("pagerduty.api_token", c.PagerDuty.APIToken)
	try("slack.bot_token", c.Slack.BotToken)
	try("slack.app_token", c.Slack.AppToken)
	try("daemon.token", c.Daemon.Token)
	try("prometheus.bearer", c.Prometheus.Bearer)
	try("prometheus.password", c.Prometheus.Password)
	try("alertmanager.bearer", c.Manager.Bearer)
	try("alertmanager.password", c.Manager.Password)
	try("alertmanager.webhook.token", c.Manager.Webhook.Token)
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		try("sources."+name+".bearer", c.Sources[name].Bearer)
		try("sources."+name+".password", c.Sources[name].Password)
	}
	own := c.sinkSecrets()
	for _, place := range slices.Sorted(maps.Keys(own)) {
		try(place, own[place])
	}
	return found
}

// examineChaos says whether anything is left injected on this host.
func examineChaos() finding {
	dir, err := chaosDir()
	if err != nil {
		return check("chaos", "", err)
	}
	open, err := chaos.Active(dir)
	for _, r := range open {
		switch {
		case err != nil || r.Live:
		case r.Damage != "":
			err = fmt.Errorf("%s: the journal %s is damaged: sitrep chaos recover says what to look at", r.Run, r.Journal)
		default:
			err = fmt.Errorf("%s is open and its processes are dead: run sitrep chaos recover", r.Run)
		}
	}
	if text, halted := chaos.Halted(dir); halted && err == nil {
		err = fmt.Errorf("no run may start: %s (sitrep chaos halt --clear)", text)
	}
	return check("chaos", fmt.Sprintf("%d runs open", len(open)), inPlainWords(err))
}
