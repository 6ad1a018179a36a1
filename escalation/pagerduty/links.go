package pagerduty

import (
	"encoding/json"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/sitrep-dev/sitrep/incident"
)

// Link is something to open beside an incident. {incident}, {service} and
// {severity} in URL stand for the incident's own; a link whose word the incident
// has not is left out.
type Link struct{ Text, URL string }

// Image is a picture that PagerDuty shows with an incident; words in URL as in a
// Link. PagerDuty fetches it, so it has to be public, and its URL https.
type Image struct{ Alt, URL string }

// What is taken of links and images: PagerDuty's own limit is the size of the
// whole event.
const (
	maxLinks = 20
	maxURL   = 2048
)

// The forms in which the Events API wants them.
type (
	linkJSON struct {
		Href string `json:"href"`
		Text string `json:"text,omitempty"`
	}
	imageJSON struct {
		Src  string `json:"src"`
		Href string `json:"href,omitempty"`
		Alt  string `json:"alt,omitempty"`
	}
)

// attach adds what there is to open: the runbook, what the configuration names,
// more, and every label that is a URL (an alert's dashboard, say). Those that are
// pictures under https are shown as such too.
func (s *Sender) attach(event *pagerduty.V2Event, inc incident.Incident, more []Link) {
	links := []Link{{"runbook", inc.RunbookURL}}
	for _, l := range s.config.Links {
		links = append(links, Link{l.Text, fill(l.URL, inc)})
	}
	links = append(links, more...)
	for _, name := range slices.Sorted(maps.Keys(inc.Labels)) {
		links = append(links, Link{name, inc.Labels[name]})
	}
	images := []Image{}
	for _, i := range s.config.Images {
		images = append(images, Image{i.Alt, fill(i.URL, inc)})
	}
	seen := map[string]bool{}
	for _, l := range links {
		u, ok := web(l.URL)
		if !ok || seen[l.URL] || len(event.Links) >= maxLinks {
			continue
		}
		seen[l.URL] = true
		event.Links = append(event.Links, linkJSON{l.URL, line(l.Text, maxName)})
		if isPicture(u) {
			images = append(images, Image{l.Text, l.URL})
		}
	}
	shown := map[string]bool{}
	for _, i := range images {
		if u, ok := web(i.URL); ok && u.Scheme == "https" && !shown[i.URL] && len(event.Images) < maxLinks {
			shown[i.URL] = true
			event.Images = append(event.Images, imageJSON{i.URL, i.URL, line(i.Alt, maxName)})
		}
	}
}

// fill puts the incident's words into a URL; it is empty if one of them is.
func fill(raw string, inc incident.Incident) string {
	for word, value := range map[string]string{"{incident}": string(inc.ID), "{service}": inc.Service, "{severity}": string(inc.Severity)} {
		if strings.Contains(raw, word) {
			if value == "" {
				return ""
			}
			raw = strings.ReplaceAll(raw, word, url.QueryEscape(value))
		}
	}
	return raw
}

// web is a URL that a browser opens, and that carries no password.
func web(raw string) (*url.URL, bool) {
	if len(raw) > maxURL {
		return nil, false
	}
	u, err := url.Parse(raw)
	ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
	return u, ok
}

func isPicture(u *url.URL) bool {
	return u.Scheme == "https" && slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif", ".svg"}, strings.ToLower(path.Ext(u.Path)))
}

// maxEvent is what PagerDuty takes of one event, 512 KB, less some for what its
// counting may add. Source: PagerDuty, Events API v2.
const maxEvent = 500 << 10

// fit drops what an event can do without until it has at most most bytes: first the
// details, then links and images. The summary stays.
func fit(event *pagerduty.V2Event, most int) {
	for _, drop := range []func(){
		func() {}, func() { event.Payload.Details = nil }, func() { event.Links, event.Images = nil, nil }, func() { event.ClientURL = "" },
	} {
		drop()
		if raw, err := json.Marshal(event); err == nil && len(raw) <= most {
			return
		}
	}
}
