package alert

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/sitrep-dev/sitrep/query"
)

// Notification is what Alertmanager posts to a webhook (version 4 of its form,
// which Grafana's alerting sends too). Its own status says nothing of each alert:
// a group that fires may hold alerts that have ended.
type Notification struct {
	Receiver  string
	Group     string // key of the group, the same for as long as the group exists
	Alerts    []Report
	Truncated int      // alerts of the group that were left out (max_alerts)
	LeftOut   []string // why some of those that came cannot be told apart, a line each
}

// Report is what a source says of one firing of one alert.
type Report struct {
	Alert Alert // a zero ActiveAt means that the source does not say
	Ended bool
	Why   string // it ended, if not because its condition did
}

// How much is kept of one alert. What is longer ends in dots; the fingerprint is
// that of the whole.
const (
	mostLabels = 128
	longestKey = 256
	longest    = 4 << 10
)

// What one notification may consist of. Of its bytes alone a million empty alerts
// could be made, which cost a hundred times as much here.
const (
	mostThings   = 200_000
	mostSaidLeft = 20 // of what was left out, a line each
)

// ErrTooMany says that a notification is not read because of how much is in it.
var ErrTooMany = errors.New("too much in one notification: set max_alerts of the receiver")

// ReadNotification reads the body of a webhook. Strings may hold anything: they
// are for a sanitizer before they are for a terminal.
func ReadNotification(body []byte) (Notification, error) {
	var w struct {
		Version   string `json:"version"`
		GroupKey  string `json:"groupKey"`
		Receiver  string `json:"receiver"`
		Status    string `json:"status"` // of an alert that has none of its own
		Truncated uint64 `json:"truncatedAlerts"`
		Alerts    *[]struct {
			Status      string       `json:"status"`
			Labels      query.Labels `json:"labels"`
			Annotations query.Labels `json:"annotations"`
			StartsAt    wireTime     `json:"startsAt"`
		} `json:"alerts"`
	}
	var crowd query.Crowd
	if crowd.Count(body); crowd.Objects+crowd.Members > mostThings {
		return Notification{}, ErrTooMany
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return Notification{}, fmt.Errorf("this is no notification of Alertmanager (version 4): %w", err)
	}
	switch {
	case w.Alerts == nil:
		return Notification{}, errors.New("this is no notification of Alertmanager (version 4): it has no alerts")
	case w.Version != "" && w.Version != "4" && w.Version != "1": // Grafana counts by itself
		return Notification{}, fmt.Errorf("notifications of version %.20q cannot be read, only version 4", w.Version)
	}
	n := Notification{Receiver: cut(w.Receiver, longestKey), Group: cut(w.GroupKey, longest), Truncated: int(min(w.Truncated, 1<<30))}
	left := 0
	for i, a := range *w.Alerts {
		a.Status = cmp.Or(a.Status, w.Status)
		why := ""
		switch {
		case len(a.Labels) == 0:
			why = fmt.Sprintf("alert %d has no labels", i+1)
		case a.Status != "firing" && a.Status != "resolved":
			why = fmt.Sprintf("alert %d has the status %.20q, neither firing nor resolved", i+1, a.Status)
		}
		if why != "" {
			if left++; left <= mostSaidLeft {
				n.LeftOut = append(n.LeftOut, why)
			}
			continue
		}
		r := Report{Ended: a.Status == "resolved", Alert: Alert{
			Name: cut(a.Labels["alertname"], longestKey), State: Firing, Labels: bounded(a.Labels), Annotations: bounded(a.Annotations), ActiveAt: query.Plausible(time.Time(a.StartsAt)),
			Value: query.Absent(), Fingerprint: Fingerprint(a.Labels), From: FromManager, Group: n.Group,
		}}
		if r.Alert.Name == "" {
			r.Alert.Name = "unnamed alert"
		}
		n.Alerts = append(n.Alerts, r)
	}
	if more := left - mostSaidLeft; more > 0 {
		n.LeftOut = append(n.LeftOut, fmt.Sprintf("and %d more", more))
	}
	return n, nil
}

// bounded is as much of a label set as is kept.
func bounded(l query.Labels) query.Labels {
	out := make(query.Labels, min(len(l), mostLabels))
	for _, k := range l.Names() {
		if len(out) == mostLabels {
			break
		}
		out[cut(k, longestKey)] = cut(l[k], longest)
	}
	return out
}

// cut is at most n bytes of s, in whole characters; what was longer ends in dots.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n -= len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
