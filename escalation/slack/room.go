package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// Limits of the methods on channels. Source: Slack, conversations.setTopic,
// conversations.invite, bookmarks.add.
const (
	maxTopic   = 250
	maxInvited = 100
	maxTitle   = 80
)

// madeSince is how long before our first attempt a channel may have been made that
// counts as ours: Slack's clock is not ours.
const madeSince = time.Minute

// room does one step on the channel of an incident. The Ref of a create is the
// channel's ID. Every step looks first, or may be done twice.
func (a attempt) room(ctx context.Context) escalation.Outcome {
	step := a.content.Room
	if step == nil || a.m.Operation != escalation.OpCreate && !channelID.MatchString(step.Channel) {
		return escalation.Outcome{Class: escalation.Dead, Err: a.errorf("the message does not say which channel it is about")}
	}
	var got answer
	switch a.m.Operation {
	case escalation.OpCreate:
		return a.create(ctx, step)
	case escalation.OpTopic:
		topic := escape(oneLine(a.content.Text), maxTopic)
		got = a.call(func(api *slack.Client) { _, _ = api.SetTopicOfConversationContext(ctx, step.Channel, topic) })
	case escalation.OpInvite:
		return a.inviteAll(ctx, step)
	case escalation.OpPin:
		pinned, ok := parseRef(step.Message)
		if !ok {
			return escalation.Outcome{Class: escalation.Dead, Err: a.errorf("the message does not say what to pin")}
		}
		got = a.call(func(api *slack.Client) {
			_ = api.AddPinContext(ctx, pinned.channel, slack.ItemRef{Channel: pinned.channel, Timestamp: pinned.ts})
		})
	case escalation.OpBookmark:
		return a.bookmark(ctx, step)
	case escalation.OpUnarchive:
		got = a.call(func(api *slack.Client) { _ = api.UnArchiveConversationContext(ctx, step.Channel) })
	case escalation.OpArchive:
		got = a.call(func(api *slack.Client) { _ = api.ArchiveConversationContext(ctx, step.Channel) })
	}
	return a.settled(got, step.Channel)
}

// settled is the outcome of something that may be done twice: that it was done
// before is no failure.
func (a attempt) settled(got answer, ref string) escalation.Outcome {
	switch got.code {
	case "already_pinned", "already_in_channel", "already_archived", "not_archived", "cant_invite_self":
		return escalation.Outcome{Class: escalation.Done, Ref: ref, Reconciled: a.m.Murky}
	}
	if got.Class == escalation.Done {
		return escalation.Outcome{Class: escalation.Done, Ref: ref}
	}
	return got.Outcome
}

// create makes the channel, under another name if somebody else has taken the
// first. After an attempt that nobody knows the end of, a channel of the name that
// this app has made since is the one.
func (a attempt) create(ctx context.Context, step *escalation.RoomStep) escalation.Outcome {
	names := []string{step.Name, step.Name + "-" + strings.ToLower(a.inc.Key[max(0, len(a.inc.Key)-6):])}
	for _, name := range names {
		got := a.call(func(api *slack.Client) {
			_, _ = api.CreateConversationContext(ctx, slack.CreateConversationParams{ChannelName: name, IsPrivate: step.Private})
		})
		if got.code == "name_taken" {
			if !a.m.Murky {
				continue
			}
			id, o := a.made(ctx, name)
			if o.Class == escalation.Done && id == "" {
				continue
			}
			return o
		}
		if got.Class != escalation.Done {
			return got.Outcome
		}
		var said struct{ Channel struct{ ID string } }
		if json.Unmarshal(got.body, &said) != nil || !channelID.MatchString(said.Channel.ID) {
			return escalation.Outcome{Class: escalation.Unsure, Err: a.errorf("said yes without saying which channel it is: it may have been made")}
		}
		return escalation.Outcome{Class: escalation.Done, Ref: said.Channel.ID}
	}
	return escalation.Outcome{Class: escalation.Dead, Err: a.errorf("the names %s are taken", strings.Join(names, " and "))}
}

// made looks for a channel of that name which this app has made since the first
// attempt; without one the ID is empty and the outcome Done.
func (a attempt) made(ctx context.Context, name string) (string, escalation.Outcome) {
	self, o := a.self(ctx)
	if o.Class != escalation.Done {
		return "", notSent(o)
	}
	list, got := a.channelsNamed(ctx, name, "public_channel", "private_channel")
	if got.code == "missing_scope" {
		list, got = a.channelsNamed(ctx, name, "public_channel")
	}
	if got.Class != escalation.Done {
		return "", notSent(got.Outcome)
	}
	for _, c := range list {
		if c.Creator == self && !time.Unix(c.Created, 0).Before(a.m.FirstTryAt.Add(-madeSince)) {
			return c.ID, escalation.Outcome{Class: escalation.Done, Ref: c.ID, Reconciled: true}
		}
	}
	return "", escalation.Outcome{Class: escalation.Done}
}

// notSent is what a look that failed makes of the message: it changed nothing.
func notSent(o escalation.Outcome) escalation.Outcome {
	if o.Class == escalation.Unsure {
		o.Class = escalation.NotSent
	}
	return o
}

// self is the bot's own user ID.
func (a attempt) self(ctx context.Context) (string, escalation.Outcome) {
	got := a.look(func(api *slack.Client) { _, _ = api.AuthTestContext(ctx) })
	if got.Class != escalation.Done {
		return "", got.Outcome
	}
	var said struct {
		User string `json:"user_id"`
	}
	if json.Unmarshal(got.body, &said) != nil || !userID.MatchString(said.User) {
		return "", escalation.Outcome{Class: escalation.Unsure, Err: a.errorf("auth.test did not say who the bot is")}
	}
	return said.User, escalation.Outcome{Class: escalation.Done}
}

// inviteAll asks people in whom Slack knows. Some of them may be in already.
func (a attempt) inviteAll(ctx context.Context, step *escalation.RoomStep) escalation.Outcome {
	var users []string
	for _, who := range slices.Concat(step.Invite, names(a.content.Who)) {
		id := who
		if a.config.Mention != nil && !userID.MatchString(id) {
			id = a.config.Mention(incident.Person(who))
		}
		if userID.MatchString(id) && !slices.Contains(users, id) && len(users) < maxInvited {
			users = append(users, id)
		}
	}
	if len(users) == 0 {
		return escalation.Outcome{Class: escalation.Done, Ref: step.Channel}
	}
	return a.settled(a.call(func(api *slack.Client) {
		_, _ = api.ForceInviteUsersToConversationContext(ctx, step.Channel, users...)
	}), step.Channel)
}

func names(who []incident.Person) (list []string) {
	for _, p := range who {
		list = append(list, string(p))
	}
	return list
}

// bookmark keeps a link at the top of the channel, unless it is there.
func (a attempt) bookmark(ctx context.Context, step *escalation.RoomStep) escalation.Outcome {
	got := a.look(func(api *slack.Client) { _, _ = api.ListBookmarksContext(ctx, step.Channel) })
	if got.Class != escalation.Done {
		return notSent(got.Outcome)
	}
	var page struct{ Bookmarks []struct{ Link string } }
	if json.Unmarshal(got.body, &page) != nil {
		return escalation.Outcome{Class: escalation.NotSent, Err: a.errorf("the list of bookmarks is not as the Web API describes it")}
	}
	if slices.ContainsFunc(page.Bookmarks, func(b struct{ Link string }) bool { return b.Link == step.Link }) {
		return escalation.Outcome{Class: escalation.Done, Ref: step.Channel, Reconciled: a.m.Murky}
	}
	return a.settled(a.call(func(api *slack.Client) {
		_, _ = api.AddBookmarkContext(ctx, step.Channel, slack.AddBookmarkParameters{Title: escape(oneLine(step.Title), maxTitle), Type: "link", Link: step.Link})
	}), step.Channel)
}

// listed is a channel as a list shows it.
type listed struct {
	ID, Name, Creator string
	Created           int64 // seconds
}

// channelsNamed lists the channels of a name, archived ones left out.
func (a attempt) channelsNamed(ctx context.Context, name string, types ...string) (found []listed, got answer) {
	cursor := ""
	for range maxPages {
		got = a.look(func(api *slack.Client) {
			_, _, _ = api.GetConversationsContext(ctx, &slack.GetConversationsParameters{Types: types, Limit: 1000, ExcludeArchived: true, Cursor: cursor})
		})
		if got.Class != escalation.Done {
			return nil, got
		}
		var page struct {
			Channels []listed
			Meta     next `json:"response_metadata"`
		}
		if err := json.Unmarshal(got.body, &page); err != nil || page.Channels == nil {
			return nil, answer{Outcome: escalation.Outcome{Class: escalation.Unsure, Err: a.errorf("the list of channels is not as the Web API describes it")}}
		}
		for _, c := range page.Channels {
			if c.Name == name && channelID.MatchString(c.ID) {
				found = append(found, c)
			}
		}
		if cursor = page.Meta.Cursor; cursor == "" || len(found) > 0 { // a name is given once
			break
		}
	}
	return found, got
}

// oneLine is clean text without line ends.
func oneLine(raw string) string { return strings.Join(strings.Fields(clean(raw)), " ") }

// roomLink is where the incident's own channel is, for its headline elsewhere.
func (a attempt) roomLink() string {
	if step := a.content.Room; a.content.Headline && step != nil && channelID.MatchString(step.Channel) {
		return fmt.Sprintf("channel: <#%s>", step.Channel)
	}
	return ""
}
