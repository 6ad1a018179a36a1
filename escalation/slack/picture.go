package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/slack-go/slack"

	"github.com/sitrep-dev/sitrep/escalation"
)

// maxAlt is the length of a picture's description. Source: Slack, files.getUploadURLExternal.
const maxAlt = 1000

// picture uploads a picture into the thread of the incident. To show it, the last
// of three requests, cannot be done twice nor looked up: it is tried once.
func (a attempt) picture(ctx context.Context) escalation.Outcome {
	of := a.content.Picture
	dead := func(format string, args ...any) escalation.Outcome {
		return escalation.Outcome{Class: escalation.Dead, Err: a.errorf(format, args...)}
	}
	if of == nil || a.config.Picture == nil {
		return dead("this sitrep makes no pictures")
	}
	where, ok := parseRef(of.Thread)
	switch {
	case a.m.Murky:
		return dead("it may have been sent: a picture is sent once only")
	case !ok:
		return dead("there is no headline that the picture could be put under")
	}
	png, alt, err := a.config.Picture(ctx, a.inc, *of)
	if err != nil {
		return dead("no picture: %v", err)
	}
	name := fmt.Sprintf("%s-%s.png", strings.ToLower(string(a.inc.ID)), of.At.UTC().Format("150405"))
	got := a.call(func(api *slack.Client) {
		_, _ = api.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{FileName: name, FileSize: len(png), AltTxt: escape(oneLine(alt), maxAlt)})
	})
	if got.Class != escalation.Done {
		return notSent(got.Outcome)
	}
	var place struct {
		URL  string `json:"upload_url"`
		File string `json:"file_id"`
	}
	if json.Unmarshal(got.body, &place) != nil || place.File == "" {
		return dead("Slack did not say where to put the picture")
	}
	if o := a.put(ctx, place.URL, png); o.Class != escalation.Done {
		return notSent(o)
	}
	got = a.call(func(api *slack.Client) {
		_, _ = api.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
			Files: []slack.FileSummary{{ID: place.File, Title: escape(oneLine(alt), maxHeader)}}, Channel: where.channel, ThreadTimestamp: where.root(),
		})
	})
	if got.Class != escalation.Done {
		return got.Outcome
	}
	return escalation.Outcome{Class: escalation.Done, Ref: where.channel + "/" + place.File}
}

// put sends the bytes to where Slack wants them: never less safely than the Web
// API is asked.
func (a attempt) put(ctx context.Context, to string, png []byte) escalation.Outcome {
	x := a.exchange()
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || strings.HasPrefix(a.config.APIURL, "https:")) {
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("Slack wants the picture at an address that is none")}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(png))
	if err != nil {
		return escalation.Outcome{Class: escalation.Dead, Err: x.Errorf("put the picture: %v", err)}
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	_, _ = x.Do(req) // what became of it is the exchange's to say
	if o, refused := x.Refused("", ""); refused {
		return o
	}
	return escalation.Outcome{Class: escalation.Done}
}
