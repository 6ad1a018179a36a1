// Package slack posts incidents to Slack's Web API.
//
// Slack has no idempotency key. Every post carries the ID of its message in
// its metadata instead, by which an attempt that nobody knows the end of is
// looked up in the channel's history before it is made again, and by which
// second copies are found and deleted later. The app needs the scopes
// chat:write, channels:history and channels:read (groups:history and groups:read
// for private channels); with channels:join it enters a public channel by itself.
// What channels of an incident's own, pictures and buttons need is in docs/slack.md.
package slack

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// Config is how Slack is reached.
type Config struct {
	APIURL string // https://slack.com/api/, or a test server's

	// Token gives the bot token. It is asked for every message, and the token
	// is not kept.
	Token func(ctx context.Context) (string, error)

	// Mention, if set, gives the Slack user ID of a person ("U123"), or the ID or
	// handle of a user group ("S123", "@oncall"), empty if there is none. Whoever is
	// called is mentioned by it.
	Mention func(incident.Person) string

	// Instead is the channel that takes what is for one that was archived and that
	// cannot be taken back; empty for none.
	Instead string

	// Phone, if set, gives the number of a person; empty if there is none. It
	// stands in what Slack says when nobody runs the ladder.
	Phone func(incident.Person) string

	// Picture, if set, draws the signals of an incident as a PNG, and says in
	// words what is to be seen.
	Picture func(ctx context.Context, inc incident.Incident, of escalation.PictureOf) (png []byte, alt string, err error)

	// Runs, if set, says, a line each and at once, what chaos and load is on purpose
	// where an incident hurts: it stands in what calls people. A headline stays for
	// longer than that is true.
	Runs func(ctx context.Context, inc incident.Incident) []string

	// Learn, if set, is called when a headline was posted, and may ask for the
	// address of the workspace (see Permalink); false is no answer.
	Learn func(ctx context.Context, workspace func() (string, bool))

	// Buttons says whether headlines have buttons: somebody has to listen (Socket).
	Buttons bool

	// HTTP connects; nil is a client of escalation.NewTransport. Redirects are
	// not followed, whatever it says.
	HTTP *http.Client
}

// Sender posts to Slack. The target of a sink is a channel, "#incidents" or
// its ID.
type Sender struct {
	config Config

	mu       sync.Mutex
	channels map[string]string // IDs of the channels whose names were met
	groups   groups
}

// New is a sender by config.
func New(config Config) *Sender {
	config.APIURL = strings.TrimRight(config.APIURL, "/") + "/"
	if config.HTTP == nil {
		config.HTTP = &http.Client{Transport: escalation.NewTransport()}
	}
	return &Sender{config: config, channels: map[string]string{}}
}

// Send implements escalation.Sender. The Ref of a post is "CHANNEL/TS", that of
// a reply "CHANNEL/TS/THREAD", with the channel's ID: chat.update takes no
// name, and a reply is only found in its thread.
//
// A post is made as a reply to m.Parent, if there is one, and an announcement is
// then shown in the channel too; a post that is Murky
// is looked for first, and adopted if it is there (Reconciled). An update
// changes m.Parent, and becomes a post if there is nothing to change. A sweep
// deletes the second copies of a post. A token that cannot be read leaves the
// message NotSent: unlike a page, a dead post is not offered again.
func (s *Sender) Send(ctx context.Context, m escalation.Message, inc incident.Incident) escalation.Outcome {
	a := attempt{Sender: s, m: m, content: m.Content(), inc: inc}
	token, err := s.config.Token(ctx)
	switch {
	case ctx.Err() != nil:
		return escalation.Outcome{Class: escalation.NotSent, Err: a.errorf("read the bot token: %v: nothing was sent", cmp.Or(err, ctx.Err()))}
	case err != nil:
		return escalation.Outcome{Class: escalation.NotSent, Err: a.errorf("read the bot token: %v", err)}
	case token == "":
		return escalation.Outcome{Class: escalation.NotSent, Err: a.errorf("the bot token is empty: see slack.bot_token")}
	}
	a.token = token
	parent, found := parseRef(m.Parent)
	switch {
	case m.Operation == escalation.OpSweep:
		return a.sweep(ctx)
	case m.Operation == escalation.OpSchedule, m.Operation == escalation.OpUnschedule:
		return a.alarm(ctx)
	case m.Operation == escalation.OpPicture:
		return a.picture(ctx)
	case m.Beside():
		return a.room(ctx)
	case m.Operation == escalation.OpUpdate && found:
		return a.update(ctx, parent)
	case m.Operation == escalation.OpPost, m.Operation == escalation.OpUpdate, m.Operation == escalation.OpAnnounce:
		return a.post(ctx, parent)
	}
	return escalation.Outcome{Class: escalation.Dead, Err: a.errorf("Slack cannot %s: it posts, updates, announces and sweeps, and keeps channels", m.Operation)}
}

// channelID is the remembered ID of a channel.
func (s *Sender) channelID(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.channels[name]
}

func (s *Sender) rememberChannel(name, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[name] = id
}
