package lab

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// slackAlt is how long the description of a picture may be. Source:
// docs.slack.dev, files.getUploadURLExternal.
const slackAlt = 1000

// slackFile is a file on its way into a channel.
type slackFile struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Title  string `json:"title"`
	Alt    string `json:"alt_txt,omitempty"`
	Size   int    `json:"size"`
	Width  int    `json:"original_w,omitempty"`
	Height int    `json:"original_h,omitempty"`

	there, shown bool
}

func (s *slackStandIn) filesGetUploadURL(a slackArgs) (slackAnswer, *slackFault) {
	size, err := strconv.Atoi(a.text("length"))
	switch {
	case a.text("filename") == "" || a.text("length") == "":
		return nil, refuse("missing_argument")
	case err != nil || size < 1 || size > slackMaxBody:
		return nil, refuse("file_upload_size_restricted")
	case utf8.RuneCountInString(a.text("alt_txt")) > slackAlt:
		return nil, refuse("alt_txt_too_large")
	}
	f := &slackFile{ID: fmt.Sprintf("F01AB%d", len(s.files)+1), Name: a.text("filename"), Alt: a.text("alt_txt"), Size: size}
	s.files = append(s.files, f)
	return slackAnswer{"upload_url": "http://" + s.host + "/upload/v1/" + f.ID, "file_id": f.ID}, nil
}

// upload takes the bytes of a file, and looks whether they are a picture.
func (s *slackStandIn) upload(id string, body []byte) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		if f.ID != id || f.there || len(body) != f.Size {
			continue
		}
		if strings.HasSuffix(f.Name, ".png") {
			picture, err := png.DecodeConfig(bytes.NewReader(body))
			if err != nil {
				return reply{status: http.StatusBadRequest, text: "not a PNG", fault: "not a PNG"}
			}
			f.Width, f.Height = picture.Width, picture.Height
		}
		f.there = true
		return reply{text: fmt.Sprintf("OK - %d", len(body))}
	}
	return reply{status: http.StatusNotFound, text: "no such upload, or another size", fault: "not found"}
}

func (s *slackStandIn) filesCompleteUpload(a slackArgs) (slackAnswer, *slackFault) {
	value, present, err := a.structured("files")
	list, is := value.([]any)
	if !present || err != nil || !is || len(list) == 0 {
		return nil, refuse("invalid_arguments")
	}
	a["channel"] = a["channel_id"]
	c, fault := s.joined(a)
	if fault != nil {
		return nil, fault
	}
	var files []*slackFile
	for _, entry := range list {
		object, _ := entry.(map[string]any)
		f := s.file(fmt.Sprint(object["id"]))
		if f == nil || !f.there || f.shown {
			return nil, refuse("file_not_found")
		}
		f.shown = true
		f.Title, _ = object["title"].(string)
		files = append(files, f)
	}
	m := &slackMessage{User: slackSelf, BotID: slackBot, AppID: slackApp, Text: a.text("initial_comment"), Files: files}
	if root := c.root(a.text("thread_ts")); root != nil {
		m.Thread, m.Parent = root.TS, root.User
	}
	s.append(c, m)
	return slackAnswer{"files": files}, nil
}

func (s *slackStandIn) file(id string) *slackFile {
	for _, f := range s.files {
		if f.ID == id {
			return f
		}
	}
	return nil
}
