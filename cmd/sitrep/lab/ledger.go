package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	ledgerEntries = 1000
	ledgerBytes   = 16 << 20 // of all bodies together
	entryBytes    = 64 << 10 // of one body; a longer one is kept as its beginning
	drainedBytes  = 16 << 20 // read of a body that is too long, so that the sender reads the refusal
	summaryRunes  = 200
)

// ledger is what a stand-in was asked and how it answered: what would have been
// sent. It is bounded, and the newest entries are kept. Secrets are not: of
// headers nothing is recorded, routing keys by their names, tokens not at all.
type ledger struct {
	names map[string]string // of routing keys

	mu   sync.Mutex
	list []entry
	size int
}

// entry is one request. Body is the JSON that came; a form is the object of its
// fields (those that hold JSON decoded), a query likewise, anything else a string.
type entry struct {
	At     time.Time       `json:"at"`
	Method string          `json:"method"`
	Path   string          `json:"path"` // without the query
	Body   json.RawMessage `json:"body"`
	Status int             `json:"status"`
	Error  string          `json:"error,omitempty"` // what was wrong; Slack refuses with status 200
}

// reply is how a stand-in answers. The zero status is 200.
type reply struct {
	status int
	body   any           // encoded as JSON; text instead, if it is nil
	text   string        //
	wait   time.Duration // Retry-After
	header http.Header
	fault  string // for the ledger
}

func newLedger() *ledger {
	l := &ledger{names: map[string]string{}}
	for name, key := range labRoutingKeys() {
		l.names[key] = name
	}
	return l
}

// entries are those kept, oldest first; the slice is the caller's.
func (l *ledger) entries() []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]entry{}, l.list...)
}

// ServeHTTP answers GET /ledger.
func (l *ledger) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	reply{body: l.entries()}.write(w)
}

// serve hands the request and its body, at most limit bytes of it and one more,
// to answer, and records both before anybody can read the answer.
func (l *ledger) serve(w http.ResponseWriter, r *http.Request, now func() time.Time, limit int64, answer func(*http.Request, []byte) reply) {
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	var out reply
	switch {
	case err != nil:
		out = reply{status: http.StatusBadRequest, text: "the request broke off", fault: "the request broke off"}
	case int64(len(body)) > limit:
		_, _ = io.CopyN(io.Discard, r.Body, drainedBytes)
		fallthrough
	default:
		out = answer(r, body)
	}
	if out.status == 0 {
		out.status = http.StatusOK
	}
	l.add(entry{Method: r.Method, Path: r.URL.Path, Body: l.readable(r, body), Status: out.status, Error: out.fault}, now)
	out.write(w)
}

func (l *ledger) add(e entry, now func() time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.At = now().UTC() // under the lock: entries are in the order of their times
	l.list = append(l.list, e)
	l.size += len(e.Body)
	drop := 0
	for len(l.list)-drop > ledgerEntries || l.size > ledgerBytes {
		l.size -= len(l.list[drop].Body)
		drop++
	}
	l.list = append(l.list[:0], l.list[drop:]...)
}

// readable makes of a body what the ledger shows.
func (l *ledger) readable(r *http.Request, body []byte) json.RawMessage {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var value any
	switch parsed, err := decodeJSON(body); {
	case kind == "application/octet-stream":
		value = fmt.Sprintf("%d bytes", len(body))
	case len(body) == 0:
		value = l.fields(r.URL.Query())
	case err == nil:
		value = parsed
	case kind == "application/x-www-form-urlencoded":
		value = string(body)
		if form, err := url.ParseQuery(string(body)); err == nil {
			value = l.fields(form)
		}
	default:
		value = string(body)
	}
	value = l.masked(value)
	raw, err := encodeJSON(value)
	if err == nil && len(raw) <= entryBytes {
		return raw
	}
	raw, _ = encodeJSON(fmt.Sprintf("%s… (%d bytes read)", strings.ToValidUTF8(string(raw[:min(len(raw), entryBytes/4)]), ""), len(body))) // a string always encodes
	return raw
}

// fields is a form as an object; nil if there is none.
func (l *ledger) fields(form url.Values) any {
	if len(form) == 0 {
		return nil
	}
	object := map[string]any{}
	for name, values := range form {
		text := strings.Join(values, ",")
		object[name] = text
		if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
			if parsed, err := decodeJSON([]byte(text)); err == nil {
				object[name] = parsed
			}
		}
	}
	return object
}

var (
	anySlackToken = regexp.MustCompile(`(xox[a-z](\.xox[a-z])?|xapp)-[0-9A-Za-z-]+`)
	anyRoutingKey = regexp.MustCompile(`(?i)("?routing_key"?\s*[:=]\s*"?)[0-9A-Za-z+/_-]+`)
)

// masked takes the secrets out of a value, wherever they stand. A key that is
// not the lab's may be a real one, of somebody who mixed up two configurations.
func (l *ledger) masked(value any) any {
	switch v := value.(type) {
	case map[string]any:
		clean := make(map[string]any, len(v))
		for name, inner := range v {
			switch text, isText := inner.(string); {
			case strings.EqualFold(name, "token"):
			case strings.EqualFold(name, "routing_key") && isText:
				clean[l.maskedText(name)] = l.keyName(text)
			default:
				clean[l.maskedText(name)] = l.masked(inner)
			}
		}
		return clean
	case []any:
		clean := make([]any, len(v))
		for i, inner := range v {
			clean[i] = l.masked(inner)
		}
		return clean
	case string:
		return l.maskedText(v)
	case json.Number:
		if _, err := v.Float64(); err != nil {
			return v.String() // too large: readers of the ledger would fail on it
		}
	}
	return value
}

func (l *ledger) maskedText(text string) string {
	for key, name := range l.names {
		text = strings.ReplaceAll(text, key, name)
	}
	if strings.Contains(text, "xox") || strings.Contains(text, "xapp") {
		text = anySlackToken.ReplaceAllString(text, "xoxb-…")
	}
	if !strings.Contains(strings.ToLower(text), "routing_key") {
		return text // the expression is slow on a body of half a megabyte
	}
	return anyRoutingKey.ReplaceAllStringFunc(text, func(found string) string {
		head := anyRoutingKey.FindStringSubmatch(found)[1]
		for _, name := range l.names {
			if found == head+name {
				return found
			}
		}
		return head + "unknown"
	})
}

// keyName is what a routing key is called.
func (l *ledger) keyName(key string) string {
	switch name, known := l.names[key]; {
	case known:
		return name
	case key == "":
		return ""
	}
	return "unknown"
}

// summary says in one printable line what would have been sent and how it was
// answered.
func (e entry) summary() string {
	var b struct {
		Key     string `json:"routing_key"`
		Action  string `json:"event_action"`
		Dedup   string `json:"dedup_key"`
		Payload struct {
			Summary  string `json:"summary"`
			Severity string `json:"severity"`
		} `json:"payload"`
		Incident struct {
			Name   string `json:"name"`
			Status string `json:"status"`
			Body   string `json:"body"`
		} `json:"incident"`
		Operation string `json:"operation"`
		Channel   string `json:"channel"`
		Text      string `json:"text"`
		Thread    string `json:"thread_ts"`
		TS        string `json:"ts"`
	}
	_ = json.Unmarshal(e.Body, &b) // of a body of another shape, what fits
	var s string
	switch name := path.Base(e.Path); {
	case strings.HasSuffix(strings.TrimRight(e.Path, "/"), "/v2/change/enqueue"):
		s = fmt.Sprintf("change event to %s: %s", b.Key, b.Payload.Summary)
	case strings.HasSuffix(strings.TrimRight(e.Path, "/"), "/v2/enqueue") && b.Action == "trigger":
		s = fmt.Sprintf("page %s, %s: %s (%s)", b.Key, b.Payload.Severity, b.Payload.Summary, b.Dedup)
	case strings.HasSuffix(strings.TrimRight(e.Path, "/"), "/v2/enqueue"):
		s = fmt.Sprintf("%s %s: %s", b.Action, b.Key, b.Dedup)
	case name == "chat.postMessage" && b.Thread != "":
		s = fmt.Sprintf("reply in %s to %s: %s", b.Channel, b.Thread, b.Text)
	case name == "chat.postMessage":
		s = fmt.Sprintf("post in %s: %s", b.Channel, b.Text)
	case name == "chat.update":
		s = fmt.Sprintf("update %s in %s: %s", b.TS, b.Channel, b.Text)
	case name == "chat.delete":
		s = fmt.Sprintf("delete %s in %s", b.TS, b.Channel)
	case strings.HasPrefix(e.Path, "/v1/pages/") && b.Incident.Status != "":
		s = fmt.Sprintf("%s: %s", b.Incident.Status, strings.TrimPrefix(b.Incident.Name+": "+b.Incident.Body, ": "))
	case b.Operation != "":
		s = fmt.Sprintf("%s: %s", b.Operation, b.Text)
	case strings.Contains(name, "."):
		s = strings.TrimSpace(name + " " + b.Channel)
	default:
		s = e.Method + " " + e.Path
	}
	end := fmt.Sprintf(" [%d]", e.Status)
	if e.Error != "" {
		end = fmt.Sprintf(" [%d %s]", e.Status, printable(e.Error, summaryRunes/2))
	}
	return printable(s, summaryRunes) + end
}

// printable is text on one line, at most limit runes of it, without anything a
// terminal would obey.
func printable(text string, limit int) string {
	var b strings.Builder
	n := 0
	for i, word := range strings.Fields(text) {
		if i > 0 {
			b.WriteByte(' ')
			n++
		}
		for _, r := range word {
			if n++; n > limit {
				return b.String() + "…"
			}
			if !unicode.IsPrint(r) {
				r = utf8.RuneError
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (out reply) write(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range out.header {
		h[name] = values
	}
	h.Set("X-Content-Type-Options", "nosniff")
	if out.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(out.wait.Seconds()))))
	}
	raw, kind := []byte(out.text), "text/plain; charset=utf-8"
	if out.body != nil {
		var err error
		if raw, err = encodeJSON(out.body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		kind = "application/json; charset=utf-8"
	}
	h.Set("Content-Type", kind)
	if out.status != 0 {
		w.WriteHeader(out.status)
	}
	_, _ = w.Write(raw) // a client that left is nobody's error
}

// decodeJSON reads exactly one value, numbers as they were written.
func decodeJSON(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

func encodeJSON(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
