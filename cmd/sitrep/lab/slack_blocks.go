package lab

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// slackBlocksTotal is how many characters the texts of all blocks together may
// have. It is not documented; bolt-js issue 2509 found it.
const slackBlocksTotal = 13_200

// checkBlocks says what Block Kit does not allow, in Slack's words where they
// are known. What notifiers use is checked in depth; of the other kinds only
// that they exist. Source: docs.slack.dev/reference/block-kit.
func checkBlocks(blocks []any) *slackFault {
	c := blockCheck{actions: map[string]bool{}, blocks: map[string]bool{}}
	if len(blocks) > 50 {
		c.add("/blocks", "no more than 50 items allowed")
	}
	for i, value := range blocks {
		at := fmt.Sprintf("/blocks/%d", i)
		block, is := value.(map[string]any)
		if !is {
			c.add(at, "must provide an object")
			continue
		}
		c.block(at, block)
	}
	switch {
	case len(c.faults) > 0:
		return &slackFault{code: "invalid_blocks", messages: c.faults[:min(len(c.faults), 50)]}
	case c.total > slackBlocksTotal:
		return refuse("msg_blocks_too_long")
	}
	return nil
}

// blockCheck collects what is wrong, with a JSON pointer to the place.
type blockCheck struct {
	faults          []string
	total           int // characters
	actions, blocks map[string]bool
}

func (c *blockCheck) add(at, format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...)+" [json-pointer:"+at+"]")
}

func (c *blockCheck) block(at string, b map[string]any) {
	if id := c.text(at+"/block_id", b["block_id"], 0, 255); id != "" {
		if c.blocks[id] {
			c.add(at+"/block_id", "`block_id` %q already exists", printable(id, 60))
		}
		c.blocks[id] = true
	}
	switch kind := c.kind(at, b); kind {
	case "section":
		c.only(at, b, "type", "block_id", "text", "fields", "accessory", "expand")
		if b["text"] == nil && b["fields"] == nil {
			c.add(at, "missing required field: text")
		}
		if b["text"] != nil {
			c.textObject(at+"/text", b["text"], 3000, "mrkdwn", "plain_text")
		}
		if b["fields"] != nil {
			for i, f := range c.list(at+"/fields", b["fields"], 10) {
				c.textObject(fmt.Sprintf("%s/fields/%d", at, i), f, 2000, "mrkdwn", "plain_text")
			}
		}
		if b["accessory"] != nil {
			c.element(at+"/accessory", b["accessory"])
		}
	case "header":
		c.only(at, b, "type", "block_id", "text", "level")
		c.textObject(at+"/text", b["text"], 150, "plain_text")
	case "divider":
		c.only(at, b, "type", "block_id")
	case "context":
		c.only(at, b, "type", "block_id", "elements")
		for i, e := range c.list(at+"/elements", b["elements"], 10) {
			here := fmt.Sprintf("%s/elements/%d", at, i)
			if object, _ := e.(map[string]any); object["type"] == "image" {
				c.image(here, object)
				continue
			}
			c.textObject(here, e, 3000, "mrkdwn", "plain_text")
		}
	case "actions":
		c.only(at, b, "type", "block_id", "elements")
		for i, e := range c.list(at+"/elements", b["elements"], 25) {
			c.element(fmt.Sprintf("%s/elements/%d", at, i), e)
		}
	case "image":
		c.only(at, b, "type", "block_id", "image_url", "slack_file", "alt_text", "title")
		c.image(at, b)
		if b["title"] != nil {
			c.textObject(at+"/title", b["title"], 2000, "plain_text")
		}
	case "markdown":
		c.only(at, b, "type", "block_id", "text")
		c.required(at, "text", b["text"], 12_000)
	default:
		if kind != "" && !slices.Contains(otherBlocks(), kind) {
			c.add(at+"/type", "unsupported type: %s", printable(kind, 60))
		}
	}
}

// otherBlocks exist, and nothing of them is checked.
func otherBlocks() []string {
	return []string{
		"rich_text", "input", "file", "video", "table", "call", "context_actions", "card", "carousel", "alert",
		"plan", "task_card", "container", "data_table", "data_visualization",
	}
}

func (c *blockCheck) kind(at string, b map[string]any) string {
	kind, is := b["type"].(string)
	switch {
	case b["type"] == nil:
		c.add(at, "missing required field: type")
	case !is:
		c.add(at+"/type", "must be a string")
	}
	return kind
}

func (c *blockCheck) only(at string, b map[string]any, names ...string) {
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if !slices.Contains(names, name) {
			c.add(at, "invalid additional property: %s", printable(name, 60))
		}
	}
}

func (c *blockCheck) list(at string, value any, most int) []any {
	list, is := value.([]any)
	switch {
	case !is:
		c.add(at, "must provide an array")
	case len(list) == 0:
		c.add(at, "no less than 1 items allowed")
	case len(list) > most:
		c.add(at, "no more than %d items allowed", most)
	}
	return list
}

// text checks a string of least to most characters, if it is there.
func (c *blockCheck) text(at string, value any, least, most int) string {
	s, is := value.(string)
	n := utf8.RuneCountInString(s)
	switch {
	case value == nil:
	case !is:
		c.add(at, "must be a string")
	case n < least:
		c.add(at, "must be more than %d characters", least-1)
	case n > most:
		c.add(at, "must be less than %d characters", most+1)
	}
	return s
}

func (c *blockCheck) required(at, name string, value any, most int) {
	if value == nil {
		c.add(at, "missing required field: %s", name)
		return
	}
	c.total += utf8.RuneCountInString(c.text(at+"/"+name, value, 1, most))
}

func (c *blockCheck) textObject(at string, value any, most int, kinds ...string) {
	object, is := value.(map[string]any)
	switch {
	case value == nil:
		up, name := at[:strings.LastIndexByte(at, '/')], at[strings.LastIndexByte(at, '/')+1:]
		c.add(up, "missing required field: %s", name)
		return
	case !is:
		c.add(at, "must provide an object")
		return
	}
	kind := c.kind(at, object)
	if kind != "" && !slices.Contains(kinds, kind) {
		c.add(at+"/type", "unsupported type: %s", printable(kind, 60))
	}
	if kind == "mrkdwn" {
		c.only(at, object, "type", "text", "verbatim")
	} else {
		c.only(at, object, "type", "text", "emoji")
	}
	c.required(at, "text", object["text"], most)
}

func (c *blockCheck) image(at string, b map[string]any) {
	c.required(at, "alt_text", b["alt_text"], 2000)
	if b["slack_file"] == nil {
		c.required(at, "image_url", b["image_url"], 3000)
	}
}

// element checks a button; of the other elements only the action_id.
func (c *blockCheck) element(at string, value any) {
	e, is := value.(map[string]any)
	if !is {
		c.add(at, "must provide an object")
		return
	}
	if id := c.text(at+"/action_id", e["action_id"], 0, 255); id != "" {
		if c.actions[id] {
			c.add(at+"/action_id", "`action_id` %q already exists", printable(id, 60))
		}
		c.actions[id] = true
	}
	switch c.kind(at, e) {
	case "button":
		c.textObject(at+"/text", e["text"], 75, "plain_text")
		c.text(at+"/value", e["value"], 0, 2000)
		c.text(at+"/url", e["url"], 0, 3000)
		if style := e["style"]; style != nil && style != "primary" && style != "danger" {
			c.add(at+"/style", "must be one of: primary, danger")
		}
	case "image":
		c.image(at, e)
	}
	if e["confirm"] != nil {
		c.confirm(at+"/confirm", e["confirm"])
	}
}

// confirm checks a confirmation dialog.
func (c *blockCheck) confirm(at string, value any) {
	dialog, is := value.(map[string]any)
	if !is {
		c.add(at, "must provide an object")
		return
	}
	c.only(at, dialog, "title", "text", "confirm", "deny", "style")
	c.textObject(at+"/title", dialog["title"], 100, "plain_text")
	c.textObject(at+"/text", dialog["text"], 300, "plain_text", "mrkdwn")
	c.textObject(at+"/confirm", dialog["confirm"], 30, "plain_text")
	c.textObject(at+"/deny", dialog["deny"], 30, "plain_text")
}
