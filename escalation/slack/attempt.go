package slack

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/slack-go/slack"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// attempt is one Send.
type attempt struct {
	*Sender
	m       escalation.Message
	content escalation.Content
	inc     incident.Incident
	token   string
}

// answer is what became of one request. The body is worth reading only if the
// outcome is Done.
type answer struct {
	escalation.Outcome
	code string // Slack's error, if it gave one
	body []byte
}

// call makes one request through the library. What it says is taken from the
// wire: the library reports ok:false without an error as success, and cannot
// decode every message that others wrote.
func (a attempt) call(request func(api *slack.Client)) answer {
	return a.through(a.exchange(), request)
}

// look is a call that only reads, which Slack's methods do not show.
func (a attempt) look(request func(api *slack.Client)) answer {
	x := a.exchange()
	x.Reads = true
	return a.through(x, request)
}

func (a attempt) through(x *escalation.Exchange, request func(api *slack.Client)) answer {
	request(slack.New(a.token, slack.OptionHTTPClient(x), slack.OptionAPIURL(a.config.APIURL)))
	var said struct {
		OK     bool
		Error  string
		Needed string
	}
	decoded := json.Unmarshal(x.Body, &said)
	switch o, refused := x.Refused(said.Error, hint(x.Status)); {
	case refused:
		return answer{Outcome: o, code: said.Error}
	case decoded != nil:
		return answer{Outcome: escalation.Outcome{Class: escalation.Unsure, Err: x.Errorf("answered %d, but not as the Web API does: is slack.api_url right, or a proxy in between?", x.Status)}}
	case said.OK:
		return answer{Outcome: escalation.Outcome{Class: escalation.Done}, body: x.Body}
	}
	return answer{Outcome: a.verdict(x, said.Error, said.Needed), code: said.Error}
}

func (a attempt) exchange() *escalation.Exchange {
	return &escalation.Exchange{Sink: a.m.Sink, Client: a.config.HTTP, Secrets: []string{a.token}}
}

func (a attempt) errorf(format string, args ...any) error {
	return a.exchange().Errorf(format, args...)
}

// post says it as a reply to parent, or at the top of the channel.
func (a attempt) post(ctx context.Context, parent ref) escalation.Outcome {
	if a.m.Murky {
		if o, settled := a.reconcile(ctx, parent); settled {
			return o
		}
	}
	channel := a.m.Target()
	options := []slack.MsgOption{
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionMetadata(a.metadata()),
	}
	if parent.channel != "" {
		channel = parent.channel
		if a.content.Top {
			parent = ref{}
		} else {
			options = append(options, slack.MsgOptionTS(parent.root()))
			if a.m.Operation == escalation.OpAnnounce || a.content.Question != nil {
				options = append(options, slack.MsgOptionBroadcast()) // who is told does not read the thread
			}
		}
	}
	got := a.write(ctx, channel, slack.MsgOptionCompose(options...))
	if got.code == "not_in_channel" && a.join(ctx, channel) {
		got = a.write(ctx, channel, slack.MsgOptionCompose(options...))
	}
	if got.code == "is_archived" {
		if a.takenBack(ctx, channel) {
			got = a.write(ctx, channel, slack.MsgOptionCompose(options...))
		} else if other, ok := a.instead(); ok {
			return other.post(ctx, ref{})
		}
	}
	if got.Class != escalation.Done {
		return got.Outcome
	}
	var said struct{ Channel, TS string }
	posted := ref{}
	if json.Unmarshal(got.body, &said) == nil {
		posted = ref{said.Channel, said.TS, parent.root()}
	}
	if !posted.valid() {
		return escalation.Outcome{Class: escalation.Unsure, Err: a.errorf("said yes without saying which message it is: it may have been posted")}
	}
	a.rememberChannel(a.m.Target(), posted.channel)
	a.learn(ctx)
	return escalation.Outcome{Class: escalation.Done, Ref: posted.String()}
}

// takenBack unarchives a channel that is known by its ID, which an incident that is
// open may want.
func (a attempt) takenBack(ctx context.Context, channel string) bool {
	if a.inc.Status.Over() || !channelID.MatchString(channel) {
		return false
	}
	got := a.call(func(api *slack.Client) { _ = api.UnArchiveConversationContext(ctx, channel) })
	return got.Class == escalation.Done || got.code == "not_archived"
}

// instead is the attempt to post to the channel that takes what is for one that was
// put away; false if there is none. What is only said in the incident's own channel
// is said there anyhow.
func (a attempt) instead() (attempt, bool) {
	to := a.config.Instead
	if to == "" || to == a.m.Target() || a.content.Top {
		return a, false
	}
	a.content.Text = fmt.Sprintf("%s\n(for %s, which is archived)", a.content.Text, a.m.Target())
	a.m.Sink, a.m.Parent = "slack:"+to, "" // no thread there says what it is about
	return a, true
}

// metadata marks a post as ours.
func (a attempt) metadata() slack.SlackMetadata {
	return slack.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"id": a.m.ID, "incident": string(a.inc.ID)}}
}

// update changes the message old. Doing it twice does no harm. The metadata is
// left out, so Slack keeps that of the post.
func (a attempt) update(ctx context.Context, old ref) escalation.Outcome {
	got := a.write(ctx, old.channel, slack.MsgOptionUpdate(old.ts))
	if got.code == "is_archived" && a.takenBack(ctx, old.channel) {
		got = a.write(ctx, old.channel, slack.MsgOptionUpdate(old.ts))
	}
	if got.Class != escalation.Done {
		return got.Outcome
	}
	return escalation.Outcome{Class: escalation.Done, Ref: old.String()}
}

// write sends the text and its blocks, and the text alone if Slack does not
// like the blocks: it says so before it has posted anything.
func (a attempt) write(ctx context.Context, channel string, more slack.MsgOption) answer {
	text, blocks := a.words(ctx)
	plain := slack.MsgOptionCompose(
		slack.MsgOptionText(text, false),                             // escaped already
		slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false), // chat.update would take @here for a mention otherwise
		more,
	)
	send := func(options ...slack.MsgOption) answer {
		return a.call(func(api *slack.Client) { _, _, _, _ = api.SendMessageContext(ctx, channel, options...) })
	}
	got := send(plain, slack.MsgOptionBlocks(blocks...))
	if refusesBlocks(got.code) {
		got = send(plain)
	}
	return got
}

// join enters the channel, which the app may do if it is public.
func (a attempt) join(ctx context.Context, channel string) bool {
	id, o := a.resolve(ctx, channel)
	if o.Class != escalation.Done {
		return false
	}
	return a.call(func(api *slack.Client) { _, _, _, _ = api.JoinConversationContext(ctx, id) }).Class == escalation.Done
}
