package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/term"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// testStep is one thing that a test of a sink did, and what it saw.
type testStep struct {
	Sink    string  `json:"sink"`
	Step    string  `json:"step"`
	OK      bool    `json:"ok"`
	Unsure  bool    `json:"unsure,omitempty"` // it did not see what it looked for, which is no failure
	Seconds float64 `json:"seconds"`
	Detail  string  `json:"detail"`
}

// sinkTest walks a test page through one sink, by the sender that real pages
// take. Nothing of it is stored.
type sinkTest struct {
	config  *config
	sender  escalation.Sender
	message escalation.Message
	inc     incident.Incident
	public  bool // a status page may be written on
	who     []incident.Person
	lag     time.Duration
	steps   []testStep
}

// testTimeout is how long one step may take, as in the engine.
const testTimeout = 10 * time.Second

// sendTests tries sinks, those of the policy if none is named, and prints what it
// saw. The error, with the exit code 5, is that a sink did not take it.
func (a *app) sendTests(ctx context.Context, sinks []string, wish testWish) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	policy, err := a.policy()
	if err != nil {
		return err
	}
	known := policy.Sinks()
	if wish.gameDay {
		known = drillSinks(policy)
	}
	for _, s := range sinks {
		if !slices.Contains(known, s) {
			return usage("%s is not a sink of the policy; it has %s", s, strings.Join(known, ", "))
		}
	}
	if len(sinks) == 0 {
		sinks = known
	}
	if len(sinks) == 0 {
		return errors.New("the policy names no sinks: there is nothing to try")
	}
	if err := a.confirmTests(sinks); err != nil {
		return err
	}
	if wish.phone != "" {
		c = c.withPhone(wish.phone)
	}
	senders := a.senders(c, nil) // a test says nothing of any incident
	var all []testStep
	failed := 0
	for _, sink := range sinks {
		t := newSinkTest(c, sink, senders, wish.public)
		t.who = calledBy(policy, sink, wish.gameDay)
		if wish.phone != "" {
			t.who = []incident.Person{testPerson}
		}
		if !t.run(ctx) {
			failed++
		}
		all = append(all, t.steps...)
		if !a.flags.json {
			if err := a.printSteps(t.steps); err != nil {
				return err
			}
		}
	}
	if a.flags.json {
		if err := a.print(all); err != nil {
			return err
		}
	}
	if failed > 0 {
		return withCode(exitInconclusive, fmt.Errorf("%d of %d sinks did not take the test", failed, len(sinks)))
	}
	return nil
}

// testWish is what a person wants of a test beside its sinks.
type testWish struct {
	public  bool   // status pages are written on
	gameDay bool   // the sinks of drills
	phone   string // that is called; empty is those of the policy's people
}

// testPerson stands for whoever has the number that a person gave.
const testPerson incident.Person = "sitrep doctor"

// withPhone is the configuration with a number for testPerson.
func (c *config) withPhone(number string) *config {
	with := *c
	with.People = maps.Clone(c.People)
	if with.People == nil {
		with.People = map[string]personConfig{}
	}
	with.People[string(testPerson)] = personConfig{Phone: number}
	return &with
}

// calledBy is everybody whom a level names that calls through sink.
func calledBy(p escalation.Policy, sink string, drill bool) (who []incident.Person) {
	rules := p.For(incident.Incident{Drill: drill})
	for _, sev := range incident.Severities() {
		for _, rung := range rules.Ladder(sev) {
			if !slices.Contains(rung.Notify, sink) {
				continue
			}
			for _, person := range rung.Who {
				if !slices.Contains(who, person) {
					who = append(who, person)
				}
			}
		}
	}
	return who
}

// drillSinks is whom a drill calls and tells.
func drillSinks(p escalation.Policy) []string {
	rules := p.For(incident.Incident{Drill: true})
	all := rules.PageSinks()
	for _, sev := range incident.Severities() {
		all = append(all, rules.AudienceSinks(sev)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// confirmTests asks before people are woken for nothing.
func (a *app) confirmTests(sinks []string) error {
	const word = "send-test"
	if a.flags.confirm == word {
		return nil
	}
	if a.stdin == nil || !term.IsTerminal(int(a.stdin.Fd())) {
		return withCode(exitRefused, fmt.Errorf("a test wakes people at %s: say --confirm %s", strings.Join(sinks, ", "), word))
	}
	fmt.Fprintf(a.stderr, "This sends a test, marked [TEST], to %s.\nWhoever is on call there is woken. Send it? [y/N] ", sanitise(strings.Join(sinks, ", ")))
	answer, err := bufio.NewReader(a.stdin).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); err != nil || answer != "y" && answer != "yes" {
		return withCode(exitRefused, errors.New("nothing was sent"))
	}
	return nil
}

func (a *app) printSteps(steps []testStep) error {
	rows := [][]string{{steps[0].Sink}}
	for _, s := range steps {
		state := "ok"
		switch {
		case !s.OK:
			state = "FAILED"
		case s.Unsure:
			state = "?"
		}
		rows = append(rows, []string{"  " + s.Step, state, brief(time.Duration(s.Seconds*float64(time.Second)), true), s.Detail})
	}
	return table(a.stdout, rows)
}

func newSinkTest(c *config, sink string, senders map[string]escalation.Sender, public bool) *sinkTest {
	now := time.Now()
	id := ulid.Make().String()
	t := &sinkTest{config: c, public: public, lag: escalation.DefaultTiming().HistoryLag}
	t.inc = incident.Incident{
		ID: "INC-0", Key: id, Title: "[TEST] sitrep doctor tries the way to " + sink + "; nothing has happened", Severity: incident.Sev1,
		Status: incident.StatusOpen, Clocks: incident.Clocks{Declared: now},
	}
	t.message = escalation.Message{
		ID: id, Incident: t.inc.ID, Stream: sink + "/" + id, Sink: sink, Level: "L1", Round: 1, DedupKey: "sitrep/test/" + id,
		QueuedAt: now, FirstTryAt: now, LastTryAt: now,
	}
	t.sender = senders[t.message.Kind()]
	return t
}

// run does all steps, and says whether the sink has taken everything.
func (t *sinkTest) run(ctx context.Context) bool {
	if t.sender == nil {
		return t.step("send", func() (string, error) {
			return "", fmt.Errorf("this sitrep has no way to reach a sink of kind %q", t.message.Kind())
		})
	}
	if !t.step("read secrets", func() (string, error) { return t.secrets(ctx) }) {
		return false
	}
	switch t.message.Kind() {
	case "slack":
		return t.slack(ctx)
	case "statuspage":
		return t.statuspage(ctx)
	case "pagerduty":
		if !t.send(ctx, "trigger", escalation.OpTrigger, "accepted; look at your phone") {
			return false
		}
		t.lookUp(ctx)
	default:
		if !t.send(ctx, "trigger", escalation.OpTrigger, map[string]string{"webhook": "answered 2xx", "command": "exit status 0"}[t.message.Kind()]) {
			return false
		}
		if t.message.Kind() == "command" && !slices.ContainsFunc(t.who, func(p incident.Person) bool { return t.config.phone(p) != "" }) {
			t.step("proof", func() (string, error) {
				return "not proven: SITREP_PHONES was empty, so a script for telephones had nobody to call; name who: in the policy with people.NAME.phone, or give --phone NUMBER", nil
			})
			t.steps[len(t.steps)-1].Unsure = true
		}
	}
	t.inc.Status, t.inc.Resolution = incident.StatusResolved, "the test is over"
	return t.send(ctx, "resolve", escalation.OpResolve, "accepted")
}

// step does one thing and notes what it saw.
func (t *sinkTest) step(name string, do func() (string, error)) bool {
	began := time.Now()
	detail, err := do()
	s := testStep{Sink: t.message.Sink, Step: name, OK: err == nil, Seconds: time.Since(began).Seconds(), Detail: detail}
	if err != nil {
		s.Detail = err.Error()
	}
	t.steps = append(t.steps, s)
	return s.OK
}

// send takes the message through the sender; fine is what a yes means.
func (t *sinkTest) send(ctx context.Context, name string, op escalation.Operation, fine string) bool {
	return t.step(name, func() (string, error) {
		_, err := t.offer(ctx, op, "")
		return fine, err
	})
}

// offer is one attempt of an operation. The text is for chats and status pages.
func (t *sinkTest) offer(ctx context.Context, op escalation.Operation, text string) (escalation.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	m := t.message
	content := escalation.Content{Who: t.who, Reason: "test", Page: escalation.PageCritical, Text: text, Test: true}
	switch op {
	case escalation.OpSweep:
		content.Sweeps, content.SweepRef, content.TriedAt = m.ID, m.Parent, m.FirstTryAt
	case escalation.OpPost, escalation.OpUpdate, escalation.OpAnnounce:
		content.Page = ""
	}
	m.Operation, m.Payload = op, incident.Payload(content)
	o := t.sender.Send(ctx, m, t.inc)
	if o.Class == escalation.Done {
		return o, nil
	}
	return o, fmt.Errorf("%s: %w", o.Class, o.Err)
}

// secrets reads what the sink needs, and says nothing of it.
func (t *sinkTest) secrets(ctx context.Context) (string, error) {
	c, name := t.config, t.message.Target()
	var err error
	switch t.message.Kind() {
	case "pagerduty":
		key, has := c.PagerDuty.RoutingKeys[name]
		if !has {
			return "", fmt.Errorf("the configuration has no pagerduty.routing_keys.%s", name)
		}
		_, err = key.read(ctx, c.dir)
	case "slack":
		if c.Slack.BotToken == "" {
			return "", errors.New("the configuration has no slack.bot_token")
		}
		_, err = c.Slack.BotToken.read(ctx, c.dir)
	case "webhook":
		target, readErr := c.webhookTarget(ctx, name)
		if readErr == nil && target.Secret == "" {
			return "read; requests are not signed: webhooks." + name + " has no secret", nil
		}
		err = readErr
	case "command":
		_, err = c.commandTarget(ctx, name)
	case "statuspage":
		_, err = c.statusPage(ctx, name)
	}
	return "read", err
}

// lookUp asks PagerDuty for the incident of the page, if there is a token. That it
// is not found is no failure: to be told of it is what the page is for.
func (t *sinkTest) lookUp(ctx context.Context) {
	if t.config.PagerDuty.APIToken == "" {
		return
	}
	seen := false
	t.step("look up", func() (string, error) {
		what, err := t.find(ctx)
		if err != nil {
			return fmt.Sprintf("not seen (%v)", err), nil
		}
		seen = true
		return what, nil
	})
	t.steps[len(t.steps)-1].Unsure = !seen
}

func (t *sinkTest) find(ctx context.Context) (string, error) {
	c := t.config
	token, err := c.PagerDuty.APIToken.read(ctx, c.dir)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: escalation.NewTransport(), Timeout: testTimeout}
	defer client.CloseIdleConnections()
	for range 3 {
		x := &escalation.Exchange{Sink: "pagerduty.api_url", Client: client, Secrets: []string{token}}
		var got struct {
			Incidents []struct {
				Number int `json:"incident_number"`
				Status string
			}
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(c.PagerDuty.APIURL, "/")+"/incidents?"+url.Values{"incident_key": {t.message.DedupKey}}.Encode(), nil)
		if err != nil {
			return "", err
		}
		req.Header.Set("Authorization", "Token token="+token)
		req.Header.Set("Accept", "application/vnd.pagerduty+json;version=2")
		if resp, err := x.Do(req); err == nil {
			_ = resp.Body.Close()
		}
		if o, refused := x.Refused("", "check pagerduty.api_token"); refused {
			return "", o.Err
		}
		if json.Unmarshal(x.Body, &got) != nil {
			return "", x.Errorf("it did not answer as the REST API does")
		}
		if len(got.Incidents) > 0 {
			return fmt.Sprintf("found as incident #%d, %s", got.Incidents[0].Number, got.Incidents[0].Status), nil
		}
		if err := wait(ctx, t.lag); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("no incident of the key %s yet", t.message.DedupKey)
}

// neededScopes are what the Slack app cannot do without, and what it should have.
var neededScopes = []string{"chat:write", "channels:history", "channels:read"}

// slack posts, finds the post as an attempt would whose answer was lost, and marks
// it as over.
func (t *sinkTest) slack(ctx context.Context) bool {
	if !t.step("auth.test", func() (string, error) { return t.scopes(ctx) }) {
		return false
	}
	const text = "This is a test; nothing has happened."
	if !t.step("post", func() (string, error) {
		o, err := t.offer(ctx, escalation.OpPost, text)
		t.message.Parent = o.Ref
		return "posted", err
	}) {
		return false
	}
	posted := t.message.Parent
	found := t.step("find it in the history", func() (string, error) {
		if err := wait(ctx, t.lag); err != nil {
			return "", err
		}
		t.message.Parent, t.message.Murky = "", true
		o, err := t.offer(ctx, escalation.OpPost, text)
		t.message.Parent, t.message.Murky = posted, false
		if err == nil && !o.Reconciled {
			_, swept := t.offer(ctx, escalation.OpSweep, "")
			err = errors.Join(errors.New("the post is not in the history: a lost answer makes a second one"), swept)
		}
		return "found by its ID", err
	})
	return t.step("update", func() (string, error) {
		_, err := t.offer(ctx, escalation.OpUpdate, "✓ [TEST] sitrep doctor: this was a test, and it is over.")
		return "marked as over", err
	}) && found
}

// scopes asks Slack whose token it is and what that may do.
func (t *sinkTest) scopes(ctx context.Context) (string, error) {
	c := t.config
	token, err := c.Slack.BotToken.read(ctx, c.dir)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: escalation.NewTransport(), Timeout: testTimeout}
	defer client.CloseIdleConnections()
	x := &escalation.Exchange{Sink: t.message.Sink, Client: client, Secrets: []string{token}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Slack.APIURL+"auth.test", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	granted := ""
	if resp, err := x.Do(req); err == nil {
		granted = resp.Header.Get("X-OAuth-Scopes")
		_ = resp.Body.Close()
	}
	if o, refused := x.Refused("", "check slack.bot_token"); refused {
		return "", o.Err
	}
	var said struct {
		OK                bool
		Error, Team, User string
	}
	if json.Unmarshal(x.Body, &said) != nil {
		return "", x.Errorf("it did not answer as the Web API does: check slack.api_url")
	}
	if !said.OK {
		return "", x.Errorf("%s: check slack.bot_token", said.Error)
	}
	who := fmt.Sprintf("%s in %s", said.User, said.Team)
	if granted == "" {
		return who + "; it does not say which scopes the token has", nil
	}
	var missing []string
	for _, scope := range neededScopes {
		if !slices.Contains(strings.FieldsFunc(granted, func(r rune) bool { return r == ',' || r == ' ' }), scope) {
			missing = append(missing, scope)
		}
	}
	if len(missing) > 0 {
		return "", x.Errorf("%s lacks the scopes %s: add them and install the app again", who, strings.Join(missing, ", "))
	}
	return who + ", with all scopes that are needed", nil
}

// statuspage looks at the page, and writes on it only if that was asked for: the
// public reads it.
func (t *sinkTest) statuspage(ctx context.Context) bool {
	if !t.step("look at the page", func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, testTimeout)
		defer cancel()
		title, o := t.config.statuspage().Look(ctx, t.message.Target())
		if o.Class != escalation.Done {
			return "", fmt.Errorf("%s: %w", o.Class, o.Err)
		}
		return title + "; nothing was written on it (--statuspage-test does)", nil
	}) || !t.public {
		return t.steps[len(t.steps)-1].OK
	}
	if !t.step("create", func() (string, error) {
		o, err := t.offer(ctx, escalation.OpAnnounce, "[TEST] This is a test. Nothing has happened.")
		t.message.Parent = o.Ref
		return "an incident is open on the page, without e-mails to its subscribers", err
	}) {
		return false
	}
	t.inc.Status = incident.StatusResolved
	return t.step("resolve", func() (string, error) {
		_, err := t.offer(ctx, escalation.OpResolve, "[TEST] The test is over.")
		return "resolved; it stays in the page's history until somebody deletes it", err
	})
}

// wait is a pause that ends with ctx.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
