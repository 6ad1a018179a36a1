package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func (a *app) pagerdutyCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "pagerduty", Aliases: []string{"pd"}, Short: "the account's open incidents in PagerDuty, ours or not: look, acknowledge, note, hand over",
		Long: "Works on PagerDuty's incidents through its REST API (pagerduty.api_token), in the name of the user whose e-mail\n" +
			"people.NAME.email or pagerduty.from gives. ID is PagerDuty's, or INC-7 for all that pages of that incident opened.\n" +
			"What is done to one of ours stands on its timeline.",
	}
	group.AddCommand(
		a.inboxListCommand(), a.inboxShowCommand(),
		a.deed("ack ID...", "say that you have them; those of ours are acknowledged here too", "acknowledged in PagerDuty", func(ctx context.Context, b *inbox, by incident.By, ids, _ []string) ([]incident.ID, error) {
			return b.acknowledge(ctx, by, ids)
		}),
		a.deed("note ID TEXT", "write a note", "noted in PagerDuty", func(ctx context.Context, b *inbox, by incident.By, ids, words []string) ([]incident.ID, error) {
			return b.note(ctx, by, ids, words[0])
		}),
		a.deed("snooze ID DURATION", "keep PagerDuty's own escalation quiet for a while, 7 days at most", "snoozed in PagerDuty", func(ctx context.Context, b *inbox, by incident.By, ids, words []string) ([]incident.ID, error) {
			length, err := strictyaml.ParseDuration(words[0])
			if err != nil {
				return nil, withCode(exitUsage, err)
			}
			return b.snooze(ctx, by, ids, length)
		}),
		a.inboxEscalateCommand(),
		a.deed("reassign ID USER", "give it to somebody, by e-mail, name or what people: calls them", "reassigned in PagerDuty", func(ctx context.Context, b *inbox, by incident.By, ids, words []string) ([]incident.ID, error) {
			return b.reassign(ctx, by, ids, words)
		}),
		a.deed("merge ID INTO", "make it part of the incident INTO, which goes on", "merged in PagerDuty", func(ctx context.Context, b *inbox, by incident.By, ids, words []string) ([]incident.ID, error) {
			into, err := b.resolveIDs(ctx, words)
			if err != nil {
				return nil, err
			}
			if len(into) != 1 {
				return nil, usage("%s has %d incidents in PagerDuty: name the one that goes on: %s", words[0], len(into), strings.Join(into, ", "))
			}
			return b.merge(ctx, by, slices.DeleteFunc(ids, func(id string) bool { return id == into[0] }), into[0])
		}),
		a.deed("update ID TEXT", "send a status update to PagerDuty's subscribers", "sent through PagerDuty", func(ctx context.Context, b *inbox, by incident.By, ids, words []string) ([]incident.ID, error) {
			return b.tell(ctx, by, ids, words[0])
		}),
		a.inboxRequestCommand(), a.inboxResolveCommand(),
	)
	return group
}

// inboxAct is what a command does to incidents there. Words are its arguments after an
// ID, if it takes any.
type inboxAct func(ctx context.Context, b *inbox, by incident.By, ids, words []string) ([]incident.ID, error)

// deed makes the command of an act on one incident and what its use names after ID,
// or on many. Done says what became of them.
func (a *app) deed(use, short, done string, act inboxAct) *cobra.Command {
	words := len(splitWords(use)) - 1
	takes := cobra.MinimumNArgs(1)
	if words > 1 {
		takes = cobra.ExactArgs(words)
	}
	return &cobra.Command{
		Use: use, Short: short, Args: takes,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			by, err := a.by(nil)
			if err != nil {
				return err
			}
			return a.withStore(ctx, func(db *store.DB) error {
				b, err := a.inbox(ctx, db)
				if err != nil {
					return err
				}
				n := len(args)
				if words > 1 {
					n = 1
				}
				there, err := b.resolveIDs(ctx, args[:n])
				if err != nil {
					return unreached(err)
				}
				ours, err := act(ctx, b, by, there, args[n:])
				if err != nil {
					return unreached(err)
				}
				return a.reportDeed(ctx, db, there, ours, done)
			})
		},
	}
}

// reportDeed says what was done, and sends what it made due for those of ours.
func (a *app) reportDeed(ctx context.Context, db *store.DB, ids []string, ours []incident.ID, done string) error {
	if a.flags.json {
		if ours == nil {
			ours = []incident.ID{}
		}
		if err := a.print(map[string]any{"pagerduty": ids, "incidents": ours}); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintf(a.stdout, "%s: %s\n", strings.Join(ids, ", "), done); err != nil {
		return err
	}
	var open []incident.ID
	for _, id := range ours {
		inc, err := db.Incident(ctx, id)
		if err != nil {
			return err
		}
		if !a.flags.json {
			if err := a.report(inc); err != nil {
				return err
			}
		}
		if !inc.Status.Over() {
			open = append(open, id)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return a.deliver(ctx, db, open...)
}

func (a *app) inboxEscalateCommand() *cobra.Command {
	var level uint
	c := a.deed("escalate ID...", "give them to a level of their escalation policy in PagerDuty", "escalated in PagerDuty", func(ctx context.Context, b *inbox, by incident.By, ids, _ []string) ([]incident.ID, error) {
		if level < 1 {
			return nil, usage("escalate in PagerDuty: to which level of its escalation policy? --to 2")
		}
		return b.escalate(ctx, by, ids, level)
	})
	c.Flags().UintVar(&level, "to", 0, "the `level` of PagerDuty's escalation policy, 1 the first")
	return c
}

func (a *app) inboxRequestCommand() *cobra.Command {
	var message string
	var policies []string
	c := a.deed("request-responders ID USER", "ask people to come and help: they are called, and nobody else loses it", "responders requested through PagerDuty",
		func(ctx context.Context, b *inbox, by incident.By, ids, users []string) ([]incident.ID, error) {
			if len(users)+len(policies) == 0 {
				return nil, usage("request responders: whom? A USER, or --escalation-policy NAME")
			}
			if strings.TrimSpace(message) == "" {
				return nil, usage("request responders: what for? --message TEXT: whoever is woken will ask")
			}
			return b.request(ctx, by, ids, users, policies, message)
		})
	c.Use, c.Args = "request-responders ID [USER...]", cobra.MinimumNArgs(1)
	c.Flags().StringVar(&message, "message", "", "what they are needed for")
	c.Flags().StringArrayVar(&policies, "escalation-policy", nil, "also whoever the escalation policy of that `name` calls first; may be repeated")
	return c
}

func (a *app) inboxResolveCommand() *cobra.Command {
	var resolution string
	c := a.deed("resolve ID...", "end them in PagerDuty; one of ours stays open here (sitrep incident resolve ends both)", "resolved in PagerDuty", func(ctx context.Context, b *inbox, by incident.By, ids, _ []string) ([]incident.ID, error) {
		return b.resolve(ctx, by, ids, resolution)
	})
	c.Flags().StringVar(&resolution, "resolution", "", "how it was fixed, in a line")
	return c
}

// maybe is an error of something that may have happened and is not done again.
func maybe(err error, format string, args ...any) error {
	var call *pagerduty.CallError
	if errors.As(err, &call) && call.Class == escalation.Unsure {
		return fmt.Errorf("%s may have been sent; look at PagerDuty before you send it again: %w", fmt.Sprintf(format, args...), err)
	}
	return err
}

// inboxView is one line of `pagerduty list --json`.
type inboxView struct {
	ID           string      `json:"id"`
	Number       int         `json:"number"`
	Title        string      `json:"title"`
	Status       string      `json:"status"`
	Urgency      string      `json:"urgency"`
	Service      string      `json:"service"`
	Policy       string      `json:"escalation_policy"`
	CreatedAt    *time.Time  `json:"created_at"`
	AgeSeconds   float64     `json:"age_seconds"`
	Assigned     []string    `json:"assigned"`
	Acknowledged []string    `json:"acknowledged_by"`
	Ours         incident.ID `json:"incident"`
	URL          string      `json:"url"`
}

func viewOfInbox(i inboxItem, now time.Time) inboxView {
	v := inboxView{
		i.ID, i.Number, i.Title, i.Status, i.Urgency, i.Service, i.Policy, moment(i.CreatedAt), 0,
		userNames(i.Assigned), userNames(i.Acknowledged), i.Ours, i.URL,
	}
	if !i.CreatedAt.IsZero() {
		v.AgeSeconds = max(0, now.Sub(i.CreatedAt)).Seconds()
	}
	return v
}

func userNames(users []pagerduty.User) []string {
	list := make([]string, 0, len(users))
	for _, u := range users {
		list = append(list, u.Name)
	}
	return list
}

func (a *app) inboxListCommand() *cobra.Command {
	var service string
	var unacked bool
	c := &cobra.Command{
		Use: "list", Short: "the open incidents, the urgent and unacknowledged first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				b, err := a.inbox(cmd.Context(), db)
				if err != nil {
					return err
				}
				ctx, cancel := context.WithTimeout(cmd.Context(), inboxPatience)
				defer cancel()
				items, whole, err := b.list(ctx)
				if err != nil {
					return unreached(err)
				}
				if !whole {
					fmt.Fprintf(a.stderr, "PagerDuty has more open incidents than these %d, and lists no more\n", len(items))
				}
				items = slices.DeleteFunc(items, func(i inboxItem) bool {
					return service != "" && !strings.EqualFold(i.Service, service) || unacked && i.Status != "triggered"
				})
				return a.printInbox(items)
			})
		},
	}
	c.Flags().StringVar(&service, "service", "", "only those of a service, by `name`")
	c.Flags().BoolVar(&unacked, "unacknowledged", false, "only those that nobody has")
	return c
}

func (a *app) printInbox(items []inboxItem) error {
	now := time.Now()
	views := make([]inboxView, 0, len(items))
	rows := [][]string{{"ID", "URGENCY", "STATUS", "AGE", "SERVICE", "ASSIGNED", "ACKNOWLEDGED BY", "OURS", "TITLE"}}
	for _, i := range items {
		v := viewOfInbox(i, now)
		views = append(views, v)
		age := "-"
		if v.CreatedAt != nil {
			age = span(now.Sub(*v.CreatedAt))
		}
		rows = append(rows, []string{
			v.ID, orDash(v.Urgency), orDash(v.Status), age, orDash(v.Service), orDash(strings.Join(v.Assigned, ", ")),
			orDash(strings.Join(v.Acknowledged, ", ")), orDash(string(v.Ours)), v.Title,
		})
	}
	switch {
	case a.flags.json:
		return a.print(views)
	case len(items) == 0:
		_, err := fmt.Fprintln(a.stdout, "no open incidents in PagerDuty")
		return err
	}
	return table(a.stdout, rows)
}

// inboxDetail is `pagerduty show --json`.
type inboxDetail struct {
	inboxView
	Alerts []alertView `json:"alerts"`
	Log    []entryView `json:"log"`
}

type alertView struct {
	ID       string     `json:"id"`
	Summary  string     `json:"summary"`
	Severity string     `json:"severity"`
	Status   string     `json:"status"`
	Links    []linkView `json:"links"`
}

type linkView struct {
	Text string `json:"text"`
	URL  string `json:"url"`
}

type entryView struct {
	ID   string     `json:"id"`
	At   *time.Time `json:"at"`
	By   string     `json:"by"`
	Kind string     `json:"kind"`
	Text string     `json:"text"`
}

// detail asks for everything about one incident there: what is open of its alerts,
// with what they link to (a runbook), and its log.
func (b *inbox) detail(ctx context.Context, id string, now time.Time) (d inboxDetail, err error) {
	there, err := b.api.Incident(ctx, id)
	if err != nil {
		return d, err
	}
	keys, err := b.ourKeys(ctx, []pagerduty.Incident{there})
	if err != nil {
		return d, err
	}
	item := inboxItem{Incident: there}
	if item.Ours, err = b.ours(ctx, there, keys); err != nil {
		return d, err
	}
	d = inboxDetail{viewOfInbox(item, now), []alertView{}, []entryView{}}
	alerts, err := b.api.Alerts(ctx, id)
	if err != nil {
		return d, err
	}
	for _, al := range alerts {
		v := alertView{al.ID, al.Summary, al.Severity, al.Status, []linkView{}}
		for _, l := range al.Links {
			v.Links = append(v.Links, linkView(l))
		}
		d.Alerts = append(d.Alerts, v)
	}
	log, err := b.api.Log(ctx, id, there.CreatedAt.Add(-clockSlack), now.Add(clockSlack))
	for _, e := range log {
		v := entryView{e.ID, moment(e.At), e.By.Name, string(e.Did), e.Text}
		d.Log = append(d.Log, v)
	}
	return d, err
}

func (a *app) inboxShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "one of them: its alerts, what they link to, its log", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				b, err := a.inbox(cmd.Context(), db)
				if err != nil {
					return err
				}
				ctx, cancel := context.WithTimeout(cmd.Context(), inboxPatience)
				defer cancel()
				ids, err := b.resolveIDs(ctx, args)
				if err != nil {
					return unreached(err)
				}
				var all []inboxDetail
				for _, id := range ids {
					d, err := b.detail(ctx, id, time.Now())
					if err != nil {
						return unreached(err)
					}
					all = append(all, d)
				}
				if a.flags.json {
					return a.print(all)
				}
				return a.printDetails(all)
			})
		},
	}
}

func (a *app) printDetails(all []inboxDetail) error {
	for _, d := range all {
		fmt.Fprintf(a.stdout, "%s #%d %s\n", oneLine(d.ID), d.Number, oneLine(d.Title))
		rows := [][]string{
			{"status", d.Status + ", " + orDash(d.Urgency) + " urgency"},
			{"service", orDash(d.Service)},
			{"assigned", orDash(strings.Join(d.Assigned, ", "))},
			{"acknowledged", orDash(strings.Join(d.Acknowledged, ", "))},
			{"ours", orDash(string(d.Ours))},
			{"open", orDash(d.URL)},
		}
		for _, al := range d.Alerts {
			rows = append(rows, []string{"alert", fmt.Sprintf("%s, %s: %s", orDash(al.Severity), orDash(al.Status), al.Summary)})
			for _, l := range al.Links {
				rows = append(rows, []string{"", fmt.Sprintf("%s %s", l.Text, l.URL)})
			}
		}
		for _, e := range d.Log {
			at := "-"
			if e.At != nil {
				at = stamp(*e.At)
			}
			rows = append(rows, []string{at, e.Text})
		}
		if err := table(a.stdout, rows); err != nil {
			return err
		}
	}
	return nil
}
