package pagerduty

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// User is somebody with an account.
type User struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Email  string   `json:"email,omitempty"`
	Phones []string `json:"phones,omitempty"` // as a telephone dials them: personal data
}

// OnCall is a user who answers at a level of an escalation policy now.
type OnCall struct {
	Policy     string    `json:"policy"` // ID
	PolicyName string    `json:"policy_name"`
	Level      int       `json:"level"` // 1 is called first
	User       User      `json:"user"`
	Schedule   string    `json:"schedule,omitempty"` // name; empty for somebody who always is
	Until      time.Time `json:"until,omitzero"`     // zero: for ever
}

type onCallJSON struct {
	User     ref
	Schedule ref
	Policy   ref      `json:"escalation_policy"`
	Level    lax[int] `json:"escalation_level"`
	Start    lax[string]
	End      lax[string]
}

// OnCalls is who is on call at now for these escalation policies (IDs; none is all of
// the account), by policy and level, with their telephones. Whole is false if
// PagerDuty has more than it gives. Source: PagerDuty, REST API, List all of the
// on-calls.
func (a *API) OnCalls(ctx context.Context, policies []string, now time.Time) (all []OnCall, whole bool, err error) {
	whole, err = a.list(ctx, "/oncalls", "oncalls", url.Values{
		"escalation_policy_ids[]": policies, "earliest": {"true"}, "include[]": {"users"}, "time_zone": {"UTC"},
	}, func(raw json.RawMessage) {
		var o onCallJSON
		if json.Unmarshal(raw, &o) != nil || o.User.ID == "" || moment(o.Start.v).After(now) {
			return
		}
		until := moment(o.End.v)
		if !until.IsZero() && !until.After(now) {
			return
		}
		all = append(all, OnCall{
			Policy: o.Policy.ID, PolicyName: o.Policy.Summary, Level: o.Level.v, Schedule: o.Schedule.Summary, Until: until,
			User: User{ID: o.User.ID, Name: o.User.Summary, Email: o.User.Email},
		})
	})
	if err != nil {
		return nil, false, err
	}
	slices.SortStableFunc(all, func(a, b OnCall) int {
		if a.Policy != b.Policy {
			return strings.Compare(a.Policy, b.Policy)
		}
		return a.Level - b.Level
	})
	phones, err := a.phonesOf(ctx, all)
	if err != nil {
		return nil, false, err
	}
	for i, o := range all {
		all[i].User.Phones = phones[o.User.ID]
	}
	return all, whole, nil
}

// phonesAtOnce is how many people's telephones are asked for at a time: a night
// that needs three hundred of them does not wait for one after the other, and
// PagerDuty takes 960 requests a minute. Source: PagerDuty, REST API rate limits.
const phonesAtOnce = 8

// phonesOf is the telephone numbers of everybody in the list, by ID; each is asked
// for once.
func (a *API) phonesOf(ctx context.Context, list []OnCall) (map[string][]string, error) {
	phones := map[string][]string{}
	for _, o := range list {
		phones[o.User.ID] = nil
	}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(phonesAtOnce)
	for _, id := range slices.Sorted(maps.Keys(phones)) {
		g.Go(func() error {
			found, err := a.phones(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			phones[id] = found
			return err
		})
	}
	return phones, g.Wait()
}

// phones is the telephone numbers of a user, each once. Source: PagerDuty, REST API,
// List a user's contact methods.
func (a *API) phones(ctx context.Context, user string) ([]string, error) {
	var answer struct {
		Methods []struct {
			Type    lax[string]
			Address lax[string]
			Country lax[any] `json:"country_code"`
		} `json:"contact_methods"`
	}
	if err := a.get(ctx, "/users/"+url.PathEscape(user)+"/contact_methods", nil, &answer); err != nil {
		return nil, err
	}
	var list []string
	for _, m := range answer.Methods {
		kind := strings.TrimSuffix(m.Type.v, "_reference")
		if kind != "phone_contact_method" && kind != "sms_contact_method" || m.Address.v == "" {
			continue
		}
		number := m.Address.v
		if code := text(m.Country.v); code != "" && code != "0" && !strings.HasPrefix(number, "+") {
			number = "+" + code + " " + number
		}
		if !slices.Contains(list, number) {
			list = append(list, number)
		}
	}
	return list, nil
}

// Service is something that pages, with the keys of its integrations: secrets.
type Service struct {
	ID, Name           string
	Policy, PolicyName string // its escalation policy, ID and name
	Keys               []string
}

// Services is those of the account; whole is false if PagerDuty has more than it
// gives. Source: PagerDuty, REST API, List services.
func (a *API) Services(ctx context.Context) (all []Service, whole bool, err error) {
	whole, err = a.list(ctx, "/services", "services", url.Values{"include[]": {"integrations"}}, func(raw json.RawMessage) {
		var s struct {
			Policy       ref `json:"escalation_policy"`
			Integrations lax[[]struct {
				Key lax[string] `json:"integration_key"`
			}]
		}
		var name ref
		if json.Unmarshal(raw, &name) != nil || json.Unmarshal(raw, &s) != nil || name.ID == "" {
			return
		}
		one := Service{ID: name.ID, Name: name.Summary, Policy: s.Policy.ID, PolicyName: s.Policy.Summary}
		for _, in := range s.Integrations.v {
			if in.Key.v != "" {
				one.Keys = append(one.Keys, in.Key.v)
			}
		}
		all = append(all, one)
	})
	return all, whole, err
}
