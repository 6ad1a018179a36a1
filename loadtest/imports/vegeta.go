package imports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// mostTargets is how many targets a plan has at the most.
const mostTargets = 256

// mostInline is how many bytes of bodies stand in the plan itself.
const mostInline = 64 << 10

// targets is a file of vegeta's that is being read. Source: github.com/tsenart/vegeta,
// README, "-format", and lib/targets.go.
type targets struct {
	file    string
	options Options
	draft   *draft
	inline  int
	secrets map[string]string
	more    int // targets beyond the most
}

// target is one of them, as it stands in the file.
type target struct {
	line        int
	method, url string
	headers     [][2]string
	body        []byte
	bodyFile    string
}

func importTargets(file string, src []byte, o Options) ([]Imported, error) {
	in := &targets{file: file, options: o, secrets: map[string]string{}, draft: &draft{format: "vegeta", file: file, name: base(file), line: 1, column: 1, files: map[string][]byte{}}}
	read := readTargets
	if bytes.TrimLeft(src, "\ufeff \t\r\n")[0] == '{' {
		read = readJSONTargets
	}
	all, err := read(file, src)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		in.take(t)
	}
	d := in.draft
	if in.more > 0 {
		d.note(1, 1, "", "%d targets are not carried over: a plan has at most %d. Requests that differ in a value alone are one target with a column of data", in.more, mostTargets)
	}
	d.stages = []loadtest.Stage{{From: 50, To: 50, For: time.Minute}}
	d.note(1, 1, "", "a file of targets has neither rate nor time: 50/s, as vegeta sends if nothing is said, for 1m are written. vegeta follows ten redirects; here http: {redirects: 10} would")
	return finish([]*draft{d}), nil
}

// readTargets reads the form that looks like HTTP: a line of method and URL, headers, and
// a file for the body. Lines that begin with # are comments.
func readTargets(file string, src []byte) (all []target, err error) {
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(src, []byte("\ufeff"))))
	lines.Buffer(nil, 1<<20)
	open := false
	n := 0
	for lines.Scan() {
		n++
		line := strings.TrimSpace(lines.Text())
		method, url, two := strings.Cut(line, " ")
		begins := two && isMethod(method)
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "":
			open = false
		case begins:
			all = append(all, target{line: n, method: method, url: strings.TrimSpace(url)})
			open = true
		case !open:
			return nil, &strictyaml.Error{File: file, Line: n, Column: 1, Message: "it is neither a plan of JMeter nor targets of vegeta, whose lines are such as GET http://127.0.0.1:8080/"}
		case strings.HasPrefix(line, "@"):
			all[len(all)-1].bodyFile = line[1:]
		default:
			name, value, ok := strings.Cut(line, ":")
			if !ok {
				return nil, &strictyaml.Error{File: file, Line: n, Column: 1, Message: fmt.Sprintf("%q is no header, such as Accept: text/html", cut(line))}
			}
			t := &all[len(all)-1]
			t.headers = append(t.headers, [2]string{strings.TrimSpace(name), strings.TrimSpace(value)})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, &strictyaml.Error{File: file, Line: n + 1, Message: err.Error()}
	}
	if len(all) == 0 {
		return nil, &strictyaml.Error{File: file, Message: "there are no targets in it"}
	}
	return all, nil
}

// isMethod says that a word begins a target: those that vegeta knows, and what looks so.
func isMethod(word string) bool {
	return word != "" && strings.ToUpper(word) == word && !strings.ContainsFunc(word, func(r rune) bool { return r < 'A' || r > 'Z' })
}

// readJSONTargets reads an object a line.
func readJSONTargets(file string, src []byte) (all []target, err error) {
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(src, []byte("\ufeff"))))
	lines.Buffer(nil, 8<<20)
	n := 0
	for lines.Scan() {
		n++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var one struct {
			Method string              `json:"method"`
			URL    string              `json:"url"`
			Body   []byte              `json:"body"`
			Header map[string][]string `json:"header"`
		}
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(&one); err != nil {
			return nil, &strictyaml.Error{File: file, Line: n, Column: 1, Message: fmt.Sprintf("it is no target of vegeta: %v", err)}
		}
		t := target{line: n, method: one.Method, url: one.URL, body: one.Body}
		for _, name := range slices.Sorted(maps.Keys(one.Header)) {
			for _, value := range one.Header[name] {
				t.headers = append(t.headers, [2]string{name, value})
			}
		}
		all = append(all, t)
	}
	if err := lines.Err(); err != nil {
		return nil, &strictyaml.Error{File: file, Line: n + 1, Message: err.Error()}
	}
	return all, nil
}

// take takes a target over; one that is there already counts once more.
func (in *targets) take(t target) {
	note := func(format string, args ...any) { in.draft.note(t.line, 1, t.method, format, args...) }
	st := step{}
	st.Method, st.URL, st.Headers, st.Weight = t.method, t.url, map[string]string{}, 1
	for _, h := range t.headers {
		switch {
		case engineHeader(h[0]):
			note("the header %s is the engine's; it is left out", cut(h[0]))
		case has(st.Headers, h[0]):
			note("the header %s is there twice; the first is carried over", cut(h[0]))
		default:
			st.Headers[h[0]] = h[1]
		}
	}
	in.draft.credentials(&st, in.secrets, note)
	if strings.Contains(st.URL+" "+strings.Join(slices.Collect(maps.Values(st.Headers)), " "), "{{") {
		note(braces)
		return
	}
	if bad := st.wrong(); bad != "" {
		note("not carried over: %s", bad)
		return
	}
	if bad := in.body(&st, t); bad != "" {
		note("not carried over: of its body, %s", bad)
		return
	}
	for i := range in.draft.targets {
		have := &in.draft.targets[i]
		if have.Weight < 1000 && same(have, &st) {
			have.Weight++
			return
		}
	}
	if len(in.draft.targets) == mostTargets {
		in.more++
		return
	}
	in.draft.targets = append(in.draft.targets, st)
}

func same(a, b *step) bool {
	return a.Method == b.Method && a.URL == b.URL && a.Body == b.Body && a.BodyFile == b.BodyFile && a.Auth == b.Auth && maps.Equal(a.Headers, b.Headers)
}

// body takes the body over: a file by its name, what stands in the target as text, or as a
// file beside the plan if it is none or there is much of it.
func (in *targets) body(st *step, t target) (bad string) {
	if t.bodyFile != "" {
		name := t.bodyFile
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(in.file), filepath.FromSlash(name))
		}
		src, err := readData(name)
		st.BodyFile = reachable(in.options.To, name)
		if err != nil {
			st.missing = "the file " + st.BodyFile
			in.draft.note(t.line, 1, t.method, "its body cannot be read: %v", err)
			return ""
		}
		t.body = src
	}
	switch text := string(t.body); {
	case len(t.body) == 0:
		st.BodyFile = ""
	case strings.Contains(text, "{{"):
		return `it holds "{{", which begins a placeholder of a plan`
	case st.Method == "GET" || st.Method == "HEAD":
		return fmt.Sprintf("a %s carries none here", st.Method)
	case st.BodyFile != "":
	case !utf8.Valid(t.body) || in.inline+len(text) > mostInline:
		st.BodyFile = fmt.Sprintf("%s-body-%d", slug(base(in.file)), len(in.draft.files)+1)
		in.draft.files[st.BodyFile] = t.body
	default:
		st.Body = text
		in.inline += len(text)
	}
	return ""
}
