package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// The names by which Slack tells which button it was.
const (
	actionAck      = "sitrep_ack"
	actionNote     = "sitrep_note"
	actionSeverity = "sitrep_severity"
	actionResolve  = "sitrep_resolve"
	actionGo       = "sitrep_go"
	actionNoGo     = "sitrep_nogo"
	actionHalt     = "sitrep_halt"
	noteBlock      = "note"
	noteText       = "text"
)

// maxModalTitle is what the title of a modal may have, maxConfirm the text of a
// confirmation. Source: Slack, views, confirmation dialog object.
const (
	maxModalTitle = 24
	maxConfirm    = 300
)

// buttons are those of a headline. Each is bound to the incident, by the ID that
// people use and the key that no other store has. Who has it needs no button for
// that; an incident that is over has none.
func (a attempt) buttons() []slack.Block {
	switch {
	case !a.config.Buttons || a.inc.Status.Over() || a.inc.Key == "":
		return nil
	case a.content.Question != nil:
		return a.choice(*a.content.Question)
	case !a.content.Headline:
		return nil
	}
	bound := bind(a.inc)
	var elements []slack.BlockElement
	if !a.inc.Acknowledged() {
		elements = append(elements, slack.NewButtonBlockElement(actionAck, bound, plain("Acknowledge")).WithStyle(slack.StylePrimary))
	}
	elements = append(elements, slack.NewButtonBlockElement(actionNote, bound, plain("Note…")))
	resolve := slack.NewButtonBlockElement(actionResolve, bound, plain("Resolve…")).WithStyle(slack.StyleDanger)
	resolve.Confirm = slack.NewConfirmationBlockObject(plain("Resolve "+string(a.inc.ID)+"?"),
		plain(escape("It ends for everybody: the ladder stops, and its pages are resolved. You are asked how it was fixed. "+oneLine(a.inc.Title), maxConfirm)),
		plain("It is over"), plain("Leave it"))
	elements = append(elements, resolve)
	var options []*slack.OptionBlockObject
	for _, sev := range incident.Severities() {
		if sev != a.inc.Severity {
			options = append(options, slack.NewOptionBlockObject(bound+" "+string(sev), plain(string(sev)), nil))
		}
	}
	elements = append(elements, slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plain("Severity"), actionSeverity, options...))
	if a.inc.Drill && a.inc.Labels["gameday"] != "" {
		elements = append(elements, a.halt(a.inc.Labels["gameday"]))
	}
	return []slack.Block{slack.NewActionBlock("sitrep", elements...)}
}

func plain(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}

// choice is the buttons of a question that is open. They are bound to the run and the step
// that ask, too: one that is pressed late answers nothing else.
func (a attempt) choice(q escalation.Question) []slack.Block {
	if q.Outcome != "" {
		return nil
	}
	bound := strings.Join([]string{bind(a.inc), q.Key, q.Step}, " ")
	no := slack.NewButtonBlockElement(actionNoGo, bound, plain("No-go")).WithStyle(slack.StyleDanger)
	no.Confirm = ends("Say no?", "A no of anybody ends "+q.Run+" for everybody. With words: /sitrep no-go WHY", "No-go")
	return []slack.Block{slack.NewActionBlock("sitrep", slack.NewButtonBlockElement(actionGo, bound, plain("Go")).WithStyle(slack.StylePrimary), no, a.halt(q.Run))}
}

// halt is the button that ends a game day.
func (a attempt) halt(run string) *slack.ButtonBlockElement {
	b := slack.NewButtonBlockElement(actionHalt, bind(a.inc), plain("Halt")).WithStyle(slack.StyleDanger)
	b.Confirm = ends("Halt the game day?", fmt.Sprintf("%s ends for everybody: its load stops, what was done is undone, and %s is resolved.", run, a.inc.ID), "Halt it")
	return b
}

func ends(title, text, yes string) *slack.ConfirmationBlockObject {
	return slack.NewConfirmationBlockObject(plain(title), plain(escape(oneLine(text), maxConfirm)), plain(yes), plain("Leave it"))
}

func bind(inc incident.Incident) string { return string(inc.ID) + " " + inc.Key }

// bound is the incident that a button was made for, and what else it says.
func (s *Socket) bound(ctx context.Context, value string) (inc incident.Incident, rest string, err error) {
	id, rest, _ := strings.Cut(value, " ")
	key, rest, _ := strings.Cut(rest, " ")
	known, err := incident.ParseID(id)
	if err != nil {
		return inc, "", err
	}
	if inc, err = s.Timeline.Incident(ctx, known); err != nil {
		return inc, "", err
	}
	if inc.Key != key {
		return inc, "", fmt.Errorf("this button belongs to another sitrep's %s", known)
	}
	return inc, rest, nil
}

// interaction is the press of a button, or a note that was written in a modal.
func (s *Socket) interaction(ctx context.Context, api *slack.Client, payload json.RawMessage) {
	var p struct {
		Type    string
		Trigger string `json:"trigger_id"`
		User    struct {
			ID   string
			Team string `json:"team_id"`
		}
		Team      struct{ ID string }
		Channel   struct{ ID string }
		Container struct {
			Thread string `json:"thread_ts"`
		}
		Actions []struct {
			ID       string `json:"action_id"`
			Value    string
			At       string                 `json:"action_ts"`
			Selected struct{ Value string } `json:"selected_option"`
		}
		View struct {
			ID       string
			Callback string `json:"callback_id"`
			Private  string `json:"private_metadata"`
			State    struct {
				Values map[string]map[string]struct{ Value string }
			}
		}
	}
	if json.Unmarshal(payload, &p) != nil || !userID.MatchString(p.User.ID) {
		return
	}
	if p.User.Team == "" {
		p.User.Team = p.Team.ID
	}
	switch {
	case p.Type == "block_actions" && len(p.Actions) == 1:
		action := p.Actions[0]
		once := fmt.Sprintf("slack/press/%s/%s", p.User.ID, action.At)
		if !s.first(once) {
			return
		}
		said, err := "", s.mayAct(p.User.ID, p.User.Team)
		if err == nil {
			said, err = s.press(ctx, api, once, p.User.ID, action.ID, action.Value+action.Selected.Value, p.Channel.ID, p.Trigger)
		}
		s.whisper(ctx, api, p.Channel.ID, p.User.ID, p.Container.Thread, said, err)
	case p.Type == "view_submission" && (p.View.Callback == actionNote || p.View.Callback == actionResolve):
		bound, channel, _ := strings.Cut(p.View.Private, "|")
		once := "slack/view/" + p.View.ID
		if !s.first(once) {
			return
		}
		err := s.mayAct(p.User.ID, p.User.Team)
		var inc incident.Incident
		if err == nil {
			inc, _, err = s.bound(ctx, bound)
		}
		if err == nil {
			err = s.written(ctx, p.View.Callback, once, inc.ID, s.by(ctx, api, p.User.ID), clean(p.View.State.Values[noteBlock][noteText].Value))
		}
		s.whisper(ctx, api, channel, p.User.ID, "", "", err)
	}
}

// written does what the words of a modal are for.
func (s *Socket) written(ctx context.Context, modal, once string, id incident.ID, by incident.By, text string) (err error) {
	if modal == actionResolve {
		_, err = s.desk(once).Resolve(ctx, by, id, oneLine(text))
		return err
	}
	_, err = s.desk(once).Note(ctx, by, id, text)
	return err
}

// press does what a button says. Said is for whoever pressed it alone; nobody needs to be
// told what the headline shows.
func (s *Socket) press(ctx context.Context, api *slack.Client, once, user, action, value, channel, trigger string) (said string, err error) {
	inc, rest, err := s.bound(ctx, value)
	if err != nil {
		return "", err
	}
	switch action {
	case actionGo, actionNoGo:
		run, step := word(rest)
		return s.answer(ctx, once, s.by(ctx, api, user), DayAnswer{Drill: inc.ID, Run: run, Step: step, Go: action == actionGo})
	case actionHalt:
		return s.halt(ctx, once, s.by(ctx, api, user), inc.ID, "")
	case actionAck:
		_, err = s.desk(once).Acknowledge(ctx, s.by(ctx, api, user), inc.ID)
	case actionSeverity:
		var sev incident.Severity
		if sev, err = incident.ParseSeverity(rest); err == nil {
			_, err = s.desk(once).ChangeSeverity(ctx, s.by(ctx, api, user), inc.ID, sev, "")
		}
	case actionNote:
		_, err = api.OpenViewContext(ctx, trigger, modal(inc, channel, actionNote, "Note on ", "Record"))
	case actionResolve:
		if inc.Status.Over() {
			return "", fmt.Errorf("%s is %s already", inc.ID, inc.Status)
		}
		_, err = api.OpenViewContext(ctx, trigger, modal(inc, channel, actionResolve, "How fixed? ", "Resolve"))
	}
	return "", err
}

// modal asks for the words of a note, or for how it was fixed.
func modal(inc incident.Incident, channel, action, title, submit string) slack.ModalViewRequest {
	plain := func(s string, most int) *slack.TextBlockObject { return plain(cut(oneLine(s), most)) }
	input := slack.NewPlainTextInputBlockElement(nil, noteText)
	input.Multiline, input.MaxLength = true, 3000
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: action, PrivateMetadata: bind(inc) + "|" + channel,
		Title: plain(title+string(inc.ID), maxModalTitle), Submit: plain(submit, maxModalTitle), Close: plain("Cancel", maxModalTitle),
		Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewInputBlock(noteBlock, plain(inc.Title, maxHeader), nil, input)}},
	}
}

// whisper tells the one who pressed, and nobody else, what came of it, or why nothing did.
func (s *Socket) whisper(ctx context.Context, api *slack.Client, channel, user, thread, said string, err error) {
	if err != nil {
		said = told(err)
	}
	if said == "" || again(err) || !channelID.MatchString(channel) {
		return
	}
	options := []slack.MsgOption{slack.MsgOptionText(escape(clean(said), maxText), false), slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false)}
	if timestamp.MatchString(thread) {
		options = append(options, slack.MsgOptionTS(thread))
	}
	_, _ = api.PostEphemeralContext(ctx, channel, user, options...) // who cannot be told sees that nothing changes
}

// told is an error for people in Slack.
func told(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "it took too long: look at the headline, and press again"
	}
	return clean(err.Error())
}
