package grafana

import (
	"regexp"
	"strings"
)

// regexOf is a regular expression of Grafana's as Go knows it: /pattern/flags is
// found anywhere, and a pattern without slashes is the whole text. False where Go
// has no such expression (what looks ahead or back).
func regexOf(text string) (string, bool) {
	if text == "" {
		return "", true
	}
	pattern, flags := "^(?:"+text+")$", ""
	if strings.HasPrefix(text, "/") {
		pattern = text[1:]
		if end := strings.LastIndexByte(pattern, '/'); end >= 0 {
			pattern, flags = pattern[:end], pattern[end+1:]
		}
	}
	set := ""
	for _, f := range flags {
		if strings.ContainsRune("ims", f) && !strings.ContainsRune(set, f) {
			set += string(f)
		}
	}
	if set != "" {
		pattern = "(?" + set + ")" + pattern
	}
	if pattern == "" {
		pattern = ".*"
	}
	if strings.HasPrefix(pattern, "/") || strings.HasSuffix(pattern, "/") {
		pattern = "(?:" + pattern + ")" // no slashes around it
	}
	_, err := regexp.Compile(pattern)
	return pattern, err == nil
}

// regex is regexOf, with what is lost without it in the report.
func (p *panel) regex(text, of string) (string, bool) {
	re, ok := regexOf(text)
	if !ok {
		p.report.lacks("%s by the regular expression %s, which Go does not know", of, value{text}.line())
	}
	return re, ok
}
