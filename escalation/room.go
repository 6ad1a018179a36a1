package escalation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Chat is what is done in chats beside headlines and replies. The zero Chat is
// nothing of it.
type Chat struct {
	Rooms    Rooms
	DeadMan  time.Duration // after a rung was due that nobody called, a chat says so by itself; 0 = never
	Pictures bool          // of the signals, at the declaration, when it gets worse, and at the end
}

// Rooms says which incidents get a channel of their own.
type Rooms struct {
	Severities  []incident.Severity
	Prefix      string // of the channel's name
	DrillPrefix string // of a drill's; empty: drills get none
	Private     bool
	Invite      []string                   // people, or their IDs in the chat, who are always asked in
	Member      func(incident.Person) bool // whether the chat knows a person; nil: everybody. Pure
	Bookmarks   map[string]string          // URLs by title, kept at the top of the channel
	Archive     bool                       // when the incident is closed: until then it may be reopened
}

// The operations on a channel. Each looks first or may be repeated.
const (
	OpCreate   Operation = "create"
	OpTopic    Operation = "topic"
	OpInvite   Operation = "invite"
	OpPin      Operation = "pin"
	OpBookmark Operation = "bookmark"
	OpArchive  Operation = "archive"

	OpUnarchive Operation = "unarchive" // the incident was reopened
)

// roomSink takes all of them, for all incidents: one that is asked too often is
// left alone for all.
const roomSink = "slack:rooms"

// RoomStep is what a message does to the channel of an incident; in a headline,
// which channel that is.
type RoomStep struct {
	Channel string   `json:"channel,omitempty"` // its ID, once it is made
	Name    string   `json:"name,omitempty"`    // wanted of a new one
	Private bool     `json:"private,omitempty"`
	Invite  []string `json:"invite,omitempty"` // beside the message's Who
	Message string   `json:"message,omitempty"`
	Title   string   `json:"title,omitempty"` // of a bookmark
	Link    string   `json:"link,omitempty"`
}

// Beside says whether m is something that makes the response easier, and whose
// failure is no failure of it.
func (m Message) Beside() bool {
	switch m.Operation {
	case OpCreate, OpTopic, OpInvite, OpPin, OpBookmark, OpArchive, OpUnarchive, OpPicture, OpSchedule, OpUnschedule, OpNote:
		return true
	}
	return false
}

// RoomName is the name of the channel of an incident, by Slack's rules: lower
// case, digits and dashes, at most 80. It is the same whoever asks.
func RoomName(prefix string, inc incident.Incident) string {
	const longest = 80
	name := []byte(prefix + "-" + strings.TrimPrefix(strings.ToLower(string(inc.ID)), "inc-"))
	for _, word := range strings.FieldsFunc(strings.ToLower(inc.Title), func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9') }) {
		if len(name)+1+len(word) > longest-roomSuffix {
			break
		}
		name = append(append(name, '-'), word...)
	}
	return string(name)
}

// roomSuffix is the place that a sender needs to tell two channels of one name
// apart.
const roomSuffix = 7

// wanted is the name of the channel that inc ought to have; empty for none.
func (r Rooms) wanted(inc incident.Incident) string {
	prefix := r.Prefix
	if inc.Drill {
		prefix = r.DrillPrefix
	}
	if prefix == "" || inc.Status.Over() || !slices.Contains(r.Severities, inc.Severity) {
		return ""
	}
	return RoomName(prefix, inc)
}

// latest is the last message of an operation that was not withdrawn.
func (c Case) latest(op Operation) (Message, bool) {
	for _, m := range slices.Backward(c.Messages) {
		if m.Operation == op && m.State != Superseded {
			return m, true
		}
	}
	return Message{}, false
}

// room is the ID of the incident's channel; empty while there is none.
func (c Case) room() string {
	m, _ := c.latest(OpCreate)
	if m.State != Accepted {
		return ""
	}
	return m.Ref
}

// room plans the incident's own channel: its making, once; then the headline in
// it, the topic, who is asked in, the pin and the bookmarks, each once and again
// when it changes. They go through a stream of their own, which holds up nothing.
func (pl planner) room(c *Case, d *Decision, firsts map[string]bool, now time.Time) {
	inc := c.Incident
	made, asked := c.latest(OpCreate)
	switch name := pl.chat.Rooms.wanted(inc); {
	case !asked && name != "":
		pl.side(c, d, OpCreate, RoomStep{Name: name, Private: pl.chat.Rooms.Private}, Content{Who: pl.responders(*c)}, now)
		return
	case asked && made.State == Pending && made.Attempts == 0 && inc.Status.Over():
		made.State, made.Error = Superseded, fmt.Sprintf("the incident is %s", inc.Status)
		pl.put(c, d, made, incident.PageSuperseded, now)
		return
	case !asked:
		return
	case c.room() == "":
		pl.remember(c, d, made, now)
		return
	}
	channel := c.room()
	if away := c.away(); away && !inc.Status.Over() {
		pl.unarchive(c, d, channel, now) // before anything is said there
	}
	post, posted := c.headlineIn(channel)
	if !posted {
		m := Message{Sink: "slack:" + channel, Stream: chatStream("slack:"+channel, inc), Operation: OpPost}
		pl.queue(c, d, m, Content{Headline: true, Text: Headline(inc)}, now)
		firsts[m.Stream] = true
	}
	if topic, _ := c.latest(OpTopic); topic.Content().Text != Topic(inc) {
		pl.side(c, d, OpTopic, RoomStep{Channel: channel}, Content{Text: Topic(inc)}, now)
	}
	pl.invite(c, d, channel, now)
	if _, pinned := c.latest(OpPin); !pinned && post.State == Accepted {
		pl.side(c, d, OpPin, RoomStep{Channel: channel, Message: post.Ref}, Content{}, now)
	}
	pl.bookmark(c, d, channel, now)
	if !c.away() && pl.chat.Rooms.Archive && inc.Status == incident.StatusClosed && !c.busy(channel) {
		pl.side(c, d, OpArchive, RoomStep{Channel: channel}, Content{}, now)
	}
}

// away says whether the channel is archived, or on its way there.
func (c Case) away() bool {
	for _, m := range slices.Backward(c.Messages) {
		if (m.Operation == OpArchive || m.Operation == OpUnarchive) && m.State != Superseded {
			return m.Operation == OpArchive
		}
	}
	return false
}

// unarchive takes the channel back, or leaves it if it has not been put away yet.
func (pl planner) unarchive(c *Case, d *Decision, channel string, now time.Time) {
	if last, ok := c.latest(OpArchive); ok && last.State == Pending && last.Attempts == 0 {
		last.State, last.Error = Superseded, "the incident was reopened"
		pl.put(c, d, last, incident.PageSuperseded, now)
		return
	}
	pl.side(c, d, OpUnarchive, RoomStep{Channel: channel}, Content{}, now)
}

// remember keeps who is to be asked in until there is a channel: news is told once.
func (pl planner) remember(c *Case, d *Decision, made Message, now time.Time) {
	content := made.Content()
	n := len(content.Who)
	for _, p := range pl.responders(*c) {
		if !slices.Contains(content.Who, p) {
			content.Who = append(content.Who, p)
		}
	}
	if len(content.Who) > n {
		made.Payload = incident.Payload(content)
		pl.put(c, d, made, "", now)
	}
}

// side queues an operation on the channel.
func (pl planner) side(c *Case, d *Decision, op Operation, step RoomStep, content Content, now time.Time) {
	content.Room = &step
	pl.queue(c, d, Message{Sink: roomSink, Stream: "room/" + c.Incident.Key, Operation: op}, content, now)
}

// headlineIn is the headline in a channel.
func (c Case) headlineIn(channel string) (Message, bool) {
	for _, m := range c.chats() {
		if m.Sink == "slack:"+channel {
			return m, true
		}
	}
	return Message{}, false
}

// busy says whether something is still to be said or done in the channel.
func (c Case) busy(channel string) bool {
	return slices.ContainsFunc(c.Messages, func(m Message) bool {
		step := m.Content().Room
		return m.Open() && (m.Sink == "slack:"+channel || m.Operation != OpArchive && step != nil && step.Channel == channel && !m.Content().Headline)
	})
}

// invite asks in whoever was called or has a part in it, each once.
func (pl planner) invite(c *Case, d *Decision, channel string, now time.Time) {
	var asked []incident.Person
	first := true
	for _, m := range c.Messages {
		if m.Operation == OpInvite && m.State != Superseded {
			asked, first = append(asked, m.Content().Who...), false
		}
	}
	made, _ := c.latest(OpCreate)
	who := slices.Concat(pl.responders(*c), made.Content().Who)
	slices.Sort(who)
	who = slices.DeleteFunc(slices.Compact(who), func(p incident.Person) bool { return slices.Contains(asked, p) })
	step := RoomStep{Channel: channel}
	if first {
		step.Invite = pl.chat.Rooms.Invite
	}
	if len(who)+len(step.Invite) > 0 {
		pl.side(c, d, OpInvite, step, Content{Who: who}, now)
	}
}

// responders are those whom the ladder has called up to now, who have a role or
// have it, and who did something since the last look; only those whom the chat
// knows.
func (pl planner) responders(c Case) []incident.Person {
	inc := c.Incident
	list := []incident.Person{inc.Clocks.AckBy}
	for _, who := range inc.Roles {
		list = append(list, who)
	}
	rungs := policyOf(inc, pl.today).Ladder(inc.Severity)
	if inc.Rung.Level != "" && len(rungs) > 0 {
		for _, r := range rungs[:standsAt(rungs, inc.Rung.Level)+1] {
			list = append(list, r.Who...)
		}
	}
	for _, e := range c.News {
		if strings.HasPrefix(string(e.Kind), "incident.") || e.Kind == incident.NoteAdded || e.Kind == incident.ActionTaken {
			list = append(list, e.Actor)
		}
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(p incident.Person) bool {
		return p == "" || p == incident.Sitrep || pl.chat.Rooms.Member != nil && !pl.chat.Rooms.Member(p)
	})
}

// bookmark keeps the links that are known at the top of the channel.
func (pl planner) bookmark(c *Case, d *Decision, channel string, now time.Time) {
	links := maps.Clone(pl.chat.Rooms.Bookmarks)
	if url := c.Incident.RunbookURL; strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") {
		if links == nil {
			links = map[string]string{}
		}
		links["Runbook"] = url
	}
	for _, title := range slices.Sorted(maps.Keys(links)) {
		known := slices.ContainsFunc(c.Messages, func(m Message) bool {
			return m.Operation == OpBookmark && m.State != Superseded && m.Content().Room != nil && m.Content().Room.Link == links[title]
		})
		if !known {
			pl.side(c, d, OpBookmark, RoomStep{Channel: channel, Title: title, Link: links[title]}, Content{}, now)
		}
	}
}

// Topic is the line at the head of the incident's channel. The text is raw.
func Topic(inc incident.Incident) string {
	topic := fmt.Sprintf("%s %s %s", inc.ID, inc.Severity, inc.Title)
	if inc.Drill {
		topic = "[DRILL] " + topic
	}
	if inc.Status.Over() {
		topic = fmt.Sprintf("[%s] %s", inc.Status, topic)
	}
	return topic
}

// Summary is what the channel of an incident is told last. The text is raw.
func Summary(inc incident.Incident) string {
	if inc.MergedInto != "" {
		return fmt.Sprintf("%s is the same as %s and goes on there.", inc.ID, inc.MergedInto)
	}
	lines := []string{fmt.Sprintf("%s %s %s", inc.ID, inc.Status, inc.Title)}
	if d, ok := inc.TimeToResolve(); ok {
		lines[0] += fmt.Sprintf(", after %s", d.Round(time.Second))
	}
	if d, ok := inc.TimeToAcknowledge(); ok {
		lines = append(lines, fmt.Sprintf("acknowledged after %s by %s", d.Round(time.Second), inc.Clocks.AckBy))
	}
	if d, ok := inc.TimeToMitigate(); ok {
		lines = append(lines, fmt.Sprintf("mitigated after %s: %s", d.Round(time.Second), inc.Mitigation()))
	}
	if inc.Resolution != "" {
		lines = append(lines, "resolution: "+inc.Resolution)
	}
	for _, item := range inc.Items {
		if item.Closed.IsZero() {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("to do: %s %s", item.Text, item.Owner)))
		}
	}
	return strings.Join(lines, "\n")
}
