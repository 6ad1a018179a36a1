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
)

// eventType marks our posts in their metadata, which every app of the workspace
// can read: there are only IDs in it.
const eventType = "sitrep_outbox"

// How far a look goes: from a while before the first attempt, because our clock
// and Slack's differ, over so many pages.
const (
	lookBack = 5 * time.Minute
	maxPages = 10
	pageSize = 100
)

// reconcile looks for what an earlier attempt may have posted. It is settled if
// the post is there, or if it must not be made now.
//
// Where the history cannot be read, what matters is posted again: two copies
// are better than silence. The rest is left as it is.
func (a attempt) reconcile(ctx context.Context, parent ref) (o escalation.Outcome, settled bool) {
	where := parent
	if where.channel == "" {
		where.channel, o = a.resolve(ctx, a.m.Target())
	} else {
		o.Class = escalation.Done
		if a.content.Top {
			where = ref{channel: where.channel}
		}
	}
	var copies []ref
	if o.Class == escalation.Done {
		copies, o = a.find(ctx, where.channel, where.root(), a.m.ID, a.m.FirstTryAt)
	}
	page := a.content.Diverts != ""
	matters := page || a.content.Headline || a.inc.Severity.Rank() <= 2
	switch {
	case len(copies) > 0:
		return escalation.Outcome{Class: escalation.Done, Ref: first(copies).String(), Reconciled: true}, true
	case o.Class == escalation.Done:
		return o, false
	case o.Class == escalation.Throttled && page, o.Class == escalation.Dead && matters:
		return o, false
	case o.Class == escalation.Throttled:
		return o, true
	case o.Class == escalation.Dead:
		return escalation.Outcome{Class: escalation.Dead, Err: fmt.Errorf("it may have been posted, which cannot be looked up: %w", o.Err)}, true
	}
	return escalation.Outcome{Class: escalation.NotSent, Err: fmt.Errorf("it may have been posted; to look it up failed: %w", o.Err)}, true
}

// sweep deletes the second copies of a post, and keeps the one that is known.
func (a attempt) sweep(ctx context.Context) escalation.Outcome {
	keep, ok := parseRef(a.content.SweepRef)
	if !ok || a.content.Sweeps == "" {
		return escalation.Outcome{Class: escalation.Dead, Err: a.errorf("the sweep does not say which post it is about")}
	}
	copies, o := a.find(ctx, keep.channel, keep.thread, a.content.Sweeps, a.content.TriedAt)
	switch o.Class {
	case escalation.Done:
	case escalation.Unsure: // a look changes nothing
		return escalation.Outcome{Class: escalation.NotSent, Err: o.Err}
	default:
		return o
	}
	if len(copies) > 0 && !slices.Contains(copies, keep) {
		keep = first(copies) // somebody deleted the known one: one of the others stays
	}
	for _, c := range copies {
		if c == keep {
			continue
		}
		got := a.call(func(api *slack.Client) { _, _, _ = api.DeleteMessageContext(ctx, c.channel, c.ts) })
		if got.Class != escalation.Done && got.code != "message_not_found" {
			return got.Outcome
		}
	}
	return escalation.Outcome{Class: escalation.Done, Ref: keep.String()}
}

// first is the oldest of the copies.
func first(copies []ref) ref {
	return slices.MinFunc(copies, func(a, b ref) int { return compareTS(a.ts, b.ts) })
}

// find lists the posts of message id in a channel, or in one of its threads.
// Unless the outcome is Done the list may be incomplete.
func (a attempt) find(ctx context.Context, channel, thread, id string, since time.Time) ([]ref, escalation.Outcome) {
	oldest := ""
	if !since.IsZero() {
		at := since.Add(-lookBack)
		oldest = fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000)
	}
	var copies []ref
	cursor := ""
	for range maxPages {
		got := a.look(func(api *slack.Client) {
			p := slack.GetConversationHistoryParameters{ChannelID: channel, Oldest: oldest, Limit: pageSize, Cursor: cursor, Inclusive: true, IncludeAllMetadata: true}
			if thread == "" {
				_, _ = api.GetConversationHistoryContext(ctx, &p)
				return
			}
			_, _, _, _ = api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
				ChannelID: p.ChannelID, Timestamp: thread, Oldest: p.Oldest, Limit: p.Limit, Cursor: p.Cursor, Inclusive: p.Inclusive, IncludeAllMetadata: true,
			})
		})
		if got.Class != escalation.Done {
			return copies, got.Outcome
		}
		var page struct {
			Messages []json.RawMessage
			HasMore  bool `json:"has_more"`
			Meta     next `json:"response_metadata"`
		}
		if err := json.Unmarshal(got.body, &page); err != nil || page.Messages == nil {
			return copies, escalation.Outcome{Class: escalation.Unsure, Err: a.errorf("the history is not as the Web API describes it")}
		}
		for _, raw := range page.Messages {
			if ts, ok := carries(raw, id); ok {
				copies = append(copies, ref{channel, ts, thread})
			}
		}
		cursor = page.Meta.Cursor
		if !page.HasMore {
			return copies, escalation.Outcome{Class: escalation.Done}
		}
		if cursor == "" {
			break
		}
	}
	return copies, escalation.Outcome{Class: escalation.Dead, Err: a.errorf("the history is too long: not found among the %d messages looked at", maxPages*pageSize)}
}

// next is where a list goes on.
type next struct {
	Cursor string `json:"next_cursor"`
}

// carries says whether a message is a post of ours with that ID, and its ts. A
// message that cannot be decoded is somebody else's.
func carries(raw json.RawMessage, id string) (ts string, ok bool) {
	var m struct {
		TS       string
		Metadata struct {
			Type    string `json:"event_type"`
			Payload struct {
				ID string
			} `json:"event_payload"`
		}
	}
	if json.Unmarshal(raw, &m) != nil || m.Metadata.Type != eventType || m.Metadata.Payload.ID != id {
		return "", false
	}
	return m.TS, timestamp.MatchString(m.TS)
}

// resolve finds the ID of a channel, for the methods that take no name.
func (a attempt) resolve(ctx context.Context, channel string) (string, escalation.Outcome) {
	if id := a.channelID(channel); id != "" { // first, because a post to a user goes to a channel with another ID
		return id, escalation.Outcome{Class: escalation.Done}
	}
	if channelID.MatchString(channel) {
		return channel, escalation.Outcome{Class: escalation.Done}
	}
	id, got := a.list(ctx, channel, "public_channel", "private_channel")
	if got.code == "missing_scope" { // groups:read, which not every app has
		id, got = a.list(ctx, channel, "public_channel")
	}
	if id != "" {
		a.rememberChannel(channel, id)
	}
	return id, got.Outcome
}

// list looks for a channel among those of the types.
func (a attempt) list(ctx context.Context, channel string, types ...string) (string, answer) {
	found, got := a.channelsNamed(ctx, strings.ToLower(strings.TrimPrefix(channel, "#")), types...)
	switch {
	case got.Class != escalation.Done:
		return "", got
	case len(found) > 0:
		return found[0].ID, got
	}
	return "", answer{Outcome: escalation.Outcome{Class: escalation.Dead, Err: a.errorf("channel_not_found: %s", a.advice("channel_not_found", ""))}, code: "channel_not_found"}
}
