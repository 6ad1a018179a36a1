package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/sitrep-dev/sitrep/escalation"
)

// tooNear is how soon Slack says what it does not let be taken back any more.
// Source: Slack, chat.deleteScheduledMessage.
const tooNear = time.Minute

// alarm lets Slack say by itself that nobody runs the ladder, unless it is stopped
// before; or stops what it would say. It looks first at what stands about the
// incident, so that it may be done again after any crash, and takes the older ones
// away last: a crash in between leaves one too many, and never none.
func (a attempt) alarm(ctx context.Context) escalation.Outcome {
	channel, o := a.resolve(ctx, a.m.Target())
	if o.Class != escalation.Done {
		return notSent(o)
	}
	standing, o := a.scheduled(ctx, channel)
	if o.Class != escalation.Done {
		return notSent(o)
	}
	keep := scheduled{}
	if a.m.Operation == escalation.OpSchedule {
		if keep, o = a.schedule(ctx, channel, standing); o.Class != escalation.Done {
			return o
		}
	}
	for _, s := range standing {
		if s.ID == keep.ID {
			continue
		}
		got := a.call(func(api *slack.Client) {
			_, _ = api.DeleteScheduledMessageContext(ctx, &slack.DeleteScheduledMessageParameters{Channel: channel, ScheduledMessageID: s.ID})
		})
		if got.Class != escalation.Done && got.code != "invalid_scheduled_message_id" { // said by now, or about to be
			return notSent(got.Outcome)
		}
	}
	return escalation.Outcome{Class: escalation.Done, Ref: strings.TrimSuffix(channel+"/"+keep.ID, "/"), Reconciled: a.m.Murky && o.Reconciled}
}

// scheduled is a message that Slack will say.
type scheduled struct {
	ID     string
	PostAt int64 `json:"post_at"`
	Text   string
}

// schedule is the message that is to stand: one of those that do, or a new one.
func (a attempt) schedule(ctx context.Context, channel string, standing []scheduled) (scheduled, escalation.Outcome) {
	alarm := a.content.Alarm
	if alarm == nil {
		return scheduled{}, escalation.Outcome{Class: escalation.Dead, Err: a.errorf("the message does not say when it is to be said")}
	}
	for _, s := range standing {
		if s.PostAt == alarm.At.Unix() {
			return s, escalation.Outcome{Class: escalation.Done, Reconciled: true}
		}
	}
	if time.Until(alarm.At) < tooNear {
		return scheduled{}, escalation.Outcome{Class: escalation.NotSent, Err: a.errorf("%s is too near: it could not be taken back", alarm.At.UTC().Format(time.RFC3339))}
	}
	got := a.call(func(api *slack.Client) {
		_, _, _ = api.ScheduleMessageContext(ctx, channel, strconv.FormatInt(alarm.At.Unix(), 10),
			slack.MsgOptionText(a.alarmText(), false), slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false))
	})
	if got.Class != escalation.Done {
		return scheduled{}, got.Outcome
	}
	var said struct {
		ID string `json:"scheduled_message_id"`
	}
	if json.Unmarshal(got.body, &said) != nil || said.ID == "" {
		return scheduled{}, escalation.Outcome{Class: escalation.Unsure, Err: a.errorf("said yes without saying which message it is: it may stand")}
	}
	return scheduled{ID: said.ID}, got.Outcome
}

// scheduled lists what Slack will say about the incident: those that carry its
// key.
func (a attempt) scheduled(ctx context.Context, channel string) (ours []scheduled, o escalation.Outcome) {
	cursor := ""
	for range maxPages {
		got := a.call(func(api *slack.Client) {
			_, _, _ = api.GetScheduledMessagesContext(ctx, &slack.GetScheduledMessagesParameters{Channel: channel, Limit: pageSize, Cursor: cursor})
		})
		if got.Class != escalation.Done {
			return nil, got.Outcome
		}
		var page struct {
			Messages []scheduled `json:"scheduled_messages"`
			Meta     next        `json:"response_metadata"`
		}
		if err := json.Unmarshal(got.body, &page); err != nil || page.Messages == nil {
			return nil, escalation.Outcome{Class: escalation.Unsure, Err: a.errorf("the list of scheduled messages is not as the Web API describes it")}
		}
		for _, s := range page.Messages {
			if strings.Contains(s.Text, a.mark()) {
				ours = append(ours, s)
			}
		}
		if cursor = page.Meta.Cursor; cursor == "" {
			break
		}
	}
	return ours, escalation.Outcome{Class: escalation.Done}
}

// mark tells the scheduled messages of this incident from all others.
func (a attempt) mark() string { return fmt.Sprintf("(%s %s)", a.inc.ID, a.inc.Key) }

// alarmText is what Slack says when nobody stops it, escaped.
func (a attempt) alarmText() string {
	alarm, who := a.content.Alarm, ""
	for _, p := range a.content.Who[:min(len(a.content.Who), maxMentions)] {
		one := escape(oneLine(string(p)), maxTitle)
		if a.config.Mention != nil && userID.MatchString(a.config.Mention(p)) {
			one += " <@" + a.config.Mention(p) + ">"
		}
		if a.config.Phone != nil && a.config.Phone(p) != "" {
			one += " " + escape(oneLine(a.config.Phone(p)), maxTitle)
		}
		who += ", " + one
	}
	called := strings.TrimPrefix(who, ", ")
	if called == "" {
		called = "whoever is on call"
	}
	level := escape(string(alarm.Level), maxTitle)
	return fmt.Sprintf("sitrep is silent since %s: %s was due then and was not called. Call by phone: %s. Nobody runs the ladder of %s.\n%s",
		alarm.Due.UTC().Format("15:04 UTC"), level, called, escape(oneLine(escalation.Topic(a.inc)), maxTopic), a.mark())
}
