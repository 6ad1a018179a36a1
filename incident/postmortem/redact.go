package postmortem

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Redaction says what is not to leave with a post-mortem. The zero value takes out
// secrets and internal addresses, and nobody's name.
type Redaction struct {
	Callings []Calling
	Hosts    []string // patterns of names of hosts that are internal beside internalHosts; * stands for any letters; 203.0.113.0/24 are addresses
	Deny     []string // words that never leave; * stands for any letters
	Allow    []string // what is left alone, whatever a rule says; likewise
}

// Calling is what a person is called where names do not belong.
type Calling struct{ Name, As string }

// Cut is one thing that a redaction replaces.
type Cut struct {
	Line int    `json:"line"` // of the text as it is exported, from 1; 0 is the title
	Rule string `json:"rule"` // secret, denied, name, mail, host or address
	What string `json:"what"` // as it stood; of a secret only its beginning
	With string `json:"with"`
	Why  string `json:"why"`
}

// gone stands where a secret, or a word that never leaves, was.
const gone = "REDACTED"

// rule finds something to take out. What is replaced is the first group, or all of
// it without one.
type rule struct {
	name, why string
	pattern   *regexp.Regexp
	with      func(*Redactor, string) string // "" leaves it alone
}

// Redactor carries a redaction out. What it replaces is called the same wherever
// it occurs, so one is for all texts of a post-mortem; it is for one goroutine.
type Redactor struct {
	rules []rule
	allow *regexp.Regexp // nil allows nothing
	inner []netip.Prefix
	names map[string]string // of hosts and addresses, what each was called
	count map[string]int
}

// internalHosts are endings of names that no resolver on the internet knows: RFC 6762
// (local), 8375 (home.arpa), 6761 (localhost is left alone, it says nothing), what
// ICANN reserved (internal), and what is used in spite of it.
var internalHosts = []string{"*.internal", "*.local", "*.lan", "*.intra", "*.intranet", "*.corp", "*.private", "*.home.arpa", "*.localdomain", "*.svc"}

// internalNets are those of RFC 1918, 6598, 3927 and 4193, and of link-local IPv6.
var internalNets = []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10"}

const (
	before = `(?:^|[^\pL\pN_])` // what may stand before a word, and after one
	after  = `(?:$|[^\pL\pN_])`
)

// The secrets, those that are known by their look first. Sources: the token formats
// that GitHub, GitLab, Slack, AWS, Google, Stripe, npm and Grafana publish for
// scanners like this one; RFC 7235 (Authorization), 3986 (userinfo) and 7519 (JWT).
var secrets = []struct{ why, pattern string }{
	{"a token of GitHub", `\b(gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,})`},
	{"a token of GitLab", `\b(gl[a-z]{2,6}-[A-Za-z0-9_.-]{16,})`},
	{"a token of Slack", `\b(x(?:ox[a-z]|app)-[A-Za-z0-9-]{8,})`},
	{"an incoming webhook of Slack", `hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]+)`},
	{"an access key of AWS", `\b((?:AKIA|ASIA)[A-Z0-9]{16})\b`},
	{"a key of Google", `\b(AIza[A-Za-z0-9_-]{30,})`},
	{"a key of Stripe", `\b([rs]k_(?:live|test)_[A-Za-z0-9]{10,})`},
	{"a token of npm, PyPI or Grafana", `\b((?:npm_|pypi-|glsa_|glc_)[A-Za-z0-9_=-]{16,})`},
	{"a JSON Web Token", `\b(eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?)`},
	{"an Authorization header", `(?i)\b(?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token|digest|apikey)\s+)?([^\s"'` + "`" + `,;)]+)`},
	{"a bearer token", `(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{16,})`},
	{"user and password in a URL", `\b[a-zA-Z][a-zA-Z0-9+.-]*://([^\s/?#@"'` + "`" + `]+)@`},
	{"the value of a key that sounds like a secret", `(?i)(?:^|[^\pL\pN])(?:[\pL\pN]+[_.-])*(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|routing[_-]?key|client[_-]?secret|credentials?|signature|sig|x-amz-[a-z]+)["']?\s*(?:=|:\s?|=>)\s*["']?([^\s"'` + "`" + `&,;)|]{4,})`},
}

// secretKey is a key of JSON whose value is a secret, whatever it looks like.
var secretKey = regexp.MustCompile(`(?i)(?:^|[_.-])(?:password|passwd|secret|token|api_?key|access_?key|private_?key|routing_?key|credentials?|authorization)$`)

var (
	keyBegins = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----`)
	keyEnds   = regexp.MustCompile(`-----END [A-Z ]*PRIVATE KEY( BLOCK)?-----`)
	mail      = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)
	v4        = regexp.MustCompile(`(?:^|[^\d.])(\d{1,3}(?:\.\d{1,3}){3})(?:$|[^\d.]|\.(?:$|\D))`)
	v6        = regexp.MustCompile(`(?i)(?:^|[^0-9a-z:.])((?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4})(?:$|[^0-9a-z:])`)
)

// OnlySecrets is a redactor that leaves names and hosts alone: what leaves for a
// place that may know them takes no secret along all the same.
func (r Redaction) OnlySecrets() *Redactor {
	out := &Redactor{names: map[string]string{}, count: map[string]int{}}
	for _, s := range secrets {
		out.rules = append(out.rules, rule{"secret", s.why, regexp.MustCompile(s.pattern), fixed(gone)})
	}
	if len(r.Deny) > 0 {
		out.rules = append(out.rules, rule{"denied", "the configuration denies it", words(r.Deny), fixed(gone)})
	}
	if len(r.Allow) > 0 {
		var any []string
		for _, a := range r.Allow {
			any = append(any, globbed(a, `.*`))
		}
		out.allow = regexp.MustCompile(`(?i)^(?:` + strings.Join(any, "|") + `)$`)
	}
	return out
}

// Redactor is a redactor by r; a network that is none is an error.
func (r Redaction) Redactor() (*Redactor, error) {
	out := r.OnlySecrets()
	if err := out.nets(internalNets); err != nil {
		return nil, err
	}
	out.callings(r.Callings)
	out.rules = append(out.rules, rule{"mail", "an e-mail address", mail, numbered("mail")})
	hosts := slices.Clone(internalHosts)
	for _, h := range r.Hosts {
		if !strings.Contains(h, "/") {
			hosts = append(hosts, h)
		} else if err := out.nets([]string{h}); err != nil {
			return nil, err
		}
	}
	out.rules = append(out.rules,
		rule{"host", "the name of an internal host", hostPattern(hosts), numbered("host")},
		rule{"address", "an internal address", v4, (*Redactor).address},
		rule{"address", "an internal address", v6, (*Redactor).address})
	return out, nil
}

func (r *Redactor) nets(list []string) error {
	for _, n := range list {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return fmt.Errorf("%q is neither the name of a host nor a network such as 10.0.0.0/8", n)
		}
		r.inner = append(r.inner, p)
	}
	return nil
}

// callings are a rule for all people: the longest name first, so that "ana maria" is
// not called "the responder maria".
func (r *Redactor) callings(all []Calling) {
	as := map[string]string{}
	var names []string
	for _, c := range all {
		name := strings.ToLower(strings.TrimSpace(c.Name))
		if name == "" || as[name] != "" {
			continue
		}
		as[name] = c.As
		names = append(names, regexp.QuoteMeta(name))
		if e := escape(name); e != name {
			as[strings.ToLower(e)] = c.As
			names = append(names, regexp.QuoteMeta(e))
		}
	}
	if len(names) == 0 {
		return
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	p := regexp.MustCompile(`(?i)` + before + `@?(` + strings.Join(names, "|") + `)` + after)
	r.rules = append(r.rules, rule{"name", "the name of a person", p, func(_ *Redactor, found string) string { return as[strings.ToLower(found)] }})
}

func fixed(with string) func(*Redactor, string) string {
	return func(*Redactor, string) string { return with }
}

// numbered calls equal things by one name: host-1.
func numbered(kind string) func(*Redactor, string) string {
	return func(r *Redactor, found string) string { return r.called(kind, strings.ToLower(found)) }
}

func (r *Redactor) called(kind, what string) string {
	name, known := r.names[what]
	if !known {
		r.count[kind]++
		name = fmt.Sprintf("%s-%d", kind, r.count[kind])
		r.names[what] = name
	}
	return name
}

// address is an internal address by its number, and nothing for any other.
func (r *Redactor) address(found string) string {
	a, err := netip.ParseAddr(found)
	if err != nil || !slices.ContainsFunc(r.inner, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) }) {
		return ""
	}
	return r.called("address", a.String())
}

// globbed is a pattern of the configuration as a regular expression; star is what *
// stands for.
func globbed(pattern, star string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(pattern)), `\*`, star)
}

func words(list []string) *regexp.Regexp {
	var any []string
	for _, w := range list {
		if strings.TrimSpace(w) != "" {
			any = append(any, globbed(w, `[\pL\pN_.-]*`))
		}
	}
	return regexp.MustCompile(`(?i)` + before + `(` + strings.Join(any, "|") + `)` + after)
}

// hostPattern finds names of hosts. In one, "*." stands for any labels.
func hostPattern(list []string) *regexp.Regexp {
	var any []string
	for _, h := range list {
		any = append(any, globbed(h, `[a-z0-9_.-]+`))
	}
	slices.SortStableFunc(any, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return regexp.MustCompile(`(?i)(?:^|[^\pL\pN_.-])(` + strings.Join(any, "|") + `)(?:$|[^\pL\pN_.-]|\.(?:$|[^\pL\pN]))`)
}

// Text is text without what is not to leave, and what was replaced in it; its first
// line has the number first.
func (r *Redactor) Text(text string, first int) (string, []Cut) {
	if text == "" {
		return "", nil
	}
	var cuts []Cut
	lines := strings.Split(text, "\n")
	key := false
	out := lines[:0:0]
	for i, line := range lines {
		n := first + i
		switch {
		case key:
			if key = !keyEnds.MatchString(line); key {
				out = append(out, "") // the lines below keep their numbers
				continue
			}
			out = append(out, keyEnds.ReplaceAllString(line, ""))
			continue
		case keyBegins.MatchString(line) && !keyEnds.MatchString(line):
			key = true
			cuts = append(cuts, Cut{n, "secret", "-----BEGIN…", gone, "a private key"})
			out = append(out, keyBegins.ReplaceAllString(line, gone))
			continue
		}
		line, found := r.line(line, n)
		out, cuts = append(out, line), append(cuts, found...)
	}
	return strings.Join(out, "\n"), cuts
}

// line replaces what the rules find in one. Of what overlaps the earlier rule
// counts: a secret that looks like a host is a secret.
func (r *Redactor) line(line string, n int) (string, []Cut) {
	type hit struct {
		from, to int
		rule     rule
	}
	var hits []hit
	for _, ru := range r.rules {
		for at := 0; at < len(line); {
			m := ru.pattern.FindStringSubmatchIndex(line[at:])
			if m == nil {
				break
			}
			from, to := m[0], m[1]
			if len(m) > 2 && m[2] >= 0 {
				from, to = m[2], m[3]
			}
			from, to = from+at, to+at
			if at = to; to == from { // nothing was found, and nothing would be again
				at++
			}
			if !slices.ContainsFunc(hits, func(h hit) bool { return from < h.to && h.from < to }) && !r.allowed(line[from:to]) {
				hits = append(hits, hit{from, to, ru})
			}
		}
	}
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Compare(a.from, b.from) })
	var b strings.Builder
	var cuts []Cut
	done := 0
	for _, h := range hits {
		what := line[h.from:h.to]
		with := h.rule.with(r, what)
		if with == "" || what == with {
			continue
		}
		b.WriteString(line[done:h.from])
		b.WriteString(with)
		done = h.to
		cuts = append(cuts, Cut{n, h.rule.name, shown(h.rule.name, what), with, h.rule.why})
	}
	return b.String() + line[done:], cuts
}

func (r *Redactor) allowed(what string) bool { return r.allow != nil && r.allow.MatchString(what) }

// shown is what a preview says of something that goes: whoever reads the preview
// over somebody's shoulder is not to learn a secret.
func shown(rule, what string) string {
	if rule != "secret" {
		return what
	}
	n := utf8.RuneCountInString(what)
	keep := min(4, n/3)
	return fmt.Sprintf("%s… (%d characters)", string([]rune(what)[:keep]), n)
}

// Stored is s without what is not to leave, and what was replaced in the text that
// an export of it shows, by the lines of that.
func (r *Redactor) Stored(s Stored) (Stored, []Cut) {
	var cuts []Cut
	s.Title, cuts = r.Text(s.Title, 0)
	s.Sections = slices.Clone(s.Sections)
	line := 1
	for i := range s.Sections {
		k := &s.Sections[i]
		shown := k.Text()
		var found []Cut
		k.Generated, found = r.Text(k.Generated, line)
		if k.Edited() { // the draft behind a person's words goes too, in JSON, but nobody sees its lines
			k.Human, found = r.Text(k.Human, line)
		}
		k.Heading, _ = r.Text(k.Heading, line)
		by, _ := r.Text(string(k.EditedBy), line)
		k.EditedBy = person(by)
		if shown != "" {
			cuts = append(cuts, found...)
			line += strings.Count(shown, "\n") + 2
		}
	}
	author, _ := r.Text(string(s.Author), 0)
	via, _ := r.Text(s.Via, 0)
	s.Author, s.Via = person(author), via
	return s, cuts
}
