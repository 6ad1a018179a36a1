package escalation

import (
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// OpPicture puts a picture of the signals into a thread. It is made at most once:
// a chat cannot be asked whether it has it.
const OpPicture Operation = "picture"

// PictureOf says which event a picture shows the signals of, and where it goes.
type PictureOf struct {
	Event  string    `json:"event"` // ID of the event whose evidence is drawn
	What   string    `json:"what"`  // "declared", "resolved", "SEV-2 -> SEV-1"
	At     time.Time `json:"at"`
	Thread string    `json:"thread,omitempty"` // Ref of the post that it replies to, once that is known
}

// pictureWait is how long a picture waits for the thread that it goes into.
const pictureWait = time.Minute

// pictures queues what the signals looked like when it was declared, got worse and
// ended. What the boards showed is known a little later than the event; a change of
// severity carries its own.
func (pl planner) pictures(c *Case, d *Decision, now time.Time) {
	if !pl.chat.Pictures {
		return
	}
	for _, e := range c.News {
		if of := pictureOf(e); of.Event != "" {
			for _, post := range c.chats() {
				m := Message{Sink: post.Sink, Stream: "picture/" + post.Stream, Operation: OpPicture, NotBefore: now.Add(pictureWait)}
				pl.queue(c, d, m, Content{InChat: InChat{Picture: &of}}, now)
			}
		}
	}
	for _, m := range c.Messages {
		content := m.Content()
		if m.Operation != OpPicture || m.State != Pending || m.Attempts > 0 || content.Picture == nil || content.Picture.Thread != "" {
			continue
		}
		i := slices.IndexFunc(c.chats(), func(post Message) bool { return "picture/"+post.Stream == m.Stream && post.Ref != "" })
		if i >= 0 {
			content.Picture.Thread, m.NotBefore = c.chats()[i].Ref, time.Time{}
			m.Payload = incident.Payload(content)
			pl.put(c, d, m, "", now)
		}
	}
}

// pictureOf is what an event gives to see; zero for most.
func pictureOf(e incident.Event) PictureOf {
	switch e.Kind {
	case incident.EvidenceCaptured:
		var p incident.Capture
		if e.Payload(&p) == nil && (p.Kind == incident.Declared || p.Kind == incident.Resolved) {
			return PictureOf{Event: p.Event, What: p.What, At: p.At}
		}
	case incident.SeverityChanged:
		var p incident.SeverityChange
		if e.Payload(&p) == nil && p.To.WorseThan(p.From) && len(e.Evidence) > 0 {
			return PictureOf{Event: e.ID, What: string(p.From) + " -> " + string(p.To), At: e.At}
		}
	}
	return PictureOf{}
}
