package lab

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/slack"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// office is a workspace, a store, a ladder that posts and a socket that listens.
type office struct {
	t     *testing.T
	slack *slackStandIn
	url   string
	db    *store.DB
	inc   incident.Incident
	said  chan string // problems
}

// newOffice opens one, with one incident declared, and its headline posted.
func newOffice(t *testing.T, change func(*slack.Listening)) *office {
	s := newSlackStandIn(newLedger(), time.Now)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	o := &office{t: t, slack: s, url: srv.URL, db: db, said: make(chan string, 100)}
	text := func(s string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return s, nil }
	}
	tr := escalation.NewTransport()
	sender := slack.New(slack.Config{APIURL: srv.URL + "/api/", Token: text(labSlackToken), Buttons: true, HTTP: &http.Client{Transport: tr}})
	policy, err := escalation.LoadPolicy("p.yaml", []byte(chatOnly))
	require.NoError(t, err)
	o.inc, err = incident.NewDesk(db).Declare(t.Context(), incident.By{Actor: "ana", Source: "test", At: time.Now()}, "",
		incident.Declaration{Title: "Checkout <!channel> 5xx", Severity: incident.Sev2, Policy: policy.Frozen("")})
	require.NoError(t, err)
	engine := escalation.New(escalation.Config{
		Book: db, Leases: db, Timeline: db, Install: "test0000", Owner: "test", Policy: policy,
		Senders: map[string]escalation.Sender{"slack": sender},
		Chat:    escalation.Chat{Rooms: escalation.Rooms{Severities: []incident.Severity{incident.Sev2}, Prefix: "inc"}},
	})
	listening := slack.Listening{
		APIURL: srv.URL + "/api/", AppToken: text(labSlackAppToken), BotToken: text(labSlackToken), HTTP: &http.Client{Transport: tr},
		Timeline: db, Emoji: "pushpin",
		Person: func(user string) incident.Person { return map[string]incident.Person{slackAna: "ana"}[user] },
		Declare: func(ctx context.Context, desk *incident.Desk, by incident.By, sev incident.Severity, title string) (incident.Incident, error) {
			return desk.Declare(ctx, by, "", incident.Declaration{Title: title, Severity: sev, Policy: policy.Frozen("")})
		},
		Problem: func(s string) { o.said <- s },
	}
	if change != nil {
		change(&listening)
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 2)
	go func() { over <- engine.Run(ctx) }()
	go func() { over <- slack.NewSocket(listening).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-over, context.Canceled)
		require.ErrorIs(t, <-over, context.Canceled)
		tr.CloseIdleConnections()
		require.NoError(t, db.Close())
	})
	o.until("the socket is open", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.sockets) == 1
	})
	o.until("the headlines have buttons", func() bool {
		return len(o.messages("C01ABINCIDENTS")) > 0 && o.room() != "" && len(o.messages(o.room())) > 0
	})
	return o
}

func (o *office) until(what string, holds func() bool) {
	o.t.Helper()
	require.Eventually(o.t, holds, time.Minute, 5*time.Millisecond, what)
}

// messages are those of a channel.
func (o *office) messages(channel string) (list []slackMessage) {
	o.slack.mu.Lock()
	defer o.slack.mu.Unlock()
	c, fault := o.slack.channel(slackArgs{"channel": channel})
	if fault == nil {
		for _, m := range c.messages {
			list = append(list, *m)
		}
	}
	return list
}

// room is the ID of the channel that was made.
func (o *office) room() string {
	o.slack.mu.Lock()
	defer o.slack.mu.Unlock()
	for _, c := range o.slack.channels {
		if c.creator == slackSelf {
			return c.id
		}
	}
	return ""
}

// does is a gesture of somebody; it answers with the ts of what was said.
func (o *office) does(g gesture) string {
	o.t.Helper()
	body, err := json.Marshal(g)
	require.NoError(o.t, err)
	status, _, answer := standInCall(o.t, o.slack, "POST", "/do", "application/json", string(body))
	require.Equal(o.t, http.StatusOK, status, answer)
	var said struct{ TS string }
	require.NoError(o.t, json.Unmarshal([]byte(answer), &said))
	return said.TS
}

func (o *office) press(user, action, value string) {
	o.t.Helper()
	o.does(gesture{Do: "press", User: user, Channel: "C01ABINCIDENTS", TS: o.messages("C01ABINCIDENTS")[0].TS, Action: action, Value: value})
}

// told waits until somebody is told something that only they see.
func (o *office) told(words string) {
	o.t.Helper()
	o.until(words, func() bool {
		for _, e := range o.slack.log.entries() {
			if (strings.HasSuffix(e.Path, "chat.postEphemeral") || strings.HasPrefix(e.Path, "/response/")) && strings.Contains(string(e.Body), words) {
				return true
			}
		}
		return false
	})
}

// event waits for an event whose text has the words.
func (o *office) event(kind incident.Kind, words string) (found incident.Event) {
	o.t.Helper()
	o.until(string(kind)+" "+words, func() bool {
		events, err := o.db.Timeline(o.t.Context(), o.inc.ID)
		require.NoError(o.t, err)
		for _, e := range events {
			if e.Kind == kind && strings.Contains(e.Text, words) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

func TestButtonsAreKeys(t *testing.T) {
	o := newOffice(t, nil)
	o.press(slackAna, "sitrep_ack", "")
	e := o.event(incident.Acknowledged, "")
	require.Equal(t, incident.Person("ana"), e.Actor)
	require.False(t, e.Claimed)
	require.Equal(t, "slack:"+slackAna, e.Via)
	require.Equal(t, "slack", e.Source)
	o.until("who has it needs no button", func() bool {
		return !strings.Contains(string(incident.Payload(o.messages("C01ABINCIDENTS")[0].Blocks)), "sitrep_ack")
	})

	o.press(slackBob, "sitrep_severity", "SEV-1")
	e = o.event(incident.SeverityChanged, "")
	require.Equal(t, incident.Person("bob (Slack)"), e.Actor, "whom the configuration does not know has claimed the name")
	require.True(t, e.Claimed)

	o.press(slackAna, "sitrep_note", "")
	o.until("the modal is open", func() bool {
		o.slack.mu.Lock()
		defer o.slack.mu.Unlock()
		return o.slack.view != nil
	})
	o.does(gesture{Do: "submit", User: slackAna, Text: "-5m pool \x1b[31mexhausted\u202e"})
	e = o.event(incident.NoteAdded, "pool [31mexhausted")
	require.Less(t, e.At, time.Now().Add(-4*time.Minute), "back-dated as by the key")

	blocks := string(incident.Payload(o.messages("C01ABINCIDENTS")[0].Blocks))
	require.Contains(t, blocks, `"Resolve INC-1?"`, "it asks first")
	o.slack.mu.Lock()
	o.slack.view = nil
	o.slack.mu.Unlock()
	o.press(slackAna, "sitrep_resolve", "")
	o.until("it asks how it was fixed", func() bool {
		o.slack.mu.Lock()
		defer o.slack.mu.Unlock()
		return o.slack.view != nil
	})
	o.does(gesture{Do: "submit", User: slackAna, Text: "rolled\nback"})
	require.Equal(t, incident.Person("ana"), o.event(incident.Resolved, "rolled back").Actor)
	o.until("what is over has no buttons", func() bool {
		return !strings.Contains(string(incident.Payload(o.messages("C01ABINCIDENTS")[0].Blocks)), "actions")
	})
}

// Whoever may not is told so, and so is whoever is late; the others see nothing.
func TestPressesThatAreRefused(t *testing.T) {
	o := newOffice(t, nil)
	ts := o.messages("C01ABINCIDENTS")[0].TS
	o.does(gesture{Do: "press", User: slackBob, Team: "T0OTHER", Channel: "C01ABINCIDENTS", TS: ts, Action: "sitrep_ack"})
	o.told("you may not act on incidents from here")
	_, err := incident.NewDesk(o.db).Acknowledge(t.Context(), incident.By{Actor: "ana", Source: "test", At: time.Now()}, o.inc.ID)
	require.NoError(t, err)
	e := envelope{"interactive", map[string]any{
		"type": "block_actions", "team": map[string]any{"id": slackTeam}, "user": map[string]any{"id": slackAna, "team_id": slackTeam},
		"channel": map[string]any{"id": "C01ABINCIDENTS"},
		"actions": []any{map[string]any{"action_id": "sitrep_ack", "value": "INC-1 " + o.inc.Key, "action_ts": "1.1"}},
	}}
	require.NoError(t, o.slack.deliver(e))
	o.told("acknowledge INC-1: nothing to change")
	actions := e.payload["actions"].([]any)[0].(map[string]any)
	actions["value"], actions["action_ts"] = "INC-1 ANOTHERKEY", "1.2"
	require.NoError(t, o.slack.deliver(e))
	o.told("this button belongs to another sitrep's INC-1")
}

func TestOnlyWhoIsAllowedActs(t *testing.T) {
	o := newOffice(t, func(l *slack.Listening) { l.Allow = []string{"U0CAROL"} })
	o.press(slackBob, "sitrep_ack", "")
	o.told("you may not act on incidents from here")
	o.press(slackAna, "sitrep_ack", "")
	require.Equal(t, incident.Person("ana"), o.event(incident.Acknowledged, "").Actor)
}

func TestTheSlashCommand(t *testing.T) {
	o := newOffice(t, nil)
	for _, c := range []struct{ text, answer string }{
		{"", "INC-1 SEV-2 Checkout &lt;!channel&gt; 5xx: open"},
		{"help", "/sitrep declare SEV-2 TITLE"},
		{"dance", `\"dance\" is no command`},
		{"ack INC-1", "INC-1 is yours, ana"},
		{"ack 1", "nothing to change"},
		{"ack INC-9", "no such incident"},
		{"note INC-1 pool &lt;exhausted&gt;", "INC-1: noted"},
		{"severity INC-1 SEV-9", "SEV-9"},
		{"severity INC-1 SEV-3 fewer users", "INC-1 is SEV-3 now"},
		{"update INC-1 checkout fails in eu", "INC-1: the update is recorded"},
		{"declare SEV-3 Orders slow", "INC-2 SEV-3 Orders slow is open"},
		{"declare SEV-3", "a title"},
	} {
		o.does(gesture{Do: "command", User: slackAna, Channel: "C01ABENGINEERING", Text: c.text})
		o.told(c.answer)
	}
	require.Equal(t, "pool <exhausted>", o.event(incident.NoteAdded, "pool").Text)
	o.event(incident.UpdateSent, "checkout fails in eu")
	inc, err := o.db.Incident(t.Context(), o.inc.ID)
	require.NoError(t, err)
	require.Equal(t, incident.Sev3, inc.Severity)
}

// A message that is pinned or marked goes onto the timeline once, as what its
// author said when they said it, from the thread and from the channel; what the bot
// itself says, and what is about no incident, does not.
func TestMarkedMessagesAreNotes(t *testing.T) {
	o := newOffice(t, nil)
	root := o.messages("C01ABINCIDENTS")[0].TS
	thread := o.does(gesture{Do: "say", User: slackBob, Channel: "C01ABINCIDENTS", Thread: root, Text: "-7m is <https://x.example/a|this> it? <@U01ABANA> &lt;b&gt;"})
	room := o.does(gesture{Do: "say", User: slackAna, Channel: o.room(), Text: "rolled back"})
	other := o.does(gesture{Do: "say", User: slackAna, Channel: "C01ABINCIDENTS", Text: "lunch?"})
	o.does(gesture{Do: "pin", User: slackAna, Channel: "C01ABINCIDENTS", TS: thread})
	e := o.event(incident.NoteAdded, "is this")
	require.Equal(t, "-7m is this (https://x.example/a) it? @U01ABANA <b>", e.Text, "its time is when it was said, whatever it says")
	require.Equal(t, incident.Person("bob (Slack)"), e.Actor)
	require.WithinDuration(t, time.Now(), e.At, time.Minute)
	o.does(gesture{Do: "react", User: slackBob, Channel: "C01ABINCIDENTS", TS: thread, Emoji: "pushpin"})
	o.does(gesture{Do: "react", User: slackBob, Channel: "C01ABINCIDENTS", TS: root, Emoji: "pushpin"})
	o.does(gesture{Do: "react", User: slackBob, Channel: "C01ABINCIDENTS", TS: other, Emoji: "pushpin"})
	o.does(gesture{Do: "react", User: slackBob, Channel: o.room(), TS: room, Emoji: "eyes"})
	o.does(gesture{Do: "react", User: slackBob, Channel: o.room(), TS: room, Emoji: "pushpin::skin-tone-2"})
	require.Equal(t, incident.Person("ana"), o.event(incident.NoteAdded, "rolled back").Actor)
	o.does(gesture{Do: "command", User: slackAna, Channel: o.room(), Text: "note INC-1 the last one"})
	o.event(incident.NoteAdded, "the last one")
	events, err := o.db.Timeline(t.Context(), o.inc.ID)
	require.NoError(t, err)
	notes := 0
	for _, e := range events {
		if e.Kind == incident.NoteAdded {
			notes++
		}
	}
	require.Equal(t, 3, notes)
}

// Slack moves its sockets; what it tells twice is done once.
func TestTheSocketComesBack(t *testing.T) {
	o := newOffice(t, nil)
	o.does(gesture{Do: "disconnect"})
	o.until("it has asked for another connection", func() bool {
		n := 0
		for _, e := range o.slack.log.entries() {
			if strings.HasSuffix(e.Path, "apps.connections.open") {
				n++
			}
		}
		o.slack.mu.Lock()
		defer o.slack.mu.Unlock()
		return n == 2 && len(o.slack.sockets) == 1
	})
	e := envelope{"slash_commands", map[string]any{
		"command": "/sitrep", "text": "note INC-1 once", "user_id": slackAna, "team_id": slackTeam, "channel_id": "C1", "trigger_id": "t1", "response_url": o.url + "/response/1",
	}}
	require.NoError(t, o.slack.deliver(e))
	require.NoError(t, o.slack.deliver(e))
	o.told("INC-1: noted")
	o.does(gesture{Do: "command", User: slackAna, Channel: "C1", Text: "note INC-1 last"})
	o.event(incident.NoteAdded, "last")
	events, err := o.db.Timeline(t.Context(), o.inc.ID)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(incident.Payload(events)), `"text":"once"`))
}

// A token that Slack does not take ends the listening, and is shown to nobody.
func TestAWrongTokenIsSaid(t *testing.T) {
	srv := httptest.NewServer(newSlack(newLedger(), time.Now))
	defer srv.Close()
	text := func(s string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return s, nil }
	}
	for _, tokens := range [][2]string{{"xapp-secret", labSlackToken}, {labSlackAppToken, "xoxb-secret"}, {"", labSlackToken}} {
		err := slack.NewSocket(slack.Listening{APIURL: srv.URL + "/api", AppToken: text(tokens[0]), BotToken: text(tokens[1])}).Run(t.Context())
		require.ErrorContains(t, err, "listen to Slack")
		require.NotContains(t, err.Error(), "secret")
	}
}
