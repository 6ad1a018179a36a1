package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// onCallList knows who is on call: it asks PagerDuty and keeps the answer in the
// store, for the day when PagerDuty does not answer.
type onCallList struct {
	db     *store.DB
	api    *pagerduty.API // nil without a token
	config *config
}

func (c *config) onCall(db *store.DB) *onCallList {
	return &onCallList{db, c.pagerdutyAPI(), c}
}

// duty is who is on call for a target, and when PagerDuty said so. With an err it is
// what PagerDuty said before, and why there is nothing newer.
type duty struct {
	list []pagerduty.OnCall
	at   time.Time // zero: it was never heard
	err  error
}

const (
	onCallEvery    = 15 * time.Minute // how often the answers are renewed in the background
	onCallPatience = 15 * time.Second
)

var errNoToken = errors.New("pagerduty.api_token is not set")

// ask says who is on call for the routing keys of these names.
func (l *onCallList) ask(ctx context.Context, names []string, now time.Time) map[string]duty {
	asked, cancel := context.WithTimeout(ctx, onCallPatience)
	defer cancel()
	policies, faults := l.policies(asked, names)
	ids := slices.Sorted(maps.Values(policies))
	fresh, err := l.fresh(asked, slices.Compact(ids), now)
	all := map[string]duty{}
	for _, name := range names {
		switch id := policies[name]; {
		case faults[name] != nil:
			all[name] = l.earlier(ctx, "oncall/"+name, faults[name])
		case err != nil:
			all[name] = l.earlier(ctx, "oncall/"+name, err)
		default:
			all[name] = l.keep(ctx, "oncall/"+name, fresh[id], now)
		}
	}
	return all
}

// service says who is on call for a service of PagerDuty's, by its name.
func (l *onCallList) service(ctx context.Context, name string, now time.Time) duty {
	question := "oncall/service/" + strings.ToLower(name)
	asked, cancel := context.WithTimeout(ctx, onCallPatience)
	defer cancel()
	services, err := l.services(asked)
	if err != nil {
		return l.earlier(ctx, question, err)
	}
	i := slices.IndexFunc(services, func(s pagerduty.Service) bool { return strings.EqualFold(s.Name, name) || s.ID == name })
	if i < 0 {
		return duty{err: fmt.Errorf("pagerduty: there is no service %q", name)}
	}
	fresh, err := l.fresh(asked, []string{services[i].Policy}, now)
	if err != nil {
		return l.earlier(ctx, question, err)
	}
	return l.keep(ctx, question, fresh[services[i].Policy], now)
}

// fresh asks who is on call for escalation policies, by their IDs.
func (l *onCallList) fresh(ctx context.Context, policies []string, now time.Time) (map[string][]pagerduty.OnCall, error) {
	if l.api == nil {
		return nil, errNoToken
	}
	by := map[string][]pagerduty.OnCall{}
	if len(policies) == 0 { // none is all of the account
		return by, nil
	}
	list, whole, err := l.api.OnCalls(ctx, policies, now)
	if err == nil && !whole {
		err = errors.New("pagerduty: more people are on call than it lists")
	}
	for _, o := range list {
		by[o.Policy] = append(by[o.Policy], o)
	}
	return by, err
}

// keep keeps an answer; what goes wrong with that is told, for it will be missed.
func (l *onCallList) keep(ctx context.Context, question string, list []pagerduty.OnCall, now time.Time) duty {
	if list == nil {
		list = []pagerduty.OnCall{}
	}
	return duty{list, now, l.db.KeepAnswer(ctx, question, now, incident.Payload(list))}
}

// earlier is what PagerDuty said before.
func (l *onCallList) earlier(ctx context.Context, question string, why error) duty {
	d := duty{err: why}
	body, at, err := l.db.Answer(ctx, question)
	switch {
	case err != nil:
		d.err = errors.Join(why, err)
	case at.IsZero():
	case json.Unmarshal(body, &d.list) != nil:
		d.err = errors.Join(why, errors.New("what it said before cannot be read"))
	default:
		d.at = at
	}
	return d
}

// policies finds the escalation policies behind routing keys: as the configuration
// says, else that of the service that has the key.
func (l *onCallList) policies(ctx context.Context, names []string) (found map[string]string, faults map[string]error) {
	found, faults = map[string]string{}, map[string]error{}
	keys := map[string]string{} // names by key
	for _, name := range names {
		if id := l.config.PagerDuty.Policies[name]; id != "" {
			found[name] = id
			continue
		}
		where, given := l.config.PagerDuty.RoutingKeys[name]
		if !given {
			faults[name] = fmt.Errorf("the configuration has no pagerduty.routing_keys.%s", name)
			continue
		}
		key, err := where.read(ctx, l.config.dir)
		if err != nil {
			faults[name] = fmt.Errorf("pagerduty.routing_keys.%s: %w", name, err)
			continue
		}
		keys[key] = name
	}
	if len(keys) == 0 {
		return found, faults
	}
	services, err := l.services(ctx)
	for _, s := range services {
		for _, key := range s.Keys {
			if name := keys[key]; name != "" {
				found[name] = s.Policy
			}
		}
	}
	for _, name := range keys {
		switch {
		case found[name] != "":
		case err != nil:
			faults[name] = err
		default:
			faults[name] = fmt.Errorf("pagerduty.routing_keys.%s is the key of no service: give the ID of its escalation policy as pagerduty.escalation_policies.%s", name, name)
		}
	}
	return found, faults
}

func (l *onCallList) services(ctx context.Context) ([]pagerduty.Service, error) {
	if l.api == nil {
		return nil, errNoToken
	}
	list, _, err := l.api.Services(ctx)
	return list, err
}

// Run renews the answers while this process runs the ladder, until ctx ends.
func (l *onCallList) Run(ctx context.Context, mine func() bool, problem func(string)) error {
	told := complaint{problem: problem}
	names := slices.Sorted(maps.Keys(l.config.PagerDuty.RoutingKeys))
	for {
		wait := leaseLook
		if mine() {
			var faults []string
			for name, d := range l.ask(ctx, names, time.Now()) {
				if d.err != nil {
					faults = append(faults, fmt.Sprintf("%s: %v", name, d.err))
				}
			}
			slices.Sort(faults)
			if ctx.Err() == nil {
				told.say(unlearnt(faults))
			}
			wait = onCallEvery
		}
		if err := pauseFor(ctx, wait); err != nil {
			return err
		}
	}
}

// unlearnt says what PagerDuty does not say; nothing if there is nothing.
func unlearnt(faults []string) string {
	if len(faults) == 0 {
		return ""
	}
	return "who is on call cannot be learnt from PagerDuty: " + strings.Join(faults, "; ")
}

// roster is who answers for each level of a ladder.
type roster struct {
	contacts []escalation.Contact
	faults   []string // what could not be asked, and how old what is shown in its place is
	missing  bool     // of some target nothing is known at all
}

// pagedBy is the names of the routing keys that a ladder's levels call.
func pagedBy(rungs []escalation.LevelRule) (names []string) {
	for _, rung := range rungs {
		for _, sink := range rung.Notify {
			if kind, name, _ := strings.Cut(sink, ":"); kind == "pagerduty" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// known is the list as the store has it, without asking anybody.
func (l *onCallList) known(ctx context.Context, rungs []escalation.LevelRule) (r roster) {
	duties := map[string]duty{}
	for _, name := range pagedBy(rungs) {
		duties[name] = l.earlier(ctx, "oncall/"+name, nil)
	}
	l.fill(&r, rungs, duties)
	return r
}

// roster makes the list of a ladder's levels.
func (l *onCallList) roster(ctx context.Context, rungs []escalation.LevelRule, now time.Time) (r roster) {
	names := pagedBy(rungs)
	duties := map[string]duty{}
	if l.api != nil && len(names) > 0 {
		duties = l.ask(ctx, names, now)
	}
	for _, name := range names {
		if d := duties[name]; l.api != nil {
			r.fault("pagerduty:"+name, d, now)
		}
	}
	if l.api == nil && len(names) > 0 {
		r.faults = append(r.faults, errNoToken.Error()+": only what the configuration knows is shown")
	}
	l.fill(&r, rungs, duties)
	return r
}

// fill puts in whom PagerDuty and the policy name, level by level.
func (l *onCallList) fill(r *roster, rungs []escalation.LevelRule, duties map[string]duty) {
	for _, rung := range rungs {
		for _, sink := range rung.Notify {
			if kind, name, _ := strings.Cut(sink, ":"); kind == "pagerduty" {
				r.contacts = append(r.contacts, l.contacts(rung.Level, sink, duties[name])...)
			}
		}
		for _, who := range rung.Who {
			r.named(rung.Level, who, l.config.People[string(who)])
		}
	}
}

// fault tells of an answer that is not of now.
func (r *roster) fault(what string, d duty, now time.Time) {
	switch {
	case d.err == nil:
	case d.at.IsZero():
		r.missing = true
		r.faults = append(r.faults, fmt.Sprintf("%s: nobody knows who is on call: %v", what, d.err))
	default:
		r.faults = append(r.faults, fmt.Sprintf("%s: shown is what PagerDuty said %s ago (%s): %v", what, span(now.Sub(d.at)), stamp(d.at), d.err))
	}
}

// contacts is those whom PagerDuty names, with what the configuration knows of them.
func (l *onCallList) contacts(level incident.Level, sink string, d duty) (list []escalation.Contact) {
	for _, o := range d.list {
		c := escalation.Contact{
			Level: level, Sink: sink, Name: o.User.Name, Phones: slices.Clone(o.User.Phones), Email: o.User.Email, Schedule: o.Schedule,
			Rule: o.Level, Until: o.Until, AskedAt: d.at, Automatic: true,
		}
		if name, known := l.config.personOf(o.User); known {
			c.Person = name
			if phone := l.config.People[string(name)].Phone; phone != "" && !slices.ContainsFunc(c.Phones, func(p string) bool { return digits(p) == digits(phone) }) {
				c.Phones = append(c.Phones, phone)
			}
		}
		list = append(list, c)
	}
	return list
}

// named adds somebody whom the policy names, unless PagerDuty has at that level.
func (r *roster) named(level incident.Level, who incident.Person, known personConfig) {
	if slices.ContainsFunc(r.contacts, func(c escalation.Contact) bool { return c.Level == level && c.Person == who }) {
		return
	}
	c := escalation.Contact{Level: level, Person: who, Email: known.Email}
	if known.Phone != "" {
		c.Phones = []string{known.Phone}
	}
	r.contacts = append(r.contacts, c)
}

// digits is a telephone number as it is dialled.
func digits(phone string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, phone)
}

// personOf is the name that the configuration gives a user of PagerDuty's.
func (c *config) personOf(u pagerduty.User) (incident.Person, bool) {
	for _, name := range slices.Sorted(maps.Keys(c.People)) {
		p := c.People[name]
		if p.PagerDuty != "" && p.PagerDuty == u.ID || p.PagerDuty == "" && p.Email != "" && strings.EqualFold(p.Email, u.Email) {
			return incident.Person(name), true
		}
	}
	return "", false
}
