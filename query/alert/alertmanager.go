package alert

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// Manager talks to Alertmanager by its API v2: one, or the members of a cluster,
// of which the first that answers is asked. It is safe for concurrent use.
type Manager struct{ peers []*query.Wire }

// NewManager is a client of the Alertmanagers at these URLs, which share the rest
// of the configuration. It does not connect.
func NewManager(urls []string, cfg query.Config) (*Manager, error) {
	if len(urls) == 0 {
		return nil, errors.New("no Alertmanager is configured: set alertmanager.url")
	}
	m := &Manager{}
	for _, u := range urls {
		cfg.URL = u
		w, err := query.NewWire("Alertmanager", cfg)
		if err != nil {
			return nil, err
		}
		m.peers = append(m.peers, w)
	}
	return m, nil
}

// URL is the first member's address without secrets.
func (m *Manager) URL() string { return m.peers[0].URL() }

// CloseIdle closes the connections that are not in use.
func (m *Manager) CloseIdle() {
	for _, p := range m.peers {
		p.CloseIdle()
	}
}

// Member is what one Alertmanager says of itself.
type Member struct {
	URL, Version string
	Cluster      string // ready, settling or disabled
	Peers        int    // that it knows of, itself among them
	Err          error  // why it did not say
}

// Members asks every member, each for itself.
func (m *Manager) Members(ctx context.Context) []Member {
	list := make([]Member, len(m.peers))
	for i, p := range m.peers {
		one := &Manager{peers: []*query.Wire{p}}
		var got struct {
			Cluster struct {
				Status string            `json:"status"`
				Peers  []json.RawMessage `json:"peers"`
			} `json:"cluster"`
			VersionInfo struct {
				Version string `json:"version"`
			} `json:"versionInfo"`
		}
		err := one.get(ctx, "/api/v2/status", nil, &got)
		list[i] = Member{URL: p.URL(), Version: got.VersionInfo.Version, Cluster: got.Cluster.Status, Peers: len(got.Cluster.Peers), Err: err}
	}
	return list
}

// wireAlert is an alert in the API.
type wireAlert struct {
	Labels      query.Labels `json:"labels"`
	Annotations query.Labels `json:"annotations"`
	StartsAt    wireTime     `json:"startsAt"`
	Fingerprint string       `json:"fingerprint"`
	Status      struct {
		State       string   `json:"state"` // unprocessed, active, suppressed
		SilencedBy  []string `json:"silencedBy"`
		InhibitedBy []string `json:"inhibitedBy"`
		MutedBy     []string `json:"mutedBy"` // since 0.28
	} `json:"status"`
}

func (w wireAlert) alert() Alert {
	a := Alert{
		Name: cut(w.Labels["alertname"], longestKey), State: Firing, Labels: bounded(w.Labels), Annotations: bounded(w.Annotations),
		ActiveAt: query.Plausible(time.Time(w.StartsAt)), Value: query.Absent(),
		Fingerprint: Fingerprint(w.Labels), Silenced: w.Status.SilencedBy,
	}
	if w.Status.State == "suppressed" && len(w.Status.SilencedBy) == 0 {
		a.Muted = "inhibited by another alert"
		if len(w.Status.MutedBy) > 0 {
			a.Muted = "muted for now (" + strings.Join(w.Status.MutedBy, ", ") + ")"
		}
	}
	return a
}

// Alerts are all that fire, those that are hidden among them.
func (m *Manager) Alerts(ctx context.Context) ([]Alert, error) {
	var got []wireAlert
	if err := m.get(ctx, "/api/v2/alerts", url.Values{"active": {"true"}, "silenced": {"true"}, "inhibited": {"true"}, "unprocessed": {"true"}}, &got); err != nil {
		return nil, err
	}
	list := make([]Alert, len(got))
	for i, w := range got {
		list[i] = w.alert()
	}
	sortAlerts(list)
	return list, nil
}

// Group is alerts that Alertmanager tells a receiver of together.
type Group struct {
	Labels   query.Labels
	Receiver string
	Alerts   []Alert
}

// Groups are the alerts as Alertmanager groups them.
func (m *Manager) Groups(ctx context.Context) ([]Group, error) {
	var got []struct {
		Labels   query.Labels `json:"labels"`
		Receiver struct {
			Name string `json:"name"`
		} `json:"receiver"`
		Alerts []wireAlert `json:"alerts"`
	}
	if err := m.get(ctx, "/api/v2/alerts/groups", nil, &got); err != nil {
		return nil, err
	}
	groups := make([]Group, 0, len(got))
	for _, g := range got {
		one := Group{Labels: g.Labels, Receiver: g.Receiver.Name}
		for _, w := range g.Alerts {
			one.Alerts = append(one.Alerts, w.alert())
		}
		sortAlerts(one.Alerts)
		groups = append(groups, one)
	}
	return groups, nil
}

// Silences are all that Alertmanager still knows: what is active first, of equals
// what ends first.
func (m *Manager) Silences(ctx context.Context) ([]Silence, error) {
	var got []wireSilence
	if err := m.get(ctx, "/api/v2/silences", nil, &got); err != nil {
		return nil, err
	}
	list := make([]Silence, len(got))
	for i, w := range got {
		list[i] = w.silence()
	}
	rank := []string{SilenceActive, SilencePending, SilenceExpired}
	slices.SortFunc(list, func(a, b Silence) int {
		return cmp.Or(slices.Index(rank, a.State)-slices.Index(rank, b.State), a.EndsAt.Compare(b.EndsAt), strings.Compare(a.ID, b.ID))
	})
	return list, nil
}

// ErrNoSilence says that Alertmanager knows no silence of that ID.
var ErrNoSilence = errors.New("no such silence")

// identifier is what an ID of a silence is made of: a UUID, and in case of others. What
// else somebody calls one would lead elsewhere in the API.
var identifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$`)

// Silence is one by its ID; ErrNoSilence if there is none.
func (m *Manager) Silence(ctx context.Context, id string) (Silence, error) {
	if !identifier.MatchString(id) {
		return Silence{}, fmt.Errorf("silence %.60q: %w: an ID has letters, digits and - (sitrep alert silence list shows them)", id, ErrNoSilence)
	}
	var w wireSilence
	err := m.get(ctx, "/api/v2/silence/"+url.PathEscape(id), nil, &w)
	var e *query.Error
	if errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status == http.StatusUnprocessableEntity || e.Status == http.StatusBadRequest) {
		return Silence{}, fmt.Errorf("silence %.60q: %w (sitrep alert silence list shows them)", id, ErrNoSilence)
	}
	return w.silence(), err
}

// PutSilence creates s, or with its ID changes that one, once for the whole
// cluster, and answers with its ID: a changed silence may get another. Where an
// answer was lost on the way, the others are asked whether the silence is there
// before anything is sent again.
func (m *Manager) PutSilence(ctx context.Context, s Silence) (string, error) {
	body := wireSilence{ID: s.ID, Matchers: s.Matchers, StartsAt: wireTime(s.StartsAt), EndsAt: wireTime(s.EndsAt), CreatedBy: s.CreatedBy, Comment: s.Comment}
	var errs error
	for _, p := range m.peers {
		answer, err := p.Call(ctx, http.MethodPost, "/api/v2/silences", nil, body)
		if err == nil {
			var got struct {
				ID string `json:"silenceID"`
			}
			if err := json.Unmarshal(answer, &got); err != nil || got.ID == "" {
				return "", p.Unlike(answer, err)
			}
			return got.ID, nil
		}
		errs = errors.Join(errs, err)
		if errors.Is(err, query.ErrQuery) || errors.Is(err, query.ErrDenied) || ctx.Err() != nil {
			return "", errs
		}
		if e := (*query.Error)(nil); errors.As(err, &e) && e.Unsent() {
			continue
		}
		if there, lookErr := m.Silences(ctx); lookErr == nil {
			if i := slices.IndexFunc(there, s.same); i >= 0 {
				return there[i].ID, nil
			}
			return "", fmt.Errorf("%w; no such silence is there now, but it may still come: look at sitrep alert silence list before trying again", errs)
		}
	}
	return "", errs
}

// ExpireSilence ends a silence now. One that has ended already is left as it is.
func (m *Manager) ExpireSilence(ctx context.Context, id string) error {
	s, err := m.Silence(ctx, id)
	if err != nil || s.State == SilenceExpired {
		return err
	}
	return m.each(func(p *query.Wire) error {
		_, err := p.Call(ctx, http.MethodDelete, "/api/v2/silence/"+url.PathEscape(id), nil, nil)
		return err
	})
}

func (m *Manager) get(ctx context.Context, path string, args url.Values, into any) error {
	return m.each(func(p *query.Wire) error {
		body, err := p.Call(ctx, http.MethodGet, path, args, nil)
		if err != nil {
			return err
		}
		// An empty list is [], so that null, or nothing, is no answer: it would end
		// every alert.
		if text := strings.TrimSpace(string(body[:min(len(body), 16)])); text == "" || text == "null" {
			return p.Unlike(body, nil)
		}
		if err := json.Unmarshal(body, into); err != nil {
			return p.Unlike(body, err)
		}
		return nil
	})
}

// each asks one member after the other until one answers. A refusal is an answer.
func (m *Manager) each(ask func(*query.Wire) error) error {
	var errs error
	for _, p := range m.peers {
		err := ask(p)
		var e *query.Error
		if err == nil || errors.As(err, &e) && e.Status/100 == 4 || errors.Is(err, context.Canceled) {
			return err
		}
		errs = errors.Join(errs, err)
	}
	return errs
}
