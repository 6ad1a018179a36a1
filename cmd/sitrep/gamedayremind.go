package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// reminder is what a gameday.reminded event carries: that people are told of a game day
// some time before it begins. The event is the decision, and there is one however many
// processes look; Message is its name in chats, by which an earlier attempt is found.
type reminder struct {
	Day     string    `json:"day"`
	At      time.Time `json:"at"`           // for when it is planned
	Lead    float64   `json:"lead_seconds"` // a day or an hour
	Message string    `json:"message"`
	Sinks   []string  `json:"sinks"`

	at time.Time // of the decision
}

// remindedSink is what a gameday.reminder_sent event carries.
type remindedSink struct {
	Message string `json:"message"`
	Sink    string `json:"sink"`
	Ref     string `json:"ref"`
}

// leads are how long before a game day people are reminded, the shortest first.
func leads() []time.Duration { return []time.Duration{time.Hour, 24 * time.Hour} }

// once names the reminder in the store.
func (r reminder) once() string {
	return fmt.Sprintf("gameday/%s/reminded/%d/%.0f", r.Day, r.At.Unix(), r.Lead)
}

// dueReminder is the reminder that is due of a day: the nearest one alone, if nobody was
// there for the one before.
func dueReminder(day gameday.Day, now time.Time) (r reminder, due bool) {
	_, next := day.When.Around(now)
	left := next.Sub(now)
	for _, lead := range leads() {
		if !next.IsZero() && left <= lead {
			return reminder{Day: day.Name, At: next, Lead: lead.Seconds()}, true
		}
	}
	return r, false
}

// dayReminder reminds people of the game days that are planned. The process that runs the
// ladder does it.
type dayReminder struct {
	db      *store.DB
	days    []gameday.Day
	sinks   func(gameday.Day) []string
	sender  escalation.Sender
	mine    func() bool
	problem func(string)

	again map[string]time.Time // by message and sink: not before that, after it was not taken
}

const (
	remindPace  = 10 * time.Second
	remindAgain = time.Minute
	// remindSettle is how long a reminder is left to whoever decided on it: an attempt, and
	// until a chat shows what it took.
	remindSettle = 30 * time.Second
)

// newDayReminder is nil where no day is planned.
func (c *centre) newDayReminder() *dayReminder {
	days := c.ready().days
	if !slices.ContainsFunc(days, func(d gameday.Day) bool { return d.When.Planned() }) {
		return nil
	}
	cfg, err := c.app.config()
	if err != nil {
		return nil // it has been read, or there were no centre
	}
	return &dayReminder{
		db: c.db, days: days, sender: c.app.senders(cfg, c.db)["slack"], mine: c.mine.Load, problem: c.news.problem,
		sinks: func(d gameday.Day) []string { return cfg.reminderSinks(c.policy, d) },
	}
}

// reminderSinks is where a game day's people are: the chats that its drill is told in at
// once; else the one for what has no other.
func (c *config) reminderSinks(policy escalation.Policy, day gameday.Day) []string {
	sev := incident.Severity(day.Severity)
	rules := policy.For(incident.Incident{Drill: true, Service: day.Service, Severity: sev})
	sinks := rules.AudienceSinks(sev)
	if rungs := rules.Ladder(sev); len(rungs) > 0 {
		sinks = slices.Concat(rungs[0].Notify, sinks)
	}
	chats := []string{}
	for _, s := range sinks {
		if strings.HasPrefix(s, "slack:") && !slices.Contains(chats, s) {
			chats = append(chats, s)
		}
	}
	switch {
	case c.Slack.BotToken == "":
		return []string{}
	case len(chats) == 0 && c.Slack.Channel != "":
		return []string{"slack:" + c.Slack.Channel}
	}
	return chats
}

// Run looks every few seconds until ctx ends.
func (r *dayReminder) Run(ctx context.Context) error {
	said := complaint{problem: r.problem}
	for {
		if r.mine() {
			if err := r.look(ctx, time.Now()); ctx.Err() == nil {
				said.say(errorText(err))
			}
		}
		if err := pauseFor(ctx, remindPace); err != nil {
			return err
		}
	}
}

// look decides on the reminders that are due, and sends those that were decided on, here or
// elsewhere, and that a chat has not taken.
func (r *dayReminder) look(ctx context.Context, now time.Time) error {
	known, err := readReminders(ctx, r.db, now)
	if err != nil {
		return err
	}
	for _, day := range r.days {
		due, is := dueReminder(day, now)
		if !is || known.heldFor(day.Name, due.At) {
			continue
		}
		i := slices.IndexFunc(known.decided, func(o reminder) bool { return o.once() == due.once() })
		fresh := i < 0
		switch {
		case fresh:
			due.Message, due.Sinks = ulid.Make().String(), r.sinks(day)
			first, err := r.decide(ctx, day, due, now)
			if err != nil {
				return err
			}
			if !first {
				continue
			}
		case now.Sub(known.decided[i].at) < remindSettle:
			continue
		default:
			due.Message, due.Sinks = known.decided[i].Message, known.decided[i].Sinks
		}
		for _, sink := range due.Sinks {
			if !known.sent[due.Message+" "+sink] {
				err = errors.Join(err, r.send(ctx, day, due, sink, fresh, now))
			}
		}
	}
	return err
}

// decide records a reminder. Whoever is not the first to do so leaves it to who was.
func (r *dayReminder) decide(ctx context.Context, day gameday.Day, due reminder, now time.Time) (first bool, err error) {
	written, err := r.db.Append(ctx, incident.Event{
		At: now, Kind: incident.GamedayReminded, Actor: incident.Sitrep, Source: "gameday", Text: reminderText(day, due, now), Data: incident.Payload(due), Once: due.once(),
	})
	return len(written) > 0, err
}

// send tells one chat. What an earlier attempt may have posted is looked for there first.
func (r *dayReminder) send(ctx context.Context, day gameday.Day, due reminder, sink string, fresh bool, now time.Time) error {
	key := due.Message + " " + sink
	if now.Before(r.again[key]) {
		return nil
	}
	lead := time.Duration(due.Lead * float64(time.Second))
	content := escalation.Content{Text: reminderPost(day, due, now), InChat: escalation.InChat{Reminds: true}}
	for _, role := range incident.Roles() {
		if who := incident.Person(day.Roles[string(role)]); who != "" && !slices.Contains(content.Who, who) {
			content.Who = append(content.Who, who)
		}
	}
	m := escalation.Message{
		ID: due.Message, Stream: "remind/" + key, Sink: sink, Operation: escalation.OpPost, Payload: incident.Payload(content), QueuedAt: now,
		FirstTryAt: due.At.Add(-lead), LastTryAt: now, Murky: !fresh,
	}
	asked, cancel := context.WithTimeout(ctx, escalation.DefaultTiming().Attempt)
	defer cancel()
	o := r.sender.Send(asked, m, incident.Incident{})
	if o.Class != escalation.Done {
		if r.again == nil {
			r.again = map[string]time.Time{}
		}
		r.again[key] = now.Add(max(o.After, remindAgain))
		return fmt.Errorf("%s is not reminded of the game day %s: %s: %w; it is tried again until the day begins", sink, day.Name, o.Class, cmp.Or(o.Err, errors.New("no reason was given")))
	}
	return appendBy(ctx, r.db, incident.By{Actor: incident.Sitrep, Source: "gameday", At: now}, "", incident.GamedayReminderSent,
		fmt.Sprintf("%s is reminded of the game day %s", sink, day.Name), "gameday/reminder/"+key, remindedSink{due.Message, sink, o.Ref})
}

// reminderText is the reminder on one line.
func reminderText(day gameday.Day, due reminder, now time.Time) string {
	return fmt.Sprintf("game day %s begins at %s, in %s", day.Name, due.At.Format("2006-01-02 15:04 MST"), strictyaml.FormatDuration(max(due.At.Sub(now).Round(time.Minute), time.Minute)))
}

// reminderPost is the same as chats are told it. It is raw: the sender escapes it.
func reminderPost(day gameday.Day, due reminder, now time.Time) string {
	lines := []string{"[DRILL] " + reminderText(day, due, now)}
	if day.Hypothesis != "" {
		lines = append(lines, "It expects: "+day.Hypothesis)
	}
	var people []string
	for _, role := range incident.Roles() {
		if who := day.Roles[string(role)]; who != "" {
			people = append(people, string(role)+" "+who)
		}
	}
	if len(people) > 0 {
		lines = append(lines, strings.Join(people, ", "))
	}
	return strings.Join(append(lines, "What happens when: sitrep gameday check "+day.Name), "\n")
}

// reminders are what is known of them, and of the days that were held instead.
type reminders struct {
	decided []reminder
	sent    map[string]bool // by message and sink
	began   map[string]time.Time
}

// heldFor says that the day was begun up to a day before the time that it is planned for.
func (r reminders) heldFor(day string, at time.Time) bool {
	return r.began[day].After(at.Add(-24 * time.Hour))
}

// readReminders reads those of the last two days.
func readReminders(ctx context.Context, db *store.DB, now time.Time) (r reminders, err error) {
	events, err := db.OfKinds(ctx, now.Add(-48*time.Hour), now.Add(time.Hour), incident.GamedayReminded, incident.GamedayReminderSent, incident.GamedayStarted)
	r.sent, r.began = map[string]bool{}, map[string]time.Time{}
	for _, e := range events {
		var due reminder
		var sent remindedSink
		var rep gameday.Report
		switch {
		case e.Kind == incident.GamedayReminded && e.Payload(&due) == nil:
			due.at = e.At
			r.decided = append(r.decided, due)
		case e.Kind == incident.GamedayReminderSent && e.Payload(&sent) == nil:
			r.sent[sent.Message+" "+sent.Sink] = true
		case e.Kind == incident.GamedayStarted && e.Payload(&rep) == nil:
			r.began[rep.Day] = e.At
		}
	}
	return r, err
}
