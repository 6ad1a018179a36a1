package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) whoCommand() *cobra.Command {
	var severity, service, theirs string
	c := &cobra.Command{
		Use: "who", Short: "who is on call now, level by level, with telephones", Args: cobra.NoArgs,
		Long: "Says who answers for each level of the ladder now: whom PagerDuty has on call (with pagerduty.api_token), and whom the\n" +
			"policy names. When PagerDuty does not answer, what it said last is shown, with its age. --service asks for the ladder of\n" +
			"incidents about a service of yours, --pagerduty-service for who is on call for one of PagerDuty's, whatever the ladder.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			sev, err := incident.ParseSeverity(severity)
			if err != nil {
				return withCode(exitUsage, err)
			}
			cfg, err := a.config()
			if err != nil {
				return err
			}
			policy, err := a.policy()
			if err != nil {
				return err
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				now, list := time.Now(), cfg.onCall(db)
				asking := time.AfterFunc(2*time.Second, func() { fmt.Fprintln(a.stderr, "asking PagerDuty who is on call, and for their telephones") })
				defer asking.Stop()
				var r roster
				if theirs == "" {
					r = list.roster(cmd.Context(), policy.For(incident.Incident{Service: service}).Ladder(sev), now)
				} else {
					d := list.service(cmd.Context(), theirs, now)
					r.contacts = list.contacts("", "", d)
					r.fault(theirs, d, now)
				}
				asking.Stop()
				a.warnAnyUnwatched(cmd.Context(), db)
				return a.printRoster(r)
			})
		},
	}
	c.Flags().StringVar(&severity, "severity", "SEV-1", "whose ladder: SEV-1 to SEV-4")
	c.Flags().StringVar(&service, "service", "", "the ladder of incidents about the service of that `name`")
	c.Flags().StringVar(&theirs, "pagerduty-service", "", "a service of PagerDuty's, by `name`, instead of the ladder")
	return c
}

// contactView is one line of `who --json`.
type contactView struct {
	Level    incident.Level  `json:"level"`
	Person   incident.Person `json:"person"`
	Name     string          `json:"name"`
	Phones   []string        `json:"phones"`
	Email    string          `json:"email"`
	Sink     string          `json:"sink"`
	Schedule string          `json:"schedule"`
	Rule     int             `json:"pagerduty_level"`
	Until    *time.Time      `json:"until"`
	AskedAt  *time.Time      `json:"asked_at"`
	Source   string          `json:"source"` // pagerduty or policy
}

func viewOfContact(c escalation.Contact) contactView {
	v := contactView{c.Level, c.Person, c.Name, c.Phones, c.Email, c.Sink, c.Schedule, c.Rule, moment(c.Until), moment(c.AskedAt), "policy"}
	if c.Automatic {
		v.Source = "pagerduty"
	}
	if v.Phones == nil {
		v.Phones = []string{}
	}
	return v
}

func (a *app) printRoster(r roster) error {
	views := []contactView{}
	rows := [][]string{{"LEVEL", "WHO", "NAME", "PHONE", "THROUGH", "RULE", "UNTIL", "KNOWN FROM"}}
	for _, c := range r.contacts {
		views = append(views, viewOfContact(c))
		from, rule := "policy", "-"
		if c.Automatic {
			from, rule = "PagerDuty "+stamp(c.AskedAt), fmt.Sprint(c.Rule)
		}
		rows = append(rows, []string{orDash(string(c.Level)), orDash(c.Label()), orDash(c.Name), orDash(strings.Join(c.Phones, ", ")), orDash(c.Sink), rule, stamp(c.Until), from})
	}
	for _, f := range r.faults {
		fmt.Fprintln(a.stderr, sanitise(f))
	}
	var err error
	switch {
	case a.flags.json:
		err = a.print(views)
	case len(views) == 0:
		_, err = fmt.Fprintln(a.stdout, "nobody is on call")
	default:
		err = table(a.stdout, rows)
	}
	if err == nil && r.missing {
		err = withCode(exitInconclusive, fmt.Errorf("not everybody who is on call is known"))
	}
	return err
}
