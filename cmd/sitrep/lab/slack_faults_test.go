package lab

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/slack"
	"github.com/sitrep-dev/sitrep/incident"
)

// canned answers one method itself and asks the stand-in for all others.
type canned struct {
	*direct
	method string
	status int
	body   string
	wait   string
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, c.method) {
		return c.direct.RoundTrip(r)
	}
	resp := &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.body)), Request: r}
	if c.wait != "" {
		resp.Header.Set("Retry-After", c.wait)
	}
	return resp, nil
}

func smallPicture(t *testing.T) []byte {
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 2, 2))))
	return b.Bytes()
}

func roomSender(t *testing.T, conn http.RoundTripper) *slack.Sender {
	picture := smallPicture(t)
	return slack.New(slack.Config{
		APIURL: "http://slack.lab/api/", HTTP: &http.Client{Transport: conn}, Buttons: true,
		Token:   func(context.Context) (string, error) { return labSlackToken, nil },
		Mention: func(incident.Person) string { return slackAna },
		Phone:   func(incident.Person) string { return "+49 <1>" },
		Picture: func(_ context.Context, inc incident.Incident, of escalation.PictureOf) ([]byte, string, error) {
			return picture, inc.Title + " " + of.What, nil
		},
	})
}

func hostile(key string) incident.Incident {
	return incident.Incident{
		ID: "INC-7", Key: key, Title: strings.Repeat("<!channel> & <@U1> *x* \x1b[2J\u202e", 20), Severity: incident.Sev1, Status: incident.StatusOpen,
		Clocks: incident.Clocks{Declared: time.Now()},
	}
}

// beside is a message of each operation, ready to be sent in a workspace in which
// the room and the headline exist.
func beside(t *testing.T, s *slackStandIn, inc incident.Incident) map[escalation.Operation]escalation.Message {
	s.mu.Lock()
	room := s.channels[1]
	if len(room.messages) == 0 {
		s.append(room, &slackMessage{User: slackSelf, Text: "headline"})
	}
	post := room.id + "/" + room.messages[0].TS
	s.mu.Unlock()
	all := map[escalation.Operation]escalation.Message{}
	for op, c := range map[escalation.Operation]escalation.Content{
		escalation.OpCreate:     {InChat: escalation.InChat{Room: &escalation.RoomStep{Name: escalation.RoomName("inc", inc)}}},
		escalation.OpTopic:      {InChat: escalation.InChat{Room: &escalation.RoomStep{Channel: room.id}}, Text: escalation.Topic(inc)},
		escalation.OpInvite:     {InChat: escalation.InChat{Room: &escalation.RoomStep{Channel: room.id, Invite: []string{slackAna}}}, Who: []incident.Person{"bob"}},
		escalation.OpPin:        {InChat: escalation.InChat{Room: &escalation.RoomStep{Channel: room.id, Message: post}}},
		escalation.OpBookmark:   {InChat: escalation.InChat{Room: &escalation.RoomStep{Channel: room.id, Title: "<!here> board", Link: "https://g.example/1"}}},
		escalation.OpArchive:    {InChat: escalation.InChat{Room: &escalation.RoomStep{Channel: room.id}}},
		escalation.OpSchedule:   {InChat: escalation.InChat{Alarm: &escalation.Alarm{Level: "L2", Due: time.Now().Add(3 * time.Minute), At: time.Now().Add(5 * time.Minute)}}, Who: []incident.Person{"<!channel>"}},
		escalation.OpUnschedule: {},
		escalation.OpPicture:    {InChat: escalation.InChat{Picture: &escalation.PictureOf{Event: "e", What: "declared", At: time.Now(), Thread: post}}},
	} {
		all[op] = escalation.Message{ID: "01" + string(op), Incident: inc.ID, Sink: "slack:#incidents", Operation: op, Payload: incident.Payload(c), FirstTryAt: time.Now(), LastTryAt: time.Now()}
	}
	return all
}

// What was typed as a title, or stands in a label, is text wherever it goes, and
// fits.
func TestHostileWordsAreTextEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlackStandIn(newLedger(), time.Now)
		sender := roomSender(t, &direct{to: s})
		inc := hostile("01HOSTILE")
		messages := beside(t, s, inc)
		for _, op := range []escalation.Operation{
			escalation.OpCreate, escalation.OpTopic, escalation.OpInvite, escalation.OpPin, escalation.OpBookmark, escalation.OpSchedule, escalation.OpPicture,
		} {
			o := sender.Send(t.Context(), messages[op], inc)
			require.Equal(t, escalation.Done, o.Class, "%s: %v", op, o.Err)
			o = sender.Send(t.Context(), messages[op], inc)
			if op != escalation.OpCreate { // its name is taken, by this test
				require.Equal(t, escalation.Done, o.Class, "%s again: %v", op, o.Err)
			}
		}
		head := escalation.Message{ID: "01H", Sink: "slack:#incidents", Operation: escalation.OpPost, Payload: incident.Payload(escalation.Content{
			Headline: true, Text: escalation.Headline(inc), InChat: escalation.InChat{Room: &escalation.RoomStep{Channel: "C01ABGENERAL"}},
		})}
		o := sender.Send(t.Context(), head, inc)
		require.Equal(t, escalation.Done, o.Class, "%v", o.Err)
		s.mu.Lock()
		room := s.channels[1]
		require.Len(t, room.bookmarks, 1, "it was there the second time")
		require.Len(t, s.plans, 1)
		said := []string{room.topic, room.bookmarks[0].Title, s.plans[0].content.text, s.files[0].Alt, s.files[0].Title}
		for _, m := range room.messages[1:] {
			said = append(said, m.Text)
		}
		last := room.messages[len(room.messages)-1]
		s.mu.Unlock()
		require.NotNil(t, last.Blocks, "Slack liked the blocks")
		require.Contains(t, last.Text, "<#C01ABGENERAL>")
		for _, text := range said {
			require.NotContains(t, text, "<!")
			require.NotContains(t, text, "<@U1>")
			require.NotContains(t, text, "\x1b")
			require.NotContains(t, text, "\u202e")
		}
		for _, c := range s.channels {
			require.Regexp(t, `^[a-zA-Z0-9_-]{1,80}$`, c.name)
		}
		o = sender.Send(t.Context(), messages[escalation.OpUnschedule], inc)
		require.Equal(t, escalation.Done, o.Class, "%v", o.Err)
		require.Empty(t, s.plans)
		require.Equal(t, escalation.Done, sender.Send(t.Context(), messages[escalation.OpArchive], inc).Class)
		require.Equal(t, escalation.Done, sender.Send(t.Context(), messages[escalation.OpArchive], inc).Class)
	})
}

// What Slack answers to each call, and what becomes of the message.
func TestAnswersToWhatIsBeside(t *testing.T) {
	methods := map[escalation.Operation]string{
		escalation.OpCreate: "conversations.create", escalation.OpTopic: "conversations.setTopic", escalation.OpInvite: "conversations.invite",
		escalation.OpPin: "pins.add", escalation.OpBookmark: "bookmarks.add", escalation.OpArchive: "conversations.archive",
		escalation.OpSchedule: "chat.scheduleMessage", escalation.OpPicture: "files.completeUploadExternal",
	}
	for op, method := range methods {
		for _, c := range []struct {
			status     int
			body, wait string
			class      escalation.Class
		}{
			{200, `{"ok":false,"error":"fatal_error"}`, "", escalation.Unsure},
			{200, `{"ok":false}`, "", escalation.Unsure},
			{200, `<html>login</html>`, "", escalation.Unsure},
			{503, ``, "", escalation.Unsure},
			{200, `{"ok":false,"error":"missing_scope","needed":"pins:write"}`, "", escalation.Dead},
			{200, `{"ok":false,"error":"ratelimited"}`, "7", escalation.Throttled},
			{429, `{"ok":false,"error":"ratelimited"}`, "7", escalation.Throttled},
			{302, ``, "", escalation.NotSent},
		} {
			synctest.Test(t, func(t *testing.T) {
				s := newSlackStandIn(newLedger(), time.Now)
				inc := hostile("01X")
				o := roomSender(t, canned{&direct{to: s}, method, c.status, c.body, c.wait}).Send(t.Context(), beside(t, s, inc)[op], inc)
				require.Equal(t, c.class, o.Class, "%s: %d %s: %v", op, c.status, c.body, o.Err)
				if c.class == escalation.Throttled {
					require.Equal(t, 7*time.Second, o.After)
				}
				require.NotContains(t, o.Err.Error(), labSlackToken)
			})
		}
	}
}

// A look that fails changes nothing, and a picture that may have been sent is not
// sent again.
func TestLooksAndPicturesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlackStandIn(newLedger(), time.Now)
		inc := hostile("01X")
		messages := beside(t, s, inc)
		for op, method := range map[escalation.Operation]string{
			escalation.OpBookmark: "bookmarks.list", escalation.OpSchedule: "chat.scheduledMessages.list", escalation.OpUnschedule: "conversations.list",
			escalation.OpPicture: "files.getUploadURLExternal",
		} {
			o := roomSender(t, canned{&direct{to: s}, method, 503, "", ""}).Send(t.Context(), messages[op], inc)
			require.Equal(t, escalation.NotSent, o.Class, "%s: %v", op, o.Err)
		}
		m := messages[escalation.OpPicture]
		m.Murky = true
		conn := &direct{to: s}
		o := roomSender(t, conn).Send(t.Context(), m, inc)
		require.Equal(t, escalation.Dead, o.Class)
		require.ErrorContains(t, o.Err, "it may have been sent")
		require.Empty(t, conn.asked())

		late := messages[escalation.OpSchedule]
		content := late.Content()
		content.Alarm.At = time.Now().Add(50 * time.Second)
		late.Payload = incident.Payload(content)
		require.Equal(t, escalation.NotSent, roomSender(t, conn).Send(t.Context(), late, inc).Class, "it could not be taken back")
	})
}

// A channel of the name that somebody else has made is theirs.
func TestAChannelOfTheNameIsSomebodyElses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlackStandIn(newLedger(), time.Now)
		inc := incident.Incident{ID: "INC-7", Key: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Title: "Checkout"}
		m := beside(t, s, inc)[escalation.OpCreate]
		s.channels = append(s.channels, &slackChannel{id: "C0OTHER", name: "inc-7-checkout"})
		for _, murky := range []bool{false, true} {
			m.Murky = murky
			o := roomSender(t, &direct{to: s}).Send(t.Context(), m, inc)
			require.Equal(t, escalation.Done, o.Class, "%v", o.Err)
			require.Equal(t, murky, o.Reconciled)
			require.Equal(t, s.channels[len(s.channels)-1].id, o.Ref)
			require.Equal(t, "inc-7-checkout-9g5fav", s.channels[len(s.channels)-1].name)
		}
	})
}
