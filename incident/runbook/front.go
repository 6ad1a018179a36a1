package runbook

import (
	"bytes"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// front is what may stand between two lines of --- at the beginning of a file.
type front struct {
	Title string         `yaml:"title"`
	URL   string         `yaml:"url"`
	URLs  []string       `yaml:"urls"`
	Match map[string]any `yaml:"match"`
}

const fence = "---\n"

// frontMatter takes the front matter in and returns the file with blanks in its
// place, so that what comes after keeps its lines.
func (r *reader) frontMatter() ([]byte, error) {
	if !bytes.HasPrefix(r.src, []byte(fence)) {
		return r.src, nil
	}
	end := bytes.Index(r.src, []byte("\n"+fence))
	if end < 0 {
		if bytes.HasSuffix(r.src, []byte("\n---")) {
			return nil, r.fault(0, "there is nothing but front matter in it")
		}
		return nil, r.fault(0, "the front matter begins here and has no end: close it with a line of ---")
	}
	end += len("\n" + fence)
	body := slices.Concat(blank(r.src[:end]), r.src[end:])
	yaml := slices.Concat([]byte("\n"), r.src[len(fence):end-len(fence)])
	if !said(yaml) {
		return body, nil
	}
	var f front
	doc, err := strictyaml.Decode(r.book.File, yaml, &f)
	if err != nil {
		return nil, err
	}
	return body, r.take(f, doc)
}

// blank is text with nothing but its line ends.
func blank(text []byte) []byte {
	return bytes.Map(func(c rune) rune {
		if c == '\n' {
			return c
		}
		return ' '
	}, text)
}

// said reports whether YAML holds more than comments.
func said(yaml []byte) bool {
	for line := range bytes.Lines(yaml) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return true
		}
	}
	return false
}

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func (r *reader) take(f front, doc *strictyaml.Doc) error {
	r.book.Title = strings.Join(strings.Fields(f.Title), " ")
	if f.URL != "" {
		r.book.URLs = append(r.book.URLs, f.URL)
		if u, err := url.Parse(f.URL); err != nil || u.Host == "" {
			return doc.Errorf("url", "%q is not a URL such as https://wiki.example.com/runbooks/checkout", f.URL)
		}
	}
	for i, raw := range f.URLs {
		r.book.URLs = append(r.book.URLs, raw)
		if u, err := url.Parse(raw); err != nil || u.Host == "" {
			return doc.Errorf(fmt.Sprintf("urls[%d]", i), "%q is not a URL such as https://wiki.example.com/runbooks/checkout", raw)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Match)) {
		if !labelName.MatchString(name) {
			return doc.Errorf("match", "%q is not the name of a label", name)
		}
		values, ok := valuesOf(f.Match[name])
		if !ok {
			return doc.Errorf("match."+name, "match takes a value for %s, or a list of values: checkout or [checkout, payments]", name)
		}
		if r.book.Match == nil {
			r.book.Match = map[string][]string{}
		}
		r.book.Match[name] = values
	}
	return nil
}

// valuesOf is one value or several, as text.
func valuesOf(v any) ([]string, bool) {
	list, is := v.([]any)
	if !is {
		list = []any{v}
	}
	var out []string
	for _, one := range list {
		switch one.(type) {
		case string, bool, int, int64, uint64, float64:
			out = append(out, fmt.Sprint(one))
		default:
			return nil, false
		}
	}
	return out, len(out) > 0
}
