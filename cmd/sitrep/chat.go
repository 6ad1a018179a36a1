package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/slack"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// roomsConfig says which incidents get a channel of their own.
type roomsConfig struct {
	Severities  []string          `yaml:"severities"`   // none: no incident does
	Prefix      string            `yaml:"prefix"`       // of the channel's name: inc-12-checkout-5xx
	DrillPrefix string            `yaml:"drill_prefix"` // of a drill's; drills get none without
	Private     bool              `yaml:"private"`
	Invite      []string          `yaml:"invite"`    // people, or Slack user IDs
	Bookmarks   map[string]string `yaml:"bookmarks"` // URLs by title
	Archive     bool              `yaml:"archive"`   // when the incident is closed
}

var (
	roomPrefix = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,19}$`)
	emojiName  = regexp.MustCompile(`^[a-z0-9_+'-]{1,100}$`)
	slackUser  = regexp.MustCompile(`^[UW][A-Z0-9]{1,31}$`)
)

// checkSlack refuses what Slack would.
func (c *config) checkSlack() error {
	s, at := &c.Slack, "slack.incident_channels."
	for i, sev := range s.Rooms.Severities {
		if _, err := incident.ParseSeverity(sev); err != nil {
			return c.doc.Errorf(fmt.Sprintf("%sseverities[%d]", at, i), "%v", err)
		}
	}
	for key, prefix := range map[string]string{"prefix": s.Rooms.Prefix, "drill_prefix": s.Rooms.DrillPrefix} {
		if prefix != "" && !roomPrefix.MatchString(prefix) {
			return c.doc.Errorf(at+key, "%q begins no name of a channel: lower case letters, digits, - and _, at most 20", prefix)
		}
	}
	for i, who := range s.Rooms.Invite {
		if _, known := c.People[who]; !known && !slackUser.MatchString(who) {
			return c.doc.Errorf(fmt.Sprintf("%sinvite[%d]", at, i), "%q is neither one of people nor a Slack user ID such as U0123", who)
		}
	}
	for _, title := range slices.Sorted(maps.Keys(s.Rooms.Bookmarks)) {
		if err := checkURL(s.Rooms.Bookmarks[title]); err != nil {
			return c.doc.Errorf(at+"bookmarks", "%s: %v", title, err)
		}
	}
	for i, id := range s.AllowUsers {
		if !slackUser.MatchString(id) {
			return c.doc.Errorf(fmt.Sprintf("slack.allow_users[%d]", i), "%q is not a Slack user ID such as U0123", id)
		}
	}
	if s.NoteEmoji != "" && !emojiName.MatchString(s.NoteEmoji) {
		return c.doc.Errorf("slack.note_emoji", "%q is not the name of an emoji, such as pushpin, without colons", s.NoteEmoji)
	}
	if g := s.DeadManGrace.D(); g != 0 && g < escalation.LeastDeadMan {
		return c.doc.Errorf("slack.dead_man_grace", "%s is too short: Slack takes nothing back that is due within a minute; at least %s",
			strictyaml.FormatDuration(g), strictyaml.FormatDuration(escalation.LeastDeadMan))
	}
	return nil
}

// chat is what chats get beside headlines and replies.
func (c *config) chat() escalation.Chat {
	s := c.Slack
	var chat escalation.Chat
	if s.BotToken == "" {
		return chat
	}
	if s.DeadMan {
		chat.DeadMan = max(s.DeadManGrace.D(), escalation.LeastDeadMan)
	}
	chat.Pictures = s.Pictures
	chat.Rooms = escalation.Rooms{
		Prefix: s.Rooms.Prefix, DrillPrefix: s.Rooms.DrillPrefix, Private: s.Rooms.Private, Invite: s.Rooms.Invite,
		Bookmarks: s.Rooms.Bookmarks, Archive: s.Rooms.Archive,
		Member: func(p incident.Person) bool { return c.People[string(p)].Slack != "" },
	}
	if chat.Rooms.Prefix == "" {
		chat.Rooms.Prefix = "inc"
	}
	for _, text := range s.Rooms.Severities {
		if sev, err := incident.ParseSeverity(text); err == nil { // checked when it was read
			chat.Rooms.Severities = append(chat.Rooms.Severities, sev)
		}
	}
	return chat
}

// botToken reads the token that messages are sent with.
func (c *config) botToken(ctx context.Context) (string, error) {
	if c.Slack.BotToken == "" {
		return "", errors.New("the configuration has no slack.bot_token")
	}
	return c.Slack.BotToken.read(ctx, c.dir)
}

// ear hears of what people do in Slack. Of several processes the one that runs the
// ladder listens: Slack tells each event to one socket only, whichever it likes.
type ear struct {
	socket *slack.Socket
	mine   func() bool
}

// ear is nil where the configuration wants none.
func (c *centre) ear() (*ear, error) {
	cfg, err := c.app.config()
	if err != nil || cfg.Slack.AppToken == "" || cfg.Slack.BotToken == "" {
		return nil, err
	}
	trouble := c.news.complaint()
	return &ear{mine: c.mine.Load, socket: slack.NewSocket(slack.Listening{
		APIURL: cfg.Slack.APIURL, BotToken: cfg.botToken,
		AppToken: func(ctx context.Context) (string, error) { return cfg.Slack.AppToken.read(ctx, cfg.dir) },
		Timeline: c.db, Evidence: func() json.RawMessage { return c.signals.freeze() },
		Declare: func(ctx context.Context, desk *incident.Desk, by incident.By, sev incident.Severity, title string) (incident.Incident, error) {
			return desk.Declare(ctx, by, "", incident.Declaration{Title: title, Severity: sev, Policy: c.policy.Frozen("")})
		},
		Answer: c.answerFromChat, Halt: c.haltFromChat,
		Person: func(user string) incident.Person { return cfg.bySlack(user) },
		Allow:  cfg.Slack.AllowUsers, Emoji: cfg.Slack.NoteEmoji,
		Problem: trouble.say,
	})}, nil
}

// bySlack is the person whose Slack user ID it is; of several, the first by name.
func (c *config) bySlack(user string) incident.Person {
	for _, name := range slices.Sorted(maps.Keys(c.People)) {
		if c.People[name].Slack == user && user != "" {
			return incident.Person(name)
		}
	}
	return ""
}

// Run listens while this process runs the ladder, until ctx ends or Slack refuses
// a token.
func (e *ear) Run(ctx context.Context) error {
	for {
		if err := pauseFor(ctx, leaseLook/4); err != nil {
			return err
		}
		if !e.mine() {
			continue
		}
		if err := e.listen(ctx); err != nil {
			return err
		}
	}
}

// listen ends, without an error, when another process runs the ladder.
func (e *ear) listen(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan error, 1)
	go func() { over <- e.socket.Run(inner) }()
	tick := time.NewTicker(leaseLook / 4)
	defer tick.Stop()
	for {
		select {
		case err := <-over:
			return err
		case <-tick.C:
		}
		if !e.mine() {
			cancel()
			<-over
			return nil
		}
	}
}
