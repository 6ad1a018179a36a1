package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// Listening is how a Socket hears of buttons, commands, pins and reactions, and
// whom it obeys.
type Listening struct {
	APIURL             string
	AppToken, BotToken func(ctx context.Context) (string, error)
	HTTP               *http.Client // nil is a client of escalation.NewTransport

	Timeline Timeline
	Declare  func(ctx context.Context, desk *incident.Desk, by incident.By, sev incident.Severity, title string) (incident.Incident, error)
	Answer   func(ctx context.Context, t incident.Timeline, by incident.By, a DayAnswer) (said string, err error)                   // to a game day
	Halt     func(ctx context.Context, t incident.Timeline, by incident.By, drill incident.ID, why string) (said string, err error) // of the game day of that drill; of the one that goes on without one
	Evidence func() json.RawMessage                                                                                                 // what the signals read now; nil is nothing

	Person func(user string) incident.Person // whose Slack user ID it is; empty if nobody's
	Allow  []string                          // the only other users who may act; empty: everybody of the workspace
	Emoji  string                            // a reaction that puts a message on the timeline; empty: none

	Problem func(string) // told what goes wrong, and "" when it is well again, one at a time; must not block
}

// Timeline is what is done in Slack is recorded on.
type Timeline interface {
	incident.Timeline
	Incident(ctx context.Context, id incident.ID) (incident.Incident, error)
	Incidents(ctx context.Context, openOnly bool, limit int) ([]incident.Incident, error)
	// About is the incident that a channel is about, or the thread under a
	// headline, by the Ref of the message; empty for none.
	About(ctx context.Context, ref string) (incident.ID, error)
}

// Socket listens to Slack's Socket Mode. One process of all on a store does that:
// Slack tells each event to one of the sockets of an app, whichever it likes.
type Socket struct {
	Listening
	team string // of the bot
	self string

	mu    sync.Mutex
	known map[string]bool // what was done, so that what Slack tells again is not
}

// NewSocket is a socket that does not listen yet.
func NewSocket(l Listening) *Socket {
	l.APIURL = strings.TrimRight(l.APIURL, "/") + "/"
	if l.HTTP == nil {
		l.HTTP = &http.Client{Transport: escalation.NewTransport()}
	}
	tell := l.Problem
	var one sync.Mutex
	l.Problem = func(text string) {
		one.Lock()
		defer one.Unlock()
		if tell != nil {
			tell(text)
		}
	}
	return &Socket{Listening: l, known: map[string]bool{}}
}

const (
	patience   = 10 * time.Second // for one request to Slack, or what one event asks for
	atOnce     = 4                // events that are worked on at a time
	mostKnown  = 4096
	maxMessage = 1 << 20
)

// Run listens until ctx ends, or a token is refused. It connects again by itself
// when the connection breaks, waiting longer every time.
func (s *Socket) Run(ctx context.Context) error {
	app, err := secret(ctx, s.AppToken, "slack.app_token")
	if err != nil {
		return err
	}
	bot, err := secret(ctx, s.BotToken, "slack.bot_token")
	if err != nil {
		return err
	}
	quiet := log.New(io.Discard, "", 0) // the library would write to stderr, across the screen
	client := *s.HTTP
	if client.Timeout == 0 {
		client.Timeout = patience
	}
	api := slack.New(bot, slack.OptionAppLevelToken(app), slack.OptionAPIURL(s.APIURL), slack.OptionHTTPClient(&client), slack.OptionLog(quiet))
	who, err := api.AuthTestContext(ctx)
	if err != nil {
		return fmt.Errorf("listen to Slack: %w", hide(err, app, bot))
	}
	s.team, s.self = who.TeamID, who.UserID
	sm := socketmode.New(api, socketmode.OptionLog(quiet), socketmode.OptionReadLimit(maxMessage), socketmode.OptionDialer(s.dialer()))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var work sync.WaitGroup
	defer work.Wait()
	over := make(chan error, 1)
	go func() { over <- sm.RunContext(ctx) }()
	places := make(chan struct{}, atOnce)
	for {
		select {
		case err := <-over:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("listen to Slack: %w: check slack.app_token", hide(err, app, bot))
		case e := <-sm.Events:
			s.tell(e, app, bot)
			if e.Request == nil || e.Request.EnvelopeID == "" {
				continue
			}
			if err := sm.AckCtx(ctx, e.Request.EnvelopeID, nil); err != nil {
				continue // Slack tells it again
			}
			work.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				s.work(ctx, api, *e.Request)
			})
		}
	}
}

// work does what a request asks for. What Slack believes to be done is done, after
// the end of ctx too.
func (s *Socket) work(ctx context.Context, api *slack.Client, r socketmode.Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	switch r.Type {
	case socketmode.RequestTypeInteractive:
		s.interaction(ctx, api, r.Payload)
	case socketmode.RequestTypeSlashCommands:
		s.command(ctx, api, r.Payload)
	case socketmode.RequestTypeEventsAPI:
		s.event(ctx, api, r.Payload)
	}
}

// dialer connects as the HTTP client does: through the same proxy, with the same
// authorities.
func (s *Socket) dialer() *websocket.Dialer {
	d := &websocket.Dialer{HandshakeTimeout: patience, WriteBufferSize: 32 << 10, Proxy: http.ProxyFromEnvironment}
	if t, ok := s.HTTP.Transport.(*http.Transport); ok {
		d.Proxy, d.NetDialContext, d.TLSClientConfig = t.Proxy, t.DialContext, t.TLSClientConfig.Clone()
		if d.TLSClientConfig != nil {
			d.TLSClientConfig.NextProtos = nil // a WebSocket needs HTTP/1.1
		}
	}
	return d
}

// tell says how the connection stands.
func (s *Socket) tell(e socketmode.Event, secrets ...string) {
	switch data := e.Data.(type) {
	case *socketmode.ConnectedEvent:
		s.Problem("")
	case *slack.ConnectionErrorEvent:
		s.Problem(fmt.Sprintf("Slack's buttons and commands are not heard: %v", hide(data.ErrorObj, secrets...)))
	case *socketmode.ErrorBadMessage:
		s.Problem(fmt.Sprintf("something that Slack said was not understood: %v", hide(data.Cause, secrets...)))
	}
}

// hide is an error on one line, without secrets.
func hide(err error, secrets ...string) error {
	x := escalation.Exchange{Sink: "Slack", Secrets: secrets}
	return x.Errorf("%v", err)
}

func secret(ctx context.Context, read func(context.Context) (string, error), name string) (string, error) {
	value, err := read(ctx)
	if err != nil {
		return "", fmt.Errorf("listen to Slack: read %s: %w", name, err)
	}
	if value == "" {
		return "", fmt.Errorf("listen to Slack: %s is empty", name)
	}
	return value, nil
}

// errNotAllowed is why somebody's button does nothing.
var errNotAllowed = errors.New("you may not act on incidents from here: ask for a place in people or slack.allow_users of sitrep's configuration")

// mayAct says whether a user is obeyed: whom the configuration names; of the
// others those whom it allows, or, if it names none, everybody of the bot's own
// workspace. A guest of another one, in a shared channel, is not.
func (s *Socket) mayAct(user, team string) error {
	switch {
	case s.Person(user) != "":
		return nil
	case len(s.Allow) > 0:
		for _, id := range s.Allow {
			if id == user {
				return nil
			}
		}
	case team == s.team && team != "":
		return nil
	}
	return errNotAllowed
}

// by is the stamp of what a user does: as the person that the configuration
// knows, else under the name that they have given themselves in Slack, which is a
// claim.
func (s *Socket) by(ctx context.Context, api *slack.Client, user string) incident.By {
	by := incident.By{Actor: s.Person(user), Via: "slack:" + user, Source: "slack", At: time.Now()}
	if s.Evidence != nil {
		by.Evidence = s.Evidence()
	}
	if by.Actor == "" {
		by.Actor, by.Claimed = s.nameOf(ctx, api, user), true
	}
	return by
}

// nameOf is what a user calls themselves, marked; the ID if Slack does not say.
func (s *Socket) nameOf(ctx context.Context, api *slack.Client, user string) incident.Person {
	name := user
	if u, err := api.GetUserInfoContext(ctx, user); err == nil {
		for _, n := range []string{u.Profile.DisplayName, u.RealName, u.Name} {
			if n = cut(oneLine(n), maxTitle); n != "" {
				name = n
				break
			}
		}
	}
	return incident.Person(name + " (Slack)")
}

// first says whether a happening is new. Its name is kept here for what changes
// nothing a second time, and stands on the timeline for what would.
func (s *Socket) first(once string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[once] {
		return false
	}
	if len(s.known) >= mostKnown {
		clear(s.known)
	}
	s.known[once] = true
	return true
}

// desk is where one happening is carried out, once.
func (s *Socket) desk(once string) *incident.Desk {
	return incident.NewDesk(onceOnly{s.Timeline, once})
}

// onceOnly marks the first event of every decision with a happening's name.
type onceOnly struct {
	incident.Timeline
	once string
}

// Decide implements incident.Timeline.
func (t onceOnly) Decide(ctx context.Context, id incident.ID, decide func(incident.Incident) ([]incident.Event, error)) (incident.Incident, error) {
	return t.Timeline.Decide(ctx, id, func(inc incident.Incident) ([]incident.Event, error) {
		events, err := decide(inc)
		if err == nil && len(events) > 0 && events[0].Once == "" {
			events[0].Once = t.once
		}
		return events, err
	})
}

// Open implements incident.Timeline.
func (t onceOnly) Open(ctx context.Context, decide func(incident.ID) ([]incident.Event, error)) (incident.Incident, error) {
	return t.Timeline.Open(ctx, func(id incident.ID) ([]incident.Event, error) {
		events, err := decide(id)
		if err == nil && len(events) > 0 && events[0].Once == "" {
			events[0].Once = t.once
		}
		return events, err
	})
}

// again says whether an error means that Slack has told of it before.
func again(err error) bool {
	var dup *incident.DuplicateError
	return errors.As(err, &dup)
}

// cut is at most most runes of s.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
