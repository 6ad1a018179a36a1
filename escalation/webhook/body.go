package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strings"
	"text/template"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// Body makes the body of a request out of a notice, for receivers that want
// another form than ours.
type Body struct {
	template *template.Template
	json     bool // by its content type
}

// maxBody is the most that a template may make of a notice.
const maxBody = 256 << 10

// ParseBody reads a template over escalation.Notice (text/template). Beside the
// library's functions it knows json, which writes a value as JSON, text with its
// quotes: {"text": {{json .Text}}}. A template that breaks on what somebody types
// into a title is refused here and not at night: it is tried on such titles.
func ParseBody(text, contentType string) (*Body, error) {
	t, err := template.New("body").Option("missingkey=error").Funcs(template.FuncMap{"json": jsonText}).Parse(text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, fmt.Errorf("%q is not a content type such as application/json", contentType)
	}
	b := &Body{t, kind == "application/json" || strings.HasSuffix(kind, "+json")}
	for _, n := range trials() {
		if _, err := b.render(n); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// jsonText is a value as JSON, in which nothing is escaped that need not be.
func jsonText(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

func (b *Body) render(n escalation.Notice) ([]byte, error) {
	var out bytes.Buffer
	if err := b.template.Execute(&out, n); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	if out.Len() > maxBody {
		return nil, fmt.Errorf("the body has %d KB; at most %d", out.Len()>>10, maxBody>>10)
	}
	if b.json && !json.Valid(out.Bytes()) {
		return nil, errors.New(`the body is not JSON once a title has a quote or a line break in it: write {{json .Text}}, and not "{{.Text}}"`)
	}
	return out.Bytes(), nil
}

// trials are notices as they come: with everything, and with as little as
// possible.
func trials() []escalation.Notice {
	hostile := "a \"quote\", a \\ and\na line of it's own <b> & {{"
	inc := incident.Incident{
		ID: "INC-7", Title: hostile, Severity: incident.Sev1, Status: incident.StatusOpen, Service: hostile,
		Labels: map[string]string{hostile: hostile}, Roles: map[incident.Role]incident.Person{incident.Responder: incident.Person(hostile)},
		Clocks: incident.Clocks{Declared: time.Unix(1_772_334_000, 0)},
	}
	all := make([]escalation.Notice, 0, 5)
	for _, op := range []escalation.Operation{escalation.OpTrigger, escalation.OpAcknowledge, escalation.OpResolve, escalation.OpAnnounce} {
		c := escalation.Content{Text: hostile, Reason: hostile, Page: escalation.PageCritical}
		if op == escalation.OpTrigger {
			c.Who = []incident.Person{incident.Person(hostile)}
		}
		m := escalation.Message{ID: "01TRIAL", Incident: inc.ID, Operation: op, Level: "L1", Round: 1, Payload: incident.Payload(c)}
		all = append(all, escalation.NoticeOf(m, inc, func(incident.Person) string { return hostile }))
	}
	return append(all, escalation.NoticeOf(escalation.Message{Operation: escalation.OpTrigger}, incident.Incident{ID: "INC-1"}, nil))
}
